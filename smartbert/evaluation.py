"""Evaluation: what a trained method scores and costs on test at settings chosen before, replayed
from its traces. All of it as rows of tables: importing pandas would take longer than the replay.
"""

from dataclasses import dataclass

import numpy as np

from smartbert.cost import cost_model
from smartbert.errors import UserError
from smartbert.points import FULL, Setting
from smartbert.policies import NEVER, Policy
from smartbert.replay import Decisions, Replay
from smartbert.scoring import measure
from smartbert.tasks import TaskSpec, task
from smartbert.trace import Trace

PUBLISHED = "published"  # stands for the search space where a setting is the publication's own
LENGTH_BINS = 6  # bins of equal numbers of examples, for cost against token length
UNDECIDED = (0.1, 0.9)  # a soft gate between these is not yet nearly 0 or 1 (protocol, claim 6)
GATE_COLUMNS = (
    *("task", "method", "title", "seed"),
    *("layer", "skipped", "gate_mean", "gate_sd", "undecided"),
)


@dataclass(frozen=True)
class Point:
    """A named setting of one method: what tables call it, and its policy."""

    name: str
    policy: Policy


def published_sweep(trace: Trace, *, label: str = "") -> list[Point]:
    """Return the settings that the method's own publication sweeps, full depth first.

    Full depth neither skips nor exits. Exit thresholds are swept at the method's own skip
    threshold; an exit threshold at which nothing can stop is its skipping alone. A method with
    gates and no exits has the skip threshold as its only knob: all recorded ones are swept.

    Args:
        label: put before every name, to tell trainings of one method apart; it replaces "full"
            where that is all there is.
    """
    skip, depth = trace.meta["skip_threshold"], trace.depth
    criterion, thresholds = trace.meta["criterion"], trace.meta["sweep"]
    policies = {FULL: Policy()}
    if skip is not None:
        swept = [skip] if thresholds else trace.grid[np.isfinite(trace.grid)]
        digits = next(n for n in range(3, 10) if len({f"{s:.{n}g}" for s in swept}) == len(swept))
        policies.update({f"skip {s:.{digits}g}": Policy(NEVER, (), float(s)) for s in swept})
    for threshold in thresholds:
        policy = Policy.uniform(criterion, threshold, depth=depth, skip_threshold=skip)
        if can_exit(policy, depth):  # at the others the exits change nothing
            parts = [] if skip is None else [f"skip {skip:.3g}"]
            policies[", ".join([*parts, f"{criterion} {threshold:g}"])] = policy
    if label:
        alone = len(policies) == 1
        policies = {label if alone else f"{label}, {name}": p for name, p in policies.items()}
    return [Point(name, policy) for name, policy in policies.items()]


def can_exit(policy: Policy, depth: int) -> bool:
    """Return whether any example could leave early: not at entropy 0, nor at a patience of L-1 or
    more.
    """
    if policy.criterion == "patience":
        return any(0 < t <= layer for layer, t in enumerate(policy.thresholds))
    return bool(policy.tested(depth).any())


def subsets(spec: TaskSpec, trace: Trace) -> list[tuple[str, np.ndarray]]:
    """Return the test subsets as (name, rows); most tasks have one, MNLI matched and mismatched."""
    if trace.meta["split"] != "test":
        return [("", np.arange(len(trace)))]
    return [
        (name, np.flatnonzero(trace.subset == number)) for number, (name, _) in enumerate(spec.test)
    ]


def sweep_scores(trace: Trace, points: list[Point], *, convention: str) -> list[dict]:
    """Return one row per setting of the published sweep and test subset: see `score_rows`."""
    replay = Replay(trace)
    rows = []
    for point in points:
        decisions = replay.decide(point.policy)
        rows += score_rows(trace, decisions, point, space=PUBLISHED, convention=convention)
    return rows


