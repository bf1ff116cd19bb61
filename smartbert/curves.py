"""Score against cost: a step function per method over the budgets, with intervals and operating
points.

Drawn from `bands` and `points`, the tables of the protocol's curves; nothing is computed here.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from smartbert.methods import REFERENCE
from smartbert.panels import (
    SMALL,
    SPACES,
    cost_label,
    finish,
    main_subset,
    note,
    of_space,
    panels,
    score_label,
    style,
    task_title,
    titles_of,
)

FEW = 3  # curves whose intervals can be told apart in one panel
SHADED = ("smartbert", "deebert")  # whose intervals are drawn where there are more

LOWEST_BUDGET = 0.25  # where the curves begin
BUDGETS = ("b75", "b50", "b33")


def draw_reference(axes, settings: pd.DataFrame, look: dict, title: str) -> None:
    """Draw dense BERT: a star at its cost and a thin level across."""
    for row in settings[settings["point"] == "full"].itertuples():
        axes.axhline(row.score, color=look["color"], linewidth=0.6, alpha=0.5, zorder=1)
        star = {**look, "linestyle": "", "markersize": 8, "zorder": 6, "label": title}
        axes.plot([row.cost], [row.score], **star)


def draw_method(
    axes, curve: pd.DataFrame, settings: pd.DataFrame, look: dict, title: str, *, shaded: bool
) -> None:
    """Draw a method's curve from its cheapest setting on, and its operating points.

    A method whose settings are all dearer than the budgets of the points shows its `full` one.
    """
    chosen = settings[settings["point"].isin(BUDGETS)]
    chosen = chosen if len(chosen) else settings[settings["point"] == "full"]
    spare = settings[settings["point"] == "drop1"]
    if curve.empty and chosen.empty and spare.empty:
        return
    line = {"color": look["color"], "linestyle": look["linestyle"], "where": "post"}
    lift = 2 * shaded  # over the other methods
    axes.step(curve["budget"], curve["score"], linewidth=1 + 0.4 * shaded, zorder=3 + lift, **line)
    if shaded and len(curve):
        area = {"color": look["color"], "alpha": 0.15, "linewidth": 0, "zorder": 2}
        axes.fill_between(curve["budget"], curve["low"], curve["high"], step="post", **area)
        for edge in ("low", "high"):  # where two areas overlap, their edges tell them apart
            axes.step(curve["budget"], curve[edge], linewidth=0.4, alpha=0.6, zorder=2, **line)
    spots = {"color": look["color"], "marker": look["marker"], "linestyle": ""}
    axes.plot(chosen["cost"], chosen["score"], markersize=3.5, zorder=4 + lift, **spots)
    spots |= {"markersize": 5.5, "markeredgewidth": 1, "markerfacecolor": "white"}
    axes.plot(spare["cost"], spare["score"], zorder=4.5 + lift, **spots)
    axes.plot([], [], markersize=3.5, linewidth=1, label=title, **look)  # for the legend


def draw_task(
    axes, bands: pd.DataFrame, points: pd.DataFrame, name: str, *, space: str, shaded: Iterable[str]
) -> None:
    """Draw one task's methods: score on test over budget, with dense BERT as star and level.

    Args:
        bands, points, space: see `all_tasks_figure`.
        shaded: methods whose intervals are drawn.
    """
    looks = pd.concat([points[["method"]], bands[["method"]]])
    curves = main_subset(of_space(bands[bands["task"] == name], space), name)
    curves = curves.dropna(subset="score")  # budgets below the cheapest setting
    settings = main_subset(of_space(points[points["task"] == name], space), name)
    settings = settings[settings["status"] == "ok"]
    for method, title in titles_of(settings, curves).items():
        curve = curves[curves["method"] == method].sort_values("budget")
        own = settings[settings["method"] == method]
        look = style(method, looks)
        if method == REFERENCE:
            draw_reference(axes, own, look, title)
        else:
            draw_method(axes, curve, own, look, title, shaded=method in shaded)
    axes.axvline(1.0, color="0.8", linewidth=0.6, zorder=0)
    cheapest = points.loc[points["status"] == "ok", "cost"].min()
    axes.set_xlim(np.fmin(LOWEST_BUDGET, cheapest) - 0.04, None)
    finish(axes, task_title(name))


def shaded_methods(bands: pd.DataFrame) -> list[str]:
    """Return the methods whose intervals are drawn: all if they are few, else those of `SHADED`."""
    drawn = [m for m in titles_of(bands.dropna(subset="score")) if m != REFERENCE]
    return drawn if len(drawn) <= FEW else [m for m in drawn if m in SHADED]


def curves_caption(bands: pd.DataFrame, *, space: str, shaded: Iterable[str]) -> str:
    """Return what lines, areas and marks are, for the methods and seeds in `bands`."""
    drawn = bands[bands["method"].isin(list(shaded))].dropna(subset="score")
    area = ""
    if len(drawn):
        over = "over seeds and test examples together"
        if drawn["seeds"].max() == 1:
            over = "over test examples, with one seed"
        elif drawn["seeds"].min() == 1:
            over += " (over examples alone where there is one seed)"
        names = ", ".join(titles_of(drawn).values())
        area = f" Areas ({names}): 95 % bootstrap intervals {over}."
    text = (
        "Steps: score on test of the best setting, chosen on tune, that each budget affords."
        f"{area} Filled marks: the settings chosen for 75, 50 and 33 %, or else the full one, at"
        " what they cost on test. Open marks: the cheapest setting within 1 point of dense BERT on"
        f" tune. Star and level: dense BERT. {SPACES[space]}"
    )
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def task_figure(
    bands: pd.DataFrame,
    points: pd.DataFrame,
    name: str,
    *,
    convention: str,
    caption: str,
    space: str = "global",
) -> plt.Figure:
    """Return one task's figure of score against relative cost; see `all_tasks_figure`."""
    figure, axes = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
    own = bands[bands["task"] == name]
    shaded = shaded_methods(own)
    draw_task(axes, bands, points, name, space=space, shaded=shaded)
    axes.set_xlabel(cost_label(convention), fontsize=SMALL)
    axes.set_ylabel(score_label(name), fontsize=SMALL)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside right upper", frameon=False, fontsize=SMALL)
    note(figure, f"{caption} {curves_caption(own, space=space, shaded=shaded)}")
    return figure


def all_tasks_figure(
    bands: pd.DataFrame,
    points: pd.DataFrame,
    *,
    convention: str,
    caption: str,
    space: str = "global",
) -> plt.Figure:
    """Return a panel for every task of the tables: score against relative cost, on test.

    A method's curve is a step function from its cheapest setting on; operating points are marks at
    their own cost. Intervals of more than three methods hide each other and the curves, so beyond
    that only SmartBERT's and DeeBERT's (the published entropy exits) are drawn; all are in the
    tables.

    Args:
        bands: task, method, title, space, subset, budget (share of dense BERT's cost), score, low,
            high (points; NaN where nothing is within the budget), seeds.
        points: task, method, title, space, subset, point, score, cost (share of dense BERT's),
            status ("ok", or why there is no score).
        convention: name of the cost convention of both.
        caption: what the data are; what the marks mean is added to it.
        space: "global" or "per_layer"; methods that have only the former appear in both.
    """
    shaded = shaded_methods(bands)
    return panels(
        pd.concat([bands[["task"]], points[["task"]]]),
        lambda axes, name: draw_task(axes, bands, points, name, space=space, shaded=shaded),
        xlabel=cost_label(convention),
        ylabel=score_label,
        caption=f"{caption} {curves_caption(bands, space=space, shaded=shaded)}",
    )
