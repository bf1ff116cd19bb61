"""Ablation: what changes when one part of a method is left out or set otherwise, paired by seed and
example. Arithmetic on a comparison; no torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from smartbert.analysis.comparison import Comparison, Quantity
from smartbert.analysis.rows import Row
from smartbert.analysis.statistics import Sample, estimate
from smartbert.analysis.usage import gate_means
from smartbert.manifest import REFERENCE
from smartbert.points import AUC, DROP, EXITS, FULL, GATES, GLOBAL, HALF, MAIN, PER_LAYER


@dataclass(frozen=True)
class Change:
    """A column of the ablation.

    Attributes:
        title: how pages and figures call it.
        point, kind: the quantity that it is made of.
        scale: the column's unit per unit of that quantity; what costs less saves more.
        unit: what figures write at the axis.
    """

    title: str
    point: str
    kind: str
    scale: float = 1.0
    unit: str = "points"

    @property
    def saving(self) -> bool:
        """Whether it is what a cost leaves of the whole."""
        return self.scale < 0


CHANGES = {
    "auc": Change(AUC, AUC, "score"),
    HALF: Change(f"score at {HALF}", HALF, "score"),
    "saving": Change(f"saving at {DROP}", DROP, "cost", scale=-100.0, unit="points of cost"),
}
WIDER = {GLOBAL: "skip threshold searched too", PER_LAYER: "one exit threshold per layer, too"}


def ablation_table(comparison: Comparison, subject: str, variants: Sequence[str]) -> pd.DataFrame:
    """Return a row for the subject itself, and one per variant with its paired changes.

    Columns: task, subset, method, title, then for auc, b50 (score) and saving (at drop1, points of
    dense BERT's cost) the change with _low, _high, _seeds (how many seeds have it) and _none (share
    of draws without), absolute for the subject; skipped and undecided (shares over layers, at the
    trained threshold), gates (score of skipping alone there), exits (mean score of the exits before
    the last), seeds.
    """
    own = _samples(comparison, subject, MAIN)
    rows = [_row(comparison, subject, comparison.title(subject), own, absolute=True)]
    for space, title in WIDER.items():
        if space in comparison.spaces(subject):
            wider = _samples(comparison, subject, space)
            rows.append(_row(comparison, subject, title, _minus(wider, own)))
    for method in variants:
        other = _samples(comparison, method, MAIN)
        title = comparison.title(method)
        rows.append(_row(comparison, method, title, _minus(other, own)))
    return pd.DataFrame(rows)


def sensitivity(comparison: Comparison, weights: Mapping[str, float]) -> pd.DataFrame:
    """Return a row per training of `weights`: task, seed, weight, skipped, score, dense."""
    dense = comparison.samples[Quantity(REFERENCE, MAIN, FULL, "score")]
    rows = []
    for method, weight in weights.items():
        scores = comparison.samples[Quantity(method, MAIN, GATES, "score")]
        for number, seed in enumerate(comparison.seeds):
            if seed not in comparison.runs[method]:
                continue
            trace = comparison.runs[method][seed].first
            rows.append(
                {
                    **{"task": comparison.spec.name, "seed": seed, "weight": weight},
                    "skipped": np.mean(gate_means(trace)["skipped"]),
                    "score": scores.values[number],
                    "dense": dense.values[number],
                }
            )
    return pd.DataFrame(rows)


def _samples(comparison: Comparison, method: str, space: str) -> dict[str, Sample | None]:
    """Return a method's samples by column; None where it has no such quantity."""
    return {
        name: comparison.samples.get(Quantity(method, space, change.point, change.kind))
        for name, change in CHANGES.items()
    }


def _minus(
    first: Mapping[str, Sample | None], second: Mapping[str, Sample | None]
) -> dict[str, Sample | None]:
    found: dict[str, Sample | None] = {}
    for name in CHANGES:
        one, other = first[name], second[name]
        found[name] = None if one is None or other is None else one - other
    return found


def _row(
    comparison: Comparison,
    method: str,
    title: str,
    samples: Mapping[str, Sample | None],
    *,
    absolute: bool = False,
) -> Row:
    row: Row = {"task": comparison.spec.name, "subset": comparison.subset, "method": method}
    row |= {"title": title, "seeds": len(comparison.runs[method])}
    for name, sample in samples.items():
        change, seeds, none = CHANGES[name], 0, np.nan
        values = [np.nan] * 3
        if sample is not None:
            e = estimate(sample)
            seeds, none = e.seeds, e.none
            values = [e.value, *sorted((e.low, e.high), reverse=change.saving)]
        row[f"{name}_seeds"], row[f"{name}_none"] = seeds, none
        # A saving is what a cost leaves of the whole; in a difference of two the whole cancels.
        offset = 100.0 if change.saving and absolute else 0.0
        for suffix, value in zip(("", "_low", "_high"), values, strict=True):
            row[f"{name}{suffix}"] = offset + change.scale * value
    return row | _inside(comparison, method)


def _inside(comparison: Comparison, method: str) -> Row:
    """Return what a method's gates and exits do by themselves."""
    row: Row = {}
    means = [found for run in comparison.runs[method].values() if (found := gate_means(run.first))]
    for name in ("skipped", "undecided"):
        row[name] = np.mean(np.concatenate([m[name] for m in means])) if means else np.nan
    for name, point in (("gates", GATES), ("exits", EXITS)):
        quantity = Quantity(method, MAIN, point, "score")
        known = quantity in comparison.samples
        row[name] = comparison.estimate(quantity).value if known else np.nan
    return row
