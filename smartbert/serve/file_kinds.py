"""What a file of texts really holds, from its first bytes: another encoding, a packed file, JSON, a
table. Taken for plain lines, it would be answered line by line, and wrongly. No torch.
"""

import codecs
import csv
import json
import re
from collections.abc import Sequence

from smartbert.errors import UserError
from smartbert.serve.inputs import GENERAL, JSONL, SEPARATORS
from smartbert.tasks import TASKS

HEAD = 2**16  # bytes that are looked at
MARKS = {  # UTF-32's first: UTF-16's begins it
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Encodings of two and four bytes, by which bytes of four are mostly 0 in text.
ZEROS = {"x0x0": "utf-16-le", "0x0x": "utf-16-be", "x000": "utf-32-le", "000x": "utf-32-be"}
PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip or a workbook",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh91AY&SY": "bzip2",
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"%PDF-": "PDF",
    b"\xd0\xcf\x11\xe0": "an Office document",
}
TEXT_NAMES = {*GENERAL, *(column for spec in TASKS.values() for column in spec.columns)}
OTHER_NAMES = {"label", "labels", "class", "target", "sentiment", "score", "idx", "index", "id"}
NAME = re.compile(r"[\w#][\w #./()-]{0,39}")  # what may be a column's name
FEW, MANY = 3, 8  # rows that must agree on numbers, or on a few words, before they are a table's
SHORT = 20  # characters of such a word


def check_kind(
    head: bytes,
    *,
    name: str,
    form: str | None,
    encoding: str | None,
    columns: Sequence[str] | None = None,
) -> None:
    """Refuse a file that is seen to be something else than it is taken for.

    Args:
        head: the first bytes, `HEAD` of them or what there is.
        name: what the message calls the file.
        form: one of `inputs.FORMS`; None where nobody said it, and lines are taken for plain.
        encoding: None where nobody said it, and UTF-8 is taken for granted.
        columns: of the model's texts, by which a table is known.

    Raises:
        UserError: naming the option that reads the file.
    """
    for start, kind in PACKED.items():
        if head.startswith(start):
            raise UserError(f"{name} is {kind}, no text; unpack it, or save it as text or CSV")
    if found := _other_encoding(head, encoding):
        raise UserError(f"{name} is {found}")
    lines = _lines(head.decode(encoding or "utf-8", "replace").removeprefix("\ufeff"))
    if form in (None, JSONL) and _one_json_value(lines):
        raise UserError(f"{name} is one JSON value; write an object per line, and use --jsonl")
    if form is not None:
        return
    if _is_object(lines[0]):
        raise UserError(f"{name} holds JSON lines; read them with --jsonl, as text with --lines")
    names = TEXT_NAMES.union(column.lower() for column in columns or ())
    if separator := _separator(lines, names):
        option = "--tsv (--csv where fields are quoted)" if separator == "\t" else "--csv"
        raise UserError(
            f"{name} is a table by its first line, {lines[0][:60]!r}; read a column of it with"
            f" {option} and --column, or each line as a text with --lines"
        )


def _lines(text: str) -> list[str]:
    """Return the lines of the beginning of a file; the last one is cut off where there are more."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return lines[:-1] or lines


def _other_encoding(head: bytes, said: str | None) -> str | None:
    """Return which encoding a file has in place of the one that is said, and the option for it."""
    marked = next((kind for mark, kind in MARKS.items() if head.startswith(mark)), None)
    wide = marked or _wide(head)
    taken = said or "utf-8"
    if taken in ("utf-16", "utf-32") and not marked:
        taken += "-le"  # what Python's decoder takes it for
    if wide and not wide.startswith(taken):
        return f"{wide.upper()} text; read it with --encoding {wide[:6] if marked else wide}"
    if said:
        return None
    lines = head.split(b"\n")
    if b"\0" in lines[0]:
        return "binary, or of an encoding that only --encoding can tell"
    # One line may be damaged. Several, and none of them right, are in another encoding.
    odd = [line for line in lines[:-1] if not line.isascii()]
    if len(odd) > 1 and not any(map(_is_utf8, odd)):
        return "not UTF-8 text; name its encoding with --encoding, such as cp1252 or shift_jis"
    return None


def _wide(head: bytes) -> str | None:
    """Return the encoding of two or four bytes a character that a file has without a mark."""
    shares = [part.count(0) / len(part) for part in (head[place::4] for place in range(4)) if part]
    return ZEROS.get(
        "".join("0" if share > 0.3 else "x" if share < 0.1 else "?" for share in shares)
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _one_json_value(lines: Sequence[str]) -> bool:
    """Return whether lines begin one JSON value: a list of objects, or an object on many lines."""
    first = lines[0].strip()
    return (first in ("[", "{") and len(lines) > 1) or re.match(
        r'\[\s*\{\s*("|$)', first
    ) is not None


def _separator(lines: Sequence[str], text_names: set[str]) -> str | None:
    """Return what separates the columns of a table, None if the lines look like texts."""
    if lines[0].strip().strip('"').lower() in text_names:
        return ","
    for separator in SEPARATORS:
        names = [one.strip().lower() for one in _parts(lines[0], separator)]
        known = text_names.union(OTHER_NAMES).intersection(names)
        if len(names) > 1 and known and all(NAME.fullmatch(one) or not one for one in names):
            return separator
    return next((one for one in SEPARATORS if _has_labels(lines, one)), None)


def _has_labels(lines: Sequence[str], separator: str) -> bool:
    """Return whether all lines have as many fields, and one of these is no text: a whole number, or
    one of few words, or a third one between tabs.
    """
    rows = [_parts(line, separator) for line in lines[1:]]  # the first may be a header
    width = len(_parts(lines[0], separator))
    if not rows or width < 2 or any(len(row) != width for row in rows):
        return False
    if width > 2 and separator == "\t":
        return True
    if len(rows) < FEW:
        return False
    for column in zip(*rows, strict=True):
        if all(one.strip().isdecimal() for one in column):
            return True
        # Two texts with a tab between them are an input, and the second may be often the same.
        alike = separator != "\t" and len(rows) >= MANY and len(set(column)) <= len(rows) // 4
        if alike and max(map(len, column)) <= SHORT:
            return True
    return False


def _parts(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
