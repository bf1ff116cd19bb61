"""Rules: how one setting is chosen among many, without the winner's curse (protocol: "Tuning").

The luckiest of a thousand settings is not taken: of those that the tune examples cannot tell from
the best, by one standard error of their paired difference, the dearest serves a budget, and what is
said to be within a point of dense BERT is so with a standard error to spare.

One choice and the same choice on many resampled tune sets are one function of arrays. No torch.
Shapes: K settings, B draws, N tune examples, M budgets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from smartbert.metrics import scores_of
from smartbert.points import BUDGET_ROUNDING, MOST_DROPPED, SCORE_ROUNDING
from smartbert.tasks import TaskSpec

ERROR_DRAWS = 400  # for the standard errors of scores that are no means, MCC and F1
CERTAINTY = 0.1  # level of the test that certifies a setting


@dataclass(frozen=True)
class Rule:
    """A way to choose among settings.

    Attributes:
        margin: standard errors of the paired difference that count as no difference.
        dearest: whether of the settings that a budget cannot tell from the best the dearest is
            taken; else the best, and of equal ones the cheapest.
    """

    margin: float = 1.0
    dearest: bool = True


ONE_ERROR = Rule()
LUCKIEST = Rule(margin=0.0, dearest=False)


def on_front(score: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return which settings no other one beats, (n,) bool; of equal ones the first counts."""
    front = np.zeros(len(score), dtype=bool)
    best = -math.inf
    for row in np.lexsort((np.arange(len(score)), -score, cost)):
        if score[row] > best:
            front[row], best = True, score[row]
    return front


def standard_errors(
    spec: TaskSpec, labels: np.ndarray, answers: np.ndarray, others: np.ndarray
) -> np.ndarray:
    """Return the standard errors of paired differences in score, (K, J) in points.

    Of accuracies from the share of examples on which one is right and the other is not; of other
    scores by resampling the examples.

    Args:
        labels: (N,).
        answers, others: (K, N) and (J, N) class ids.
    """
    n = len(labels)
    if spec.score == ("accuracy",):
        one, two = ((each == labels).astype(np.float32) for each in (answers, others))
        first, second = (each.mean(1, dtype=np.float64) for each in (one, two))
        both = (one @ two.T).astype(np.float64) / n
        apart = first[:, None] + second - 2 * both
        return 100 * np.sqrt(np.maximum(apart - (first[:, None] - second) ** 2, 0) / n)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=ERROR_DRAWS).astype(np.float32)
    one = scores_of(spec, labels, answers, weights)
    two = one if others is answers else scores_of(spec, labels, others, weights)
    one, two = one - one.mean(0), two - two.mean(0)
    scale = 1 / (ERROR_DRAWS - 1)
    variances = [(each**2).sum(0) * scale for each in (one, two)]
    together = variances[0][:, None] + variances[1] - 2 * scale * (one.T @ two)
    # Equal answers differ by nothing, whatever is left of the subtraction.
    return np.sqrt(np.where(together < 1e-9, 0, together))


def within_budgets(
    score: np.ndarray,
    cost: np.ndarray,
    errors: np.ndarray,
    budgets: Sequence[float],
    *,
    rule: Rule = ONE_ERROR,
) -> np.ndarray:
    """Return the setting chosen for each budget, (B, M) positions; -1 where none is affordable.

    Of the settings within the budget whose score is within the rule's standard errors of the best
    one's, the dearest. Of equally good ones the first of the list.

    Args:
        score, cost: (B, K) in points and as a share of dense BERT's.
        errors: (K, K) standard errors of the differences in score, in points.
        budgets: shares of dense BERT's cost, read in whole per cents.
    """
    order = np.argsort(cost, axis=1, kind="stable")
    ranked = np.take_along_axis(cost, order, axis=1)
    best = _best_so_far(np.take_along_axis(score, order, axis=1), order)
    chosen = np.full((len(score), len(budgets)), -1)
    for column, budget in enumerate(budgets):
        limit = budget + BUDGET_ROUNDING
        affordable = (ranked < limit).sum(1)
        known = np.flatnonzero(affordable)
        if not len(known):
            continue
        leader = best[known, affordable[known] - 1]
        if not rule.dearest:
            chosen[known, column] = leader
            continue
        least = score[known, leader] - SCORE_ROUNDING
        close = score[known] >= least[:, None] - rule.margin * errors[leader]
        close &= cost[known] < limit
        chosen[known, column] = np.where(close, cost[known], -np.inf).argmax(1)
    return chosen


def _best_so_far(score: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return, for settings by rising cost (B, K), which has the best score up to each."""
    top = np.maximum.accumulate(score, axis=1)
    new = np.concatenate([np.ones((len(score), 1), bool), score[:, 1:] > top[:, :-1]], axis=1)
    leading = np.maximum.accumulate(np.where(new, np.arange(score.shape[1]), 0), axis=1)
    return np.take_along_axis(order, leading, axis=1)


def within_drop(
    score: np.ndarray,
    cost: np.ndarray,
    dense: np.ndarray,
    errors: np.ndarray,
    *,
    rule: Rule = ONE_ERROR,
) -> np.ndarray:
    """Return the cheapest setting that is within a point of dense BERT with the rule's standard
    errors to spare, (B,) positions; -1 where there is none.

    Args:
        score, cost: (B, K).
        dense: (B,) dense BERT's score.
        errors: (K,) standard errors of the differences to dense BERT.
    """
    least = dense[:, None] - MOST_DROPPED - SCORE_ROUNDING
    good = score - rule.margin * errors >= least
    cheapest = np.where(good, cost, np.inf).argmin(1)
    return np.where(good.any(1), cheapest, -1)


def certified(harms: np.ndarray, n: int, *, most: float) -> np.ndarray:
    """Return the last setting of a fixed list that Learn-then-Test certifies, (B,) positions; -1
    where none is.

    Along the list the exact binomial test of "more than `most` of all examples are harmed" goes on
    for as long as it rejects, which keeps the chance of any wrong certificate at `CERTAINTY`
    without a correction for many tests (fixed-sequence testing).

    Args:
        harms: (B, J) how many of n examples each setting of the list harms.
    """
    chance = bdtr(harms.astype(np.float64), n, most)
    passed = np.logical_and.accumulate(chance <= CERTAINTY, axis=1)
    return passed.sum(1) - 1


def least_certifiable(n: int) -> float:
    """Return the least share of harm that n examples without any can certify."""
    return 1 - CERTAINTY ** (1 / n)
