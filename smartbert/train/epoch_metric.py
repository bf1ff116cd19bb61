"""A task's metrics as a local `evaluate` module, computed with scikit-learn: what an epoch of
training scores on tune.

Usage: `epoch_metric(task).compute(predictions=..., references=...)` for any task's record, or, for
a task known by name, `evaluate.load("smartbert/train/epoch_metric.py", "mrpc")`.
"""

import datasets
import evaluate
import numpy as np
from transformers import EvalPrediction

from smartbert.metrics import METRICS, check, measured
from smartbert.tasks import TASKS, TaskSpec, task


class EpochMetric(evaluate.Metric):
    """Every metric of a task, and its score, in points; config_name is the task's name.

    Attributes:
        spec: the task's record; None takes that of the name.
    """

    spec: TaskSpec | None = None

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=f"A task's metrics in points; known by name: {', '.join(TASKS)}.",
            citation="Wang et al. 2019, GLUE, arXiv 1804.07461",
            inputs_description="predictions and references: class ids",
            features=datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        spec = self.spec or task(self.config_name)
        check(spec)
        labels, answers = np.asarray(references), np.asarray(predictions)
        values = {
            name: 100.0 * METRICS[name].of_labels(labels, answers, classes=len(spec.labels))
            for name in measured(spec)
        }
        return {**values, "score": float(np.mean([values[name] for name in spec.score]))}


def epoch_metric(spec: TaskSpec) -> EpochMetric:
    """Return the metric of a task's record."""
    metric = EpochMetric(config_name=spec.name)
    metric.spec = spec
    return metric


def compute_metrics(prediction: EvalPrediction, *, metric: EpochMetric) -> dict[str, float]:
    """Return the task's metrics in points, and the mean number of layers run."""
    logits, layers = tuple(prediction.predictions)
    values = metric.compute(predictions=logits.argmax(-1), references=prediction.label_ids)
    return {**values, "layers": float(layers.mean())}
