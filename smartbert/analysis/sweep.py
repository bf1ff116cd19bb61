"""Sweep: the settings of a method's own publication, scored as they are. Nothing is tuned here."""

import numpy as np

from smartbert.analysis.evaluation import Point, score_rows
from smartbert.analysis.rows import Row
from smartbert.criteria import NEVER
from smartbert.points import FULL, SWEEP
from smartbert.policies import Policy
from smartbert.trace.replay import Replay
from smartbert.trace.trace import Trace


def published_sweep(trace: Trace, *, label: str = "") -> list[Point]:
    """Return the settings that the method's own publication sweeps, full depth first.

    Full depth neither skips nor exits. Exit thresholds are swept at the method's own skip
    threshold; an exit threshold at which nothing can stop is its skipping alone. A method with
    gates and no exits has the skip threshold as its only knob: all recorded ones are swept.

    Args:
        label: put before every name, to tell trainings of one method apart; it replaces "full"
            where that is all there is.
    """
    skip, depth = trace.meta.skip_threshold, trace.depth
    criterion, sweep = trace.meta.criterion, trace.meta.sweep
    policies = {FULL: Policy()}
    if skip is not None:
        swept = [skip] if sweep else trace.grid[np.isfinite(trace.grid)]
        digits = next(n for n in range(3, 10) if len({f"{s:.{n}g}" for s in swept}) == len(swept))
        policies.update({f"skip {s:.{digits}g}": Policy(NEVER, (), float(s)) for s in swept})
    for swept_setting in sweep:
        threshold, *given = swept_setting if isinstance(swept_setting, tuple) else (swept_setting,)
        policy = Policy.uniform(
            criterion, threshold, depth=depth, skip_threshold=skip, parameters=tuple(given)
        )
        if policy.can_exit(depth):  # at the others the exits change nothing
            parts = [] if skip is None else [f"skip {skip:.3g}"]
            names = [p.name for p in policy.rule.parameters] if policy.rule else []
            parts += [f"{criterion} {threshold:g}"]
            parts += [f"{name} {value:g}" for name, value in zip(names, given, strict=True)]
            policies[", ".join(parts)] = policy
    if label:
        alone = len(policies) == 1
        policies = {label if alone else f"{label}, {name}": p for name, p in policies.items()}
    return [Point(name, policy) for name, policy in policies.items()]


def sweep_scores(trace: Trace, points: list[Point], *, convention: str) -> list[Row]:
    """Return one row per setting of the published sweep and test subset: see `score_rows`."""
    replay = Replay(trace)
    rows: list[Row] = []
    for point in points:
        decisions = replay.decide(point.policy)
        rows += score_rows(trace, decisions, point, space=SWEEP, convention=convention)
    return rows
