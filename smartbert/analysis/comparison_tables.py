"""Comparison tables: what a comparison found, laid out row by row as it is written to csv."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from smartbert.analysis.comparison import BAND_BUDGETS, Comparison, Quantity
from smartbert.analysis.evaluation import Evaluation
from smartbert.analysis.rows import Row
from smartbert.analysis.statistics import Sample, estimate, over_seeds
from smartbert.manifest import REFERENCE
from smartbert.points import AUC, EXITS, GATES, GLOBAL, POINTS

HEAD = ["task", "method", "title", "space", "subset"]


def points_table(comparison: Comparison) -> pd.DataFrame:
    """Return every operating point with intervals.

    Columns: task, method, title, space, subset, point, score, score_low, score_high, cost,
    cost_low, cost_high, seeds, examples, status (the reasons, where a seed has none).
    """
    rows = [
        {
            **_head(comparison, method, space),
            "point": point,
            **_numbers(comparison, method, space, point),
            "examples": len(comparison.labels),
            "status": _status(own, space, point),
        }
        for method, own in comparison.runs.items()
        for space in comparison.spaces(method)
        for point in POINTS
    ]
    return pd.DataFrame(rows)


def auc_table(comparison: Comparison) -> pd.DataFrame:
    """Return each method's mean score over the cost range, with intervals and the score of the
    majority class; dense BERT has one cost and so no such mean.
    """
    rows = []
    for method in comparison.runs:
        if method == REFERENCE:
            continue
        for space in comparison.spaces(method):
            e = comparison.estimate(Quantity(method, space, AUC, "score"))
            row: Row = {AUC: e.value, "low": e.low, "high": e.high, "seeds": e.seeds}
            row["trainings"] = members(comparison, method)
            rows.append({**_head(comparison, method, space), **row})
    return pd.DataFrame(rows, columns=[*HEAD, AUC, "low", "high", "seeds", "trainings"])


def members(comparison: Comparison, method: str) -> int:
    """Return how many trainings are behind a method's front."""
    return max(len(run.traces) for run in comparison.runs[method].values())


def bands_table(comparison: Comparison) -> pd.DataFrame:
    """Return the step functions with intervals.

    Columns: task, method, title, space, subset, budget, score, low, high, seeds; no numbers below
    the budget from which on every seed has a setting.
    """
    rows = []
    for (method, space), samples in comparison.bands.items():
        for budget, sample in zip(BAND_BUDGETS, samples, strict=True):
            row: Row = {**_head(comparison, method, space), "budget": budget}
            if sample.seeds == len(comparison.runs[method]):
                e = estimate(sample, comparison.resamples.seeds)
                row |= {"score": e.value, "low": e.low, "high": e.high, "seeds": e.seeds}
            rows.append(row)
    return pd.DataFrame(rows, columns=[*HEAD, "budget", "score", "low", "high", "seeds"])


def differences_table(comparison: Comparison) -> pd.DataFrame:
    """Return the paired difference of every two methods, first minus second.

    Columns: task, subset, space, first, second, point (an operating point, gates, auc or exits),
    kind (score or cost), difference, low, high, probability (that the first is larger), seeds. A
    method that was not tuned in a space stands there with its global settings.
    """
    spaces = dict.fromkeys(s for method in comparison.runs for s in comparison.spaces(method))
    rows = [
        row
        for space in spaces
        for first, second in combinations(comparison.runs, 2)
        for row in _pair(comparison, space, first, second)
    ]
    names = ["task", "subset", "space", "first", "second", "point", "kind"]
    values = ["difference", "low", "high", "probability", "seeds"]
    return pd.DataFrame(rows, columns=names + values)


def cost_draws(comparison: Comparison, point: str) -> pd.DataFrame:
    """Return the draws of each method's mean cost at a point, for medians over tasks.

    Columns: task, method, space, subset, value, seeds, d0, d1, ... (one per draw).
    """
    rows = []
    for q, sample in comparison.samples.items():
        if (q.point, q.kind) == (point, "cost"):
            drawn = over_seeds(sample, comparison.resamples.seeds)
            what = (comparison.spec.name, q.method, q.space, comparison.subset)
            rows.append((*what, float(np.nanmean(sample.values)), sample.seeds, *drawn))
    names = ["task", "method", "space", "subset", "value", "seeds"]
    draws = [f"d{i}" for i in range(len(comparison.resamples.examples))]
    return pd.DataFrame(rows, columns=names + draws)


def _head(comparison: Comparison, method: str, space: str) -> dict[str, str]:
    title, subset = comparison.title(method), comparison.subset
    return dict(zip(HEAD, (comparison.spec.name, method, title, space, subset), strict=True))


def _numbers(comparison: Comparison, method: str, space: str, point: str) -> dict[str, float]:
    """Return score and cost at a point with intervals, and how many seeds have it."""
    found: dict[str, float] = {}
    for kind in ("score", "cost"):
        quantity = Quantity(method, space, point, kind)
        if quantity in comparison.samples:
            e = comparison.estimate(quantity)
            found |= {kind: e.value, f"{kind}_low": e.low, f"{kind}_high": e.high}
            found["seeds"] = e.seeds
    return found or {"seeds": 0}


def _status(own: Mapping[int, Evaluation], space: str, point: str) -> str:
    """Return "ok", or why seeds have no setting at a point."""
    reasons = {
        seed: run.tuned.spaces[space].missing.get(point)
        for seed, run in own.items()
        if space in run.tuned.spaces
    }
    missing = {seed: reason for seed, reason in reasons.items() if reason}
    if not missing:
        return "ok"
    if len(missing) == len(reasons):
        return next(iter(missing.values()))
    return "; ".join(f"seed {seed}: {reason}" for seed, reason in missing.items())


def _pair(
    comparison: Comparison, space: str, first: str, second: str
) -> list[tuple[str | float, ...]]:
    """Return the rows of two methods in one space."""
    kinds = [(point, kind) for point in (*POINTS, GATES) for kind in ("score", "cost")]
    rows: list[tuple[str | float, ...]] = []
    for point, kind in [*kinds, (AUC, "score"), (EXITS, "score")]:
        if point == AUC and REFERENCE in (first, second):
            continue
        one = _in_space(comparison, first, space, point, kind)
        other = _in_space(comparison, second, space, point, kind)
        if one is None or other is None:
            continue
        e = estimate(one - other, comparison.resamples.seeds)
        if e.seeds:
            what = (comparison.spec.name, comparison.subset, space, first, second, point, kind)
            rows.append((*what, e.value, e.low, e.high, e.above, e.seeds))
    return rows


def _in_space(
    comparison: Comparison, method: str, space: str, point: str, kind: str
) -> Sample | None:
    own = space if space in comparison.spaces(method) else GLOBAL
    return comparison.samples.get(Quantity(method, own, point, kind))
