"""Choice: the protocol's operating points among the settings that were tried on tune. No Optuna, no
torch, no pandas.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smartbert.points import (
    BUDGETS,
    DROP,
    FULL,
    MOST_DROPPED,
    SCORE_ROUNDING,
    Setting,
    TunedSetting,
    within,
)
from smartbert.policies import Policy
from smartbert.tune.member import Member


@dataclass(frozen=True)
class Tried:
    """A trial: the setting, its score on tune (points) and its mean cost relative to dense BERT.

    Attributes:
        number: of the trial in its study.
        front: whether no other trial beats it.
    """

    number: int
    setting: Setting
    score: float
    cost: float
    front: bool

    def tuned(self) -> TunedSetting:
        """Return it as it is written down."""
        return TunedSetting.of(self.setting, self.score, self.cost)


def on_front(score: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return which settings no other one beats, (n,) bool; of equal ones the first counts."""
    front = np.zeros(len(score), dtype=bool)
    best = -math.inf
    for row in np.lexsort((np.arange(len(score)), -score, cost)):
        if score[row] > best:
            front[row], best = True, score[row]
    return front


def operating_points(
    members: Mapping[str, Member], trials: Sequence[Tried], *, dense_score: float | None
) -> tuple[dict[str, TunedSetting], dict[str, str]]:
    """Choose the protocol's operating points on tune.

    Args:
        members: a method's trainings.
        trials: settings that were tried.
        dense_score: dense BERT's score on tune with the same seed; None where it is not known.

    Returns:
        by name of `points.POINTS` the setting chosen, and of those that have none the reason.
        `full` neither skips nor exits: of several members, the best one.
    """
    full = [Setting(name, Policy()) for name in members]
    measured = [members[s.member].measure(s.policy) for s in full]
    best = max(range(len(full)), key=lambda i: measured[i][0])
    points, missing = {FULL: TunedSetting.of(full[best], *measured[best])}, {}
    for name, budget in BUDGETS.items():
        allowed = [t for t in trials if within(t.cost, budget)]
        if allowed:
            points[name] = max(allowed, key=lambda t: (t.score, -t.cost)).tuned()
        else:
            missing[name] = (
                f"no setting within {budget:.0%} of dense BERT's cost, the cheapest has"
                f" {min(t.cost for t in trials):.0%}"
            )
    if dense_score is None:
        return points, {**missing, DROP: "dense BERT's score on tune is missing"}
    lowest = dense_score - MOST_DROPPED - SCORE_ROUNDING
    allowed = [t for t in trials if t.score >= lowest]
    if allowed:
        points[DROP] = min(allowed, key=lambda t: (t.cost, -t.score)).tuned()
    else:
        missing[DROP] = (
            f"no setting within {MOST_DROPPED:g} point of dense BERT on tune ({dense_score:.1f}),"
            f" the best has {max(t.score for t in trials):.1f}"
        )
    return points, missing
