"""Metrics: each a record of its title, range, number of classes and computing; scores in points
(x100) (protocol: "Scores").

Every metric is a function of the confusion counts, so scores of many settings or many bootstrap
draws are computed at once from arrays of counts. Tests compare them with scikit-learn, which
scores during training. A new metric is one more record in `METRICS`. No torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from smartbert.errors import UserError, unknown
from smartbert.tasks import TASKS, TaskSpec


def confusion(labels: np.ndarray, predictions: np.ndarray, *, classes: int) -> np.ndarray:
    """Return the counts (C, C), rows by true class, columns by predicted class."""
    codes = np.asarray(labels) * classes + predictions
    return np.bincount(codes, minlength=classes**2).reshape(classes, classes)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of the diagonal."""
    return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / counts.sum((-2, -1)))


def f1(counts: np.ndarray) -> np.ndarray:
    """F1 of class 1, as GLUE has it; undefined (no true or predicted positive) counts as 0."""
    hits = counts[..., 1, 1]
    total = counts[..., 1, :].sum(-1) + counts[..., :, 1].sum(-1)
    return _ratio(2 * hits, total)


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean over classes of each one's F1; a class that is undefined counts as 0."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(2 * hits, counts.sum(-1) + counts.sum(-2)).mean(-1)


def mcc(counts: np.ndarray) -> np.ndarray:
    """Matthews correlation of any number of classes; 0 where one side is constant."""
    true, predicted = counts.sum(-1), counts.sum(-2)
    n = true.sum(-1)
    covariance = np.trace(counts, axis1=-2, axis2=-1) * n - (true * predicted).sum(-1)
    spread = (n**2 - (true**2).sum(-1)) * (n**2 - (predicted**2).sum(-1))
    return _ratio(covariance, np.sqrt(spread))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) > 0)


@dataclass(frozen=True)
class Metric:
    """What is measured of predictions.

    Attributes:
        name: how task records and columns of tables call it.
        title: how axes and cards call it.
        of_counts: confusion counts (..., C, C) -> values (...).
        scikit: name in `sklearn.metrics` of the same, called with labels, predictions, `options`;
            None where it has none.
        hub: name on the hub, for model cards; None: the own one.
        low, high: its range.
        classes: the only number of classes that it holds for; None: any.
    """

    name: str
    title: str
    of_counts: Callable[[np.ndarray], np.ndarray]
    scikit: str | None = None
    hub: str | None = None
    low: float = 0.0
    high: float = 1.0
    classes: int | None = None
    options: Mapping[str, object] = field(default_factory=dict)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "accuracy", accuracy, "accuracy_score", "accuracy"),
        Metric(
            "f1",
            "F1",
            f1,
            "f1_score",
            "f1",
            classes=2,
            options={"pos_label": 1, "zero_division": 0.0},
        ),
        Metric(
            "macro_f1",
            "macro F1",
            macro_f1,
            "f1_score",
            "f1",
            options={"average": "macro", "zero_division": 0.0},
        ),
        Metric(
            "mcc", "Matthews correlation", mcc, "matthews_corrcoef", "matthews_correlation", low=-1
        ),
    )
}


def check(task: TaskSpec) -> None:
    """Raise UserError if a task asks for a metric that is unknown or not for its classes."""
    for name in task.score:
        if name not in METRICS:
            raise unknown("metric", name, METRICS, setting=f"`score` of task {task.name!r}")
        classes = METRICS[name].classes
        if classes not in (None, len(task.labels)):
            fitting = [m.name for m in METRICS.values() if m.classes in (None, len(task.labels))]
            raise UserError(
                f"metric {name!r} holds for {classes} classes, task {task.name!r} has"
                f" {len(task.labels)}; allowed are {', '.join(fitting)}; set its `score`"
            )


def measured(task: TaskSpec) -> tuple[str, ...]:
    """Return the metrics measured on a task: accuracy always, and what its score needs."""
    return tuple(name for name in METRICS if name == "accuracy" or name in task.score)


def columns() -> tuple[str, ...]:
    """Return the metrics that tables have a column for: those measured on any known task."""
    wanted = {name for task in TASKS.values() for name in measured(task)}
    return tuple(name for name in METRICS if name in wanted)


def score_title(task: TaskSpec, *, mean: str = "mean of ") -> str:
    """Return what a task's score is, for axes and cards."""
    titles = [METRICS[name].title for name in task.score]
    return titles[0] if len(titles) == 1 else mean + " and ".join(titles)


def scores_sentence() -> str:
    """Return what the known tasks' scores are, as a clause: "F1 on MRPC, accuracy elsewhere"."""
    by_score: dict[tuple[str, ...], list[TaskSpec]] = {}
    for task in TASKS.values():
        by_score.setdefault(task.score, []).append(task)
    plain = ("accuracy",)
    parts = [
        f"{score_title(own[0], mean='the mean of ')} on {' and '.join(t.title for t in own)}"
        for score, own in by_score.items()
        if score != plain
    ]
    return ", ".join([*parts, "accuracy elsewhere"] if plain in by_score else parts)


def from_counts(task: TaskSpec, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return every metric of the task, and its `score`, in points.

    Args:
        counts: confusion counts (..., C, C), whole or weighted.

    Returns:
        arrays of the leading shape (...).
    """
    counts = np.asarray(counts, dtype=np.float64)
    values = {name: 100.0 * METRICS[name].of_counts(counts) for name in measured(task)}
    values["score"] = np.mean([values[name] for name in task.score], axis=0)
    return values


def measure(task: TaskSpec, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return every metric of the task, and its `score`, in points."""
    counts = confusion(labels, predictions, classes=len(task.labels))
    return {name: float(value) for name, value in from_counts(task, counts).items()}
