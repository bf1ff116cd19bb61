"""The page that sets our figures beside the literature's."""

import pandas as pd

from smartbert.analysis.rows import Measured, each
from smartbert.manifest import REFERENCE
from smartbert.metrics import measured
from smartbert.points import FULL, HALF, MAIN
from smartbert.report.latex import booktabs
from smartbert.report.literature import (
    ALL_TASKS,
    EVIDENCE,
    METHODS,
    METRICS,
    SPEEDUPS,
    places,
    published,
)
from smartbert.tasks import TASKS

OURS = {
    REFERENCE: "BERT",
    "truncated_bert": "Truncated BERT",
    "deebert": "DeeBERT",
    "pabee": "PABEE",
    "skip_only": "Skip-only",
    "smartbert": "SmartBERT",
}

SPACE = MAIN  # the parameter that each method publishes, as the literature has
POINT = HALF  # the literature's tables stand near 2x
NEEDED = [
    *("task", "method", "space", "subset", "point", "score", "score_low", "score_high", "cost"),
    *("seeds", "status"),
]
KEYS = ["task", "place", "method"]
SHOWN = ["task", "method", "split", "score", "speed-up", "counted as", "source"]
SHOWN_OURS = ["ours score", "ours cost", "ours set-up"]


class Published:
    """A row of the published figures."""

    task: str
    subset: str
    method: str
    split: str
    metric: str
    value: float
    speedup: float
    speedup_high: float
    speedup_kind: str
    evidence: str
    source: str


