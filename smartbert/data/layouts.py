"""Layouts: where a local folder has a task's files, found by names alone; no row is read.

A task's files are those that a card (README.md) names for it, as `datasets` resolves them; else
what `save_to_disk` wrote to the task's folder; else that folder's <split>.parquet, .csv or .jsonl.
No torch, and no pandas before a card is resolved.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smartbert.data.settings import SETTING, SYNTHETIC, DataSettings, home, looks_local, test_splits
from smartbert.errors import UserError, first_line
from smartbert.tasks import TaskSpec

if TYPE_CHECKING:
    import datasets

CARD = "README.md"
FORMATS = (".parquet", ".csv", ".jsonl", ".json")
PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}  # with the module that opens them
# A part of a split: train-00000-of-00002, train-00000-of-00002-0a1b2c3d, train_1, train.1.
PART = re.compile(r"(?<=.)[-_.][0-9]+(-of-[0-9]+)?(-[0-9a-f]{8,})?$")
SAVED_SPLITS, SAVED_STATE = "dataset_dict.json", "state.json"
# What a card may say of a CSV file beside its columns' names.
CSV_OPTIONS = {"sep": ",", "quotechar": '"', "quoting": 0, "encoding": None, "names": None}
QUOTINGS = (0, 1, 3)  # of the module csv
SILENT = {"name", "version", "data_dir", "data_files", "description", "features", "on_bad_files"}
SAME = {"delimiter": "sep", "column_names": "names"}  # other words for the same
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


def local_layout(task: TaskSpec, settings: DataSettings) -> Layout | None:
    """Return a task's layout, None of data that are no local folder; its splits are those needed.

    Raises:
        UserError: if the folder, the task's files or a needed split is missing.
    """
    if settings.path == SYNTHETIC or not looks_local(settings.path):
        return None
    try:
        layout = find_layout(settings.path, task.name)
    except OSError as error:
        raise UserError(
            f"cannot look into data folder {settings.path!r}: {first_line(error)}; set {SETTING}"
        ) from None
    for split in (settings.train or task.train, *(name for _, name in test_splits(task, settings))):
        if split not in layout.files:
            raise no_split(settings.path, split, task.name, layout.files)
        check_parts(layout.files[split], f"{settings.path} ({task.name}, split {split!r})")
    return layout


def no_split(path: str, split: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for a split that a task's data lack."""
    return UserError(
        f"{path!r} has no split {split!r} for task {name!r}; it has: {', '.join(known)};"
        f" set `data.splits.{name}`"
    )


def find_layout(path: str, name: str) -> Layout:
    """Return where a local folder has the files of a task.

    Raises:
        UserError: if it has none, saying what was looked for.
    """
    folder = Path(home(path))
    if not folder.is_dir():
        raise UserError(f"data folder {path!r} does not exist; set {SETTING}")
    named = _configs(folder)
    if name in named:
        return _of_card(folder, name)
    own = folder / name
    if own.is_dir():
        inner = _configs(own)
        if (chosen := _one_of(inner, name)) is not None:
            return _of_card(own, chosen)
        found = _saved(own) or _plain(own)
        if found:
            kind, files = found
            return Layout(kind, files, _card_labels(folder, name) or _card_labels(own, name))
    raise UserError(_nothing(folder, path, name, named))


def _one_of(names: list[str], name: str) -> str | None:
    """Return which of a card's names, in the task's own folder, is the task."""
    known = [one for one in (name, "default") if one in names]
    return known[0] if known else names[0] if len(names) == 1 else None


def _nothing(folder: Path, path: str, name: str, named: list[str]) -> str:
    """Return what was looked for and not found."""
    own = folder / name
    if _is_saved(folder):
        return (
            f"data folder {path!r} is itself what `save_to_disk` wrote; it belongs into a folder"
            f" named {name!r}, one per task: set {SETTING} to the folder above"
        )
    told = f"its card names {_listed(named)}" if named else "it has no card that names its files"
    if own.is_dir():
        there = sorted(one.name for one in own.iterdir())
        place = f"its folder {name!r} has {_listed(there) if there else 'nothing'}"
    else:
        place = f"it has no folder {name!r}"
    kinds = ", ".join(FORMATS[:-1])
    return (
        f"data folder {path!r} has no files of task {name!r}: {told}, and {place}; looked for"
        f" {name}/<split>*{{{kinds}}} and for what `save_to_disk` writes ({SAVED_SPLITS});"
        f" set {SETTING} or `tasks`"
    )


