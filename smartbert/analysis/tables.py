"""Tables: tidy, one row per thing measured, as they are written to csv. No torch.

Everything is arithmetic on the csv files of runs (means over seeds) and on the statistics of their
comparison (intervals). The pages of `report` show them to people.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from smartbert.analysis.rows import Placed, each
from smartbert.manifest import REFERENCE, SUBJECT
from smartbert.metrics import columns
from smartbert.points import FIXED, GLOBAL, MAIN, PER_LAYER, SETTLED, SPACES, SWEEP
from smartbert.tasks import TASKS

INTERVALS = ["score_low", "score_high", "cost_low", "cost_high"]
BESIDE = {
    FIXED: "fixed exit",
    GLOBAL: "skip threshold too",
    PER_LAYER: "thresholds per layer",
}


def scored() -> list[str]:
    """Return the columns of scores: the score itself, and the metrics."""
    return ["score", *columns()]


def values() -> list[str]:
    """Return the columns that are means over seeds."""
    return [*scored(), "cost_relative", "cost_total", "layers"]


def main_columns() -> list[str]:
    """Return the columns that the main table and the sweep begin with."""
    return [
        *("task", "method", "point", *scored(), "cost_relative", "cost_total", "speedup"),
        *("layers", "seeds", "convention", "status", "subset", "title", "space"),
    ]


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

    Beside each score its optimism, the score on tune less that on test; beside the mean over
    examples of the ratio of costs (cost_relative) the ratio of their sums (cost_total).

    Args:
        scores: all runs' rows.
        points: the comparison's, which have the intervals and the reasons for empty cells.
        missing: runs that did not finish, with columns task, method, title, seeds, status.
    """
    convention = one_convention(scores)
    tuned = _with_values(scores[scores["space"] != SWEEP])
    keys = ["task", "method", "title", "space", "subset", "point"]
    tuned = tuned.assign(optimism=tuned["tune_score"] - tuned["score"])
    names = [*values(), "optimism"]
    means = tuned.groupby(keys, dropna=False, sort=False)[names].mean().reset_index()
    statistics = points[[*keys, *INTERVALS, "none", "seeds", "examples", "status"]]
    table = means.merge(statistics, on=keys, how="left")
    settled = points[points["point"] == SETTLED].rename(columns={"cost": "cost_relative"})
    table = pd.concat([table, settled.reindex(columns=table.columns)], ignore_index=True)
    table["speedup"] = 1 / table["cost_relative"]
    table["convention"] = convention
    if missing is not None and len(missing):
        table = pd.concat([table, missing.assign(convention=convention)], ignore_index=True)
    return by_task(table)[[*main_columns(), "optimism", *INTERVALS, "none", "examples"]]


def beside_main(table: pd.DataFrame, beside: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """Return the rows of the main space, and those of other spaces that stand beside them as
    methods of their own: fixed exits of every method that has any, and what `beside` names.

    Args:
        beside: by method, spaces.
    """
    parts = [table[table["space"] == MAIN]]
    for method in dict.fromkeys(table["method"]):
        own = table[table["method"] == method]
        for space in (FIXED, *beside.get(method, ())):
            rows = own[own["space"] == space]
            title = rows["title"] + f", {BESIDE[space]}"
            parts.append(rows.assign(method=f"{method}:{space}", title=title))
    return pd.concat(parts)


def sweep_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the published sweep: one row per task, method, setting and test subset."""
    convention = one_convention(scores)
    rows = _with_values(scores[scores["space"] == SWEEP])
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
    table = groups[values()].mean()
    table["seeds"] = groups["seed"].nunique()
    table["examples"] = groups["examples"].first()
    table = table.reset_index().assign(convention=convention, status="ok")
    table["speedup"] = 1 / table["cost_relative"]
    return by_task(table)[[*main_columns(), "skip_threshold", "exit_threshold", "examples"]]


def _with_values(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a column for every metric: where no run of a task has finished, none of
    them has the metrics that are measured on it alone.
    """
    return scores.assign(**{name: np.nan for name in columns() if name not in scores})


def exits_table(exits: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task, training, exit layer and test subset: means over seeds.

    Only trainings with exits are in it, and dense BERT for comparison.
    """
    own = ["task", "member", "seed"]
    several = exits.groupby(own)["layer"].transform("nunique") > 1
    rows = _with_values(exits[several | (exits["method"] == REFERENCE)])
    keys = ["task", "method", "member", "title", "subset", "layer"]
    groups = rows.groupby(keys, dropna=False, sort=False)
    table = groups[scored()].mean()
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


def best_methods(
    rows: pd.DataFrame, differences: pd.DataFrame, *, space: str, point: str, kind: str
) -> dict[tuple[str, str], set[str]]:
    """Return, by task and test subset, the best method and its ties by interval."""
    pairs = differences[
        (differences["space"] == space)
        & (differences["point"] == point)
        & (differences["kind"] == kind)
    ]
    pairs = pd.concat([pairs, turned(pairs)])
    value = "cost_relative" if kind == "cost" else "score"
    best = {}
    for _, own in rows.groupby(["task", "subset"], sort=False):
        position = own[value].idxmin() if kind == "cost" else own[value].idxmax()
        (first,) = each(own.loc[[position]], Placed)
        against = pairs[
            (pairs["first"] == first.method)
            & (pairs["task"] == first.task)
            & (pairs["subset"] == first.subset)
        ]
        tied = against[(against["low"] <= 0) & (against["high"] >= 0)]["second"]
        best[first.task, first.subset] = {first.method, *tied} & set(own["method"])
    return best


def trained_seeds(table: pd.DataFrame) -> pd.Series:
    """Return, for every row of the main table, how many seeds of its method were trained."""
    return table.groupby(["task", "method"])["seeds"].transform("max")


def ablation_gates(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the gates of comparison and ablations as means over seeds, each method once a task."""
    rows = concat(tables)
    rows = rows.assign(seeds=rows.get("seeds", pd.Series(dtype=float)))
    if "seed" in rows:
        counted = rows.groupby(["task", "method", "layer"])["seed"].transform("nunique")
        rows["seeds"] = rows["seeds"].fillna(counted)
    groups = rows.groupby(["task", "method", "layer"], sort=False)
    return groups.agg(undecided=("undecided", "mean"), seeds=("seeds", "max")).reset_index()
