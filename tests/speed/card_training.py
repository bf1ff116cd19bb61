"""How many steps a second does a card train? Part `training` of card.py.

Steps go through the same code as a run's trainings, on batches of 16 examples of lengths as MRPC's,
with the settings of the suite's matched rows; random weights and tokens. What is watched is the
host's side of a step: on a card's path `Stage.graph`, which is asked in every one, in the plain
loop the loss itself. The clock is read when the device has done all.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from speed.card_decisions import bert
from speed.card_setting import BERT, Report, Setting, columns_like_mrpc, silent
from speed.training import BATCH, word_tokenizer
from transformers import BertModel

from baselines.loading import load
from smartbert.errors import first_line
from smartbert.methods import Optimisation, Progress, Stage
from smartbert.model.modeling import AdaptiveBert
from smartbert.tasks import task
from smartbert.train import stages
from smartbert.train.card import CardTrainer

TASK = task("rte")
# By how they are told: the registered method, what its matched row has beside the defaults, and
# whether it continues dense BERT.
METHODS: dict[str, tuple[str, dict[str, object], bool]] = {
    BERT: ("full_bert", {"head": "attention"}, False),
    "SmartBERT, first stage": (
        "skip_only",
        {"mask_padding": True, "soft_epochs": 0, "lambda": 0.2, "gate_bias": -3},
        False,
    ),
    "PABEE": ("pabee", {"exits": "attention", "head": "attention"}, False),
    "BERxiT": ("berxit", {}, False),
    "LayerDrop": ("layerdrop", {}, False),
    "DeeBERT, heads on frozen layers": (
        "deebert", {"exits": "attention", "head": "attention", "frozen_dropout": False}, True,
    ),
}  # fmt: skip
ENDLESS = Optimisation(100_000, BATCH, 2e-5, 0, 0.01, 1e-8, 1.0, "last")
FEW = 10  # steps of the plain loop before any are counted
START = 60.0  # seconds in which a process of several has to be ready, at most


class Over(Exception):
    """Ends a training that is watched."""


@dataclass
class Watch:
    """Counts a training's steps in stretches of time, and ends it after the last.

    Attributes:
        orders: seconds of each stretch; the next one begins when it is asked for.
        told: called with steps and seconds of a stretch, and seconds before the first.
        warm: steps before the first stretch.
    """

    orders: Iterator[float]
    told: Callable[[int, float, float], None]
    warm: int
    device: str

    def __post_init__(self) -> None:
        self.since = time.perf_counter()
        self.warm_up = 0.0
        self.first: int | None = None  # step of the stretch
        self.lasts = 0.0

    def __call__(self, progress: Progress) -> None:
        """See a step begin.

        Raises:
            Over: if no stretch is to come.
        """
        if progress.step <= self.warm:
            return
        if self.first is not None and time.perf_counter() < self.since + self.lasts:
            return
        self.wait()
        took = time.perf_counter() - self.since
        if self.first is None:
            self.warm_up = took
        else:
            self.told(progress.step - self.first, took, self.warm_up)
        lasts = next(self.orders, None)
        if lasts is None:
            raise Over
        self.lasts, self.first, self.since = lasts, progress.step, time.perf_counter()

    def wait(self) -> None:
        """Wait until the device has done all."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def watched(stage: Stage, watch: Watch, *, card: bool) -> Stage:
    """Return a stage whose steps are seen; all of them are those of its first epoch, so that there
    are no more kinds of steps than a training has.
    """
    seen_by_graph = card and stage.graph is not None

    def objective(model, batch, progress):
        if not seen_by_graph:
            watch(progress)
        return stage.objective(model, batch, replace(progress, epoch=1))

    def graph(progress):
        watch(progress)
        return stage.graph(replace(progress, epoch=1))

    return replace(stage, objective=objective, graph=graph if seen_by_graph else stage.graph)


def called(key, function, held):
    """Call what a card would capture."""
    return function({name: value.clone() for name, value in held.items()})


def train(setting: Setting, method: str, folder: Path, watch: Watch, *, card: bool) -> None:
    """Train until the watch ends it.

    Args:
        folder: with `backbone` and, for what continues dense BERT, `parent`.
    """
    name, settings, continues = METHODS[method]
    size, subject = setting.size, load(name)
    own = {**subject.defaults, **settings}
    split = columns_like_mrpc(size.fit, size.words, np.random.default_rng(3))
    parent = folder / "parent" if continues else None
    model = stages.build(
        subject, own, backbone=folder / "backbone", parent=parent, tune=split, task=TASK, seed=1
    )
    (stage,) = subject.stages(own, ENDLESS, layers=size.layers)
    here = tempfile.TemporaryDirectory(dir=folder)
    replayed = contextlib.nullcontext()
    if not setting.card:
        replayed = patch.object(stages, "CardTrainer", partial(CardTrainer, run=called))
    with here as checkpoints, replayed, contextlib.suppress(Over):
        stages.train_stage(
            model, watched(stage, watch, card=card), task=TASK, fit=split, tune=split,
            tokenizer=word_tokenizer(), folder=Path(checkpoints), seed=1,
            precision="bf16" if setting.card else "fp32", title="", save_seconds=3600.0, card=card,
        )  # fmt: skip


