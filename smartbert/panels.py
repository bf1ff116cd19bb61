"""What all figures share: each method's colour, marker and line, panels, captions, saving.

Figures have the size at which they are read, a page's text width at most, so no text shrinks.
"""

import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from smartbert.cost import CONVENTIONS
from smartbert.files import whole
from smartbert.tasks import TASKS

# Okabe and Ito's palette, told apart by colour-blind readers; markers and dashes do so in grey.
STYLES = {
    "full_bert": ("#000000", "*", "-"),
    "smartbert": ("#D55E00", "o", "-"),
    "skip_only": ("#E69F00", "s", "--"),
    "deebert": ("#0072B2", "^", "-."),
    "pabee": ("#009E73", "D", ":"),
    "truncated_bert": ("#7F7F7F", "X", "--"),
    "exit_only": ("#56B4E9", "v", "-"),
    "random_skip": ("#CC79A7", "P", ":"),
    "constant_skip": ("#B8A800", "h", "-."),
}
OTHERS = (("#44AA99", "<", "-"), ("#882255", ">", "--"), ("#332288", "p", "-."))
SPACES = {
    "global": "Exit thresholds: one for all layers.",
    "per_layer": "Exit thresholds: one per layer, in methods that were searched so.",
}

PAGE = 7.2  # inches
NARROW = {1: 4.4, 2: 6.2}  # inches: widths of figures with fewer panels beside each other
ROW, TALL_ROW = 1.75, 2.3  # inches: height of a row of panels, and of one in a narrow figure
COLUMNS = 4
SMALL = 7  # points: all text but titles
LETTER = 0.53 * SMALL / 72  # inches: mean width of one


def style(method: str, table: pd.DataFrame) -> dict:
    """Return a method's colour, marker and line; methods of the user's own get the spare ones in
    order.
    """
    own = sorted(set(table["method"]) - set(STYLES))
    spare = OTHERS[own.index(method) % len(OTHERS)] if method in own else None
    color, marker, line = STYLES.get(method) or spare
    return {"color": color, "marker": marker, "linestyle": line}


def luminance(color) -> float:
    """Return how bright a colour is in a grey copy, from 0 (black) to 1 (white)."""
    return float(np.dot(to_rgb(color), (0.2126, 0.7152, 0.0722)))


def cost_label(convention: str) -> str:
    """Return the label of the axis of relative cost."""
    return f"{CONVENTIONS[convention].unit} relative to dense BERT"


def score_label(name: str) -> str:
    """Return the label of a task's score axis."""
    kinds = {"accuracy": "accuracy", "f1": "F1", "mcc": "Matthews correlation"}
    metrics = [kinds[metric] for metric in TASKS[name].score]
    return metrics[0] if len(metrics) == 1 else "mean of " + " and ".join(metrics)


def task_title(name: str) -> str:
    """Return a task's title, with the name of its first test subset where it has several."""
    subset = TASKS[name].test[0][0]
    return TASKS[name].title + (f" ({subset})" if subset else "")


def main_subset(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a task's rows of its first test subset (MNLI: matched)."""
    return rows[rows["subset"].isna() | (rows["subset"] == TASKS[name].test[0][0])]


def of_space(table: pd.DataFrame, space: str) -> pd.DataFrame:
    """Return the rows of a search space, and the "global" ones of methods that have only those."""
    runs = pd.MultiIndex.from_frame(table[["task", "method"]])
    there = runs.isin(runs[table["space"] == space])
    return table[(table["space"] == space) | (~there & (table["space"] == "global"))]


def titles_of(*tables: pd.DataFrame) -> dict[str, str]:
    """Return the methods' titles by name, in the order in which the tables have them."""
    return {
        row.method: row.title
        for table in tables
        for row in table[["method", "title"]].drop_duplicates("method").itertuples()
    }


def finish(axes, title: str) -> None:
    """Give axes the look that all panels share."""
    axes.grid(color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
    axes.set_title(title, fontsize=SMALL + 1)


def sheet(count: int, **shared: bool) -> tuple[plt.Figure, list[plt.Axes], list[plt.Axes]]:
    """Return a figure, its panels in reading order, and those that have none below them.

    Args:
        shared: `sharex` and `sharey` of `plt.subplots`.
    """
    columns = min(COLUMNS, max(count, 1))
    rows = max(-(-count // columns), 1)
    size = (NARROW.get(columns, PAGE), rows * (TALL_ROW if columns in NARROW else ROW))
    figure, grid = plt.subplots(
        rows, columns, figsize=size, layout="constrained", squeeze=False, **shared
    )
    used, spare = list(grid.flat[:count]), grid.flat[count:]
    for axes in spare:
        axes.set_visible(False)
    lowest = used[-columns:]
    for axes in lowest:  # sharing takes the numbers from those above an empty place
        axes.tick_params(labelbottom=True)
    return figure, used, lowest


def panels(
    table: pd.DataFrame,
    draw: Callable[[plt.Axes, str], None],
    *,
    xlabel: str,
    ylabel: Callable[[str], str],
    caption: str,
) -> plt.Figure:
    """Return a figure with a panel for every task of the table and one legend for all."""
    names = [name for name in TASKS if name in set(table["task"])]
    figure, grid, lowest = sheet(len(names))
    entries = {}
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


def legend(figure: plt.Figure, entries: dict) -> None:
    """Write a legend (handles by label) over a figure, in room added for it."""
    if not entries:
        return
    width, height = figure.get_size_inches()
    column = 0.55 + LETTER * 1.1 * max(map(len, entries))  # the handle, the longest label
    columns = int(np.clip(width // column, 1, 5))
    figure.set_figheight(height + 0.17 * -(-len(entries) // columns) + 0.1)
    look = {"loc": "outside upper center", "frameon": False, "fontsize": SMALL}
    figure.legend(entries.values(), entries.keys(), ncols=columns, **look)


def note(figure: plt.Figure, caption: str) -> None:
    """Write what the data are under a figure, in room added for it, if there is anything."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(caption, int((width - 0.1) / LETTER))
    if not lines:
        return
    room = 0.135 * len(lines) + 0.08
    height += room
    figure.set_figheight(height)
    figure.get_layout_engine().set(rect=(0, room / height, 1, 1 - room / height))
    look = {"va": "bottom", "fontsize": SMALL, "color": "0.3", "linespacing": 1.25}
    figure.text(0.06 / width, 0.04 / height, "\n".join(lines), **look)


def save(figure: plt.Figure, path: Path) -> None:
    """Write a figure as png and pdf beside each other, without dates, and close it."""
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
    plt.close(figure)
