"""Inputs: the texts of each line of a file, or why a line is rejected. No torch."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Rejected:
    """Why one input has no answer."""

    error: str


def read_lines(
    lines: Iterable[bytes], *, jsonl: bool, columns: tuple[str, ...] | None
) -> Iterator[tuple[str, ...] | Rejected]:
    """Return the texts of each line of a file: tab-separated fields, or a JSON object.

    Args:
        columns: keys of the object, in order; None takes "text" and, where given, "text_pair". The
            general names serve for any task.
    """
    for line in lines:
        try:
            text = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            yield Rejected(f"not UTF-8 text: {error.reason} at byte {error.start}")
            continue
        yield _fields(text, columns) if jsonl else tuple(text.split("\t"))


def _fields(line: str, columns: tuple[str, ...] | None) -> tuple[str, ...] | Rejected:
    try:
        values = json.loads(line)
    except ValueError as error:
        return Rejected(f"not JSON: {error}")
    except RecursionError:
        return Rejected("not JSON that can be read: nested too deeply")
    if not isinstance(values, dict):
        return Rejected(f"expected a JSON object, found {type(values).__name__}")
    general = [name for name in ("text", "text_pair") if name in values]
    names = columns if columns and set(columns) <= set(values) else general
    if not names:
        wanted = "text, text_pair" if columns is None else f"{', '.join(columns)}, or text"
        return Rejected(f"no key of {wanted}; found: {', '.join(values) or 'none'}")
    return tuple(values[name] for name in names)
