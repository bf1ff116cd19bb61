"""Metrics: each a record of its title, range, number of classes and computing; scores in points
(x100) (protocol: "Scores").

Every metric is a function of how many examples of each class there are, are predicted and are hit,
so scores of many settings or many bootstrap draws are computed at once from arrays of counts. Tests
compare them with scikit-learn, which scores during training. A new metric is one more record in
`METRICS`. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from smartbert.errors import UserError, unknown
from smartbert.tasks import TASKS, TaskSpec, check_record

MOST_COUNTS = 10_000_000  # held at once


@dataclass(frozen=True)
class Counts:
    """What metrics are made from: counts of examples by class, whole or weighted.

    Attributes:
        hits: (..., C) examples of each class that are predicted as it.
        predicted: (..., C) examples that are predicted as each class.
        true: (..., C) examples of each class.
    """

    hits: np.ndarray
    predicted: np.ndarray
    true: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, predictions: np.ndarray, *, classes: int) -> Counts:
        """Return the counts of labels and predictions (N,), each (C,)."""
        parts = (labels[labels == predictions], predictions, labels)
        return cls(*(np.bincount(part, minlength=classes).astype(np.float64) for part in parts))


def accuracy(counts: Counts) -> np.ndarray:
    """Share of hits."""
    return np.asarray(counts.hits.sum(-1) / counts.true.sum(-1))


def f1(counts: Counts) -> np.ndarray:
    """F1 of class 1, as GLUE has it; undefined (no true or predicted positive) counts as 0."""
    return _f1_by_class(counts)[..., 1]


def macro_f1(counts: Counts) -> np.ndarray:
    """Mean over classes of each one's F1; a class that is undefined counts as 0."""
    return _f1_by_class(counts).mean(-1)


def mcc(counts: Counts) -> np.ndarray:
    """Matthews correlation of any number of classes; 0 where one side is constant."""
    true, predicted = counts.true, counts.predicted
    n = true.sum(-1)
    covariance = counts.hits.sum(-1) * n - (true * predicted).sum(-1)
    spread = (n**2 - (true**2).sum(-1)) * (n**2 - (predicted**2).sum(-1))
    return _ratio(covariance, np.sqrt(np.maximum(spread, 0)))


def _f1_by_class(counts: Counts) -> np.ndarray:
    return _ratio(2 * counts.hits, counts.true + counts.predicted)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) > 0)


@dataclass(frozen=True)
class Metric:
    """What is measured of predictions.

    Attributes:
        name: how task records and columns of tables call it.
        title: how axes and cards call it.
        of_counts: counts (..., C) -> values (...).
        scikit: name in `sklearn.metrics` of the same, called with labels, predictions, `options`;
            None where it has none.
        hub: name on the hub, for model cards; None: the own one.
        low, high: its range.
        classes: the only number of classes that it holds for; None: any.
        every_class: whether scikit-learn's function is told all class ids, since it would else
            leave out a class that a sample happens not to have.
    """

    name: str
    title: str
    of_counts: Callable[[Counts], np.ndarray]
    scikit: str | None = None
    hub: str | None = None
    low: float = 0.0
    high: float = 1.0
    classes: int | None = None
    every_class: bool = False
    options: Mapping[str, object] = field(default_factory=dict)

    def of_labels(self, labels: np.ndarray, predictions: np.ndarray, *, classes: int) -> float:
        """Return the value for labels and predictions (N,), by scikit-learn where it has it."""
        if self.scikit is None:
            return float(self.of_counts(Counts.of(labels, predictions, classes=classes)))
        import sklearn.metrics

        every = {"labels": np.arange(classes)} if self.every_class else {}
        function = getattr(sklearn.metrics, self.scikit)
        return float(function(labels, predictions, **every, **self.options))


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
            every_class=True,
            options={"average": "macro", "zero_division": 0.0},
        ),
        Metric(
            "mcc", "Matthews correlation", mcc, "matthews_corrcoef", "matthews_correlation", low=-1
        ),
    )
}


def check(task: TaskSpec) -> None:
    """Raise UserError if a task's record cannot be: its own parts, or a metric that is unknown or
    not for its classes.
    """
    check_record(task)
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


def score_range(task: TaskSpec) -> tuple[float, float]:
    """Return the least and the most that a task's score can be, in points."""
    own = [METRICS[name] for name in task.score]
    return 100 * sum(m.low for m in own) / len(own), 100 * sum(m.high for m in own) / len(own)


def score_title(task: TaskSpec, *, mean: str = "mean of ") -> str:
    """Return what a task's score is, for axes and cards."""
    titles = [METRICS[name].title for name in task.score]
    return titles[0] if len(titles) == 1 else mean + " and ".join(titles)


def scores_sentence(tasks: Iterable[str]) -> str:
    """Return what some tasks' scores are, as a clause: "F1 on MRPC, accuracy elsewhere"."""
    by_score: dict[tuple[str, ...], list[TaskSpec]] = {}
    for name in dict.fromkeys(tasks):
        by_score.setdefault(TASKS[name].score, []).append(TASKS[name])
    plain = ("accuracy",)
    if list(by_score) == [plain]:
        return METRICS["accuracy"].title
    parts = [
        f"{score_title(own[0], mean='the mean of ')} on {' and '.join(t.title for t in own)}"
        for score, own in by_score.items()
        if score != plain
    ]
    return ", ".join([*parts, "accuracy elsewhere"] if plain in by_score else parts)


def from_counts(task: TaskSpec, counts: Counts) -> dict[str, np.ndarray]:
    """Return every metric of the task, and its `score`, in points; arrays of the leading shape.

    Raises:
        UserError: if its score is a metric that does not hold for its number of classes.
    """
    check(task)
    values = {name: 100.0 * METRICS[name].of_counts(counts) for name in measured(task)}
    values["score"] = np.mean([values[name] for name in task.score], axis=0)
    return values


def measure(task: TaskSpec, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return every metric of the task, and its `score`, in points."""
    counts = Counts.of(labels, predictions, classes=len(task.labels))
    return {name: float(value) for name, value in from_counts(task, counts).items()}


def scores_of(
    task: TaskSpec, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the scores, in points, of many sets of predictions on many weightings of examples.

    Args:
        labels: (N,) class ids.
        predictions: (K, N) class ids.
        weights: (B, N) float32, how often each example counts; whole numbers.

    Returns:
        (B, K) float64. Where the score is accuracy, one product of B x N and N x K; elsewhere two
        for each class, so that 200 classes are 400 of them and never a table of 40,000 cells.
    """
    if task.score == ("accuracy",):
        hits = (predictions == labels).astype(np.float32)
        right = (weights @ hits.T).astype(np.float64)
        return 100.0 * right / weights.sum(-1, dtype=np.float64)[:, None]
    classes = len(task.labels)
    step = max(1, MOST_COUNTS // (len(weights) * classes))
    parts = (predictions[i : i + step] for i in range(0, len(predictions), step))
    return np.concatenate([_scores(task, labels, part, weights) for part in parts], axis=1)


def _scores(
    task: TaskSpec, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return `scores_of` from counts by class."""
    shape = (len(weights), len(predictions), len(task.labels))
    hits, predicted, true = np.zeros(shape), np.zeros(shape), np.zeros((shape[0], 1, shape[2]))
    for c in range(shape[2]):
        own = labels == c
        said = (predictions == c).astype(np.float32)
        predicted[..., c] = weights @ said.T
        hits[..., c] = weights[:, own] @ said[:, own].T
        true[..., 0, c] = weights[:, own].sum(-1)
    return from_counts(task, Counts(hits, predicted, true))["score"]
