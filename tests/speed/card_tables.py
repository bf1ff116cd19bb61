"""The tables of what a card does, for reading: from rows as texts to Markdown. A part's table is
left out where nothing of it was measured.
"""

import pandas as pd
from speed.card_setting import CAPTURED, COMPILED, LIBRARY

from smartbert.report.page import markdown_table

Row = dict[str, str]
DTYPES = {"bf16": "bf16", "fp32": "float32"}


def table(rows: list[Row]) -> str:
    """Return rows of texts as a Markdown table."""
    return markdown_table(pd.DataFrame(rows).fillna(""))


def failures(rows: list[Row]) -> list[str]:
    """Return what is said of what failed."""
    lines = []
    for row in rows:
        if row["failed"]:
            what = ", ".join(v for k, v in row.items() if v and k not in ("failed", "captured"))
            lines.append(f"- {what + ': ' if what else ''}{row['failed']}")
    return ["Failed:", "\n".join(lines)] if lines else []


def reference(rows: list[Row], dtype: str, batch: str) -> float | None:
    """Return the milliseconds of the dense reference: without a card, transformers' as it is."""
    own = [row for row in rows if (row["dtype"], row["batch"]) == (dtype, batch)]
    for names in ((CAPTURED, COMPILED), (LIBRARY,)):
        if found := [float(row["milliseconds"]) for row in own if row["contender"] in names]:
            return min(found)
    return None


def ratio(rows: list[Row], dtype: str, batch: str, contender: str) -> float | None:
    """Return a contender's time as a share of the dense reference's."""
    for row in rows:
        if (row["dtype"], row["batch"], row["contender"]) == (dtype, batch, contender):
            dense = reference(rows, dtype, batch)
            return None if dense is None else float(row["milliseconds"]) / dense
    return None


def decisions(rows: list[Row]) -> list[str]:
    """Return the table of decisions."""
    shown = [
        {
            "in": DTYPES[row["dtype"]],
            "rule": row["rule"] + (", layers skipped" if row["skipping"] == "True" else ""),
            "way": row["way"],
            "examples": row["examples"],
            "layers": f"{float(row['layers']):.2f}",
            "leave early": f"{float(row['early']):.0%}",
            "skipped": f"{float(row['skipped']):.0%}",
            "decided otherwise": f"{row['differ']} ({float(row['share']):.1%})",
            "logits apart": f"{float(row['apart']):.6f}" if row["apart"] else "",
        }
        for row in rows
    ]
    text = (
        "Made-up examples, random weights made decisive. Beside the CPU's engine in float32, which"
        " looks at every example after every layer: examples that leave after another layer or run"
        " other layers, and the largest distance of a logit among the others."
    )
    return [text, table(shown)] if shown else []


def times(rows: list[Row]) -> list[str]:
    """Return a table of times for each dtype."""
    parts = [
        "Milliseconds a batch, median of rounds in which contenders take turns, and in brackets the"
        " ratio to the dense reference. FLOPs: beside dense BERT's, in the largest batch."
    ]
    for dtype, name in DTYPES.items():
        own = [row for row in rows if row["dtype"] == dtype]
        batches = sorted(
            {row["batch"] for row in own}, key=lambda b: (not b.isdigit(), int(b.split()[-1]))
        )
        shown: dict[str, Row] = {}
        for row in own:
            cells = shown.setdefault(row["contender"], {"contender": row["contender"]})
            share = ratio(rows, dtype, row["batch"], row["contender"])
            beside = "" if share is None else f" ({share:.2f})"
            cells[row["batch"]] = f"{float(row['milliseconds']):.2f}{beside}"
            cells.setdefault("FLOPs", f"{float(row['flops']):.2f}")
        if shown:
            order = ["contender", *batches, "FLOPs"]
            ordered = [{key: cells.get(key, "") for key in order} for cells in shown.values()]
            parts.append(f"### {name}")
            parts.append(table(ordered))
    return parts if len(parts) > 1 else []


def training(rows: list[Row]) -> list[str]:
    """Return the tables of methods and of trainings side by side."""
    methods: dict[str, Row] = {}
    for row in rows:
        if row["method"]:
            cells = methods.setdefault(row["method"], {"method": row["method"]})
            name = "card's path" if row["path"] == "card" else "plain loop"
            cells[f"{name}, steps/s"] = f"{float(row['rate']):.1f}"
            if row["path"] == "card":
                cells["captured"] = "yes" if row["captured"] == "True" else "no"
                cells["first epoch, s"] = f"{float(row['warm_up']):.1f}"
    side = [
        {
            "processes": row["processes"],
            "steps/s, all together": f"{float(row['rate']):.1f}",
            "the slowest": f"{float(row['slowest']):.1f}",
        }
        for row in rows
        if row["processes"]
    ]
    parts = []
    if methods:
        text = (
            "Batches of 16, one process. The first epoch has the captures in it, the rate has none."
        )
        parts += [text, table(list(methods.values()))]
    if side:
        parts += ["Dense BERT in several processes on one card:", table(side)]
    return parts


def recording(rows: list[Row]) -> list[str]:
    """Return the table of recording."""
    shown = [
        {
            "model": row["model"],
            "skip thresholds": row["thresholds"],
            "paths an example": f"{float(row['paths']):.1f}",
            "examples/s": f"{float(row['rate']):.1f}",
        }
        for row in rows
    ]
    return ["In float32.", table(shown)] if shown else []
