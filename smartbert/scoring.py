"""Scores of predictions, in points (x100) (protocol: "Scores").

Every metric is a function of the confusion counts, so scores of many settings or many bootstrap
draws are computed at once from arrays of counts. Tests compare them with scikit-learn. No torch.
"""

from collections.abc import Callable

import numpy as np

from smartbert.tasks import TaskSpec


def confusion(labels: np.ndarray, predictions: np.ndarray, *, classes: int) -> np.ndarray:
    """Return the counts (C, C), rows by true class, columns by predicted class."""
    codes = np.asarray(labels) * classes + predictions
    return np.bincount(codes, minlength=classes**2).reshape(classes, classes)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of the diagonal."""
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum((-2, -1))


def f1(counts: np.ndarray) -> np.ndarray:
    """F1 of class 1, as GLUE has it; undefined (no true or predicted positive) counts as 0."""
    hits = counts[..., 1, 1]
    total = counts[..., 1, :].sum(-1) + counts[..., :, 1].sum(-1)
    return _ratio(2 * hits, total)


def mcc(counts: np.ndarray) -> np.ndarray:
    """Matthews correlation of any number of classes; 0 where one side is constant."""
    true, predicted = counts.sum(-1), counts.sum(-2)
    n = true.sum(-1)
    covariance = np.trace(counts, axis1=-2, axis2=-1) * n - (true * predicted).sum(-1)
    spread = (n**2 - (true**2).sum(-1)) * (n**2 - (predicted**2).sum(-1))
    return _ratio(covariance, np.sqrt(spread))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) > 0)


FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": accuracy,
    "f1": f1,
    "mcc": mcc,
}


def from_counts(task: TaskSpec, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return every metric of the task, and its `score`, in points.

    Args:
        counts: confusion counts (..., C, C), whole or weighted.

    Returns:
        arrays of the leading shape (...).
    """
    counts = np.asarray(counts, dtype=np.float64)
    values = {name: 100.0 * FUNCTIONS[name](counts) for name in task.metrics}
    values["score"] = np.mean([values[name] for name in task.score], axis=0)
    return values


def measure(task: TaskSpec, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return every metric of the task, and its `score`, in points."""
    counts = confusion(labels, predictions, classes=len(task.labels))
    return {name: float(value) for name, value in from_counts(task, counts).items()}
