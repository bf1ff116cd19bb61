"""Compile the csv files of all runs and their comparison into the tables, with the manifest."""

import argparse
from pathlib import Path

from smartbert.report.writing import Sources, write_tables
from smartbert.results import Results, listed
from workflow.scripts.common import manifest, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=listed, required=True, help="list of the runs' tables")
    parser.add_argument("--statistics", type=listed, required=True, help="list of comparisons")
    parser.add_argument("--manifest", type=manifest, required=True, help="json file: its runs")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="results folder to write to")
    args = parser.parse_args(argv)
    sources = Sources(args.runs, args.statistics)
    results = Results(args.out)
    write_tables(sources, args.manifest, caption=args.caption, out=results)
    args.manifest.write(results.manifest)


if __name__ == "__main__":
    run(main)
