"""The page of wall-clock against FLOPs."""

import pandas as pd

from smartbert.analysis.rows import Timed, each
from smartbert.manifest import REFERENCE
from smartbert.points import DENSE
from smartbert.report.page import Page, Section
from smartbert.tasks import TASKS


def latency_page(table: pd.DataFrame, *, caption: str) -> Page:
    """Return the wall-clock of the operating points, a row each and a column per batch size."""
    # Each method was timed beside dense BERT; one of those rows is enough to read.
    shown = table[(table["point"] != DENSE) | (table["method"] == REFERENCE)]
    rows = shown.assign(
        task=[TASKS[name].title for name in shown["task"]],
        FLOPs=shown["cost_relative"].map("{:.0%}".format),
        time=[
            f"{row.time_relative:.0%} [{row.time_low:.0%}, {row.time_high:.0%}]"
            f" {row.milliseconds:.2f} ms"
            for row in each(shown, Timed)
        ],
    )
    wide = rows.pivot_table(
        index=["task", "title", "point", "FLOPs"],
        columns="batch_size",
        values="time",
        aggfunc="first",
        sort=False,
    )
    wide.columns = pd.Index([f"time, batch {size}" for size in wide.columns])
    frame = wide.fillna("").reset_index().rename(columns={"title": "method"})
    machine = table.iloc[0]
    return Page(
        "latency",
        "Wall-clock against FLOPs",
        (
            caption,
            f"Measured on {machine['device']} with {machine['threads']} threads, torch"
            f" {machine['torch']}, {machine['dtype']}, {machine['examples']} test examples,"
            f" {machine['repeats']} rounds after one of warm-up. Dense BERT runs in the same"
            " engine on the same batches, in turns with the method in one process. A cell: median"
            " time relative to dense BERT's [quartiles over rounds], and per example. `FLOPs` is"
            " the mean over these examples.",
        ),
        (Section("", frame, groups="task"),),
    )
