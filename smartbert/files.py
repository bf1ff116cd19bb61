"""Files that appear whole or not at all: written under another name beside their place, then moved
there in one step. No torch.
"""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from smartbert.errors import UserError, first_line

if TYPE_CHECKING:
    import pandas as pd

DIGITS = "%.6f"  # of numbers in csv files: exact in points, and the same on every machine
PARTIAL = "partial-"
CANNOT = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
# Writers in other languages report a full disk in words of their own.
FULL = ("no space left", "storagefull", "iostream error", "unexpected pos", "file write failed")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield the path to write a file to; it is moved to its own place when all is written.

    Raises:
        UserError: if the disk is full or the folder cannot be written to.
    """
    path = Path(path)
    partial = path.with_name(PARTIAL + path.name)  # the suffix tells some writers the format
    with unwritable(path.parent):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path, *, last: str) -> Iterator[Path]:
    """Yield an empty folder to write files to; they are moved into `folder` when all are written,
    the one named `last` at the end. Other files there stay.

    Raises:
        UserError: if the disk is full or the folder cannot be written to.
    """
    partial = folder / f"{PARTIAL}files"
    with unwritable(folder):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
            for file in sorted(partial.iterdir(), key=lambda file: file.name == last):
                file.chmod(_usual_mode())  # some writers let nobody else read
                file.replace(folder / file.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _usual_mode() -> int:
    """Return the permissions that a new file of this user gets."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(text)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as csv."""
    with whole(path) as partial:
        frame.to_csv(partial, index=False, float_format=DIGITS, lineterminator="\n")


def write_rows(
    rows: Sequence[Mapping[str, object]], path: Path, *, columns: Iterable[str] | None = None
) -> None:
    """Write rows as csv without pandas: what a row lacks, None and NaN are empty cells.

    Args:
        columns: those of an empty table; by default the keys of all rows.
    """
    names = list(dict.fromkeys(key for row in rows for key in row) if columns is None else columns)
    with whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        for row in rows:
            table.writerow(_cell(row.get(key)) for key in names)


def _cell(value: object) -> object:
    if isinstance(value, Integral) or not isinstance(value, Real):  # numpy's numbers are these, too
        return value
    return "" if math.isnan(value) else DIGITS % value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def read_json(path: Path) -> dict | list:
    """Return what a json file of a run holds.

    Raises:
        UserError: if it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"cannot read {path}: {first_line(error)}; delete it and run again"
        ) from None


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written to into a message.

    Raises:
        UserError: naming the folder and the way out.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # libraries wrap what the system says in errors of their own
        reason = _reason(error)
        if reason is None:
            raise
        raise UserError(
            f"cannot write to {folder}: {reason}; make room or set `results` to a folder on another"
            " disk, then run again: what is finished is kept"
        ) from None


def check_writable(folder: Path) -> None:
    """Check that files can be made in a folder, or in the one where it would be made.

    Raises:
        UserError: if not.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    with unwritable(folder), TemporaryFile(dir=there):
        pass


def _reason(error: BaseException | None) -> str | None:
    """Return what the system says of a write that failed; None if that was not it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in CANNOT:
            return (error.strerror or str(error)).lower()
        if any(words in str(error).lower() for words in FULL):
            return "no space left on device"
        error = error.__cause__ or error.__context__
    return None
