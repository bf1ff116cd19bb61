"""Page: sections with a table each, in Markdown and LaTeX; the texts and cells that pages share.
No torch.
"""

from dataclasses import dataclass
from math import isfinite

import pandas as pd

from smartbert.analysis.rows import Placed, each
from smartbert.metrics import scores_sentence
from smartbert.report.latex import booktabs
from smartbert.tasks import TASKS

INTERVALS = (
    "Brackets hold the 95 % interval over seeds, test examples and the choice on tune, which every"
    " draw makes anew on resampled tune examples. `none in 16%`: so many draws have no setting;"
    " beyond 5 % the interval is open on that side (–). `one training`: the interval does not cover"
    " what another training seed would change."
)
TIES = (
    "Bold: the best of a column, and all whose paired difference from it has an interval that"
    " covers 0. Dense BERT stands apart, and so do fixed exits and thresholds per layer."
)


@dataclass(frozen=True)
class Section:
    """A table within a page.

    Attributes:
        frame: cells are texts or `Bold`.
        groups: column at whose changes a rule is drawn in LaTeX.
    """

    heading: str
    frame: pd.DataFrame
    groups: str | None = None


@dataclass(frozen=True)
class Page:
    """A table for reading: heading, what it is, one or more sections."""

    name: str
    heading: str
    paragraphs: tuple[str, ...]
    sections: tuple[Section, ...]

    def markdown(self) -> str:
        """Return the page as Markdown."""
        parts = [f"# {self.heading}", *filter(None, self.paragraphs)]
        for section in self.sections:
            if section.heading:
                parts.append(f"## {section.heading}")
            shown = section.frame.map(str)
            parts.append(markdown_table(shown))
        return "\n\n".join(parts) + "\n"

    def latex(self) -> str:
        """Return the page's tables as LaTeX; captions say what they are."""
        about = " ".join(filter(None, self.paragraphs)).replace("`", "")
        tables = []
        for number, section in enumerate(self.sections, 1):
            heading = ": ".join(filter(None, (self.heading, section.heading)))
            tables.append(
                booktabs(
                    section.frame,
                    caption=f"{heading}. {about}" if number == 1 else f"{heading}.",
                    label=f"tab:{self.name}-{number}",
                    groups=section.groups,
                    size="scriptsize",
                )
            )
        return "\n".join(tables)


def markdown_table(frame: pd.DataFrame) -> str:
    """Return a frame of texts as a Markdown table."""
    plain = frame.map(lambda cell: str(cell).replace("|", "\\|"))
    return plain.to_markdown(index=False, disable_numparse=True)


def scores_text(table: pd.DataFrame) -> str:
    """Return what the scores of a table's tasks are, in their order."""
    names = set(table["task"])
    return f"Scores are in points: {scores_sentence(name for name in TASKS if name in names)}."


def column(row: Placed) -> str:
    """Return how a row's task, and its test subset where there are several, is called."""
    title, subset = TASKS[row.task].title, row.subset
    # Read from csv, an empty text is a missing number.
    return f"{title} ({subset})" if isinstance(subset, str) and subset else title


def columns(table: pd.DataFrame) -> list[str]:
    """Return how every row's task and test subset is called."""
    return [column(row) for row in each(table, Placed)]


def some_seeds(known: float, trained: float) -> str:
    """Return what follows a value that only some of the seeds have, or that one has alone."""
    if known < trained:
        return f", {known:.0f} of {trained:.0f} seeds"
    return ", one training" if known == 1 else ""


def averaged(rows: pd.DataFrame) -> str:
    """Return what numbers are, means over seeds, or of one training where nowhere are more.

    Args:
        rows: with `seeds`, how many there are, or `seed`.
    """
    most = rows["seeds"].max() if "seeds" in rows else rows["seed"].nunique()
    return "means over seeds" if most > 1 else "one training each"


def number(value: float) -> str:
    """Return a score, empty where there is none."""
    return "" if pd.isna(value) else f"{value:.1f}"


def with_interval(value: float, low: float, high: float, *, spec: str = ".1f") -> str:
    """Return a value with its interval, an open end as a dash; empty where there is none.

    Args:
        spec: format of the numbers.
    """
    if pd.isna(value):
        return ""
    return f"{value:{spec}} [{end(low, spec=spec)}, {end(high, spec=spec)}]"


def end(value: float, *, spec: str = ".1f") -> str:
    """Return an end of an interval; a dash where it is open."""
    return f"{value:{spec}}" if isfinite(value) else "–"


def in_some_draws(none: float) -> str:
    """Return what follows a value that so many draws lack; empty where all have it."""
    return f", none in {none:.0%}" if round(none, 2) > 0 else ""
