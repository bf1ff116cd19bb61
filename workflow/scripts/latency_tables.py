"""Compile the timings of all runs: a table, a page, and time saved against FLOPs saved."""

import argparse
from pathlib import Path

import pandas as pd

from smartbert.files import write_text
from smartbert.pages import latency_page
from smartbert.plots import latency_figure, save
from workflow.scripts.common import run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="latency.csv files")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="path to write, without suffix")
    args = parser.parse_args(argv)
    table = pd.concat([pd.read_csv(path) for path in args.runs], ignore_index=True)
    write_csv(table, args.out.with_suffix(".csv"))
    write_text(args.out.with_suffix(".md"), latency_page(table, caption=args.caption).markdown())
    save(latency_figure(table, caption=args.caption), args.out)


if __name__ == "__main__":
    run(main)
