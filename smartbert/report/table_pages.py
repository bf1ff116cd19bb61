"""The tables as people read them: a page for each.

A page says what its data are, how cost is counted and what intervals cover; the tidy tables behind
it are those of `analysis.tables`.
"""

from collections.abc import Collection, Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd

from smartbert.analysis.rows import Averaged, Compared, Difference, Gated, Placed, Ranged, each
from smartbert.analysis.tables import (
    beside_main,
    best_methods,
    by_task,
    one_convention,
    present_spaces,
    subject_differences,
    trained_seeds,
)
from smartbert.cost import CONVENTIONS
from smartbert.manifest import REFERENCE, SUBJECT
from smartbert.metrics import METRICS
from smartbert.metrics import columns as metric_columns
from smartbert.points import (
    AUC,
    BUDGETS,
    DROP,
    FULL,
    MAIN,
    OPERATING_POINTS,
    SETTLED,
    SPACE_RECORDS,
)
from smartbert.report.latex import Bold
from smartbert.report.page import (
    INTERVALS,
    TIES,
    Page,
    Section,
    averaged,
    column,
    columns,
    in_some_draws,
    number,
    scores_text,
    some_seeds,
    with_interval,
)
from smartbert.tasks import TASKS

Cell: TypeAlias = str | Bold
READ_OFF = [0.25, 0.33, 0.5, 0.67, 0.75, 1.0]  # costs at which the page of curves reads them
HEADINGS = {"mcc": "MCC"}  # of metrics whose title is long


def glue_page(
    table: pd.DataFrame,
    differences: pd.DataFrame,
    *,
    caption: str,
    beside: Mapping[str, Collection[str]],
) -> Page:
    """Return the main table: per space and operating point, methods by tasks.

    A cell has score, interval, optimism, cost as a share of dense BERT's and how much of seeds and
    draws have such a setting; empty where none has (`glue.csv` says why).

    Args:
        beside: by method, spaces whose rows stand in the main space's sections, too.
    """
    name = one_convention(table)
    table = table.assign(trained=trained_seeds(table))
    dense = table[(table["method"] == REFERENCE) & (table["point"] == FULL)]
    sections = []
    for space in present_spaces(table):
        rows = _rows_of(table, space, beside)
        rows = rows[rows["method"] != REFERENCE]
        for point in OPERATING_POINTS.values():
            own = rows[(rows["point"] == point.name) & rows["score"].notna()]
            if point.name == FULL:  # at full depth no setting is searched
                own = own[own["space"] == space]
            if own.empty:
                continue
            kind = "cost" if point.budget is None and point.name != FULL else "score"
            searched = own[own["space"] == space]
            best = best_methods(searched, differences, space=space, point=point.name, kind=kind)
            cells: dict[tuple[str, str], Cell] = {}
            for row in each(own, Compared):
                bold = row.method in best.get((row.task, row.subset), ())
                cells[row.method, column(row)] = _cell(row, bold=bold)
            cells |= {(row.method, column(row)): _cell(row) for row in each(dense, Compared)}
            heading = f"{point.name}: {point.text} ({SPACE_RECORDS[space].text})"
            sections.append(Section(heading, _wide(cells, pd.concat([dense, own]))))
    settled = table[table["point"] == SETTLED]
    if len(settled):
        cells = {(row.method, column(row)): _cell(row) for row in each(settled, Compared)}
        sections.append(Section(f"settled: {SETTLED_TEXT}", _wide(cells, settled)))
    own_tasks = any(TASKS[name].own for name in table["task"])
    return Page(
        "glue",
        "Score and cost on test" if own_tasks else "GLUE: score and cost on test",
        (
            caption,
            f"Cost convention `{name}`: {CONVENTIONS[name].text}.",
            f"{scores_text(table)}"
            " A cell: score on test [interval] (optimism: the score on tune less that on"
            " test), then cost as a share of dense BERT's: the mean over examples of the ratio, and"
            " after the slash the ratio of the sums. Settings were chosen on tune, where they keep"
            " their budget; on test they can miss it. Where not every seed has such a setting, a"
            " cell says how many do, and such a mean decides nothing. An empty cell has none, the"
            " `status` in glue.csv says why. A fixed exit stands at the deepest layer that the"
            " budget affords, which can be far below it: compare it at equal cost (curves.md,"
            " auc.md).",
            INTERVALS,
            TIES,
            _missing(table),
        ),
        tuple(sections),
    )


# What a row of that name is, and is not.
SETTLED_TEXT = (
    "each example leaves at the first layer from which its answer no longer changes: full depth's"
    " answers at the least cost, which needs to know the future (a bound, not a method)"
)


