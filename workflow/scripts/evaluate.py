"""Score a method on test at the settings chosen on tune and at those of its publication; where its
examples exit, what its gates do. Replayed from traces; no model runs.
"""

import argparse
from pathlib import Path

from smartbert.evaluation import (
    GATE_COLUMNS,
    Evaluation,
    exit_scores,
    gate_summary,
    published_sweep,
    sweep_scores,
)
from smartbert.files import read_json
from smartbert.trace import Trace
from workflow.scripts.common import run, write_rows


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
    scores, exits, gates = evaluation.scores(), [], []
    for name, trace in traces.items():
        label = tuned["members"][name]["label"]
        points = published_sweep(trace, label=label)
        swept = sweep_scores(trace, points, convention=tuned["convention"])
        same = {"method": tuned["method"]}
        scores += [{**row, **same, "title": tuned["title"]} for row in swept]
        same["title"] = f"{tuned['title']} ({label})" if label else tuned["title"]
        exits += [{**row, **same, "member": name} for row in exit_scores(trace)]
        gates += [{**row, **same, "member": name} for row in gate_summary(trace)]
    tables = {
        "scores": scores,
        "curve": evaluation.curve(),
        "exits": exits,
        "usage": evaluation.usage(),
        "lengths": evaluation.lengths(),
    }
    for name, rows in tables.items():
        write_rows(rows, args.out / f"{name}.csv")
    write_rows(gates, args.out / "gates.csv", columns=(*GATE_COLUMNS, "member"))


if __name__ == "__main__":
    run(main)
