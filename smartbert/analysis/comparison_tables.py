"""Comparison tables: what a comparison found, laid out row by row as it is written to csv."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pandas as pd

from smartbert.analysis.comparison import BAND_COSTS, Comparison, Quantity
from smartbert.analysis.evaluation import Evaluation
from smartbert.analysis.rows import Row
from smartbert.analysis.statistics import Estimate, Sample, estimate, possible_means
from smartbert.manifest import REFERENCE
from smartbert.points import (
    AUC,
    BUDGETS,
    EXITS,
    FIXED,
    FULL,
    GATES,
    MAIN,
    SETTLED,
    nearest,
    points_of,
)

HEAD = ["task", "method", "title", "space", "subset"]
PAIR = ["task", "subset", "space", "first", "second", "point", "kind"]
DIFFERENCE = ["difference", "low", "high", "probability", "error", "freedom", "seeds", "none"]


def points_table(comparison: Comparison) -> pd.DataFrame:
    """Return every operating point with intervals.

    Columns: task, method, title, space, subset, point, score, score_low, score_high, cost,
    cost_low, cost_high, seeds, none (share of draws that have no setting; an end that this leaves
    open is infinite), majority (score of tune's majority class), examples, status (the reasons,
    where a seed has none).
    """
    rows = [
        {
            **_head(comparison, method, space),
            "point": point,
            **_numbers(comparison, method, space, point),
            "majority": comparison.majority,
            "examples": len(comparison.labels),
            "status": _status(own, space, point),
        }
        for method, own in comparison.runs.items()
        for space in comparison.spaces(method)
        for point in (*points_of(space), *([SETTLED] if space == FIXED else []))
    ]
    return pd.DataFrame(rows)


def auc_table(comparison: Comparison) -> pd.DataFrame:
    """Return each method's mean score over the cost range, with intervals and how many trainings
    are behind its curve; dense BERT has one cost and so no such mean.
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
    """Return how many trainings are behind a method's curve."""
    return max(len(run.traces) for run in comparison.runs[method].values())


def bands_table(comparison: Comparison) -> pd.DataFrame:
    """Return the curves, read by straight lines, with intervals.

    Columns: task, method, title, space, subset, cost, score, low, high, seeds.
    """
    rows = []
    for (method, space), samples in comparison.bands.items():
        for cost, sample in zip(BAND_COSTS, samples, strict=True):
            row: Row = {**_head(comparison, method, space), "cost": cost}
            if sample.seeds == len(comparison.runs[method]):
                e = comparison.estimate_score(sample)
                row |= {"score": e.value, "low": e.low, "high": e.high, "seeds": e.seeds}
            rows.append(row)
    return pd.DataFrame(rows, columns=[*HEAD, "cost", "score", "low", "high", "seeds"])


def differences_table(comparison: Comparison) -> pd.DataFrame:
    """Return the paired difference of every two methods, first minus second.

    Columns: task, subset, space, first, second, point (an operating point, gates, auc or exits),
    kind (score or cost), difference, low, high, probability (that the first is larger), error,
    freedom, seeds, none (share of draws in which one has no setting). A method that was not tuned
    in a space stands there with the largest space within it that it has; dense BERT, within a
    budget, with its full depth. In the space `fixed` a
    method's tuned settings stand against its own fixed depths, `first` and `second` alike.
    """
    spaces = dict.fromkeys(s for method in comparison.runs for s in comparison.spaces(method))
    rows = [
        row
        for space in spaces
        if space != FIXED
        for first, second in combinations(comparison.runs, 2)
        for row in _pair(comparison, space, first, second)
    ]
    rows += [row for method in comparison.runs for row in _against_fixed(comparison, method)]
    return pd.DataFrame(rows, columns=PAIR + DIFFERENCE)


def cost_draws(comparison: Comparison, point: str, *, seed: int) -> pd.DataFrame:
    """Return the draws of each method's mean cost at a point, for medians over tasks.

    Columns: task, method, space, subset, value, seeds, d0, d1, ... (one per draw; empty without a
    setting).

    Args:
        seed: of the draws of what seeds add.
    """
    rows = []
    for q, sample in comparison.samples.items():
        if (q.point, q.kind) == (point, "cost"):
            drawn = possible_means(sample, seed=[seed, *comparison.spec.name.encode()])
            what = (comparison.spec.name, q.method, q.space, comparison.subset)
            value = float(np.nanmean(sample.values)) if sample.seeds else np.nan
            rows.append((*what, value, sample.seeds, *drawn))
    names = ["task", "method", "space", "subset", "value", "seeds"]
    draws = [f"d{i}" for i in range(len(comparison.weights))]
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
            found |= {"seeds": e.seeds, "none": e.none}
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
) -> Iterator[tuple[str | float, ...]]:
    """Yield the rows of two methods in one space."""
    kinds = [(point, kind) for point in (*points_of(space), GATES) for kind in ("score", "cost")]
    for point, kind in [*kinds, (AUC, "score"), (EXITS, "score")]:
        if point == AUC and REFERENCE in (first, second):
            continue
        one, other = (_in_space(comparison, m, space, point, kind) for m in (first, second))
        if one is not None and other is not None:
            e = estimate(one - other)
            if e.seeds:
                what = (comparison.spec.name, comparison.subset, space, first, second, point, kind)
                yield (*what, *_difference(e))


def _against_fixed(comparison: Comparison, method: str) -> Iterator[tuple[str | float, ...]]:
    """Yield the row of a method's tuned settings against its own fixed depths."""
    one, other = (
        comparison.samples.get(Quantity(method, space, AUC, "score")) for space in (MAIN, FIXED)
    )
    if one is not None and other is not None:
        what = (comparison.spec.name, comparison.subset, FIXED, method, method, AUC, "score")
        yield (*what, *_difference(estimate(one - other)))


def _difference(e: Estimate) -> tuple[float, ...]:
    known = {**asdict(e), "difference": e.value, "probability": e.above}
    return tuple(known[name] for name in DIFFERENCE)


def _in_space(
    comparison: Comparison, method: str, space: str, point: str, kind: str
) -> Sample | None:
    own = nearest(space, comparison.spaces(method))
    if own is None:
        return None
    # Within a budget a method stands against all of dense BERT, which has no cheaper setting.
    point = FULL if method == REFERENCE and point in BUDGETS and kind == "score" else point
    return comparison.samples.get(Quantity(method, own, point, kind))