def prepared(setting: Setting, folder: Path) -> None:
    """Write the models that trainings begin with."""
    torch.manual_seed(0)
    BertModel(bert(setting.size)).save_pretrained(folder / "backbone")
    subject, settings = load("full_bert"), METHODS[BERT][1]
    fields = {**subject.defaults, **settings}
    config = subject.configure(bert(setting.size), fields, labels=TASK.labels)
    AdaptiveBert(config).save_pretrained(folder / "parent")


def training(setting: Setting, report: Report, end: float) -> None:
    """Count steps a second: of dense BERT, of trainings side by side, then of the other methods.

    Args:
        end: of `time.monotonic`; methods for which no time is left are told.
    """
    with tempfile.TemporaryDirectory(prefix="card-") as place:
        folder = Path(place)
        prepared(setting, folder)
        paths(setting, report, BERT, folder)
        try:
            side_by_side(setting, report, folder, end=end)
        except Exception as error:
            report.row(failed=f"side by side: {type(error).__name__}: {first_line(error)}")
        for method in METHODS:
            if method == BERT:
                continue
            if time.monotonic() > end - 2 * setting.size.seconds:
                report.row(method=method, failed="no time left")
                continue
            paths(setting, report, method, folder)


def paths(setting: Setting, report: Report, method: str, folder: Path) -> None:
    """Count a method's steps on the card's path and in the plain loop."""
    for card in (True, False):
        name = "card" if card else "plain"
        report.say(f"training: {method}, {name}")
        captured = card and setting.card and METHODS[method][0] != "layerdrop"
        cells = {"method": method, "path": name, "captured": captured}

        def told(steps: int, seconds: float, warm_up: float, cells: dict = cells) -> None:
            report.row(**cells, steps=steps, rate=steps / seconds, warm_up=warm_up)

        warm = setting.size.fit // BATCH if card else min(FEW, setting.size.fit // BATCH)
        watch = Watch(iter([setting.size.seconds]), told, warm, setting.device)
        try:
            train(setting, method, folder, watch, card=card)
        except Exception as error:
            report.row(**cells, failed=f"{type(error).__name__}: {first_line(error)}")


def side_by_side(setting: Setting, report: Report, folder: Path, *, end: float) -> None:
    """Count the steps of several trainings of dense BERT at a time, all of them together.

    All processes are there from the beginning; those that a stretch does not take wait.
    """
    context, size = get_context("spawn"), setting.size
    pipes, processes = [], []
    most = max(size.processes)
    report.say(f"training: {most} processes begin")
    for _ in range(most):
        here, there = context.Pipe()
        process = context.Process(target=one_of_several, args=(there, setting, folder))
        process.start()
        there.close()
        pipes.append(here)
        processes.append(process)
    try:
        ready, why = [], ""
        until = min(end, time.monotonic() + START)
        for pipe in pipes:
            kind, said = answer(pipe, until - time.monotonic())
            ready += [pipe] if kind == "ready" else []
            why = why if kind == "ready" else str(said)
        for number in size.processes:
            cells = {"processes": number}
            if number > len(ready):
                report.row(**cells, failed=f"{len(ready)} of {most} processes are ready: {why}")
                continue
            report.say(f"training: {number} side by side")
            chosen = ready[:number]
            for pipe in chosen:
                pipe.send(size.seconds)
            found = [answer(pipe, size.seconds + 30) for pipe in chosen]
            if failed := [said for kind, said in found if kind != "steps"]:
                report.row(**cells, failed=str(failed[0]))
                ready = [p for p, (kind, _) in zip(chosen, found, strict=True) if kind == "steps"]
                continue
            rates = [steps / seconds for _, (steps, seconds) in found]
            report.row(**cells, rate=sum(rates), slowest=min(rates))
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def answer(pipe: Connection, seconds: float) -> tuple[str, object]:
    """Return what a process says within some seconds, or why it says nothing."""
    try:
        if pipe.poll(max(0.0, seconds)):
            return pipe.recv()
    except EOFError:
        return "failed", "a process ended"
    return "failed", "a process did not answer in time"


def one_of_several(pipe: Connection, setting: Setting, folder: Path) -> None:
    """Train dense BERT for as many stretches as are ordered."""
    silent()
    torch.set_num_threads(1)  # as the workflow's jobs side by side

    def orders() -> Iterator[float]:
        pipe.send(("ready", None))
        while True:
            yield pipe.recv()

    def told(steps: int, seconds: float, warm_up: float) -> None:
        pipe.send(("steps", (steps, seconds)))

    try:
        watch = Watch(orders(), told, setting.size.fit // BATCH, setting.device)
        train(setting, BERT, folder, watch, card=True)
    except Exception as error:
        pipe.send(("failed", f"{type(error).__name__}: {first_line(error)}"))
