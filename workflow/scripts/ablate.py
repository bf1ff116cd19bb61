"""Compare the variants of a method on one task with the method itself: table and figures."""

import argparse
import json
from pathlib import Path

from smartbert.manifest import Manifest
from smartbert.report.writing import write_ablation
from smartbert.results import Results, listed
from smartbert.tasks import adopt_from
from workflow.scripts.common import manifest, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="task.json")
    parser.add_argument("--points", type=listed, required=True, help="list of points.json files")
    parser.add_argument("--trials", type=listed, required=True, help="list of their trials.csv")
    parser.add_argument("--traces", type=listed, required=True, help="list of tune, test traces")
    parser.add_argument("--variants", nargs="+", required=True, help="methods to be shown")
    parser.add_argument("--weights", type=json.loads, required=True, help="JSON: lambda by method")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `statistics`")
    parser.add_argument("--manifest", type=manifest, required=True, help="json file: its methods")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="results folder to write to")
    args = parser.parse_args(argv)
    known: Manifest = args.manifest
    write_ablation(
        adopt_from(args.data).spec,
        args.points,
        args.trials,
        args.traces,
        variants=args.variants,
        weights=args.weights,
        looks=known.looks,
        caption=args.caption,
        out=Results(args.out),
        **args.settings,
    )


if __name__ == "__main__":
    run(main)
