"""Compare the variants of a method on one task with the method itself: table and figures."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from smartbert.ablation import ablation_page, ablation_table
from smartbert.ablation_plots import ablation_figure, sensitivity_figure
from smartbert.comparison import GATES, Comparison, Quantity
from smartbert.evaluation import GATE_COLUMNS, gate_summary
from smartbert.files import write_text
from smartbert.methods import REFERENCE, SUBJECT
from smartbert.plots import save
from smartbert.points import DROP, FULL, GLOBAL
from smartbert.tasks import task
from workflow.scripts.common import run, write_csv, write_rows
from workflow.scripts.compare import load_runs


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--runs", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--methods", type=json.loads, required=True, help="JSON: members by method")
    parser.add_argument("--variants", nargs="+", required=True, help="methods to be shown")
    parser.add_argument("--weights", type=json.loads, required=True, help="JSON: lambda by method")
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `statistics`")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args(argv)
    wanted = [(method, number) for method in args.methods for number in args.seeds]
    runs = load_runs(args.runs, args.task, args.methods, wanted)
    draws, seed = args.settings["draws"], args.settings["seed"]
    subsets = [
        Comparison(runs, subset=name, draws=draws, seed=seed) for name, _ in task(args.task).test
    ]
    table = pd.concat(
        [ablation_table(c, SUBJECT, args.variants) for c in subsets], ignore_index=True
    )
    page = ablation_page(table, subject=subsets[0].title(SUBJECT), caption=args.caption)
    out, name = args.out, args.task
    write_csv(table, out / f"{name}.csv")
    write_text(out / f"{name}.md", page.markdown())
    write_text(out / f"{name}.tex", page.latex())
    for part, tables in {
        "points": [c.points() for c in subsets],
        "differences": [c.differences() for c in subsets],
        "draws": [c.cost_draws(DROP[0]) for c in subsets],
    }.items():
        write_csv(pd.concat(tables, ignore_index=True), out / name / f"{part}.csv")
    gates = [
        {**layer, "method": method}
        for method, own in runs.items()
        for run in own.values()
        for layer in gate_summary(next(iter(run.traces.values())))
    ]
    write_rows(gates, out / name / "gates.csv", columns=GATE_COLUMNS)
    first = table[table["subset"] == subsets[0].subset]
    save(ablation_figure(first, caption=args.caption), out / name)
    lambdas = sensitivity(subsets[0], args.weights)
    write_csv(lambdas, out / f"{name}-lambda.csv")
    save(sensitivity_figure(lambdas, caption=args.caption), out / f"{name}-lambda")


def sensitivity(comparison: Comparison, weights: dict[str, float]) -> pd.DataFrame:
    """Return a row per training of `weights`: task, seed, weight, skipped, score, dense."""
    dense = comparison.samples[Quantity(REFERENCE, GLOBAL, FULL, "score")]
    rows = []
    for method, weight in weights.items():
        scores = comparison.samples[Quantity(method, GLOBAL, GATES, "score")]
        for number, seed in enumerate(comparison.seeds):
            trace = next(iter(comparison.runs[method][seed].traces.values()))
            rows.append(
                {
                    **{"task": comparison.spec.name, "seed": seed, "weight": weight},
                    "skipped": np.mean([layer["skipped"] for layer in gate_summary(trace)]),
                    "score": scores.values[number],
                    "dense": dense.values[number],
                }
            )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    run(main)