def _listed(names: list[str]) -> str:
    return ", ".join([*names[:TOLD], "..."] if len(names) > TOLD else names)


def _card(folder: Path) -> dict[str, object]:
    """Return what the head of a folder's card says."""
    path = folder / CARD
    if not path.is_file():
        return {}
    from huggingface_hub import metadata_load

    try:
        found = metadata_load(path)
    except Exception as error:  # YAML's, and those of what reads it
        raise UserError(f"cannot read the card {path}: {first_line(error)}") from None
    return dict(found or {})


def _entries(folder: Path, key: str) -> list[dict[str, object]]:
    """Return the entries of a card's list; a single one may stand for itself."""
    found = _card(folder).get(key)
    listed = found if isinstance(found, list) else [found]
    return [entry for entry in listed if isinstance(entry, dict)]


def _configs(folder: Path) -> list[str]:
    """Return the names under which a folder's card has files."""
    return [str(entry.get("config_name", "default")) for entry in _entries(folder, "configs")]


def _card_labels(folder: Path, name: str) -> tuple[str, ...] | None:
    """Return the class names that a card has of a task whose files it does not name."""
    if not _entries(folder, "dataset_info"):
        return None
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCard

    try:
        infos = DatasetInfosDict.from_dataset_card_data(DatasetCard.load(folder / CARD).data)
    except Exception as error:  # of a card that was written by hand
        raise UserError(f"cannot read the card {folder / CARD}: {first_line(error)}") from None
    chosen = name if folder.name != name else _one_of(list(infos), name)
    return label_names(infos[chosen].features) if chosen in infos else None


def label_names(features: "datasets.Features | None") -> tuple[str, ...] | None:
    """Return the class names that data have for the column `label`, None where it has none."""
    names = getattr((features or {}).get("label"), "names", None)
    return tuple(names) if names else None


def _of_card(folder: Path, name: str) -> Layout:
    """Return what a card names for a task, as `datasets` resolves it."""
    from tempfile import TemporaryDirectory

    import datasets

    datasets.disable_progress_bars()
    try:
        with TemporaryDirectory() as cache:
            builder = datasets.load_dataset_builder(str(folder), name, cache_dir=cache)
    except Exception as error:  # patterns without a file, YAML by hand: no common base class
        raise UserError(
            f"cannot find the files of {name!r} that the card {folder / CARD} names:"
            f" {first_line(error)}; set {SETTING}"
        ) from None
    files = {
        str(split): tuple(_as_written(file, folder) for file in own)
        for split, own in (builder.config.data_files or {}).items()
    }
    _check_formats(files, folder)
    return Layout(
        "card", files, label_names(builder.info.features), _csv_options(builder.config, folder)
    )


def _as_written(file: str, folder: Path) -> str:
    """Return a file below a folder as the folder is written, for other machines' sake."""
    found = Path(os.path.normpath(file))
    for base in (folder.absolute(), folder.resolve()):
        above = os.path.normpath(base)
        if found.is_relative_to(above):
            return str(folder / found.relative_to(above))
    return str(found)


def suffix(file: str | Path) -> str:
    """Return a file's format by its name, whether or not it is packed."""
    path = Path(file)
    return Path(path.stem).suffix if path.suffix in PACKED else path.suffix


def _check_formats(files: Mapping[str, tuple[str, ...]], folder: Path) -> None:
    for own in files.values():
        for file in own:
            if suffix(file) not in (*FORMATS, ".tsv"):
                raise UserError(
                    f"the card {folder / CARD} names {Path(file).name}; read are"
                    f" {', '.join(FORMATS)} and .tsv"
                )


