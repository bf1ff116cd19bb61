"""Pack the files for GLUE's leaderboard, checked, and say beside them what each is."""

import argparse
from pathlib import Path

from smartbert.files import write_text
from smartbert.leaderboard import Predicted, note, pack
from smartbert.serve.publishing import meanings
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=Path, nargs="+", required=True, help="that were predicted")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--zip", type=Path, required=True, help="zip to write")
    parser.add_argument("--note", type=Path, required=True, help="page to write")
    args = parser.parse_args(argv)
    predicted = [Predicted.read(path.with_suffix(".json")) for path in args.files]
    texts = {path.stem: path.read_text() for path in args.files}
    pack(texts, args.zip)
    write_text(args.note, note(predicted, meanings(), args.caption))


if __name__ == "__main__":
    run(main)
