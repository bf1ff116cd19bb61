"""Figures of an ablation: what each variant changes, and how lambda sets skipping and score."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smartbert.analysis.ablation import CHANGES
from smartbert.manifest import SKIPS, SUBJECT, Look
from smartbert.report.panels import finish, note, score_label, task_title
from smartbert.report.style import NARROW, PAGE, SMALL, style

BAR = 0.22  # inches a row


def ablation_figure(table: pd.DataFrame, *, looks: Mapping[str, Look], caption: str) -> Figure:
    """Return a row per variant and a panel per quantity: the change with its interval.

    Args:
        table: rows of `ablation_table` of one test subset, the method itself first.
        looks: how each method is drawn.
    """
    own, variants = table.iloc[0], table.iloc[1:]
    figure = Figure(figsize=(PAGE, 1.3 + BAR * max(len(variants), 1)), layout="constrained")
    axes = figure.subplots(1, len(CHANGES), sharey=True)
    partial = pd.DataFrame(
        {name: variants[f"{name}_seeds"].between(1, variants["seeds"] - 1) for name in CHANGES}
    )
    for panel, (name, change) in zip(axes, CHANGES.items(), strict=True):
        panel.axvline(0, color=style(SUBJECT, looks)["color"], linewidth=1)
        _draw_changes(panel, variants, name, partial[name].to_numpy())
        panel.set_xlabel(f"change, {change.unit}", fontsize=SMALL)
        absolute = "" if np.isnan(own[name]) else f" ({own[name]:.1f})"
        finish(panel, change.title + absolute)
        panel.tick_params(labelsize=SMALL)
    axes[0].set_yticks(_places(variants), variants["title"], fontsize=SMALL)
    axes[0].set_ylim(-0.7, len(variants) - 0.3)
    seeds = int(own["seeds"])
    over = "seeds and examples" if seeds > 1 else "examples of one seed"
    some = " Open marks: not every seed has such a setting." if partial.any(axis=None) else ""
    ends = variants[[f"{n}_{end}" for n in CHANGES for end in ("low", "high")]].to_numpy(float)
    some += " Arrows: open on that side." if np.isinf(ends).any() else ""
    some += " No mark: none has." if variants[list(CHANGES)].isna().any(axis=None) else ""
    note(
        figure,
        f"{task_title(own['task'])}: {own['title']} itself in brackets, each variant's change"
        f" against it with its paired 95 % interval over {over}.{some} {caption}".strip(),
    )
    return figure


def _places(variants: pd.DataFrame) -> np.ndarray:
    """Return the height of each variant's row, the first at the top."""
    return np.arange(len(variants))[::-1]


def _draw_changes(panel: Axes, variants: pd.DataFrame, name: str, fewer: np.ndarray) -> None:
    """Draw one quantity's changes; those of fewer seeds than the others have as open marks."""
    rows = _places(variants)
    value = variants[name].to_numpy(float)
    low, high = (variants[f"{name}_{end}"].to_numpy(float, copy=True) for end in ("low", "high"))
    # An open end runs to the edge of the panel, where an arrow says that it goes on.
    known = np.concatenate([end[np.isfinite(end)] for end in (low, high, value)])
    if len(known):
        room = 0.08 * (np.ptp(known) or 1.0)
        for end, edge, marker in ((low, known.min() - room, "<"), (high, known.max() + room, ">")):
            there = np.isinf(end)
            end[there] = edge
            panel.plot(end[there], rows[there], marker, color="0.35", markersize=4, linestyle="")
    panel.hlines(rows, low, high, color="0.35", linewidth=1.2)
    for part, fill in ((~fewer, "black"), (fewer, "white")):
        panel.plot(
            value[part],
            rows[part],
            "o",
            color="black",
            markerfacecolor=fill,
            markersize=3.5,
            markeredgewidth=0.8,
            zorder=3,
        )


def sensitivity_figure(table: pd.DataFrame, *, looks: Mapping[str, Look], caption: str) -> Figure:
    """Return lambda against the share of layers skipped and against the score of skipping alone.

    Args:
        table: task, seed, weight (lambda as the config states it), skipped, score (skipping alone
            at the trained threshold), dense (dense BERT's score); a row per training.
        looks: how each method is drawn.
    """
    figure = Figure(figsize=(NARROW[2], 2.5), layout="constrained")
    axes = figure.subplots(1, 2)
    means = table.groupby("weight")[["skipped", "score"]].mean()
    places = np.arange(len(means))
    spots = table["weight"].map(dict(zip(means.index, places, strict=True)))
    task = str(table["task"].iloc[0])
    for panel, name in zip(axes, ("skipped", "score"), strict=True):
        scale = 100 if name == "skipped" else 1
        panel.plot(places, scale * means[name], **style(SKIPS, looks), zorder=3)
        panel.plot(spots, scale * table[name], ".", color="0.45", markersize=4, zorder=2)
        panel.set_xticks(places, [f"{weight:g}" for weight in means.index], fontsize=SMALL)
        panel.set_xlabel("lambda, as the config states it", fontsize=SMALL)
        panel.tick_params(labelsize=SMALL)
        finish(panel, "")
    axes[0].set_ylabel("layers skipped, %", fontsize=SMALL)
    axes[0].set_ylim(bottom=-0.04 * max(1.0, 100 * table["skipped"].max()))
    axes[1].axhline(table["dense"].mean(), color="black", linewidth=0.8)
    axes[1].set_ylabel(score_label(task), fontsize=SMALL)
    note(
        figure,
        f"{task_title(task)}, skipping alone at the trained threshold. Dots: seeds; line: their"
        f" mean; level: dense BERT. {caption}".strip(),
    )
    return figure
