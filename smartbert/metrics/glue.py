"""GLUE's metrics as a local `evaluate` metric module, with scikit-learn underneath.

Usage: `Glue(config_name="mrpc").compute(predictions=..., references=...)` or
`evaluate.load("smartbert/metrics/glue.py", "mrpc")`.
"""

import datasets
import evaluate
import numpy as np

from smartbert.scoring import measure
from smartbert.tasks import TASKS, task


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
        return measure(task(self.config_name), np.asarray(predictions), np.asarray(references))
