"""The figure of a model card: score on test against cost, with the operating points. No torch."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from smartbert.files import whole
from smartbert.metrics import score_title
from smartbert.points import POINTS, PublishedPoint
from smartbert.tasks import TaskSpec

SIZE = (4.8, 2.9)  # inches
DOTS = 130  # of an inch
COLOR = "#1f5a94"
STEP = 11  # points of a text between the names of marks that lie close to each other
CLOSE = 0.06  # of dense BERT's cost: nearer marks' names would cover each other


def draw_card_figure(
    curve: pd.DataFrame, points: Mapping[str, PublishedPoint], task: TaskSpec, path: Path
) -> None:
    """Write a card's figure as PNG.

    Args:
        curve: `cost` (share of dense BERT's) and `score` (points) on test, by rising cost.
        points: the operating points, with what they gave on test.
    """
    figure = Figure(figsize=SIZE, dpi=DOTS, layout="constrained")
    axes = figure.subplots()
    axes.plot(curve["cost"], curve["score"], color=COLOR, linewidth=1.2)
    last, height = -1.0, 0
    named = [(name, points[name]) for name in POINTS if name in points]
    for name, point in sorted(named, key=lambda one: one[1].test_cost or 0):
        cost, score = point.test_cost, point.test_score
        assert cost is not None and score is not None  # of an operating point both are known
        axes.plot([cost], [score], color=COLOR, marker="o", markersize=5)
        height = height + 1 if cost - last < CLOSE else 0
        last = cost
        place = (-3, 5 + STEP * height)  # to the left, above a curve that rises
        text = axes.annotate(name, (cost, score), place, textcoords="offset points", fontsize=8)
        text.set_horizontalalignment("right")
    axes.axvline(1, color="grey", linewidth=0.8, linestyle=":")
    axes.margins(x=0.08, y=0.2)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("cost on test (dense BERT: 100 %)", fontsize=8)
    axes.set_ylabel(score_title(task, mean="mean of "), fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(linewidth=0.3, alpha=0.6)
    with whole(path) as partial:
        figure.savefig(partial, metadata={"Software": None})  # no version: the same bytes
