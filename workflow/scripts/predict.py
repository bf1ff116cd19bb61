"""Answer a hidden test split with a published model, as a file for GLUE's leaderboard."""

import argparse
from pathlib import Path

from smartbert.errors import UserError
from smartbert.files import write_text
from smartbert.leaderboard import Predicted, sheet, written
from smartbert.points import Tuned, TunedSetting, nearest
from smartbert.train.devices import take_one
from workflow.scripts.common import offline, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sheet", required=True, help="file of the leaderboard, such as MNLI-mm")
    parser.add_argument("--hidden", type=Path, required=True, help="its examples, parquet")
    parser.add_argument("--points", type=Path, required=True, help="points.json of the method")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="published folders")
    parser.add_argument("--space", required=True, help="where thresholds were searched")
    parser.add_argument("--point", required=True, help="operating point")
    parser.add_argument("--threads", type=int, required=True, help="of the CPU")
    parser.add_argument("--out", type=Path, required=True, help="file to write, without ending")
    args = parser.parse_args(argv)
    one, tuned = sheet(args.sheet), Tuned.read(args.points)
    space = nearest(args.space, tuned.spaces) or args.space
    setting = chosen(tuned, space, args.point)
    take_one()
    offline()

    import pandas as pd
    import torch

    from smartbert.serve.classifier import Classifier
    from smartbert.serve.submitting import answered

    torch.set_num_threads(args.threads)
    folders = {folder.parent.name: folder for folder in args.models}  # <training>/seed<n>
    classifier = Classifier(folders[setting.member], policy=setting.policy)
    answers = answered(classifier, one, pd.read_parquet(args.hidden))
    write_text(args.out.with_suffix(".tsv"), written(answers.answers))
    Predicted(
        sheet=one.name,
        title=tuned.title,
        seed=tuned.seed,
        space=space,
        point=args.point,
        member=setting.member,
        cost=answers.cost,
        truncated=answers.truncated,
    ).write(args.out.with_suffix(".json"))
    found = len(answers.answers)
    print(f"{one.name}: {found:,} answers at {answers.cost:.0%} of dense BERT's FLOPs")


def chosen(tuned: Tuned, space: str, point: str) -> TunedSetting:
    """Return the setting of an operating point.

    Raises:
        UserError: if tune has none, saying why.
    """
    found = tuned.spaces[space]
    if point not in found.points:
        known = ", ".join(found.points)
        raise UserError(
            f"{tuned.title} on {tuned.task}, seed {tuned.seed}, has no {point!r} in space"
            f" {space!r}: {found.missing.get(point, 'it was not tuned for it')}; known: {known};"
            f" set `submission.point`, as {{default: {point}, {tuned.task}: ...}}"
        )
    return found.points[point]


if __name__ == "__main__":
    run(main)
