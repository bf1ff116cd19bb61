"""Claims: the six claims of SmartBERT's abstract, how each is measured here, the figure with its
interval, and a verdict no stronger than that interval (protocol: "Claims").

A verdict is "supported" where the whole 95 % interval lies on the claimed side, "not supported"
where the whole of it lies on the other side, "inconclusive" otherwise, and "not measured" where
the run has no training to measure it with. No torch.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from smartbert.comparison import AUC, EXITS, GATES, median_over_tasks
from smartbert.methods import REFERENCE, SUBJECT
from smartbert.points import DROP, FULL, GLOBAL
from smartbert.tables import turned
from smartbert.tasks import TASKS

SUPPORTED, REFUTED, OPEN = "supported", "not supported", "inconclusive"
UNMEASURED = "not measured"
RIVALS = ("deebert", "pabee", "skip_only", "truncated_bert")
SKIPS, EXIT_ONLY = "skip_only", "exit_only"
NO_CONTRAST, SOFT = "smartbert_no_contrast", "skip_only_soft"
HARD_TASKS = ("rte", "wnli")  # where, the abstract says, entropy exits hardly help
REDUCTION = 2.0  # the lower end of the claimed "2-3x"
HARDLY = 0.10  # a saving of at most this share of dense BERT's cost is "hardly" one

STATEMENTS = {
    1: "2-3x less computation than BERT at a minimal drop",
    2: "better than earlier methods in efficiency and accuracy",
    3: "on RTE and WNLI entropy exits hardly help",
    4: "on RTE and WNLI skipping is essential",
    5: "cross-layer contrastive learning improves the inner classifiers",
    6: "hard weights make training and inference agree",
}
MEASURES = {
    1: f"FLOPs reduction at {DROP[0]} (the cheapest setting within {DROP[1]:g} point of dense BERT"
    " on tune), and its score on test against dense BERT's. Supported on a task where the"
    f" reduction is at least {REDUCTION:g} and the loss at most {DROP[1]:g} point, both by their"
    " intervals; not supported where one of them is beyond by its whole interval, or tune has no"
    " such setting.",
    2: "Paired differences, SmartBERT minus the other, of auc and of the score at b50 and b33."
    " The claim as a whole needs to hold against each of the methods; against one of them it"
    " holds where more than half of the figures support it and none contradicts.",
    3: f"Share of dense BERT's cost that exit-only saves at {DROP[0]}; up to {HARDLY:.0%} counts"
    " as hardly helping, a limit of ours.",
    4: f"Saving at {DROP[0]} of skip-only and of SmartBERT less that of exit-only, paired, in"
    " points of dense BERT's cost.",
    5: "Mean score of the exits before the last layer, at full depth: with cross-layer"
    " contrastive learning minus without it in either stage, paired.",
    6: "Score of skipping alone at the trained threshold, with hard gates in training minus with"
    " soft gates throughout, paired; beside it the share of gates in (0.1, 0.9) under each.",
}


@dataclass
class Evidence:
    """What the claims are read from.

    Attributes:
        points, differences, draws: the comparison's tables of all tasks, global space; of ablations
            too where they ran.
        gates: the gates table.
        titles: by method.
    """

    points: pd.DataFrame
    differences: pd.DataFrame
    draws: pd.DataFrame
    gates: pd.DataFrame
    titles: dict[str, str]
    rows: list[dict] = field(default_factory=list)

    def __post_init__(self):
        pair, point = ["task", "first", "second", "point", "kind"], ["task", "method", "point"]
        keys = {"points": point, "differences": pair, "draws": ["task", "method"]}
        for name, key in keys.items():
            table = getattr(self, name)
            first = [TASKS[t].test[0][0] for t in table["task"]]
            subset = table["subset"].fillna("")
            own = table[(table["space"] == GLOBAL) & (subset == first)]
            # What both the comparison and an ablation have measured counts once, as the first says.
            setattr(self, name, own.drop_duplicates(key))
        # An ablation may have a pair the other way round.
        both = pd.concat([self.differences, turned(self.differences)]).drop_duplicates(pair)
        self._pairs = both.set_index(pair).sort_index()
        self._points = self.points.set_index(point).sort_index()

    @property
    def tasks(self) -> list[str]:
        """Tasks of the run, in their order."""
        return [name for name in TASKS if name in set(self.points["task"])]

    def point(self, task: str, method: str, point: str) -> pd.Series | None:
        """Return a method's row at a point; None if it was not run."""
        key = (task, method, point)
        return self._points.loc[key] if key in self._points.index else None

    def reaches(self, task: str, method: str, point: str) -> bool:
        """Return whether a method has a setting at a point, in one seed at least."""
        row = self.point(task, method, point)
        return row is not None and row["seeds"] > 0

    def pair(self, task: str, first: str, second: str, point: str, kind: str) -> pd.Series | None:
        """Return the paired difference first minus second; None where one has no such point."""
        key = (task, first, second, point, kind)
        return self._pairs.loc[key] if key in self._pairs.index else None

    def add(self, claim: int, what: str, verdict: str, *, task: str = "", **values) -> str:
        """Note a figure and return its verdict.

        Args:
            values: value, low, high, seeds, note, and counts: whether the claim's verdict counts
                this one.
        """
        row = {"claim": claim, "task": task, "what": what, "counts": False, "verdict": verdict}
        self.rows.append({**row, **values})
        return verdict

    def verdict(self, claim: int) -> str:
        """Return a claim's verdict, that of its figures that count together."""
        return together([r["verdict"] for r in self.rows if r["claim"] == claim and r["counts"]])

    def add_difference(
        self,
        claim: int,
        what: str,
        row: pd.Series,
        *,
        task: str,
        least: float = 0.0,
        scale: float = 1.0,
        counts: bool = False,
    ) -> str:
        """Note a paired difference that the claim says is above `least`; return its verdict.

        Args:
            scale: shown units per unit of the difference.
        """
        shown = {"value": "difference", "low": "low", "high": "high"}
        numbers = {name: scale * row[column] for name, column in shown.items()}
        verdict = judge(row["low"], row["high"], least=least)
        numbers |= {"seeds": row["seeds"], "counts": counts}
        return self.add(claim, what, verdict, task=task, **numbers)

    def title(self, method: str) -> str:
        """Return how tables call a method."""
        return self.titles.get(method) or method


