"""The page of claims: one table of verdicts, then how each is measured, and its figures."""

from collections.abc import Mapping, Sequence

import pandas as pd

from smartbert.analysis.claims import (
    AS_RELEASED,
    HARDLY,
    OVERALL,
    QUESTIONS,
    REDUCTION,
    RELEASED_PREFIX,
)
from smartbert.analysis.evidence import (
    LEAST_SEEDS,
    LEAST_TASKS,
    OPEN,
    REFUTED,
    SUPPORTED,
    UNMEASURED,
    UNTESTABLE,
)
from smartbert.analysis.rows import Claimed, each
from smartbert.points import AUC, DROP, MOST_DROPPED
from smartbert.report.page import markdown_table, with_interval
from smartbert.tasks import TASKS

STATEMENTS = {
    1: "2-3x less computation than BERT at a minimal drop",
    2: "better than earlier methods in efficiency and accuracy",
    3: "on RTE and WNLI entropy exits hardly help",
    4: "on RTE and WNLI skipping is essential",
    5: "cross-layer contrastive learning improves the inner classifiers",
    6: "hard weights make training and inference agree",
    7: "adapting beats a fixed depth",
    8: "gates know which example to spare",
    9: "gates pay for what they cost",
}
WITHIN = f"the loss within {MOST_DROPPED:g} point by its whole interval"
MEASURES = {
    1: f"FLOPs reduction at {DROP} (the cheapest setting that tune puts within {MOST_DROPPED:g}"
    " point of dense BERT with a standard error to spare), as a median over tasks, and the mean of"
    f" the loss there. Supported where the reduction is at least {REDUCTION:g} and {WITHIN}.",
    2: f"Paired difference in {AUC}, SmartBERT minus each earlier method, as a mean over tasks; p"
    " is Holm-corrected over the methods, and all have to be beaten. The verdict on the method"
    " needs rows with the same heads and budget (`family: matched`); rows with the heads that each"
    " method's own code has, at this run's rates (`family: released`), give one of their own.",
    3: f"Share of dense BERT's cost that exit-only saves at {DROP}; up to {HARDLY:.0%} counts as"
    f" hardly helping, a limit of ours. More than that counts against the claim with {WITHIN}.",
    4: f"Saving at {DROP} of skip-only and of SmartBERT less that of exit-only, paired, in points"
    f" of dense BERT's cost, with {WITHIN}.",
    5: "Mean score of the exits before the last layer, at full depth: with cross-layer contrastive"
    " learning minus without it in either stage, paired, as a mean over tasks.",
    6: "Score of skipping alone at the trained threshold, with hard gates in training minus with"
    " soft gates throughout, paired, as a mean over tasks: how well hard inference fits what was"
    " trained, not at equal cost. Beside it the share of gates in (0.1, 0.9) under each, which hard"
    " inference has to round.",
    7: f"Paired difference in {AUC}: tuned thresholds against everybody's leaving the same model at"
    " the same layer, and against truncated BERT; p Holm-corrected over the two.",
    8: "Paired difference in score of skipping alone at the trained threshold, whatever it costs:"
    " skip-only against the same rates of skipping at random, and against the same layers for"
    " everybody; p Holm-corrected over the two.",
    9: f"Paired difference in {AUC}, gates paid for: the same pairs, and SmartBERT against its"
    " exits without gates; p Holm-corrected over the three. A method with one setting has a"
    " straight line from the majority class to it, so that of two with the same score the cheaper"
    " is ahead.",
}
# What would change a verdict.
CHANGES = {
    SUPPORTED: "an interval that reaches the other side",
    REFUTED: "an interval that reaches the claimed side",
    OPEN: "an interval on one side: more seeds, more tasks, in all of which it is there",
    UNTESTABLE: "a dense BERT better than the majority class",
    UNMEASURED: "the rows that measure it, which this run lacks",
}


