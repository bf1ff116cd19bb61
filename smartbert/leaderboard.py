"""GLUE's leaderboard: which files it takes, what stands in them, and the check of their form.

The files are zipped together, one for each hidden test split, with the columns `index` and
`prediction`. Data and models are no matter of this module. No torch.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smartbert.errors import UserError, unknown
from smartbert.files import whole
from smartbert.records import Record
from smartbert.tasks import TASKS

HEADER = "index\tprediction"
ENDING = ".tsv"
SCALE = (0.0, 5.0)  # of STS-B, the one file of numbers
HIDDEN = -1  # the label of an example whose own is not public
DATE = (1980, 1, 1, 0, 0, 0)  # of files in the zip: the same answers are the same bytes


@dataclass(frozen=True)
class Sheet:
    """One file of a submission.

    Attributes:
        name: of the file, without its ending.
        task: whose model answers; None where this suite has none.
        source: name of the data's config, in `nyu-mll/glue`; `split`: of the split there.
        rows: examples in it.
        answers: what stands for each class id; none where numbers do.
    """

    name: str
    task: str | None
    source: str
    split: str
    rows: int
    answers: tuple[str, ...]

    @property
    def filler(self) -> str:
        """The answer that fills the file where nothing was predicted."""
        return self.answers[0] if self.answers else f"{sum(SCALE) / 2:.1f}"


def _named(name: str, task: str, split: str, rows: int, source: str | None = None) -> Sheet:
    """Return a sheet whose answers are the names of the task's classes."""
    return Sheet(name, task, source or task, split, rows, TASKS[task].labels)


def _binary(name: str, task: str, rows: int) -> Sheet:
    """Return a sheet whose answers are class ids."""
    return Sheet(name, task, task, "test", rows, ("0", "1"))


# Names and answers as the leaderboard's FAQ has them, rows as the hub's card of `nyu-mll/glue`.
SHEETS: dict[str, Sheet] = {
    sheet.name: sheet
    for sheet in (
        _binary("CoLA", "cola", 1_063),
        _binary("SST-2", "sst2", 1_821),
        _binary("MRPC", "mrpc", 1_725),
        Sheet("STS-B", None, "stsb", "test", 1_379, ()),
        _binary("QQP", "qqp", 390_965),
        _named("MNLI-m", "mnli", "test_matched", 9_796),
        _named("MNLI-mm", "mnli", "test_mismatched", 9_847),
        _named("QNLI", "qnli", "test", 5_463),
        _named("RTE", "rte", "test", 3_000),
        _binary("WNLI", "wnli", 146),
        _named("AX", "mnli", "test", 1_104, source="ax"),
    )
}


@dataclass(frozen=True, kw_only=True)
class Predicted(Record):
    """What is known of a file that a model wrote.

    Attributes:
        sheet: its name; `title`: of the method.
        space, point: where its thresholds were searched, and the operating point.
        member: name of the training that answered.
        cost: mean FLOPs as a share of dense BERT's.
        truncated: how many examples were cut.
    """

    sheet: str
    title: str
    seed: int
    space: str
    point: str
    member: str
    cost: float
    truncated: int


def sheet(name: str) -> Sheet:
    """Return the record of a file by its name.

    Raises:
        UserError: naming the known ones, if there is none.
    """
    if name not in SHEETS:
        raise unknown("file of the leaderboard", name, SHEETS, setting="--sheet")
    return SHEETS[name]


def sheets_of(tasks: Sequence[str]) -> list[Sheet]:
    """Return the files that models of some tasks can write."""
    return [one for one in SHEETS.values() if one.task in tasks]


def written(answers: Sequence[str]) -> str:
    """Return the text of a file from its answers in order."""
    return "".join(f"{line}\n" for line in (HEADER, *(f"{i}\t{a}" for i, a in enumerate(answers))))


