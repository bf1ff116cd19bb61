"""Score a run on test: full depth, the published sweep and each exit, replayed from the trace. No
model runs.
"""

import argparse
from pathlib import Path

from smartbert.evaluation import exit_scores, gate_summary, published_sweep, scores
from smartbert.trace import Trace
from workflow.scripts.common import run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trace", type=Path, required=True, help="trace of test")
    parser.add_argument("--convention", required=True, help="how cost is counted")
    parser.add_argument("--group", required=True, help="the method's name in tables")
    parser.add_argument(
        "--label", default="", help="tells this run's points from others of its group"
    )
    parser.add_argument("--title", help="the method's title in tables, if not its own")
    parser.add_argument("--scores", type=Path, required=True, help="csv to write: the sweep")
    parser.add_argument("--exits", type=Path, required=True, help="csv to write: each exit")
    parser.add_argument("--gates", type=Path, required=True, help="csv to write: each gate")
    args = parser.parse_args(argv)
    trace = Trace.load(args.trace)
    points = published_sweep(trace, label=args.label)
    for table, path in (
        (scores(trace, points, convention=args.convention), args.scores),
        (exit_scores(trace), args.exits),
        (gate_summary(trace), args.gates),
    ):
        table["method"] = args.group
        table["title"] = args.title or table["title"]
        write_csv(table, path)


if __name__ == "__main__":
    run(main)
