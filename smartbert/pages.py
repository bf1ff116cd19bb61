"""Pages: the tables as people read them, in Markdown and LaTeX. No torch.

A page says what its data are, how cost is counted and what intervals cover; the tidy tables behind
it are those of `tables`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from smartbert.cost import CONVENTIONS
from smartbert.latex import Bold, booktabs
from smartbert.methods import REFERENCE, SUBJECT
from smartbert.points import BUDGETS, DENSE, DROP, FULL, GLOBAL, POINTS
from smartbert.tables import (
    by_task,
    one_convention,
    present_spaces,
    subject_differences,
    turned,
)
from smartbert.tasks import TASKS

POINT_TEXTS = {
    FULL: "full depth: no layer skipped, no exit taken",
    **{
        name: f"best score within {share:.0%} of dense BERT's cost"
        for name, share in BUDGETS.items()
    },
    DROP[0]: f"least cost within {DROP[1]:g} point of dense BERT",
}
SPACE_TEXTS = {
    GLOBAL: "one exit threshold for all layers, as published",
    "per_layer": "one exit threshold per layer",
}
SCORES = (
    "Scores are in points: Matthews correlation on CoLA, the mean of accuracy and F1 on MRPC and"
    " QQP, accuracy elsewhere."
)
BOOTSTRAP = (
    "Brackets hold the 95 % bootstrap interval over seeds and test examples together; with one"
    " seed it covers examples only."
)
TIES = (
    "Bold: the best of a column, and all that the paired interval of the difference does not tell"
    " from it. Dense BERT stands apart."
)


@dataclass(frozen=True)
class Section:
    """A table within a page.

    Attributes:
        frame: cells are texts or `Bold`.
        groups: column at whose changes a rule is drawn in LaTeX.
    """

    heading: str
    frame: pd.DataFrame
    groups: str | None = None


@dataclass(frozen=True)
class Page:
    """A table for reading: heading, what it is, one or more sections."""

    name: str
    heading: str
    paragraphs: tuple[str, ...]
    sections: tuple[Section, ...]

    def markdown(self) -> str:
        """Return the page as Markdown."""
        parts = [f"# {self.heading}", *filter(None, self.paragraphs)]
        for section in self.sections:
            if section.heading:
                parts.append(f"## {section.heading}")
            shown = section.frame.map(str)
            parts.append(shown.to_markdown(index=False, disable_numparse=True))
        return "\n\n".join(parts) + "\n"

    def latex(self) -> str:
        """Return the page's tables as LaTeX; captions say what they are."""
        about = " ".join(filter(None, self.paragraphs)).replace("`", "")
        tables = []
        for number, section in enumerate(self.sections, 1):
            heading = ": ".join(filter(None, (self.heading, section.heading)))
            tables.append(
                booktabs(
                    section.frame,
                    caption=f"{heading}. {about}" if number == 1 else f"{heading}.",
                    label=f"tab:{self.name}-{number}",
                    groups=section.groups,
                    size="scriptsize",
                )
            )
        return "\n".join(tables)


def glue_page(table: pd.DataFrame, differences: pd.DataFrame, *, caption: str) -> Page:
    """Return the main table: per space and operating point, methods by tasks.

    A cell has score, interval and cost as a share of dense BERT's, and how many seeds have such a
    setting where not all do; empty where none has (`glue.csv` says why).
    """
    name = one_convention(table)
    table = table.assign(trained=trained_seeds(table))
    sections = []
    for space in present_spaces(table):
        rows = table[table["space"] == space]
        dense = table[(table["method"] == REFERENCE) & (table["point"] == FULL)]
        for point in POINTS:
            own = rows[(rows["point"] == point) & (rows["method"] != REFERENCE)]
            own = own[own["score"].notna()]
            if own.empty:
                continue
            kind = "cost" if point == DROP[0] else "score"
            best = best_methods(own, differences, space=space, point=point, kind=kind)
            cells = {
                (r.method, column(r)): _cell(r, bold=(r.method, column(r)) in best)
                for r in own.itertuples()
            }
            cells |= {(r.method, column(r)): _cell(r) for r in dense.itertuples()}
            frame = _wide(cells, pd.concat([dense, own]))
            sections.append(Section(f"{point}: {POINT_TEXTS[point]} ({SPACE_TEXTS[space]})", frame))
    return Page(
        "glue",
        "GLUE: score and cost on test",
        (
            caption,
            f"Cost convention `{name}`: {CONVENTIONS[name].text}.",
            f"{SCORES} A cell: score [interval], cost as a share of dense BERT's. Settings were"
            " chosen on tune, where they keep their budget, and are reported on test; where not"
            " every seed has such a setting, a cell says how many do. An empty cell has none, the"
            " `status` in glue.csv says why.",
            BOOTSTRAP,
            TIES,
            _missing(table),
        ),
        tuple(sections),
    )