def score_rows(
    trace: Trace, decisions: Decisions, point: Point, *, space: str, convention: str
) -> list[dict]:
    """Return one row per test subset: scores in points, cost relative to dense BERT.

    Keys: task, method, title, seed, space, point, subset, skip_threshold, exit_threshold, score,
    accuracy, f1, mcc, cost_relative, speedup, layers, examples, convention, status.
    """
    spec = task(trace.meta["task"])
    cost = relative_cost(trace, decisions, point.policy, name=convention)
    return [
        {
            **{key: trace.meta[key] for key in ("task", "method", "title", "seed")},
            "space": space,
            "point": point.name,
            "subset": subset,
            "skip_threshold": point.policy.skip_threshold,
            "exit_threshold": _one_threshold(point.policy),
            **_scores(spec, decisions.predictions[chosen], trace.labels[chosen]),
            "cost_relative": cost[chosen].mean(),
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

    Raises:
        UserError: if a trace is of another task, seed or model than the one that was tuned.
    """

    def __init__(self, traces: dict[str, Trace], tuned: dict):
        self.traces = traces
        self.tuned = tuned
        self.replays = {name: Replay(trace) for name, trace in traces.items()}
        for name, trace in traces.items():
            same_origin(trace, tuned, member=name)

    @property
    def spec(self) -> TaskSpec:
        """The task."""
        return task(self.tuned["task"])

    @property
    def row(self) -> dict:
        """What every row says of the method: task, method, title, seed."""
        return {key: self.tuned[key] for key in ("task", "method", "title", "seed")}

    def decide(self, setting: dict) -> tuple[Trace, Policy, Decisions]:
        """Return the member's trace, the policy and what it decides."""
        chosen = Setting.from_dict(setting)
        replay = self.replays[chosen.member]
        return replay.trace, chosen.policy, replay.decide(chosen.policy)

    def cost(self, trace: Trace, policy: Policy, decisions: Decisions) -> np.ndarray:
        """Return each example's cost relative to dense BERT's on it, (N,)."""
        return relative_cost(trace, decisions, policy, name=self.tuned["convention"])

    def chosen(self) -> list[tuple[str, str, dict]]:
        """Return (space, point, setting) of every operating point that could be chosen."""
        return [
            (space, name, setting)
            for space, found in self.tuned["spaces"].items()
            for name, setting in found["points"].items()
            if "status" not in setting
        ]

    def scores(self) -> list[dict]:
        """Return one row per space, operating point and subset: `score_rows` with member,
        tune_score and tune_cost; a point that could not be chosen has no numbers and its reason as
        status.
        """
        rows = []
        for space, found in self.tuned["spaces"].items():
            for name, setting in found["points"].items():
                if "status" in setting:
                    rows += self._unavailable(space, name, setting["status"])
                    continue
                trace, policy, decisions = self.decide(setting)
                own = score_rows(
                    trace,
                    decisions,
                    Point(name, policy),
                    space=space,
                    convention=self.tuned["convention"],
                )
                extra = {key: setting[key] for key in ("member", "tune_score", "tune_cost")}
                rows += [{**row, **self.row, **extra} for row in own]
        return rows

    def _unavailable(self, space: str, name: str, reason: str) -> list[dict]:
        trace = next(iter(self.traces.values()))
        return [
            {
                **self.row,
                **{"space": space, "point": name, "subset": subset},
                **{"convention": self.tuned["convention"], "status": reason},
            }
            for subset, _ in subsets(self.spec, trace)
        ]

    def curve(self) -> list[dict]:
        """Return the front found on tune, carried to test.

        Columns: task, method, title, seed, space, subset, member, skip_threshold, thresholds,
        tune_score, tune_cost, score, cost, layers; by rising cost on tune.
        """
        rows = []
        for space, found in self.tuned["spaces"].items():
            for setting in found["front"]:
                trace, policy, decisions = self.decide(setting)
                own = score_rows(
                    trace,
                    decisions,
                    Point("", policy),
                    space=space,
                    convention=self.tuned["convention"],
                )
                rows += [
                    {
                        **self.row,
                        **{"space": space, "subset": row["subset"], "member": setting["member"]},
                        "skip_threshold": policy.skip_threshold,
                        "thresholds": ";".join(f"{t:.6g}" for t in policy.thresholds),
                        **{key: setting[key] for key in ("tune_score", "tune_cost")},
                        **{"score": row["score"], "cost": row["cost_relative"]},
                        "layers": row["layers"],
                    }
                    for row in own
                ]
        return rows

    def usage(self) -> list[dict]:
        """Return where examples leave and which layers they skip, at every operating point.

        Columns: task, method, title, seed, space, point, label ("all" or a class), layer, exit
        (share of the examples answered at this layer), ran, skipped (share that visited and skipped
        it).
        """
        rows = []
        for space, point, setting in self.chosen():
            trace, _, decisions = self.decide(setting)
            layers = np.arange(1, trace.depth + 1)
            exits = decisions.exit_layer[:, None] == layers
            skipped = (layers <= decisions.exit_layer[:, None]) & ~decisions.executed
            kinds = {"all": np.ones(len(trace), dtype=bool)}
            kinds |= {name: trace.labels == number for number, name in enumerate(self.spec.labels)}
            for label, own in kinds.items():
                if not own.any():
                    continue
                shares = (a[own].mean(0) for a in (exits, decisions.executed, skipped))
                head = {**self.row, "space": space, "point": point, "label": label}
                rows += [
                    {**head, "layer": layer, "exit": left, "ran": ran, "skipped": passed}
                    for layer, left, ran, passed in zip(layers, *shares, strict=True)
                ]
        return rows

    def lengths(self) -> list[dict]:
        """Return cost by token length at every operating point.

        Columns: task, method, title, seed, space, point, low, high (tokens), length (mean),
        examples, cost (relative to dense BERT), flops and dense (absolute, in the convention's
        unit).
        """
        rows = []
        for space, point, setting in self.chosen():
            trace, policy, decisions = self.decide(setting)
            model = cost_model(trace, self.tuned["convention"])
            spent = model.spent(decisions, policy, trace.lengths)
            dense = model.dense(trace.lengths)
            edges = np.unique(np.quantile(trace.lengths, np.linspace(0, 1, LENGTH_BINS + 1)))
            bins = np.searchsorted(edges[1:-1], trace.lengths, side="left")
            for number in np.unique(bins):
                own = bins == number
                rows.append(
                    {
                        **self.row,
                        **{"space": space, "point": point},
                        "low": trace.lengths[own].min(),
                        "high": trace.lengths[own].max(),
                        "length": trace.lengths[own].mean(),
                        "examples": own.sum(),
                        "cost": (spent[own] / dense[own]).mean(),
                        "flops": spent[own].mean(),
                        "dense": dense[own].mean(),
                    }
                )
        return rows


def same_origin(trace: Trace, tuned: dict, *, member: str) -> None:
    """Refuse a trace that is not of the test split and of the training that was tuned.

    Raises:
        UserError: naming what differs: split, task, seed or model.
    """
    recorded = tuned["members"].get(member)
    if recorded is None:
        raise UserError(
            f"points.json of {tuned['method']} on {tuned['task']} does not know {member!r}; known:"
            f" {', '.join(tuned['members'])}; delete points.json and run again"
        )
    if trace.meta.get("split") != "test":
        raise UserError(
            f"the trace of {member} on {tuned['task']} is of split {trace.meta.get('split')!r}, and"
            " scores are of 'test'; delete the run's traces and run again"
        )
    for key in ("task", "seed", "model"):
        if trace.meta.get(key) != recorded[key]:
            raise UserError(
                f"the {trace.meta.get('split')} trace of {member} on {tuned['task']} has {key}"
                f" {trace.meta.get(key)!r}, the thresholds were tuned on {recorded[key]!r}; delete"
                " the run's traces and points.json and run again"
            )


def exit_scores(trace: Trace) -> list[dict]:
    """Return the score of every exit at full depth, the final head being that of layer L.

    Columns: task, method, title, seed, layer, subset, score, accuracy, f1, mcc. A method without
    exits has the last layer alone.
    """
    spec = task(trace.meta["task"])
    paths = trace.path(None)
    answers = [*paths.exit_logits.transpose(1, 0, 2), paths.final_logits]
    return [
        {
            **{key: trace.meta[key] for key in ("task", "method", "title", "seed")},
            "layer": layer,
            "subset": subset,
            **_scores(spec, logits[rows].argmax(-1), trace.labels[rows]),
        }
        for layer, logits in enumerate(answers, 1)
        if not np.isnan(logits).all()
        for subset, rows in subsets(spec, trace)
    ]


def gate_summary(trace: Trace) -> list[dict]:
    """Return what the gates did at the method's own skip threshold, one row per layer.

    Columns (`GATE_COLUMNS`): task, method, title, seed, layer, skipped (share of examples),
    gate_mean, gate_sd (over examples), undecided (share of gates in (0.1, 0.9)). Empty for a method
    without gates.
    """
    threshold = trace.meta["skip_threshold"]
    if threshold is None:
        return []
    paths = trace.path(threshold)
    gates = paths.gates.astype(np.float64)
    head = [trace.meta[key] for key in ("task", "method", "title", "seed")]
    measured = zip(
        np.arange(1, trace.depth + 1),
        1 - paths.executed.mean(0),
        gates.mean(0),
        gates.std(0),
        ((gates > UNDECIDED[0]) & (gates < UNDECIDED[1])).mean(0),
        strict=True,
    )
    return [dict(zip(GATE_COLUMNS, (*head, *values), strict=True)) for values in measured]


def relative_cost(trace: Trace, decisions: Decisions, policy: Policy, *, name: str) -> np.ndarray:
    """Return each example's cost as a share of dense BERT's, (N,), under a named convention."""
    return cost_model(trace, name).relative(decisions, policy, trace.lengths)


def _scores(spec: TaskSpec, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """Return score, accuracy, f1 and mcc; None for a metric that the task does not have."""
    values = measure(spec, predictions, labels)
    return {name: values.get(name) for name in ("score", "accuracy", "f1", "mcc")}


def _one_threshold(policy: Policy) -> float | None:
    """Return the exit threshold where all layers share one, else None."""
    return policy.thresholds[0] if len(set(policy.thresholds)) == 1 else None