def judge(low: float, high: float, *, least: float = 0.0) -> str:
    """Return the verdict on "more than `least`" for an interval; touching it decides nothing."""
    if low > least:
        return SUPPORTED
    return REFUTED if high < least else OPEN


def together(verdicts: list[str]) -> str:
    """Return one verdict for several: that of more than half of them, if none says the opposite."""
    counted = Counter(v for v in verdicts if v != UNMEASURED)
    if not counted:
        return UNMEASURED
    for verdict, opposite in ((SUPPORTED, REFUTED), (REFUTED, SUPPORTED)):
        if 2 * counted[verdict] > counted.total() and not counted[opposite]:
            return verdict
    return OPEN


def tally(verdicts: list[str]) -> str:
    """Return how many figures say what: "7 supported, 5 inconclusive"."""
    counted = Counter(verdicts)
    return ", ".join(f"{counted[v]} {v}" for v in (SUPPORTED, OPEN, REFUTED) if counted[v])


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
        evidence.add(claim, "overall", verdict)
    numbers = ["value", "low", "high", "seeds"]
    columns = ["claim", "task", "what", *numbers, "counts", "verdict", "note"]
    table = pd.DataFrame(evidence.rows).reindex(columns=columns)
    return table.sort_values("claim", kind="stable", ignore_index=True)