def sweep_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return the published settings, one row each."""
    name = one_convention(table)
    frame = pd.DataFrame(
        {
            "task": columns(table),
            "method": table["title"],
            "setting": table["point"],
            "score": table["score"].map("{:.1f}".format),
            **{HEADINGS.get(m, METRICS[m].title): table[m].map(number) for m in metric_columns()},
            "cost": table["cost_relative"].map("{:.1%}".format),
            "cost, ratio of sums": table["cost_total"].map("{:.1%}".format),
            "speed-up": table["speedup"].map("{:.2f}x".format),
            "layers": table["layers"].map("{:.2f}".format),
            "seeds": table["seeds"].map(str),
        }
    )
    return Page(
        "sweep",
        "The thresholds that the methods' publications sweep, on test",
        (
            caption,
            f"Cost convention `{name}`: {CONVENTIONS[name].text}.",
            f"{scores_text(table)}"
            " Nothing was tuned here. `cost` is the share of dense BERT's on each example,"
            " `layers` the mean number run; both are over test examples,"
            f" {averaged(table)}.",
        ),
        (Section("", frame, groups="task"),),
    )


def curves_page(
    bands: pd.DataFrame, *, caption: str, beside: Mapping[str, Collection[str]]
) -> Page:
    """Return the score at a few costs, read off the curves; `beside` as in `glue_page`."""
    sections = []
    shown = bands[bands["cost"].round(2).isin(READ_OFF)]
    for space in present_spaces(bands):
        rows = _rows_of(shown, space, beside)
        rows = rows[rows["method"] != REFERENCE]
        rows = rows.assign(
            task=columns(rows),
            cost=rows["cost"].map("{:.0%}".format),
            cell=[with_interval(row.score, row.low, row.high) for row in each(rows, Ranged)],
        )
        wide = rows.pivot_table(
            index=["task", "title"], columns="cost", values="cell", aggfunc="first", sort=False
        )
        frame = wide.fillna("").reset_index().rename(columns={"title": "method"})
        sections.append(Section(SPACE_RECORDS[space].text, frame, groups="task"))
    return Page(
        "curves",
        "Score on test at equal cost",
        (
            caption,
            f"{scores_text(bands)}"
            " The settings that tune chooses for budgets of 5, 7.5, ... 100 % of dense"
            " BERT's cost, carried to test and read by straight lines at the same cost there: a"
            " coin tossed between two neighbours reaches every cost between them, and between the"
            " cheapest one and the majority class every cost below (for MCC and F1 an"
            " approximation). curves.csv has the settings, bands.csv the score at each per cent.",
            INTERVALS,
        ),
        tuple(sections),
    )


def auc_page(
    table: pd.DataFrame,
    differences: pd.DataFrame,
    *,
    caption: str,
    beside: Mapping[str, Collection[str]],
) -> Page:
    """Return the mean score over the cost range, methods by tasks; `beside` as in `glue_page`."""
    sections = []
    for space in present_spaces(table):
        own = _rows_of(table, space, beside)
        own = own.assign(point=AUC, score=own[AUC])
        searched = own[own["space"] == space]
        best = best_methods(searched, differences, space=space, point=AUC, kind="score")
        cells: dict[tuple[str, str], Cell] = {}
        for row in each(own, Averaged):
            text = with_interval(row.auc, row.low, row.high)
            text += some_seeds(row.seeds, row.seeds)
            bold = row.method in best.get((row.task, row.subset), ())
            cells[row.method, column(row)] = Bold(text) if bold else text
        frame = _wide(cells, own)
        trainings = own.groupby("title", sort=False)["trainings"].max()
        frame["trainings"] = [str(trainings[title]) for title in frame["method"]]
        sections.append(Section(SPACE_RECORDS[space].text, frame))
    return Page(
        "auc",
        "Mean score over 25 to 100 % of dense BERT's cost",
        (
            caption,
            f"The primary endpoint. {scores_text(table)}"
            " A method's curve on test, read by straight lines"
            " (curves.md), averaged over costs from 25 to 100 %. `trainings` is how many trainings"
            " are behind a method's curve, per seed.",
            INTERVALS,
            TIES,
        ),
        tuple(sections),
    )


def differences_page(differences: pd.DataFrame, titles: Mapping[str, str], *, caption: str) -> Page:
    """Return the paired differences of the subject and every other method."""
    kinds = {(AUC, "score"): AUC, **{(b, "score"): f"score at {b}" for b in BUDGETS}}
    kinds |= {(DROP, "cost"): f"cost at {DROP}"}
    rows = subject_differences(differences)
    wanted = [key in kinds for key in zip(rows["point"], rows["kind"], strict=True)]
    rows = rows[np.array(wanted, dtype=bool)]
    sections = []
    for space in present_spaces(rows):
        own = rows[rows["space"] == space]
        own = own.assign(
            task=columns(own),
            method=own["other"].map(titles),
            what=[kinds[key] for key in zip(own["point"], own["kind"], strict=True)],
            cell=[_difference(row) for row in each(own, Difference)],
        )
        wide = own.pivot_table(
            index=["task", "method"], columns="what", values="cell", aggfunc="first", sort=False
        )
        wide = wide[[name for name in kinds.values() if name in wide]]
        frame = wide.fillna("").reset_index().rename(columns={"method": "compared with"})
        sections.append(Section(SPACE_RECORDS[space].text, frame, groups="task"))
    title = titles.get(SUBJECT, SUBJECT)
    return Page(
        "differences",
        f"{title} minus each other method, on test",
        (
            caption,
            "Paired: same seeds, same examples, on tune as on test. auc is the primary endpoint,"
            " everything else is secondary. Scores in points, cost in points of dense BERT's cost;"
            " p is the probability that the difference is above 0. differences.csv has every pair.",
            INTERVALS,
        ),
        tuple(sections),
    )


def exits_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return the scores of the exits, a column per layer."""
    rows = table.assign(task=columns(table))
    wide = rows.pivot_table(
        index=["task", "title"], columns="layer", values="score", sort=False, observed=True
    )
    wide = wide[sorted(wide.columns)].map(number)
    wide.columns = pd.Index([f"layer {layer}" for layer in wide.columns])
    return Page(
        "exits",
        "Score of each exit at full depth, on test",
        (
            caption,
            f"{scores_text(table)}"
            " Every layer runs and every exit answers for all examples; the last layer's"
            f" answer is the final head's. {averaged(table).capitalize()}.",
        ),
        (Section("", wide.reset_index().rename(columns={"title": "method"}), groups="task"),),
    )


