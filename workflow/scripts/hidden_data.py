"""Write a hidden test split for GLUE's leaderboard. One of the three scripts that may use the
network.
"""

import argparse
from pathlib import Path

from smartbert.files import whole
from smartbert.leaderboard import sheet
from workflow.scripts.common import quiet, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sheet", required=True, help="file of the leaderboard, such as MNLI-mm")
    parser.add_argument("--path", required=True, help="the config's data.path")
    parser.add_argument("--out", type=Path, required=True, help="parquet to write")
    args = parser.parse_args(argv)
    quiet()

    from smartbert.data.hidden import load_hidden

    frame = load_hidden(sheet(args.sheet), args.path)
    with whole(args.out) as partial:
        frame.to_parquet(partial, index=False)


if __name__ == "__main__":
    run(main)