def published_table(ours: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the table as texts: one row per task, method, split and source, dense BERT first.

    A figure of ours stands beside the first row of its method and task, or in a row of its own. Of
    ours, dense BERT has its full point and every other method the point `POINT` in the space
    `SPACE`.

    Args:
        ours: one row per task, method, space, subset and operating point, with the columns
            `NEEDED`; other methods than those of `OURS` are left out. None leaves our columns out.

    Raises:
        ValueError: if a column is missing, or a method has two such points on a task.
    """
    table = _published_rows(published())
    if ours is not None:
        table = table.merge(_our_rows(ours), on=[*KEYS, "number"], how="outer")
    order = pd.DataFrame(
        {
            "task": table["task"].map([*TASKS, ALL_TASKS].index),
            "place": [
                places(task).index(place)
                for task, place in zip(table["task"], table["place"], strict=True)
            ],
            "method": table["method"].map(METHODS.index),
            "number": table["number"],
        }
    )
    table = table.loc[order.sort_values([*KEYS, "number"]).index].reset_index(drop=True)
    titles = {name: spec.title for name, spec in TASKS.items()} | {ALL_TASKS: "all eight"}
    columns = SHOWN if ours is None else SHOWN + SHOWN_OURS
    return table.assign(task=table["task"].map(titles))[columns].fillna("")


def published_markdown(table: pd.DataFrame, *, caption: str = "") -> str:
    """Return the table for reading, with what its columns mean, its sources and their notes."""
    figures = published()
    sources = [f"- {source}" for source in figures["source"].drop_duplicates()]
    figures = figures.assign(note=figures["note"].str.split("; ")).explode("note")
    noted = figures[figures["note"] != ""].groupby(["source", "note"], sort=False)
    notes = [f"- {_where(rows)}: {note}." for (_, note), rows in noted]
    parts = [
        "# Published figures for BERT-base",
        caption,
        *_explanation(table),
        table.to_markdown(index=False, disable_numparse=True),
        "## Sources\n\n" + "\n".join(sources),
        "## Notes\n\n" + "\n".join(notes),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def published_latex(table: pd.DataFrame, *, caption: str = "", label: str = "tab:published") -> str:
    """Return the table as LaTeX, for a page in landscape."""
    text = " ".join(filter(None, [caption, *_explanation(table)])).replace("`", "")
    return booktabs(table, caption=text, label=label, groups="task", size="scriptsize")


def _explanation(table: pd.DataFrame) -> list[str]:
    """Return what the columns of a table mean, as paragraphs."""
    figures = published()
    kinds = [f"{k} ({text})" for k, text in SPEEDUPS.items() if k in set(figures["speedup_kind"])]
    letters = [f"[{k}] {text}" for k, text in EVIDENCE.items() if k in set(figures["evidence"])]
    paragraphs = [
        "The literature's scores are in points, as printed: accuracy where no metric is named, (?)"
        " where a source gives one figure for a task with two metrics and does not say which."
        " `dev` is GLUE's validation split, `test` the hidden one. Recipes, seeds and hardware"
        " differ between sources.",
        f"`counted as` says what a speed-up is: {', '.join(kinds)}. Evidence behind a source:"
        f" {', '.join(letters)}.",
    ]
    if "ours score" in table.columns:
        paragraphs.append(
            "Ours are measured on the test split of this suite, in columns of their own, and no"
            " difference to the literature is an effect of a method alone. `ours score` is the mean"
            " of accuracy and F1 on MRPC and QQP, Matthews correlation on CoLA, accuracy elsewhere,"
            " with its 95 % interval; `ours cost` the share of dense BERT's. Dense BERT is at full"
            f" depth, the others at the operating point {POINT}. Truncated BERT has the depth that"
            " was tuned; the literature's has 6 layers."
        )
    return paragraphs


def _published_rows(figures: pd.DataFrame) -> pd.DataFrame:
    """Return a row per task, subset, method, split and source, its metrics in one cell.

    `place` is the subset that the row stands at (a source that names none of MNLI's is put at the
    first), `number` counts the rows of one method there.
    """
    keys = ["task", "subset", "method", "split", "source"]
    rows = []
    for _, group in figures.groupby(keys, sort=False):
        first, *_ = own = list(each(group, Published))
        rows.append(
            {
                "task": first.task,
                "place": first.subset or places(first.task)[0],
                "method": first.method,
                "split": f"{first.split}, {first.subset}" if first.subset else first.split,
                "score": ", ".join(_score(row) for row in own),
                "speed-up": _speedup(first.speedup, first.speedup_high),
                "counted as": first.speedup_kind,
                "source": f"{_short(first.source)} [{first.evidence}]",
            }
        )
    table = pd.DataFrame(rows)
    table["number"] = table.groupby(KEYS).cumcount()
    return table


def _score(row: Published) -> str:
    if pd.isna(row.value):
        return "not known"
    if measured(TASKS[row.task]) == ("accuracy",):
        return str(row.value)  # nothing else it could be, and the page says so
    return f"{row.value} {METRICS[row.metric]}"


def _speedup(low: float, high: float) -> str:
    if pd.isna(low):
        return ""
    return f"{low:.2f}x" if pd.isna(high) else f"{low:g}–{high:g}x"


def _our_rows(ours: pd.DataFrame) -> pd.DataFrame:
    """Return our chosen points as texts, with the keys that place them beside the literature's."""
    missing = [name for name in NEEDED if name not in ours.columns]
    if missing:
        raise ValueError(f"columns {missing} are missing; needed: {NEEDED}")
    rows = ours[ours["method"].isin(OURS)]
    rows = rows.assign(subset=rows["subset"].fillna(""))
    keys = ["task", "subset", "method"]
    dense = rows["method"] == REFERENCE
    # Dense BERT has no threshold, so its point is the same in every space.
    full = rows[dense & (rows["point"] == FULL)].drop_duplicates(keys)
    tuned = rows[~dense & (rows["point"] == POINT) & (rows["space"] == SPACE)]
    rows = pd.concat([full, tuned])
    if rows.duplicated(keys).any():
        twice = rows[rows.duplicated(keys)][keys].to_dict("records")
        raise ValueError(f"two points {POINT!r} of one method on a task: {twice}")
    return pd.DataFrame(
        {
            "task": rows["task"],
            "place": rows["subset"],
            "method": rows["method"].map(OURS),
            "number": 0,
            "ours score": [_interval(row) for row in each(rows, Measured)],
            "ours cost": ["" if pd.isna(cost) else f"{cost:.1%}" for cost in rows["cost"]],
            "ours set-up": [_setup(row) for row in each(rows, Measured)],
        }
    )


def _interval(row: Measured) -> str:
    if pd.isna(row.score):
        return ""
    if pd.isna(row.score_low) or pd.isna(row.score_high):
        return f"{row.score:.1f}"
    return f"{row.score:.1f} [{row.score_low:.1f}, {row.score_high:.1f}]"


def _setup(row: Measured) -> str:
    status = "" if pd.isna(row.status) or row.status == "ok" else str(row.status)
    seeds = f"{row.seeds:.0f} seed{'' if row.seeds == 1 else 's'}" if row.seeds > 0 else ""
    return ", ".join(filter(None, [row.subset, row.point, seeds, status]))


def _where(rows: pd.DataFrame) -> str:
    """Return which figures a note is about: "COSEE, DeeBERT and PABEE (MRPC)"."""
    methods = " and ".join(rows["method"].unique())
    tasks = ", ".join(TASKS[name].title for name in rows["task"].unique() if name in TASKS)
    return f"{_short(rows['source'].iloc[0])}, {methods}" + (f" ({tasks})" if tasks else "")


def _short(source: str) -> str:
    """Return a source's name without the place in brackets where it is found."""
    return source.split(" (")[0]