def _reduction(e: Evidence) -> str:
    partial = []
    for task in e.tasks:
        row = e.point(task, SUBJECT, DROP[0])
        if row is None:
            continue
        counts = TASKS[task].averaged
        what = f"FLOPs reduction at {DROP[0]}"
        loss = e.pair(task, SUBJECT, REFERENCE, DROP[0], "score")
        if row["status"] != "ok" and counts:
            trained = e.point(task, SUBJECT, FULL)["seeds"]
            partial.append(f"{TASKS[task].title} {row['seeds']:.0f} of {trained:.0f}")
        if np.isnan(row["cost"]):
            e.add(1, what, REFUTED, task=task, seeds=0, note=row["status"], counts=counts)
        elif loss is None:
            note = f"{e.title(REFERENCE)} did not run"
            e.add(1, what, UNMEASURED, task=task, note=note, counts=counts)
        else:
            low, high = 1 / row["cost_high"], 1 / row["cost_low"]
            cheap = judge(low, high, least=REDUCTION)
            note = "" if row["status"] == "ok" else row["status"]
            numbers = {"value": 1 / row["cost"], "low": low, "high": high, "seeds": row["seeds"]}
            e.add(1, what, cheap, task=task, **numbers, note=note)
            what = f"score at {DROP[0]} minus dense BERT's"
            kept = e.add_difference(1, what, loss, task=task, least=-DROP[1])
            # A seed without such a setting is left out of the mean: nothing is said of it.
            whole = {cheap, kept} == {SUPPORTED} and not note
            verdict = REFUTED if REFUTED in (cheap, kept) else SUPPORTED if whole else OPEN
            e.add(1, "both together", verdict, task=task, seeds=row["seeds"], counts=counts)
    own = e.draws[(e.draws["method"] == SUBJECT) & e.draws["value"].notna()]
    own = own[[TASKS[t].averaged for t in own["task"]]]
    if len(own):
        median = median_over_tasks(own, inverse=True)
        what = f"median reduction over {len(own)} tasks (without WNLI)"
        verdict = judge(median.low, median.high, least=REDUCTION)
        # A median over the seeds and tasks that have such a setting supports nothing of the rest.
        note = f"seeds with such a setting: {', '.join(partial)}" if partial else ""
        numbers = {"value": median.value, "low": median.low, "high": median.high}
        verdict = OPEN if note and verdict == SUPPORTED else verdict
        e.add(1, what, verdict, **numbers, seeds=median.seeds, note=note)
    return e.verdict(1)


def _better(e: Evidence) -> str:
    overall = []
    for rival in RIVALS:
        verdicts = []
        for task in e.tasks:
            if any(e.point(task, method, FULL) is None for method in (SUBJECT, rival)):
                continue
            counts = TASKS[task].averaged
            for point in (AUC, "b50", "b33"):
                what = f"{point}, against {e.title(rival)}"
                row = e.pair(task, SUBJECT, rival, point, "score")
                if row is not None:
                    verdict = e.add_difference(2, what, row, task=task, counts=counts)
                else:
                    able = e.reaches(task, rival, point) and not e.reaches(task, SUBJECT, point)
                    # What the other can do and SmartBERT cannot is no reason to leave it out.
                    verdict = OPEN if able else UNMEASURED
                    note = f"{e.title(SUBJECT if able else rival)} has no setting there"
                    e.add(2, what, verdict, task=task, seeds=0, note=note, counts=counts)
                if counts:
                    verdicts.append(verdict)
        if verdicts:
            what = f"all of these, against {e.title(rival)}"
            overall.append(e.add(2, what, together(verdicts), note=tally(verdicts)))
    # Better than earlier methods is better than each of them.
    if REFUTED in overall:
        return REFUTED
    if not overall:
        return UNMEASURED
    return SUPPORTED if set(overall) == {SUPPORTED} and len(overall) == len(RIVALS) else OPEN


def _exits_hardly_help(e: Evidence) -> str:
    for task in HARD_TASKS:
        row = e.point(task, EXIT_ONLY, DROP[0])
        if row is None:
            continue
        what = f"cost that {e.title(EXIT_ONLY)} saves at {DROP[0]}, %"
        if np.isnan(row["cost"]):
            e.add(3, what, OPEN, task=task, seeds=0, note=row["status"], counts=True)
            continue
        low, high = 1 - row["cost_high"], 1 - row["cost_low"]
        opposite = judge(low, high, least=HARDLY)
        verdict = {SUPPORTED: REFUTED, REFUTED: SUPPORTED}.get(opposite, OPEN)
        numbers = {"value": 100 * (1 - row["cost"]), "low": 100 * low, "high": 100 * high}
        note = "" if row["status"] == "ok" else row["status"]
        e.add(3, what, verdict, task=task, **numbers, seeds=row["seeds"], note=note, counts=True)
    return e.verdict(3)


