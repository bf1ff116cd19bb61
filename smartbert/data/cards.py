"""Cards: what the README.md of a folder says of a task's files, as `datasets` resolves it; no row
is read. No torch.
"""

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from smartbert.data.layouts import CSV_OPTIONS, FORMATS, Layout, label_names, suffix
from smartbert.data.settings import SETTING
from smartbert.errors import UserError, first_line

if TYPE_CHECKING:
    import datasets

CARD = "README.md"
QUOTINGS = (0, 1, 3)  # of the module csv
SILENT = {"name", "version", "data_dir", "data_files", "description", "features", "on_bad_files"}
SAME = {"delimiter": "sep", "column_names": "names"}  # other words for the same


def configs(folder: Path) -> list[str]:
    """Return the names under which a folder's card has files."""
    return [str(entry.get("config_name", "default")) for entry in _entries(folder, "configs")]


def card_labels(folder: Path, name: str) -> tuple[str, ...] | None:
    """Return the class names that a card has of a task whose files it does not name."""
    if not _entries(folder, "dataset_info"):
        return None
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCard

    try:
        infos = DatasetInfosDict.from_dataset_card_data(DatasetCard.load(folder / CARD).data)
    except Exception as error:  # of a card that was written by hand
        raise UserError(f"cannot read the card {folder / CARD}: {first_line(error)}") from None
    chosen = name if folder.name != name else one_of(list(infos), name)
    return label_names(infos[chosen].features) if chosen in infos else None


def of_card(folder: Path, name: str, label: str = "label") -> Layout:
    """Return what a card names for a task, as `datasets` resolves it.

    Args:
        label: column of the labels.
    """
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
        "card",
        files,
        label_names(builder.info.features, label),
        _csv_options(builder.config, folder),
    )


def one_of(names: list[str], name: str) -> str | None:
    """Return which of a card's names, in the task's own folder, is the task."""
    known = [one for one in (name, "default") if one in names]
    return known[0] if known else names[0] if len(names) == 1 else None


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
    entries = found if isinstance(found, list) else [found]
    return [entry for entry in entries if isinstance(entry, dict)]


def _as_written(file: str, folder: Path) -> str:
    """Return a file below a folder as the folder is written, for other machines' sake."""
    found = Path(os.path.normpath(file))
    for base in (folder.absolute(), folder.resolve()):
        above = os.path.normpath(base)
        if found.is_relative_to(above):
            return str(folder / found.relative_to(above))
    return str(found)


def _check_formats(files: Mapping[str, tuple[str, ...]], folder: Path) -> None:
    """Raise UserError on a file of a format that is not read."""
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
