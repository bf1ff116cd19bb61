"""Claims: how each of the six claims of SmartBERT's abstract is measured here (protocol: "Claims").

What the claims say, and how that is told, stands in `report.claims_page`.
"""

import numpy as np
import pandas as pd

from smartbert.analysis.evidence import (
    OPEN,
    REFUTED,
    SUPPORTED,
    UNMEASURED,
    Evidence,
    Finding,
    judge,
    tally,
    together,
)
from smartbert.analysis.statistics import Estimate, interval
from smartbert.manifest import REFERENCE, SKIPS, SUBJECT
from smartbert.points import AUC, DROP, EXITS, FULL, GATES, MOST_DROPPED
from smartbert.tasks import TASKS

RIVALS = ("deebert", "pabee", SKIPS, "truncated_bert")
EXIT_ONLY = "exit_only"
NO_CONTRAST, SOFT = "smartbert_no_contrast", "skip_only_soft"
HARD_TASKS = ("rte", "wnli")  # where, the abstract says, entropy exits hardly help
REDUCTION = 2.0  # the lower end of the claimed "2-3x"
HARDLY = 0.10  # a saving of at most this share of dense BERT's cost is "hardly" one
COMPARED_AT = ("b50", "b33")  # besides auc, in claim 2


def claims_table(evidence: Evidence) -> pd.DataFrame:
    """Return every figure behind the claims, each claim's overall verdict as its last row.

    Columns: claim, task ("" for all), what, value, low, high, seeds, counts (whether the claim's
    verdict counts it), verdict, note.
    """
    overall = {
        1: _reduction(evidence),
        2: _better(evidence),
        3: _exits_hardly_help(evidence),
        4: _skipping_is_essential(evidence),
        5: _contrast(evidence),
        6: _hard(evidence),
    }
    for claim, verdict in overall.items():
        evidence.add(Finding(claim, "", "overall", verdict=verdict))
    return evidence.table()


def _reduction(e: Evidence) -> str:
    partial = []
    for task in e.tasks:
        row = e.point(task, SUBJECT, DROP)
        if row is None:
            continue
        if row["status"] != "ok" and TASKS[task].averaged:
            partial.append(f"{TASKS[task].title} {row['seeds']:.0f} of {e.trained(task, SUBJECT)}")
        _reduction_on(e, task, row)
    own = e.draws[(e.draws["method"] == SUBJECT) & e.draws["value"].notna()]
    own = own[[TASKS[t].averaged for t in own["task"]]]
    if len(own):
        median = median_over_tasks(own, inverse=True)
        what = f"median reduction over {len(own)} tasks (without WNLI)"
        verdict = judge(median.low, median.high, least=REDUCTION)
        # A median over the seeds and tasks that have such a setting supports nothing of the rest.
        note = f"seeds with such a setting: {', '.join(partial)}" if partial else ""
        verdict = OPEN if note and verdict == SUPPORTED else verdict
        numbers = (median.value, median.low, median.high, median.seeds)
        e.add(Finding(1, "", what, *numbers, verdict=verdict, note=note))
    return e.verdict(1)


def _reduction_on(e: Evidence, task: str, row: pd.Series) -> None:
    """Note the reduction on one task, and what it costs in score."""
    counts, status = TASKS[task].averaged, row["status"]
    what = f"FLOPs reduction at {DROP}"
    loss = e.pair(task, SUBJECT, REFERENCE, DROP, "score")
    if np.isnan(row["cost"]):
        e.add(Finding(1, task, what, seeds=0, counts=counts, verdict=REFUTED, note=status))
        return
    if loss is None:
        note = f"{e.title(REFERENCE)} did not run"
        e.add(Finding(1, task, what, counts=counts, verdict=UNMEASURED, note=note))
        return
    low, high, seeds = 1 / row["cost_high"], 1 / row["cost_low"], row["seeds"]
    cheap = judge(low, high, least=REDUCTION)
    note = "" if status == "ok" else status
    numbers = (1 / row["cost"], low, high, seeds)
    e.add(Finding(1, task, what, *numbers, verdict=cheap, note=note))
    what = f"score at {DROP} minus dense BERT's"
    kept = e.add_difference(1, what, loss, task=task, least=-MOST_DROPPED)
    # A seed without such a setting is left out of the mean: nothing is said of it.
    whole = {cheap, kept} == {SUPPORTED} and not note
    verdict = REFUTED if REFUTED in (cheap, kept) else SUPPORTED if whole else OPEN
    e.add(Finding(1, task, "both together", seeds=seeds, counts=counts, verdict=verdict))


