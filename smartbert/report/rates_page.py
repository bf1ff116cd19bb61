"""The page of the search for the rates of heads: what tune says of each, and which is used."""

import pandas as pd

from smartbert.analysis.rates import best_rates
from smartbert.analysis.rows import Rated, each
from smartbert.report.latex import Bold
from smartbert.report.page import Page, Section, scores_text
from smartbert.tasks import TASKS


def rates_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return the page: a row for each entry and rate.

    Args:
        table: rows of `analysis.rates.rate_rows`.
    """
    best = best_rates(table)
    tasks = [TASKS[name].title for name in dict.fromkeys(table["task"])]
    used = table[table["used"]].drop_duplicates("method").set_index("method")["rate"].to_dict()
    other = [name for name, rate in best.items() if used.get(name) != rate]
    verdict = "The config has the best rate of every entry."
    if other:
        verdict = f"The config has another rate than the best one for {', '.join(other)}."
    return Page(
        "rates",
        "Learning rates of heads, as tune has them",
        (
            caption,
            f"{verdict} Score on tune, the mean of all exits and the final head, gates at their"
            f" own threshold, seed {table['seed'].iloc[0]}; the rate with the best mean over"
            f" {' and '.join(tasks)} (bold) holds for all tasks and seeds. {scores_text(table)}"
            " Test has no part in it.",
        ),
        (Section("", _frame(table, best)),),
    )


def _frame(table: pd.DataFrame, best: dict[str, float]) -> pd.DataFrame:
    rows = []
    for (name, rate), own in table.groupby(["method", "rate"], sort=False):
        mean = f"{own['score'].mean():.1f}"
        rows.append(
            {
                "entry": str(name),
                "rate": f"{rate:g}",
                **{TASKS[row.task].title: f"{row.score:.1f}" for row in each(own, Rated)},
                "mean": Bold(mean) if best[str(name)] == rate else mean,
                "in the config": "yes" if own["used"].any() else "",
            }
        )
    return pd.DataFrame(rows)