def sweep_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return the published settings, one row each."""
    name = one_convention(table)
    frame = pd.DataFrame(
        {
            "task": [column(row) for row in table.itertuples()],
            "method": table["title"],
            "setting": table["point"],
            "score": table["score"].map("{:.1f}".format),
            "accuracy": table["accuracy"].map("{:.1f}".format),
            "F1": table["f1"].map(number),
            "MCC": table["mcc"].map(number),
            "cost": table["cost_relative"].map("{:.1%}".format),
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
            f"{SCORES} Nothing was tuned here. `cost` is the share of dense BERT's, `layers` the"
            " mean number run; both are means over seeds and test examples.",
        ),
        (Section("", frame, groups="task"),),
    )


def curves_page(bands: pd.DataFrame, *, caption: str) -> Page:
    """Return the score within a few budgets, read off the fronts."""
    sections = []
    shown = bands[bands["budget"].round(2).isin([0.25, 0.33, 0.5, 0.67, 0.75, 1.0])]
    for space in present_spaces(bands):
        rows = shown[(shown["space"] == space) & (shown["method"] != REFERENCE)]
        rows = rows.assign(
            task=[column(row) for row in rows.itertuples()],
            budget=rows["budget"].map("{:.0%}".format),
            cell=[_interval(row.score, row.low, row.high) for row in rows.itertuples()],
        )
        wide = rows.pivot_table(
            index=["task", "title"], columns="budget", values="cell", aggfunc="first", sort=False
        )
        frame = wide.fillna("").reset_index().rename(columns={"title": "method"})
        sections.append(Section(SPACE_TEXTS[space], frame, groups="task"))
    return Page(
        "curves",
        "Score on test within a budget of cost",
        (
            caption,
            f"{SCORES} The best setting on tune whose mean cost there is within the budget,"
            " reported on test; a blank: no such setting in every seed. curves.csv has all"
            " settings of the fronts, bands.csv the score at each per cent.",
            BOOTSTRAP,
        ),
        tuple(sections),
    )


def auc_page(table: pd.DataFrame, differences: pd.DataFrame, *, caption: str) -> Page:
    """Return the mean score over the cost range, methods by tasks."""
    sections = []
    for space in present_spaces(table):
        own = table[table["space"] == space].assign(point="auc", score=table["auc"])
        best = best_methods(own, differences, space=space, point="auc", kind="score")
        cells = {}
        for row in own.itertuples():
            key = (row.method, column(row))
            text = _interval(row.auc, row.low, row.high)
            cells[key] = Bold(text) if key in best else text
        frame = _wide(cells, own)
        trainings = own.groupby("title", sort=False)["trainings"].max()
        frame["trainings"] = [str(trainings[title]) for title in frame["method"]]
        sections.append(Section(SPACE_TEXTS[space], frame))
    return Page(
        "auc",
        "Mean score over 25 to 100 % of dense BERT's cost",
        (
            caption,
            f"{SCORES} The front found on tune is read as a step function: at each budget the best"
            " affordable setting, below the cheapest one the majority class. `trainings` is how"
            " many trainings are behind a method's front, per seed.",
            BOOTSTRAP,
            TIES,
        ),
        tuple(sections),
    )


def differences_page(differences: pd.DataFrame, titles: dict[str, str], *, caption: str) -> Page:
    """Return the paired differences of the subject and every other method."""
    kinds = {("auc", "score"): "auc", **{(b, "score"): f"score at {b}" for b in BUDGETS}}
    kinds |= {(DROP[0], "cost"): f"cost at {DROP[0]}"}
    rows = subject_differences(differences)
    wanted = [key in kinds for key in zip(rows["point"], rows["kind"], strict=True)]
    rows = rows[np.array(wanted, dtype=bool)]
    sections = []
    for space in present_spaces(rows):
        own = rows[rows["space"] == space]
        own = own.assign(
            task=[column(row) for row in own.itertuples()],
            method=own["other"].map(titles),
            what=[kinds[key] for key in zip(own["point"], own["kind"], strict=True)],
            cell=[_difference(row) for row in own.itertuples()],
        )
        wide = own.pivot_table(
            index=["task", "method"], columns="what", values="cell", aggfunc="first", sort=False
        )
        wide = wide[[name for name in kinds.values() if name in wide]]
        frame = wide.fillna("").reset_index().rename(columns={"method": "compared with"})
        sections.append(Section(SPACE_TEXTS[space], frame, groups="task"))
    title = titles.get(SUBJECT, SUBJECT)
    return Page(
        "differences",
        f"{title} minus each other method, on test",
        (
            caption,
            "Paired: same seeds, same examples. Scores in points, cost in points of dense BERT's"
            " cost; brackets hold the 95 % interval, p is the probability that the difference is"
            " above 0. differences.csv has every pair.",
        ),
        tuple(sections),
    )


def exits_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return the scores of the exits, a column per layer."""
    rows = table.assign(task=[column(row) for row in table.itertuples()])
    wide = rows.pivot_table(
        index=["task", "title"], columns="layer", values="score", sort=False, observed=True
    )
    wide = wide[sorted(wide.columns)].map(number)
    wide.columns = [f"layer {layer}" for layer in wide.columns]
    return Page(
        "exits",
        "Score of each exit at full depth, on test",
        (
            caption,
            f"{SCORES} Every layer runs and every exit answers for all examples; the last layer's"
            " answer is the final head's. Means over seeds.",
        ),
        (Section("", wide.reset_index().rename(columns={"title": "method"}), groups="task"),),
    )


