"""Records: what crosses modules as JSON, frozen and typed; a file is read whole or refused in one
line.

A record is a frozen dataclass with this base class. Keys that a record does not know are left
alone, so an older file with more in it is read; one that lacks something, or holds another type, is
refused. No torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec

from smartbert.errors import UserError
from smartbert.files import read_json, write_text

OPTIONAL: Mapping[str, bool] = {"optional": True}  # metadata of a field that is left out if default

Count = Annotated[int, msgspec.Meta(ge=0)]
Size = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Record:
    """Base of frozen dataclasses that are written as JSON and read from it."""

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Return the record from its JSON form.

        Raises:
            ValueError: saying which key is missing or of another type.
        """
        try:
            return msgspec.convert(values, type=cls)
        except msgspec.ValidationError as error:
            raise ValueError(_told(error)) from None

    def to_json(self) -> dict[str, object]:
        """Return plain values, for `json.dumps`; fields that are `OPTIONAL` only if they are not
        their default.
        """
        found: dict[str, object] = {}
        for field in fields(self):  # type: ignore[arg-type]  # every record is a dataclass
            value = getattr(self, field.name)
            if not (field.metadata.get("optional") and value == _default(field)):
                found[field.name] = plain(value)
        return found

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the record in a JSON file.

        Raises:
            UserError: if it is missing, damaged or of another form.
        """
        values = read_json(path)
        try:
            return cls.from_json(values)
        except ValueError as error:
            raise UserError(f"cannot read {path}: {error}; delete it and run again") from None

    def write(self, path: Path, *, indent: int = 2) -> None:
        """Write the record as a JSON file, whole or not at all."""
        text = json.dumps(self.to_json(), indent=indent, allow_nan=False)
        write_text(path, text + "\n")


def plain(value: object) -> object:
    """Return a value as JSON has it: records and mappings as objects, sequences as lists."""
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    return value


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _told(error: msgspec.ValidationError) -> str:
    """Return what is wrong with a value and where, as `meta.seed: ...`."""
    what, _, place = str(error).partition(" - at `$")
    return f"{place.rstrip('`').lstrip('.')}: {what}" if place else what
