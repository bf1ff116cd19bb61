"""Kept: which runs of a config are taken from the folder in `traces_from`, and which are trained.

A kept run counts when the settings of its training and of all that it came of are those that the
config has now, and its data are the config's. What a record does not say, because it is older than
that statement, is no difference: a setting has its method's default, and `auto` without the
precision that it meant is bf16, which it was. Code decides nothing here. No torch, unless a setting
is lacking.

A training for weights that a new child needs leaves the kept traces of its entry alone, and those
of its older children: their records tell the settings that they came of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from smartbert.data.settings import DataSettings
from smartbert.errors import UserError
from smartbert.head_kinds import renamed
from smartbert.provenance import Ancestor, Provenance, sha256
from smartbert.results import TRACES, Results, Run
from smartbert.tasks import TASKS, TaskData
from smartbert.trace.trace import meta_of
from workflow.settings.entries import (
    entry,
    method_settings,
    needed,
    record,
    registered,
    seeds,
    traces,
)
from workflow.settings.options import data_settings
from workflow.settings.plan import entries_of, read_from

Key = tuple[str, str, int]  # task, entry, seed
OF_TASK = ("columns", "labels", "score", "group", "label")  # what a task's data and scores hang on
TOLD = 3  # of the runs that do not count, in the line that says how many there are


@dataclass(frozen=True)
class Kept:
    """What of a config's run is kept, and what is trained.

    Attributes:
        folder: where it is kept; None where the config names none.
        taken: the runs whose traces are taken from there, each with the provenance of the training
            behind them.
        wanted: how many runs the config asks for; `replayed`: those of them that are kept.
        trained: what is trained for the others, each after those that it comes of.
        differing: why others that are kept, too, do not count.
    """

    folder: Path | None
    taken: dict[Key, Path]
    wanted: int
    replayed: tuple[Key, ...]
    trained: tuple[Key, ...]
    differing: dict[Key, str]

    @property
    def complete(self) -> bool:
        """Whether nothing is trained."""
        return not self.trained

    def seeds(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Return the seeds that are taken, by task and entry."""
        found: dict[str, dict[str, tuple[int, ...]]] = {}
        for task, name, seed in sorted(self.taken):
            own = found.setdefault(task, {})
            own[name] = (*own.get(name, ()), seed)
        return found

    def told(self) -> str:
        """Return what is kept and what is not, as one line."""
        line = f"{self.folder}: {len(self.replayed)} of {self.wanted} runs kept"
        line += f", {len(self.trained)} trained"
        if self.complete:
            line += " (data and backbone: compared only where at hand)"
        if again := [key for key in self.trained if key in self.taken]:
            line += f" ({len(again)} for weights alone: {_names(again)})"
        if self.differing:
            first: dict[str, Key] = {}
            for key, why in self.differing.items():
                first.setdefault(why, key)
            reasons = [f"{named(key)}: {why}" for why, key in list(first.items())[:TOLD]]
            more = ["..."] if len(self.differing) > len(reasons) else []
            line += f"; {len(self.differing)} kept, not counted: {'; '.join(reasons + more)}"
        return line


def decide(config: dict) -> Kept:
    """Return which runs of a config are kept, and which are trained.

    Raises:
        UserError: if the folder does not exist, or a record in it is damaged.
    """
    if config["traces_from"] is None:
        return Kept(None, {}, 0, (), tuple(_trainings(config, {})), {})
    folder, every = Folder.read(config), asked(config)
    names = {name for _, name, _ in [*folder.runs, *every]}
    read = {name: read_from(config, name) or name for name in names}
    whys = {key: folder.difference(key) for key in folder.runs}
    behind = {(task, name, seed): (task, read[name], seed) for task, name, seed in [*whys, *every]}
    taken = {
        key: folder.runs[behind[key]].provenance
        for key in whys
        if whys.get(behind[key], "") is None
        and folder.agrees(key, behind[key])
        and entry(config, key[1], "reads") is None  # a rule reads it anew, as the config now says
    }
    return Kept(
        Path(config["traces_from"]),
        taken,
        len(every),
        tuple(key for key in every if behind[key] in taken),
        tuple(_trainings(config, taken)),
        {key: why for key in every if key in folder.models and (why := whys.get(behind[key]))},
    )


def asked(config: dict) -> list[Key]:
    """Return the runs that a config's tables and ablations are of, and that are done here."""
    found = []
    for task in config["tasks"]:
        # Traces from elsewhere lie where their entry says, and are neither kept nor trained.
        names = [one for one in entries_of(config, task) if traces(config, one) is None]
        found += [(task, name, seed) for name in names for seed in seeds(config, task, name)]
    return found


def _trainings(config: dict, taken: Mapping[Key, Path]) -> Iterator[Key]:
    """Yield the runs to train, each after those whose weights it needs."""
    every = asked(config)
    names = {name: read_from(config, name) or name for name in {name for _, name, _ in every}}
    found: dict[Key, None] = {}
    for task, name, seed in every:
        own = names[name]
        if (task, own, seed) not in taken:
            found |= dict.fromkeys((task, one, seed) for one in [*needed(config, own), own])
    yield from found


