"""Ablation: what changes when one part of a method is left out or set otherwise, paired by seed and
example. Arithmetic on a comparison; no torch.
"""

import numpy as np
import pandas as pd

from smartbert.comparison import AUC, EXITS, GATES, Comparison, Quantity
from smartbert.evaluation import gate_summary
from smartbert.pages import BOOTSTRAP, Page, Section, column, number, some_seeds
from smartbert.points import DROP, GLOBAL, PER_LAYER
from smartbert.statistics import Sample, estimate

CHANGES = {  # column: point, kind, unit of the column per unit of the quantity
    "auc": (AUC, "score", 1.0),
    "b50": ("b50", "score", 1.0),
    "saving": (DROP[0], "cost", -100.0),  # what costs less saves more; points of dense BERT's cost
}
TITLES = {"auc": "auc", "b50": "score at b50", "saving": f"saving at {DROP[0]}"}
PER_LAYER_ROW = "thresholds per layer"


def ablation_table(comparison: Comparison, subject: str, variants: list[str]) -> pd.DataFrame:
    """Return a row for the subject itself, and one per variant with its paired changes.

    Columns: task, subset, method, title, then for auc, b50 (score) and saving (at drop1, points of
    dense BERT's cost) the change with _low, _high and _seeds (how many seeds have it), absolute
    for the subject; skipped and undecided (shares over layers, at the trained threshold), gates
    (score of skipping alone there), exits (mean score of the exits before the last), seeds.
    """
    own = {name: _sample(comparison, subject, GLOBAL, name) for name in CHANGES}
    rows = [_row(comparison, subject, comparison.title(subject), own, absolute=True)]
    if PER_LAYER in comparison.spaces(subject):
        layered = {name: _sample(comparison, subject, PER_LAYER, name) for name in CHANGES}
        rows.append(_row(comparison, subject, PER_LAYER_ROW, _minus(layered, own)))
    for method in variants:
        other = {name: _sample(comparison, method, GLOBAL, name) for name in CHANGES}
        title = comparison.title(method)
        rows.append(_row(comparison, method, title, _minus(other, own)))
    return pd.DataFrame(rows)


def _sample(comparison: Comparison, method: str, space: str, name: str) -> Sample | None:
    point, kind, _ = CHANGES[name]
    return comparison.samples.get(Quantity(method, space, point, kind))


def _minus(first: dict, second: dict) -> dict:
    return {
        name: None if first[name] is None or second[name] is None else first[name] - second[name]
        for name in first
    }


def _row(
    comparison: Comparison, method: str, title: str, samples: dict, *, absolute: bool = False
) -> dict:
    row = {"task": comparison.spec.name, "subset": comparison.subset, "method": method}
    row |= {"title": title, "seeds": len(comparison.runs[method])}
    for name, sample in samples.items():
        scale = CHANGES[name][2]
        values, row[f"{name}_seeds"] = [np.nan] * 3, 0
        if sample is not None:
            e = estimate(sample, comparison.resamples.seeds)
            row[f"{name}_seeds"] = e.seeds
            values = [e.value, *sorted((e.low, e.high), reverse=scale < 0)]
        # A saving is what a cost leaves of the whole; in a difference of two the whole cancels.
        offset = 100.0 if scale < 0 and absolute else 0.0
        for suffix, value in zip(("", "_low", "_high"), values, strict=True):
            row[f"{name}{suffix}"] = offset + scale * value
    runs = comparison.runs[method].values()
    gates = [layer for run in runs for layer in gate_summary(next(iter(run.traces.values())))]
    for name in ("skipped", "undecided"):
        row[name] = np.mean([layer[name] for layer in gates]) if gates else np.nan
    for name, point in (("gates", GATES), ("exits", EXITS)):
        quantity = Quantity(method, GLOBAL, point, "score")
        known = quantity in comparison.samples
        row[name] = comparison.estimate(quantity).value if known else np.nan
    return row


def ablation_page(table: pd.DataFrame, *, subject: str, caption: str) -> Page:
    """Return the table for reading, one section per test subset."""
    sections = []
    for subset, rows in table.groupby("subset", sort=False, dropna=False):
        frame = pd.DataFrame(
            {
                "variant": rows["title"],
                **{title: _cells(rows, name) for name, title in TITLES.items()},
                "skipped": [_share(value) for value in rows["skipped"]],
                "undecided gates": [_share(value) for value in rows["undecided"]],
                "gates alone": [number(value) for value in rows["gates"]],
                "mean exit": [number(value) for value in rows["exits"]],
                "seeds": [str(value) for value in rows["seeds"]],
            }
        )
        name = column(next(rows.itertuples())) if isinstance(subset, str) and subset else ""
        sections.append(Section(name, frame))
    task = column(next(table.assign(subset="").itertuples()))
    return Page(
        f"ablation-{table['task'].iloc[0]}",
        f"Ablation of {subject} on {task}",
        (
            caption,
            "The first row is the method itself; every other row is the change against it, paired:"
            " same seeds, same examples. Scores in points, saving in points of dense BERT's cost."
            " `skipped` and `undecided gates` (in 0.1 to 0.9) are shares over layers, `gates alone`"
            " the score of skipping without exits at the trained threshold, `mean exit` the mean"
            " score of the exits before the last layer at full depth. Empty: no such setting, or"
            " no gates or exits. Where not every seed has such a setting, a cell says how many do.",
            BOOTSTRAP,
        ),
        tuple(sections),
    )


def _cells(rows: pd.DataFrame, name: str) -> list[str]:
    """Return value and interval of every row, signed but for the first, which is no change, and
    the number of seeds where it is not all.
    """
    cells = []
    numbers = rows[[name, f"{name}_low", f"{name}_high"]].to_numpy(float)
    seeds = zip(rows[f"{name}_seeds"], rows["seeds"], strict=True)
    for position, (row, (known, of)) in enumerate(zip(numbers, seeds, strict=True)):
        value, low, high = (f"{v:{'+' if position else ''}.1f}" for v in row)
        text = f"{value} [{low}, {high}]{some_seeds(known, of)}"
        cells.append("" if np.isnan(row[0]) else text)
    return cells


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.0%}"
