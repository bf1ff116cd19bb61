"""Score a method on test at the settings chosen on tune and at those of its publication; where its
examples exit, what its gates do. Replayed from traces; no model runs.
"""

import argparse
from pathlib import Path

from smartbert.analysis.evaluation import Evaluation
from smartbert.analysis.sweep import published_sweep, sweep_scores
from smartbert.analysis.usage import GATE_COLUMNS, exit_scores, gate_summary, lengths, usage
from smartbert.files import write_rows
from smartbert.points import Tuned
from smartbert.results import Run
from smartbert.tasks import adopt_from
from smartbert.trace.trace import Trace
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="task.json")
    parser.add_argument("--points", type=Path, required=True, help="points.json of the method")
    parser.add_argument("--traces", type=Path, nargs="+", required=True, help="its test traces")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args(argv)
    adopt_from(args.data)
    tuned = Tuned.read(args.points)
    traces = {trace.meta.method: trace for trace in map(Trace.load, args.traces)}
    evaluation = Evaluation(traces, tuned)
    scores, exits, gates = evaluation.scores(), [], []
    for name, trace in traces.items():
        label = tuned.members[name].label
        points = published_sweep(trace, label=label)
        swept = sweep_scores(trace, points, convention=tuned.convention)
        same = {"method": tuned.method}
        scores += [{**row, **same, "title": tuned.title} for row in swept]
        same["title"] = f"{tuned.title} ({label})" if label else tuned.title
        exits += [{**row, **same, "member": name} for row in exit_scores(trace)]
        gates += [{**row, **same, "member": name} for row in gate_summary(trace)]
    tables = {
        "scores": scores,
        "curve": evaluation.curve(),
        "exits": exits,
        "usage": usage(evaluation),
        "lengths": lengths(evaluation),
    }
    out = Run(args.out)
    for name, rows in tables.items():
        write_rows(rows, out.table(name))
    write_rows(gates, out.table("gates"), columns=(*GATE_COLUMNS, "member"))


if __name__ == "__main__":
    run(main)
