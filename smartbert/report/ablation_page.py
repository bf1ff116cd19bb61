"""The page of an ablation: what each variant changes, with intervals."""

import pandas as pd

from smartbert.analysis.ablation import CHANGES
from smartbert.report.page import (
    INTERVALS,
    Page,
    Section,
    columns,
    in_some_draws,
    number,
    some_seeds,
    with_interval,
)


def ablation_page(table: pd.DataFrame, *, subject: str, caption: str) -> Page:
    """Return the table for reading, one section per test subset."""
    sections = []
    for subset, rows in table.groupby("subset", sort=False, dropna=False):
        frame = pd.DataFrame(
            {
                "variant": rows["title"],
                **{change.title: _cells(rows, name) for name, change in CHANGES.items()},
                "skipped": [_share(value) for value in rows["skipped"]],
                "undecided gates": [_share(value) for value in rows["undecided"]],
                "gates alone": [number(value) for value in rows["gates"]],
                "mean exit": [number(value) for value in rows["exits"]],
                "seeds": [str(value) for value in rows["seeds"]],
            }
        )
        name = columns(rows)[0] if isinstance(subset, str) and subset else ""
        sections.append(Section(name, frame))
    task = columns(table.assign(subset=""))[0]
    return Page(
        f"ablation-{table['task'].iloc[0]}",
        f"Ablation of {subject} on {task}",
        (
            caption,
            "The first row is the method itself; every other row is the change against it, paired:"
            " same seeds, same examples. Scores in points, saving in points of dense BERT's cost."
            " `skipped` and `undecided gates` (in 0.1 to 0.9) are shares over layers, `gates alone`"
            " the score of skipping without exits at the trained threshold, `mean exit` the mean"
            " score of the exits before the last layer at full depth. Empty: no such setting, or"
            " no gates or exits. Where not every seed has such a setting, a cell says how many do.",
            INTERVALS,
        ),
        tuple(sections),
    )


def _cells(rows: pd.DataFrame, name: str) -> list[str]:
    """Return value and interval of every row, signed but for the first, which is no change, and
    the number of seeds where it is not all.
    """
    cells = []
    numbers = rows[[name, f"{name}_low", f"{name}_high"]].to_numpy(float)
    seeds = zip(rows[f"{name}_seeds"], rows["seeds"], rows[f"{name}_none"], strict=True)
    for position, (row, (known, of, none)) in enumerate(zip(numbers, seeds, strict=True)):
        text = with_interval(*row, spec="+.1f" if position else ".1f")
        cells.append(text + in_some_draws(none) + some_seeds(known, of) if text else "")
    return cells


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.0%}"
