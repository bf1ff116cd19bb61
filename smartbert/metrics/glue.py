"""GLUE's metrics as a local `evaluate` metric module, computed with scikit-learn.

Usage: `Glue(config_name="mrpc").compute(predictions=..., references=...)` or
`evaluate.load("smartbert/metrics/glue.py", "mrpc")`.
"""

import datasets
import evaluate
import numpy as np
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from smartbert.tasks import TASKS, task

FUNCTIONS = {
    "accuracy": accuracy_score,
    # GLUE's F1 is that of class 1; undefined (no true or predicted positive) counts as 0.
    "f1": lambda labels, predictions: f1_score(labels, predictions, pos_label=1, zero_division=0.0),
    "mcc": matthews_corrcoef,
}


class Glue(evaluate.Metric):
    """Accuracy, F1 or Matthews correlation, and the task's score, in points; config_name is the
    task.
    """

    def _info(self):
        return evaluate.MetricInfo(
            description=f"GLUE metrics in points, for one of {', '.join(TASKS)}.",
            citation="Wang et al. 2019, GLUE, arXiv 1804.07461",
            inputs_description="predictions and references: class ids",
            features=datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, predictions, references):
        spec = task(self.config_name)
        values = {
            name: 100.0 * float(FUNCTIONS[name](references, predictions)) for name in spec.metrics
        }
        return {**values, "score": float(np.mean([values[name] for name in spec.score]))}
