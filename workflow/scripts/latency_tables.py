"""Compile the timings of all runs: a table, a page, and time saved against FLOPs saved."""

import argparse
from pathlib import Path

from smartbert.report.writing import write_latency
from smartbert.results import listed
from workflow.scripts.common import manifest, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=listed, required=True, help="list of latency.csv files")
    parser.add_argument("--manifest", type=manifest, required=True, help="json file: its methods")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="path to write, without suffix")
    args = parser.parse_args(argv)
    write_latency(args.runs, looks=args.manifest.looks, caption=args.caption, out=args.out)


if __name__ == "__main__":
    run(main)
