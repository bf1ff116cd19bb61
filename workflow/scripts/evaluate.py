"""Score a method on test at the settings chosen on tune and at those of its publication; where its
examples exit, what its gates do. Replayed from traces; no model runs.
"""

import argparse
from pathlib import Path

import pandas as pd

from smartbert.evaluation import (
    Evaluation,
    exit_scores,
    gate_summary,
    published_sweep,
    sweep_scores,
)
from smartbert.files import read_json
from smartbert.trace import Trace
from workflow.scripts.common import run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=Path, required=True, help="points.json of the method")
    parser.add_argument("--traces", type=Path, nargs="+", required=True, help="its test traces")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args(argv)
    tuned = read_json(args.points)
    traces = {path.parent.parent.name: Trace.load(path) for path in args.traces}
    evaluation = Evaluation(traces, tuned)
    swept, exits, gates = [], [], []
    for name, trace in traces.items():
        label = tuned["members"][name]["label"]
        points = published_sweep(trace, label=label)
        swept.append(sweep_scores(trace, points, convention=tuned["convention"]))
        title = f"{tuned['title']} ({label})" if label else tuned["title"]
        exits.append(exit_scores(trace).assign(member=name, title=title))
        gates.append(gate_summary(trace).assign(member=name, title=title))
    same = {"method": tuned["method"]}
    tables = {
        "scores": pd.concat(
            [evaluation.scores(), pd.concat(swept).assign(**same, title=tuned["title"])]
        ),
        "curve": evaluation.curve(),
        "exits": pd.concat(exits).assign(**same),
        "gates": pd.concat(gates).assign(**same),
        "usage": evaluation.usage(),
        "lengths": evaluation.lengths(),
    }
    for name, table in tables.items():
        write_csv(table, args.out / f"{name}.csv")


if __name__ == "__main__":
    run(main)
