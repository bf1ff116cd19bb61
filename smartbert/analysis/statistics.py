"""Statistics: means over seeds with 95 % intervals that include every choice made on tune, and
paired differences between methods (protocol: "Uncertainty").

A draw resamples the tune and the test examples; what tuning chose is chosen again on the resampled
tune and scored on the resampled test. All methods of a task share the draws, and all seeds of a
method, so a difference is paired: it is taken draw by draw. The chance of training is read from the
seeds themselves. No torch.

Shapes: B draws, S seeds, N examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import stdtr, stdtrit

LEVEL = 0.95
ROUNDING = 1e-9  # up to which values are the same
MOST_LOST = 0.05  # share of draws without a setting beyond which an interval is open


def resample(examples: int, *, draws: int, seed: int, stream: int = 0) -> np.ndarray:
    """Return how often each example is drawn, (B, N) float32, with replacement and as many as there
    are.

    Args:
        stream: tells apart what is drawn independently with one seed.
    """
    rng = np.random.default_rng([seed, stream])
    counts = np.empty((draws, examples), dtype=np.float32)
    for row in counts:
        row[:] = np.bincount(rng.integers(0, examples, examples), minlength=examples)
    return counts


@dataclass(frozen=True)
class Sample:
    """A quantity of one method: per seed its value on the test set, and in every draw.

    Attributes:
        values: (S,) NaN for a seed that has none.
        draws: (B, S) the same where tune and test are resampled; NaN in a draw without a setting.
        lost_low, lost_high: share of draws without one, where that leaves the low or the high end
            open: no setting within a budget is worse than any score, and dearer than any cost.
    """

    values: np.ndarray
    draws: np.ndarray
    lost_low: float = 0.0
    lost_high: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray, draws: np.ndarray, *, worse: str = "low") -> Sample:
        """Return the sample of a quantity whose lack is worse than any value on that side."""
        known = np.isfinite(values)
        lost = float(np.isnan(draws[:, known]).mean()) if known.any() else 0.0
        return cls(values, draws, *((lost, 0.0) if worse == "low" else (0.0, lost)))

    def __sub__(self, other: Sample) -> Sample:
        return Sample(
            self.values - other.values,
            self.draws - other.draws,
            min(1.0, self.lost_low + other.lost_high),
            min(1.0, self.lost_high + other.lost_low),
        )

    @property
    def seeds(self) -> int:
        """How many seeds have a value."""
        return int(np.isfinite(self.values).sum())


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval.

    Attributes:
        value: NaN where no seed has one.
        low, high: ends of the interval; infinite where it is open.
        seeds: how many seeds are behind it; with one, the interval is of one training.
        none: share of the draws that have no setting.
        error, freedom: standard error and degrees of freedom; of logarithms where it was made from
            them. Infinite freedom: the seeds add nothing.
        above: probability that it is above 0.
    """

    value: float
    low: float
    high: float
    seeds: int
    none: float
    error: float
    freedom: float
    above: float


NOTHING = Estimate(*(np.nan,) * 3, 0, *(np.nan,) * 4)


def over_seeds(sample: Sample) -> np.ndarray:
    """Return each draw's mean over the seeds that have a value in it, (B,); NaN where none has."""
    draws = sample.draws[:, np.isfinite(sample.values)]
    known = np.isfinite(draws)
    count = known.sum(1)
    total = np.where(known, draws, 0).sum(1)
    return np.divide(total, count, out=np.full(len(draws), np.nan), where=count > 0)


def shared_variance(draws: np.ndarray) -> float:
    """Return the variance over draws (B, S) of what all seeds have in common: the mean covariance
    of two seeds. What single seeds add, their own answers to single examples, is among the seeds'
    own differences already and counts once.
    """
    found = []
    for one, two in combinations(draws.T, 2):
        known = np.isfinite(one) & np.isfinite(two)
        if known.sum() > 1:
            found.append(float(np.cov(one[known], two[known])[0, 1]))
    return max(0.0, float(np.mean(found))) if found else 0.0