def _skipping_is_essential(e: Evidence) -> str:
    for task in HARD_TASKS:
        for method in (SKIPS, SUBJECT):
            if e.point(task, EXIT_ONLY, DROP[0]) is None or e.point(task, method, DROP[0]) is None:
                continue
            what = f"saving of {e.title(method)} less that of {e.title(EXIT_ONLY)}, points of cost"
            row = e.pair(task, EXIT_ONLY, method, DROP[0], "cost")  # what costs less saves more
            if row is None:
                reasons = {
                    e.title(m): e.point(task, m, DROP[0])["status"] for m in (EXIT_ONLY, method)
                }
                note = "; ".join(
                    f"{t}: {reason}" for t, reason in reasons.items() if reason != "ok"
                )
                e.add(4, what, OPEN, task=task, seeds=0, note=note, counts=True)
                continue
            e.add_difference(4, what, row, task=task, scale=100, counts=True)
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
                e.add(
                    6,
                    f"gates in (0.1, 0.9), {e.title(method)}, %",
                    "",
                    task=task,
                    value=100 * own["undecided"].mean(),
                    seeds=own["seeds"].min(),
                )
    return e.verdict(6)


def claims_markdown(table: pd.DataFrame, *, caption: str, seeds: dict[str, list[int]]) -> str:
    """Return the claims for reading: what is claimed, how it is measured, the figures, the
    verdict.
    """
    several = [TASKS[name].title for name, own in seeds.items() if len(own) > 1]
    single = [TASKS[name].title for name, own in seeds.items() if len(own) == 1]
    parts = [
        "# The claims of the paper, measured",
        caption,
        "Each figure has its 95 % bootstrap interval over seeds and test examples. *Supported*:"
        " the whole interval lies on the claimed side. *Not supported*: the whole of it lies on"
        " the other side. *Inconclusive*: it covers both. A claim as a whole takes the verdict of"
        " more than half of the figures that count if none of them says the opposite. WNLI (71"
        " test examples) is shown, and decides nothing but the claims that name it.",
        _seeds_sentence(several, single),
        _overview(table),
    ]
    for claim, statement in STATEMENTS.items():
        own = table[table["claim"] == claim]
        verdict = own[own["what"] == "overall"]["verdict"].iloc[0]
        parts += [f"## {claim}. {statement}: {verdict}", f"Measured as: {MEASURES[claim]}"]
        figures = own[own["what"] != "overall"]
        if figures.empty:
            parts.append("This run has no training that measures it.")
            continue
        shown = figures_frame(figures).assign(note=figures["note"].fillna(""))
        shown = shown.replace({"task": {"": "all"}}).rename(
            columns={"value": "value [95 % interval]"}
        )
        if not shown["note"].any():
            shown = shown.drop(columns="note")
        parts.append(shown.to_markdown(index=False, disable_numparse=True))
    return "\n\n".join(filter(None, parts)) + "\n"


def _seeds_sentence(several: list[str], single: list[str]) -> str:
    if not single:
        return ""
    others = f"; {', '.join(several)} have more" if several else ""
    return (
        f"One seed only: {', '.join(single)}{others}. Their intervals cover test examples and not"
        " the chance of training, so they are too narrow."
    )


def _overview(table: pd.DataFrame) -> str:
    rows = table[table["what"] == "overall"]
    votes = {n: table[(table["claim"] == n) & table["counts"]]["verdict"] for n in STATEMENTS}
    shown = pd.DataFrame(
        {
            "claim": [f"{row.claim}. {STATEMENTS[row.claim]}" for row in rows.itertuples()],
            "verdict": rows["verdict"],
            "figures that count": [tally(votes[row.claim]) for row in rows.itertuples()],
        }
    )
    return shown.to_markdown(index=False, disable_numparse=True)


def figures_frame(figures: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the claims for reading: task ("" for all), what, value with interval, seeds,
    verdict, all as texts.
    """
    return pd.DataFrame(
        {
            "task": [TASKS[name].title if name else "" for name in figures["task"].fillna("")],
            "what": figures["what"],
            "value": [_figure_text(row) for row in figures.itertuples()],
            "seeds": [f"{number:.0f}" if number == number else "" for number in figures["seeds"]],
            "verdict": figures["verdict"].fillna(""),
        }
    )


def _figure_text(row) -> str:
    """Return value and interval of a row of the claims; empty where nothing was measured."""
    if pd.isna(row.value):
        return ""
    if pd.isna(row.low):
        return f"{row.value:.1f}"
    return f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"
