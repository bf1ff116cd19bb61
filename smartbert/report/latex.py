"""Tables as LaTeX: escaped cells, booktabs rules, a caption and a label.

A table is a data frame of texts and `Bold` texts, the same frame that is shown in Markdown. Beyond
`LONG` rows it is a longtable, which breaks over pages. Rounding and the choice of columns are the
caller's.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

LONG = 45  # rows that still fit on one page
SIZES = ("normalsize", "small", "footnotesize", "scriptsize")

COMMANDS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "·": r"\ensuremath{\cdot}",
    "−": r"\ensuremath{-}",
    "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}",
    "≈": r"\ensuremath{\approx}",
    "→": r"\ensuremath{\rightarrow}",
    "²": r"\ensuremath{^2}",
    "°": r"\ensuremath{^\circ}",
    "α": r"\ensuremath{\alpha}",
    "β": r"\ensuremath{\beta}",
    "Δ": r"\ensuremath{\Delta}",
    "η": r"\ensuremath{\eta}",
    "θ": r"\ensuremath{\theta}",
    "λ": r"\ensuremath{\lambda}",
    "μ": r"\ensuremath{\mu}",
    "σ": r"\ensuremath{\sigma}",
    "τ": r"\ensuremath{\tau}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "\u00a0": r"\nobreakspace{}",
}
# Two hyphens in the text are no dash, and would be set as one.
_SPECIAL = re.compile("|".join([*map(re.escape, COMMANDS), "-(?=-)"]))
_SPACE = re.compile(r"[^\S\u00a0]+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True)
class Bold:
    """A cell in bold: `**text**` where it is turned into a string, as Markdown tables do."""

    text: str

    def __str__(self) -> str:
        return f"**{self.text}**" if self.text else ""


def escape(text: object) -> str:
    """Return a text that LaTeX prints as it stands, on one line; a missing value is empty.

    Characters without an entry in `COMMANDS` stay as they are: every engine sets accented Latin
    letters, other scripts need one that reads Unicode fonts.
    """
    if isinstance(text, Bold):
        return rf"\textbf{{{escape(text.text)}}}" if text.text else ""
    if missing(text):
        return ""
    line = _SPACE.sub(" ", _CONTROL.sub("", str(text))).strip(" ")
    return _SPECIAL.sub(lambda match: COMMANDS.get(match[0], "-{}"), line)


def missing(cell: object) -> bool:
    """Return whether a cell holds nothing."""
    return cell is None or cell is pd.NA or cell is pd.NaT or cell != cell


def booktabs(
    frame: pd.DataFrame,
    *,
    caption: str,
    label: str,
    align: Sequence[str] | None = None,
    groups: str | None = None,
    size: str = "small",
) -> str:
    """Return a data frame as a LaTeX table; its index is left out.

    The document needs the packages booktabs and, beyond `LONG` rows, longtable.

    Args:
        align: a column specification for each column, such as "l", "r" or "p{3cm}"; None sets
            columns of figures to the right and the others to the left.
        groups: column at whose changes of value a rule is drawn.
        size: font size, one of `SIZES`.

    Raises:
        ValueError: for a label, alignment, column or size that cannot be set.
    """
    _check(frame, label=label, align=align, groups=groups, size=size)
    spec = "".join(align) if align is not None else "".join(_alignment(frame))
    title = rf"\caption{{{escape(caption)}}}\label{{{label}}}"
    head = _row(frame.columns)
    body = _body(frame, groups)
    if len(frame) > LONG:
        lines = [
            rf"\begingroup\{size}\setlength{{\LTcapwidth}}{{\linewidth}}",
            rf"\begin{{longtable}}{{{spec}}}",
            rf"{title}\\",
            *(r"\toprule", head, r"\midrule", r"\endfirsthead"),
            *(r"\toprule", head, r"\midrule", r"\endhead"),
            # No rule where a page breaks: it would double one between groups.
            *(r"\endfoot", r"\bottomrule", r"\endlastfoot"),
            *body,
            r"\end{longtable}",
            r"\endgroup",
        ]
    else:
        lines = [
            r"\begin{table}[htbp]",
            rf"\centering\{size}",
            title,
            rf"\begin{{tabular}}{{{spec}}}",
            *(r"\toprule", head, r"\midrule"),
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"


def standalone(tables: Iterable[str]) -> str:
    """Return a document that holds nothing but the tables, to see whether and how they are set."""
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage[a4paper,landscape,margin=15mm]{geometry}",
            r"\usepackage{booktabs}",
            r"\usepackage{longtable}",
            r"\begin{document}",
            *tables,
            r"\end{document}",
        ]
    )


def _check(
    frame: pd.DataFrame,
    *,
    label: str,
    align: Sequence[str] | None,
    groups: str | None,
    size: str,
) -> None:
    if not re.fullmatch(r"[A-Za-z0-9:._-]+", label):
        raise ValueError(f"label {label!r}: letters, digits and : . _ - are allowed")
    if align is not None and len(align) != len(frame.columns):
        raise ValueError(f"{len(align)} alignments for {len(frame.columns)} columns")
    if groups is not None and groups not in frame.columns:
        raise ValueError(f"no column {groups!r} to group by; columns: {list(frame.columns)}")
    if size not in SIZES:
        raise ValueError(f"size {size!r} is none of {', '.join(SIZES)}")


def _body(frame: pd.DataFrame, groups: str | None) -> list[str]:
    place = list(frame.columns).index(groups) if groups is not None else None
    lines = []
    last = None
    for number, cells in enumerate(frame.itertuples(index=False, name=None)):
        group = escape(cells[place]) if place is not None else None
        if number and group != last:
            lines.append(r"\midrule")
        lines.append(_row(cells))
        last = group
    return lines


def _row(cells: Iterable[object]) -> str:
    row = " & ".join(map(escape, cells))
    # After the end of a row, a bracket or a star would be read as an argument of that end.
    return ("{}" if row.startswith(("[", "*")) else "") + row + r" \\"


def _alignment(frame: pd.DataFrame) -> list[str]:
    """Return "r" for columns whose filled cells are all figures (a unit x aside), else "l"."""
    columns = []
    for position in range(frame.shape[1]):
        cells = frame.iloc[:, position]
        texts = [c.text if isinstance(c, Bold) else str(c) for c in cells if not missing(c)]
        filled = [text for text in texts if text.strip()]
        figures = all(re.fullmatch(r"[^a-wyzA-Z]*\d[^a-wyzA-Z]*", text) for text in filled)
        columns.append("r" if filled and figures else "l")
    return columns
