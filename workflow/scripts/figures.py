"""Draw score against cost, a figure per task and one for all, and the score of each exit."""

import argparse
from pathlib import Path

import pandas as pd

from smartbert.plots import all_tasks_figure, exits_figure, save, task_figure
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True, help="glue.csv")
    parser.add_argument("--exits", type=Path, required=True, help="exits.csv")
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--out", type=Path, required=True, help="folder of the figures")
    args = parser.parse_args(argv)
    table = pd.read_csv(args.table)
    for name in table["task"].unique():
        save(task_figure(table, name, caption=args.caption), args.out / name)
    save(all_tasks_figure(table, caption=args.caption), args.out / "glue")
    save(exits_figure(pd.read_csv(args.exits), caption=args.caption), args.out / "exits")


if __name__ == "__main__":
    run(main)
