"""Score against cost: curves read by straight lines, with intervals and operating points.

Drawn from `bands` and `points`, the tables of the protocol's curves; nothing is computed here.
"""

import textwrap
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from smartbert.analysis.rows import Measured, each
from smartbert.analysis.tables import BESIDE
from smartbert.manifest import REFERENCE, SUBJECT, Look, complete_looks
from smartbert.points import (
    BUDGETS,
    DROP,
    FIXED,
    FULL,
    MAIN,
    MOST_DROPPED,
    SETTLED,
    SPACE_RECORDS,
    SPACES,
)
from smartbert.report.panels import (
    cost_label,
    finish,
    main_subset,
    note,
    of_space,
    panels,
    score_label,
    sheet,
    task_title,
    titles_of,
)
from smartbert.report.style import ORDER, SMALL, Style, style
from smartbert.tasks import TASKS

FEW = 3  # curves whose intervals can be told apart in one panel
SHADED = (SUBJECT, "deebert")  # whose intervals are drawn where there are more
LOWEST_BUDGET = 0.25  # where the curves begin


def draw_reference(axes: Axes, settings: pd.DataFrame, look: Style, title: str) -> None:
    """Draw dense BERT: a star at its cost and a thin level across."""
    color, marker = look["color"], look["marker"]
    for row in each(settings[settings["point"] == FULL], Measured):
        axes.axhline(row.score, color=color, linewidth=0.6, alpha=0.5, zorder=1)
        star = axes.plot([row.cost], [row.score], color=color, marker=marker, linestyle="")
        star[0].set(markersize=8, zorder=6, label=title)


def draw_method(
    axes: Axes,
    curve: pd.DataFrame,
    settings: pd.DataFrame,
    look: Style,
    title: str,
    *,
    shaded: bool,
) -> None:
    """Draw a method's curve from its cheapest setting on, and its operating points.

    A method whose settings are all dearer than the budgets of the points shows its full one.
    """
    chosen = settings[settings["point"].isin(list(BUDGETS))]
    chosen = chosen if len(chosen) else settings[settings["point"] == FULL]
    spare = settings[settings["point"] == DROP]
    if curve.empty and chosen.empty and spare.empty:
        return
    lift = 2 * shaded  # over the other methods
    draw_curve(axes, curve, look, shaded=shaded)
    color, marker = look["color"], look["marker"]
    axes.plot(
        chosen["cost"],
        chosen["score"],
        color=color,
        marker=marker,
        linestyle="",
        markersize=3.5,
        zorder=4 + lift,
    )
    axes.plot(
        spare["cost"],
        spare["score"],
        color=color,
        marker=marker,
        linestyle="",
        markersize=5.5,
        markeredgewidth=1,
        markerfacecolor="white",
        zorder=4.5 + lift,
    )
    axes.plot([], [], markersize=3.5, linewidth=1, label=title, **look)  # for the legend


def draw_curve(axes: Axes, curve: pd.DataFrame, look: Style, *, shaded: bool) -> None:
    """Draw a method's curve, and its interval where that is to be seen."""
    color, line = look["color"], look["linestyle"]
    cost, score, low, high = (curve[name] for name in ("cost", "score", "low", "high"))
    width, order = 1 + 0.4 * shaded, 3 + 2 * shaded
    axes.plot(cost, score, color=color, linestyle=line, linewidth=width, zorder=order)
    if not shaded or curve.empty:
        return
    axes.fill_between(cost, low, high, color=color, alpha=0.15, linewidth=0, zorder=2)
    for edge in (low, high):  # where two areas overlap, their edges tell them apart
        axes.plot(cost, edge, color=color, linestyle=line, linewidth=0.4, alpha=0.6, zorder=2)


def draw_settled(axes: Axes, points: pd.DataFrame, looks: Mapping[str, Look]) -> None:
    """Draw what it would cost the subject to leave where its answers no longer change."""
    own = points[(points["method"] == SUBJECT) & (points["point"] == SETTLED)]
    for row in each(own.dropna(subset=["cost", "score"]), Measured):
        mark = axes.plot([row.cost], [row.score], marker=(6, 2, 0), linestyle="")
        mark[0].set(markersize=7, color=style(SUBJECT, looks)["color"], zorder=7)
        mark[0].set_label(f"{row.title}, settled")


def draw_beside(
    axes: Axes,
    bands: pd.DataFrame,
    *,
    looks: Mapping[str, Look],
    beside: Mapping[str, Collection[str]],
) -> None:
    """Draw, thin and without marks, the subject at fixed exits and the curves of other spaces that
    stand beside the main one.
    """
    wanted = {(SUBJECT, FIXED), *((m, space) for m, spaces in beside.items() for space in spaces)}
    for method, title in titles_of(bands).items():
        for space in (FIXED, *SPACES):
            curve = bands[(bands["method"] == method) & (bands["space"] == space)]
            if (method, space) in wanted and curve["score"].notna().any():
                color, dashes = style(method, looks)["color"], (0, (1, 1.2))
                label = f"{title}, {BESIDE[space]}"
                curve = curve.dropna(subset="score").sort_values("cost")
                line = axes.plot(curve["cost"], curve["score"], color=color, label=label)
                line[0].set(linestyle=dashes, linewidth=1.1, zorder=3)


