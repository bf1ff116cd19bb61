"""Eight synthetic classification tasks with the columns and labels of GLUE, for the quick run.

Every row is composed from a grammar, so its label is right by construction and half of the rows are
hard on purpose. They show a newcomer the whole pipeline in minutes; no score on them stands for a
GLUE score.
"""

from hashlib import blake2b
from random import Random
from types import ModuleType

import pandas as pd

from smartbert.data.synthetic import cola, mnli, mrpc, qnli, qqp, rte, sst2, wnli
from smartbert.errors import UserError, unknown
from smartbert.tasks import TaskSpec

# Share of the rows, in every split and as far as possible in every class, that are hard.
HARD_SHARE = 0.5

GRAMMARS: dict[str, ModuleType] = {
    "cola": cola,
    "sst2": sst2,
    "mrpc": mrpc,
    "qqp": qqp,
    "mnli": mnli,
    "qnli": qnli,
    "rte": rte,
    "wnli": wnli,
}

# Share of each class, by class id; tasks not named have equal shares. They lean the way GLUE leans.
CLASS_SHARES: dict[str, tuple[float, ...]] = {
    "cola": (0.4, 0.6),
    "mrpc": (0.4, 0.6),
    "qqp": (0.6, 0.4),
}

# A grammar that yields no new sentence in so many draws is exhausted for all practical purposes.
MAX_DRAWS = 5000


def generate(task: TaskSpec, split: str, *, rows: int, seed: int) -> pd.DataFrame:
    """Compose one split of a task.

    Splits of a task never share a first text, whatever their seeds and sizes: a stable hash of that
    text decides which split may use it.

    Args:
        task: one of the eight tasks of `smartbert.tasks`.
        split: name of one of its labelled splits.
        rows: number of rows.
        seed: another seed gives other rows of the same split.

    Returns:
        A table: the text columns of the task, `label` (class id), `idx` (0 to rows - 1), `hard`.

    Raises:
        UserError: for an unknown task or split, or more rows than the grammar can compose.
    """
    splits = (task.train, *(name for _, name in task.test))
    if split not in splits:
        raise unknown("split", split, splits, setting=f"the splits of {task.name}")
    if task.name not in GRAMMARS:
        raise unknown("task", task.name, GRAMMARS, setting="`tasks` in the config")
    rng = Random(f"{task.name}/{split}/{seed}")
    table = _compose(task, rng, rows=rows, splits=splits, split=split)
    rng.shuffle(table)
    frame = pd.DataFrame(table, columns=[*task.columns, "label", "hard"])
    frame = frame.astype({"label": "int64", "hard": "bool"})
    frame.insert(len(task.columns) + 1, "idx", pd.RangeIndex(rows).to_numpy("int64"))
    return frame


def _compose(
    task: TaskSpec, rng: Random, *, rows: int, splits: tuple[str, ...], split: str
) -> list[tuple]:
    """Return (texts..., label, hard) for every row, in the order of hardness and class."""
    build = GRAMMARS[task.name].build
    seen: set[str] = set()
    table = []
    for labels, hard in _batches(task, rows=rows):
        for _ in range(MAX_DRAWS):
            # One number stands for one sentence: rows that share their first text share it.
            number = rng.getrandbits(64)
            texts = [build(Random(number), label=label, hard=hard) for label in labels]
            first = texts[0][0]
            if first not in seen and splits[_stable_hash(first) % len(splits)] == split:
                break
        else:
            raise UserError(
                f"no {rows} distinct rows of synthetic {task.name}; set by the number of rows"
            )
        seen.add(first)
        table += [(*text, label, hard) for text, label in zip(texts, labels, strict=True)]
    return table


def _batches(task: TaskSpec, *, rows: int) -> list[tuple[list[int], bool]]:
    """Return the labels of the rows that are drawn together, and whether they are hard.

    Rows are drawn one by one, but in tasks with a group column one for each class at once.
    """
    hard_rows = round(rows * HARD_SHARE)
    batches = []
    for hard, count in ((False, rows - hard_rows), (True, hard_rows)):
        labels = _labels(task, count=count)
        size = len(task.labels) if task.group else 1
        batches += [(labels[i : i + size], hard) for i in range(0, count, size)]
    return batches


def _labels(task: TaskSpec, *, count: int) -> list[int]:
    """Return `count` class ids in the shares of the task, spread evenly over the list."""
    classes = len(task.labels)
    shares = CLASS_SHARES.get(task.name, (1 / classes,) * classes)
    counts = [0] * classes
    labels = []
    for i in range(1, count + 1):
        # The class that lags most behind its share comes next.
        lags = [share * i - n for share, n in zip(shares, counts, strict=True)]
        label = lags.index(max(lags))
        counts[label] += 1
        labels.append(label)
    return labels


def _stable_hash(text: str) -> int:
    """Hash a text to the same number in every process, which the built-in `hash` does not do."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
