"""The literature's figures for BERT-base on the eight tasks, and the check of their files.

The figures are facts typed from papers, READMEs and logs: `literature.csv` has a row per task,
method, source and metric, `literature_exits.csv` the exits of jointly trained models. They come
from other splits, seeds and ways to count cost than ours.
"""

from pathlib import Path

import pandas as pd

from smartbert.metrics import measured
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

COLUMNS = [
    *("task", "subset", "method", "backbone", "split", "metric", "value", "speedup"),
    *("speedup_high", "speedup_kind", "evidence", "source", "note"),
]
NUMBERS = ["value", "speedup", "speedup_high"]
EXIT_COLUMNS = [
    *("task", "method", "weights", "backbone", "split", "metric", "layer", "value", "evidence"),
    *("source", "note"),
]

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


def places(task: str) -> list[str]:
    """Return the names of a task's test subsets; a task with one has an empty name."""
    return [subset for subset, _ in TASKS[task].test] if task in TASKS else [""]


def _subsets(table: pd.DataFrame) -> pd.Series:
    pairs = zip(table["task"], table["subset"], strict=True)
    return pd.Series([subset in ["", *places(task)] for task, subset in pairs])


def _metrics(table: pd.DataFrame) -> pd.Series:
    """Return where a metric is one of its task's; a mean needs two, and so does doubt."""
    holds = []
    for task, metric in zip(table["task"], table["metric"], strict=True):
        known = measured(TASKS[task]) if task in TASKS else ()
        several = len(TASKS[task].score) > 1 if task in TASKS else False
        holds.append(metric in known or (several and metric in ("mean", "unstated")))
    return pd.Series(holds)
