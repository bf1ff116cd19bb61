"""Comparison: all methods of one task side by side, with intervals and paired differences
(protocol: "Curves and one number", "Uncertainty").

Everything here is arithmetic on replays of test traces at settings chosen on tune. No torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from smartbert.analysis.evaluation import Evaluation, subsets
from smartbert.analysis.statistics import (
    Estimate,
    Resamples,
    Sample,
    estimate,
    mean_samples,
    score_samples,
)
from smartbert.criteria import NEVER
from smartbert.errors import UserError
from smartbert.points import AUC, EXITS, GATES, Setting
from smartbert.policies import Policy

RANGE = (0.25, 1.0)  # of cost relative to dense BERT, over which auc is the mean score
BAND_BUDGETS = np.round(np.arange(25, 101) / 100, 2)  # of the step functions

# What one seed of a method has: by point and kind the value and its draws (B,).
Quantities: TypeAlias = dict[tuple[str, str], tuple[float, np.ndarray]]
Curve: TypeAlias = tuple[np.ndarray, np.ndarray]  # the score at each budget (K,), and draws (B, K)


@dataclass(frozen=True)
class Quantity:
    """What is measured of a method: in which space, at which point, and what (score, cost)."""

    method: str
    space: str
    point: str
    kind: str


class Comparison:
    """All methods of one task on one test subset.

    Args:
        runs: by method and seed, the evaluation of that run.
        subset: name of the test subset ("" where there is one).
        draws, seed: of the bootstrap.

    Raises:
        UserError: if runs were recorded on different test data.
    """

    def __init__(
        self, runs: Mapping[str, Mapping[int, Evaluation]], *, subset: str, draws: int, seed: int
    ):
        self.runs = runs
        self.subset = subset
        self.seeds = sorted({number for own in runs.values() for number in own})
        first = next(iter(next(iter(runs.values())).values()))
        self.spec = first.spec
        trace = first.first
        self._check(trace.meta.data)
        self.chosen = dict(subsets(self.spec, trace))[subset]
        self.labels = trace.labels[self.chosen]
        self.resamples = Resamples.draw(len(self.labels), len(self.seeds), draws=draws, seed=seed)
        self.samples: dict[Quantity, Sample] = {}
        self.bands: dict[tuple[str, str], list[Sample]] = {}
        self._measure()

    def _check(self, expected: str) -> None:
        for method, own in self.runs.items():
            for seed, run in own.items():
                for member, trace in run.traces.items():
                    if trace.meta.data != expected:
                        raise UserError(
                            f"the test trace of {member} ({method}, seed {seed}) on"
                            f" {self.spec.name} is of other data ({trace.meta.data[:12]}) than"
                            f" the others' ({expected[:12]}); delete it and run again"
                        )

    def spaces(self, method: str) -> list[str]:
        """Return the spaces a method was tuned in."""
        return list(
            dict.fromkeys(s for run in self.runs[method].values() for s in run.tuned.spaces)
        )

    def title(self, method: str) -> str:
        """Return how tables call a method."""
        return next(iter(self.runs[method].values())).tuned.title

    def _measure(self) -> None:
        """Fill `samples` and `bands`."""
        for method, own in self.runs.items():
            for space in self.spaces(method):
                parts = {seed: self._one(run, space) for seed, run in own.items()}
                names = {key for values, _ in parts.values() for key in values}
                for point, kind in sorted(names):
                    pairs = [
                        parts[s][0].get((point, kind)) if s in parts else None for s in self.seeds
                    ]
                    self.samples[Quantity(method, space, point, kind)] = self._sample(pairs)
                curves = [parts[s][1] if s in parts else None for s in self.seeds]
                self.bands[method, space] = self._bands(curves)

    def _sample(self, pairs: Sequence[tuple[float, np.ndarray] | None]) -> Sample:
        draws = len(self.resamples.examples)
        values = np.array([np.nan if pair is None else pair[0] for pair in pairs])
        columns = [np.full(draws, np.nan) if pair is None else pair[1] for pair in pairs]
        return Sample(values, np.stack(columns, axis=1))

    def _bands(self, curves: Sequence[Curve | None]) -> list[Sample]:
        """Return a sample per budget."""
        return [
            self._sample([None if c is None else (c[0][i], c[1][:, i]) for c in curves])
            for i in range(len(BAND_BUDGETS))
        ]

    def _one(self, run: Evaluation, space: str) -> tuple[Quantities, Curve]:
        """Return what one run has in a space, and its step function over the budgets."""
        found = run.tuned.spaces.get(space)
        if found is None:
            nothing = np.full(len(BAND_BUDGETS), np.nan)
            return {}, (nothing, np.full((len(self.resamples.examples), len(nothing)), np.nan))
        points = {name: setting.setting for name, setting in found.points.items()}
        points |= _gates_alone(run)
        front = sorted(found.front, key=lambda setting: setting.tune_cost)
        outcomes = [
            self._outcome(run, setting)
            for setting in [*points.values(), *(setting.setting for setting in front)]
        ]
        majority = np.full(len(self.labels), run.tuned.majority)
        answers = np.stack([*(a for a, _ in outcomes), majority])
        values, draws = score_samples(self.spec, self.labels, answers, self.resamples)
        costs, cost_draws = mean_samples(np.stack([c for _, c in outcomes]), self.resamples)
        quantities: Quantities = {}
        for i, name in enumerate(points):
            quantities[name, "score"] = (values[i], draws[:, i])
            quantities[name, "cost"] = (costs[i], cost_draws[:, i])
        begin, spent = len(points), [setting.tune_cost for setting in front]
        weights = np.append(auc_weights(spent), 0.0)
        weights[-1] = 1 - weights.sum()
        quantities[AUC, "score"] = (values[begin:] @ weights, draws[:, begin:] @ weights)
        exits = self._exits(run)
        if len(exits):
            exit_values, exit_draws = score_samples(self.spec, self.labels, exits, self.resamples)
            quantities[EXITS, "score"] = (exit_values.mean(), exit_draws.mean(1))
        steps = affordable(spent)
        curve = np.where(steps >= 0, values[begin + steps], np.nan)
        return quantities, (curve, np.where(steps >= 0, draws[:, begin + steps], np.nan))

    def _outcome(self, run: Evaluation, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions and relative cost of each example of the subset."""
        trace, policy, decisions = run.decide(setting)
        cost = run.cost(trace, policy, decisions)
        return decisions.predictions[self.chosen], cost[self.chosen]

    def _exits(self, run: Evaluation) -> np.ndarray:
        """Return the predictions of exits 1..L-1 at full depth, (L-1, N); none without exits."""
        logits = run.first.path(None).exit_logits[self.chosen]
        if np.isnan(logits).all():
            return np.empty((0, len(self.labels)))
        return logits.argmax(-1).T

    def estimate(self, quantity: Quantity) -> Estimate:
        """Return a quantity's mean over seeds with its interval."""
        return estimate(self.samples[quantity], self.resamples.seeds)


def _gates_alone(run: Evaluation) -> dict[str, Setting]:
    """Return the setting of skipping alone, where the method has gates."""
    name, trace = next(iter(run.traces.items()))
    if trace.meta.skip_threshold is None:
        return {}
    return {GATES: Setting(name, Policy(NEVER, (), trace.meta.skip_threshold))}


def affordable(costs: Sequence[float]) -> np.ndarray:
    """Return, for each of `BAND_BUDGETS`, the position of the best setting within it, or -1.

    Args:
        costs: mean costs on tune of a front, ascending; dearer ones score higher there.
    """
    return np.searchsorted(costs, BAND_BUDGETS + 1e-12, side="right") - 1


def auc_weights(costs: Sequence[float]) -> np.ndarray:
    """Return the share of the cost range in which each setting of a front is the best affordable.

    The shares sum to 1 less the part below the cheapest setting, where the majority class answers.
    """
    low, high = RANGE
    edges = np.clip([*costs, np.inf], low, high)
    return np.diff(edges) / (high - low)
