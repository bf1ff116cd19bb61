"""Claims: how each claim of SmartBERT's abstract is measured here, and the two questions that the
controls answer (protocol: "Claims", "Controls").

What the claims say, and how that is told, stands in `report.claims_page`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, nan

import numpy as np
import pandas as pd

from smartbert.analysis.evidence import (
    LEAST_SEEDS,
    LEAST_TASKS,
    OPEN,
    REFUTED,
    SUPPORTED,
    UNMEASURED,
    UNTESTABLE,
    Evidence,
    Finding,
    all_of,
    judge,
    opposite,
    pool,
)
from smartbert.analysis.statistics import LEVEL, holm
from smartbert.manifest import MATCHED, REFERENCE, RELEASED, SKIPS, SUBJECT
from smartbert.points import AUC, DROP, EXITS, FIXED, GATES, MAIN, MOST_DROPPED
from smartbert.tasks import TASKS

EXIT_ONLY, TRUNCATED = "exit_only", "truncated_bert"
RANDOM, CONSTANT = "random_skip", "constant_skip"
NO_CONTRAST, SOFT = "smartbert_no_contrast", "skip_only_soft"
HARD_TASKS = ("rte", "wnli")  # where, the abstract says, entropy exits hardly help
REDUCTION = 2.0  # the lower end of the claimed "2-3x"
HARDLY = 0.10  # a saving of at most this share of dense BERT's cost is "hardly" one
OVERALL, AS_RELEASED = "overall", "overall, as released"
NO_TASK = (
    f"no task with {LEAST_SEEDS} seeds in all of which it is there, where dense BERT has learnt"
)
RELEASED_PREFIX = "as released: "
BEYOND_CHANCE = 1 - LEVEL  # of a Holm-corrected p


@dataclass(frozen=True)
class Pair:
    """Two methods compared in score; in the space `fixed` a method with its own fixed depths.

    Attributes:
        point: auc, or skipping alone at the same rates.
        prefix: before what is said of it.
    """

    first: str
    second: str
    space: str = MAIN
    point: str = AUC
    prefix: str = ""

    def text(self, e: Evidence) -> str:
        """Return what is compared."""
        other = e.title(self.second)
        if self.space == FIXED:
            other = "its own exits at a fixed layer"
        what = AUC if self.point == AUC else "score at the same rates of skipping"
        return f"{self.prefix}{what}, {e.title(self.first)} against {other}"


QUESTIONS = (7, 8, 9)  # ours, to the controls: each needs all of its comparisons
ADAPTING = (Pair(SUBJECT, SUBJECT, FIXED), Pair(SUBJECT, TRUNCATED))
SPARING = (Pair(SKIPS, RANDOM, point=GATES), Pair(SKIPS, CONSTANT, point=GATES))
PAYING = (Pair(SKIPS, RANDOM), Pair(SKIPS, CONSTANT), Pair(SUBJECT, EXIT_ONLY))


def claims_table(evidence: Evidence) -> pd.DataFrame:
    """Return every figure behind the claims, each claim's overall verdict as its last row.

    Columns: claim, task ("" for all), what, value, low, high, seeds, p (Holm-corrected), decides
    (whether the claim's verdict is read from it), verdict, note.
    """
    e = evidence
    overall = {1: _reduction(e), 2: _better(e, MATCHED), 3: _exits_hardly_help(e)}
    overall |= {4: _skipping_is_essential(e), 5: _contrast(e), 6: _hard(e)}
    for claim, pairs in zip(QUESTIONS, (ADAPTING, SPARING, PAYING), strict=True):
        overall[claim] = _compared(e, claim, pairs)
    for claim, verdict in overall.items():
        e.add(Finding(claim, "", OVERALL, verdict=verdict))
    e.add(Finding(2, "", AS_RELEASED, verdict=_better(e, RELEASED)))
    return e.table()


def _reduction(e: Evidence) -> str:
    deciding: dict[str, pd.Series | None] = {}  # with the loss; none where there is no setting
    partial = []
    for task in e.claimed:
        row = e.point(task, SUBJECT, DROP)
        if row is None:
            continue
        _reduction_on(e, task, row)
        trained, seeds = e.trained(task, SUBJECT), float(row["seeds"])
        loss = e.pair(task, SUBJECT, REFERENCE, DROP, "score")
        if not e.decided_by(task, trained, e.trained(task, REFERENCE)):
            continue
        if seeds < trained:
            partial.append(f"{TASKS[task].title} {seeds:.0f} of {trained}")
        deciding[task] = loss
    if not deciding:
        return _undecided(e, 1, f"median FLOPs reduction at {DROP}")
    known = {
        task: row
        for task, row in deciding.items()
        if row is not None and row["seeds"] == e.trained(task, SUBJECT)
    }
    rows = [e.point(task, SUBJECT, DROP) for task in deciding]
    seeds = min(float(row["seeds"]) for row in rows if row is not None)
    # A mean over some seeds says nothing of the others, and has no interval.
    note = f"seeds with such a setting: {', '.join(partial)}" if partial else None
    low, value, high = median_reduction(e.draws[e.draws["method"] == SUBJECT], list(deciding))
    low, high = (nan, nan) if partial else (low, high)
    titles = ", ".join(TASKS[name].title for name in deciding)
    may = len(deciding) >= LEAST_TASKS and not partial
    cheap = judge(low, high, least=REDUCTION) if may else OPEN
    what = f"median FLOPs reduction at {DROP} over {titles}"
    found = [Finding(1, "", what, value, low, high, seeds, verdict=cheap, note=note)]
    if (mean := pool(known)) is not None:
        kept = OPEN if partial else mean.verdict(least=-MOST_DROPPED)
        what = f"score at {DROP} minus dense BERT's, mean over {mean.titles}"
        numbers = (mean.value, mean.low, mean.high, seeds)
        found.append(Finding(1, "", what, *numbers, verdict=kept, note=note or mean.few))
    return _weakest(e, found)


def _undecided(e: Evidence, claim: int, what: str) -> str:
    """Note that no task may decide a claim, where any measures it; return the verdict."""
    if not any(finding.claim == claim for finding in e.findings):
        return UNMEASURED
    verdict, note = _no_task(e, e.claimed)
    return e.add(Finding(claim, "", what, decides=True, verdict=verdict, note=note))


def _no_task(e: Evidence, tasks: Iterable[str]) -> tuple[str, str]:
    """Return the verdict where none of some tasks may decide, and why."""
    reasons = {task: e.untestable(task) for task in tasks}
    told = [f"{TASKS[task].title}: {reason}" for task, reason in reasons.items() if reason]
    return (OPEN, NO_TASK) if len(told) < len(reasons) else (UNTESTABLE, "; ".join(told))


def _weakest(e: Evidence, found: Sequence[Finding]) -> str:
    """Add findings that a claim needs all of; return the verdict, read from the first that gives
    it.
    """
    verdict = all_of([finding.verdict for finding in found])
    first = next((f for f in found if f.verdict == verdict), None)
    for finding in found:
        e.add(replace(finding, decides=finding is first))
    return verdict


def _reduction_on(e: Evidence, task: str, row: pd.Series) -> None:
    """Note the reduction on one task, and what it costs in score."""
    what, seeds = f"FLOPs reduction at {DROP}", float(row["seeds"])
    note: str | None
    loss = e.pair(task, SUBJECT, REFERENCE, DROP, "score")
    reason = e.untestable(task)
    if np.isnan(row["cost"]):
        verdict = UNTESTABLE if reason else OPEN
        e.add(Finding(1, task, what, seeds=0, verdict=verdict, note=reason or row["status"]))
        return
    if loss is None:
        note = f"{e.title(REFERENCE)} did not run"
        e.add(Finding(1, task, what, verdict=UNMEASURED, note=note))
        return
    # An end that is open stays so: no setting at all is no saving.
    low, high = 1 / row["cost_high"] or -inf, 1 / row["cost_low"]
    cheap = e.verdict(task, low, high, seeds, least=REDUCTION)
    whole = row["status"] == "ok"
    note = reason or _partly(row)
    e.add(Finding(1, task, what, 1 / row["cost"], low, high, seeds, verdict=cheap, note=note))
    what = f"score at {DROP} minus dense BERT's"
    kept = e.add_difference(1, what, loss, task=task, least=-MOST_DROPPED)
    both = all_of([cheap, kept])
    both = both if whole or both == UNTESTABLE else OPEN
    e.add(Finding(1, task, "both together", seeds=seeds, verdict=both))


def _partly(row: pd.Series) -> str | None:
    """Return how many draws, and which seeds, have no setting at a point."""
    parts = [] if row["status"] == "ok" else [row["status"]]
    if row["none"] > 0:
        parts.append(f"none in {row['none']:.0%} of the draws")
    return "; ".join(parts) or None


def median_reduction(draws: pd.DataFrame, tasks: Sequence[str]) -> tuple[float, float, float]:
    """Return the median over tasks of the reduction in cost with its interval: low, value, high.

    Where a task or a draw has no setting nothing is saved: its reduction is 1.

    Args:
        draws: rows of `comparison_tables.cost_draws`, at most one per task.
    """
    columns = [name for name in map(str, draws) if name.startswith("d") and name[1:].isdigit()]
    own = draws.set_index("task").reindex(list(tasks))
    values = (1 / own["value"].to_numpy(float)).clip(0, inf)
    drawn = 1 / own[columns].to_numpy(float)
    values, drawn = (np.where(np.isnan(a), 1.0, a) for a in (values, drawn))
    low, high = np.quantile(np.median(drawn, axis=0), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(np.median(values)), float(high)


def _better(e: Evidence, family: str) -> str:
    """Note the subject against every rival of a family; return the verdict."""
    subject = next(
        (
            name
            for name in (SUBJECT, f"{SUBJECT}_{family}")
            if name in e.methods and e.methods[name].family == family
        ),
        None,
    )
    rivals = [n for n, m in e.methods.items() if m.role == "rival" and m.family == family]
    if subject is None:
        return UNMEASURED
    prefix = RELEASED_PREFIX if family == RELEASED else ""
    return _compared(e, 2, [Pair(subject, rival, prefix=prefix) for rival in rivals])


def _compared(e: Evidence, claim: int, pairs: Sequence[Pair]) -> str:
    """Note the paired difference in auc of each pair, on every task and over those that may decide;
    return the verdict on "the first is better than each second", Holm-corrected over the pairs.
    """
    found: list[tuple[Finding, float]] = []
    beneath: list[tuple[str, str, pd.Series]] = []
    tasks = e.tasks if claim in QUESTIONS else e.claimed
    for pair in pairs:
        rows = {t: e.pair(t, pair.first, pair.second, pair.point, "score", space=pair.space)
                for t in tasks}  # fmt: skip
        known = {task: row for task, row in rows.items() if row is not None}
        text = pair.text(e)
        if not known:
            if claim in QUESTIONS or pair.second in e.methods:
                note = f"{e.title(pair.second)} did not run"
                found.append((Finding(claim, "", text, verdict=UNMEASURED, note=note), nan))
            continue
        beneath += [(task, text, row) for task, row in known.items()]
        trained = {t: e.wanted(t, pair.first, pair.second) for t in known}
        deciding = {t: r for t, r in known.items() if e.decided_by(t, r["seeds"], trained[t])}
        mean = pool(deciding)
        if mean is None:
            verdict, note = _no_task(e, known)
            found.append((Finding(claim, "", text, verdict=verdict, note=note), nan))
            continue
        seeds = min(float(row["seeds"]) for row in deciding.values())
        what = f"{text}, mean over {mean.titles}"
        numbers = (mean.value, mean.low, mean.high, seeds)
        found.append((Finding(claim, "", what, *numbers, note=mean.few), mean.p))
    return _corrected(e, found, beneath)


def _corrected(
    e: Evidence,
    found: Sequence[tuple[Finding, float]],
    beneath: Sequence[tuple[str, str, pd.Series]],
) -> str:
    """Add findings with their p values corrected for being several, the tasks beneath them; return
    the verdict, which is read from the weakest.
    """
    tested = [p for _, p in found if p == p]
    corrected = iter(holm(np.array(tested)))
    judged = []
    for finding, p in found:
        if p != p:
            judged.append(finding)
            continue
        p = float(next(corrected))
        side = SUPPORTED if finding.value > 0 else REFUTED
        decided = p < BEYOND_CHANCE and finding.note is None
        judged.append(replace(finding, p=p, verdict=side if decided else OPEN))
    verdict = all_of([finding.verdict for finding in judged])
    weak = [f for f in judged if f.verdict == verdict]
    weakest = min(weak, key=lambda f: f.value if f.value == f.value else -inf, default=None)
    for finding in judged:
        e.add(replace(finding, decides=finding is weakest))
    for task, what, row in beneath:
        e.add_difference(found[0][0].claim, what, row, task=task, least=None)
    return verdict


def _decided(e: Evidence, found: Sequence[Finding]) -> str:
    """Add findings, one a task; return the verdict that those give that can be tested."""
    untestable = [f for f in found if f.verdict == UNTESTABLE]
    if len(untestable) == len(found):
        return _weakest(e, found)
    for finding in untestable:
        e.add(finding)
    return _weakest(e, [f for f in found if f.verdict != UNTESTABLE])


def _exits_hardly_help(e: Evidence) -> str:
    found = []
    for task in HARD_TASKS:
        row = e.point(task, EXIT_ONLY, DROP)
        if row is None:
            continue
        what = f"cost that {e.title(EXIT_ONLY)} saves at {DROP}, %"
        reason = e.untestable(task)
        if np.isnan(row["cost"]):
            verdict = UNTESTABLE if reason else OPEN
            note = reason or row["status"]
            found.append(Finding(3, task, what, seeds=0, verdict=verdict, note=note))
            continue
        loss = e.pair(task, EXIT_ONLY, REFERENCE, DROP, "score")
        kept = _kept(e, 3, task, EXIT_ONLY, loss)
        low, high, seeds = 1 - row["cost_high"], 1 - row["cost_low"], float(row["seeds"])
        saves = e.verdict(task, low, high, seeds, least=HARDLY)
        # A saving counts only where the score is kept; a small one is small whatever it costs.
        verdict = opposite(saves) if saves != SUPPORTED or kept == SUPPORTED else OPEN
        verdict = _whole(verdict, seeds, e.trained(task, EXIT_ONLY))
        numbers = (100 * (1 - row["cost"]), 100 * low, 100 * high, seeds)
        note = reason or _partly(row)
        found.append(Finding(3, task, what, *numbers, verdict=verdict, note=note))
    return _decided(e, found)


def _whole(verdict: str, seeds: float, trained: float) -> str:
    """Return a verdict; what some of the seeds lack decides nothing."""
    return OPEN if verdict in (SUPPORTED, REFUTED) and seeds < trained else verdict


def _kept(e: Evidence, claim: int, task: str, method: str, loss: pd.Series | None) -> str:
    """Note what a method loses at the point of least cost; return whether it is within a point."""
    what = f"score of {e.title(method)} at {DROP} minus dense BERT's"
    if loss is None:
        return OPEN
    return e.add_difference(claim, what, loss, task=task, least=-MOST_DROPPED)


def _within(e: Evidence, task: str, loss: pd.Series | None) -> str:
    """Return whether a loss is within a point, without noting it."""
    if loss is None:
        return OPEN
    low, high, seeds = (float(loss[name]) for name in ("low", "high", "seeds"))
    return e.verdict(task, low, high, seeds, least=-MOST_DROPPED)


def _skipping_is_essential(e: Evidence) -> str:
    found = []
    for task in HARD_TASKS:
        for method in (SKIPS, SUBJECT):
            points = {m: e.point(task, m, DROP) for m in (EXIT_ONLY, method)}
            known = {m: row for m, row in points.items() if row is not None}
            if len(known) < len(points):
                continue
            reason = e.untestable(task)
            what = f"saving of {e.title(method)} less that of {e.title(EXIT_ONLY)}, points of cost"
            row = e.pair(task, EXIT_ONLY, method, DROP, "cost")  # what costs less saves more
            if row is None:
                lacking = [f"{e.title(m)}: {r['status']}" for m, r in known.items()
                           if r["status"] != "ok"]  # fmt: skip
                verdict = UNTESTABLE if reason else OPEN
                note = reason or "; ".join(lacking)
                found.append(Finding(4, task, what, seeds=0, verdict=verdict, note=note))
                continue
            kept = _kept(e, 4, task, method, e.pair(task, method, REFERENCE, DROP, "score"))
            low, high, seeds = (float(row[name]) for name in ("low", "high", "seeds"))
            verdict = e.verdict(task, low, high, seeds, least=0.0)
            own = e.pair(task, EXIT_ONLY, REFERENCE, DROP, "score")
            other = (
                _kept(e, 4, task, EXIT_ONLY, own) if method == SUBJECT else _within(e, task, own)
            )
            # A saving counts where the score is kept, ours as exit-only's.
            counts = {SUPPORTED: kept, REFUTED: other}.get(verdict, SUPPORTED)
            verdict = verdict if counts == SUPPORTED else OPEN
            verdict = _whole(verdict, seeds, e.wanted(task, *known))
            numbers = (100 * row["difference"], 100 * low, 100 * high, seeds)
            lost = f"none in {row['none']:.0%} of the draws" if row["none"] > 0 else None
            found.append(Finding(4, task, what, *numbers, verdict=verdict, note=reason or lost))
    return _decided(e, found)


def _averaged(e: Evidence, claim: int, what: str, pair: tuple[str, str], point: str) -> str:
    """Note a paired difference in score on every task, and over those that may decide; return the
    verdict on "more than nothing".
    """
    rows = {task: e.pair(task, *pair, point, "score") for task in e.claimed}
    known = {task: row for task, row in rows.items() if row is not None}
    if not known:
        return UNMEASURED
    for task, row in known.items():
        e.add_difference(claim, what, row, task=task, least=None)
    trained = {task: e.wanted(task, *pair) for task in known}
    deciding = {t: row for t, row in known.items() if e.decided_by(t, row["seeds"], trained[t])}
    mean = pool(deciding)
    if mean is None:
        return _undecided(e, claim, what)
    verdict = mean.verdict(least=0.0)
    seeds = min(float(row["seeds"]) for row in deciding.values())
    text = f"{what}, mean over {mean.titles}"
    numbers = (mean.value, mean.low, mean.high, seeds)
    found = Finding(claim, "", text, *numbers, decides=True, verdict=verdict, note=mean.few)
    return e.add(found)


def _contrast(e: Evidence) -> str:
    what = "mean score of exits, with contrast minus without"
    return _averaged(e, 5, what, (SUBJECT, NO_CONTRAST), EXITS)


def _hard(e: Evidence) -> str:
    what = "score of hard inference, hard minus soft training"
    verdict = _averaged(e, 6, what, (SKIPS, SOFT), GATES)
    for task in e.claimed:
        if e.pair(task, SKIPS, SOFT, GATES, "score") is None:
            continue
        for method in (SKIPS, SOFT):
            own = e.gates[(e.gates["task"] == task) & (e.gates["method"] == method)]
            if len(own):
                what = f"gates in (0.1, 0.9), {e.title(method)}, %"
                value, seeds = 100 * own["undecided"].mean(), own["seeds"].min()
                e.add(Finding(6, task, what, value=value, seeds=seeds))
    return verdict
