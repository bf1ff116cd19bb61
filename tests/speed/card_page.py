"""The page of what a card does, from the tables that card.py writes; what failed, and what was
never measured, is said.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from speed.card_setting import BERT, ENGINE, FULL, PARTS, SPREAD
from speed.card_tables import (
    DTYPES,
    Row,
    decisions,
    failures,
    ratio,
    recording,
    table,
    times,
    training,
)

STEPS = 200  # a second, of dense BERT in one process
NONE = "not measured"


@dataclass(frozen=True)
class Goal:
    """A ratio of time to the dense reference's that is not to be exceeded."""

    text: str
    contender: str
    most: dict[str, float]  # by batch


GOALS = (
    Goal("full depth, with exits and gates", FULL, {"1": 1.4, "32": 1.15, "128": 1.15}),
    Goal(
        "exits spread (6.5 of 12 layers)", SPREAD,
        {"1": 0.85, "32": 0.8, "128": 0.7, "stream of 32": 0.65, "stream of 128": 0.65},
    ),
    Goal("dense engine", ENGINE, {"1": 1.0, "8": 1.0, "32": 1.0, "128": 1.0}),
)  # fmt: skip

HEADING = "# On a card"
INTRO = """What a card does with this suite, measured by one command that takes the interpreter as
it is, installs nothing and ends within five minutes:

    make card                                  # PYTHON=... for another interpreter
    make card PARTS=times,decisions MINUTES=3  # less
    make card DEVICE=cpu SIZE=tiny             # tries the whole of it without a card

It writes `results/reference/card/` and this page (`tests/speed/card.py`); a
[bundle](running.md#a-card-for-a-quarter-of-an-hour) does so by itself on the machine that it is
taken to. BERT-base's size, random weights, lengths as MRPC's (53 tokens on average, 10 to 110). The
**dense reference** is transformers' BERT, padded, compiled by torch for few launches or captured as
a CUDA graph by hand, whichever is faster."""

BEFORE = """## Before

Decisions were taken on the host then, after every layer, and training steps were launched operation
by operation. One H200, BERT-base, bf16, lengths as MRPC's, milliseconds a batch:

| | batch 1 | batch 32 | batch 128 |
|---|---|---|---|
| transformers, as it is | 4.34 | 6.23 | 9.43 |
| engine, dense | 2.64 | 5.12 | 9.26 |
| exits spread | 3.63 | 12.07 | 15.02 |
| SmartBERT, exits spread | 5.90 | 19.29 | 20.64 |

Sixteen trainings side by side took 72 steps a second, all together."""


def page(folder: Path) -> str:
    """Return the page of a folder of tables, any of which may be missing."""
    tables = {part: read(folder / f"{part}.csv") for part in PARTS}
    path = folder / "provenance.json"
    made = json.loads(path.read_text()) if path.exists() else {}
    trial = any((own["on"], own["size"]) != ("cuda", "base") for own in made.values())
    parts = [HEADING, finding(tables, made, trial=trial), INTRO]
    parts += [] if trial else goals(tables)
    writers: dict[str, Callable[[list[Row]], list[str]]] = {
        "decisions": decisions, "times": times, "training": training, "recording": recording,
    }  # fmt: skip
    for part, write in writers.items():
        if rows := tables[part]:
            parts += [f"## {part.capitalize()}", *write([r for r in rows if not r["failed"]])]
            parts += failures(rows)
    return "\n\n".join([*parts, BEFORE]) + "\n"


def read(path: Path) -> list[Row]:
    """Return a table's rows as texts; none where it is missing."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def finding(tables: dict[str, list[Row]], made: dict[str, dict], *, trial: bool) -> str:
    """Return what comes first: what was found, or that nothing was measured.

    Args:
        trial: whether it was another model than BERT-base, or no card, for which the goals are.
    """
    if trial:
        return "**A trial: its numbers say nothing of BERT-base on a card.**" + where(made)
    if not made:
        return (
            "**Not measured since decisions moved to the device and steps are captured; no card was"
            " at hand.** Below stand the goals, and what was measured before that."
        )
    told = []
    ours = [row for row in tables["decisions"] if not row["failed"]]
    for dtype, name in DTYPES.items():
        if own := [row for row in ours if row["dtype"] == dtype]:
            worst = max(float(row["share"]) for row in own)
            told.append(
                f"In {name} at most {worst:.1%} of the examples are decided otherwise than by the"
                " CPU in float32."
            )
    met = [verdict for _, verdict in judged(tables)]
    if measured := [verdict for verdict in met if verdict != NONE]:
        yes = measured.count("met")
        told.append(f"{yes} of {len(measured)} goals that were measured are met.")
    if rate := steps(tables):
        told.append(f"Dense BERT trains {rate:.0f} steps a second in one process.")
    side = [row for row in tables["training"] if row["processes"] and not row["failed"]]
    if side:
        best = max(side, key=lambda row: float(row["rate"]))
        told.append(
            f"Of the numbers tried, {best['processes']} trainings side by side do most:"
            f" {float(best['rate']):.0f} steps a second, all together."
        )
    return " ".join(told or ["**Nothing could be measured: see what failed.**"]) + where(made)


def where(made: dict[str, dict]) -> str:
    """Return a sentence on the machines and commits behind the tables."""
    found: dict[str, list[str]] = {}
    for part, own in made.items():
        commit = (own["commit"] or "no commit")[:8]
        versions = own["versions"]
        text = f"{own['device'] or 'no device'}, size {own['size']}, torch {versions['torch']}"
        text += f", transformers {versions['transformers']}, {own['cores']} cores, {commit}"
        found.setdefault(text, []).append(part)
    return "\n\n" + " ".join(f"{', '.join(parts)}: {text}." for text, parts in found.items())


def steps(tables: dict[str, list[Row]]) -> float | None:
    """Return dense BERT's steps a second in one process, on the card's path."""
    for row in tables["training"]:
        if row["method"] == BERT and row["path"] == "card" and not row["failed"]:
            return float(row["rate"])
    return None


def judged(tables: dict[str, list[Row]]) -> list[tuple[Row, str]]:
    """Return a row for each goal, and whether it is met; ratios are judged in bf16."""
    rows = [row for row in tables["times"] if not row["failed"]]
    found = []
    for goal in GOALS:
        for batch, most in goal.most.items():
            own = {dtype: ratio(rows, dtype, batch, goal.contender) for dtype in DTYPES}
            got = own["bf16"]
            verdict = NONE if got is None else "met" if round(got, 2) <= most else "missed"
            cells = {
                "goal": goal.text,
                "batch": batch,
                "at most": f"{most:g}",
                **{n: "" if own[d] is None else f"{own[d]:.2f}" for d, n in DTYPES.items()},
                "": verdict,
            }
            found.append((cells, verdict))
    rate = steps(tables)
    verdict = NONE if rate is None else "met" if rate >= STEPS else "missed"
    cells = {
        "goal": "steps a second, dense BERT, one process on an H100 or H200", "batch": "16",
        "at most": f"at least {STEPS}", "bf16": "" if rate is None else f"{rate:.0f}", "": verdict,
    }  # fmt: skip
    return [*found, (cells, verdict)]


def goals(tables: dict[str, list[Row]]) -> list[str]:
    """Return the goals beside what was measured."""
    rows = [row for row, _ in judged(tables)]
    text = "Time as a share of the dense reference's; judged in bf16."
    return ["## Goals", text, table(rows)]
