"""Tuning: the operating points and the front of a trained method, chosen on its tune traces
(protocol: "Tuning").

`search` looks for settings; here the protocol's points are chosen among what it found. No torch.
"""

import pandas as pd

from smartbert.points import BUDGETS, DROP, FULL, Setting
from smartbert.policies import Policy
from smartbert.search import Member, Search, run_study
from smartbert.trace import Trace


def operating_points(
    search: Search, trials: pd.DataFrame, *, dense_score: float | None
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
    cheapest = trials["cost_relative"].min()
    full = [Setting(name, Policy()) for name in search.members]
    measured = [search.members[s.member].measure(s.policy) for s in full]
    best = max(range(len(full)), key=lambda i: measured[i][0])
    points = {FULL: _point(full[best], *measured[best])}
    for name, budget in BUDGETS.items():
        allowed = trials[trials["cost_relative"] <= budget]
        if allowed.empty:
            reason = f"no setting within {budget:.0%} of dense BERT's cost, the cheapest has"
            points[name] = {"status": f"{reason} {cheapest:.0%}"}
            continue
        row = allowed.sort_values(["score", "cost_relative"], ascending=[False, True]).iloc[0]
        points[name] = _point(row["setting"], row["score"], row["cost_relative"])
    name, drop = DROP
    if dense_score is None:
        points[name] = {"status": "dense BERT's score on tune is missing"}
        return points
    allowed = trials[trials["score"] >= dense_score - drop]
    if allowed.empty:
        reason = f"no setting within {drop:g} point of dense BERT on tune ({dense_score:.1f})"
        points[name] = {"status": f"{reason}, the best has {trials['score'].max():.1f}"}
        return points
    row = allowed.sort_values(["cost_relative", "score"], ascending=[True, False]).iloc[0]
    points[name] = _point(row["setting"], row["score"], row["cost_relative"])
    return points


def _point(setting: Setting, score: float, cost: float) -> dict:
    return {**setting.to_dict(), "tune_score": float(score), "tune_cost": float(cost)}


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
) -> tuple[dict[str, dict], pd.DataFrame]:
    """Tune one method on one task and seed in every space.

    Args:
        traces: tune traces of its members.
        dense: dense BERT's tune trace of the same seed.
        study: name of the study in the storage; the space is added.

    Returns:
        per space {"trials": how many, "exhaustive": bool, "points": ..., "front": [...]}, where a
        space that holds nothing beyond the global one is left out; and all trials as a table with
        columns space, number, member, skip_threshold, thresholds (";" between layers), score,
        cost_relative, front.
    """
    members = {name: Member(trace, convention) for name, trace in traces.items()}
    reference = Member(dense, convention).measure(Policy())[0] if dense is not None else None
    found: dict[str, dict] = {}
    tables = []
    begin: list[Setting] | None = None
    for space in spaces:
        search = Search(members, space)
        if not search.differs:
            continue
        table = run_study(
            search,
            trials=trials,
            sampler=sampler,
            seed=seed,
            start=begin or search.without_exits(),
            storage=storage,
            name=f"{study}/{space}",
        )
        front = table[table["front"]].sort_values("cost_relative")
        begin = list(front["setting"])  # the next, larger space starts from this one's front
        found[space] = {
            "trials": len(table),
            "exhaustive": search.size() <= trials,
            "points": operating_points(search, table, dense_score=reference),
            "front": [
                _point(row.setting, row.score, row.cost_relative) for row in front.itertuples()
            ],
        }
        tables.append(_readable(table, space))
    return found, pd.concat(tables, ignore_index=True)


def _readable(trials: pd.DataFrame, space: str) -> pd.DataFrame:
    """Return trials with their settings as plain columns."""
    settings = list(trials["setting"])
    return pd.DataFrame(
        {
            "space": space,
            "number": trials["number"],
            "member": [s.member for s in settings],
            "skip_threshold": [s.policy.skip_threshold for s in settings],
            "thresholds": [";".join(f"{t:.6g}" for t in s.policy.thresholds) for s in settings],
            "score": trials["score"],
            "cost_relative": trials["cost_relative"],
            "front": trials["front"],
        }
    )
