"""Figures: score against cost. A method has the same colour, marker and line in every picture."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pandas as pd

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from smartbert.cost import CONVENTIONS
from smartbert.methods import REFERENCE
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
GLUE_COLUMNS = 4


def style(method: str, table: pd.DataFrame) -> dict:
    """Return a method's colour, marker and line; methods of the user's own get the spare ones in
    order.
    """
    own = sorted(set(table["method"]) - set(STYLES))
    spare = OTHERS[own.index(method) % len(OTHERS)] if method in own else None
    color, marker, line = STYLES.get(method) or spare
    return {"color": color, "marker": marker, "linestyle": line}


def cost_label(table: pd.DataFrame) -> str:
    """Return the label of the cost axis."""
    unit = CONVENTIONS[table["convention"].iloc[0]].unit
    return f"{unit} relative to dense BERT"


def score_label(name: str) -> str:
    """Return the label of a task's score axis."""
    kinds = {"accuracy": "accuracy", "f1": "F1", "mcc": "Matthews correlation"}
    metrics = [kinds[metric] for metric in TASKS[name].score]
    return metrics[0] if len(metrics) == 1 else "mean of " + " and ".join(metrics)


def main_subset(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a task's rows of its first test subset (MNLI: matched)."""
    first = rows["subset"].iloc[0] if len(rows) else None
    return rows[rows["subset"].isna() if pd.isna(first) else rows["subset"] == first]


def finish(axes, title: str) -> None:
    """Give axes the look that all panels share."""
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title)


def draw_task(axes, table: pd.DataFrame, name: str) -> None:
    """Draw one task's methods on the axes: curves by rising cost, dense BERT as star and level."""
    rows = main_subset(table[(table["task"] == name) & (table["status"] == "ok")])
    for method, own in rows.groupby("method", sort=False):
        own = own.sort_values("cost_relative")
        look = {**style(method, table), "markersize": 4.5, "linewidth": 1.4, "zorder": 3}
        if method == REFERENCE:
            level = own["score"].iloc[0]
            axes.axhline(level, color=look["color"], linewidth=0.8, alpha=0.5, zorder=1)
            look |= {"linestyle": "", "markersize": 11, "zorder": 4}
        axes.plot(own["cost_relative"], own["score"], **look, label=own["title"].iloc[0], alpha=0.9)
    axes.axvline(1.0, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xlim(left=0)
    subset = rows["subset"].iloc[0] if len(rows) else None
    finish(axes, TASKS[name].title + ("" if pd.isna(subset) else f" ({subset})"))


def task_figure(table: pd.DataFrame, name: str, *, caption: str) -> plt.Figure:
    """Return one task's figure: score against relative cost."""
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    draw_task(axes, table, name)
    axes.set_xlabel(cost_label(table))
    axes.set_ylabel(score_label(name))
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    note(figure, caption, width=95)
    return figure


def all_tasks_figure(table: pd.DataFrame, *, caption: str) -> plt.Figure:
    """Return a panel for every task of the table: score against relative cost."""
    return panels(
        table,
        lambda axes, name: draw_task(axes, table, name),
        xlabel=cost_label(table),
        caption=caption,
    )


def panels(
    table: pd.DataFrame, draw: Callable[[plt.Axes, str], None], *, xlabel: str, caption: str
) -> plt.Figure:
    """Return a figure with a panel for every task of the table and one legend for all."""
    names = [name for name in TASKS if name in set(table["task"])]
    columns = min(GLUE_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    size = (3.4 * max(columns, 2), 2.9 * rows + 0.8)
    figure, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    entries = {}
    for number, (axes, name) in enumerate(zip(grid.flat, names, strict=False)):
        draw(axes, name)
        axes.set_ylabel(score_label(name), fontsize=8)
        if number + columns >= len(names):  # nothing below it
            axes.set_xlabel(xlabel, fontsize=9)
        handles, labels = axes.get_legend_handles_labels()
        entries.update(zip(labels, handles, strict=True))
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    across = min(len(entries), 3 * max(columns, 2) - 1)
    figure.legend(
        entries.values(), entries.keys(), loc="outside upper center", ncols=across, frameon=False
    )
    note(figure, caption, width=45 * max(columns, 2))
    return figure


def exits_figure(table: pd.DataFrame, *, caption: str) -> plt.Figure:
    """Return a panel per task: the score of every exit at full depth, dense BERT as a level."""

    def draw(axes, name: str) -> None:
        rows = main_subset(table[table["task"] == name])
        for method, own in rows.groupby("method", sort=False):
            look = style(method, table)
            if method == REFERENCE:
                look |= {"linestyle": "", "markersize": 11}
                axes.axhline(own["score"].iloc[0], color=look["color"], linewidth=0.8, alpha=0.5)
            axes.plot(own["layer"], own["score"], **look, label=own["title"].iloc[0])
        axes.xaxis.get_major_locator().set_params(integer=True)
        finish(axes, TASKS[name].title)

    return panels(table, draw, xlabel="exit layer", caption=caption)


def note(figure: plt.Figure, caption: str, *, width: int) -> None:
    """Write what the data are under a figure, in room of its own, if there is something to say."""
    if not caption:
        return
    lines = textwrap.wrap(caption, width)
    room = (0.16 * len(lines) + 0.06) / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, room, 1, 1 - room))
    text = "\n".join(lines)
    figure.text(0.5, 0.004, text, ha="center", va="bottom", fontsize=8, color="0.3")


def save(figure: plt.Figure, path: Path) -> None:
    """Write a figure as png and pdf beside each other, without dates, and close it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path.with_suffix(".png"), dpi=160)
    figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    plt.close(figure)
