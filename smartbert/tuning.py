"""Tuning: the operating points and the front of a trained method, chosen on its tune traces
(protocol: "Tuning").

`search` looks for settings; here the protocol's points are chosen among what it found. No torch, no
pandas.
"""

from smartbert.points import BUDGETS, DROP, FULL, SCORE_ROUNDING, Setting, within
from smartbert.policies import Policy
from smartbert.search import Member, Search, Tried, run_study
from smartbert.trace import Trace


def operating_points(
    search: Search, trials: list[Tried], *, dense_score: float | None
) -> dict[str, dict]:
    """Choose the protocol's operating points on tune.

    Args:
        trials: what `run_study` returned.
        dense_score: dense BERT's score on tune with the same seed; None where it is not known.

    Returns:
        for every name in `points.POINTS` a setting's values with tune_score and tune_cost, or a
        status that says why there is none. `full` neither skips nor exits: of several members, the
        best one.
    """
    cheapest = min(t.cost for t in trials)
    full = [Setting(name, Policy()) for name in search.members]
    measured = [search.members[s.member].measure(s.policy) for s in full]
    best = max(range(len(full)), key=lambda i: measured[i][0])
    points = {FULL: _point(full[best], *measured[best])}
    for name, budget in BUDGETS.items():
        allowed = [t for t in trials if within(t.cost, budget)]
        if not allowed:
            reason = f"no setting within {budget:.0%} of dense BERT's cost, the cheapest has"
            points[name] = {"status": f"{reason} {cheapest:.0%}"}
            continue
        points[name] = _tried(max(allowed, key=lambda t: (t.score, -t.cost)))
    name, drop = DROP
    if dense_score is None:
        points[name] = {"status": "dense BERT's score on tune is missing"}
        return points
    allowed = [t for t in trials if t.score >= dense_score - drop - SCORE_ROUNDING]
    if not allowed:
        reason = f"no setting within {drop:g} point of dense BERT on tune ({dense_score:.1f})"
        points[name] = {"status": f"{reason}, the best has {max(t.score for t in trials):.1f}"}
        return points
    points[name] = _tried(min(allowed, key=lambda t: (t.cost, -t.score)))
    return points


def _point(setting: Setting, score: float, cost: float) -> dict:
    return {**setting.to_dict(), "tune_score": float(score), "tune_cost": float(cost)}


def _tried(trial: Tried) -> dict:
    return _point(trial.setting, trial.score, trial.cost)


def tune_method(
    traces: dict[str, Trace],
    *,
    convention: str,
    spaces: list[str],
    trials: int,
    sampler: str,
    seed: int,
    dense: Trace | None,
    storage: str | None = None,
    study: str = "tuning",
) -> tuple[dict[str, dict], list[dict]]:
    """Tune one method on one task and seed in every space.

    Args:
        traces: tune traces of its members.
        dense: dense BERT's tune trace of the same seed.
        study: name of the study in the storage; the space is added.

    Returns:
        per space {"trials": how many, "exhaustive": bool, "points": ..., "front": [...]}, where a
        space that holds nothing beyond the global one is left out; and all trials as rows with
        space, number, member, skip_threshold, thresholds (";" between layers), score,
        cost_relative, front.
    """
    members = {name: Member(trace, convention) for name, trace in traces.items()}
    reference = Member(dense, convention).measure(Policy())[0] if dense is not None else None
    found: dict[str, dict] = {}
    rows = []
    begin: list[Setting] | None = None
    for space in spaces:
        search = Search(members, space)
        if not search.differs:
            continue
        tried = run_study(
            search,
            trials=trials,
            sampler=sampler,
            seed=seed,
            start=begin or search.without_exits(),
            storage=storage,
            name=f"{study}/{space}",
        )
        front = sorted((t for t in tried if t.front), key=lambda t: t.cost)
        begin = [t.setting for t in front]  # the next, larger space starts from this one's front
        found[space] = {
            "trials": len(tried),
            "exhaustive": search.size() <= trials,
            "points": operating_points(search, tried, dense_score=reference),
            "front": [_tried(t) for t in front],
        }
        rows += [_row(t, space) for t in tried]
    return found, rows


def _row(trial: Tried, space: str) -> dict:
    """Return a trial with its setting as plain values."""
    policy = trial.setting.policy
    return {
        "space": space,
        "number": trial.number,
        "member": trial.setting.member,
        "skip_threshold": policy.skip_threshold,
        "thresholds": ";".join(f"{t:.6g}" for t in policy.thresholds),
        "score": trial.score,
        "cost_relative": trial.cost,
        "front": trial.front,
    }
