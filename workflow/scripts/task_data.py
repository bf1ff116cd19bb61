"""Write a task's fit, tune and test splits. One of the three scripts that may use the
network.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from smartbert.data.settings import DataSettings, test_splits
from smartbert.files import whole
from smartbert.results import SPLITS
from smartbert.tasks import SplitRecord, TaskData, TaskSpec
from workflow.scripts.common import quiet, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", type=json.loads, required=True, help="JSON of the task's record")
    parser.add_argument(
        "--settings", type=json.loads, required=True, help="JSON of the data settings"
    )
    parser.add_argument(
        "--tokenizer", type=Path, required=True, help="tokenizer.json of the backbone"
    )
    for name in SPLITS:
        parser.add_argument(f"--{name}", type=Path, required=True, help="parquet to write")
    parser.add_argument("--record", type=Path, required=True, help="json to write")
    args = parser.parse_args(argv)
    quiet()

    from tokenizers import Tokenizer

    from smartbert.data.preparation import prepare, split_record

    spec, settings = TaskSpec.from_json(args.task), DataSettings.from_json(args.settings)
    data = prepare(spec, settings, Tokenizer.from_file(str(args.tokenizer)))
    splits = {}
    for name in SPLITS:
        with whole(getattr(args, name)) as partial:
            data.frames[name].to_parquet(partial, index=False)
        splits[name] = split_record(
            data.frames[name], classes=len(spec.labels), truncated=data.truncated[name]
        )
    subsets = tuple(subset for subset, _ in test_splits(spec, settings))
    TaskData(spec.name, args.settings, splits, subsets, spec, data.dropped).write(args.record)
    counts = ", ".join(f"{name} {split.rows:,}" for name, split in splits.items())
    most = (
        f" (at most {settings.max_fit:,} to train on: `data.max_fit`)" if settings.max_fit else ""
    )
    print(f"{spec.title}: {counts} examples{most}")
    for line in lines_of_classes(spec, splits):
        print(line)
    told = [f"{count} {reason}" for reason, count in data.dropped.items() if count]
    if told:
        print(f"{spec.title}: left out of train: {', '.join(told)}")
    if cut := sum(data.truncated.values()):
        rows = sum(split.rows for split in splits.values())
        print(
            f"{spec.title}: {cut:,} of {rows:,} examples are longer than {settings.max_length}"
            " tokens and were cut there (`data.max_length`)"
        )


def lines_of_classes(spec: TaskSpec, splits: Mapping[str, SplitRecord]) -> list[str]:
    """Return a line for each split that lacks a class, which its scores then say nothing of."""
    lacking = {
        name: [spec.labels[number] for number, count in enumerate(split.labels) if not count]
        for name, split in splits.items()
    }
    return [
        f"{spec.title}: {name} has no example of {', '.join(names):.500}"
        for name, names in lacking.items()
        if names
    ]


if __name__ == "__main__":
    run(main)
