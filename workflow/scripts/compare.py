"""Compare all methods of a task on test: means over seeds with intervals, curves, differences."""

import argparse
import json
from pathlib import Path

from smartbert.report.writing import write_statistics
from smartbert.results import listed
from smartbert.tasks import adopt_from
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="task.json")
    parser.add_argument("--points", type=listed, required=True, help="list of points.json files")
    parser.add_argument("--trials", type=listed, required=True, help="list of their trials.csv")
    parser.add_argument("--traces", type=listed, required=True, help="list of tune, test traces")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `statistics`")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args(argv)
    spec = adopt_from(args.data).spec
    write_statistics(spec, args.points, args.trials, args.traces, out=args.out, **args.settings)


if __name__ == "__main__":
    run(main)
