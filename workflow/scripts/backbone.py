"""Write the pre-trained backbone to one plain folder. One of the three scripts that may use the
network.
"""

import argparse
from pathlib import Path

from workflow.scripts.common import quiet, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True, help="hub id, local folder or package:<module>")
    parser.add_argument(
        "--max-length", type=int, required=True, help="tokens of the longest example"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args(argv)
    quiet()

    from transformers.utils import logging

    from smartbert.data.backbones import fetch

    logging.disable_progress_bar()
    fetch(args.path, args.out, max_length=args.max_length)


if __name__ == "__main__":
    run(main)
