"""Comparison: all methods of one task side by side, with intervals and paired differences
(protocol: "Curves and the primary endpoint", "Uncertainty").

Everything here is arithmetic on replays of traces, at settings chosen on tune and at those that
would have been chosen on other tune examples. No torch.

Shapes: B draws, S seeds, N test examples, U settings, M settings of a curve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from smartbert.analysis.evaluation import Evaluation, subsets
from smartbert.analysis.line import Line
from smartbert.analysis.nested import choose_again
from smartbert.analysis.statistics import Estimate, Sample, estimate, resample
from smartbert.criteria import NEVER
from smartbert.errors import UserError
from smartbert.manifest import REFERENCE
from smartbert.metrics import score_range, scores_of
from smartbert.points import AUC, EXITS, FIXED, GATES, SETTLED, Setting
from smartbert.policies import Policy
from smartbert.trace.outcomes import mean_costs
from smartbert.trace.trace import Trace
from smartbert.tune.choice import measure_all
from smartbert.tune.rules import ONE_ERROR, Rule

RANGE = (0.25, 1.0)  # of cost relative to dense BERT, over which auc is the mean score
BAND_COSTS = np.round(np.arange(25, 101) / 100, 2)  # at which curves are read

# What one seed of a method has: by point and kind the value and its draws (B,).
Quantities: TypeAlias = dict[tuple[str, str], tuple[float, np.ndarray]]
Curve: TypeAlias = tuple[np.ndarray, np.ndarray]  # the score at each cost (Q,), and draws (B, Q)


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
        rule: by which draws of tune choose.

    Attributes:
        labels: (N,) of the subset.
        majority: score of the class that most tune examples have.
        samples: what was measured, by quantity.
        bands: by method and space a sample for each of `BAND_COSTS`.

    Raises:
        UserError: if runs were recorded on different data.
    """

    def __init__(
        self,
        runs: Mapping[str, Mapping[int, Evaluation]],
        *,
        subset: str,
        draws: int,
        seed: int,
        rule: Rule = ONE_ERROR,
    ):
        self.runs, self.subset, self.rule = runs, subset, rule
        self.seeds = sorted({number for own in runs.values() for number in own})
        first = next(iter(next(iter(runs.values())).values()))
        self.spec = first.spec
        for split in ("tune", "traces"):
            self._check(split)
        names = [name for name, _ in subsets(self.spec, first.first)]
        self.chosen = dict(subsets(self.spec, first.first))[subset]
        self.labels = first.first.labels[self.chosen]
        stream = 1 + names.index(subset)
        self.tune_weights = resample(len(next(iter(first.tune.values()))), draws=draws, seed=seed)
        self.weights = resample(len(self.labels), draws=draws, seed=seed, stream=stream)
        floor, floors = self._scored(np.full((1, len(self.labels)), first.tuned.majority))
        self.majority = float(floor[0])
        self._floor = np.append(floor, floors[:, 0])
        self.samples: dict[Quantity, Sample] = {}
        self.bands: dict[tuple[str, str], list[Sample]] = {}
        for method in runs:
            for space in self.spaces(method):
                self._measure(method, space)

    def _check(self, split: str) -> None:
        """Refuse traces of a split that are of other data than the first one's."""
        expected = None
        for method, own in self.runs.items():
            for seed, run in own.items():
                for member, trace in getattr(run, split).items():
                    expected = expected or trace.meta.data
                    if trace.meta.data != expected:
                        raise UserError(
                            f"the {trace.meta.split} trace of {member} ({method}, seed {seed}) on"
                            f" {self.spec.name} is of other data ({trace.meta.data[:12]}) than"
                            f" the others' ({expected[:12]}); delete it and run again"
                        )

    def spaces(self, method: str) -> list[str]:
        """Return the spaces that a method has settings in."""
        return list(
            dict.fromkeys(s for run in self.runs[method].values() for s in run.tuned.spaces)
        )

    def title(self, method: str) -> str:
        """Return how tables call a method."""
        return next(iter(self.runs[method].values())).tuned.title

    def _scored(self, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of answers (U, N) on the subset (U,) and in every draw (B, U)."""
        whole = np.ones((1, len(self.labels)), dtype=np.float32)
        values = scores_of(self.spec, self.labels, answers, whole)[0]
        return values, scores_of(self.spec, self.labels, answers, self.weights)

    def _averaged(self, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the means of costs (U, N) on the subset (U,) and in every draw (B, U)."""
        return costs.mean(1), mean_costs(costs, self.weights)

    def _measure(self, method: str, space: str) -> None:
        """Fill `samples` and `bands` with what a method has in a space."""
        own = self.runs[method]
        parts = {seed: self._one(run, space) for seed, run in own.items()}
        names = dict.fromkeys(key for values, _ in parts.values() for key in values)
        for point, kind in names:
            pairs = [parts[s][0].get((point, kind)) if s in parts else None for s in self.seeds]
            worse = "high" if kind == "cost" else "low"
            sample = self._sample(pairs, worse=worse)
            self.samples[Quantity(method, space, point, kind)] = sample
        curves = [parts[s][1] if s in parts else None for s in self.seeds]
        self.bands[method, space] = [
            self._sample([None if c is None else (c[0][i], c[1][:, i]) for c in curves])
            for i in range(len(BAND_COSTS))
        ]

    def _sample(
        self, pairs: Sequence[tuple[float, np.ndarray] | None], *, worse: str = "low"
    ) -> Sample:
        nothing = np.full(len(self.weights), np.nan)
        values = np.array([np.nan if pair is None else pair[0] for pair in pairs])
        columns = [nothing if pair is None else pair[1] for pair in pairs]
        return Sample.of(values, np.stack(columns, axis=1), worse=worse)

    def _one(self, run: Evaluation, space: str) -> tuple[Quantities, Curve]:
        """Return what one run has in a space, and its curve."""
        found = run.tuned.spaces.get(space)
        if found is None:
            nothing = np.full(len(BAND_COSTS), np.nan)
            return {}, (nothing, np.full((len(self.weights), len(nothing)), np.nan))
        again = choose_again(
            run, space, self.tune_weights, dense=self._dense(run.tuned.seed), rule=self.rule
        )
        traces = {name: trace.part(self.chosen) for name, trace in run.traces.items()}
        alone = _gates_alone(run)
        settings = [*again.settings, *alone]
        answers, spent = measure_all(traces, settings, convention=run.tuned.convention)
        measured = {
            kind: np.concatenate([values[None], draws])
            for kind, (values, draws) in (
                ("score", self._scored(answers)),
                ("cost", self._averaged(spent)),
            )
        }
        quantities: Quantities = {}
        for kind, values in measured.items():
            for name, chosen in again.points.items():
                own = _taken(values, chosen)
                if np.isfinite(own[0]):
                    quantities[name, kind] = (float(own[0]), own[1:])
            if alone:
                quantities[GATES, kind] = (float(values[0, -1]), values[1:, -1])
        costs, scores = (_taken(measured[kind], again.curve) for kind in ("cost", "score"))
        line = Line.through(costs, scores, self._floor)
        mean = line.mean(*RANGE)
        quantities[AUC, "score"] = (float(mean[0]), mean[1:])
        exits = _exit_answers(next(iter(traces.values())))
        if space == FIXED:
            quantities |= self._settled(run, traces)
        elif len(exits):
            values, draws = self._scored(exits)
            quantities[EXITS, "score"] = (float(values.mean()), draws.mean(1))
        bands = line.at(BAND_COSTS)
        return quantities, (bands[0], bands[1:])

    def _dense(self, seed: int) -> Trace | None:
        """Return dense BERT's tune trace of a seed."""
        run = self.runs.get(REFERENCE, {}).get(seed)
        return None if run is None else run.tune[REFERENCE]

    def _settled(self, run: Evaluation, traces: Mapping[str, Trace]) -> Quantities:
        """Return what it would cost if each example left at the first layer from which its answer
        no longer changes: full depth's answers at the least cost, gates off. It knows the future.
        """
        name, trace = next(iter(traces.items()))
        paths, depth = trace.path(None), trace.depth
        said = np.column_stack([paths.exit_logits.argmax(-1), paths.final_logits.argmax(-1)])
        changed = said[:, :-1] != said[:, 1:]
        layer = np.where(changed.any(1), depth - 1 - changed[:, ::-1].argmax(1), 0)
        depths = [Setting(name, policy) for policy in trace.fixed_depths()]
        _, costs = measure_all(traces, depths, convention=run.tuned.convention)
        own = costs[layer, np.arange(len(layer))]
        values, draws = self._scored(said[None, :, -1])
        spent, drawn = self._averaged(own[None])
        return {
            (SETTLED, "score"): (float(values[0]), draws[:, 0]),
            (SETTLED, "cost"): (float(spent[0]), drawn[:, 0]),
        }

    def estimate(self, quantity: Quantity) -> Estimate:
        """Return a quantity's mean over seeds with its interval; a cost's is that of its
        logarithm, a score's ends where scores end.
        """
        sample = self.samples[quantity]
        if quantity.kind == "cost":
            return estimate(sample, logarithm=True)
        return self.estimate_score(sample)

    def estimate_score(self, sample: Sample) -> Estimate:
        """Return the mean over seeds of a score with its interval, which ends where scores end."""
        found, (least, most) = estimate(sample), score_range(self.spec)
        low, high = (
            float(np.clip(end, least, most)) if np.isfinite(end) else end
            for end in (found.low, found.high)
        )
        return replace(found, low=low, high=high)


def _taken(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return each row's value at the setting that it chose; NaN where it chose none.

    Args:
        values: (R, U) of settings.
        chosen: (R,) or (R, M) positions, or -1.
    """
    rows = np.arange(len(values)).reshape(-1, *[1] * (chosen.ndim - 1))
    return np.where(chosen >= 0, values[rows, chosen], np.nan)


def _gates_alone(run: Evaluation) -> list[Setting]:
    """Return the setting of skipping alone, where the method has gates."""
    name, trace = next(iter(run.traces.items()))
    if trace.meta.skip_threshold is None:
        return []
    return [Setting(name, Policy(NEVER, (), trace.meta.skip_threshold))]


def _exit_answers(trace: Trace) -> np.ndarray:
    """Return the predictions of exits 1..L-1 at full depth, (L-1, N); none without exits."""
    logits = trace.path(None).exit_logits
    if np.isnan(logits).all():
        return np.empty((0, len(trace)))
    return logits.argmax(-1).T