def check(one: Sheet, text: str) -> None:
    """Raise UserError if the text of a file is not as the leaderboard takes it."""
    head, *lines = text.split("\n")
    if head != HEADER:
        raise UserError(f"{one.name}{ENDING} begins with {head!r:.60}, not with {HEADER!r}")
    if not lines or lines.pop():
        raise UserError(f"{one.name}{ENDING} ends within a line")
    if len(lines) != one.rows:
        raise UserError(
            f"{one.name}{ENDING} has {len(lines):,} answers; the leaderboard takes {one.rows:,}"
        )
    for row, line in enumerate(lines):
        index, _, answer = line.partition("\t")
        if index != str(row):
            raise UserError(f"{one.name}{ENDING}: index {index!r:.60} in row {row}, not {row}")
        if not _allowed(one, answer):
            low, high = SCALE
            known = ", ".join(one.answers) or f"numbers from {low:g} to {high:g}"
            raise UserError(f"{one.name}{ENDING}: {answer!r:.60} in row {row}; allowed are {known}")


def _allowed(one: Sheet, answer: str) -> bool:
    if one.answers:
        return answer in one.answers
    low, high = SCALE
    return bool(re.fullmatch(r"[0-9]+(\.[0-9]+)?", answer)) and low <= float(answer) <= high


def pack(texts: Mapping[str, str], path: Path) -> None:
    """Write the zip that the leaderboard takes, checked; files that lack are filled.

    Args:
        texts: of the files that were predicted, by name of the sheet.

    Raises:
        UserError: if one of them is not in the leaderboard's form; there is no zip then.
    """
    with whole(path) as partial:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, one in SHEETS.items():
                text = texts[name] if name in texts else written([one.filler] * one.rows)
                entry = zipfile.ZipInfo(name + ENDING, DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16  # readable where it is unpacked
                packed.writestr(entry, text)
        check_zip(partial)


def check_zip(path: Path) -> None:
    """Raise UserError if a zip is not one that the leaderboard takes."""
    try:
        with zipfile.ZipFile(path) as packed:
            texts = {name: packed.read(name).decode() for name in packed.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    wanted = [name + ENDING for name in SHEETS]
    if lost := [name for name in wanted if name not in texts]:
        raise UserError(f"{path} lacks {lost[0]}; the leaderboard takes {', '.join(wanted)}")
    if more := [name for name in texts if name not in wanted]:
        raise UserError(f"{path} has {more[0]!r}; the leaderboard takes {', '.join(wanted)}")
    for one in SHEETS.values():
        check(one, texts[one.name + ENDING])


def note(predicted: Sequence[Predicted], meaning: str, about: str = "") -> str:
    """Return the page beside a zip: what each of its files is.

    Args:
        predicted: the files that a model wrote.
        meaning: what the operating points mean, by their names.
        about: what the data are.
    """
    by_name = {one.sheet: one for one in predicted}
    rows = []
    for name, one in SHEETS.items():
        found = by_name.get(name)
        if found is None:
            why = "not run" if one.task else "no task of this suite"
            said = [f"filled with `{one.filler}`: {why}", "", "", ""]
        else:
            where = f"`{found.point}` ({found.space})"
            said = [f"{found.title}, {found.member}, seed {found.seed}", where]
            said += [f"{found.cost:.0%}", f"{found.truncated:,}"]
        rows.append(f"| {name}{ENDING} | {one.rows:,} | {' | '.join(said)} |")
    lines = [
        "# Files for GLUE's leaderboard",
        "",
        *([about, ""] if about else []),
        "| file | answers | model | thresholds | FLOPs of dense BERT | truncated |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"{meaning} Costs are means over these examples.",
    ]
    if filled := [name + ENDING for name in SHEETS if name not in by_name]:
        lines += [
            "",
            f"Filled with one answer throughout, and no prediction: {', '.join(filled)}. What the"
            " leaderboard says of them, and its mean over tasks, says nothing of the method.",
        ]
    return "\n".join(lines) + "\n"
