"""Choose a method's thresholds on its tune traces with Optuna. Reads nothing of test; no model
runs.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from smartbert.errors import UserError
from smartbert.files import write_rows
from smartbert.manifest import REFERENCE
from smartbert.points import Tuned, TunedMember, TuningSettings
from smartbert.provenance import sha256
from smartbert.tasks import TaskData, adopt_from
from smartbert.trace.trace import Trace
from smartbert.tune.study import tune_method
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
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
    data, settings = adopt_from(args.data), settings_of(args.settings)
    traces = {
        name: checked(path, data, name, args.seed)
        for name, path in zip(args.members, args.traces, strict=True)
    }
    first = next(iter(traces.values()))
    spaces, trials = tune_method(
        traces,
        convention=args.convention,
        spaces=settings.spaces,
        trials=settings.trials,
        sampler=settings.sampler,
        seed=settings.seed,
        dense=checked(args.dense, data, REFERENCE, args.seed),
        storage=args.settings["storage"],
        study=f"{args.run}/{data.task}/{args.method}/seed{args.seed}/{identity(args, settings)}",
    )
    tuned = Tuned(
        task=data.task,
        method=args.method,
        title=args.title or first.meta.title,
        seed=args.seed,
        convention=args.convention,
        criterion=first.meta.criterion,
        majority=int(np.bincount(first.labels).argmax()),
        settings=settings,
        members={
            name: TunedMember(data.task, args.seed, trace.meta.model, trace.meta.data, label)
            for (name, trace), label in zip(traces.items(), args.labels, strict=True)
        },
        spaces=spaces,
    )
    head = {"task": tuned.task, "method": tuned.method, "title": tuned.title, "seed": tuned.seed}
    write_rows([{**head, **trial} for trial in trials], args.trials)
    tuned.write(args.points, indent=1)


def settings_of(values: object) -> TuningSettings:
    """Return the settings of a search.

    Raises:
        UserError: saying what is wrong with them.
    """
    try:
        return TuningSettings.from_json(values)
    except ValueError as error:
        raise UserError(f"--settings: {error}; set by `tuning` in the config") from None


def identity(args: argparse.Namespace, settings: TuningSettings) -> str:
    """Return what tells a kept study from one of other traces, cost, search or code, short. Only
    the number of trials may differ: a study that had fewer is continued.
    """
    same = {"sampler": settings.sampler, "seed": settings.seed}
    parts = [args.convention, json.dumps(same), args.code]
    parts += [sha256(path) for path in args.traces]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def checked(path: Path, data: TaskData, name: str, seed: int) -> Trace:
    """Return a tune trace.

    Raises:
        UserError: if it is of another task, seed, split or data than the names around it say.
    """
    trace = Trace.load(path)
    wanted = {
        **{"task": data.task, "method": name, "seed": seed, "split": "tune"},
        "data": data.splits["tune"].sha256,
    }
    for key, value in wanted.items():
        if (found := getattr(trace.meta, key)) != value:
            raise UserError(
                f"trace {path} has {key} {found!r}, wanted is {value!r}; delete it and run again to"
                " record it anew"
            )
    return trace


if __name__ == "__main__":
    run(main)
