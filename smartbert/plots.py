"""All figures: score against cost, the exits, where examples exit and skip, cost by length, the
search.

Each function takes a table with the columns of the csv file of its name and returns a figure;
further columns do no harm. A method without rows is not drawn.
"""

import textwrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap

from smartbert.cost import CONVENTIONS
from smartbert.curves import all_tasks_figure, task_figure
from smartbert.methods import REFERENCE
from smartbert.panels import (
    PAGE,
    SMALL,
    SPACES,
    STYLES,
    finish,
    legend,
    luminance,
    main_subset,
    note,
    of_space,
    panels,
    save,
    score_label,
    sheet,
    style,
    task_title,
    titles_of,
)
from smartbert.points import DENSE
from smartbert.tasks import TASKS

__all__ = [
    "STYLES",
    "all_tasks_figure",
    "exits_figure",
    "latency_figure",
    "lengths_figure",
    "save",
    "style",
    "task_figure",
    "trials_figure",
    "usage_by_class_figure",
    "usage_figure",
]

POINTS = {
    "full": "nothing skipped, no exits",
    "b75": "at most 75 % of dense BERT's cost",
    "b50": "at most 50 % of dense BERT's cost",
    "b33": "at most 33 % of dense BERT's cost",
    "drop1": "least cost within 1 point of dense BERT",
}

# Both grow darker without a turn, so that a grey copy keeps the order. The trials' leaves out the
# palest end, which would be lost on white.
SHARES = matplotlib.colormaps["Blues"]
ORDER = ListedColormap(matplotlib.colormaps["viridis_r"](np.linspace(0.1, 1, 256)))


