"""Choose a method's thresholds on its tune traces with Optuna. Reads nothing of test; no model
runs.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from smartbert.errors import UserError
from smartbert.files import read_json, write_text
from smartbert.provenance import sha256
from smartbert.trace import Trace
from smartbert.tuning import tune_method
from workflow.scripts.common import run, write_rows


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--method", required=True, help="the method's name in tables")
    parser.add_argument("--seed", type=int, required=True, help="of the trainings")
    parser.add_argument("--run", required=True, help="the run's name, part of a study's name")
    parser.add_argument("--members", nargs="+", required=True, help="names of its trainings")
    parser.add_argument("--labels", nargs="+", required=True, help="what tells them apart")
    parser.add_argument("--traces", type=Path, nargs="+", required=True, help="their tune traces")
    parser.add_argument("--dense", type=Path, required=True, help="dense BERT's tune trace")
    parser.add_argument("--title", help="the method's title in tables, if not its own")
    parser.add_argument("--data", type=Path, required=True, help="task.json")
    parser.add_argument("--convention", required=True, help="how cost is counted")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `tuning`")
    parser.add_argument("--code", default="", help="digest of the code, part of a study's name")
    parser.add_argument("--points", type=Path, required=True, help="json to write")
    parser.add_argument("--trials", type=Path, required=True, help="csv to write")
    args = parser.parse_args(argv)

    data = read_json(args.data)["splits"]["tune"]["sha256"]
    traces = {
        name: checked(path, args, name, data)
        for name, path in zip(args.members, args.traces, strict=True)
    }
    first = next(iter(traces.values()))
    settings = args.settings
    spaces, trials = tune_method(
        traces,
        convention=args.convention,
        spaces=settings["spaces"],
        trials=settings["trials"],
        sampler=settings["sampler"],
        seed=settings["seed"],
        dense=checked(args.dense, args, args.dense.parent.parent.name, data),
        storage=settings["storage"],
        study=f"{args.run}/{args.task}/{args.method}/seed{args.seed}/{identity(args)}",
    )
    head = {"task": args.task, "method": args.method, "title": args.title or first.meta["title"]}
    record = {
        **head,
        "seed": args.seed,
        "convention": args.convention,
        "criterion": first.meta["criterion"],
        "majority": int(np.bincount(first.labels).argmax()),
        "settings": {key: value for key, value in settings.items() if key != "storage"},
        "members": {
            name: {
                **{key: trace.meta[key] for key in ("task", "seed", "model", "data")},
                "label": label,
            }
            for (name, trace), label in zip(traces.items(), args.labels, strict=True)
        },
        "spaces": spaces,
    }
    write_rows([{**head, "seed": args.seed, **trial} for trial in trials], args.trials)
    write_text(args.points, json.dumps(record, indent=1, allow_nan=False) + "\n")


def identity(args: argparse.Namespace) -> str:
    """Return what tells a kept study from one of other traces, cost, search or code, short. Only
    the number of trials may differ: a study that had fewer is continued.
    """
    same = {key: args.settings[key] for key in ("sampler", "seed")}
    parts = [args.convention, json.dumps(same), args.code]
    parts += [sha256(path) for path in args.traces]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def checked(path: Path, args: argparse.Namespace, name: str, data: str) -> Trace:
    """Return a tune trace.

    Raises:
        UserError: if it is of another task, seed, split or data than the names around it say.
    """
    trace = Trace.load(path)
    wanted = {"task": args.task, "method": name, "seed": args.seed, "split": "tune", "data": data}
    for key, value in wanted.items():
        if trace.meta.get(key) != value:
            raise UserError(
                f"trace {path} has {key} {trace.meta.get(key)!r}, wanted is {value!r}; delete it"
                " and run again to record it anew"
            )
    return trace


if __name__ == "__main__":
    run(main)
