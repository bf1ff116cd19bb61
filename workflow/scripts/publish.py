"""Publish a trained model as a folder for users: tuned thresholds in its config, a model card."""

import argparse
import json
from pathlib import Path

import pandas as pd

from smartbert.files import read_json
from smartbert.provenance import of_model
from smartbert.publishing import publish
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--tuned", type=Path, required=True, help="folder with points.json")
    parser.add_argument("--member", required=True, help="name of the training")
    parser.add_argument("--record", type=json.loads, required=True, help="JSON for the card")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args(argv)
    of_model(args.run)  # refuses damaged weights
    publish(
        args.run,
        args.out,
        tuned=read_json(args.tuned / "points.json"),
        scores=pd.read_csv(args.tuned / "scores.csv"),
        usage=pd.read_csv(args.tuned / "usage.csv"),
        member=args.member,
        record=args.record,
        caption=args.caption,
    )


if __name__ == "__main__":
    run(main)
