"""The literature's figures for BERT-base on the eight tasks, and the table that sets ours beside
them.

The figures are facts typed from papers, READMEs and logs: `literature.csv` has a row per task,
method, source and metric, `literature_exits.csv` the exits of jointly trained models. They come
from other splits, seeds and ways to count cost than ours, so the table gives ours columns of their
own.
"""

from pathlib import Path

import pandas as pd

from smartbert.latex import booktabs
from smartbert.methods import REFERENCE
from smartbert.tasks import TASKS

ALL_TASKS = "all"  # the task of a claim over all tasks together, which has no score
METRICS = {"accuracy": "acc.", "f1": "F1", "mean": "mean", "mcc": "MCC", "unstated": "(?)"}
SPLITS = ("dev", "test")
EVIDENCE = {
    "P": "the paper or its authors' repository",
    "S": "somebody else's table or replication",
    "N": "notes",
}
SPEEDUPS = {
    "reference": "dense BERT itself",
    "layers saved": "all layers by mean layers run",
    "wall-clock": "measured time",
    "unstated": "a factor whose counting the source does not state",
    "as claimed": "a range the abstract claims",
}
# In the order of the table: dense and smaller models, the literature's adaptive ones by year, then
# those that only we have figures of.
METHODS = (
    *("BERT", "Truncated BERT", "DistilBERT", "DeeBERT", "PABEE", "BERxiT", "LeeBERT", "GPFEE"),
    *("GAML-BERT", "PALBERT", "DisentangledEE", "ConsistentEE", "COSEE", "Skip-only", "SmartBERT"),
)
OURS = {
    REFERENCE: "BERT",
    "truncated_bert": "Truncated BERT",
    "deebert": "DeeBERT",
    "pabee": "PABEE",
    "skip_only": "Skip-only",
    "smartbert": "SmartBERT",
}
SPACE = "global"  # one exit threshold for all layers, as the literature has
POINT = "b50"  # the literature's tables stand near 2x

COLUMNS = [
    *("task", "subset", "method", "backbone", "split", "metric", "value", "speedup"),
    *("speedup_high", "speedup_kind", "evidence", "source", "note"),
]
NUMBERS = ["value", "speedup", "speedup_high"]
EXIT_COLUMNS = [
    *("task", "method", "weights", "backbone", "split", "metric", "layer", "value", "evidence"),
    *("source", "note"),
]
NEEDED = [
    *("task", "method", "space", "subset", "point", "score", "score_low", "score_high", "cost"),
    *("seeds", "status"),
]
KEYS = ["task", "place", "method"]
SHOWN = ["task", "method", "split", "score", "speed-up", "counted as", "source"]
SHOWN_OURS = ["ours score", "ours cost", "ours set-up"]
FOLDER = Path(__file__).parent


def published(path: Path = FOLDER / "literature.csv") -> pd.DataFrame:
    """Return the published figures, one row per task, method, split, source and metric.

    Scores are in points. `subset` is empty where the source does not say which of MNLI's sets it
    used; the metric is "unstated" where it gives one figure for a task with two metrics.
    `speedup_high` is the upper end where a source claims a range. Texts are never missing, only
    empty.

    Raises:
        ValueError: naming the rows that break the schema.
    """
    table = _read(path, COLUMNS)
    table[NUMBERS] = table[NUMBERS].apply(pd.to_numeric)
    table[NUMBERS] = table[NUMBERS].astype(float)
    claim = table["task"] == ALL_TASKS
    rules = {
        "task": table["task"].isin([*TASKS, ALL_TASKS]),
        "subset": _subsets(table),
        "method": table["method"].isin(METHODS),
        "backbone": table["backbone"] != "",
        "split": table["split"].isin(SPLITS) | claim,
        "metric": _metrics(table) | claim,
        "value": table["value"].between(-100, 100) ^ claim,
        "speedup": ~(table["speedup"] < 1) & ~(table["speedup_high"] < table["speedup"]),
        "speedup_kind": table["speedup_kind"].isin(SPEEDUPS) & table["speedup"].notna()
        | (table["speedup_kind"] == "") & table["speedup"].isna(),
        "evidence": table["evidence"].isin(EVIDENCE),
        "source": table["source"].str.fullmatch(r"[^()]+ \(.+\)"),
        "one row": ~table.duplicated(["task", "subset", "method", "split", "source", "metric"]),
    }
    _check(table, rules, path)
    return table


