"""Manifest: what a run consists of, as tables, figures and claims are told it; and what must be
known of a method without loading it.

The registry (`baselines.registry`) fills the methods' records, the workflow the manifest; analysis
and report read them, so that neither imports the other. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from smartbert.records import OPTIONAL, Record
from smartbert.tasks import TaskSpec, adopt

REFERENCE = "full_bert"  # the entry that every ratio is related to
SUBJECT = "smartbert"  # the entry that the others are compared with, and that is ablated
SKIPS = "skip_only"  # its first stage, whose lambda an ablation varies

Role = Literal["reference", "ours", "rival", "control"]
Family = Literal["matched", "released"]
# Rows with heads and budget alike; rows with the heads that each method's own code has.
MATCHED: Family = "matched"
RELEASED: Family = "released"
FAMILIES: tuple[Family, ...] = (MATCHED, RELEASED)


@dataclass(frozen=True)
class Look(Record):
    """How figures draw a method: colour, marker and line of matplotlib."""

    color: str
    marker: str
    line: str


# For entries without a look of their own, in order.
SPARE_LOOKS = (
    Look("#44AA99", "<", "-"),
    Look("#882255", ">", "--"),
    Look("#332288", "p", "-."),
    Look("#999933", "3", "-"),
    Look("#661100", "4", "--"),
    Look("#AA4499", "|", "-."),
    Look("#88CCEE", ".", "-"),
)


def complete_looks(looks: Mapping[str, Look], names: Iterable[str]) -> dict[str, Look]:
    """Return looks for all of some methods: those that have none get the spare ones, by name."""
    lacking = sorted(set(names) - set(looks))
    spare = {name: SPARE_LOOKS[i % len(SPARE_LOOKS)] for i, name in enumerate(lacking)}
    return {**looks, **spare}


MOST_LINES = 7  # methods in one figure of curves, beside dense BERT and the subject's fixed exit


def split_lines(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return which methods the main figure of curves has, and which a second one, in their order:
    the first ones, and the others with dense BERT and the subject beside them; none where the main
    one holds all.
    """
    every = list(names)
    drawn = [name for name in every if name != REFERENCE]
    rest = drawn[MOST_LINES:]
    main = [name for name in every if name not in rest]
    return main, [n for n in every if n in (REFERENCE, SUBJECT, *rest)] if rest else []


@dataclass(frozen=True)
class MethodRecord(Record):
    """A registered method.

    Attributes:
        path: where it is defined, as "module:Class".
        title: how tables and figures call it.
        role: the reference of all ratios, ours, a rival, or a control.
        continues: whether it goes on from another entry's trained model.
        trains: whether it has stages of its own; one that has none records what it is given.
        reads: whether its entries may take their rows from another entry's traces (`reads` in the
            config) in place of recording.
        rows_from: a method that continues this one's model and leaves it as it is: where that one
            is recorded too, its traces say all that this one's would.
        beside: search spaces that main tables and figures show beside the main one, where that
            cannot do the method justice.
        frozen: of a method that trains heads on the layers of the model it continues, the gating
            ("off" or "hard") of the pass that they read; None for others.
        shares: whether its exits use the final head's pooler, where their kind has one.
        settings: of its own, by name, each as a JSON schema; beside those that every training has.
            A kind of head says its `default`, too: what may go together is checked without loading
            the method.
    """

    name: str
    path: str
    title: str
    role: Role
    look: Look
    continues: bool = False
    trains: bool = True
    reads: bool = False
    rows_from: str | None = None
    beside: tuple[str, ...] = ()
    frozen: str | None = None
    shares: bool = False
    settings: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The module that defines it."""
        return self.path.partition(":")[0]


@dataclass(frozen=True)
class ShownMethod(Record):
    """A method as tables and figures show it.

    Attributes:
        members: entries (trainings) behind it.
        title: the config's; None where that is silent.
        beside: search spaces shown beside the main one.
        family: of rows whose heads and budget are alike, or of those as released; None for neither.
    """

    members: tuple[str, ...]
    title: str | None
    role: Role
    look: Look
    family: Family | None = None
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest(Record):
    """What a run, or some tasks of it, consists of.

    Attributes:
        tasks: records by name, in the order of tables.
        seeds: by task.
        methods: by name, in the order of tables.
        spaces: those that are searched.
        trainings: by entry, those behind its traces, in lines: each from one that starts from the
            backbone to its own; None where nothing is trained.
        reads: by entry that reads another's traces, that other.
        ablated: tasks with an ablation.
        shown: by task and method the seeds, where not every method has every task's; older files
            lack it.
        kept: by task and entry the seeds whose traces were taken from kept ones.
    """

    tasks: dict[str, TaskSpec]
    seeds: dict[str, tuple[int, ...]]
    methods: dict[str, ShownMethod]
    spaces: tuple[str, ...]
    trainings: dict[str, tuple[tuple[str, ...], ...]] | None
    ablated: tuple[str, ...]
    reads: dict[str, str] = field(default_factory=dict)
    shown: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict, metadata=OPTIONAL)
    kept: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict, metadata=OPTIONAL)

    @property
    def looks(self) -> dict[str, Look]:
        """How each method is drawn."""
        return {name: method.look for name, method in self.methods.items()}

    @property
    def beside(self) -> dict[str, tuple[str, ...]]:
        """Search spaces shown beside the main one, by method."""
        return {name: method.beside for name, method in self.methods.items()}

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """Every run of it: task, method, seed."""
        every = {task: dict.fromkeys(self.methods, seeds) for task, seeds in self.seeds.items()}
        return [
            (task, method, seed)
            for task, own in (self.shown or every).items()
            for method in self.methods
            for seed in own.get(method, ())
        ]

    def is_kept(self, task: str, entry: str, seed: int) -> bool:
        """Return whether a run's traces were taken from kept ones."""
        return seed in self.kept.get(task, {}).get(entry, ())

    def adopt(self) -> Manifest:
        """Make its tasks' records those that this process knows; return it."""
        for spec in self.tasks.values():
            adopt(spec)
        return self
