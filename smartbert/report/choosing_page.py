"""The page that sets rules of choosing side by side: what each gives on test."""

from collections.abc import Sequence

import pandas as pd

from smartbert.analysis.choosing import in_common, summary
from smartbert.analysis.rows import Ruled, each
from smartbert.points import BUDGETS, DROP, MOST_DROPPED, OPERATING_POINTS
from smartbert.report.page import Page, Section, scores_text


def choosing_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return the page: a section for the point of least cost, one for the budgets.

    Args:
        table: rows of `analysis.choosing.choices`.
    """
    totals = summary(table)
    common = _frame(summary(in_common(table, DROP)), [DROP])
    titles = ", ".join(dict.fromkeys(table["title"]))
    trained = table[["task", "method", "seed"]].drop_duplicates()
    return Page(
        "choosing",
        "What rules of choosing on tune give on test",
        (
            caption,
            f"{len(trained)} trainings ({titles}) on {trained['task'].nunique()} tasks, WNLI left"
            " out. Every rule chooses on tune among the same settings that were tried, with one"
            " exit threshold for all layers and the skip threshold. `difference`: score on test"
            " less dense BERT's, in points, mean over the trainings that have such a setting;"
            f" `optimism`: score on tune less that on test. {scores_text(trained)}"
            " choosing.csv has every choice."
            " This page looks at test, and the protocol's rule (one standard error, both ways) was"
            " settled with it at hand.",
        ),
        (
            Section(f"{DROP}: {OPERATING_POINTS[DROP].text}", _frame(totals, [DROP])),
            Section(f"{DROP}, on the trainings that every rule has a setting for", common),
            Section("Within a budget of cost", _frame(totals, list(BUDGETS))),
        ),
    )


def _frame(totals: pd.DataFrame, points: Sequence[str]) -> pd.DataFrame:
    rows = totals[totals["point"].isin(list(points))]
    several = len(points) > 1
    return pd.DataFrame(
        [
            {
                **({"budget": f"{BUDGETS[row.point]:.0%}"} if several else {}),
                "rule": row.rule,
                "chosen for": f"{row.chosen} of {row.runs}",
                "difference": f"{row.difference:+.2f}",
                "worst": f"{row.worst:+.1f}",
                f"within {MOST_DROPPED:g} point": f"{row.within:.0%}",
                "optimism": f"{row.optimism:+.2f}",
                "cost": f"{row.cost:.0%}",
            }
            for row in each(rows, Ruled)
        ]
    )