def _better(e: Evidence) -> str:
    overall = []
    for rival in RIVALS:
        verdicts = []
        for task in e.tasks:
            if any(e.point(task, method, FULL) is None for method in (SUBJECT, rival)):
                continue
            found = [_better_at(e, task, rival, point) for point in (AUC, *COMPARED_AT)]
            verdicts += found if TASKS[task].averaged else []
        if verdicts:
            what = f"all of these, against {e.title(rival)}"
            verdict, note = together(verdicts), tally(verdicts)
            overall.append(e.add(Finding(2, "", what, verdict=verdict, note=note)))
    # Better than earlier methods is better than each of them.
    if REFUTED in overall:
        return REFUTED
    if not overall:
        return UNMEASURED
    return SUPPORTED if set(overall) == {SUPPORTED} and len(overall) == len(RIVALS) else OPEN


def _better_at(e: Evidence, task: str, rival: str, point: str) -> str:
    """Note SmartBERT against another method at a point of one task; return the verdict."""
    counts = TASKS[task].averaged
    what = f"{point}, against {e.title(rival)}"
    row = e.pair(task, SUBJECT, rival, point, "score")
    if row is not None:
        return e.add_difference(2, what, row, task=task, counts=counts)
    able = e.reaches(task, rival, point) and not e.reaches(task, SUBJECT, point)
    # What the other can do and SmartBERT cannot is no reason to leave it out.
    verdict = OPEN if able else UNMEASURED
    note = f"{e.title(SUBJECT if able else rival)} has no setting there"
    return e.add(Finding(2, task, what, seeds=0, counts=counts, verdict=verdict, note=note))


def _exits_hardly_help(e: Evidence) -> str:
    for task in HARD_TASKS:
        row = e.point(task, EXIT_ONLY, DROP)
        if row is None:
            continue
        what = f"cost that {e.title(EXIT_ONLY)} saves at {DROP}, %"
        status = row["status"]
        if np.isnan(row["cost"]):
            e.add(Finding(3, task, what, seeds=0, counts=True, verdict=OPEN, note=status))
            continue
        low, high = 1 - row["cost_high"], 1 - row["cost_low"]
        opposite = judge(low, high, least=HARDLY)
        verdict = {SUPPORTED: REFUTED, REFUTED: SUPPORTED}.get(opposite, OPEN)
        numbers = (100 * (1 - row["cost"]), 100 * low, 100 * high, row["seeds"])
        note = "" if status == "ok" else status
        e.add(Finding(3, task, what, *numbers, counts=True, verdict=verdict, note=note))
    return e.verdict(3)


def _skipping_is_essential(e: Evidence) -> str:
    for task in HARD_TASKS:
        for method in (SKIPS, SUBJECT):
            points = {m: e.point(task, m, DROP) for m in (EXIT_ONLY, method)}
            statuses = {m: row["status"] for m, row in points.items() if row is not None}
            if len(statuses) < len(points):
                continue
            what = f"saving of {e.title(method)} less that of {e.title(EXIT_ONLY)}, points of cost"
            row = e.pair(task, EXIT_ONLY, method, DROP, "cost")  # what costs less saves more
            if row is not None:
                e.add_difference(4, what, row, task=task, scale=100, counts=True)
                continue
            reasons = [f"{e.title(m)}: {text}" for m, text in statuses.items() if text != "ok"]
            note = "; ".join(reasons)
            e.add(Finding(4, task, what, seeds=0, counts=True, verdict=OPEN, note=note))
    return e.verdict(4)


def _contrast(e: Evidence) -> str:
    for task in e.tasks:
        row = e.pair(task, SUBJECT, NO_CONTRAST, EXITS, "score")
        if row is not None:
            what = "mean score of exits, with minus without"
            e.add_difference(5, what, row, task=task, counts=TASKS[task].averaged)
    return e.verdict(5)


def _hard(e: Evidence) -> str:
    for task in e.tasks:
        row = e.pair(task, SKIPS, SOFT, GATES, "score")
        if row is None:
            continue
        what = "score of hard inference, hard minus soft training"
        e.add_difference(6, what, row, task=task, counts=TASKS[task].averaged)
        for method in (SKIPS, SOFT):
            own = e.gates[(e.gates["task"] == task) & (e.gates["method"] == method)]
            if len(own):
                what = f"gates in (0.1, 0.9), {e.title(method)}, %"
                value, seeds = 100 * own["undecided"].mean(), own["seeds"].min()
                e.add(Finding(6, task, what, value=value, seeds=seeds))
    return e.verdict(6)


def median_over_tasks(draws: pd.DataFrame, *, inverse: bool = False) -> Estimate:
    """Return the median over tasks of a quantity, with the interval of its draws.

    Args:
        draws: rows of `comparison_tables.cost_draws`, one per task.
        inverse: take 1 / quantity first, which turns a cost into a reduction.
    """
    columns = [name for name in map(str, draws) if name.startswith("d") and name[1:].isdigit()]
    values, table = draws["value"].to_numpy(float), draws[columns].to_numpy(float)
    if inverse:
        values, table = 1 / values, 1 / table
    seeds = int(draws["seeds"].min())
    return interval(float(np.median(values)), np.median(table, axis=0), seeds)
