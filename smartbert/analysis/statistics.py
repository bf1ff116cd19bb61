"""Statistics: means over seeds with 95 % intervals, and paired differences between methods
(protocol: "Uncertainty").

The bootstrap resamples seeds and test examples together. Within one draw all methods see the same
seeds and the same examples, so a difference is paired: it is taken draw by draw. With one seed the
interval covers examples only. No torch.

Shapes: B draws, S seeds, N examples, C classes.
"""

from dataclasses import dataclass

import numpy as np

from smartbert.metrics import from_counts
from smartbert.tasks import TaskSpec

LEVEL = 0.95
CHUNK = 1024  # columns multiplied at once, which bounds memory


@dataclass(frozen=True)
class Resamples:
    """The draws that all methods of one task share.

    Attributes:
        examples: (B, N) float32, how often each example was drawn.
        seeds: (B, S) float64, how often each seed was drawn.
    """

    examples: np.ndarray
    seeds: np.ndarray

    @classmethod
    def draw(cls, examples: int, seeds: int, *, draws: int, seed: int) -> "Resamples":
        """Draw with replacement as many examples and seeds as there are."""
        rng = np.random.default_rng(seed)
        counts = np.empty((draws, examples), dtype=np.float32)
        for row in counts:
            row[:] = np.bincount(rng.integers(0, examples, examples), minlength=examples)
        drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)
        return cls(counts, drawn.astype(np.float64))


@dataclass(frozen=True)
class Sample:
    """A quantity of one method: per seed its value on the test set, and in every draw.

    Attributes:
        values: (S,) NaN for a seed that has none.
        draws: (B, S) the same in the resampled test sets.
    """

    values: np.ndarray
    draws: np.ndarray

    def __sub__(self, other: "Sample") -> "Sample":
        return Sample(self.values - other.values, self.draws - other.draws)

    @property
    def seeds(self) -> int:
        """How many seeds have a value."""
        return int(np.isfinite(self.values).sum())


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval.

    Attributes:
        value, low, high: NaN where no seed has a value.
        seeds: how many seeds are behind it.
        above: share of the draws above 0, those equal to 0 counting half; for a difference, the
            probability that the first is larger.
    """

    value: float
    low: float
    high: float
    seeds: int
    above: float


def over_seeds(sample: Sample, seeds: np.ndarray) -> np.ndarray:
    """Return each draw's mean over its drawn seeds, (B,); seeds without a value are left out."""
    known = np.isfinite(sample.values)
    weights = seeds[:, known]
    total = weights.sum(-1)
    weighted = (np.nan_to_num(sample.draws[:, known]) * weights).sum(-1)
    return np.divide(weighted, total, out=np.full(len(total), np.nan), where=total > 0)


def estimate(sample: Sample, seeds: np.ndarray) -> Estimate:
    """Return the mean over seeds with the percentile interval of its draws."""
    if not sample.seeds:
        return Estimate(np.nan, np.nan, np.nan, 0, np.nan)
    return interval(float(np.nanmean(sample.values)), over_seeds(sample, seeds), sample.seeds)


def interval(value: float, draws: np.ndarray, seeds: int) -> Estimate:
    """Return a value with the percentile interval of its draws (B,)."""
    known = draws[np.isfinite(draws)]
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    above = float((known > 0).mean() + 0.5 * (known == 0).mean())
    return Estimate(value, float(low), float(high), seeds, above)


def score_samples(
    task: TaskSpec, labels: np.ndarray, predictions: np.ndarray, resamples: Resamples
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores, in points, of many sets of predictions on the test set and in every draw.

    Args:
        labels: (N,).
        predictions: (K, N) class ids.

    Returns:
        (K,) and (B, K).
    """
    classes = len(task.labels)
    codes = labels[None] * classes + predictions
    cells = classes**2
    values, draws = [], []
    step = max(1, CHUNK // cells)
    for begin in range(0, len(codes), step):
        part = codes[begin : begin + step]
        # One column per (set, cell): counting in all draws is then one matrix product.
        hits = (part[:, :, None] == np.arange(cells)).transpose(1, 0, 2).reshape(len(labels), -1)
        hits = hits.astype(np.float32)
        shape = (len(part), classes, classes)
        values.append(from_counts(task, hits.sum(0).reshape(shape))["score"])
        counts = (resamples.examples @ hits).reshape(-1, *shape)
        draws.append(from_counts(task, counts)["score"])
    return np.concatenate(values), np.concatenate(draws, axis=1)


def mean_samples(quantities: np.ndarray, resamples: Resamples) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of per-example quantities (K, N) on the test set (K,) and in draws (B,
    K).
    """
    n = quantities.shape[1]
    return quantities.mean(1), resamples.examples @ quantities.T.astype(np.float32) / n