def draw_task(
    axes: Axes,
    bands: pd.DataFrame,
    points: pd.DataFrame,
    name: str,
    *,
    looks: Mapping[str, Look],
    space: str,
    shaded: Collection[str],
    beside: Mapping[str, Collection[str]],
) -> None:
    """Draw one task's methods: score on test over cost, with dense BERT as star and level.

    Args:
        bands, points, looks, space, beside: see `all_tasks_figure`.
        shaded: methods whose intervals are drawn.
    """
    own_bands = main_subset(bands[bands["task"] == name], name)
    curves = of_space(own_bands, space).dropna(subset="score")  # seeds that lack a method
    settings = main_subset(of_space(points[points["task"] == name], space), name)
    settings = settings[settings["status"] == "ok"]
    for method, title in titles_of(settings, curves).items():
        curve = curves[curves["method"] == method].sort_values("cost")
        own = settings[settings["method"] == method]
        look = style(method, looks)
        if method == REFERENCE:
            draw_reference(axes, own, look, title)
        else:
            draw_method(axes, curve, own, look, title, shaded=method in shaded)
    if space == MAIN:
        draw_beside(axes, own_bands, looks=looks, beside=beside)
        draw_settled(axes, main_subset(points[points["task"] == name], name), looks)
    axes.axvline(1.0, color="0.8", linewidth=0.6, zorder=0)
    cheapest = points.loc[points["status"] == "ok", "cost"].min()
    axes.set_xlim(np.fmin(LOWEST_BUDGET, cheapest) - 0.04, None)
    finish(axes, task_title(name))


def shaded_methods(bands: pd.DataFrame) -> list[str]:
    """Return the methods whose intervals are drawn: all if they are few, else those of `SHADED`."""
    drawn = [m for m in titles_of(bands.dropna(subset="score")) if m != REFERENCE]
    return drawn if len(drawn) <= FEW else [m for m in drawn if m in SHADED]


def curves_caption(
    bands: pd.DataFrame, points: pd.DataFrame, *, space: str, shaded: Collection[str]
) -> str:
    """Return what lines, areas and marks are, for the methods and seeds in `bands`."""
    drawn = bands[bands["method"].isin(list(shaded))].dropna(subset="score")
    area = ""
    if len(drawn):
        over = "over seeds, test examples and the choice on tune"
        if drawn["seeds"].max() == 1:
            over = "over test examples and the choice on tune, with one training"
        elif drawn["seeds"].min() == 1:
            over += " (not over training seeds where there is one)"
        names = ", ".join(titles_of(drawn).values())
        area = f" Areas ({names}): 95 % intervals {over}."
    *first, last = (f"{share:.0%}".rstrip("%") for share in BUDGETS.values())
    text = (
        "Lines: score on test at each cost, between the settings that tune chooses for budgets, and"
        " from the cheapest to the majority class at no cost."
        f"{area} Filled marks: the settings chosen for {', '.join(first)} and {last} %, or else the"
        " full one, at what they cost on test. Open marks: the cheapest setting within"
        f" {MOST_DROPPED:g} point of dense BERT on tune. Star and level: dense BERT."
        f"{_beside_text(bands, points, space)}"
        f" {SPACE_RECORDS[space].note}"
    )
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _beside_text(bands: pd.DataFrame, points: pd.DataFrame, space: str) -> str:
    """Return what the thin lines and the cross of the main figure are, where there are any."""
    fixed = bands[(bands["method"] == SUBJECT) & (bands["space"] == FIXED)]
    if space != MAIN or fixed["score"].isna().all():
        return ""
    title = next(iter(titles_of(fixed).values()))
    text = f" Fixed exit: everybody leaves {title} at the same layer, gates off."
    if points[(points["method"] == SUBJECT) & (points["point"] == SETTLED)]["score"].notna().any():
        text += " Settled: each where its answer no longer changes, which no rule can know."
    return text


def task_figure(
    bands: pd.DataFrame,
    points: pd.DataFrame,
    name: str,
    *,
    looks: Mapping[str, Look],
    convention: str,
    caption: str,
    space: str = MAIN,
    beside: Mapping[str, Collection[str]] | None = None,
) -> Figure:
    """Return one task's figure of score against relative cost; see `all_tasks_figure`."""
    figure = Figure(figsize=(5.4, 3.2), layout="constrained")
    axes = figure.subplots()
    looks = complete_looks(looks, [*points["method"], *bands["method"]])
    own, of_task = (rows[rows["task"] == name] for rows in (bands, points))
    shaded = shaded_methods(own)
    draw_task(
        axes, bands, points, name, looks=looks, space=space, shaded=shaded, beside=beside or {}
    )
    axes.set_xlabel(cost_label(convention), fontsize=SMALL)
    axes.set_ylabel(score_label(name), fontsize=SMALL)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside right upper", frameon=False, fontsize=SMALL)
    note(figure, f"{caption} {curves_caption(own, of_task, space=space, shaded=shaded)}")
    return figure


