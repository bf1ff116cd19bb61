"""Whether 95 % intervals cover in 95 of 100 cases: simulated from trainings of three seeds.

`margins.npz` has those of SmartBERT and DeeBERT on real CoLA, MRPC and RTE, a 6-layer MiniLM, at
full depth on test.

The margin of an example (logit of class 1 less that of class 0) is its own level, plus what a seed
moves in its whole class, plus what the seed does to this example alone. The last two are normal
with the covariances that three seeds have, examples and methods included. Test sets are drawn from
the real test set; the truth is the mean over many seeds of the score on all of it.

Shapes: R repeats, B draws, S seeds, N examples, M methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import chi2, qmc

from smartbert.analysis.statistics import Sample, estimate, resample
from smartbert.metrics import Counts, from_counts
from smartbert.tasks import TASKS

pytestmark = pytest.mark.slow

MARGINS = Path(__file__).parent / "margins.npz"
SCORES = {"cola": ("mcc",), "mrpc": ("f1", "score"), "rte": ("accuracy",)}
KINDS = ("score", "difference")
SCALES, SEEDS = (0.3, 1.0, 3.0), (3, 5)
DRAWS, BATCH = 100, 50
REPEATS = {"cola": 4000, "mrpc": 8000, "rte": 8000}  # test sets of 1,043, 408 and 277 examples
BAND = (0.93, 0.97)
CONTRASTS = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])  # of three seeds, orthonormal

Case = tuple[str, str, float, int]  # score, kind, scale of what seeds move, seeds


@cache
def margins(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels (N,) and the margins (3, N, M) of the seeds."""
    with np.load(MARGINS) as held:
        return held[f"{task} labels"].astype(np.int64), held[f"{task} margins"].astype(np.float64)