def gates_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return what the gates did, a column per layer: share skipped, mean and spread of gates."""
    cells = [
        f"{row.skipped:.0%} ({row.gate_mean:.2f} ± {row.gate_sd:.2f})" for row in each(table, Gated)
    ]
    rows = table.assign(cell=cells, task=[TASKS[name].title for name in table["task"]])
    index = ["task", "title"]
    wide = rows.pivot_table(
        index=index, columns="layer", values="cell", aggfunc="first", sort=False
    )
    wide.columns = pd.Index([f"layer {layer}" for layer in wide.columns])
    wide["undecided"] = rows.groupby(index, sort=False)["undecided"].mean().map("{:.0%}".format)
    return Page(
        "gates",
        "What the gates did, on test",
        (
            caption,
            "At each method's own skip threshold. A cell has the share of examples that skip the"
            " layer, and the gates' mean ± standard deviation over examples. `undecided` is the"
            " share of gates in (0.1, 0.9).",
        ),
        (Section("", wide.reset_index().rename(columns={"title": "method"}), groups="task"),),
    )


def _rows_of(
    table: pd.DataFrame, space: str, beside: Mapping[str, Collection[str]]
) -> pd.DataFrame:
    """Return the rows of a space, in the main one with those that stand beside them."""
    return beside_main(table, beside) if space == MAIN else table[table["space"] == space]


def _cell(row: Compared, *, bold: bool = False) -> Cell:
    text = with_interval(row.score, row.score_low, row.score_high)
    text += f" ({row.optimism:+.1f})" if row.optimism == row.optimism else ""
    text += f" {row.cost_relative:.0%}"
    text += f"/{row.cost_total:.0%}" if row.cost_total == row.cost_total else ""
    text += in_some_draws(row.none) + some_seeds(row.seeds, row.trained)
    return Bold(text) if bold else text


def _difference(row: Difference) -> str:
    scale = 100 if row.kind == "cost" else 1
    numbers = (scale * v for v in (row.difference, row.low, row.high))
    text = f"{with_interval(*numbers, spec='+.1f')} p {row.probability:.2f}"
    return text + in_some_draws(row.none) + some_seeds(row.seeds, row.seeds)


def _wide(cells: Mapping[tuple[str, str], Cell], rows: pd.DataFrame) -> pd.DataFrame:
    """Return methods by columns from cells of (method, column), in the rows' order."""
    rows = by_task(rows)
    names = list(dict.fromkeys(columns(rows)))
    # A method stands where most tasks have it: the first task with all of them gives the order.
    titles = {row.method: row.title for row in each(rows, Placed)}
    return pd.DataFrame(
        [
            {"method": title, **{c: cells.get((method, c), "") for c in names}}
            for method, title in titles.items()
        ]
    )


def _missing(table: pd.DataFrame) -> str:
    rows = table[table["point"].isna()]
    if rows.empty:
        return ""
    told = [
        f"{row.title} on {TASKS[row.task].title} ({row.status})" for row in each(rows, Compared)
    ]
    return f"Missing, and left out of every mean: {'; '.join(told)}."
