"""Evaluation: what a trained method scores and costs on test at settings chosen before, replayed
from its traces. All of it as rows of tables; what layers and exits did is in `usage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smartbert.analysis.rows import Row
from smartbert.errors import UserError
from smartbert.metrics import columns, measure
from smartbert.points import POINTS, Setting, Tuned, TunedSetting
from smartbert.policies import Decisions, Policy
from smartbert.results import TRACES
from smartbert.tasks import TaskSpec, task
from smartbert.trace.replay import Replay, cost_model
from smartbert.trace.schema import TraceMeta
from smartbert.trace.trace import Trace
from smartbert.tune.choice import read_trials


@dataclass(frozen=True)
class Point:
    """A named setting of one method: what tables call it, and its policy."""

    name: str
    policy: Policy


def subsets(spec: TaskSpec, trace: Trace) -> list[tuple[str, np.ndarray]]:
    """Return the test subsets as (name, rows); most tasks have one, MNLI matched and mismatched."""
    if trace.meta.split != "test":
        return [("", np.arange(len(trace)))]
    return [
        (name, np.flatnonzero(trace.subset == number)) for number, (name, _) in enumerate(spec.test)
    ]


def head(origin: TraceMeta | Tuned) -> Row:
    """Return what every row says of the method: task, method, title, seed."""
    return {
        "task": origin.task,
        "method": origin.method,
        "title": origin.title,
        "seed": origin.seed,
    }


def score_rows(
    trace: Trace, decisions: Decisions, point: Point, *, space: str, convention: str
) -> list[Row]:
    """Return one row per test subset: scores in points, cost relative to dense BERT.

    Keys: task, method, title, seed, space, point, subset, skip_threshold, exit_threshold, score,
    the metrics (`metrics.columns`), cost_relative (mean over examples of the ratio), cost_total
    (ratio of the sums), speedup, layers, examples, convention, status.
    """
    spec = task(trace.meta.task)
    model = cost_model(trace, convention)
    spent = model.spent(decisions, point.policy, trace.lengths)
    dense = model.dense(trace.lengths)
    cost = spent / dense
    return [
        {
            **head(trace.meta),
            "space": space,
            "point": point.name,
            "subset": subset,
            "skip_threshold": point.policy.skip_threshold,
            "exit_threshold": _one_threshold(point.policy),
            **point.policy.parameter_column(),
            **task_scores(spec, decisions.predictions[chosen], trace.labels[chosen]),
            "cost_relative": cost[chosen].mean(),
            "cost_total": spent[chosen].sum() / dense[chosen].sum(),
            "speedup": 1 / cost[chosen].mean(),
            "layers": decisions.layers[chosen].mean(),
            "examples": len(chosen),
            "convention": convention,
            "status": "ok",
        }
        for subset, chosen in subsets(spec, trace)
    ]


class Evaluation:
    """One method on one task and seed: its members' test traces at the settings chosen on tune.

    Args:
        traces: test traces by member.
        tuned: the contents of `points.json`.
        tune: tune traces by member, and `trials`, the settings tried by space: from what it would
            be chosen again.

    Raises:
        UserError: if a trace is of another task, seed or model than the one that was tuned.
    """

    def __init__(
        self,
        traces: Mapping[str, Trace],
        tuned: Tuned,
        *,
        tune: Mapping[str, Trace] | None = None,
        trials: Mapping[str, Sequence[Setting]] | None = None,
    ):
        self.traces = dict(traces)
        self.tuned = tuned
        self.tune, self.trials = dict(tune or {}), dict(trials or {})
        self.replays = {name: Replay(trace) for name, trace in traces.items()}
        for name, trace in traces.items():
            same_origin(trace, tuned, member=name)

    @property
    def spec(self) -> TaskSpec:
        """The task."""
        return task(self.tuned.task)

    @property
    def first(self) -> Trace:
        """The first member's trace; of most methods, the only one's."""
        return next(iter(self.traces.values()))

    def decide(self, setting: Setting) -> tuple[Trace, Policy, Decisions]:
        """Return the member's trace, the policy and what it decides."""
        replay = self.replays[setting.member]
        return replay.trace, setting.policy, replay.decide(setting.policy)

    def chosen(self) -> list[tuple[str, str, TunedSetting]]:
        """Return (space, point, setting) of every operating point that could be chosen."""
        return [
            (space, name, setting)
            for space, found in self.tuned.spaces.items()
            for name, setting in found.points.items()
        ]

    def scores(self) -> list[Row]:
        """Return one row per space, operating point and subset: `score_rows` with member,
        tune_score and tune_cost; a point that could not be chosen has no numbers and its reason as
        status.
        """
        table: list[Row] = []
        for space, found in self.tuned.spaces.items():
            names = [*found.points, *found.missing]
            for name in [
                *(p for p in POINTS if p in names),
                *(n for n in names if n not in POINTS),
            ]:
                if name in found.missing:
                    table += self._unavailable(space, name, found.missing[name])
                else:
                    table += self._available(space, name, found.points[name])
        return table

    def _available(self, space: str, name: str, setting: TunedSetting) -> list[Row]:
        extra: Row = {
            "member": setting.member,
            "tune_score": setting.tune_score,
            "tune_cost": setting.tune_cost,
        }
        return [{**row, **head(self.tuned), **extra} for row in self._rows(space, name, setting)]

    def _unavailable(self, space: str, name: str, reason: str) -> list[Row]:
        return [
            {
                **head(self.tuned),
                **{"space": space, "point": name, "subset": subset},
                **{"convention": self.tuned.convention, "status": reason},
            }
            for subset, _ in subsets(self.spec, self.first)
        ]

    def _rows(self, space: str, name: str, setting: TunedSetting) -> list[Row]:
        """Return the rows of one setting, as its trace names the method."""
        trace, policy, decisions = self.decide(setting.setting)
        point, convention = Point(name, policy), self.tuned.convention
        return score_rows(trace, decisions, point, space=space, convention=convention)

    def curve(self) -> list[Row]:
        """Return the settings that tune chooses for budgets of cost, carried to test.

        Columns: task, method, title, seed, space, subset, member, skip_threshold, thresholds,
        tune_score, tune_cost, score, cost, layers; by rising cost on tune.
        """
        return [
            {
                **head(self.tuned),
                **{"space": space, "subset": row["subset"], "member": setting.member},
                **setting.policy.columns(),
                **{"tune_score": setting.tune_score, "tune_cost": setting.tune_cost},
                **{"score": row["score"], "cost": row["cost_relative"]},
                "layers": row["layers"],
            }
            for space, found in self.tuned.spaces.items()
            for setting in found.curve
            for row in self._rows(space, "", setting)
        ]


