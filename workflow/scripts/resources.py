"""Print what each rule of a run took, from the workflow's own measurements: the largest job of its
kind.

    python -m workflow.scripts.resources --results results/quick
"""

import argparse
from pathlib import Path

import pandas as pd

from smartbert.errors import UserError
from smartbert.results import Results
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, nargs="+", required=True, help="folders of runs")
    args = parser.parse_args(argv)
    print(by_rule(args.results).to_markdown(index=False))


def by_rule(runs: list[Path]) -> pd.DataFrame:
    """Return a row per rule: jobs, the most memory of one (GB), the most that one wrote (MB), and
    the longest one (s).

    Args:
        runs: folders of runs; their jobs are taken together.

    Raises:
        UserError: if one has no measurements.
    """
    jobs = []
    for folder in runs:
        measured = Results(folder).benchmarks
        files = sorted(measured.rglob("*.tsv"))
        if not files:
            raise UserError(f"{measured} holds no measurements; set by --results")
        for file in files:
            rule = file.relative_to(measured).parts[0].removesuffix(".tsv")
            jobs.append(pd.read_csv(file, sep="\t", na_values="-").assign(rule=f"`{rule}`"))
    rules = pd.concat(jobs).groupby("rule", sort=False)
    table = pd.DataFrame(
        {
            "jobs": rules.size(),
            "memory, GB": (rules["max_rss"].max() / 1000).round(1),
            "written, MB": rules["io_out"].max().round(),
            "longest, s": rules["s"].max().round(),
        }
    )
    return table.reset_index()


if __name__ == "__main__":
    run(main)