def gates_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return what the gates did, a column per layer: share skipped, mean and spread of gates."""
    cells = [
        f"{row.skipped:.0%} ({row.gate_mean:.2f} ± {row.gate_sd:.2f})" for row in table.itertuples()
    ]
    rows = table.assign(cell=cells, task=[TASKS[name].title for name in table["task"]])
    index = ["task", "title"]
    wide = rows.pivot_table(
        index=index, columns="layer", values="cell", aggfunc="first", sort=False
    )
    wide.columns = [f"layer {layer}" for layer in wide.columns]
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


def latency_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return the wall-clock of the operating points, a row each and a column per batch size."""
    # Each method was timed beside dense BERT; one of those rows is enough to read.
    shown = table[(table["point"] != DENSE) | (table["method"] == REFERENCE)]
    rows = shown.assign(
        task=[TASKS[name].title for name in shown["task"]],
        FLOPs=shown["cost_relative"].map("{:.0%}".format),
        time=[
            f"{row.time_relative:.0%} [{row.time_low:.0%}, {row.time_high:.0%}]"
            f" {row.milliseconds:.2f} ms"
            for row in shown.itertuples()
        ],
    )
    wide = rows.pivot_table(
        index=["task", "title", "point", "FLOPs"],
        columns="batch_size",
        values="time",
        aggfunc="first",
        sort=False,
    )
    wide.columns = [f"time, batch {size}" for size in wide.columns]
    frame = wide.fillna("").reset_index().rename(columns={"title": "method"})
    machine = table.iloc[0]
    return Page(
        "latency",
        "Wall-clock against FLOPs",
        (
            caption,
            f"Measured on {machine['device']} with {machine['threads']} threads, torch"
            f" {machine['torch']}, {machine['dtype']}, {machine['examples']} test examples,"
            f" {machine['repeats']} rounds after one of warm-up. Dense BERT runs in the same"
            " engine on the same batches, in turns with the method in one process. A cell: median"
            " time relative to dense BERT's [quartiles over rounds], and per example. `FLOPs` is"
            " the mean over these examples.",
        ),
        (Section("", frame, groups="task"),),
    )


