"""Folders: where a local folder has a task's files, found by names alone; no row is read.

A task's files are those that a card (README.md) names for it; else what `save_to_disk` wrote to the
task's folder; else that folder's <split>.parquet, .csv or .jsonl. No torch, and no pandas before a
card is resolved.
"""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from smartbert.data.cards import card_labels, configs, of_card, one_of
from smartbert.data.layouts import FORMATS, Layout, check_parts, listed, stem, suffix
from smartbert.data.settings import SETTING, SYNTHETIC, DataSettings, home, looks_local, test_splits
from smartbert.errors import UserError, first_line
from smartbert.tasks import TaskSpec

# A part of a split: train-00000-of-00002, train-00000-of-00002-0a1b2c3d, train_1, train.1.
PART = re.compile(r"(?<=.)[-_.][0-9]+(-of-[0-9]+)?(-[0-9a-f]{8,})?$")
SAVED_SPLITS, SAVED_STATE = "dataset_dict.json", "state.json"
BRACES = "{}"
PATTERNS = f"*?[]{BRACES}"


def local_layout(task: TaskSpec, settings: DataSettings) -> Layout | None:
    """Return a task's layout, None of data that are no local folder; its splits are those needed.

    Raises:
        UserError: if the folder, the task's files or a needed split is missing.
    """
    if settings.path == SYNTHETIC or not looks_local(settings.path):
        return None
    _check_signs(settings.path, PATTERNS, "data folder")
    try:
        layout = find_layout(settings.path, task.name)
    except OSError as error:
        raise UserError(
            f"cannot look into data folder {settings.path!r}: {first_line(error)}; set {SETTING}"
        ) from None
    for split in (settings.train or task.train, *(name for _, name in test_splits(task, settings))):
        if split not in layout.files:
            raise no_split(settings.path, split, task.name, layout.files)
        if lost := [file for file in layout.files[split] if not Path(file).is_file()]:
            raise UserError(f"data file {lost[0]} is a link to nothing; fetch what it stands for")
        for file in layout.files[split]:
            _check_signs(file, BRACES, "data file")
        check_parts(layout.files[split], f"{settings.path} ({task.name}, split {split!r})")
    return layout


def _check_signs(path: str, signs: str, what: str) -> None:
    """Raise UserError if a path has a sign that `datasets` or Snakemake takes for a pattern."""
    if found := sorted(set(path) & set(signs)):
        raise UserError(
            f"{what} {path!r} has {found[0]!r} in its name, a sign of patterns; give it a name"
            f" without any of {' '.join(signs)}"
        )


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
    named = configs(folder)
    if name in named:
        return of_card(folder, name)
    own = folder / name
    if own.is_dir():
        inner = configs(own)
        if (chosen := one_of(inner, name)) is not None:
            return of_card(own, chosen)
        found = _saved(own) or _plain(own)
        if found:
            kind, files = found
            return Layout(kind, files, card_labels(folder, name) or card_labels(own, name))
    raise UserError(_nothing(folder, path, name, named))


def _nothing(folder: Path, path: str, name: str, named: list[str]) -> str:
    """Return what was looked for and not found."""
    own = folder / name
    if _is_saved(folder):
        return (
            f"data folder {path!r} is itself what `save_to_disk` wrote; it belongs into a folder"
            f" named {name!r}, one per task: set {SETTING} to the folder above"
        )
    told = f"its card names {listed(named)}" if named else "it has no card that names its files"
    if own.is_dir():
        there = sorted(one.name for one in own.iterdir())
        place = f"its folder {name!r} has {listed(there) if there else 'nothing'}"
    else:
        place = f"it has no folder {name!r}"
    kinds = ", ".join(FORMATS[:-1])
    return (
        f"data folder {path!r} has no files of task {name!r}: {told}, and {place}; looked for"
        f" {name}/<split>*{{{kinds}}} and for what `save_to_disk` writes ({SAVED_SPLITS});"
        f" set {SETTING} or `tasks`"
    )


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
        name = stem(file)
        split = PART.sub("", name)
        sort = "part" if split != name else file.name
        if file.parent not in (folder, folder / "data"):
            split, sort = file.parent.name, "inside"
        found.setdefault(split, []).append(str(file))
        sorts.setdefault(split, set()).add((suffix(file), sort))
    for split, files in found.items():
        if len(sorts[split]) > 1:
            names = listed([os.path.relpath(file, folder) for file in files])
            raise UserError(
                f"data folder {str(folder)!r}: which files are split {split!r} is not clear:"
                f" {names}; leave those of one kind"
            )
    return ("plain", {split: tuple(files) for split, files in found.items()}) if found else None


def _tree(folder: Path) -> Iterable[Path]:
    """Yield the files of a folder and of the folders in it, but for hidden ones."""
    for one in folder.iterdir():
        if one.name.startswith("."):
            continue
        if one.is_dir():
            yield from (i for i in one.iterdir() if i.is_file() and not i.name.startswith("."))
        else:
            yield one
