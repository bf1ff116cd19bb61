"""Heat maps: where a method's examples exit, and which layers they skip."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from smartbert.points import OPERATING_POINTS, SPACE_RECORDS
from smartbert.report.page import averaged
from smartbert.report.panels import note, of_space, titles_of
from smartbert.report.style import PAGE, SHARES, SMALL, luminance
from smartbert.tasks import ALL, TASKS

MOST_ROWS = 40  # classes in one figure


def usage_figure(
    usage: pd.DataFrame, method: str, *, space: str, point: str, caption: str
) -> Figure:
    """Return heat maps over tasks and layers: where a method's examples exit, and which they skip.

    Args:
        usage: task, method, title, seed, space, point, label, layer (from 1), exit, skipped (shares
            of all examples, from 0 to 1).
        space: a search space; what it holds nothing for appears with the largest within it.
    """
    rows = of_space(usage[usage["method"] == method], space)
    rows = rows[(rows["point"] == point) & (rows["label"] == ALL)]
    names = {name: spec.title for name, spec in TASKS.items()}
    caption = (
        f"{caption} Shares of the test examples, {averaged(usage)}. {SPACE_RECORDS[space].note}"
    )
    return heat_figure(rows, "task", names, heading=heading(rows, point), caption=caption)


def usage_by_class_figure(
    usage: pd.DataFrame, name: str, method: str, *, space: str, point: str, caption: str
) -> Figure:
    """Return the heat maps of one task over its classes, all examples first; see `usage_figure`.

    Shares of a class are of its own examples. Of many classes the first ones are shown.
    """
    rows = of_space(usage[(usage["method"] == method) & (usage["task"] == name)], space)
    rows = rows[rows["point"] == point]
    classes = TASKS[name].labels
    names = {label: label.replace("_", " ") for label in (ALL, *classes[:MOST_ROWS])}
    title = f"{TASKS[name].title}: {heading(rows, point)}"
    where = SPACE_RECORDS[space].note
    caption = f"{caption} Shares of each class's test examples, {averaged(rows)}. {where}"
    if len(classes) > MOST_ROWS:
        caption += f" The first {MOST_ROWS} of {len(classes)} classes; usage.csv has all."
    return heat_figure(rows, "label", names, heading=title, caption=caption)


def heading(rows: pd.DataFrame, point: str) -> str:
    """Return what rows of one method at one operating point are called."""
    return ", ".join([*titles_of(rows).values(), OPERATING_POINTS[point].note])


def heat_figure(
    rows: pd.DataFrame, by: str, names: Mapping[str, str], *, heading: str, caption: str
) -> Figure:
    """Return two heat maps, exits over skips, of means over seeds, in one scale of colour.

    Args:
        rows: the columns `by`, layer, exit, skipped.
        names: what to call the values of `by`, in the order of the maps' rows from above.
    """
    means = rows.groupby([by, "layer"])[["exit", "skipped"]].mean()
    shown = {name: text for name, text in names.items() if name in set(rows[by])}
    size = (np.clip(1.6 + 0.46 * rows["layer"].nunique(), 4, PAGE), 1.5 + 0.4 * len(shown))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(2, 1, sharex=True)
    parts = {"exit": "answered at this layer", "skipped": "reached this layer and skipped it"}
    for axes, (column, text) in zip(grid, parts.items(), strict=True):
        axes.set_title(text, fontsize=SMALL + 1)
        axes.set_visible(len(means) > 0)
        if len(means):
            most = np.nanmax(means.to_numpy(float))
            top = 10 * max(1, np.ceil(10 * most))  # a round number of percent
            shares = means[column].unstack("layer").reindex(list(shown))
            image = draw_shares(axes, shares, list(shown.values()), top=top)
    grid[-1].set_xlabel("layer", fontsize=SMALL)
    if len(means):
        bar = figure.colorbar(image, ax=grid, pad=0.02, aspect=30)
        bar.set_label("% of examples", fontsize=SMALL)
        bar.ax.tick_params(labelsize=SMALL)
    figure.suptitle(heading, fontsize=SMALL + 2)
    note(figure, caption)
    return figure


def draw_shares(
    axes: Axes, shares: pd.DataFrame, labels: Sequence[str], *, top: float
) -> AxesImage:
    """Draw a heat map of shares with the percentages in its cells; return the image.

    Args:
        shares: a row per label, a column per layer, from 0 to 1; NaN is left blank.
        top: percent that has the darkest colour.
    """
    values = 100 * shares.to_numpy(dtype=float)
    image = axes.imshow(values, cmap=SHARES, vmin=0, vmax=top, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            red, green, blue, _ = SHARES(image.norm(value))
            color = "white" if luminance((red, green, blue)) < 0.5 else "black"
            text = f"{value:.0f}"
            axes.text(column, row, text, fontsize=SMALL, ha="center", va="center", color=color)
    axes.set_xticks(range(values.shape[1]), shares.columns)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0, labelsize=SMALL)
    axes.spines[:].set_visible(False)
    return image
