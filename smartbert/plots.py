"""Figures: score against cost. A method has the same colour, marker and line in every picture."""

import textwrap
from pathlib import Path

import matplotlib
import pandas as pd

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from smartbert.cost import CONVENTIONS
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
REFERENCE = "full_bert"
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


def draw_task(axes, table: pd.DataFrame, name: str) -> None:
    """Draw one task's methods on the axes: curves by falling cost, dense BERT as star and level."""
    rows = table[(table["task"] == name) & (table["status"] == "ok")]
    first = rows["subset"].iloc[0] if len(rows) else ""
    rows = rows[(rows["subset"] == first) | rows["subset"].isna()]
    for method, own in rows.groupby("method", sort=False):
        own = own.sort_values("cost_relative")
        look = style(method, table)
        if method == REFERENCE:
            axes.axhline(
                own["score"].iloc[0], color=look["color"], linewidth=0.8, alpha=0.5, zorder=1
            )
            axes.plot(
                own["cost_relative"],
                own["score"],
                **{**look, "linestyle": ""},
                markersize=11,
                label=own["title"].iloc[0],
                zorder=4,
            )
            continue
        axes.plot(
            own["cost_relative"],
            own["score"],
            **look,
            markersize=4.5,
            linewidth=1.4,
            label=own["title"].iloc[0],
            alpha=0.9,
            zorder=3,
        )
    axes.axvline(1.0, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xlim(left=0)
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(TASKS[name].title + (f" ({first})" if isinstance(first, str) and first else ""))


def task_figure(table: pd.DataFrame, name: str, *, caption: str) -> plt.Figure:
    """Return one task's figure: score against relative cost."""
    figure, axes = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
    draw_task(axes, table, name)
    axes.set_xlabel(cost_label(table))
    axes.set_ylabel(score_label(name))
    axes.legend(frameon=False, loc="best", fontsize=9)
    note(figure, caption, width=80)
    return figure


def all_tasks_figure(table: pd.DataFrame, *, caption: str) -> plt.Figure:
    """Return a panel for every task of the table, with one legend for all."""
    names = [name for name in TASKS if name in set(table["task"])]
    columns = min(GLUE_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(3.3 * columns, 2.9 * rows + 0.6),
        layout="constrained",
        squeeze=False,
    )
    for axes, name in zip(grid.flat, names, strict=False):
        draw_task(axes, table, name)
        axes.set_ylabel(score_label(name), fontsize=8)
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    figure.supxlabel(cost_label(table), fontsize=10)
    entries = {}
    for axes in grid.flat[: len(names)]:
        entries.update(dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True)))
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside upper center",
        ncols=len(entries),
        frameon=False,
    )
    note(figure, caption, width=45 * columns)
    return figure


def note(figure: plt.Figure, caption: str, *, width: int) -> None:
    """Write what the data are under a figure, if there is something to say."""
    if caption:
        figure.get_layout_engine().set(rect=(0, 0.05, 1, 0.95))
        figure.text(
            0.5,
            0.005,
            textwrap.fill(caption, width),
            ha="center",
            va="bottom",
            fontsize=8,
            color="0.3",
        )


def save(figure: plt.Figure, path: Path) -> None:
    """Write a figure as png and pdf beside each other, without dates, and close it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path.with_suffix(".png"), dpi=160)
    figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
    plt.close(figure)
