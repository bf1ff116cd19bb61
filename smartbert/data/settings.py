"""What the config says of a task's data, and what a data path means. No pandas, no torch."""

from dataclasses import dataclass
from pathlib import Path

from smartbert.errors import UserError
from smartbert.records import Record
from smartbert.tasks import TaskSpec

SETTING = "`data.path` in the config"
SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class DataSettings(Record):
    """The config's `data` section, for one task.

    Attributes:
        path: hub id, local folder, or "synthetic".
        seed: of the cut between fit and tune, and of the synthetic generator.
        max_length: tokens per example; longer ones are truncated.
        max_fit, max_test: at most this many examples of fit, and of each test subset (stratified
            samples), or None.
        tune_fraction, tune_min, tune_max: size of tune, as a share of train within bounds.
        synthetic_rows: rows of train and of each test split, for the generator.
        train, test: split names in place of the task's, or None.
        subset: of a task of the config, which configuration of its data set on the hub, or of its
            folder's card, is meant; None where there is one.
    """

    path: str
    seed: int
    max_length: int
    max_fit: int | None
    tune_fraction: float
    tune_min: int
    tune_max: int
    max_test: int | None = None
    synthetic_rows: tuple[int, int] = (0, 0)
    train: str | None = None
    test: tuple[str, ...] | None = None
    subset: str | None = None


def test_splits(task: TaskSpec, settings: DataSettings) -> list[tuple[str, str]]:
    """Return (subset, split name) of each test split, with the config's names where it has any."""
    names = settings.test or tuple(name for _, name in task.test)
    return [(subset, name) for (subset, _), name in zip(task.test, names, strict=True)]


def setting(task: TaskSpec, key: str = "path") -> str:
    """Return how messages call what says where a task's data are, or which splits they have."""
    if task.own:
        return f"`own_tasks.{task.name}.{key}`"
    return SETTING if key == "path" else f"`data.{key}.{task.name}`"


def home(path: str) -> str:
    """Return a path with `~`, or `~user`, written out.

    Raises:
        UserError: if there is no such user here.
    """
    if not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except (RuntimeError, ValueError):  # of a user who is not here, of a name that none can have
        user = path.partition("/")[0][1:]
        raise UserError(
            f"path {path!r}: there is no user {user!r} here; write it from / on"
        ) from None


def looks_local(path: str) -> bool:
    """Return whether a path names a local folder or file rather than a hub id (which has at most
    one slash).
    """
    return path.startswith((".", "/", "~")) or path.count("/") > 1 or Path(path).exists()