@dataclass(frozen=True)
class Folder:
    """A folder of kept runs, each record read once, beside the config that asks for them.

    Attributes:
        runs: those whose task and entry the config knows.
        records: their provenance, of those that have one.
        models: the weights that their traces are of, of those that have both.
        kept, here: by task what data they were made of, and what this config's are, where those
            have been made already.
        backbone: hash of this run's backbone, None where that is not at hand.
    """

    config: dict
    runs: dict[Key, Run]
    records: dict[Key, Provenance]
    models: dict[Key, set[str]]
    kept: dict[str, TaskData]
    here: dict[str, TaskData]
    backbone: str | None

    @classmethod
    def read(cls, config: dict) -> Folder:
        """Return the folder that a config names.

        Raises:
            UserError: if it does not exist, or a record in it is damaged.
        """
        folder = Path(config["traces_from"])
        if not folder.is_dir():
            raise UserError(
                f"folder {str(folder)!r} does not exist; set by `traces_from` in the config"
            )
        kept, own = Results(folder), Results(Path(config["results"]))
        every = kept.every_run().items()
        runs = {key: run for key, run in every if key[0] in TASKS and key[1] in config["methods"]}
        records = {
            k: Provenance.read(r.provenance) for k, r in runs.items() if r.provenance.exists()
        }
        tasks = dict.fromkeys(task for task, _, _ in runs)
        begun = any(record.backbone for record in records.values()) and own.backbone.exists()
        return cls(
            config,
            runs,
            records,
            {key: _models(run) for key, run in runs.items() if _has_traces(run)},
            {task: TaskData.read(path) for task in tasks if (path := kept.task(task)).exists()},
            {task: TaskData.read(path) for task in tasks if (path := own.task(task)).exists()},
            sha256(own.backbone) if begun else None,
        )

    def difference(self, key: Key) -> str | None:
        """Return why a run does not count, None if it does."""
        if key not in self.models:
            return "its traces are missing"
        if key not in self.records:
            return "its provenance is missing"
        if (found := self._of_data(key) or self._of_line(key)) is not None:
            return found
        same = self.agrees(key, key)
        return None if same else "its traces are of another training than its provenance"

    def agrees(self, key: Key, source: Key) -> bool:
        """Return whether a run's traces are of the weights that it reads traces of, or of its own,
        as they were recorded before there was reading.
        """
        known = {self.records[one].weights for one in (source, key) if one in self.records}
        return key in self.models and (None in known or self.models[key] <= known)

    def _of_line(self, key: Key) -> str | None:
        """Return where a training, or one that it came of, is not what the config says."""
        task, name, seed = key
        for one in [*needed(self.config, name), name]:
            record: Provenance | None = self.records[key]
            if record and record.origin is None:  # an older record, which tells of itself alone
                record = self.records.get((task, one, seed))
            if record is None or one not in record.line:
                return f"it comes of {one}, of which no provenance is kept"
            if found := settings_difference(self.config, task, one, record.line[one]):
                return found if one == name else f"{found} ({one})"
        return None

    def _of_data(self, key: Key) -> str | None:
        """Return in what a run's data are not the config's, as far as that is known before they
        are made; the job that takes its traces looks at their content again.
        """
        task, record = key[0], self.records[key]
        if self.backbone and record.backbone and record.backbone != self.backbone:
            return "it began with other weights than the run's backbone"
        wanted = _complete(data_settings(self.config, task))
        known = self.kept.get(task)
        if (own := self.here.get(task)) and _complete(own.settings) == wanted:
            known = own
        if known is None:
            return f"data/{task}/task.json is missing"
        said = _complete(known.settings)
        for name in sorted(wanted):
            if name != "path" and wanted[name] != said.get(name):
                return f"{name} of its data is {wanted[name]}, kept is {said.get(name)}"
        for name in OF_TASK:
            own, kept = getattr(TASKS[task], name), getattr(known.spec, name)
            if own != kept:
                return f"{name} of the task is {_words(own)}, kept is {_words(kept)}"
        for split, content in known.splits.items():
            if split not in record.data or record.data[split].sha256 != content.sha256:
                return f"it was made of other data ({split})"
        return None


def settings_difference(config: dict, task: str, name: str, made: Ancestor) -> str | None:
    """Return in what a training's settings are not those of an entry, None if they are."""
    own, said = renamed(method_settings(config, task, name)), renamed(made.settings)
    if own["precision"] != "auto":
        old = "bf16" if said.get("precision") == "auto" else said.get("precision")
        said["precision"] = made.precision or old
    if made.origin is not None:
        for key in ("continues", "teacher"):
            own[key], said[key] = entry(config, name, key), getattr(made.origin, key)
        own["method"], said["method"] = registered(config, name), made.origin.method
    for key in sorted({*own, *said}):
        one, other = (v[key] if key in v else _default(config, name, key) for v in (own, said))
        if key == "heads_rate" and (one is None) != (other is None):  # null: the training's
            one, other = (
                settings["learning_rate"] if rate is None else rate
                for rate, settings in ((one, own), (other, said))
            )
        if one != other:
            return f"{key} is {one}, kept is {other}"
    return None


def _default(config: dict, name: str, key: str) -> object:
    """Return what a setting is where nobody says it, None if the method does not have it."""
    told = own.settings.get(key, {}) if (own := record(config, name)) else {}
    if "default" in told:
        return told["default"]
    from baselines.loading import load  # imports torch

    return load(registered(config, name), entry(config, name, "source")).defaults.get(key)


def _complete(settings: dict[str, object]) -> dict[str, object]:
    """Return the settings of data, with the default of what an older record lacks."""
    try:
        return asdict(DataSettings.from_json(settings))
    except ValueError:
        return settings


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _models(run: Run) -> set[str]:
    return {meta_of(run.trace(split, packed=True)).model for split in TRACES}


def _has_traces(run: Run) -> bool:
    return all(run.trace(split, packed=True).exists() for split in TRACES)


def _names(keys: Sequence[Key]) -> str:
    """Return the first of some runs, as they are told."""
    return ", ".join([*map(named, keys[:TOLD]), *(["..."] if len(keys) > TOLD else [])])


def named(key: Key) -> str:
    """Return how a run is told."""
    task, name, seed = key
    return f"{task}/{name}/seed{seed}"