def same_origin(trace: Trace, tuned: Tuned, *, member: str) -> None:
    """Refuse a trace that is not of the test split and of the training that was tuned.

    Raises:
        UserError: naming what differs: split, task, seed, model, or what the task's record says.
    """
    recorded = tuned.members.get(member)
    if recorded is None:
        raise UserError(
            f"points.json of {tuned.method} on {tuned.task} does not know {member!r}; known:"
            f" {', '.join(tuned.members)}; delete points.json and run again"
        )
    meta = trace.meta
    if meta.split != "test":
        raise UserError(
            f"the trace of {member} on {tuned.task} is of split {meta.split!r}, and scores are of"
            " 'test'; delete the run's traces and run again"
        )
    for key in ("task", "seed", "model"):
        found, wanted = getattr(meta, key), getattr(recorded, key)
        if found != wanted:
            raise UserError(
                f"the {meta.split} trace of {member} on {tuned.task} has {key} {found!r}, the"
                f" thresholds were tuned on {wanted!r}; delete the run's traces and points.json and"
                " run again"
            )
    _fits_record(trace, task(tuned.task), member=member)


def _fits_record(trace: Trace, spec: TaskSpec, *, member: str) -> None:
    classes, parts = trace.meta.architecture.classes, int(trace.subset.max()) + 1
    told = None
    if classes != len(spec.labels):
        told = f"has {classes} classes, the task has {len(spec.labels)}"
    elif parts > len(spec.test):
        told = f"has {parts} test subsets, the task has {len(spec.test)}"
    if told is not None:
        raise UserError(
            f"the test trace of {member} on {spec.name} {told}; delete the run's traces and run"
            " again"
        )


def task_scores(
    spec: TaskSpec, predictions: np.ndarray, labels: np.ndarray
) -> dict[str, float | None]:
    """Return score and metrics (`metrics.columns`), None for one that the task does not have."""
    values = measure(spec, predictions, labels)
    return {name: values.get(name) for name in ("score", *columns())}


def _one_threshold(policy: Policy) -> float | None:
    """Return the exit threshold where all layers share one, else None."""
    return policy.thresholds[0] if len(set(policy.thresholds)) == 1 else None


def load_runs(
    points: Sequence[Path], trials: Sequence[Path], traces: Sequence[Path]
) -> dict[str, dict[int, Evaluation]]:
    """Return the evaluations of a task by method and seed, methods in the order of `points`.

    Args:
        points: the `points.json` of every method and seed; each names the trainings behind it.
        trials: the settings that were tried for each of them, in the same order.
        traces: tune and test traces of all those trainings, in any order.

    Raises:
        UserError: if there is no run, or a trace that one needs is missing.
    """
    if not points:
        raise UserError("no run has finished, there is nothing to compare")
    loaded = [Trace.load(path) for path in traces]
    recorded = {(t.meta.method, t.meta.seed, str(t.meta.split)): t for t in loaded}
    runs: dict[str, dict[int, Evaluation]] = {}
    for path, tried in zip(points, trials, strict=True):
        tuned = Tuned.read(path)
        own: dict[str, dict[str, Trace]] = {}
        for split in TRACES:
            for member in tuned.members:
                trace = recorded.get((member, tuned.seed, split))
                if trace is None:
                    raise UserError(
                        f"{path} was tuned on {member!r} with seed {tuned.seed}, whose {split}"
                        " trace is missing; run again to record it"
                    )
                own.setdefault(split, {})[member] = trace
        tune, test = (own[split] for split in TRACES)
        runs.setdefault(tuned.method, {})[tuned.seed] = Evaluation(
            test, tuned, tune=tune, trials=read_trials(tried)
        )
    return runs
