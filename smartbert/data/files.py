"""Data files of a local folder, read as they are: no text becomes a number, no "NA" a gap.

Every reader gives columns as lists of plain values. What is not said clearly, a line with too many
fields or a byte that is no UTF-8, is refused with its place. No torch.
"""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TextIO

from smartbert.data.layouts import CSV_OPTIONS, PACKED, label_names, suffix
from smartbert.data.settings import setting
from smartbert.errors import UserError, first_line
from smartbert.tasks import TaskSpec

Table = dict[str, list[object]]


def read_files(
    files: Sequence[str],
    columns: Sequence[str],
    options: Mapping[str, object],
    where: str,
    *,
    label: str = "label",
) -> tuple[Table, tuple[str, ...] | None, list[str]]:
    """Return some columns of a split's files, those of them that are there, one file after the
    other; the label names that the files themselves have; and the names of all their columns.

    Args:
        options: what a card says of text files (`Layout.csv`).
        where: the split, for messages.
        label: the column whose label names are meant.

    Raises:
        UserError: if a file cannot be read, or files of one split have other columns or label names
            than the first.
    """
    table: Table = {}
    names: tuple[str, ...] | None = None
    header: list[str] = []
    for file in files:
        part, own, found = read_file(file, columns, options, label=label)
        if not found:  # an empty file of JSON says nothing of columns
            continue
        if header and set(part) != set(table):
            missing = sorted(set(part) ^ set(table))[0]
            raise UserError(f"{where}: column {missing!r} is not in all of its files")
        if header and own != names:
            raise UserError(
                f"{where}: files with other label names: {Path(files[0]).name} has"
                f" {_told(names)}, {Path(file).name} has {_told(own)}"
            )
        names, header = own, found
        for column, values in part.items():
            table.setdefault(column, []).extend(values)
    return table, names, header


def check_columns(
    found: Sequence[object], wanted: Sequence[str], where: str, task: TaskSpec | None = None
) -> None:
    """Raise UserError if a column is missing, naming those that were found.

    Args:
        task: whose columns they are; where a config describes it, the error says what to set.
    """
    missing = [column for column in wanted if column not in found]
    if not missing:
        return
    key, what = "path", "no rows and no columns"
    if found:
        there = f"{', '.join(map(str, found)):.500}"
        what = f"column {missing[0]!r} is missing; found: {there}"
        if len(found) == 1 and (sign := _other_separator(str(found[0]))):
            what += f" (one column; are its fields separated by {sign!r}?)"
        key = "columns"
        if task is not None:
            key = {task.label: "label", task.group: "group"}.get(missing[0], key)
    hint = f"; set {setting(task, key)}" if task is not None and task.own else ""
    raise UserError(f"{where}: {what}{hint}")


def _other_separator(name: str) -> str | None:
    """Return what separates the fields of a header that was read as one column, if it looks so."""
    return next((sign for sign in (";", "\t", "|", ",") if sign in name), None)


def _told(names: tuple[str, ...] | None) -> str:
    return ", ".join(names) if names else "none"


def read_file(
    file: str,
    columns: Sequence[str],
    options: Mapping[str, object] = CSV_OPTIONS,
    *,
    label: str = "label",
) -> tuple[Table, tuple[str, ...] | None, list[str]]:
    """Return the same of one file.

    Raises:
        UserError: if it cannot be read.
    """
    kind = suffix(file)
    if kind == ".tsv" and options["sep"] == CSV_OPTIONS["sep"]:
        options = {**options, "sep": "\t"}
    try:
        if kind == ".parquet":
            return _parquet(file, columns, label)
        with _text(file, options) as text:
            rows, header = (_json if kind.startswith(".json") else _csv)(text, file, options)
            there = [column for column in columns if column in header]
            table: Table = {column: [] for column in there}
            for row in rows:
                for column in there:
                    table[column].append(row.get(column))
        return table, None, header
    except UserError:
        raise
    except UnicodeError as error:
        raise UserError(
            f"{file} is not UTF-8 text ({first_line(error)}); save it as UTF-8"
        ) from None
    except Exception as error:  # pyarrow's, csv's, those of what unpacks: no common base class
        raise UserError(f"cannot read {file}: {first_line(error)}") from None


def _parquet(
    file: str, columns: Sequence[str], label: str
) -> tuple[Table, tuple[str, ...] | None, list[str]]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(file) as opened:  # of a dataset, folders' names would be read
        schema = opened.schema_arrow
        header = list(schema.names)
        twice = [column for column in columns if header.count(column) > 1]
        if twice:
            raise UserError(f"{file}: column {twice[0]!r} is there twice")
        table = opened.read(columns=[column for column in columns if column in header])
    names = None
    if b"huggingface" in (schema.metadata or {}):
        import datasets

        names = label_names(datasets.Features.from_arrow_schema(schema), label)
    return {column: table[column].to_pylist() for column in table.column_names}, names, header


@contextmanager
def _text(file: str, options: Mapping[str, object]) -> Iterator[TextIO]:
    encoding = options["encoding"] or "utf-8"
    if str(encoding).lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"  # with or without the mark that some programs put before it
    module = import_module(PACKED.get(Path(file).suffix, "io"))
    with module.open(file, "rt", encoding=encoding, newline="") as text:
        yield text


def _csv(
    text: TextIO, file: str, options: Mapping[str, object]
) -> tuple[Iterator[dict[str, object]], list[str]]:
    csv.field_size_limit(sys.maxsize)  # a text may be as long as it is
    form = {key: options[key] for key in ("quotechar", "quoting")}
    lines = csv.reader(text, delimiter=str(options["sep"]), strict=True, **form)  # type: ignore[arg-type]  # as the card has them
    names = options["names"]
    first = [*map(str, names)] if isinstance(names, Sequence) else None
    header = next(filter(None, lines), []) if first is None else first
    if any("\0" in name for name in header):
        raise UserError(
            f"{file} is not UTF-8 text (zero bytes in its first line); save it as UTF-8"
        )
    if twice := [name for name in header if header.count(name) > 1]:
        raise UserError(f"{file}: column {twice[0]!r} is there twice")

    def rows() -> Iterator[dict[str, object]]:
        for fields in lines:
            if not fields:
                continue
            if len(fields) != len(header):
                raise UserError(
                    f"{file}, line {lines.line_num}: {len(fields)} fields, not {len(header)} as in"
                    " its first line"
                )
            yield dict(zip(header, fields, strict=True))

    return rows(), header


def _json(
    text: TextIO, file: str, options: Mapping[str, object]
) -> tuple[Iterator[dict[str, object]], list[str]]:
    found: list[dict[str, object]] = []
    for place, row in _objects(text, file):
        if not isinstance(row, dict):
            raise UserError(f"{file}, {place}: {json.dumps(row)[:40]} is no object with columns")
        found.append(row)
    header = dict.fromkeys(key for row in found for key in row)
    return iter(found), list(header)


def _objects(text: TextIO, file: str) -> Iterator[tuple[str, object]]:
    """Yield the values of a file of one for each line, or of one list of them, with their place."""
    start = text.read(1)
    if start == "[" and suffix(file) == ".json":
        for number, row in enumerate(json.loads(start + text.read())):
            yield f"entry {number}", row
        return
    for number, line in enumerate((start + text.read()).split("\n")):
        if line.strip():
            try:
                yield f"line {number + 1}", json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{file}, line {number + 1}: {first_line(error)}") from None
