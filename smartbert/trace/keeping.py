"""Keeping: what of a run's trainings is kept, so that it can be continued or replayed elsewhere.

A trace names the weights that it was recorded from, and provenance those that its training wrote:
where the two agree, a run has finished. So this works in the middle of a run, and beside weights
that were trained again for the sake of others. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from smartbert.files import whole
from smartbert.provenance import Provenance
from smartbert.results import (
    CONFIG,
    HISTORY,
    PROVENANCE,
    TAKEN,
    TOKENIZER,
    TRACES,
    TRIALS,
    WEIGHTS,
    Results,
    Run,
)
from smartbert.trace.trace import Trace, meta_of

LEFT_OUT = (CONFIG, WEIGHTS, *TOKENIZER, TRIALS)
OF_TRAINING = (PROVENANCE, TAKEN, HISTORY)  # kept with the traces that they tell of
TABLES = ("*.csv", "*.json")


@dataclass(frozen=True)
class Recorded:
    """A run's traces, and which weights they are of.

    Attributes:
        told: its files that tell of the training behind them, provenance first; none where they are
            read from another entry's.
    """

    traces: dict[str, Trace]
    told: tuple[Path, ...]

    @property
    def model(self) -> str:
        """Hash of the weights."""
        return next(iter(self.traces.values())).meta.model


def keep_runs(source: Results, target: Results) -> list[Path]:
    """Keep the runs that have finished; return their kept files. What is kept already stays, or is
    replaced.
    """
    by_place: dict[tuple[str, int], dict[str, Run]] = {}
    for (task, name, seed), run in source.every_run().items():
        by_place.setdefault((task, seed), {})[name] = run
    found = []
    for (task, seed), runs in by_place.items():
        done = finished(runs)
        for name, run in runs.items():
            kept = target.run(task, name, seed)
            if name in done:
                found += _keep_recorded(done[name], kept)
            if (name not in done or not done[name].told) and run.provenance.exists():
                found += _keep_training(run, kept)
            found += _keep_tables(run, kept, has_finished=name in done)
    return found


def finished(runs: dict[str, Run]) -> dict[str, Recorded]:
    """Return those of the runs of a task and seed whose traces are of a training that is told of,
    their own or another entry's.
    """
    found: dict[str, Recorded] = {}
    unclear: dict[str, Recorded] = {}
    for name, run in runs.items():
        if not all(run.trace(split).exists() for split in TRACES):
            continue
        traces = {split: Trace.load(run.trace(split)) for split in TRACES}
        own = Recorded(traces, _told(name, run, traces))
        if len({trace.meta.model for trace in traces.values()}) == 1:
            (found if own.told else unclear)[name] = own
    models = {one.model for one in found.values()}
    readings = {
        name: own
        for name, own in unclear.items()
        if own.model in models or _reads_kept(name, runs[name], own.model)
    }
    return {**found, **readings}


def _reads_kept(name: str, run: Run, model: str) -> bool:
    """Return whether a run's traces were taken from kept ones that read another entry's."""
    if not run.taken.exists():
        return False
    record = Provenance.read(run.taken)
    return record.method != name and record.weights in (None, model)


def _told(name: str, run: Run, traces: dict[str, Trace]) -> tuple[Path, ...]:
    """Return the files that tell of the training behind a run's traces."""
    models = {trace.meta.model for trace in traces.values()}
    if run.provenance.exists() and Provenance.read(run.provenance).weights in models:
        return tuple(path for path in (run.provenance, run.history) if path.exists())
    if run.taken.exists():
        record = Provenance.read(run.taken)
        if record.method == name and (record.weights is None or record.weights in models):
            return (run.taken,)
    return ()


def _keep_recorded(own: Recorded, kept: Run) -> list[Path]:
    traces = [
        write(trace.rounded().content(packed=True), kept.trace(split, packed=True))
        for split, trace in own.traces.items()
    ]
    names = {HISTORY: kept.history, PROVENANCE: kept.provenance, TAKEN: kept.provenance}
    return [*traces, *(keep(path, names[path.name]) for path in own.told)]


def _keep_training(run: Run, kept: Run) -> list[Path]:
    """Keep what tells of a training whose weights others needed, unless what is kept there tells of
    kept traces.
    """
    if kept.provenance.exists():
        before, model = Provenance.read(kept.provenance).weights, _model(kept)
        if before is None or model == before:
            return []
    files = [path for path in (run.provenance, run.history) if path.exists()]
    return [keep(path, kept.folder / path.name) for path in files]


def _keep_tables(run: Run, kept: Run, *, has_finished: bool) -> list[Path]:
    """Keep what was made of a run's traces, where it is no older than they are."""
    files = [path for kind in TABLES for path in sorted(run.folder.glob(kind))]
    traces = [path for split in TRACES if (path := run.trace(split)).exists()]
    if run.provenance.exists() and not has_finished:
        return []
    newest = max((path.stat().st_mtime_ns for path in traces), default=0)
    return [
        keep(path, kept.folder / path.name)
        for path in files
        if path.name not in (*LEFT_OUT, *OF_TRAINING)
        and not path.name.startswith("states-")  # of a training under way
        and path.stat().st_mtime_ns >= newest
    ]


def _model(kept: Run) -> str | None:
    """Return the weights that kept traces are of, None where there are none."""
    path = kept.trace("test", packed=True)
    return meta_of(path).model if path.exists() else None


def keep(source: Path, target: Path) -> Path:
    """Copy a file; return the copy."""
    return write(source.read_bytes(), target)


def write(content: bytes, target: Path) -> Path:
    """Write a file, unless it is there as it is: a new date would make what comes of it old."""
    if not target.exists() or target.read_bytes() != content:
        with whole(target) as partial:
            partial.write_bytes(content)
    return target


def keep_files(source: Path, target: Path, files: Iterable[Path]) -> list[Path]:
    """Copy files below a folder to the same places below another; return the copies."""
    return [keep(path, target / path.relative_to(source)) for path in sorted(files)]
