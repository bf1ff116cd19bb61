"""Measure the paper's claims from the comparison's tables."""

import argparse
from pathlib import Path

from smartbert.report.writing import Sources, write_claims
from smartbert.results import Results, listed
from workflow.scripts.common import manifest, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statistics", type=listed, required=True, help="list of comparisons")
    parser.add_argument("--ablations", type=listed, required=True, help="list of ablations' tables")
    parser.add_argument("--manifest", type=manifest, required=True, help="json file: its runs")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="results folder with the tables")
    args = parser.parse_args(argv)
    sources = Sources((), args.statistics, args.ablations)
    write_claims(sources, args.manifest, caption=args.caption, out=Results(args.out))


if __name__ == "__main__":
    run(main)
