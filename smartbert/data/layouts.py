"""Layouts: which files a task's data are, by split. No torch, no pandas."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smartbert.errors import UserError

if TYPE_CHECKING:
    import datasets

FORMATS = (".parquet", ".csv", ".jsonl", ".json")
OWN_FORMATS = (*FORMATS, ".tsv")  # of tasks of the config: GLUE's own .tsv has other rules
PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}  # with the module that opens them
# What a card may say of a text file beside its columns' names.
CSV_OPTIONS = {"sep": ",", "quotechar": '"', "quoting": 0, "encoding": None, "names": None}
TOLD = 8  # names in a message


@dataclass(frozen=True)
class Layout:
    """A task's files in a local folder.

    Attributes:
        kind: what says which they are.
        files: by split, as the data path is written.
        labels: class names by id, where a card has them.
        csv: what a card says of its text files, as `csv.reader` and `open` have it.
    """

    kind: Literal["card", "saved", "plain"]
    files: Mapping[str, tuple[str, ...]]
    labels: tuple[str, ...] | None = None
    csv: Mapping[str, object] = field(default_factory=lambda: dict(CSV_OPTIONS))

    @property
    def inputs(self) -> list[str]:
        """Every file, for a rule that makes something of them."""
        return sorted({file for own in self.files.values() for file in own})

    @property
    def said(self) -> dict[str, object]:
        """What decides, beside the files' content, what is read of them."""
        return {
            "kind": self.kind,
            "labels": list(self.labels) if self.labels else None,
            "csv": {key: value for key, value in self.csv.items() if value != CSV_OPTIONS[key]},
            "splits": {
                split: [Path(file).name for file in own] for split, own in self.files.items()
            },
        }


def suffix(file: str | Path) -> str:
    """Return a file's format by its name, whether or not it is packed."""
    path = Path(file)
    return Path(path.stem).suffix if path.suffix in PACKED else path.suffix


def stem(file: str | Path) -> str:
    """Return a file's name without its format."""
    return Path(file).name.partition(suffix(file))[0]


def check_parts(files: Iterable[str], where: str) -> None:
    """Raise UserError if a split says of how many parts it is, and some of them are missing."""
    found: dict[tuple[str, int], int] = {}
    for file in files:
        if part := re.fullmatch(r"(.*?)-[0-9]{5}-of-([0-9]{5})(-[0-9a-f]{8,})?", stem(file)):
            key = str(Path(file).with_name(part[1])), int(part[2])
            found[key] = found.get(key, 0) + 1
    for (name, parts), count in found.items():
        if count != parts:
            raise UserError(
                f"{where}: {count} of {parts} files {Path(name).name}-*-of-{parts:05} are there;"
                " fetch the others"
            )


def label_names(
    features: "datasets.Features | None", column: str = "label"
) -> tuple[str, ...] | None:
    """Return the class names that data have for a column of labels, None where it has none."""
    names = getattr((features or {}).get(column), "names", None)
    return tuple(names) if names else None


def listed(names: list[str]) -> str:
    """Return some names of many, for messages."""
    return ", ".join([*names[:TOLD], "..."] if len(names) > TOLD else names)