def quantities(task: str, hits: np.ndarray, true: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Return every score and difference (...) from hits (..., M, 2) and examples by class."""
    true = np.broadcast_to(true, hits.shape)
    predicted = hits + (true - hits)[..., ::-1]
    values = from_counts(TASKS[task], Counts(hits, predicted, true))
    one = {(score, "score"): values[score][..., 0] for score in SCORES[task]}
    return one | {(s, "difference"): -np.diff(values[s], axis=-1)[..., 0] for s in SCORES[task]}


@dataclass(frozen=True)
class World:
    """What the seeds of a task are like.

    Attributes:
        labels: (N,).
        level: (N, M) margins of the mean seed.
        shift: (2, 2, M) what normal numbers of a seed move in each class.
        rest: (2, N, M) what normal numbers of a seed and an example move in that example.
    """

    labels: np.ndarray
    level: np.ndarray
    shift: np.ndarray
    rest: np.ndarray

    @classmethod
    def of(cls, task: str) -> World:
        """Return the world of a task's trainings."""
        labels, z = margins(task)
        apart = np.tensordot(CONTRASTS, z, 1) / np.sqrt(2)
        shift = np.stack([apart[:, labels == c].mean(1) for c in (0, 1)], axis=1)
        return cls(labels, z.mean(0), shift, apart - shift[:, labels])

    def truth(self, task: str, scale: float) -> dict[tuple[str, str], float]:
        """Return the mean over 1,024 seeds that fill their distribution of the score of each."""
        numbers = ndtri(qmc.Sobol(2, seed=0).random(1024))
        shifts = scale * np.tensordot(numbers, self.shift, 1)
        spread = np.sqrt((self.rest**2).sum(0)) + 1e-9
        positive = ndtr((self.level + shifts[:, self.labels]) / spread)
        parts = [1 - positive[:, self.labels == 0], positive[:, self.labels == 1]]
        hits = np.stack([part.sum(1) for part in parts], axis=-1)
        found = quantities(task, hits, np.bincount(self.labels))
        return {key: float(value.mean()) for key, value in found.items()}

    def samples(self, rng: np.random.Generator, seeds: int):
        """Return the labels (R, N) of test sets and a function: scale -> right answers (R, N, S, M)
        of fresh seeds, the same but for the scale.
        """
        pick = rng.integers(0, len(self.labels), (BATCH, len(self.labels)))
        y = self.labels[pick]
        z = self.level.astype(np.float32)[pick][:, :, None]
        for part in self.rest.astype(np.float32):
            noise = rng.standard_normal((*pick.shape, seeds, 1), dtype=np.float32)
            z = z + noise * part[pick][:, :, None]
        numbers = rng.standard_normal((BATCH, seeds, 2))
        shifts = np.tensordot(numbers, self.shift, 1).swapaxes(1, 2).astype(np.float32)

        def right(scale: float) -> np.ndarray:
            moved = z + scale * shifts[np.arange(BATCH)[:, None], y]
            return (moved > 0) == (y == 1)[:, :, None, None]

        return y, right


def counted(y: np.ndarray, right: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return hits (R, B, S, M, 2) and examples (R, B, 1, 1, 2) by class in every weighting."""
    of_class = [(y == c)[:, :, None] for c in (0, 1)]
    flat = right.reshape(*y.shape, -1)
    hits = [np.matmul(weights, (flat & own).astype(np.float32)) for own in of_class]
    true = [np.matmul(weights, own.astype(np.float32))[..., None] for own in of_class]
    shape = (len(y), len(weights), *right.shape[2:], 2)
    return np.stack(hits, -1).reshape(shape).astype(float), np.stack(true, -1).astype(float)


@cache
def simulated(task: str) -> dict[Case, tuple[np.ndarray, float]]:
    """Return of each case the repeats (R, 1 + B, S), the test sets first, and the truth."""
    world, rng = World.of(task), np.random.default_rng(1)
    n = len(world.labels)
    # One set of draws serves all repeats: their examples are in no order.
    weights = np.concatenate([np.ones((1, n), np.float32), resample(n, draws=DRAWS, seed=1)])
    parts: dict[tuple, list[np.ndarray]] = {}
    for _ in range(REPEATS[task] // BATCH):
        y, right = world.samples(rng, max(SEEDS))
        for scale in SCALES:
            for key, values in quantities(task, *counted(y, right(scale), weights)).items():
                parts.setdefault((*key, scale), []).append(values.astype(np.float32))
    truths = {scale: world.truth(task, scale) for scale in SCALES}
    whole = {key: np.concatenate(values) for key, values in parts.items()}
    return {
        (score, kind, scale, seeds): (values[..., :seeds], truths[scale][score, kind])
        for (score, kind, scale), values in whole.items()
        for seeds in SEEDS
    }


def intervals(repeats: np.ndarray, *, first: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends (R,) of the interval of every repeat, as `estimate` makes it; or as the
    protocol first had it, V_e + V_s / S with Satterthwaite's degrees of freedom.
    """
    repeats = repeats.astype(np.float64)
    values, draws = repeats[:, 0], repeats[:, 1:]
    s = values.shape[1]
    seeds, mean = values.var(1, ddof=1) / s, draws.mean(2).var(1, ddof=1)
    single = draws.var(1, ddof=1).mean(1)
    shared = mean if first else np.maximum((s * mean - single) / (s - 1), 0)
    share = seeds / (shared + seeds)
    freedom = (s - 1) / np.maximum(share ** (2 if first else 1), 1e-12)
    reach = stdtrit(np.minimum(freedom, 1e9), 0.975) * np.sqrt(shared + seeds)
    return values.mean(1) - reach, values.mean(1) + reach


def coverage(task: str, *, first: bool = False) -> dict[Case, float]:
    """Return the share of repeats whose interval holds the truth, by case."""
    found = {}
    for case, (repeats, truth) in simulated(task).items():
        low, high = intervals(repeats, first=first)
        found[case] = float(((low <= truth) & (truth <= high)).mean())
    return found


@pytest.mark.parametrize("task", SCORES)
def test_intervals_cover_what_they_say(task):
    found = coverage(task)
    assert len(found) == len(SCORES[task]) * len(KINDS) * len(SCALES) * len(SEEDS)
    outside = {case: share for case, share in found.items() if not BAND[0] <= share <= BAND[1]}
    assert not outside


@pytest.mark.parametrize("task", SCORES)
def test_what_is_simulated_is_the_interval_of_estimate(task):
    for repeats, _ in simulated(task).values():
        some = repeats[:: len(repeats) // 5].astype(np.float64)
        own = [estimate(Sample(each[0], each[1:])) for each in some]
        ends = np.transpose([(each.low, each.high) for each in own])
        np.testing.assert_allclose(intervals(some), ends, rtol=0, atol=1e-9)


def test_the_protocols_first_formula_leaves_the_band():
    found = {(t, *case): s for t in SCORES for case, s in coverage(t, first=True).items()}
    outside = {case: share for case, share in found.items() if not BAND[0] <= share <= BAND[1]}
    # Where what a seed does to single examples counts twice, intervals are too wide.
    assert len(outside) >= 5 and max(outside.values()) > 0.975


def real(task: str) -> dict[tuple[str, str], np.ndarray]:
    """Return every score and difference of the real seeds (3,)."""
    labels, z = margins(task)
    right = (z > 0) == (labels == 1)[:, None]
    hits = np.stack([(right & (labels == c)[:, None]).sum(1) for c in (0, 1)], axis=-1)
    return quantities(task, hits, np.bincount(labels))


@pytest.mark.parametrize("kind", KINDS)
def test_simulated_seeds_differ_as_the_real_ones_do(kind):
    ratios = []
    for task, scores in SCORES.items():
        for score in scores:
            repeats, _ = simulated(task)[score, kind, 1.0, 3]
            spread = repeats[:, 0].astype(np.float64).var(1, ddof=1).mean()
            ratios.append(real(task)[score, kind].var(ddof=1) / spread)
    # The variance of three real seeds is known as a chi-square with two degrees of freedom is: each
    # is within what chance does, and all together within a factor of two in standard deviation.
    low, high = chi2.ppf([0.005, 0.995], 2) / 2
    assert all(low < ratio < high for ratio in ratios), ratios
    assert 0.5 < np.sqrt(np.exp(np.mean(np.log(ratios)))) < 2, ratios
