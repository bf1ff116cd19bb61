"""Tasks as records: columns, label names, what is scored. GLUE's eight stand here; a config's own
(`own_tasks`) are adopted, by a job from its run's `task.json`. No data are read here.

A new task is one more `TaskSpec` in `TASKS`; everything else (config schema, data, tables, figures)
reads it from there. STS-B is left out: it is a regression, where entropy is not defined.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from smartbert.errors import UserError, unknown
from smartbert.records import OPTIONAL, Record

CARVED = ""  # in place of the name of a test split: cut from train
# Columns that a prepared split has beside its texts.
PREPARED = ("label", "idx", "subset", "input_ids", "token_type_ids", "length", "hard")
MOST_CLASSES = 200
ALL = "all"  # what tables call the examples of all classes together


@dataclass(frozen=True)
class Sizes(Record):
    """How large a task is, for estimates: examples of train and of the labelled test splits, and
    mean tokens of an example.
    """

    train: int
    test: int
    tokens: int


@dataclass(frozen=True)
class TaskSpec(Record):
    """One task.

    Attributes:
        name: config name of the task, in `nyu-mll/glue` for GLUE's.
        title: how tables and figures call it.
        columns: the one or two text columns, in the order they are fed to BERT.
        labels: class names; the position is the class id (GLUE's own order).
        score: the metrics whose mean, in points, is the task's score (protocol: "Scores").
        train: name of the split that fit and tune are carved from.
        test: names of the labelled splits that serve as test, by subset ("" where there is one);
            `CARVED` in place of a name: cut from train.
        group: column whose equal values must stay on one side of the fit/tune cut, or None.
        nested: column in which some texts of train are parts of others, while test has whole ones;
            None where there is none.
        averaged: whether the task enters averages over tasks.
        sizes: how large it is.
        own: whether a config describes it (`own_tasks`), so that the paper claims nothing of it.
        label: column of the labels.
        tune: name of the split that serves as tune; None: it is cut from train.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    score: tuple[str, ...] = ("accuracy",)
    train: str = "train"
    test: tuple[tuple[str, str], ...] = (("", "validation"),)
    group: str | None = None
    averaged: bool = True
    sizes: Sizes | None = field(default=None, metadata=OPTIONAL)
    nested: str | None = field(default=None, metadata=OPTIONAL)
    own: bool = field(default=False, metadata=OPTIONAL)
    label: str = field(default="label", metadata=OPTIONAL)
    tune: str | None = field(default=None, metadata=OPTIONAL)


TASKS: dict[str, TaskSpec] = {
    spec.name: spec
    for spec in (
        TaskSpec(
            "cola",
            "CoLA",
            ("sentence",),
            ("unacceptable", "acceptable"),
            score=("mcc",),
            sizes=Sizes(8_551, 1_043, 11),
        ),
        TaskSpec(
            "sst2",
            "SST-2",
            ("sentence",),
            ("negative", "positive"),
            sizes=Sizes(67_349, 872, 13),
            nested="sentence",
        ),
        TaskSpec(
            "mrpc",
            "MRPC",
            ("sentence1", "sentence2"),
            ("not_equivalent", "equivalent"),
            score=("accuracy", "f1"),
            sizes=Sizes(3_668, 408, 53),
        ),
        TaskSpec(
            "qqp",
            "QQP",
            ("question1", "question2"),
            ("not_duplicate", "duplicate"),
            score=("accuracy", "f1"),
            sizes=Sizes(363_846, 40_430, 31),
        ),
        TaskSpec(
            "mnli",
            "MNLI",
            ("premise", "hypothesis"),
            ("entailment", "neutral", "contradiction"),
            test=(("matched", "validation_matched"), ("mismatched", "validation_mismatched")),
            sizes=Sizes(392_702, 19_647, 40),
        ),
        TaskSpec(
            "qnli",
            "QNLI",
            ("question", "sentence"),
            ("entailment", "not_entailment"),
            sizes=Sizes(104_743, 5_463, 50),
        ),
        TaskSpec(
            "rte",
            "RTE",
            ("sentence1", "sentence2"),
            ("entailment", "not_entailment"),
            sizes=Sizes(2_490, 277, 67),
        ),
        TaskSpec(
            "wnli",
            "WNLI",
            ("sentence1", "sentence2"),
            ("not_entailment", "entailment"),
            group="sentence1",
            averaged=False,
            sizes=Sizes(635, 71, 37),
        ),
    )
}


def task(name: str) -> TaskSpec:
    """Return the record of a task.

    Raises:
        UserError: naming the known tasks, if there is no such task.
    """
    try:
        return TASKS[name]
    except KeyError:
        raise unknown("task", name, TASKS, setting="`tasks` in the config") from None


def plain_name(name: object) -> str:
    """Return a class name as names are compared: small letters, one underscore between words."""
    return "_".join(str(name).casefold().replace("-", " ").replace("_", " ").split())


def check_record(spec: TaskSpec) -> None:
    """Raise UserError if a task's record cannot be, whatever its data are."""
    where = f"record of task {spec.name!r}"
    for key in ("columns", "labels", "score", "test"):
        value = getattr(spec, key)
        if not isinstance(value, tuple):
            raise UserError(f"{where}: `{key}` is {value!r}; write a tuple: ({value!r},)")
        if not value:
            raise UserError(f"{where}: `{key}` is empty; it needs at least one")
        if len(set(value)) < len(value):
            raise UserError(f"{where}: `{key}` names one thing twice: {', '.join(map(str, value))}")
    if len(spec.columns) > 2:
        raise UserError(f"{where}: `columns` are {len(spec.columns)}; the encoder reads one or two")
    if len({plain_name(label) for label in spec.labels}) < max(2, len(spec.labels)):
        raise UserError(
            f"{where}: `labels` are {', '.join(map(repr, spec.labels))}; it needs two or more, that"
            " differ in more than capitals, hyphens and underscores"
        )
    if taken := [column for column in spec.columns if column in PREPARED]:
        raise UserError(
            f"{where}: text column {taken[0]!r} has a name that prepared data use themselves"
            f" ({', '.join(PREPARED)}); give it another one, in the data and in `columns`"
        )
    if spec.own and spec.group in (*PREPARED, spec.label):
        raise UserError(f"{where}: `group` is {spec.group!r}; it needs a column of its own")
    if spec.label in spec.columns:
        raise UserError(f"{where}: `label` is {spec.label!r}, one of its text columns")
    if len(spec.labels) > MOST_CLASSES:
        raise UserError(
            f"{where}: {len(spec.labels)} classes, at most {MOST_CLASSES} are possible; is"
            f" {spec.label!r} the column of the labels? Set `label`, or merge classes"
        )
    if ALL in map(plain_name, spec.labels):
        raise UserError(
            f"{where}: class {ALL!r} has the name that tables have for all examples; give it"
            " another one"
        )
    if spec.nested is not None and spec.nested not in spec.columns:
        raise UserError(
            f"{where}: `nested` is {spec.nested!r}; allowed are its columns:"
            f" {', '.join(spec.columns)}"
        )


def adopt(spec: TaskSpec) -> TaskSpec:
    """Make a run's own record of a task the one that this process knows, and return it.

    A job calls this with what its run's `task.json` or manifest says, before it asks for a task by
    name: so a task of the config is like GLUE's, and a run keeps the records that it began with.
    """
    TASKS[spec.name] = spec
    return spec


def forget_own() -> None:
    """Forget the tasks that a config described, before another one is read."""
    for name in [name for name, spec in TASKS.items() if spec.own]:
        del TASKS[name]


@dataclass(frozen=True)
class SplitRecord(Record):
    """What is known of a split without reading it.

    Attributes:
        labels: examples by class.
        tokens: their mean number; `truncated`: how many examples were cut.
        sha256: of the content.
    """

    rows: int
    labels: tuple[int, ...]
    tokens: float
    truncated: int
    sha256: str


@dataclass(frozen=True)
class TaskData(Record):
    """A run's `task.json`: the data of one task.

    Attributes:
        task: its name.
        settings: the config's `data` section for it.
        splits: fit, tune and test.
        subsets: names of the test subsets.
        record: the task's record; older files lack it and mean GLUE's.
        dropped: how many examples of train are in no split, by the reason why.
    """

    task: str
    settings: dict[str, object]
    splits: dict[str, SplitRecord]
    subsets: tuple[str, ...]
    record: TaskSpec | None = field(default=None, metadata=OPTIONAL)
    dropped: dict[str, int] = field(default_factory=dict, metadata=OPTIONAL)

    @property
    def spec(self) -> TaskSpec:
        """The task's record."""
        return self.record or task(self.task)


class Columns(TypedDict):
    """A split of N examples, a list of N for each column.

    Attributes:
        input_ids, token_type_ids: a list of token ids and of segments for each example.
        label: class id; `length`: true tokens; `idx`: GLUE's; `subset`: number of the test subset.
    """

    input_ids: list[list[int]]
    token_type_ids: list[list[int]]
    label: list[int]
    length: list[int]
    idx: list[int]
    subset: list[int]


def adopt_from(path: Path) -> TaskData:
    """Return what a `task.json` says, its record adopted.

    Raises:
        UserError: if it is missing or damaged.
    """
    data = TaskData.read(path)
    adopt(data.spec)
    return data