def exits_figure(table: pd.DataFrame, *, caption: str) -> plt.Figure:
    """Return a panel per task: the score of every exit at full depth, dense BERT as a level.

    Args:
        table: task, method, title, subset, layer (from 1), score (points): the exits table.
    """

    def draw(axes, name: str) -> None:
        rows = main_subset(table[table["task"] == name], name)
        for method, title in titles_of(rows).items():
            own = rows[rows["method"] == method].sort_values("layer")
            look = {**style(method, table), "linewidth": 1, "markersize": 3, "label": title}
            if method == REFERENCE:
                look |= {"linestyle": "", "markersize": 8, "zorder": 6}
                axes.axhline(own["score"].iloc[-1], color=look["color"], linewidth=0.6, alpha=0.5)
            axes.plot(own["layer"], own["score"], **look)
        deepest = int(rows["layer"].max()) if len(rows) else 1
        step = -(-deepest // 4)
        axes.set_xticks(range(step, deepest + 1, step))
        finish(axes, task_title(name))

    return panels(table, draw, xlabel="exit layer", ylabel=score_label, caption=caption)


def usage_figure(
    usage: pd.DataFrame, method: str, *, space: str, point: str, caption: str
) -> plt.Figure:
    """Return heat maps over tasks and layers: where a method's examples exit, and which they skip.

    Args:
        usage: task, method, title, seed, space, point, label, layer (from 1), exit, skipped (shares
            of all examples, from 0 to 1).
        space: "global" or "per_layer"; a method that has only the former is shown so.
    """
    rows = of_space(usage[usage["method"] == method], space)
    rows = rows[(rows["point"] == point) & (rows["label"] == "all")]
    names = {name: spec.title for name, spec in TASKS.items()}
    caption = f"{caption} Shares of the test examples, means over seeds. {SPACES[space]}"
    return heat_figure(rows, "task", names, heading=heading(rows, point), caption=caption)


def usage_by_class_figure(
    usage: pd.DataFrame, name: str, method: str, *, space: str, point: str, caption: str
) -> plt.Figure:
    """Return the heat maps of one task over its classes, all examples first; see `usage_figure`.

    Shares of a class are of its own examples.
    """
    rows = of_space(usage[(usage["method"] == method) & (usage["task"] == name)], space)
    rows = rows[rows["point"] == point]
    names = {label: label.replace("_", " ") for label in ("all", *TASKS[name].labels)}
    title = f"{TASKS[name].title}: {heading(rows, point)}"
    caption = f"{caption} Shares of each class's test examples, means over seeds. {SPACES[space]}"
    return heat_figure(rows, "label", names, heading=title, caption=caption)


def heading(rows: pd.DataFrame, point: str) -> str:
    """Return what rows of one method at one operating point are called."""
    return ", ".join([*titles_of(rows).values(), POINTS[point]])


def heat_figure(
    rows: pd.DataFrame, by: str, names: dict[str, str], *, heading: str, caption: str
) -> plt.Figure:
    """Return two heat maps, exits over skips, of means over seeds, in one scale of colour.

    Args:
        rows: the columns `by`, layer, exit, skipped.
        names: what to call the values of `by`, in the order of the maps' rows from above.
    """
    means = rows.groupby([by, "layer"])[["exit", "skipped"]].mean()
    shown = {name: text for name, text in names.items() if name in set(rows[by])}
    size = (np.clip(1.6 + 0.46 * rows["layer"].nunique(), 4, PAGE), 1.5 + 0.4 * len(shown))
    figure, grid = plt.subplots(2, 1, figsize=size, layout="constrained", sharex=True)
    parts = {"exit": "answered at this layer", "skipped": "reached this layer and skipped it"}
    for axes, (column, text) in zip(grid, parts.items(), strict=True):
        axes.set_title(text, fontsize=SMALL + 1)
        axes.set_visible(len(means) > 0)
        if len(means):
            top = 10 * max(1, np.ceil(10 * means.max(axis=None)))  # a round number of percent
            shares = means[column].unstack("layer").reindex(shown)
            image = draw_shares(axes, shares, list(shown.values()), top=top)
    grid[-1].set_xlabel("layer", fontsize=SMALL)
    if len(means):
        bar = figure.colorbar(image, ax=grid, pad=0.02, aspect=30)
        bar.set_label("% of examples", fontsize=SMALL)
        bar.ax.tick_params(labelsize=SMALL)
    figure.suptitle(heading, fontsize=SMALL + 2)
    note(figure, caption)
    return figure


def draw_shares(axes, shares: pd.DataFrame, labels: list[str], *, top: float):
    """Draw a heat map of shares with the percentages in its cells; return the image.

    Args:
        shares: a row per label, a column per layer, from 0 to 1; NaN is left blank.
        top: percent that has the darkest colour.
    """
    values = 100 * shares.to_numpy(dtype=float)
    image = axes.imshow(values, cmap=SHARES, vmin=0, vmax=top, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = luminance(SHARES(image.norm(value))[:3]) < 0.5
            look = {"ha": "center", "va": "center", "color": "white" if dark else "black"}
            axes.text(column, row, f"{value:.0f}", fontsize=SMALL, **look)
    axes.set_xticks(range(values.shape[1]), shares.columns)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0, labelsize=SMALL)
    axes.spines[:].set_visible(False)
    return image


def lengths_figure(
    lengths: pd.DataFrame, *, point: str, space: str, convention: str, caption: str
) -> plt.Figure:
    """Return a panel per task: absolute cost of an example against its tokens, on test.

    Args:
        lengths: task, method, title, seed, space, point, low, high (tokens of a bin), length (mean
            tokens of the bin's examples), flops, dense (mean cost of the method and of dense BERT,
            in the convention's unit).
        space: "global" or "per_layer"; methods that have only the former appear in both.
    """
    scale, prefix = (1e9, "G") if lengths["dense"].max() >= 1e9 else (1e6, "M")
    if CONVENTIONS[convention].layers_only:
        scale, prefix = 1, ""
    label = f"{prefix}{CONVENTIONS[convention].unit} per example"

    def draw(axes, name: str) -> None:
        task = lengths[lengths["task"] == name]
        reference = task.assign(method=REFERENCE, flops=task["dense"])
        dense = titles_of(lengths).get(REFERENCE, "dense BERT")
        own = of_space(task, space)
        own = own[(own["point"] == point) & (own["method"] != REFERENCE)]
        for method, title in ({REFERENCE: dense} | titles_of(own)).items():
            rows = reference if method == REFERENCE else own[own["method"] == method]
            bins = rows.groupby(["low", "high"])[["length", "flops"]].mean()
            size = 5 if method == REFERENCE else 3
            look = {**style(method, lengths), "linewidth": 1, "markersize": size, "label": title}
            axes.plot(bins["length"], bins["flops"] / scale, **look)
        axes.set_ylim(bottom=0)
        finish(axes, TASKS[name].title)

    caption = (
        f"{caption} Test examples in bins of their length, means over seeds, {POINTS[point]}."
        f" {SPACES[space]}"
    )
    return panels(lengths, draw, xlabel="tokens", ylabel=lambda name: label, caption=caption)


def trials_figure(trials: pd.DataFrame, name: str, *, caption: str) -> plt.Figure:
    """Return one task's search: a panel per method and search space, on tune.

    Every trial is a dot, the paler the earlier; the front of each seed is a step line.

    Args:
        trials: task, method, title, seed, space, number, score (points), cost_relative (share of
            dense BERT's), front.
    """
    rows = trials[trials["task"] == name]
    titles, searched = titles_of(rows), rows.groupby("method")["space"].nunique()
    # Methods searched in both spaces come first: their two panels then share a row.
    methods = sorted(titles, key=lambda method: -searched[method])
    pairs = rows[["method", "space"]].drop_duplicates()
    shown = [(m, space) for m in methods for space in sorted(pairs[pairs["method"] == m]["space"])]
    figure, grid, lowest = sheet(len(shown), sharex=True, sharey=True)
    for axes, (method, space) in zip(grid, shown, strict=True):
        own = rows[(rows["method"] == method) & (rows["space"] == space)]
        dots = draw_trials(axes, own, style(method, trials), last=rows["number"].max())
        text = titles[method] + (f", {space.replace('_', ' ')}" if searched[method] > 1 else "")
        finish(axes, textwrap.fill(text, 26))
    for axes in lowest:
        axes.set_xlabel("cost relative to dense BERT", fontsize=SMALL)
    for axes in grid:
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel(score_label(name), fontsize=SMALL)
    if grid:
        bar = figure.colorbar(dots, ax=figure.axes, pad=0.02, aspect=30)
        bar.set_label("trial", fontsize=SMALL)
        bar.ax.tick_params(labelsize=SMALL)
    figure.suptitle(f"{TASKS[name].title}, tune split", fontsize=SMALL + 2)
    note(figure, f"{caption} Dots: trials, darker ones later. Lines: each seed's front.")
    return figure


def draw_trials(axes, trials: pd.DataFrame, look: dict, *, last: int):
    """Draw one search, dots coloured up to number `last`, fronts as steps; return the dots."""
    trials = trials.sort_values("number", kind="stable")  # later trials lie over earlier ones
    x, y = trials["cost_relative"], trials["score"]
    scale = {"c": trials["number"], "cmap": ORDER, "vmin": 0, "vmax": max(last, 1)}
    dots = axes.scatter(x, y, s=6, linewidths=0, zorder=2, **scale)
    # Thin enough to leave its own dots visible, over the crowd that would hide it.
    line = {"color": look["color"], "linewidth": 0.8, "where": "post", "zorder": 3}
    for _, front in trials[trials["front"].astype(bool)].groupby("seed"):
        front = front.sort_values("cost_relative")
        axes.step(front["cost_relative"], front["score"], **line)
    return dots


def latency_figure(table: pd.DataFrame, *, caption: str) -> plt.Figure:
    """Return a panel per batch size: time against FLOPs, both relative to dense BERT's.

    A mark is one operating point of a method on a task, its bar the quartiles over rounds.

    Args:
        table: task, method, title, point, batch_size, time_relative, time_low, time_high,
            cost_relative, device, threads, dtype.
    """
    sizes = sorted(table["batch_size"].unique())
    figure, grid, lowest = sheet(len(sizes), sharex=True, sharey=True)
    rows = table[table["point"] != DENSE]
    top = 1.05 * max(1.0, rows["cost_relative"].max(), rows["time_high"].max())
    entries = {}
    for axes, size in zip(grid, sizes, strict=True):
        axes.plot([0, top], [0, top], color="0.6", linewidth=0.8, zorder=1)
        for method, title in titles_of(rows).items():
            own = rows[(rows["method"] == method) & (rows["batch_size"] == size)]
            look = {**style(method, table), "linestyle": "", "markersize": 4, "zorder": 3}
            spread = np.abs(own[["time_low", "time_high"]].T - own["time_relative"]).to_numpy()
            x, y = own["cost_relative"], own["time_relative"]
            entries[title] = axes.errorbar(x, y, yerr=spread, elinewidth=0.6, **look)
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_aspect("equal")
        finish(axes, f"batch size {size}")
    for axes in lowest:
        axes.set_xlabel("FLOPs relative to dense BERT", fontsize=SMALL)
    if grid:
        grid[0].set_ylabel("time relative to dense BERT", fontsize=SMALL)
    legend(figure, entries)
    machine = table.iloc[0]
    note(
        figure,
        f"{caption} {machine['device']}, {machine['threads']} threads, {machine['dtype']}. Dense"
        " BERT in the same engine and batches, in turns. Bars: quartiles over rounds. Diagonal:"
        " every FLOP saved is time saved.",
    )
    return figure
