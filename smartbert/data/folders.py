"""Folders: where a local path has a task's files, found by names alone; no row is read.

A task's files are those that a card (README.md) names for it; else what `save_to_disk` wrote to the
task's folder; else that folder's <split>.parquet, .csv or .jsonl. Those of a task of the config are
in its own folder in the same way, or are one file. No torch, and no pandas before a card is
resolved.
"""

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from smartbert.data.cards import card_labels, configs, of_card, one_of
from smartbert.data.layouts import (
    FORMATS,
    OWN_FORMATS,
    Layout,
    check_parts,
    listed,
    stem,
    suffix,
)
from smartbert.data.settings import (
    SETTING,
    SYNTHETIC,
    DataSettings,
    home,
    looks_local,
    setting,
    test_splits,
)
from smartbert.errors import UserError, first_line, unknown
from smartbert.leaderboard import ENDING, Sheet
from smartbert.tasks import CARVED, TaskSpec

# A part of a split: train-00000-of-00002, train-00000-of-00002-0a1b2c3d, train_1, train.1.
PART = re.compile(r"(?<=.)[-_.][0-9]+(-of-[0-9]+)?(-[0-9a-f]{8,})?$")
SAVED_SPLITS, SAVED_STATE = "dataset_dict.json", "state.json"
BRACES = "{}"
PATTERNS = f"*?[]{BRACES}"


def local_layout(task: TaskSpec, settings: DataSettings) -> Layout | None:
    """Return a task's layout, None of data that are not local; its splits are those needed.

    Raises:
        UserError: if the folder, the task's files or a needed split is missing.
    """
    if settings.path == SYNTHETIC or not is_local(settings.path):
        return None
    needed = [settings.train or task.train, *([task.tune] if task.tune else [])]
    needed += [name for _, name in test_splits(task, settings) if name != CARVED]

    def find() -> Layout:
        found = own_layout(task, settings) if task.own else find_layout(settings.path, task.name)
        return _with_files(found, needed)

    places = setting(task), setting(task, "splits")
    return _layout_with(find, settings.path, task.name, needed, *places)


def hidden_layout(sheet: Sheet, path: str) -> Layout | None:
    """Return where a local folder has a file's split, None of data that are no local folder.

    Raises:
        UserError: if it has no such split, or if data are generated, which have none.
    """
    if path == SYNTHETIC:
        raise UserError(
            f"data.path is {path!r}, and generated data have no hidden test splits, of which"
            f" {sheet.name}{ENDING} is made; set {SETTING} to GLUE's own"
        )
    if not looks_local(path):
        return None
    find = partial(find_layout, path, sheet.source)
    places = SETTING, hidden_setting(sheet)
    return _layout_with(find, path, sheet.source, [sheet.split], *places)


def hidden_setting(sheet: Sheet) -> str:
    """Return what to set where a file's split is missing."""
    return f"{SETTING}: {sheet.name}{ENDING} is made of GLUE's hidden test split"


def _layout_with(
    find: Callable[[], Layout],
    path: str,
    name: str,
    splits: Iterable[str],
    path_setting: str,
    splits_setting: str,
) -> Layout:
    """Return where a local path has the files of a task, of which some splits are needed.

    Raises:
        UserError: if the folder, the task's files or one of the splits is missing.
    """
    _check_signs(path, PATTERNS, "data folder")
    try:
        layout = find()
    except OSError as error:
        raise UserError(
            f"cannot look into data folder {path!r}: {first_line(error)}; set {path_setting}"
        ) from None
    for split in splits:
        if split not in layout.files:
            raise no_split(path, split, name, layout.files, splits_setting)
        if lost := [file for file in layout.files[split] if not Path(file).is_file()]:
            raise UserError(f"data file {lost[0]} is a link to nothing; fetch what it stands for")
        for file in layout.files[split]:
            _check_signs(file, BRACES, "data file")
        check_parts(layout.files[split], f"{path} ({name}, split {split!r})")
    return layout


def is_local(path: str) -> bool:
    """Return whether data are in a folder or file here, rather than on the hub."""
    return looks_local(path) or suffix(path) in OWN_FORMATS


def own_layout(task: TaskSpec, settings: DataSettings) -> Layout:
    """Return where a task of the config has its files: one is its train.

    Raises:
        UserError: if there are none, saying what was looked for.
    """
    path = Path(home(settings.path))
    if path.is_file():
        if suffix(path) not in OWN_FORMATS:
            raise UserError(
                f"data file {settings.path!r} is of a format that is not read; read are"
                f" {', '.join(OWN_FORMATS)}; set {setting(task)}"
            )
        return Layout("plain", {"train": (str(path),)})
    if not path.is_dir():
        raise UserError(f"data {settings.path!r} do not exist; set {setting(task)}")
    if named := configs(path):
        chosen = settings.subset or one_of(named, task.name)
        if chosen not in named:
            raise unknown(
                "configuration", chosen or task.name, named, setting=setting(task, "subset")
            )
        return of_card(path, chosen, task.label)
    if (found := _saved(path) or _plain(path, OWN_FORMATS)) is None:
        there = sorted(one.name for one in path.iterdir())
        raise UserError(
            f"data folder {settings.path!r} has {listed(there) if there else 'nothing'}; looked"
            f" for <split>*{{{', '.join(OWN_FORMATS)}}}, a card that names files, and what"
            f" `save_to_disk` writes; set {setting(task)}"
        )
    kind, files = found
    return Layout(kind, files)


def _with_files(layout: Layout, splits: Iterable[str]) -> Layout:
    """Return a layout in which a split that is called as a file is that file."""
    own = {
        split: (home(split),)
        for split in splits
        if split not in layout.files
        and suffix(split) in OWN_FORMATS
        and Path(home(split)).is_file()
    }
    return replace(layout, files={**layout.files, **own}) if own else layout


def _check_signs(path: str, signs: str, what: str) -> None:
    """Raise UserError if a path has a sign that `datasets` or Snakemake takes for a pattern."""
    if found := sorted(set(path) & set(signs)):
        raise UserError(
            f"{what} {path!r} has {found[0]!r} in its name, a sign of patterns; give it a name"
            f" without any of {' '.join(signs)}"
        )


def no_split(
    path: str, split: str, name: str, known: Iterable[str], splits_setting: str
) -> UserError:
    """Return the error for a split that a task's data lack."""
    return UserError(
        f"{path!r} has no split {split!r} for task {name!r}; it has: {', '.join(known)};"
        f" set {splits_setting}"
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


def _plain(
    folder: Path, formats: tuple[str, ...] = FORMATS
) -> tuple[Literal["plain"], dict[str, tuple[str, ...]]] | None:
    """Return the files of a folder by split: <split>.<format>, its parts <split>-<number>.<format>,
    or all that lie in a folder named as the split.
    """
    found: dict[str, list[str]] = {}
    sorts: dict[str, set[tuple[str, str]]] = {}
    for file in sorted(_tree(folder)):
        if suffix(file) not in formats:
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
