"""Compile the scores of all runs into the tables."""

import argparse
from pathlib import Path

import pandas as pd

from smartbert.tables import (
    exits_markdown,
    exits_table,
    gates_markdown,
    gates_table,
    glue_markdown,
    glue_table,
)
from workflow.scripts.common import run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="all scores.csv")
    parser.add_argument("--exits", type=Path, nargs="+", required=True, help="all exits.csv")
    parser.add_argument("--gates", type=Path, nargs="+", required=True, help="all gates.csv")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    args = parser.parse_args(argv)
    for name, files, compile_, read in (
        ("glue", args.scores, glue_table, glue_markdown),
        ("exits", args.exits, exits_table, exits_markdown),
        ("gates", args.gates, gates_table, gates_markdown),
    ):
        table = compile_([pd.read_csv(path) for path in files])
        write_csv(table, args.out / f"{name}.csv")
        (args.out / f"{name}.md").write_text(read(table, caption=args.caption))


if __name__ == "__main__":
    run(main)
