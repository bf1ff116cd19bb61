"""Provenance: the versions, commit, device and settings behind a number, written beside it."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from smartbert.errors import UserError
from smartbert.records import OPTIONAL, Record
from smartbert.results import Run
from smartbert.tasks import SplitRecord

PACKAGES = ("torch", "transformers", "datasets", "numpy", "scikit-learn", "optuna", "snakemake")


@dataclass(frozen=True)
class StageRecord(Record):
    """A stage's settings, as `methods.contract.Stage` has them.

    Attributes:
        held: whether heads were trained from held states of the frozen layers.
    """

    stage: str
    trains: tuple[str, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    warmup: float
    weight_decay: float
    adam_epsilon: float
    clip: float
    select: str
    rates: dict[str, float] = field(default_factory=dict, metadata=OPTIONAL)
    teacher: bool = field(default=False, metadata=OPTIONAL)
    held: bool = field(default=False, metadata=OPTIONAL)


@dataclass(frozen=True)
class Origin(Record):
    """What a training was of, beside its settings.

    Attributes:
        method: the registered method of the entry.
        continues, teacher: entries whose models it went on from and learnt from.
    """

    method: str
    continues: str | None = None
    teacher: str | None = None


@dataclass(frozen=True)
class Ancestor(Record):
    """A training that another one came of, as that one's provenance tells it."""

    settings: dict[str, object]
    precision: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class Provenance(Record):
    """A trained model's `provenance.json`.

    Attributes:
        method: the config's name of the entry.
        settings: all of its settings.
        data: the three splits.
        seconds: wall-clock of the training.
        weights: SHA-256 of the model's weights; `parent`, `teacher`: of those it went on from and
            learnt from; `backbone`: of the pre-trained ones that all began with.
        ancestors: the trainings it came of, by entry: a parent that is trained again later tells
            nothing of them. Older files lack these, and `precision`.
    """

    task: str
    method: str
    seed: int
    settings: dict[str, object]
    stages: tuple[StageRecord, ...]
    data: dict[str, SplitRecord]
    seconds: float
    commit: str | None
    python: str
    versions: dict[str, str | None]
    device: str
    threads: str | None
    weights: str | None = None
    precision: str | None = None
    parent: str | None = field(default=None, metadata=OPTIONAL)
    teacher: str | None = field(default=None, metadata=OPTIONAL)
    backbone: str | None = field(default=None, metadata=OPTIONAL)
    origin: Origin | None = field(default=None, metadata=OPTIONAL)
    ancestors: dict[str, Ancestor] = field(default_factory=dict, metadata=OPTIONAL)

    @property
    def line(self) -> dict[str, Ancestor]:
        """Itself and the trainings it came of, by entry."""
        own = Ancestor(self.settings, self.precision, self.origin)
        return {**self.ancestors, self.method: own}


def installed(package: str) -> str | None:
    """Return a package's version, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str | None]:
    """Return the versions of the packages that numbers depend on."""
    return {name: installed(name) for name in PACKAGES}


def commit() -> str | None:
    """Return the project's git commit, "+" after it if files differ; None outside a checkout."""
    here = Path(__file__).resolve()
    root = here.parents[1]

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", str(here))  # not a repository around an installed copy
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def of_training(
    *,
    task: str,
    method: str,
    seed: int,
    settings: dict[str, object],
    stages: tuple[StageRecord, ...],
    data: dict[str, SplitRecord],
    seconds: float,
    device: str,
    precision: str,
    backbone: str,
    registered: str,
    parent: Provenance | None,
    teacher: Provenance | None,
) -> Provenance:
    """Return the given facts with the versions and commit that they were made with; the weights'
    hash is added when they are written.
    """
    return Provenance(
        task=task,
        method=method,
        seed=seed,
        settings=settings,
        stages=stages,
        data=data,
        seconds=round(seconds, 1),
        commit=commit(),
        python=platform.python_version(),
        versions=versions(),
        device=device,
        threads=os.environ.get("OMP_NUM_THREADS"),
        precision=precision,
        parent=parent.weights if parent else None,
        teacher=teacher.weights if teacher else None,
        backbone=backbone,
        origin=Origin(
            registered, parent.method if parent else None, teacher.method if teacher else None
        ),
        ancestors={**(parent.line if parent else {}), **(teacher.line if teacher else {})},
    )


def sha256(path: Path) -> str:
    """Return the hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_model(run: Run) -> Provenance:
    """Return the provenance of a trained model, after a look at its weights.

    Raises:
        UserError: if they are missing, truncated or not what the training wrote.
    """
    said = Provenance.read(run.provenance)
    found = sha256(run.weights) if run.weights.is_file() else None
    if found is None or found != said.weights:
        what = "are missing" if found is None else "are not those that its training wrote"
        raise UserError(
            f"the weights in {run.folder} {what}; delete that folder and run again to train it anew"
        )
    return said
