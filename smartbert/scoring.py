"""Scores of predictions, in points (x100), computed with scikit-learn (protocol: "Scores")."""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from smartbert.tasks import TaskSpec

FUNCTIONS = {
    "accuracy": accuracy_score,
    # GLUE's F1 is that of class 1; undefined (no true or predicted positive) counts as 0.
    "f1": lambda labels, predictions: f1_score(labels, predictions, pos_label=1, zero_division=0.0),
    "mcc": matthews_corrcoef,
}


def measure(task: TaskSpec, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return every metric of the task, and its `score`, in points."""
    values = {name: 100.0 * float(FUNCTIONS[name](labels, predictions)) for name in task.metrics}
    values["score"] = float(np.mean([values[name] for name in task.score]))
    return values
