"""Results: where every file of a run lies, and which files make a run whole.

The one module that spells paths below a results folder; scripts, notebooks and tests ask it, and a
test holds the patterns of the rules against it. No torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from smartbert.manifest import Manifest

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
PROVENANCE = "provenance.json"
TAKEN = "kept.json"
HISTORY = "history.csv"
POINTS = "points.json"
TRIALS = "trials.csv"
LATENCY = "latency.csv"
MANIFEST = "manifest.json"
DATA = "task.json"
PACKED = ".gz"  # of a kept trace
TRACES = ("tune", "test")
CARD = "README.md"
CURVE_FIGURE = "curve.png"  # that a model's card shows
SUBMISSION = "glue.zip"
SPLITS = ("fit", "tune", "test")
RUN_TABLES = ("scores", "curve", "exits", "gates", "usage", "lengths")
STATISTICS = ("points", "auc", "bands", "differences", "draws")
ABLATION_PARTS = ("points", "differences", "draws", "gates")
PAGES = ("glue", "sweep", "curves", "auc", "differences", "exits", "gates", "published")
TIDY = ("points", "bands", "usage", "lengths")  # tables without a page
KEPT_PARTS = ("data", "ablations", "tables", "figures", "tasks")
STATES = ("states-{gating}.json", "states-{gating}.bin")
RULES = ("train", "record", "tune", "evaluate")  # of a run, in order; the names of their logs

_TRACE_FILES = tuple(f"trace-{split}.safetensors" for split in TRACES)
_MODEL_FILES = (CONFIG, WEIGHTS, *TOKENIZER)
PUBLISHED = (*_MODEL_FILES, CARD)  # without which a model is no published one
_RUN_FILES = (
    *(*_MODEL_FILES, PROVENANCE, TAKEN, HISTORY, *STATES),
    *(*_TRACE_FILES, *(name + PACKED for name in _TRACE_FILES)),
    *(POINTS, TRIALS, *(f"{name}.csv" for name in RUN_TABLES), LATENCY),
)
# Every pattern below a results folder, with the files that stand there.
LAYOUT: dict[str, tuple[str, ...]] = {
    "backbone": _MODEL_FILES,
    "data/{task}": (DATA, *(f"{split}.parquet" for split in SPLITS)),
    "runs/{task}/{method}/seed{seed}": _RUN_FILES,
    "statistics/{task}": tuple(f"{name}.csv" for name in STATISTICS),
    "tables": (
        *(f"{name}.{kind}" for name in PAGES for kind in ("csv", "md", "tex")),
        *(f"{name}.csv" for name in TIDY),
        *("choosing.csv", "choosing.md", "rates.csv", "rates.md"),
    ),
    "figures": ("{name}.png", "{name}.pdf"),
    "ablations": (
        *(f"{{task}}.{kind}" for kind in ("csv", "md", "tex", "png", "pdf")),
        *(f"{{task}}-lambda.{kind}" for kind in ("csv", "png", "pdf")),
    ),
    "ablations/{task}": tuple(f"{name}.csv" for name in ABLATION_PARTS),
    "tasks/{task}": ("claims.csv", "claims.md"),
    "tasks/{task}/tables": ("{name}.csv", "{name}.md", "{name}.tex"),
    "tasks/{task}/figures": ("{name}.png", "{name}.pdf"),
    "models/{task}/{method}/seed{seed}": (*PUBLISHED, CURVE_FIGURE),
    "submission": (SUBMISSION, "README.md", "{sheet}.tsv", "{sheet}.json"),
    "submission/data": ("{sheet}.parquet",),
    "latency": ("{scope}.csv", "{scope}.md", "{scope}.png", "{scope}.pdf"),
    "": ("claims.csv", "claims.md", MANIFEST, "explorer.html", "report.html"),
}


def knows(path: str) -> bool:
    """Return whether a path below a results folder is one of the layout's."""
    return any(
        re.fullmatch(
            re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(f"{folder}/{file}".lstrip("/"))), path
        )
        for folder, files in LAYOUT.items()
        for file in files
    )


