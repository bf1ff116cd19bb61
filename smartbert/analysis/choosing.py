"""Choosing: what rules of choosing on tune give on test, side by side (protocol: "Tuning").

Each rule chooses among the same settings that were tried; what it chose is scored on test beside
dense BERT. No Optuna, no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from smartbert.analysis.evaluation import Evaluation, subsets
from smartbert.analysis.rows import Row
from smartbert.manifest import REFERENCE
from smartbert.metrics import measure, scores_of
from smartbert.points import BUDGETS, DROP, GLOBAL, MOST_DROPPED, SCORE_ROUNDING, nearest
from smartbert.tune.choice import Candidates, measure_all
from smartbert.tune.rules import LUCKIEST, ONE_ERROR, Rule

STRICT = Rule(margin=1.64)  # standard errors of a one-sided test at 5 %
BY_DROP: dict[str, Callable[[Candidates], int]] = {
    "the cheapest within a point": lambda own: _chosen(own, DROP, LUCKIEST),
    "with one standard error to spare": lambda own: _chosen(own, DROP, ONE_ERROR),
    "with 1.64 standard errors to spare": lambda own: _chosen(own, DROP, STRICT),
    "within a point on both halves of tune": lambda own: _on_halves(own),
}
BY_BUDGET: dict[str, Rule] = {
    "the best score": LUCKIEST,
    "the dearest within one standard error of the best": ONE_ERROR,
}
RULES = {DROP: tuple(BY_DROP), **dict.fromkeys(BUDGETS, tuple(BY_BUDGET))}


def choices(runs: Mapping[str, Mapping[int, Evaluation]], methods: Sequence[str]) -> list[Row]:
    """Return what each rule chooses for some methods of a task, a row per method, seed and rule.

    Columns: task, method, title, seed, point, rule, tune_score, score (points), dense (dense
    BERT's score), cost (share of dense BERT's on test); no numbers where nothing was chosen.

    Args:
        runs: by method and seed, dense BERT among them.
    """
    return [
        row
        for method in methods
        for seed, run in runs.get(method, {}).items()
        for row in _choices(run, runs[REFERENCE][seed])
    ]


def _choices(run: Evaluation, dense: Evaluation) -> list[Row]:
    space = nearest(GLOBAL, run.trials)
    own = Candidates(
        run.tune,
        run.trials[space or GLOBAL],
        space=GLOBAL,
        dense=dense.tune[REFERENCE],
        convention=run.tuned.convention,
    )
    chosen = [(DROP, name, choose(own)) for name, choose in BY_DROP.items()]
    chosen += [
        (point, name, _chosen(own, point, rule))
        for point in BUDGETS
        for name, rule in BY_BUDGET.items()
    ]
    _, rows = subsets(run.spec, run.first)[0]
    traces = {name: trace.part(rows) for name, trace in run.traces.items()}
    labels = run.first.labels[rows]
    places = sorted({place for *_, place in chosen if place >= 0})
    settings = [own.settings[place] for place in places]
    answers, costs = measure_all(traces, settings, convention=run.tuned.convention)
    reference = dense.first.path(None).final_logits.argmax(-1)[rows]
    head: Row = {
        **{"task": run.tuned.task, "method": run.tuned.method, "title": run.tuned.title},
        **{"seed": run.tuned.seed, "dense": measure(run.spec, reference, labels)["score"]},
    }
    found = []
    for point, name, place in chosen:
        row: Row = {**head, "point": point, "rule": name}
        if place >= 0:
            at = places.index(place)
            score = measure(run.spec, answers[at], labels)["score"]
            row |= {"tune_score": own.score[place], "score": score, "cost": costs[at].mean()}
        found.append(row)
    return found


def _chosen(own: Candidates, point: str, rule: Rule) -> int:
    return int(own.choose(rule=rule).points[point][0])


def _on_halves(own: Candidates) -> int:
    """Return the cheapest setting that is within a point of dense BERT on both halves of tune."""
    n = len(own.labels)
    half = np.random.default_rng(0).permutation(n) % 2
    weights = np.stack([half, 1 - half]).astype(np.float32)
    if own.dense is None:
        raise ValueError("dense BERT's tune trace is not known")
    score = scores_of(own.spec, own.labels, own.answers[: own.tried], weights)
    dense = scores_of(own.spec, own.labels, own.dense[None], weights)
    good = (score >= dense - MOST_DROPPED - SCORE_ROUNDING).all(0)
    if not good.any():
        return -1
    return int(np.where(good, own.cost[: own.tried], np.inf).argmin())


def in_common(table: pd.DataFrame, point: str) -> pd.DataFrame:
    """Return the rows of the trainings for which every rule has chosen a setting at a point."""
    own = table[table["point"] == point]
    known = own.groupby(["task", "method", "seed"])["score"].transform("count")
    return own[known == len(RULES[point])]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per point and rule: over all runs that have such a setting, what it loses.

    Columns: point, rule, runs, chosen (how many of them have such a setting), difference (mean of
    the score less dense BERT's, on test), worst (the least of it), within (share within a point),
    optimism (mean of the score on tune less that on test), cost (mean).
    """
    rows = []
    for point, names in RULES.items():
        for name in names:
            own = table[(table["point"] == point) & (table["rule"] == name)]
            known = own.dropna(subset="score")
            difference = known["score"] - known["dense"]
            rows.append(
                {
                    **{"point": point, "rule": name, "runs": len(own), "chosen": len(known)},
                    "difference": difference.mean(),
                    "worst": difference.min(),
                    "within": (difference >= -MOST_DROPPED - SCORE_ROUNDING).mean(),
                    "optimism": (known["tune_score"] - known["score"]).mean(),
                    "cost": known["cost"].mean(),
                }
            )
    return pd.DataFrame(rows)
