"""Tables: the scores of all runs, averaged over seeds, as a tidy csv and for reading."""

import pandas as pd

from smartbert.cost import CONVENTIONS
from smartbert.methods import REFERENCE
from smartbert.tasks import TASKS

KEYS = ["task", "method", "title", "point", "subset", "skip_threshold", "exit_threshold"]
VALUES = ["score", "accuracy", "f1", "mcc", "cost_relative", "layers"]
COLUMNS = [
    *("task", "method", "point", "score", "accuracy", "f1", "mcc", "cost_relative", "speedup"),
    *("layers", "seeds", "convention", "status", "subset", "title"),
    *("skip_threshold", "exit_threshold", "examples"),
]


def glue_table(scores: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one row per task, method, point and test subset: means over seeds.

    Raises:
        ValueError: if the scores are not all in one cost convention.
    """
    rows = pd.concat(scores, ignore_index=True)
    if rows["convention"].nunique() != 1:
        raise ValueError(f"mixed cost conventions: {sorted(rows['convention'].unique())}")
    groups = rows.groupby(KEYS, dropna=False, sort=False)
    table = groups[VALUES].mean()
    table["seeds"] = groups["seed"].nunique()
    table["examples"] = groups["examples"].first()
    table["convention"] = rows["convention"].iloc[0]
    table["status"] = groups["status"].agg(lambda values: "; ".join(sorted(set(values))))
    table["speedup"] = 1 / table["cost_relative"]
    table = table.reset_index()
    return table.sort_values("task", key=_task_order, kind="stable")[COLUMNS]


def exits_table(scores: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one row per task, method, exit layer and test subset: means over seeds.

    Only methods with exits are in it, and dense BERT for comparison.
    """
    # Asked of each run: trainings of one group (truncated BERT's depths) are no exits of one model.
    shown = [s for s in scores if s["layer"].nunique() > 1 or (s["method"] == REFERENCE).any()]
    rows = pd.concat(shown, ignore_index=True)
    keys = ["task", "method", "title", "subset", "layer"]
    groups = rows.groupby(keys, dropna=False, sort=False)
    table = groups[["score", "accuracy", "f1", "mcc"]].mean()
    table["seeds"] = groups["seed"].nunique()
    return table.reset_index().sort_values("task", key=_task_order, kind="stable")


def exits_markdown(table: pd.DataFrame, *, caption: str) -> str:
    """Return the scores of the exits for reading, a column per layer."""
    table = table.assign(task=[_task(row) for row in table.itertuples()])
    wide = table.pivot_table(
        index=["task", "title"], columns="layer", values="score", sort=False, observed=True
    )
    wide = wide[sorted(wide.columns)].map(_blank).reset_index()
    return _page(
        "Score of each exit at full depth, on test",
        caption,
        "Every layer runs and every exit answers for all examples; the last layer's answer is the"
        " final head's. In points, means over seeds.",
        table=wide.rename(columns={"title": "method"}),
    )


def gates_table(summaries: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one row per task, method with gates, and layer: means over seeds."""
    rows = pd.concat([s for s in summaries if len(s)] or summaries[:1], ignore_index=True)
    groups = rows.groupby(["task", "method", "title", "layer"], sort=False)
    table = groups[["skipped", "gate_mean", "gate_sd", "undecided"]].mean()
    table["seeds"] = groups["seed"].nunique()
    return table.reset_index().sort_values("task", key=_task_order, kind="stable")


def gates_markdown(table: pd.DataFrame, *, caption: str) -> str:
    """Return what the gates did for reading, a column per layer: share skipped, mean and spread of
    gates.
    """
    cells = [
        f"{row.skipped:.0%} ({row.gate_mean:.2f} ± {row.gate_sd:.2f})" for row in table.itertuples()
    ]
    table = table.assign(cell=cells, task=[TASKS[name].title for name in table["task"]])
    index = ["task", "title"]
    wide = table.pivot_table(
        index=index, columns="layer", values="cell", aggfunc="first", sort=False
    )
    wide["undecided"] = table.groupby(index, sort=False)["undecided"].mean().map("{:.0%}".format)
    return _page(
        "What the gates did, on test",
        caption,
        "At each method's own skip threshold. A cell has the share of examples that skip the layer,"
        " and the gates' mean ± standard deviation over examples. `undecided` is the share of gates"
        " in (0.1, 0.9).",
        table=wide.reset_index().rename(columns={"title": "method"}),
    )


def _task_order(names: pd.Series) -> pd.Series:
    return names.map({name: number for number, name in enumerate(TASKS)})


def glue_markdown(table: pd.DataFrame, *, caption: str) -> str:
    """Return the table for reading, with the data and the cost convention stated above it."""
    name = table["convention"].iloc[0]
    shown = pd.DataFrame(
        {
            "task": [_task(row) for row in table.itertuples()],
            "method": table["title"],
            "point": table["point"],
            "score": table["score"].map("{:.1f}".format),
            "accuracy": table["accuracy"].map("{:.1f}".format),
            "F1": table["f1"].map(_blank),
            "MCC": table["mcc"].map(_blank),
            "cost": table["cost_relative"].map("{:.1%}".format),
            "speed-up": table["speedup"].map("{:.2f}x".format),
            "layers": table["layers"].map("{:.2f}".format),
            "seeds": table["seeds"],
            "status": table["status"],
        }
    )
    return _page(
        "GLUE: score and cost on test",
        caption,
        f"Cost convention `{name}`: {CONVENTIONS[name].text}.",
        "Scores are in points: Matthews correlation on CoLA, the mean of accuracy and F1 on MRPC"
        " and QQP, accuracy elsewhere. `cost` is the share of dense BERT's, `layers` the mean"
        " number run; both are means over seeds and test examples.",
        table=shown,
    )


def _page(heading: str, *paragraphs: str, table: pd.DataFrame) -> str:
    """Return a Markdown page: heading, the paragraphs that are not empty, the table."""
    shown = table.to_markdown(index=False, disable_numparse=True)
    return "\n\n".join([f"# {heading}", *filter(None, paragraphs), shown]) + "\n"


def _task(row) -> str:
    title = TASKS[row.task].title
    return f"{title} ({row.subset})" if isinstance(row.subset, str) and row.subset else title


def _blank(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.1f}"
