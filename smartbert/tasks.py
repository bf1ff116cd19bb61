"""The eight GLUE classification tasks as records: columns, label names, metrics. No data are read
here.

A new task is one more `TaskSpec` in `TASKS`; everything else (config schema, data, tables, figures)
reads it from there. STS-B is left out: it is a regression, where entropy is not defined.
"""

from dataclasses import dataclass

from smartbert.errors import unknown

METRICS = ("accuracy", "f1", "mcc")


@dataclass(frozen=True)
class TaskSpec:
    """One GLUE task.

    Attributes:
        name: config name of the task in `nyu-mll/glue`.
        title: how tables and figures call it.
        columns: the one or two text columns, in the order they are fed to BERT.
        labels: class names; the position is the class id (GLUE's own order).
        metrics: what is measured, besides accuracy; the task's score is the mean of `score`.
        score: the metrics whose mean, in points, is the task's score (protocol: "Scores").
        train: name of the split that fit and tune are carved from.
        test: names of the labelled splits that serve as test, by subset ("" where there is one).
        group: column whose equal values must stay on one side of the fit/tune cut, or None.
        averaged: whether the task enters averages over tasks.
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

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics measured on this task: accuracy always, and what its score needs."""
        return tuple(m for m in METRICS if m == "accuracy" or m in self.score)


TASKS: dict[str, TaskSpec] = {
    spec.name: spec
    for spec in (
        TaskSpec("cola", "CoLA", ("sentence",), ("unacceptable", "acceptable"), score=("mcc",)),
        TaskSpec("sst2", "SST-2", ("sentence",), ("negative", "positive")),
        TaskSpec(
            "mrpc",
            "MRPC",
            ("sentence1", "sentence2"),
            ("not_equivalent", "equivalent"),
            score=("accuracy", "f1"),
        ),
        TaskSpec(
            "qqp",
            "QQP",
            ("question1", "question2"),
            ("not_duplicate", "duplicate"),
            score=("accuracy", "f1"),
        ),
        TaskSpec(
            "mnli",
            "MNLI",
            ("premise", "hypothesis"),
            ("entailment", "neutral", "contradiction"),
            test=(("matched", "validation_matched"), ("mismatched", "validation_mismatched")),
        ),
        TaskSpec("qnli", "QNLI", ("question", "sentence"), ("entailment", "not_entailment")),
        TaskSpec("rte", "RTE", ("sentence1", "sentence2"), ("entailment", "not_entailment")),
        TaskSpec(
            "wnli",
            "WNLI",
            ("sentence1", "sentence2"),
            ("not_entailment", "entailment"),
            group="sentence1",
            averaged=False,
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
