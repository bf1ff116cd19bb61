"""Publish a trained model as a folder for users: tuned thresholds in its config, a model card."""

import argparse
import json
from pathlib import Path

import pandas as pd

from smartbert.points import Tuned
from smartbert.provenance import of_model
from smartbert.results import Run
from smartbert.serve.publishing import CardFacts, publish
from smartbert.tasks import adopt_from
from workflow.scripts.common import run, same_weights


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="task.json")
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--points", type=Path, required=True, help="points.json of the method")
    parser.add_argument("--scores", type=Path, required=True, help="its scores.csv")
    parser.add_argument("--usage", type=Path, required=True, help="its usage.csv")
    parser.add_argument("--curve", type=Path, required=True, help="its curve.csv")
    parser.add_argument("--member", required=True, help="name of the training")
    parser.add_argument(
        "--read", type=Path, nargs="*", default=[], help="provenance of what was recorded for it"
    )
    parser.add_argument("--facts", type=json.loads, required=True, help="JSON for the card")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args(argv)
    adopt_from(args.data)
    tuned = Tuned.read(args.points)
    own = of_model(Run(args.run))  # refuses damaged weights
    same_weights(tuned, args.member, own, args.read)
    publish(
        args.run,
        args.out,
        tuned=tuned,
        scores=pd.read_csv(args.scores),
        usage=pd.read_csv(args.usage),
        curve=pd.read_csv(args.curve),
        member=args.member,
        facts=CardFacts.from_json(args.facts),
        caption=args.caption,
    )


if __name__ == "__main__":
    run(main)