def published_exits(path: Path = FOLDER / "literature_exits.csv") -> pd.DataFrame:
    """Return the published scores of every exit of jointly trained models, one row per layer.

    `weights` says how the exits' losses were weighted: "linear" in the layer, as PABEE does, or
    "equal".

    Raises:
        ValueError: naming the rows that break the schema.
    """
    table = _read(path, EXIT_COLUMNS)
    table["value"] = pd.to_numeric(table["value"]).astype(float)
    table["layer"] = pd.to_numeric(table["layer"]).astype(int)
    run = ["task", "method", "weights", "split", "metric", "source"]
    rules = {
        "task": table["task"].isin(TASKS),
        "weights": table["weights"].isin(["linear", "equal"]),
        "split": table["split"].isin(SPLITS),
        "metric": _metrics(table),
        "layer": table["layer"] == table.groupby(run).cumcount() + 1,
        "value": table["value"].between(-100, 100),
        "evidence": table["evidence"].isin(EVIDENCE),
        "source": table["source"].str.fullmatch(r"[^()]+ \(.+\)"),
    }
    _check(table, rules, path)
    return table


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
            "place": [_places(row.task).index(row.place) for row in table.itertuples()],
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


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != columns:
        raise ValueError(f"{path}: columns are {list(table.columns)}, expected {columns}")
    return table


def _check(table: pd.DataFrame, rules: dict[str, pd.Series], path: Path) -> None:
    for name, holds in rules.items():
        if not holds.all():
            lines = [number + 2 for number in table.index[~holds.astype(bool)]]
            raise ValueError(f"{path}: {name} is not allowed in lines {lines}")


def _places(task: str) -> list[str]:
    """Return the names of a task's test subsets; a task with one has an empty name."""
    return [subset for subset, _ in TASKS[task].test] if task in TASKS else [""]


def _subsets(table: pd.DataFrame) -> pd.Series:
    pairs = zip(table["task"], table["subset"], strict=True)
    return pd.Series([subset in ["", *_places(task)] for task, subset in pairs])


def _metrics(table: pd.DataFrame) -> pd.Series:
    """Return where a metric is one of its task's; a mean needs two, and so does doubt."""
    holds = []
    for task, metric in zip(table["task"], table["metric"], strict=True):
        known = TASKS[task].metrics if task in TASKS else ()
        several = len(TASKS[task].score) > 1 if task in TASKS else False
        holds.append(metric in known or (several and metric in ("mean", "unstated")))
    return pd.Series(holds)


def _published_rows(figures: pd.DataFrame) -> pd.DataFrame:
    """Return a row per task, subset, method, split and source, its metrics in one cell.

    `place` is the subset that the row stands at (a source that names none of MNLI's is put at the
    first), `number` counts the rows of one method there.
    """
    rows = []
    keys = ["task", "subset", "method", "split", "source"]
    for (task, subset, method, split, source), group in figures.groupby(keys, sort=False):
        first = group.iloc[0]
        rows.append(
            {
                "task": task,
                "place": subset or _places(task)[0],
                "method": method,
                "split": f"{split}, {subset}" if subset else split,
                "score": ", ".join(_score(row) for row in group.itertuples()),
                "speed-up": _speedup(first["speedup"], first["speedup_high"]),
                "counted as": first["speedup_kind"],
                "source": f"{_short(source)} [{first['evidence']}]",
            }
        )
    table = pd.DataFrame(rows)
    table["number"] = table.groupby(KEYS).cumcount()
    return table


def _score(row) -> str:
    if pd.isna(row.value):
        return "not known"
    if TASKS[row.task].metrics == ("accuracy",):
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
    full = rows[dense & (rows["point"] == "full")].drop_duplicates(keys)
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
            "ours score": [_interval(row) for row in rows.itertuples()],
            "ours cost": ["" if pd.isna(cost) else f"{cost:.1%}" for cost in rows["cost"]],
            "ours set-up": [_setup(row) for row in rows.itertuples()],
        }
    )


def _interval(row) -> str:
    if pd.isna(row.score):
        return ""
    if pd.isna(row.score_low) or pd.isna(row.score_high):
        return f"{row.score:.1f}"
    return f"{row.score:.1f} [{row.score_low:.1f}, {row.score_high:.1f}]"


def _setup(row) -> str:
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