def _csv_options(config: "datasets.BuilderConfig", folder: Path) -> dict[str, object]:
    """Return what a card says of its CSV files.

    Raises:
        UserError: if it says what is not followed here, so that rows would be others.
    """
    found = dict(CSV_OPTIONS)
    for option in fields(config):
        value = getattr(config, option.name)
        if option.name in SILENT or value == option.default:
            continue
        key = SAME.get(option.name, option.name)
        if key not in CSV_OPTIONS:
            raise UserError(
                f"the card {folder / CARD} sets {option.name!r} to {value!r}, which is not followed"
                f" here; followed are {', '.join(CSV_OPTIONS)} of CSV; write the files anew, as"
                " parquet or plain CSV"
            )
        found[key] = value
    if found["quoting"] not in QUOTINGS:
        raise UserError(
            f"the card {folder / CARD} sets 'quoting' to {found['quoting']!r}; allowed are"
            f" {', '.join(map(str, QUOTINGS))}, which leave fields as they are"
        )
    return found


def _is_saved(folder: Path) -> bool:
    return (folder / SAVED_SPLITS).is_file() or (folder / SAVED_STATE).is_file()


def _saved(folder: Path) -> tuple[Literal["saved"], dict[str, tuple[str, ...]]] | None:
    """Return the files of what `save_to_disk` wrote, all splits together or each to a folder."""
    if (folder / SAVED_STATE).is_file():
        raise UserError(
            f"data folder {str(folder)!r} is one split that `save_to_disk` wrote; it belongs into a"
            " folder named after the split, as train"
        )
    splits = sorted(one for one in folder.iterdir() if (one / SAVED_STATE).is_file())
    found = {
        one.name: tuple(sorted(map(str, [*one.glob("*.json"), *one.glob("data-*.arrow")])))
        for one in splits
    }
    if (folder / SAVED_SPLITS).is_file():
        try:
            said = json.loads((folder / SAVED_SPLITS).read_text())["splits"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"cannot read {folder / SAVED_SPLITS}: {first_line(error)}") from None
        if lost := sorted(set(said) - set(found)):
            raise UserError(
                f"{folder / SAVED_SPLITS} names split {lost[0]!r}, whose folder is missing"
            )
        found = {split: found[split] for split in said}
    return ("saved", found) if found else None


def _plain(folder: Path) -> tuple[Literal["plain"], dict[str, tuple[str, ...]]] | None:
    """Return the files of a folder by split: <split>.<format>, its parts <split>-<number>.<format>,
    or all that lie in a folder named as the split.
    """
    found: dict[str, list[str]] = {}
    sorts: dict[str, set[tuple[str, str]]] = {}
    for file in sorted(_tree(folder)):
        if suffix(file) not in FORMATS:
            continue
        stem = _stem(file)
        split = PART.sub("", stem)
        sort = "part" if split != stem else file.name
        if file.parent not in (folder, folder / "data"):
            split, sort = file.parent.name, "inside"
        found.setdefault(split, []).append(str(file))
        sorts.setdefault(split, set()).add((suffix(file), sort))
    for split, files in found.items():
        if len(sorts[split]) > 1:
            names = _listed([os.path.relpath(file, folder) for file in files])
            raise UserError(
                f"data folder {str(folder)!r}: which files are split {split!r} is not clear:"
                f" {names}; leave those of one kind"
            )
    return ("plain", {split: tuple(files) for split, files in found.items()}) if found else None


def _stem(file: str | Path) -> str:
    return Path(file).name.partition(suffix(file))[0]


def _tree(folder: Path) -> Iterable[Path]:
    """Yield the files of a folder and of the folders in it, but for hidden ones."""
    for one in folder.iterdir():
        if one.name.startswith("."):
            continue
        if one.is_dir():
            yield from (i for i in one.iterdir() if i.is_file() and not i.name.startswith("."))
        else:
            yield one


def check_parts(files: Iterable[str], where: str) -> None:
    """Raise UserError if a split says of how many parts it is, and some of them are missing."""
    found: dict[tuple[str, int], int] = {}
    for file in files:
        if part := re.fullmatch(r"(.*?)-[0-9]{5}-of-([0-9]{5})(-[0-9a-f]{8,})?", _stem(file)):
            key = str(Path(file).with_name(part[1])), int(part[2])
            found[key] = found.get(key, 0) + 1
    for (name, parts), count in found.items():
        if count != parts:
            raise UserError(
                f"{where}: {count} of {parts} files {Path(name).name}-*-of-{parts:05} are there;"
                " fetch the others"
            )