def all_tasks_figure(
    bands: pd.DataFrame,
    points: pd.DataFrame,
    *,
    looks: Mapping[str, Look],
    convention: str,
    caption: str,
    space: str = MAIN,
    beside: Mapping[str, Collection[str]] | None = None,
) -> Figure:
    """Return a panel for every task of the tables: score against relative cost, on test.

    Operating points are marks at their own cost. Intervals of more than three methods hide each
    other and the curves, so beyond that only SmartBERT's and DeeBERT's (the published entropy
    exits) are drawn; all are in the tables.

    Args:
        bands: task, method, title, space, subset, cost (share of dense BERT's), score, low, high
            (points), seeds.
        points: task, method, title, space, subset, point, score, cost (share of dense BERT's),
            status ("ok", or why there is no score).
        looks: how each method is drawn.
        convention: name of the cost convention of both.
        caption: what the data are; what the marks mean is added to it.
        beside: by method, spaces whose curves stand beside those of the main space.
        space: a search space; what it holds nothing for appears with the largest within it.
    """
    shaded, looks = (
        shaded_methods(bands),
        complete_looks(looks, [*points["method"], *bands["method"]]),
    )

    def draw(axes: Axes, name: str) -> None:
        draw_task(
            axes, bands, points, name, looks=looks, space=space, shaded=shaded, beside=beside or {}
        )

    return panels(
        pd.concat([bands[["task"]], points[["task"]]]),
        draw,
        xlabel=cost_label(convention),
        ylabel=score_label,
        caption=f"{caption} {curves_caption(bands, points, space=space, shaded=shaded)}",
    )


def trials_figure(
    trials: pd.DataFrame, name: str, *, looks: Mapping[str, Look], caption: str
) -> Figure:
    """Return one task's search: a panel per method and search space, on tune.

    Every trial is a dot, the paler the earlier; the front of each seed is a step line.

    Args:
        trials: task, method, title, seed, space, number, score (points), cost_relative (share of
            dense BERT's), front.
        looks: how each method is drawn.
    """
    looks = complete_looks(looks, trials["method"])
    rows = trials[trials["task"] == name]
    titles, searched = titles_of(rows), rows.groupby("method")["space"].nunique()
    # Methods searched in both spaces come first: their two panels then share a row.
    methods = sorted(titles, key=lambda method: -searched[method])
    pairs = rows[["method", "space"]].drop_duplicates()
    shown = [(m, space) for m in methods for space in sorted(pairs[pairs["method"] == m]["space"])]
    figure, grid, lowest = sheet(len(shown), sharex=True, sharey=True)
    for axes, (method, space) in zip(grid, shown, strict=True):
        own = rows[(rows["method"] == method) & (rows["space"] == space)]
        dots = draw_trials(axes, own, style(method, looks), last=rows["number"].max())
        text = titles[method] + (f", {space.replace('_', ' ')}" if searched[method] > 1 else "")
        finish(axes, textwrap.fill(text, 26))
    for axes in lowest:
        axes.set_xlabel("cost relative to dense BERT", fontsize=SMALL)
    for axes in grid:
        place = axes.get_subplotspec()
        if place is not None and place.is_first_col():
            axes.set_ylabel(score_label(name), fontsize=SMALL)
    if grid:
        bar = figure.colorbar(dots, ax=figure.axes, pad=0.02, aspect=30)
        bar.set_label("trial", fontsize=SMALL)
        bar.ax.tick_params(labelsize=SMALL)
    figure.suptitle(f"{TASKS[name].title}, tune split", fontsize=SMALL + 2)
    note(figure, f"{caption} Dots: trials, darker ones later. Lines: each seed's front.")
    return figure


def draw_trials(axes: Axes, trials: pd.DataFrame, look: Style, *, last: int) -> PathCollection:
    """Draw one search, dots coloured up to number `last`, fronts as steps; return the dots."""
    trials = trials.sort_values("number", kind="stable")  # later trials lie over earlier ones
    x, y, number = (trials[name] for name in ("cost_relative", "score", "number"))
    dots = axes.scatter(
        x, y, s=6, linewidths=0, zorder=2, c=number, cmap=ORDER, vmin=0, vmax=max(last, 1)
    )
    for _, front in trials[trials["front"].astype(bool)].groupby("seed"):
        front = front.sort_values("cost_relative")
        # Thin enough to leave its own dots visible, over the crowd that would hide it.
        axes.step(
            front["cost_relative"],
            front["score"],
            where="post",
            color=look["color"],
            linewidth=0.8,
            zorder=3,
        )
    return dots
