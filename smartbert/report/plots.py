"""Figures of exits, of cost by length, and of time against FLOPs.

Each function takes a table with the columns of the csv file of its name and returns a figure;
further columns do no harm. A method without rows is not drawn.
"""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from smartbert.cost import CONVENTIONS
from smartbert.manifest import REFERENCE, Look, complete_looks
from smartbert.points import DENSE, OPERATING_POINTS, SPACE_RECORDS
from smartbert.report.page import averaged
from smartbert.report.panels import (
    Entry,
    finish,
    legend,
    main_subset,
    note,
    of_space,
    panels,
    score_label,
    sheet,
    task_title,
    titles_of,
)
from smartbert.report.style import SMALL, Style, style
from smartbert.tasks import TASKS


def exits_figure(table: pd.DataFrame, *, looks: Mapping[str, Look], caption: str) -> Figure:
    """Return a panel per task: the score of every exit at full depth, dense BERT as a level.

    Args:
        table: task, method, title, subset, layer (from 1), score (points): the exits table.
        looks: how each method is drawn.
    """
    looks = complete_looks(looks, table["method"])

    def draw(axes: Axes, name: str) -> None:
        rows = main_subset(table[table["task"] == name], name)
        for method, title in titles_of(rows).items():
            own = rows[rows["method"] == method].sort_values("layer")
            look = style(method, looks)
            if method == REFERENCE:
                color, marker = look["color"], look["marker"]
                axes.axhline(own["score"].iloc[-1], color=color, linewidth=0.6, alpha=0.5)
                axes.plot(
                    own["layer"],
                    own["score"],
                    color=color,
                    marker=marker,
                    linestyle="",
                    markersize=8,
                    label=title,
                    zorder=6,
                )
            else:
                axes.plot(
                    own["layer"], own["score"], **look, linewidth=1, markersize=3, label=title
                )
        deepest = int(rows["layer"].max()) if len(rows) else 1
        step = -(-deepest // 4)
        axes.set_xticks(range(step, deepest + 1, step))
        finish(axes, task_title(name))

    return panels(table, draw, xlabel="exit layer", ylabel=score_label, caption=caption)


def lengths_figure(
    lengths: pd.DataFrame,
    *,
    looks: Mapping[str, Look],
    point: str,
    space: str,
    convention: str,
    caption: str,
) -> Figure:
    """Return a panel per task: absolute cost of an example against its tokens, on test.

    Args:
        lengths: task, method, title, seed, space, point, low, high (tokens of a bin), length (mean
            tokens of the bin's examples), flops, dense (mean cost of the method and of dense BERT,
            in the convention's unit).
        looks: how each method is drawn.
        space: a search space; what it holds nothing for appears with the largest within it.
    """
    looks = complete_looks(looks, lengths["method"])
    scale, unit = _unit(lengths["dense"].max(), convention)

    def draw(axes: Axes, name: str) -> None:
        task = lengths[lengths["task"] == name]
        reference = task.assign(method=REFERENCE, flops=task["dense"])
        dense = titles_of(lengths).get(REFERENCE, "dense BERT")
        own = of_space(task, space)
        own = own[(own["point"] == point) & (own["method"] != REFERENCE)]
        for method, title in ({REFERENCE: dense} | titles_of(own)).items():
            rows = reference if method == REFERENCE else own[own["method"] == method]
            bins = rows.groupby(["low", "high"])[["length", "flops"]].mean()
            size = 5 if method == REFERENCE else 3
            axes.plot(
                bins["length"],
                bins["flops"] / scale,
                **style(method, looks),
                linewidth=1,
                markersize=size,
                label=title,
            )
        axes.set_ylim(bottom=0)
        finish(axes, TASKS[name].title)

    caption = (
        f"{caption} Test examples in bins of their length, {averaged(lengths)},"
        f" {OPERATING_POINTS[point].note}. {SPACE_RECORDS[space].note}"
    )
    return panels(
        lengths, draw, xlabel="tokens", ylabel=lambda name: f"{unit} per example", caption=caption
    )


def _unit(most: float, convention: str) -> tuple[float, str]:
    """Return the scale of an axis of absolute cost, and what its unit is called."""
    unit = CONVENTIONS[convention].unit
    if CONVENTIONS[convention].layers_only:
        return 1, unit
    return (1e9, f"G{unit}") if most >= 1e9 else (1e6, f"M{unit}")


def latency_figure(table: pd.DataFrame, *, looks: Mapping[str, Look], caption: str) -> Figure:
    """Return a panel per batch size: time against FLOPs, both relative to dense BERT's.

    A mark is one operating point of a method on a task, its bar the quartiles over rounds.

    Args:
        table: task, method, title, point, batch_size, time_relative, time_low, time_high,
            cost_relative, device, threads, dtype.
        looks: how each method is drawn.
    """
    looks = complete_looks(looks, table["method"])
    sizes = sorted(table["batch_size"].unique())
    figure, grid, lowest = sheet(len(sizes), sharex=True, sharey=True)
    rows = table[table["point"] != DENSE]
    top = 1.05 * max(1.0, rows["cost_relative"].max(), rows["time_high"].max())
    entries: dict[str, Entry] = {}
    for axes, size in zip(grid, sizes, strict=True):
        axes.plot([0, top], [0, top], color="0.6", linewidth=0.8, zorder=1)
        for method, title in titles_of(rows).items():
            own = rows[(rows["method"] == method) & (rows["batch_size"] == size)]
            entries[title] = draw_times(axes, own, style(method, looks))
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


def draw_times(axes: Axes, rows: pd.DataFrame, look: Style) -> ErrorbarContainer:
    """Draw one method's operating points; return what a legend shows of them."""
    spread = (rows[["time_low", "time_high"]].T - rows["time_relative"]).abs().to_numpy()
    return axes.errorbar(
        rows["cost_relative"],
        rows["time_relative"],
        yerr=spread,
        elinewidth=0.6,
        color=look["color"],
        marker=look["marker"],
        linestyle="",
        markersize=4,
        zorder=3,
    )
