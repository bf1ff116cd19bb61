"""Compile the scores of all runs into the tables."""

import argparse
from pathlib import Path

import pandas as pd

from smartbert.tables import glue_markdown, glue_table
from workflow.scripts.common import run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scores", type=Path, nargs="+", required=True, help="scores.csv of all runs"
    )
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, required=True)
    args = parser.parse_args(argv)
    table = glue_table([pd.read_csv(path, keep_default_na=True) for path in args.scores])
    write_csv(table, args.csv)
    args.markdown.write_text(glue_markdown(table, caption=args.caption))


if __name__ == "__main__":
    run(main)