def column(row) -> str:
    """Return how a row's task, and its test subset where there are several, is called."""
    title = TASKS[row.task].title
    subset = getattr(row, "subset", "")
    return f"{title} ({subset})" if isinstance(subset, str) and subset else title


def best_methods(
    rows: pd.DataFrame, differences: pd.DataFrame, *, space: str, point: str, kind: str
) -> set[tuple[str, str]]:
    """Return (method, column) of the best of every column and of its ties by interval."""
    found = set()
    pairs = differences[
        (differences["space"] == space)
        & (differences["point"] == point)
        & (differences["kind"] == kind)
    ]
    pairs = pd.concat([pairs, turned(pairs)])
    value = "cost_relative" if kind == "cost" else "score"
    for (name, subset), own in rows.groupby(["task", "subset"], sort=False):
        position = own[value].idxmin() if kind == "cost" else own[value].idxmax()
        best = own.loc[position]
        against = pairs[
            (pairs["first"] == best["method"])
            & (pairs["task"] == name)
            & (pairs["subset"] == subset)
        ]
        tied = against[(against["low"] <= 0) & (against["high"] >= 0)]["second"]
        names = {best["method"], *tied} & set(own["method"])
        where = {row.method: column(row) for row in own.itertuples()}
        found |= {(method, where[method]) for method in names}
    return found


def trained_seeds(table: pd.DataFrame) -> pd.Series:
    """Return, for every row of the main table, how many seeds of its method were trained."""
    return table.groupby(["task", "method"])["seeds"].transform("max")


def some_seeds(known: float, trained: float) -> str:
    """Return what follows a value that only some of the seeds have; empty where all do."""
    return f", {known:.0f} of {trained:.0f} seeds" if known < trained else ""


def number(value: float) -> str:
    """Return a score, empty where there is none."""
    return "" if pd.isna(value) else f"{value:.1f}"


def _interval(value: float, low: float, high: float) -> str:
    return "" if pd.isna(value) else f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _cell(row, *, bold: bool = False) -> str | Bold:
    text = f"{_interval(row.score, row.score_low, row.score_high)} {row.cost_relative:.0%}"
    text += some_seeds(row.seeds, row.trained)
    return Bold(text) if bold else text


def _difference(row) -> str:
    scale = 100 if row.kind == "cost" else 1
    value, low, high = (scale * v for v in (row.difference, row.low, row.high))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}] p {row.probability:.2f}"


def _wide(cells: dict[tuple[str, str], str | Bold], rows: pd.DataFrame) -> pd.DataFrame:
    """Return methods by columns from cells of (method, column), in the rows' order."""
    rows = by_task(rows)
    columns = list(dict.fromkeys(column(row) for row in rows.itertuples()))
    # A method stands where most tasks have it: the first task with all of them gives the order.
    titles = {row.method: row.title for row in rows.itertuples()}
    return pd.DataFrame(
        [
            {"method": title, **{c: cells.get((method, c), "") for c in columns}}
            for method, title in titles.items()
        ]
    )


def _missing(table: pd.DataFrame) -> str:
    rows = table[table["point"].isna()]
    if rows.empty:
        return ""
    told = [f"{row.title} on {TASKS[row.task].title} ({row.status})" for row in rows.itertuples()]
    return f"Missing, and left out of every mean: {'; '.join(told)}."
