"""Sources of raw splits: the hub, a local folder of the same layout, or the generator; read and
checked. No torch.
"""

from contextlib import AbstractContextManager, nullcontext
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from smartbert.data.settings import SETTING, SYNTHETIC, DataSettings, check_path, looks_local
from smartbert.errors import UserError, first_line
from smartbert.tasks import TaskSpec


def load_split(
    task: TaskSpec, split: str, settings: DataSettings, *, rows: int, cache: str | None = None
) -> pd.DataFrame:
    """Return one raw split with the task's text columns, `label` and `idx`, checked.

    Args:
        rows: how many to generate of a synthetic task.
        cache: folder of `own_cache` to share between splits; without, each has its own.

    Raises:
        UserError: if it cannot be read, or a column is missing, or a label is not one of the
            task's.
    """
    if settings.path == SYNTHETIC:
        from smartbert.data.synthetic.generator import generate

        frame = generate(task, split, rows=rows, seed=settings.seed)
    else:
        with nullcontext(cache) if cache else own_cache(settings.path) as folder:
            frame = _load_glue(task, split, settings.path, folder)
    where = f"{settings.path} ({task.name}, split {split!r})"
    return check(frame, task, where)


def _load_glue(task: TaskSpec, split: str, path: str, cache: str | None) -> pd.DataFrame:
    import datasets

    datasets.disable_progress_bars()
    check_path(path, [task.name])
    try:
        data = datasets.load_dataset(path, task.name, cache_dir=cache)
    except Exception as error:  # hub, file and parser errors share no base class
        raise UserError(
            f"cannot load task {task.name!r} from {path!r}: {first_line(error)};"
            f" check the network or set {SETTING}"
        ) from None
    if split not in data:
        raise UserError(
            f"{path!r} has no split {split!r} for task {task.name!r}; it has: {', '.join(data)};"
            f" set `data.splits.{task.name}`"
        )
    return data[split].to_pandas()


def own_cache(path: str) -> AbstractContextManager[str | None]:
    """Return a new folder for what `datasets` makes of a local folder, None for the hub's data.

    The library's shared cache is right for the hub, whose files have versions; of local ones it
    does not notice that they have changed.
    """
    return TemporaryDirectory() if looks_local(path) else nullcontext()


def check(frame: pd.DataFrame, task: TaskSpec, where: str) -> pd.DataFrame:
    """Return the needed columns of a raw split, or raise UserError naming what is wrong with it."""
    needed = [*task.columns, "label"]
    missing = [column for column in needed if column not in frame]
    if missing:
        raise UserError(
            f"{where}: column {missing[0]!r} is missing;"
            f" found: {', '.join(map(str, frame.columns))}"
        )
    if frame.empty:
        raise UserError(f"{where}: no rows; set {SETTING}")
    labels = frame["label"]
    numbers = pd.api.types.is_numeric_dtype(labels)
    valid = labels.isin(range(len(task.labels))) if numbers else pd.Series(False, frame.index)
    if not valid.all():
        bad = frame["label"][~valid].tolist()[0]
        known = ", ".join(f"{i} ({name})" for i, name in enumerate(task.labels))
        raise UserError(
            f"{where}: unknown label {bad!r} in row {int((~valid).argmax())}; known: {known}"
        )
    for column in task.columns:
        if frame[column].isna().any():
            raise UserError(
                f"{where}: empty {column!r} in row {int(frame[column].isna().argmax())}"
            )
    frame = frame.reset_index(drop=True)
    index = frame["idx"] if "idx" in frame else pd.Series(np.arange(len(frame)))
    if not pd.api.types.is_integer_dtype(index) or index.isna().any():
        raise UserError(f"{where}: column 'idx' does not hold a whole number in every row")
    texts = {
        column: decoded(frame[column], f"{where}: column {column!r}") for column in task.columns
    }
    # The generator's own column, and one that the cut of fit and tune goes by.
    kept = ("hard", *([task.group] if task.group else []))
    extra = [column for column in kept if column in frame and column not in needed]
    return frame[[*needed, *extra]].assign(
        label=frame["label"].astype(np.int64), idx=index.astype(np.int64), **texts
    )


def decoded(column: pd.Series, where: str) -> list[str]:
    """Return a column of texts.

    Raises:
        UserError: if its bytes are no text.
    """
    import pyarrow

    try:
        return column.astype(str).tolist()
    except (UnicodeError, pyarrow.lib.ArrowException) as error:
        raise UserError(f"{where} is not text: {first_line(error)}") from None
