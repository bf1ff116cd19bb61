"""Comparison: all methods of one task side by side, with intervals and paired differences
(protocol: "Curves and one number", "Uncertainty").

Everything here is arithmetic on replays of test traces at settings chosen on tune. No torch.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from smartbert.errors import UserError
from smartbert.evaluation import Evaluation, subsets
from smartbert.methods import REFERENCE
from smartbert.points import GLOBAL, POINTS, Setting
from smartbert.policies import NEVER, Policy
from smartbert.statistics import (
    Estimate,
    Resamples,
    Sample,
    estimate,
    interval,
    mean_samples,
    over_seeds,
    score_samples,
)

RANGE = (0.25, 1.0)  # of cost relative to dense BERT, over which auc is the mean score
BUDGETS = np.round(np.arange(25, 101) / 100, 2)
EXITS = "exits"  # mean score of the exits before the last layer, at full depth
GATES = "gates"  # skipping alone, at the skip threshold the method was trained for
AUC = "auc"
HEAD = ["task", "method", "title", "space", "subset"]


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
        self, runs: dict[str, dict[int, Evaluation]], *, subset: str, draws: int, seed: int
    ):
        self.runs = runs
        self.subset = subset
        self.seeds = sorted({number for own in runs.values() for number in own})
        first = next(iter(next(iter(runs.values())).values()))
        self.spec = first.spec
        trace = next(iter(first.traces.values()))
        self._check(trace.meta["data"])
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
                    if trace.meta["data"] != expected:
                        raise UserError(
                            f"the test trace of {member} ({method}, seed {seed}) on"
                            f" {self.spec.name} is of other data ({trace.meta['data'][:12]}) than"
                            f" the others' ({expected[:12]}); delete it and run again"
                        )

    def spaces(self, method: str) -> list[str]:
        """Return the spaces a method was tuned in."""
        return list(
            dict.fromkeys(s for run in self.runs[method].values() for s in run.tuned["spaces"])
        )

    def title(self, method: str) -> str:
        """Return how tables call a method."""
        return next(iter(self.runs[method].values())).tuned["title"]

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

    def _sample(self, pairs: list[tuple[float, np.ndarray] | None]) -> Sample:
        draws = len(self.resamples.examples)
        values = np.array([np.nan if pair is None else pair[0] for pair in pairs])
        columns = [np.full(draws, np.nan) if pair is None else pair[1] for pair in pairs]
        return Sample(values, np.stack(columns, axis=1))

    def _bands(self, curves: list[tuple[np.ndarray, np.ndarray] | None]) -> list[Sample]:
        """Return a sample per budget."""
        return [
            self._sample([None if c is None else (c[0][i], c[1][:, i]) for c in curves])
            for i in range(len(BUDGETS))
        ]

    def _one(self, run: Evaluation, space: str) -> tuple[dict, tuple[np.ndarray, np.ndarray]]:
        """Return one run's quantities {(point, kind): (value, draws)} and its step function."""
        found = run.tuned["spaces"].get(space)
        if found is None:
            nothing = np.full(len(BUDGETS), np.nan)
            return {}, (nothing, np.full((len(self.resamples.examples), len(BUDGETS)), np.nan))
        points = {n: s for n, s in found["points"].items() if "status" not in s}
        points |= self._gates(run)
        front = sorted(found["front"], key=lambda s: s["tune_cost"])
        settings = [*points.values(), *front]
        outcomes = [self._outcome(run, setting) for setting in settings]
        majority = np.full(len(self.labels), run.tuned["majority"])
        answers = np.stack([*(a for a, _ in outcomes), majority])
        values, draws = score_samples(self.spec, self.labels, answers, self.resamples)
        costs, cost_draws = mean_samples(np.stack([c for _, c in outcomes]), self.resamples)
        quantities = {}
        for i, name in enumerate(points):
            quantities[name, "score"] = (values[i], draws[:, i])
            quantities[name, "cost"] = (costs[i], cost_draws[:, i])
        begin = len(points)
        weights = np.append(auc_weights([s["tune_cost"] for s in front]), 0.0)
        weights[-1] = 1 - weights.sum()
        quantities[AUC, "score"] = (values[begin:] @ weights, draws[:, begin:] @ weights)
        exits = self._exits(run)
        if len(exits):
            exit_values, exit_draws = score_samples(self.spec, self.labels, exits, self.resamples)
            quantities[EXITS, "score"] = (exit_values.mean(), exit_draws.mean(1))
        steps = affordable([s["tune_cost"] for s in front])
        curve = np.where(steps >= 0, values[begin + steps], np.nan)
        return quantities, (curve, np.where(steps >= 0, draws[:, begin + steps], np.nan))

    def _gates(self, run: Evaluation) -> dict[str, dict]:
        """Return the setting of skipping alone, where the method has gates."""
        name, trace = next(iter(run.traces.items()))
        if trace.meta["skip_threshold"] is None:
            return {}
        setting = Setting(name, Policy(NEVER, (), trace.meta["skip_threshold"]))
        return {GATES: setting.to_dict()}

    def _outcome(self, run: Evaluation, setting: dict) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions and relative cost of each example of the subset."""
        trace, policy, decisions = run.decide(setting)
        cost = run.cost(trace, policy, decisions)
        return decisions.predictions[self.chosen], cost[self.chosen]

    def _exits(self, run: Evaluation) -> np.ndarray:
        """Return the predictions of exits 1..L-1 at full depth, (L-1, N); none without exits."""
        trace = next(iter(run.traces.values()))
        logits = trace.path(None).exit_logits[self.chosen]
        if np.isnan(logits).all():
            return np.empty((0, len(self.labels)))
        return logits.argmax(-1).T

    def estimate(self, quantity: Quantity) -> Estimate:
        """Return a quantity's mean over seeds with its interval."""
        return estimate(self.samples[quantity], self.resamples.seeds)

    def _head(self, method: str, space: str) -> dict:
        values = (self.spec.name, method, self.title(method), space, self.subset)
        return dict(zip(HEAD, values, strict=True))

    def points(self) -> pd.DataFrame:
        """Return every operating point with intervals.

        Columns: task, method, title, space, subset, point, score, score_low, score_high, cost,
        cost_low, cost_high, seeds, examples, status (the reasons, where a seed has none).
        """
        rows = []
        for method, own in self.runs.items():
            for space in self.spaces(method):
                for point in POINTS:
                    row = {**self._head(method, space), "point": point}
                    for kind in ("score", "cost"):
                        quantity = Quantity(method, space, point, kind)
                        if quantity in self.samples:
                            e = self.estimate(quantity)
                            row |= {kind: e.value, f"{kind}_low": e.low, f"{kind}_high": e.high}
                            row["seeds"] = e.seeds
                    row.setdefault("seeds", 0)
                    row |= {"examples": len(self.labels), "status": self._status(own, space, point)}
                    rows.append(row)
        return pd.DataFrame(rows)

    def _status(self, own: dict[int, Evaluation], space: str, point: str) -> str:
        reasons = {
            seed: run.tuned["spaces"][space]["points"][point].get("status")
            for seed, run in own.items()
            if space in run.tuned["spaces"]
        }
        missing = {seed: reason for seed, reason in reasons.items() if reason}
        if not missing:
            return "ok"
        if len(missing) == len(reasons):
            return next(iter(missing.values()))
        return "; ".join(f"seed {seed}: {reason}" for seed, reason in missing.items())

    def auc(self) -> pd.DataFrame:
        """Return each method's mean score over the cost range, with intervals and the score of the
        majority class; dense BERT has one cost and so no such mean.
        """
        rows = []
        for method in self.runs:
            if method == REFERENCE:
                continue
            for space in self.spaces(method):
                e = self.estimate(Quantity(method, space, AUC, "score"))
                row = {AUC: e.value, "low": e.low, "high": e.high, "seeds": e.seeds}
                rows.append({**self._head(method, space), **row, "trainings": self.members(method)})
        return pd.DataFrame(rows, columns=[*HEAD, AUC, "low", "high", "seeds", "trainings"])

    def members(self, method: str) -> int:
        """Return how many trainings are behind a method's front."""
        return max(len(run.traces) for run in self.runs[method].values())

    def bands_table(self) -> pd.DataFrame:
        """Return the step functions with intervals.

        Columns: task, method, title, space, subset, budget, score, low, high, seeds; no numbers
        below the budget from which on every seed has a setting.
        """
        rows = []
        for (method, space), samples in self.bands.items():
            for budget, sample in zip(BUDGETS, samples, strict=True):
                row = {**self._head(method, space), "budget": budget}
                if sample.seeds == len(self.runs[method]):
                    e = estimate(sample, self.resamples.seeds)
                    row |= {"score": e.value, "low": e.low, "high": e.high, "seeds": e.seeds}
                rows.append(row)
        return pd.DataFrame(rows, columns=[*HEAD, "budget", "score", "low", "high", "seeds"])

    def differences(self) -> pd.DataFrame:
        """Return the paired difference of every two methods, first minus second.

        Columns: task, subset, space, first, second, point (an operating point, gates, auc or
        exits), kind (score or cost), difference, low, high, probability (that the first is
        larger), seeds. A method that was not tuned in a space stands there with its global
        settings.
        """
        rows = []
        spaces = dict.fromkeys(space for method in self.runs for space in self.spaces(method))
        kinds = [(p, k) for p in (*POINTS, GATES) for k in ("score", "cost")]
        kinds += [(AUC, "score"), (EXITS, "score")]
        for space in spaces:
            for first, second in combinations(self.runs, 2):
                for point, kind in kinds:
                    if point == AUC and REFERENCE in (first, second):
                        continue
                    pair = [self._in_space(m, space, point, kind) for m in (first, second)]
                    if None in pair:
                        continue
                    e = estimate(pair[0] - pair[1], self.resamples.seeds)
                    if not e.seeds:
                        continue
                    what = (self.spec.name, self.subset, space, first, second, point, kind)
                    rows.append((*what, e.value, e.low, e.high, e.above, e.seeds))
        names = ["task", "subset", "space", "first", "second", "point", "kind"]
        values = ["difference", "low", "high", "probability", "seeds"]
        return pd.DataFrame(rows, columns=names + values)

    def _in_space(self, method: str, space: str, point: str, kind: str) -> Sample | None:
        own = space if space in self.spaces(method) else GLOBAL
        return self.samples.get(Quantity(method, own, point, kind))

    def cost_draws(self, point: str) -> pd.DataFrame:
        """Return the draws of each method's mean cost at a point, for medians over tasks.

        Columns: task, method, space, subset, value, seeds, d0, d1, ... (one per draw).
        """
        rows = []
        for q, sample in self.samples.items():
            if (q.point, q.kind) == (point, "cost"):
                drawn = over_seeds(sample, self.resamples.seeds)
                what = (self.spec.name, q.method, q.space, self.subset)
                rows.append((*what, float(np.nanmean(sample.values)), sample.seeds, *drawn))
        names = ["task", "method", "space", "subset", "value", "seeds"]
        return pd.DataFrame(
            rows, columns=names + [f"d{i}" for i in range(len(self.resamples.examples))]
        )


