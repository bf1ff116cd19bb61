"""Compare rules of choosing thresholds on tune by what they give on test. No model runs."""

import argparse
from pathlib import Path

from smartbert.report.writing import write_choosing
from smartbert.results import Results, listed
from workflow.scripts.common import manifest, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=listed, required=True, help="list of points.json files")
    parser.add_argument("--trials", type=listed, required=True, help="list of their trials.csv")
    parser.add_argument("--traces", type=listed, required=True, help="list of tune, test traces")
    parser.add_argument("--manifest", type=manifest, required=True, help="json file: its runs")
    parser.add_argument("--methods", nargs="+", required=True, help="methods whose choice it is")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="results folder to write to")
    args = parser.parse_args(argv)
    write_choosing(
        args.points, args.trials, args.traces, methods=args.methods, caption=args.caption,
        out=Results(args.out),
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
