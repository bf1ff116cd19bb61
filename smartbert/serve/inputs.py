"""Inputs: the texts of each line or row of a file, or why it is rejected. No torch.

A file holds plain lines, JSON lines, or a table with a header. Whether it really holds what it is
taken for is asked of `file_kinds`.
"""

import codecs
import csv
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from smartbert.errors import UserError

LINES, JSONL, CSV, TSV = "lines", "jsonl", "csv", "tsv"
FORMS = {
    LINES: "a text on each line, or two with a tab between them",
    JSONL: "a JSON object on each line (default for *.jsonl)",
    CSV: "a table with a header (default for *.csv)",
    TSV: "the same with tabs and nothing quoted, as GLUE's own (default for *.tsv)",
}
UTF8 = "utf-8"
MARK = "\ufeff"  # a byte-order mark, decoded
GENERAL = ("text", "text_pair")  # names that serve for any task
SEPARATORS = ",;\t|"
SHOWN = 10  # names of columns and keys in a message
LONGEST_FIELD = 2**31 - 1  # a text may be a book; the reader's own limit is 131,072 characters
UNDECODED = re.compile("[\udc80-\udcff]")  # bytes that are no text, in a table's fields


@dataclass(frozen=True)
class Rejected:
    """Why one input has no answer."""

    error: str


Texts: TypeAlias = tuple[str, ...] | Rejected
Row: TypeAlias = list[str] | Rejected


def read_inputs(
    source: Iterable[bytes],
    *,
    form: str,
    columns: tuple[str, ...] | None,
    chosen: tuple[str, ...] = (),
    encoding: str = UTF8,
    name: str = "the input",
) -> Iterator[Texts]:
    """Return the texts of each line of a file, or of each row of a table below its header.

    Args:
        source: the file's lines as bytes.
        form: one of `FORMS`; the fields of a plain line stand between tabs.
        columns: names of the task's texts, in order; None takes "text" and, where given,
            "text_pair". These general names serve for any task.
        chosen: names to take in place of those.
        name: what messages call the file.

    Raises:
        UserError: if a table has no header with the columns.
    """
    if form in (CSV, TSV):
        return _table(source, form, encoding, columns, chosen, name)
    return (
        line
        if isinstance(line, Rejected)
        else _keys(line, columns, chosen)
        if form == JSONL
        else _fields(line)
        for line in decoded(source, encoding)
    )


def decoded(
    source: Iterable[bytes], encoding: str, *, errors: str = "strict"
) -> Iterator[str | Rejected]:
    """Return a file's lines as text, without their ends and byte-order marks; one that is no text
    is rejected.
    """
    if "\n".encode(encoding) != b"\n":
        yield from _decoded_whole(source, encoding)
        return
    for line in source:
        try:
            text = line.decode(encoding, errors)
        except UnicodeError as error:
            place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
            yield Rejected(
                f"not {encoding.upper()} text: {getattr(error, 'reason', error)}{place}; another"
                " encoding is read with --encoding"
            )
        else:
            yield text.rstrip("\r\n").removeprefix(MARK)


def _decoded_whole(source: Iterable[bytes], encoding: str) -> Iterator[str | Rejected]:
    """Return the lines of an encoding whose line ends are not ASCII's byte, such as UTF-16."""
    # A lone surrogate concerns its line alone, and is refused where the text is used.
    decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")
    rest = ""
    try:
        for part in chain(source, [b""]):
            *lines, rest = (rest + decoder.decode(part, final=not part)).split("\n")
            yield from (line.rstrip("\r").removeprefix(MARK) for line in lines)
    except UnicodeError as error:
        reason = getattr(error, "reason", error)
        yield Rejected(f"not {encoding.upper()} text: {reason}; nothing after it was read")
        return
    if rest:
        yield rest.rstrip("\r").removeprefix(MARK)


def _fields(line: str) -> Texts:
    if "\r" in line:
        return Rejected("a carriage return within the line; lines end with \\n or \\r\\n")
    return tuple(line.split("\t"))


class _Object(dict[str, object]):
    """A JSON object that knows whether a key of it occurred twice, and a value was lost."""

    def __init__(self, pairs: list[tuple[str, object]]):
        super().__init__(pairs)
        self.repeats = len(self) < len(pairs)


