"""Figures of an ablation: what each variant changes, and how lambda sets skipping and score."""

import numpy as np
import pandas as pd

from smartbert.ablation import TITLES
from smartbert.panels import NARROW, PAGE, SMALL, finish, note, plt, score_label, style, task_title

BAR = 0.22  # inches a row
MARK = {"markersize": 3.5, "markeredgewidth": 0.8, "zorder": 3}


def ablation_figure(table: pd.DataFrame, *, caption: str) -> plt.Figure:
    """Return a row per variant and a panel per quantity: the change with its interval.

    Args:
        table: rows of `ablation_table` of one test subset, the method itself first.
    """
    own, variants = table.iloc[0], table.iloc[1:]
    height = 1.3 + BAR * max(len(variants), 1)
    figure, axes = plt.subplots(
        1, len(TITLES), figsize=(PAGE, height), sharey=True, layout="constrained"
    )
    rows = np.arange(len(variants))[::-1]
    partial = pd.DataFrame(
        {name: variants[f"{name}_seeds"].between(1, variants["seeds"] - 1) for name in TITLES}
    )
    for panel, (name, title) in zip(axes, TITLES.items(), strict=True):
        value = variants[name].to_numpy(float)
        low, high = (variants[f"{name}_{end}"].to_numpy(float) for end in ("low", "high"))
        panel.axvline(0, color=style("smartbert", table)["color"], linewidth=1)
        panel.hlines(rows, low, high, color="0.35", linewidth=1.2)
        fewer = partial[name].to_numpy()
        for part, fill in ((~fewer, "black"), (fewer, "white")):
            panel.plot(value[part], rows[part], "o", color="black", markerfacecolor=fill, **MARK)
        unit = "points of cost" if name == "saving" else "points"
        panel.set_xlabel(f"change, {unit}", fontsize=SMALL)
        absolute = "" if np.isnan(own[name]) else f" ({own[name]:.1f})"
        finish(panel, title + absolute)
        panel.tick_params(labelsize=SMALL)
    axes[0].set_yticks(rows, variants["title"], fontsize=SMALL)
    axes[0].set_ylim(-0.7, len(variants) - 0.3)
    task = task_title(own["task"])
    seeds = int(own["seeds"])
    over = "seeds and examples" if seeds > 1 else "examples of one seed"
    some = " Open marks: not every seed has such a setting." if partial.any(axis=None) else ""
    some += " No mark: none has." if variants[list(TITLES)].isna().any(axis=None) else ""
    note(
        figure,
        f"{task}: {own['title']} itself in brackets, each variant's change against it with its"
        f" paired 95 % interval over {over}.{some} {caption}".strip(),
    )
    return figure


def sensitivity_figure(table: pd.DataFrame, *, caption: str) -> plt.Figure:
    """Return lambda against the share of layers skipped and against the score of skipping alone.

    Args:
        table: task, seed, weight (lambda as the config states it), skipped, score (skipping alone
            at the trained threshold), dense (dense BERT's score); a row per training.
    """
    figure, axes = plt.subplots(1, 2, figsize=(NARROW[2], 2.5), layout="constrained")
    look = style("skip_only", pd.DataFrame({"method": ["skip_only"]}))
    means = table.groupby("weight")[["skipped", "score"]].mean()
    places = np.arange(len(means))
    position = dict(zip(means.index, places, strict=True))
    task = table["task"].iloc[0]
    for panel, name in zip(axes, ("skipped", "score"), strict=True):
        scale = 100 if name == "skipped" else 1
        panel.plot(places, scale * means[name], **look, zorder=3)
        spots = table["weight"].map(position)
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