def claims_markdown(
    table: pd.DataFrame, *, caption: str, seeds: Mapping[str, Sequence[int]]
) -> str:
    """Return the claims for reading: a table of verdicts, then how each is measured, and its
    figures.
    """
    single = [TASKS[name].title for name, own in seeds.items() if len(own) == 1]
    asked = bool(seeds) and all(TASKS[name].own for name in seeds)
    if asked:
        table = table[table["claim"].isin(QUESTIONS)]
    deciding = (
        "A question is decided by one figure, over tasks"
        if asked
        else f"A claim is decided by one figure, over at least {LEAST_TASKS} tasks (3 and 4, which"
        " name their tasks: one)"
    )
    parts = [
        "# Questions to the methods, measured" if asked else "# The claims of the paper, measured",
        caption,
        "The paper's claims are of GLUE's tasks, and not asked here." if asked else "",
        markdown_table(verdicts_frame(table)),
        "*Supported*: the whole 95 % interval lies on the claimed side; of several methods, for"
        " each with a corrected p below 0.05. *Not supported*: on the other side; of several, for"
        " one at least. *Inconclusive*: neither. *Not testable*: dense BERT itself is no better"
        " than the majority class, by its interval. *Not measured*: no training of this run"
        f" measures it. {deciding} with at least {LEAST_SEEDS} seeds in all of which it is there;"
        " the others are shown."
        + (
            "" if asked else " WNLI (71 test examples) decides nothing but the claims that name it."
        ),
        f"One training: {', '.join(single)}. They are shown and decide nothing." if single else "",
    ]
    for claim, statement in STATEMENTS.items():
        if asked and claim not in QUESTIONS:
            continue
        own = table[table["claim"] == claim]
        heads = own[own["what"].isin([OVERALL, AS_RELEASED])]
        verdict = "; ".join(
            f"{'as released ' if row.what == AS_RELEASED else ''}{row.verdict}"
            for row in each(heads, Claimed)
        )
        parts += [f"## {claim}. {statement}: {verdict}", f"Measured as: {MEASURES[claim]}"]
        figures = own.drop(index=heads.index)
        if figures.empty:
            parts.append("This run has no training that measures it.")
            continue
        shown = figures_frame(figures).replace({"task": {"": "all"}})
        shown = shown.rename(columns={"value": "value [95 % interval]"})
        empty = [name for name in ("note", "p") if not shown[name].any()]
        parts.append(markdown_table(shown.drop(columns=empty)))
    return "\n\n".join(filter(None, parts)) + "\n"


def verdicts_frame(table: pd.DataFrame) -> pd.DataFrame:
    """Return the claims as a whole: claim, verdict, the figure that decides it, what would change
    it; all as texts.
    """
    rows = []
    heads = table[table["what"].isin([OVERALL, AS_RELEASED])].sort_values("claim", kind="stable")
    for head in each(heads, Claimed):
        own = table[(table["claim"] == head.claim) & table["decides"].astype(bool)]
        released = own["what"].str.startswith(RELEASED_PREFIX)
        own = own[released == (head.what == AS_RELEASED)]
        deciding = figures_frame(own).iloc[0] if len(own) else None
        text = ""
        if deciding is not None:
            where = f"{deciding['task']}: " if deciding["task"] else ""
            p = f", p {deciding['p']}" if deciding["p"] else ""
            value = deciding["note"] if head.verdict == UNTESTABLE else deciding["value"]
            text = f"{where}{deciding['what']}: {value or deciding['note'] or 'none'}{p}"
        statement = STATEMENTS[head.claim]
        statement += " (ours)" if head.claim in QUESTIONS else ""
        statement += ", as released" if head.what == AS_RELEASED else ""
        rows.append(
            {
                "claim": f"{head.claim}. {statement}",
                "verdict": head.verdict,
                "decided by": text,
                "what would change it": CHANGES[head.verdict],
            }
        )
    return pd.DataFrame(rows)


def figures_frame(figures: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the claims for reading: task ("" for all), what, value with interval, seeds,
    p, verdict, note, all as texts.
    """
    return pd.DataFrame(
        {
            "task": [TASKS[name].title if name else "" for name in figures["task"].fillna("")],
            "what": figures["what"],
            "value": [_figure_text(row) for row in each(figures, Claimed)],
            "seeds": [f"{number:.0f}" if number == number else "" for number in figures["seeds"]],
            "p": [_p_text(row.p) for row in each(figures, Claimed)],
            "verdict": figures["verdict"].fillna(""),
            "note": figures["note"].fillna(""),
        }
    )


def _p_text(p: float) -> str:
    if p != p:
        return ""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _figure_text(row: Claimed) -> str:
    """Return value and interval of a row of the claims; empty where nothing was measured."""
    if pd.isna(row.value):
        return ""
    if pd.isna(row.low):
        return f"{row.value:.1f}"
    return with_interval(row.value, row.low, row.high, spec=".2f")
