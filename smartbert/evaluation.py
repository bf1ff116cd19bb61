"""Evaluation: what a trained method scores and costs on test at given settings, replayed from its
trace.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from smartbert.cost import Architecture, CostModel, convention
from smartbert.policies import NEVER, Policy
from smartbert.replay import Decisions, Replay
from smartbert.scoring import measure
from smartbert.tasks import TaskSpec, task
from smartbert.trace import Trace

FULL = "full"
UNDECIDED = (0.1, 0.9)  # a soft gate between these is not yet nearly 0 or 1 (protocol, claim 6)


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
        policies.update({f"skip {s:.3g}": Policy(NEVER, (), float(s)) for s in swept})
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


def scores(trace: Trace, points: list[Point], *, convention: str) -> pd.DataFrame:
    """Return one row per point and test subset: scores in points, cost relative to dense BERT.

    Columns: task, method, title, seed, point, subset, skip_threshold, exit_threshold, score,
    accuracy, f1, mcc, cost_relative, speedup, layers, examples, convention, status.
    """
    spec = task(trace.meta["task"])
    replay = Replay(trace)
    rows = []
    for point in points:
        decisions = replay.decide(point.policy)
        cost = relative_cost(trace, decisions, point.policy, name=convention)
        for subset, chosen in subsets(spec, trace):
            rows.append(
                {
                    **{key: trace.meta[key] for key in ("task", "method", "title", "seed")},
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
            )
    return pd.DataFrame(rows)


def exit_scores(trace: Trace) -> pd.DataFrame:
    """Return the score of every exit at full depth, the final head being that of layer L.

    Columns: task, method, title, seed, layer, subset, score, accuracy, f1, mcc. A method without
    exits has the last layer alone.
    """
    spec = task(trace.meta["task"])
    paths = trace.path(None)
    answers = [*paths.exit_logits.transpose(1, 0, 2), paths.final_logits]
    return pd.DataFrame(
        {
            **{key: trace.meta[key] for key in ("task", "method", "title", "seed")},
            "layer": layer,
            "subset": subset,
            **_scores(spec, logits[rows].argmax(-1), trace.labels[rows]),
        }
        for layer, logits in enumerate(answers, 1)
        if not np.isnan(logits).all()
        for subset, rows in subsets(spec, trace)
    )


def gate_summary(trace: Trace) -> pd.DataFrame:
    """Return what the gates did at the method's own skip threshold, one row per layer.

    Columns: task, method, title, seed, layer, skipped (share of examples), gate_mean, gate_sd (over
    examples), undecided (share of gates in (0.1, 0.9)). Empty for a method without gates.
    """
    columns = [
        "task",
        "method",
        "title",
        "seed",
        "layer",
        "skipped",
        "gate_mean",
        "gate_sd",
        "undecided",
    ]
    threshold = trace.meta["skip_threshold"]
    if threshold is None:
        return pd.DataFrame(columns=columns)
    paths = trace.path(threshold)
    gates = paths.gates.astype(np.float64)
    table = pd.DataFrame(
        {
            "layer": np.arange(1, trace.depth + 1),
            "skipped": 1 - paths.executed.mean(0),
            "gate_mean": gates.mean(0),
            "gate_sd": gates.std(0),
            "undecided": ((gates > UNDECIDED[0]) & (gates < UNDECIDED[1])).mean(0),
        }
    )
    return table.assign(**{key: trace.meta[key] for key in columns[:4]})[columns]


def relative_cost(trace: Trace, decisions: Decisions, policy: Policy, *, name: str) -> np.ndarray:
    """Return each example's cost as a share of dense BERT's, (N,), under a named convention."""
    architecture = Architecture(**trace.meta["architecture"])
    model = CostModel(architecture, convention(name))
    return model.relative(decisions, policy, trace.lengths)


def _scores(spec: TaskSpec, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """Return score, accuracy, f1 and mcc; None for a metric that the task does not have."""
    values = measure(spec, predictions, labels)
    return {name: values.get(name) for name in ("score", "accuracy", "f1", "mcc")}


def _one_threshold(policy: Policy) -> float | None:
    """Return the exit threshold where all layers share one, else None."""
    return policy.thresholds[0] if len(set(policy.thresholds)) == 1 else None
