"""Draw score against cost, exits, layer usage, cost by length and the search, from the tables."""

import argparse
from pathlib import Path

from smartbert.report.writing import Sources, write_figures
from smartbert.results import Results, listed
from workflow.scripts.common import manifest, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=listed, required=True, help="list of what was tried")
    parser.add_argument("--manifest", type=manifest, required=True, help="json file: its runs")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--cores", type=int, default=1, help="figures drawn at a time")
    parser.add_argument("--out", type=Path, required=True, help="results folder with the tables")
    args = parser.parse_args(argv)
    write_figures(
        Sources(args.trials, ()), args.manifest, caption=args.caption, out=Results(args.out),
        cores=args.cores,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
