"""Choice: the protocol's operating points among the settings that were tried on tune. No Optuna, no
torch, no pandas.

`Candidates` measures the settings of one method in one space once, and then chooses: on tune as it
is, or on any number of resampled tune sets (the nested bootstrap).
Shapes: K settings, B draws, N tune examples.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from smartbert.criteria import NEVER, criterion
from smartbert.errors import UserError
from smartbert.metrics import scores_of
from smartbert.points import (
    BUDGETS,
    CERTIFIED,
    CURVE_BUDGETS,
    DROP,
    FIXED,
    FULL,
    MAIN,
    MOST_DROPPED,
    MOST_HARMED,
    Setting,
    TunedSetting,
)
from smartbert.policies import Policy
from smartbert.tasks import task
from smartbert.trace.outcomes import mean_costs, outcomes
from smartbert.trace.replay import Replay
from smartbert.trace.trace import Trace
from smartbert.tune.rules import (
    ONE_ERROR,
    Rule,
    certified,
    least_certifiable,
    standard_errors,
    within_budgets,
    within_drop,
)


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


@dataclass(frozen=True)
class Chosen:
    """What was chosen in B draws of tune, as positions in `Candidates.settings`; -1 for none.

    Attributes:
        points: (B,) by operating point.
        curve: (B, M) at each of `CURVE_BUDGETS`.
    """

    points: dict[str, np.ndarray]
    curve: np.ndarray


class Candidates:
    """The settings of one method with one seed in one space, measured on tune.

    Args:
        traces: tune traces of its members.
        tried: the settings to choose among.
        space: in the main one a setting is certified, too.
        dense: dense BERT's tune trace of the same seed; None where it is not known.
        convention: name of the cost convention.

    Attributes:
        settings: those tried, then full depth of every member, then the list that is certified.
        answers, costs: (K, N) of every one of them, costs relative to dense BERT's.
        score, cost: (K,) in points and on average.
    """

    def __init__(
        self,
        traces: Mapping[str, Trace],
        tried: Sequence[Setting],
        *,
        space: str,
        dense: Trace | None,
        convention: str,
    ):
        first = next(iter(traces.values()))
        self.spec, self.labels = task(first.meta.task), first.labels
        full = [Setting(name, Policy()) for name in traces]
        ladder = certifiable(traces) if space == MAIN else []
        self.tried, self.space = len(tried), space
        self.full = np.arange(len(full)) + len(tried)
        self.ladder = np.arange(len(ladder)) + len(tried) + len(full)
        self.settings = [*tried, *full, *ladder]
        self.answers, self.costs = measure_all(traces, self.settings, convention=convention)
        self.dense = None if dense is None else dense.path(None).final_logits.argmax(-1)
        if self.dense is not None and len(self.dense) != len(self.labels):
            raise UserError(
                f"dense BERT's tune trace has {len(self.dense)} examples, that of"
                f" {first.meta.method} on {first.meta.task} {len(self.labels)}; delete both and run"
                " again"
            )
        self.cost = self.costs.mean(1)
        self.score = self._scores(np.ones((1, len(self.labels)), dtype=np.float32))[0]

    def _scores(self, weights: np.ndarray) -> np.ndarray:
        return scores_of(self.spec, self.labels, self.answers, weights)

    @cached_property
    def ranked(self) -> np.ndarray:
        """Positions of the settings tried in the order in which equally good ones are taken: by
        score, then by cost, then as they were tried, (K,).
        """
        own = slice(self.tried)
        return np.lexsort((np.arange(self.tried), self.cost[own], -self.score[own]))

    @cached_property
    def errors(self) -> np.ndarray:
        """Standard errors of the differences among the settings tried, as ranked, (K, K)."""
        own = self.answers[self.ranked]
        return standard_errors(self.spec, self.labels, own, own)

    @cached_property
    def dense_errors(self) -> np.ndarray:
        """Standard errors of the differences to dense BERT, as ranked, (K,)."""
        if self.dense is None:
            raise ValueError("dense BERT's tune trace is not known")
        own = self.answers[self.ranked]
        return standard_errors(self.spec, self.labels, own, self.dense[None])[:, 0]

    @cached_property
    def harmed(self) -> np.ndarray:
        """Which examples each setting of the list harms: dense BERT has them right and it has them
        wrong, (J, N) bool.
        """
        right = self.answers[self.ladder] == self.labels
        return ~right & (self.dense == self.labels)

    def choose(self, weights: np.ndarray | None = None, *, rule: Rule = ONE_ERROR) -> Chosen:
        """Return what is chosen where each tune example counts so often.

        The standard errors are those of tune itself in every draw: a draw moves the scores, not
        the yardstick that they are held against.

        Args:
            weights: (B, N) float32 whole numbers; None: tune as it is, B = 1.
        """
        n = len(self.labels)
        weights = np.ones((1, n), dtype=np.float32) if weights is None else weights
        scores = self._scores(weights)
        score = scores[:, self.ranked]
        cost = mean_costs(self.costs[self.ranked], weights)
        budgets = [*BUDGETS.values(), *CURVE_BUDGETS]
        afforded = within_budgets(score, cost, self.errors, budgets, rule=rule)
        # A method whose cheapest setting is dearer than dense BERT still has that one.
        afforded[:, -1] = np.where(afforded[:, -1] < 0, cost.argmin(1), afforded[:, -1])
        afforded = self._placed(afforded)
        points = {FULL: self.full[scores[:, self.full].argmax(1)]}
        points |= {name: afforded[:, i] for i, name in enumerate(BUDGETS)}
        if self.dense is None:
            points |= {DROP: np.full(len(weights), -1)}
        else:
            dense = scores_of(self.spec, self.labels, self.dense[None], weights)[:, 0]
            kept = within_drop(score, cost, dense, self.dense_errors, rule=rule)
            points |= {DROP: self._placed(kept)}
        if self.space == MAIN:
            points |= {CERTIFIED: self._certified(weights)}
        return Chosen(points, afforded[:, len(BUDGETS) :])

    def _placed(self, chosen: np.ndarray) -> np.ndarray:
        """Return positions in `settings` of positions in the ranking; -1 stays."""
        return np.where(chosen >= 0, self.ranked[chosen], -1)

    def _certified(self, weights: np.ndarray) -> np.ndarray:
        if self.dense is None or not len(self.ladder):
            return np.full(len(weights), -1)
        harms = np.rint(weights @ self.harmed.T.astype(np.float32))
        last = certified(harms, len(self.labels), most=MOST_HARMED)
        return np.where(last >= 0, self.ladder[last], -1)

    def tuned(self, position: int) -> TunedSetting:
        """Return a setting as it is written down."""
        return TunedSetting.of(
            self.settings[position], float(self.score[position]), float(self.cost[position])
        )

    def reason(self, point: str) -> str:
        """Return why nothing could be chosen on tune for an operating point."""
        if point in BUDGETS:
            cheapest = self.cost[: self.tried].min()
            return (
                f"no setting within {BUDGETS[point]:.0%} of dense BERT's cost, the cheapest has"
                f" {cheapest:.0%}"
            )
        if self.dense is None:
            return "dense BERT's score on tune is missing"
        weights = np.ones((1, len(self.labels)), dtype=np.float32)
        dense = scores_of(self.spec, self.labels, self.dense[None], weights)[0, 0]
        if point == DROP:
            return (
                f"no setting within {MOST_DROPPED:g} point of dense BERT on tune ({dense:.1f}) with"
                f" a standard error to spare, the best has {self.score[: self.tried].max():.1f}"
            )
        if not len(self.ladder):
            return "its rule's scale has no ends, so that no list of thresholds is fixed beforehand"
        n = len(self.labels)
        return (
            f"none certified: the first of the list harms {self.harmed[0].mean():.1%} of tune, and"
            f" {n} examples can certify {least_certifiable(n):.1%} of harm at the least"
        )


def measure_all(
    traces: Mapping[str, Trace], settings: Sequence[Setting], *, convention: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return what settings answer, and cost relative to dense BERT, on every example: (K, N).

    Raises:
        UserError: if one is of a training without a trace.
    """
    if lost := [s.member for s in settings if s.member not in traces]:
        raise UserError(
            f"a setting is of training {lost[0]!r}, of which there is no trace; known:"
            f" {', '.join(traces)}; delete points.json and trials.csv and run again"
        )
    n = len(next(iter(traces.values())))
    answers, costs = np.empty((len(settings), n), dtype=np.int16), np.empty((len(settings), n))
    for name, trace in traces.items():
        own = [i for i, setting in enumerate(settings) if setting.member == name]
        if own:
            policies = [settings[i].policy for i in own]
            answers[own], costs[own] = outcomes(Replay(trace), policies, convention=convention)
    return answers, costs


