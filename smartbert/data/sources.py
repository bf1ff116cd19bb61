"""Sources of raw splits: the hub, a local folder, or the generator; read and checked. No torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smartbert.data.files import check_columns, read_files
from smartbert.data.folders import local_layout, no_split
from smartbert.data.labels import class_ids, numbered, whole_number
from smartbert.data.layouts import Layout, label_names
from smartbert.data.settings import SYNTHETIC, DataSettings, setting
from smartbert.errors import UserError, first_line
from smartbert.tasks import TaskSpec, plain_name


def load_split(task: TaskSpec, split: str, settings: DataSettings, *, rows: int) -> pd.DataFrame:
    """Return one raw split with the task's text columns, `label` and `idx`, checked.

    Args:
        rows: how many to generate of a synthetic task.

    Raises:
        UserError: if it cannot be read, or a column is missing, or a label is not one of the
            task's.
    """
    where = f"{settings.path} ({task.name}, split {split!r})"
    if settings.path == SYNTHETIC:
        from smartbert.data.synthetic.generator import generate

        return check(generate(task, split, rows=rows, seed=settings.seed), task, where)
    layout = local_layout(task, settings)
    if layout is None:
        name = settings.subset if task.own else task.name
        frame, names = of_hub(
            settings.path, name, split, setting(task), setting(task, "splits"), label=task.label
        )
    elif split not in layout.files:
        raise no_split(settings.path, split, task.name, layout.files, setting(task, "splits"))
    elif layout.kind == "saved":
        frame, names = saved(layout.files[split], where, setting(task), label=task.label)
    else:
        frame, names = _of_files(task, split, layout, where)
    return check(frame, task, where, names=names)


def of_hub(
    path: str,
    name: str | None,
    split: str,
    path_setting: str,
    splits_setting: str,
    *,
    label: str = "label",
) -> tuple[pd.DataFrame, Sequence[str] | None]:
    """Return a split of the hub's data, and the class names that they have.

    Args:
        name: of the data's configuration; None for the only one.
        path_setting, splits_setting: what to set where they or the split are missing.
        label: column of the labels.

    Raises:
        UserError: if they cannot be loaded.
    """
    import datasets

    datasets.disable_progress_bars()
    what = f"task {name!r}" if name else "data"
    try:
        data = datasets.load_dataset(path, name)
    except Exception as error:  # hub, file and parser errors share no base class
        raise UserError(
            f"cannot load {what} from {path!r}: {first_line(error)}; there is no folder"
            f" of that name, so it was looked for on the hub: check name and network, or set"
            f" {path_setting}"
        ) from None
    if split not in data:
        raise no_split(path, split, name or path, data, splits_setting)
    return data[split].to_pandas(), label_names(data[split].features, label)


def saved(
    files: Sequence[str], where: str, path_setting: str, *, label: str = "label"
) -> tuple[pd.DataFrame, Sequence[str] | None]:
    """Return a split that `save_to_disk` wrote, and the class names that it has.

    Raises:
        UserError: if it is damaged.
    """
    import datasets

    if not any(file.endswith(".arrow") for file in files):
        raise UserError(f"{where}: no rows; set {path_setting}")
    try:
        data = datasets.load_from_disk(str(Path(files[0]).parent))
        assert isinstance(data, datasets.Dataset)  # a folder with a state holds one split
        return data.to_pandas(), label_names(data.features, label)
    except Exception as error:  # of damaged files, which the library does not look for
        raise UserError(
            f"{where}: cannot read what `save_to_disk` wrote: {first_line(error)}; write it anew"
        ) from None


def _of_files(
    task: TaskSpec, split: str, layout: Layout, where: str
) -> tuple[pd.DataFrame, Sequence[str] | None]:
    """Return a split of parquet, CSV or JSON files."""
    further = [task.group] if task.group else []
    columns = dict.fromkeys([*task.columns, task.label, "idx", *further])
    table, names, header = read_files(
        layout.files[split], list(columns), layout.csv, where, label=task.label
    )
    if layout.labels and names and [*map(plain_name, names)] != [*map(plain_name, layout.labels)]:
        raise UserError(
            f"{where}: the card's labels are {numbered(layout.labels)}, the file's own"
            f" {numbered(names)}; set them alike in the card"
        )
    check_columns(header, _needed(task), where, task)
    frame = pd.DataFrame({name: pd.Series(own, dtype=object) for name, own in table.items()})
    return frame, layout.labels or names


def _needed(task: TaskSpec) -> list[str]:
    """Return the columns that a task's data must have."""
    return [*task.columns, task.label, *([task.group] if task.own and task.group else [])]


