"""Panels, legends, captions and saving, as all figures have them."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from smartbert.analysis.rows import Placed, each
from smartbert.cost import CONVENTIONS
from smartbert.files import whole
from smartbert.metrics import score_title
from smartbert.points import nearest
from smartbert.report.style import COLUMNS, LETTER, NARROW, PAGE, ROW, SMALL, TALL_ROW
from smartbert.tasks import TASKS

Entry: TypeAlias = Artist | ErrorbarContainer  # what a legend shows beside a title


def cost_label(convention: str) -> str:
    """Return the label of the axis of relative cost."""
    return f"{CONVENTIONS[convention].unit} relative to dense BERT"


def task_title(name: str) -> str:
    """Return a task's title, with the name of its first test subset where it has several."""
    subset = TASKS[name].test[0][0]
    return TASKS[name].title + (f" ({subset})" if subset else "")


def score_label(name: str) -> str:
    """Return the label of the axis of a task's score."""
    return score_title(TASKS[name])


def main_subset(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a task's rows of its first test subset (MNLI: matched)."""
    return rows[rows["subset"].isna() | (rows["subset"] == TASKS[name].test[0][0])]


def of_space(table: pd.DataFrame, space: str) -> pd.DataFrame:
    """Return the rows of a search space; of methods that it holds nothing for, those of the
    largest space within it that they have.
    """
    if table.empty:
        return table
    known = table.groupby(["task", "method"])["space"].agg(set)
    shown = {key: nearest(space, spaces) for key, spaces in known.items()}
    keys = zip(table["task"], table["method"], strict=True)
    return table[[shown[key] == own for key, own in zip(keys, table["space"], strict=True)]]


def titles_of(*tables: pd.DataFrame) -> dict[str, str]:
    """Return the methods' titles by name, in the order in which the tables have them."""
    return {
        row.method: row.title
        for table in tables
        for row in each(table[["method", "title"]].drop_duplicates("method"), Placed)
    }


def finish(axes: Axes, title: str) -> None:
    """Give axes the look that all panels share."""
    axes.grid(color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
    axes.set_title(title, fontsize=SMALL + 1)


def sheet(
    count: int, *, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Axes], list[Axes]]:
    """Return a figure, its panels in reading order, and those that have none below them.

    Args:
        sharex, sharey: whether all panels have one scale.
    """
    columns = min(COLUMNS, max(count, 1))
    rows = max(-(-count // columns), 1)
    size = (NARROW.get(columns, PAGE), rows * (TALL_ROW if columns in NARROW else ROW))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)
    used, spare = list(grid.flat[:count]), grid.flat[count:]
    for axes in spare:
        axes.set_visible(False)
    lowest = used[-columns:]
    for axes in lowest:  # sharing takes the numbers from those above an empty place
        axes.tick_params(labelbottom=True)
    return figure, used, lowest


def panels(
    table: pd.DataFrame,
    draw: Callable[[Axes, str], None],
    *,
    xlabel: str,
    ylabel: Callable[[str], str],
    caption: str,
) -> Figure:
    """Return a figure with a panel for every task of the table and one legend for all."""
    names = [name for name in TASKS if name in set(table["task"])]
    figure, grid, lowest = sheet(len(names))
    entries: dict[str, Entry] = {}
    for axes, name in zip(grid, names, strict=True):
        draw(axes, name)
        axes.set_ylabel(ylabel(name), fontsize=SMALL)
        handles, labels = axes.get_legend_handles_labels()
        entries.update(zip(labels, handles, strict=True))
    for axes in lowest:
        axes.set_xlabel(xlabel, fontsize=SMALL)
    legend(figure, entries)
    note(figure, caption)
    return figure


def legend(figure: Figure, entries: Mapping[str, Entry]) -> None:
    """Write a legend (handles by label) over a figure, in room added for it."""
    if not entries:
        return
    width, height = figure.get_size_inches()
    column = 0.55 + LETTER * 1.1 * max(map(len, entries))  # the handle, the longest label
    columns = int(np.clip(width // column, 1, 5))
    figure.set_figheight(height + 0.17 * -(-len(entries) // columns) + 0.1)
    handles = cast(list[Artist], list(entries.values()))  # its stub leaves bars of errors out
    figure.legend(
        handles,
        list(entries),
        ncols=columns,
        loc="outside upper center",
        frameon=False,
        fontsize=SMALL,
    )


def note(figure: Figure, caption: str) -> None:
    """Write what the data are under a figure, in room added for it, if there is anything."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(caption, int((width - 0.1) / LETTER))
    if not lines:
        return
    room = 0.135 * len(lines) + 0.08
    height += room
    figure.set_figheight(height)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, room / height, 1, 1 - room / height))
    figure.text(
        0.06 / width,
        0.04 / height,
        "\n".join(lines),
        va="bottom",
        fontsize=SMALL,
        color="0.3",
        linespacing=1.25,
    )


def save(figure: Figure, path: Path) -> None:
    """Write a figure as png and pdf beside each other, without dates."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The layout's solver leaves the last bits of a position to chance, and a pdf would show them.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position().bounds, 6))
    with whole(path.with_suffix(".png")) as partial:
        figure.savefig(partial, dpi=200)
    with whole(path.with_suffix(".pdf")) as partial:
        figure.savefig(partial, metadata={"CreationDate": None})
