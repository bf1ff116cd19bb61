"""The page of claims: what is claimed, how it is measured, the figures, the verdict."""

from collections.abc import Mapping, Sequence

import pandas as pd

from smartbert.analysis.claims import COMPARED_AT, HARDLY, REDUCTION
from smartbert.analysis.evidence import tally
from smartbert.analysis.rows import Claimed, each
from smartbert.points import AUC, DROP, MOST_DROPPED
from smartbert.tasks import TASKS

STATEMENTS = {
    1: "2-3x less computation than BERT at a minimal drop",
    2: "better than earlier methods in efficiency and accuracy",
    3: "on RTE and WNLI entropy exits hardly help",
    4: "on RTE and WNLI skipping is essential",
    5: "cross-layer contrastive learning improves the inner classifiers",
    6: "hard weights make training and inference agree",
}
MEASURES = {
    1: f"FLOPs reduction at {DROP} (the cheapest setting within {MOST_DROPPED:g} point of dense"
    " BERT on tune), and its score on test against dense BERT's. Supported on a task where the"
    f" reduction is at least {REDUCTION:g} and the loss at most {MOST_DROPPED:g} point, both by"
    " their intervals; not supported where one of them is beyond by its whole interval, or tune has"
    " no such setting.",
    2: f"Paired differences, SmartBERT minus the other, of {AUC} and of the score at"
    f" {' and '.join(COMPARED_AT)}."
    " The claim as a whole needs to hold against each of the methods; against one of them it"
    " holds where more than half of the figures support it and none contradicts.",
    3: f"Share of dense BERT's cost that exit-only saves at {DROP}; up to {HARDLY:.0%} counts"
    " as hardly helping, a limit of ours.",
    4: f"Saving at {DROP} of skip-only and of SmartBERT less that of exit-only, paired, in"
    " points of dense BERT's cost.",
    5: "Mean score of the exits before the last layer, at full depth: with cross-layer"
    " contrastive learning minus without it in either stage, paired.",
    6: "Score of skipping alone at the trained threshold, with hard gates in training minus with"
    " soft gates throughout, paired; beside it the share of gates in (0.1, 0.9) under each.",
}


def claims_markdown(
    table: pd.DataFrame, *, caption: str, seeds: Mapping[str, Sequence[int]]
) -> str:
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


def _seeds_sentence(several: Sequence[str], single: Sequence[str]) -> str:
    if not single:
        return ""
    others = f"; {', '.join(several)} have more" if several else ""
    return (
        f"One seed only: {', '.join(single)}{others}. Their intervals cover test examples and not"
        " the chance of training, so they are too narrow."
    )


def _overview(table: pd.DataFrame) -> str:
    rows = table[table["what"] == "overall"]
    counted = table[table["counts"]]
    votes: dict[int, list[str]] = {claim: [] for claim in STATEMENTS}
    for row in each(counted, Claimed):
        votes[row.claim].append(row.verdict)
    claims = [row.claim for row in each(rows, Claimed)]
    shown = pd.DataFrame(
        {
            "claim": [f"{claim}. {STATEMENTS[claim]}" for claim in claims],
            "verdict": rows["verdict"],
            "figures that count": [tally(votes[claim]) for claim in claims],
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
            "value": [_figure_text(row) for row in each(figures, Claimed)],
            "seeds": [f"{number:.0f}" if number == number else "" for number in figures["seeds"]],
            "verdict": figures["verdict"].fillna(""),
        }
    )


def _figure_text(row: Claimed) -> str:
    """Return value and interval of a row of the claims; empty where nothing was measured."""
    if pd.isna(row.value):
        return ""
    if pd.isna(row.low):
        return f"{row.value:.1f}"
    return f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"
