"""Compare the learning rates of heads on tune, and say which is best. No model runs."""

import argparse
import json
from pathlib import Path

from smartbert.report.writing import write_rates
from smartbert.results import Results, listed
from smartbert.tasks import adopt_from
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=listed, required=True, help="list of tune traces")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the tasks' task.json")
    parser.add_argument(
        "--members", type=json.loads, required=True, help="JSON: rates by training, by entry"
    )
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="results folder to write to")
    args = parser.parse_args(argv)
    for path in args.data:
        adopt_from(path)
    write_rates(
        args.traces, members=args.members, caption=args.caption,
        out=Results(args.out),
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