def spread(sample: Sample) -> tuple[float, float]:
    """Return the variance of a mean over seeds, and its degrees of freedom.

    V_E + V_s / S: what the seeds share over draws of examples, and their own variance. With w the
    seeds' share of that sum the degrees of freedom are (S - 1) / w. Satterthwaite's formula has w
    squared, and the variance over draws of the mean over seeds counts the seeds' own part twice:
    that covers 94 to 98 % where this covers 94.5 to 96.5 % (tests/analysis/test_coverage.py). Where
    all seeds score the same by chance, V is that variance over draws.
    """
    known = np.isfinite(sample.values)
    values = sample.values[known]
    seeds = float(values.var(ddof=1)) / len(values)
    if len(values) > 1 and not _alike(values):
        total = shared_variance(sample.draws[:, known]) + seeds
        return total, (len(values) - 1) * total / seeds
    means = over_seeds(sample)
    means = means[np.isfinite(means)]
    return float(means.var(ddof=1)) if len(means) > 1 else 0.0, np.inf


def _alike(values: np.ndarray) -> bool:
    """Return whether values are the same but for the last digits of how they were computed."""
    return bool(np.ptp(values) <= ROUNDING * max(1.0, np.abs(values).max()))


def estimate(sample: Sample, *, logarithm: bool = False) -> Estimate:
    """Return the mean over seeds with its interval.

    Args:
        logarithm: the interval is that of the logarithm, as of ratios.
    """
    if not sample.seeds:
        return NOTHING
    value = float(np.nanmean(sample.values))
    means = over_seeds(sample)
    means = means[np.isfinite(means)]
    none = float(np.isnan(sample.draws[:, np.isfinite(sample.values)]).mean())
    if sample.seeds == 1:
        tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        low, high = np.quantile(means, tails) if len(means) else (np.nan, np.nan)
        above = float((means > 0).mean() + 0.5 * (means == 0).mean()) if len(means) else np.nan
        error = float(means.std(ddof=1)) if len(means) > 1 else np.nan
        freedom = np.nan
    else:
        variance, freedom = spread(logarithmic(sample) if logarithm else sample)
        error = float(np.sqrt(variance))
        reach = float(stdtrit(min(freedom, 1e9), (1 + LEVEL) / 2)) * error
        low, high = value - reach, value + reach
        if logarithm:
            low, high = value * np.exp(-reach), value * np.exp(reach)
        above = float(stdtr(min(freedom, 1e9), value / error)) if error else _sign(value)
        above = 1.0 if logarithm else above  # what has a logarithm is positive
    if none > MOST_LOST:
        low = -np.inf if sample.lost_low > 0 else low
        high = np.inf if sample.lost_high > 0 else high
    return Estimate(
        value, float(low), float(high), sample.seeds, none, error, float(freedom), above
    )


def possible_means(sample: Sample, *, seed: int | list[int]) -> np.ndarray:
    """Return a positive quantity's mean over seeds as it might have come out, (B,): what a draw
    moves in all seeds, and what other seeds might have added, on the logarithm; NaN in a draw
    without a setting.

    Args:
        seed: of what seeds add; another for every task, since trainings are independent.
    """
    known = np.isfinite(sample.values)
    values, draws = np.log(sample.values[known]), np.log(sample.draws[:, known])
    means = draws.mean(1)  # a draw in which any seed lacks a setting has none
    if len(values) < 2:
        return np.exp(means)
    shared, drawn = shared_variance(draws), float(np.nanvar(means, ddof=1))
    centre = np.log(sample.values[known].mean())
    means = centre + (means - values.mean()) * np.sqrt(shared / drawn if drawn > 0 else 0)
    chance = np.random.default_rng(seed).standard_t(len(values) - 1, len(means))
    with np.errstate(over="ignore"):  # two seeds' chance has no bound: infinity is a draw, too
        return np.exp(means + chance * values.std(ddof=1) / np.sqrt(len(values)))


def logarithmic(sample: Sample) -> Sample:
    """Return the sample of the logarithms."""
    return Sample(np.log(sample.values), np.log(sample.draws), sample.lost_low, sample.lost_high)


def _sign(value: float) -> float:
    return 0.5 + 0.5 * float(np.sign(value))


def holm(p: np.ndarray) -> np.ndarray:
    """Return p values corrected for being several, as Holm does: the smallest times their number,
    the next times one less, and so on, none below the one before.
    """
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1.0)
    return corrected


def mean_over_tasks(
    values: np.ndarray, errors: np.ndarray, freedoms: np.ndarray
) -> tuple[float, float, float]:
    """Return the mean of independent estimates, its standard error and degrees of freedom."""
    variances = errors**2
    total = float(variances.sum())
    parts = float((variances**2 / freedoms).sum())
    freedom = total**2 / parts if parts > 0 else np.inf
    return float(values.mean()), float(np.sqrt(total)) / len(values), freedom