def certifiable(traces: Mapping[str, Trace]) -> list[Setting]:
    """Return the settings among which one is certified, in an order that tune has no part in: from
    the deepest training with its exits off towards everybody's leaving at the first exit.
    """
    found = []
    for name, trace in sorted(traces.items(), key=lambda pair: -pair[1].depth):
        rule, skip, depth = criterion(trace.meta.criterion), trace.meta.skip_threshold, trace.depth
        if rule is None:
            found.append(Setting(name, Policy(skip_threshold=skip)))
            continue
        given = tuple(p.values(depth)[0] for p in rule.parameters)
        for threshold in rule.ladder(trace.meta.architecture.classes, depth):
            if not rule.can_stop(threshold):
                policy = Policy(skip_threshold=skip)
            else:
                policy = Policy.uniform(
                    rule.name, threshold, depth=depth, skip_threshold=skip, parameters=given
                )
            found.append(Setting(name, policy))
    return found


def fixed_depths(traces: Mapping[str, Trace]) -> list[Setting]:
    """Return the settings in which everybody leaves at the same layer, of trainings with exits."""
    return [
        Setting(name, policy)
        for name, trace in traces.items()
        if trace.meta.criterion != NEVER
        for policy in trace.fixed_depths()
    ]


def tried_in(
    space: str, traces: Mapping[str, Trace], trials: Mapping[str, Sequence[Setting]]
) -> Sequence[Setting]:
    """Return the settings to choose among in a space: those tried, or all fixed depths.

    Raises:
        UserError: if none was tried there.
    """
    found = fixed_depths(traces) if space == FIXED else trials.get(space, ())
    if not found:
        raise UserError(
            f"trials.csv of {', '.join(traces)} has no settings of the space {space!r}; delete it"
            " and run again"
        )
    return found


def read_trials(path: Path) -> dict[str, list[Setting]]:
    """Return the settings that tuning tried, each once, by space.

    Raises:
        UserError: if the file is damaged.
    """
    found: dict[str, dict[Setting, None]] = {}
    damage = (OSError, KeyError, ValueError, TypeError, AttributeError, csv.Error, UserError)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                setting = Setting(row["member"], Policy.of_columns(row))
                found.setdefault(row["space"], {})[setting] = None
    except damage as error:
        raise UserError(f"cannot read {path}: {error}; delete it and run again") from None
    return {space: list(settings) for space, settings in found.items()}
