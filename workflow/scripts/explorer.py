"""Write the explorer page: budgets and thresholds to be moved, from tables and test traces."""

import argparse
from pathlib import Path

from smartbert.report.explorer import write_explorer
from smartbert.results import Results, listed
from workflow.scripts.common import manifest, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=listed, required=True, help="list of points.json files")
    parser.add_argument("--traces", type=listed, required=True, help="list of test traces")
    parser.add_argument("--manifest", type=manifest, required=True, help="json file: its runs")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--seed", type=int, required=True, help="of the sample of test examples")
    parser.add_argument("--out", type=Path, required=True, help="results folder with the tables")
    args = parser.parse_args(argv)
    write_explorer(
        args.points, args.traces, args.manifest, caption=args.caption, seed=args.seed,
        out=Results(args.out),
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