@dataclass(frozen=True)
class Run:
    """The files of one entry on one task with one seed."""

    folder: Path

    @property
    def weights(self) -> Path:
        """The trained model's weights; config and tokenizer lie beside them."""
        return self.folder / WEIGHTS

    @property
    def config(self) -> Path:
        """The trained model's config."""
        return self.folder / CONFIG

    @property
    def provenance(self) -> Path:
        """What the training was made of."""
        return self.folder / PROVENANCE

    @property
    def taken(self) -> Path:
        """What the training behind traces that were kept was made of; `provenance` is of one here,
        which may be there beside it for the sake of its weights.
        """
        return self.folder / TAKEN

    @property
    def history(self) -> Path:
        """The training's log."""
        return self.folder / HISTORY

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of a training under way."""
        return self.folder / "checkpoints"

    def trace(self, split: str, *, packed: bool = False) -> Path:
        """Return the trace of a split, as it is recorded or as it is kept."""
        return self.folder / (f"trace-{split}.safetensors" + (PACKED if packed else ""))

    @property
    def points(self) -> Path:
        """What tuning chose."""
        return self.folder / POINTS

    @property
    def trials(self) -> Path:
        """What tuning tried."""
        return self.folder / TRIALS

    def table(self, name: str) -> Path:
        """Return one of the tables that evaluation writes."""
        return self.folder / f"{name}.csv"


@dataclass(frozen=True)
class Results:
    """A run's folder, or one where its numbers are kept."""

    folder: Path

    def run(self, task: str, entry: str, seed: int) -> Run:
        """Return the files of one entry on one task with one seed."""
        return Run(self.folder / "runs" / task / entry / f"seed{seed}")

    def runs(self, task: str) -> dict[tuple[str, int], Run]:
        """Return the runs of a task that there are, by entry and seed."""
        found = sorted((self.folder / "runs" / task).glob("*/seed*"))
        found = [path for path in found if path.name.removeprefix("seed").isdecimal()]
        return {(p.parent.name, int(p.name.removeprefix("seed"))): Run(p) for p in found}

    def every_run(self) -> dict[tuple[str, str, int], Run]:
        """Return all runs that there are, by task, entry and seed."""
        tasks = sorted(path.name for path in (self.folder / "runs").glob("*"))
        return {(task, *key): run for task in tasks for key, run in self.runs(task).items()}

    @property
    def backbone(self) -> Path:
        """The weights of the pre-trained backbone."""
        return self.folder / "backbone" / WEIGHTS

    def task(self, name: str) -> Path:
        """Return the record of a task's data."""
        return self.folder / "data" / name / DATA

    def split(self, task: str, split: str) -> Path:
        """Return the data of a split."""
        return self.folder / "data" / task / f"{split}.parquet"

    def statistics(self, task: str, name: str) -> Path:
        """Return a table of a task's comparison."""
        return self.folder / "statistics" / task / f"{name}.csv"

    def table(self, name: str, kind: str = "csv") -> Path:
        """Return a table of the run."""
        return self.folder / "tables" / f"{name}.{kind}"

    def tables(self) -> list[str]:
        """Return the names of the tidy tables that there are."""
        return sorted(path.stem for path in (self.folder / "tables").glob("*.csv"))

    def figure(self, name: str) -> Path:
        """Return a figure of the run, without suffix."""
        return self.folder / "figures" / name

    def claims(self, kind: str = "csv") -> Path:
        """Return the claims of the run."""
        return self.folder / f"claims.{kind}"

    def ablation(self, task: str, kind: str = "csv", *, part: str = "") -> Path:
        """Return an ablation's table or page; `part` is "-lambda" for the range of lambda."""
        return self.folder / "ablations" / f"{task}{part}.{kind}"

    def ablation_part(self, task: str, name: str) -> Path:
        """Return one of the tables behind an ablation's claims."""
        return self.folder / "ablations" / task / f"{name}.csv"

    @property
    def explorer(self) -> Path:
        """The page in which budgets and thresholds can be moved."""
        return self.folder / "explorer.html"

    @property
    def manifest(self) -> Path:
        """What the run consists of, where it is kept."""
        return self.folder / MANIFEST

    @property
    def partial(self) -> Results:
        """Where tables of what did finish lie, when others failed."""
        return Results(self.folder / "partial")

    @property
    def benchmarks(self) -> Path:
        """The workflow's own measurements of its jobs."""
        return self.folder / "benchmarks"

    def kept_parts(self, *names: str) -> list[Path]:
        """Return the folders of what is kept of a run, or those of them that are named."""
        return [self.folder / name for name in names or KEPT_PARTS]

    def log(self, rule: str, task: str, entry: str, seed: int) -> Path:
        """Return the log of a run's job."""
        return self.folder / "logs" / rule / f"{task}-{entry}-{seed}.log"

    def finished(self, manifest: Manifest, task: str, method: str, seed: int) -> bool:
        """Return whether a run is there as a whole: nothing of it is missing, nor older than what
        it is made from. A failed job loses its own files; what came of their predecessors stays
        behind.
        """
        members = manifest.methods[method].members
        own = self.run(task, method, seed)
        rest = [[own.points], [own.table("lengths")]]
        for name in members:
            source = manifest.reads.get(name, name)
            # Traces that were kept are of no training here, nor read from traces that lie here.
            taken, of_taken = (manifest.is_kept(task, n, seed) for n in (name, source))
            read = [name] if taken else dict.fromkeys((source, name))
            traces = [[self.run(task, n, seed).trace(split) for split in TRACES] for n in read]
            here = manifest.trainings is not None and not (taken or of_taken)
            lines = manifest.trainings[name] if here and manifest.trainings else ((),)
            for line in lines:  # each training after the one that it goes on from
                trained = [[self.run(task, n, seed).provenance] for n in line]
                if not in_order([*trained, *traces, *rest]):
                    return False
        return True

    def failure(self, task: str, entry: str, seed: int) -> str | None:
        """Return the error that a run's last job told, None if there is none in its logs."""
        for rule in RULES:
            log = self.log(rule, task, entry, seed)
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            told = [line for line in lines if line.startswith("error: ")]
            if told:
                return told[-1].removeprefix("error: ")
        return None


def in_order(steps: Iterable[Sequence[Path]]) -> bool:
    """Return whether all files are there, and none is older than one of the step before it."""
    steps = list(steps)
    if not all(path.exists() for step in steps for path in step):
        return False
    times = [[path.stat().st_mtime_ns for path in step] for step in steps]
    return all(max(one) <= min(two) for one, two in pairwise(times))


def listed(path: Path | str) -> list[Path]:
    """Return the paths in a list file, one a line: what a shell line would be too short for."""
    return [Path(line) for line in Path(path).read_text().splitlines() if line]


def named(paths: Iterable[Path], stem: str) -> list[Path]:
    """Return those of some paths whose file has a name, without suffix."""
    return [path for path in paths if path.name.partition(".")[0] == stem]
