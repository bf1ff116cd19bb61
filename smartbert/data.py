"""Task data: load GLUE (hub id, local folder or the synthetic generator), check it, cut it,
tokenise it once.

GLUE's test labels are hidden, so test = GLUE's validation, and tune is carved from train (protocol:
"Splits"). The result is one parquet per split with token ids, read by training and recording; no
torch here.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from smartbert.backbones import looks_local
from smartbert.errors import UserError, first_line
from smartbert.tasks import TaskSpec

SETTING = "`data.path` in the config"
SYNTHETIC = "synthetic"
SPLITS = ("fit", "tune", "test")


@dataclass(frozen=True)
class DataSettings:
    """The config's `data` section, for one task.

    Attributes:
        path: hub id, local folder of the same layout, or "synthetic".
        seed: of the cut between fit and tune, and of the synthetic generator.
        max_length: tokens per example; longer ones are truncated.
        max_fit: at most this many fit examples (a stratified sample), or None.
        tune_fraction, tune_min, tune_max: size of tune, as a share of train within bounds.
        synthetic_rows: rows of train and of each test split, for the generator.
        train, test: split names in place of GLUE's, or None.
    """

    path: str
    seed: int
    max_length: int
    max_fit: int | None
    tune_fraction: float
    tune_min: int
    tune_max: int
    synthetic_rows: tuple[int, int] = (0, 0)
    train: str | None = None
    test: tuple[str, ...] | None = None

    @classmethod
    def from_json(cls, values: dict) -> "DataSettings":
        """Return the record from its JSON form, in which tuples are lists."""
        tuples = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**tuples)


def test_splits(task: TaskSpec, settings: DataSettings) -> list[tuple[str, str]]:
    """Return (subset, split name) of each test split, with the config's names where it has any."""
    names = settings.test or tuple(name for _, name in task.test)
    return [(subset, name) for (subset, _), name in zip(task.test, names, strict=True)]


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
        from smartbert.synthetic import generate

        frame = generate(task, split, rows=rows, seed=settings.seed)
    else:
        with nullcontext(cache) if cache else own_cache(settings.path) as folder:
            frame = _load_glue(task, split, settings.path, folder)
    where = f"{settings.path} ({task.name}, split {split!r})"
    return check(frame, task, where)


def check_path(path: str, names: list[str]) -> None:
    """Raise UserError if a local data folder, or a task's folder in it, does not exist."""
    if path == SYNTHETIC or not looks_local(path):
        return
    if not Path(path).is_dir():
        raise UserError(f"data folder {path!r} does not exist; set {SETTING}")
    absent = [name for name in names if not (Path(path) / name).is_dir()]
    if absent:
        raise UserError(
            f"data folder {path!r} has no folder {absent[0]!r}; it needs one per task, as"
            f" nyu-mll/glue has; set {SETTING} or `tasks`"
        )


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
    extra = [column for column in ("hard",) if column in frame]
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


def tune_size(rows: int, settings: DataSettings) -> int:
    """Return how many of `rows` training examples go to tune."""
    wanted = round(rows * settings.tune_fraction)
    return min(max(wanted, settings.tune_min), settings.tune_max)


def cut(
    frame: pd.DataFrame, task: TaskSpec, settings: DataSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut train into fit and tune, seeded and stratified by label; groups stay whole (WNLI)."""
    size = tune_size(len(frame), settings)
    if size >= len(frame):
        raise UserError(
            f"task {task.name!r}: tune needs {size} of {len(frame)} training examples, nothing is"
            " left to fit; set `data.tune`"
        )
    rng = np.random.default_rng(settings.seed)
    if task.group:
        in_tune = _whole_groups(frame[task.group], size, rng)
    else:
        in_tune = _stratified(frame["label"].to_numpy(), size, rng)
    fit, tune = frame[~in_tune], frame[in_tune]
    if settings.max_fit is not None and len(fit) > settings.max_fit:
        fit = fit[_stratified(fit["label"].to_numpy(), settings.max_fit, rng)]
    return fit.reset_index(drop=True), tune.reset_index(drop=True)


def _whole_groups(groups: pd.Series, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a mask of about `size` rows made of whole groups."""
    names = groups.drop_duplicates().to_numpy()
    order = rng.permutation(len(names))
    counts = groups.value_counts()[names[order]].cumsum().to_numpy()
    chosen = set(names[order][: int(np.searchsorted(counts, size)) + 1])
    return groups.isin(chosen).to_numpy()


def _stratified(labels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a mask of exactly `size` rows with the classes in their proportion."""
    order = rng.permutation(len(labels))
    # Spread each class evenly over [0, 1), then take the `size` smallest positions.
    position = np.empty(len(labels))
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        position[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    mask = np.zeros(len(labels), dtype=bool)
    mask[np.argsort(position, kind="stable")[:size]] = True
    return mask


def tokenise(
    frame: pd.DataFrame, task: TaskSpec, tokenizer: Tokenizer, *, max_length: int
) -> pd.DataFrame:
    """Add `input_ids`, `token_type_ids` and `length` (true tokens, special ones included)."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    texts = [frame[column].tolist() for column in task.columns]
    encoded = tokenizer.encode_batch(list(zip(*texts, strict=True)) if len(texts) > 1 else texts[0])
    return frame.assign(
        input_ids=[one.ids for one in encoded],
        token_type_ids=[one.type_ids for one in encoded],
        length=[len(one.ids) for one in encoded],
    )


def prepare(
    task: TaskSpec, settings: DataSettings, tokenizer: Tokenizer
) -> dict[str, pd.DataFrame]:
    """Return fit, tune and test, tokenised, with `subset` numbering the test splits."""
    train_rows, test_rows = settings.synthetic_rows
    with own_cache(settings.path) as cache:
        load = partial(load_split, task, settings=settings, cache=cache)
        fit, tune = cut(load(settings.train or task.train, rows=train_rows), task, settings)
        tests = [
            load(name, rows=test_rows).assign(subset=number)
            for number, (_, name) in enumerate(test_splits(task, settings))
        ]
    frames = {
        "fit": fit.assign(subset=0),
        "tune": tune.assign(subset=0),
        "test": pd.concat(tests, ignore_index=True),
    }
    return {
        name: tokenise(frame, task, tokenizer, max_length=settings.max_length)
        for name, frame in frames.items()
    }