def affordable(costs: list[float]) -> np.ndarray:
    """Return, for each of `BUDGETS`, the position of the best setting within it, or -1.

    Args:
        costs: mean costs on tune of a front, ascending; dearer ones score higher there.
    """
    return np.searchsorted(costs, BUDGETS + 1e-12, side="right") - 1


def auc_weights(costs: list[float]) -> np.ndarray:
    """Return the share of the cost range in which each setting of a front is the best affordable.

    The shares sum to 1 less the part below the cheapest setting, where the majority class answers.
    """
    low, high = RANGE
    edges = np.clip([*costs, np.inf], low, high)
    return np.diff(edges) / (high - low)


def median_over_tasks(draws: pd.DataFrame, *, inverse: bool = False) -> Estimate:
    """Return the median over tasks of a quantity, with the interval of its draws.

    Args:
        draws: rows of `Comparison.cost_draws`, one per task.
        inverse: take 1 / quantity first, which turns a cost into a reduction.
    """
    columns = [name for name in draws if name.startswith("d") and name[1:].isdigit()]
    values, table = draws["value"].to_numpy(float), draws[columns].to_numpy(float)
    if inverse:
        values, table = 1 / values, 1 / table
    seeds = int(draws["seeds"].min())
    return interval(float(np.median(values)), np.median(table, axis=0), seeds)