def check(
    frame: pd.DataFrame, task: TaskSpec, where: str, *, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the needed columns of a raw split, or raise UserError naming what is wrong with it.

    Args:
        names: the data's own class names, by the ids in its labels.
    """
    check_columns(list(frame.columns), _needed(task), where, task)
    if frame.empty:
        raise UserError(f"{where}: no rows; set {setting(task)}")
    frame = frame.reset_index(drop=True)
    labels = class_ids(frame[task.label].tolist(), task, where, names=names)
    numbers = [*range(len(frame))] if task.own else indices(frame, where)
    texts = {column: text_of(frame[column], column, where) for column in task.columns}
    # The generator's own column, and one that the cut of fit and tune goes by.
    kept = ("hard", *([task.group] if task.group else []))
    extra = {c: frame[c] for c in kept if c in frame and c not in (*task.columns, "label")}
    if task.own and task.group in extra:
        extra[task.group] = groups_of(frame[task.group], task, where)
    return frame[[*task.columns]].assign(
        **texts,
        label=np.array(labels, dtype=np.int64),
        **extra,
        idx=np.array(numbers, dtype=np.int64),
    )


def groups_of(column: pd.Series, task: TaskSpec, where: str) -> pd.Series:
    """Return a column of groups as text, so that 7 is one group in whatever form a file has it.

    Raises:
        UserError: naming the first row without a group.
    """
    found = []
    for row, value in enumerate(column.tolist()):
        number = whole_number(value)
        name = str(value).strip() if number is None or isinstance(value, str) else str(number)
        if value is None or value is pd.NA or value != value or not name:
            raise UserError(
                f"{where}: empty {column.name!r} in row {row}; every row needs a group (its own,"
                f" where it has no other); set {setting(task, 'group')}"
            )
        found.append(name)
    return pd.Series(found, index=column.index, dtype=object)


def indices(frame: pd.DataFrame, where: str) -> list[int]:
    """Return the column `idx`; the rows' own numbers where there is none.

    Raises:
        UserError: naming the first row that holds no whole number.
    """
    index = frame["idx"].tolist() if "idx" in frame else range(len(frame))
    numbers = [whole_number(value) for value in index]
    for row, number in enumerate(numbers):
        if number is None:
            raise UserError(
                f"{where}: column 'idx' does not hold a whole number in every row (row {row}:"
                f" {index[row]!r:.60})"
            )
    return [number for number in numbers if number is not None]


def text_of(column: pd.Series, name: str, where: str) -> list[str]:
    """Return a column of texts.

    Raises:
        UserError: naming the first row that holds none.
    """
    import pyarrow

    try:
        values = column.tolist()
    except (UnicodeError, pyarrow.lib.ArrowException) as error:
        raise UserError(f"{where}: column {name!r} is not text: {first_line(error)}") from None
    found = []
    for row, value in enumerate(values):
        if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
            raise UserError(f"{where}: empty {name!r} in row {row}")
        try:
            text = value.decode() if isinstance(value, bytes) else value
            if not isinstance(text, str):
                raise UserError(
                    f"{where}: {name!r} in row {row} is {value!r:.60}, no text; write it as text"
                )
            text.encode()  # half of a pair of UTF-16 is no text either
        except UnicodeError as error:
            raise UserError(
                f"{where}: {name!r} in row {row} is not text: {first_line(error)}"
            ) from None
        found.append(text)
    return found
