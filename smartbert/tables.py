"""Tables: tidy, one row per thing measured, as they are written to csv. No torch.

Everything is arithmetic on the csv files of runs (means over seeds) and on the statistics of their
comparison (intervals). `pages` shows them to people.
"""

from collections.abc import Iterable

import pandas as pd

from smartbert.evaluation import PUBLISHED
from smartbert.methods import REFERENCE, SUBJECT
from smartbert.points import SPACES
from smartbert.tasks import TASKS

VALUES = ["score", "accuracy", "f1", "mcc", "cost_relative", "layers"]
COLUMNS = [
    *("task", "method", "point", "score", "accuracy", "f1", "mcc", "cost_relative", "speedup"),
    *("layers", "seeds", "convention", "status", "subset", "title", "space"),
]
INTERVALS = ["score_low", "score_high", "cost_low", "cost_high"]


def by_task(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in the order of the tasks, otherwise as they are."""
    order = {name: number for number, name in enumerate(TASKS)}
    return table.sort_values("task", key=lambda names: names.map(order), kind="stable")


def concat(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the tables below each other, by task; empty ones do not change column types."""
    tables = list(tables)
    rows = pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)
    rows = rows.assign(subset=rows["subset"].fillna("")) if "subset" in rows else rows
    return by_task(rows).reset_index(drop=True)


def one_convention(scores: pd.DataFrame) -> str:
    """Return the cost convention of all rows.

    Raises:
        ValueError: if there are several.
    """
    names = scores["convention"].dropna().unique()
    if len(names) != 1:
        raise ValueError(f"mixed cost conventions: {sorted(names)}")
    return names[0]


def glue_table(
    scores: pd.DataFrame, points: pd.DataFrame, missing: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return one row per task, method, operating point, space and test subset: means over seeds.

    Args:
        scores: all runs' rows.
        points: the comparison's, which have the intervals and the reasons for empty cells.
        missing: runs that did not finish, with columns task, method, title, seeds, status.
    """
    convention = one_convention(scores)
    tuned = scores[scores["space"] != PUBLISHED]
    keys = ["task", "method", "title", "space", "subset", "point"]
    means = tuned.groupby(keys, dropna=False, sort=False)[VALUES].mean().reset_index()
    statistics = points[[*keys, *INTERVALS, "seeds", "examples", "status"]]
    table = means.merge(statistics, on=keys, how="left")
    table["speedup"] = 1 / table["cost_relative"]
    table["convention"] = convention
    if missing is not None and len(missing):
        table = pd.concat([table, missing.assign(convention=convention)], ignore_index=True)
    return by_task(table)[[*COLUMNS, *INTERVALS, "examples"]]


def sweep_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the published sweep: one row per task, method, setting and test subset."""
    convention = one_convention(scores)
    rows = scores[scores["space"] == PUBLISHED]
    keys = [
        "task",
        "method",
        "title",
        "space",
        "point",
        "subset",
        "skip_threshold",
        "exit_threshold",
    ]
    groups = rows.groupby(keys, dropna=False, sort=False)
    table = groups[VALUES].mean()
    table["seeds"] = groups["seed"].nunique()
    table["examples"] = groups["examples"].first()
    table = table.reset_index().assign(convention=convention, status="ok")
    table["speedup"] = 1 / table["cost_relative"]
    return by_task(table)[[*COLUMNS, "skip_threshold", "exit_threshold", "examples"]]


def exits_table(exits: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task, training, exit layer and test subset: means over seeds.

    Only trainings with exits are in it, and dense BERT for comparison.
    """
    own = ["task", "member", "seed"]
    several = exits.groupby(own)["layer"].transform("nunique") > 1
    rows = exits[several | (exits["method"] == REFERENCE)]
    keys = ["task", "method", "member", "title", "subset", "layer"]
    groups = rows.groupby(keys, dropna=False, sort=False)
    table = groups[["score", "accuracy", "f1", "mcc"]].mean()
    table["seeds"] = groups["seed"].nunique()
    return by_task(table.reset_index())


def gates_table(gates: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task, training with gates, and layer: means over seeds."""
    groups = gates.groupby(["task", "method", "member", "title", "layer"], sort=False)
    table = groups[["skipped", "gate_mean", "gate_sd", "undecided"]].mean()
    table["seeds"] = groups["seed"].nunique()
    return by_task(table.reset_index())


def present_spaces(table: pd.DataFrame) -> list[str]:
    """Return the search spaces of a table, in their order."""
    return [space for space in SPACES if space in set(table["space"])]


def subject_differences(differences: pd.DataFrame) -> pd.DataFrame:
    """Return the differences subject minus other, whichever came first, with a column `other`."""
    first = differences[differences["first"] == SUBJECT].assign(other=lambda d: d["second"])
    second = differences[differences["second"] == SUBJECT].assign(other=lambda d: d["first"])
    return by_task(pd.concat([first, turned(second)]))


def turned(differences: pd.DataFrame) -> pd.DataFrame:
    """Return the same differences the other way round."""
    return differences.assign(
        first=differences["second"],
        second=differences["first"],
        difference=-differences["difference"],
        low=-differences["high"],
        high=-differences["low"],
        probability=1 - differences["probability"],
    )
