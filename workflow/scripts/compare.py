"""Compare all methods of a task on test: means over seeds with intervals, curves, differences."""

import argparse
import json
from itertools import pairwise
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
    parser.add_argument(
        "--ancestors", type=json.loads, help="with --partial: JSON, as `finished` takes it"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args(argv)
    wanted = [(method, seed) for method in args.methods for seed in args.seeds]
    if args.partial:
        wanted = [
            (method, seed)
            for method, seed in wanted
            if finished(args.runs / args.task, method, args.methods[method], seed, args.ancestors)
        ]
    runs = load_runs(args.runs, args.task, args.methods, wanted)
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
    folder: Path, name: str, methods: dict[str, list[str]], wanted: list[tuple[str, int]]
) -> dict[str, dict[int, Evaluation]]:
    """Return the evaluations of a task by method and seed.

    Args:
        folder: of all runs.
        methods: names of each method's trainings.
        wanted: methods with seeds.

    Raises:
        UserError: if none is wanted, or one is not there.
    """
    if not wanted:
        raise UserError(f"{name}: no run has finished, there is nothing to compare")
    runs: dict[str, dict[int, Evaluation]] = {}
    for method, seed in wanted:
        traces = {
            member: Trace.load(folder / name / member / f"seed{seed}" / "trace-test.safetensors")
            for member in methods[method]
        }
        tuned = read_json(folder / name / method / f"seed{seed}" / "points.json")
        runs.setdefault(method, {})[seed] = Evaluation(traces, tuned)
    return runs


def finished(
    folder: Path,
    method: str,
    members: list[str],
    seed: int,
    ancestors: dict[str, list[str]] | None,
) -> bool:
    """Return whether a run is there as a whole: nothing of it is missing, nor older than what it is
    made from. A failed job loses its own files; what came of their predecessors stays behind.

    Args:
        folder: of a task's runs.
        members: names of the method's trainings.
        ancestors: by training, those that it goes on from, the nearest first; None if the traces
            were not made here.
    """

    def of(name: str, file: str) -> Path:
        return folder / name / f"seed{seed}" / file

    steps = [
        [of(name, f"trace-{split}.safetensors") for name in members for split in ("tune", "test")],
        [of(method, "points.json")],
        [of(method, "lengths.csv")],
    ]
    lines = [[]]  # of trainings, each after the one that it goes on from
    if ancestors is not None:
        lines = [[*reversed(ancestors[member]), member] for member in members]
    return all(_in_order([*([of(n, "provenance.json")] for n in line), *steps]) for line in lines)


def _in_order(steps: list[list[Path]]) -> bool:
    """Return whether all files are there, and none is older than one of the step before it."""
    if not all(path.exists() for step in steps for path in step):
        return False
    times = [[path.stat().st_mtime_ns for path in step] for step in steps]
    return all(max(one) <= min(two) for one, two in pairwise(times))


if __name__ == "__main__":
    run(main)
