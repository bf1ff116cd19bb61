"""Compare all methods of a task on test: means over seeds with intervals, curves, differences."""

import argparse
import json
from pathlib import Path

import pandas as pd

from smartbert.comparison import Comparison
from smartbert.errors import UserError
from smartbert.evaluation import Evaluation
from smartbert.files import read_json
from smartbert.points import DROP
from smartbert.tasks import task
from smartbert.trace import Trace
from workflow.scripts.common import run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--runs", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--methods", type=json.loads, required=True, help="JSON: members by method")
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `statistics`")
    parser.add_argument("--partial", action="store_true", help="leave out runs that are not there")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args(argv)
    runs = load_runs(args.runs, args.task, args.methods, args.seeds, partial=args.partial)
    subsets = [
        Comparison(runs, subset=name, draws=args.settings["draws"], seed=args.settings["seed"])
        for name, _ in task(args.task).test
    ]
    tables = {
        "points": [c.points() for c in subsets],
        "auc": [c.auc() for c in subsets],
        "bands": [c.bands_table() for c in subsets],
        "differences": [c.differences() for c in subsets],
        "draws": [c.cost_draws(DROP[0]) for c in subsets],
    }
    for name, parts in tables.items():
        write_csv(pd.concat(parts, ignore_index=True), args.out / f"{name}.csv")


def load_runs(
    folder: Path, name: str, methods: dict[str, list[str]], seeds: list[int], *, partial: bool
) -> dict[str, dict[int, Evaluation]]:
    """Return the evaluations of a task by method and seed.

    Args:
        folder: of all runs.
        methods: names of each method's trainings.
        partial: leave out runs that are not there.

    Raises:
        UserError: if none is there.
    """
    runs: dict[str, dict[int, Evaluation]] = {}
    for method, members in methods.items():
        for seed in seeds:
            points, traces = files(folder / name, method, members, seed)
            if partial and not all(path.exists() for path in (points, *traces.values())):
                continue
            loaded = {member: Trace.load(path) for member, path in traces.items()}
            evaluation = Evaluation(loaded, read_json(points))
            runs.setdefault(method, {})[seed] = evaluation
    if not runs:
        raise UserError(f"{name}: no run has finished, there is nothing to compare")
    return runs


def files(folder: Path, method: str, members: list[str], seed: int) -> tuple[Path, dict[str, Path]]:
    """Return where a method's tuned points and its members' test traces are."""
    own = folder / method / f"seed{seed}" / "points.json"
    traces = {m: folder / m / f"seed{seed}" / "trace-test.safetensors" for m in members}
    return own, traces


if __name__ == "__main__":
    run(main)