def _keys(line: str, columns: tuple[str, ...] | None, chosen: tuple[str, ...]) -> Texts:
    try:
        values = json.loads(line, object_pairs_hook=_Object)
    except ValueError as error:
        return Rejected(f"not JSON: {error}")
    except RecursionError:
        return Rejected("not JSON that can be read: nested too deeply")
    if not isinstance(values, _Object):
        return Rejected(f"expected a JSON object, found {type(values).__name__}")
    if values.repeats:
        return Rejected("a key occurs twice in the JSON object")
    names = _wanted(values, columns, chosen)
    if not names:
        return Rejected(f"no key of {_asked(columns, chosen)}; found: {listed(values)}")
    return tuple(values[name] for name in names)  # type: ignore[misc]  # the classifier looks


def _wanted(
    found: Collection[str], columns: tuple[str, ...] | None, chosen: tuple[str, ...]
) -> tuple[str, ...]:
    """Return which of the names that were found hold the texts; none if they are not there."""
    if chosen:
        return chosen if set(chosen) <= set(found) else ()
    if columns and set(columns) <= set(found):
        return columns
    return tuple(name for name in GENERAL if name in found)


def _asked(columns: tuple[str, ...] | None, chosen: tuple[str, ...]) -> str:
    if chosen:
        return ", ".join(chosen)
    return ", ".join(GENERAL) if columns is None else f"{', '.join(columns)}, or text"


def listed(names: Collection[str]) -> str:
    """Return the first names of a collection, separated by commas."""
    return ", ".join([*names][:SHOWN]) + (", ..." if len(names) > SHOWN else "") or "none"


def _table(
    source: Iterable[bytes],
    form: str,
    encoding: str,
    columns: tuple[str, ...] | None,
    chosen: tuple[str, ...],
    name: str,
) -> Iterator[Texts]:
    """Return the texts of a table's rows; the header is read at once."""
    lines = decoded(source, encoding, errors="surrogateescape")
    first = next(lines, "")
    if not first or isinstance(first, Rejected):
        raise UserError(f"{name} has no line of column names, with which a table begins")
    header: list[str] = []
    for separator in SEPARATORS if form == CSV else "\t":
        found = _header(first, separator, form)
        names = _wanted(found, columns, chosen)
        if names and (chosen or len(names) == len(columns or names)):
            break
        header = max(header, found, key=len)
    else:
        raise UserError(
            f"{name} has no column of {_asked(columns, chosen)}; found: {listed(header)}; set by"
            f" --column, or read plain lines with --lines{_quoted(header)}"
        )
    if twice := [one for one in names if found.count(one) > 1]:
        raise UserError(f"{name} has two columns {twice[0]!r}; set another by --column")
    rows = _csv_rows(lines, separator) if form == CSV else _tsv_rows(lines)
    places = [found.index(one) for one in names]
    return (_cells(row, places, len(found), encoding) for row in rows)


def _header(first: str, separator: str, form: str) -> list[str]:
    """Return the names of a table's columns; none where another separator is in use."""
    if form == TSV:
        return [one.strip() for one in first.split(separator)]
    try:
        (found,) = csv.reader([first], delimiter=separator, strict=True)
    except csv.Error:
        return []
    return [one.strip() for one in found]


def _quoted(header: Sequence[str]) -> str:
    """Return what to do with a tab-separated table of quoted fields."""
    quoted = any(len(one) > 1 and one[0] == one[-1] == '"' for one in header)
    return "; quoted fields are read with --csv, tabs between them, too" if quoted else ""


def _csv_rows(lines: Iterator[str | Rejected], separator: str) -> Iterator[Row]:
    broken: list[Rejected] = []

    def text() -> Iterator[str]:
        for line in lines:
            if isinstance(line, Rejected):
                broken.append(line)
                return
            yield f"{line}\n"

    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(text(), delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        # Where one quote is amiss, nobody knows what the following ones open or close.
        place = f"line {reader.line_num + 1}"  # below the header
        yield Rejected(f"not CSV at {place}: {error}; nothing after it was read")
    yield from broken


def _tsv_rows(lines: Iterator[str | Rejected]) -> Iterator[Row]:
    """Return rows whose quotes are part of the texts, as in GLUE's own files."""
    for line in lines:
        if isinstance(line, Rejected):
            yield line
            continue
        fields = _fields(line)
        yield fields if isinstance(fields, Rejected) else list(fields)


def _cells(row: Row, places: list[int], width: int, encoding: str) -> Texts:
    if isinstance(row, Rejected):
        return row
    row = row or [""]
    if len(row) != width:
        return Rejected(f"expected {width} fields, as the header has, found {len(row)}")
    texts = tuple(row[place] for place in places)
    if any(UNDECODED.search(text) for text in texts):
        return Rejected(f"not {encoding.upper()} text; another encoding is read with --encoding")
    return texts
