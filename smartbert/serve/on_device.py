"""The engine's decisions taken on the device: for cards, where a look from the host costs as much
as a layer.

Signals, counters, thresholds, gates and who is alive stay on the device. A batch goes through the
layers in stretches; within one all its rows are computed, and what a row that is done or skips
would get is thrown away. Between stretches the host looks once at who is alive: rows that are done
are squeezed out, and in a stream the rows of new texts take their places (batching by depth). On a
card a stretch is captured once for each shape and replayed.

Shapes: n rows, T tokens of the longest, L layers, H hidden width, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from smartbert.criteria import Array, Seen, State
from smartbert.model.captured import Captured, Held
from smartbert.policies import Decisions
from smartbert.serve.rows import Block

if TYPE_CHECKING:
    from smartbert.serve.engine import Engine, Example, Forced

MOST_LOOKS = 5  # of the host at a batch, before the last one, which takes the answers
# What squeezing rows out costs, in layers of the whole batch: less than this is not worth it.
SQUEEZING = 0.25
WIDTHS = 16  # captured shapes are of so many tokens, or a multiple
ROWS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # and of so many rows
MEMORY = "memory of "  # before the names of what an exit rule remembers


def stretches(depth: int, *, looks: bool) -> list[tuple[int, int]]:
    """Return the layers (first, end) of each stretch: about equally many.

    Args:
        looks: whether there is anything to look for between them.
    """
    step = max(1, -(-depth // (MOST_LOOKS + 1))) if looks else depth
    return [(first, min(first + step, depth)) for first in range(0, depth, step)]


@dataclass
class Batch:
    """Rows that have come equally far.

    Attributes:
        held: what is known of the rows on the device, each with n first: hidden (n, T, H), present
            (n, T), alive (n,), place (n,) among all examples, answer (n, C + 2 + L), and what rule,
            gates and `forced` need.
        lengths: (n,) tokens of each row, on the host; 0 for a row that only fills a shape.
    """

    held: Held
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def kept(self, rows: np.ndarray) -> Batch:
        """Return some rows, in as many columns as their longest has."""
        lengths = self.lengths[rows]
        device = self.held["hidden"].device
        where = torch.as_tensor(rows).to(device, non_blocking=True)
        found = {name: value.index_select(0, where) for name, value in self.held.items()}
        return Batch(_narrowed(found, int(lengths.max())), lengths)


def joined(batches: Sequence[Batch]) -> Batch:
    """Return the rows of several batches as one."""
    longest = max(int(batch.lengths.max()) for batch in batches)
    parts = [_widened(batch.held, longest) for batch in batches]
    held = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return Batch(held, np.concatenate([batch.lengths for batch in batches]))


def _narrowed(held: Held, width: int) -> Held:
    return {**held, **{name: held[name][:, :width] for name in ("hidden", "present")}}


def _widened(held: Held, width: int) -> Held:
    more = width - held["present"].shape[1]
    if more <= 0:
        return _narrowed(held, width)
    hidden = torch.nn.functional.pad(held["hidden"], (0, 0, 0, more))
    return {
        **held,
        "hidden": hidden,
        "present": torch.nn.functional.pad(held["present"], (0, more)),
    }


class Masked(State):
    """What a rule remembers of rows all of which it is shown, though some did not run the layer:
    theirs stays as it was.
    """

    def __init__(self, held: Held, n: int):
        super().__init__(n)
        names = [name for name in held if name.startswith(MEMORY)]
        self._memory = {name.removeprefix(MEMORY): held[name] for name in names}  # type: ignore[misc]  # tensors serve as arrays
        self._written: dict[str, Array] = {}

    def memory(self, name: str, seen: Seen, *, start: float, whole: bool = False) -> Array:
        """Return a copy of a rule's array, to be written to."""
        if name not in self._written:
            self._written[name] = super().memory(name, seen, start=start, whole=whole).clone()  # type: ignore[attr-defined]  # a tensor, here
        return self._written[name]

    def after(self, ran: Tensor) -> Held:
        """Return what is remembered, written where rows ran the layer (n,)."""
        return {
            MEMORY + name: torch.where(ran, self._written.get(name, old), old)  # type: ignore[call-overload]  # tensors, here
            for name, old in self._memory.items()
        }


class OnDevice:
    """Runs an engine's modules with decisions on the device."""

    def __init__(self, engine: Engine):
        self.engine = engine
        policy = engine.policy
        self.exits = bool(engine.exits) and policy.tested(engine.depth).any()
        self.stretches = stretches(engine.depth, looks=bool(self.exits))
        self.captured = Captured() if engine.device.type == "cuda" else None

    @torch.inference_mode()
    def run(
        self, batches: Sequence[np.ndarray], examples: Sequence[Example], forced: Forced | None
    ) -> Decisions:
        """Classify examples in batches of row numbers; a batch of survivors is as large as the
        largest of these.
        """
        engine, depth = self.engine, self.engine.depth
        classes = engine.config.classes
        most = max(map(len, batches), default=0)
        answers = torch.zeros(len(examples) + 1, classes + 2 + depth, device=engine.device)
        waiting: list[list[Batch]] = [[] for _ in self.stretches]
        for rows in filter(len, batches):
            waiting[0].append(self._begun(rows, [examples[i] for i in rows], forced))
            self._advance(waiting, answers, most=most, until=0)
        for stage in range(1, len(self.stretches)):
            self._advance(waiting, answers, most=most, until=stage)
        found = answers[:-1].cpu().numpy()  # the last row is for rows that only fill a shape
        executed = found[:, classes + 2 :] > 0
        exit_layer, exited = found[:, classes].astype(np.int64), found[:, classes + 1] > 0
        return Decisions(found[:, :classes].copy(), exit_layer, exited, executed)

    def _advance(
        self, waiting: list[list[Batch]], answers: Tensor, *, most: int, until: int
    ) -> None:
        """Run what waits before each stretch: up to `until` all of it, beyond it full batches."""
        for stage, held in enumerate(waiting):
            while held and (stage <= until or sum(map(len, held)) >= most):
                after = self._stretch(stage, _taken(held, most), answers)
                if after is not None:
                    waiting[stage + 1].append(after)

    def _begun(self, rows: np.ndarray, own: Sequence[Example], forced: Forced | None) -> Batch:
        """Return a batch before its first layer; all that is said of it is sent in one array."""
        engine, device = self.engine, self.engine.device
        lengths = np.array([len(example.ids) for example in own], dtype=np.int64)
        n, width = len(own), int(lengths.max())
        sent = np.full((n, 2 * width + 2), engine.config.padding, dtype=np.int64)
        sent[:, width : 2 * width] = 0
        sent[:, -2], sent[:, -1] = lengths, rows
        for place, example in enumerate(own):
            sent[place, : lengths[place]] = example.ids
            sent[place, width : width + lengths[place]] = example.types
        packed = torch.as_tensor(sent)
        if device.type == "cuda":
            packed = packed.pin_memory()
        packed = packed.to(device, non_blocking=True)
        ids, kinds = packed[:, :width], packed[:, width : 2 * width]
        present = torch.arange(width, device=device) < packed[:, -2:-1]
        depth, classes = engine.depth, engine.config.classes
        held = {
            "hidden": engine.encoder.embed_block(ids, kinds, present),
            "present": present,
            "alive": torch.ones(n, dtype=torch.bool, device=device),
            "place": packed[:, -1],
            "answer": torch.zeros(n, classes + 2 + depth, device=device),
        }
        if (draws := engine.draws(own)) is not None:
            held["draws"] = draws.to(device)
        if forced is not None:
            held["forced exit"] = torch.as_tensor(forced.exit_layer[rows]).to(device)
            held["forced layers"] = torch.as_tensor(forced.executed[rows]).to(device)
        return Batch(held, lengths)

    def _stretch(self, stage: int, batch: Batch, answers: Tensor) -> Batch | None:
        """Run a batch through a stretch, write down its answers; return who is to go on."""
        first, end = self.stretches[stage]
        depth = self.engine.depth
        function = partial(self.layers, first, end)
        if self.captured is None:
            held = function(batch.held)
        else:
            batch = filled(batch, trash=len(answers) - 1)
            key = (first, *batch.held["present"].shape, *sorted(batch.held))
            held = self.captured(key, function, batch.held)
        answers.index_copy_(0, held["place"], held["answer"])
        if end == depth:
            return None
        alive = held["alive"].cpu().numpy() & (batch.lengths > 0)
        rows = np.flatnonzero(alive)
        if not len(rows):
            return None
        after = Batch(held, batch.lengths)
        if self._pays(len(rows), len(batch), left=depth - end):
            return after.kept(rows)
        if self.captured is not None:  # the next batch of this shape writes where these lie
            after.held = {name: value.clone() for name, value in held.items()}
        return after

    def _pays(self, rows: int, of: int, *, left: int) -> bool:
        """Return whether squeezing so many rows out of a batch costs less than what the others
        would still compute, in layers of the whole batch.
        """
        if self.captured is None:
            return rows < of
        return (1 - _shape(rows) / of) * left > SQUEEZING

    def layers(self, first: int, end: int, held: Held) -> Held:
        """Run layers `first` to `end` (0-based, without it) on n rows; no number comes to the host.

        Returns what is held after them.
        """
        engine, policy = self.engine, self.engine.policy
        depth, classes = engine.depth, engine.config.classes
        rows = Block(held["present"])
        n, width, _ = held["hidden"].shape
        hidden = held["hidden"].reshape(n * width, -1)
        alive, answer = held["alive"], held["answer"].clone()
        numbers = torch.arange(n, device=hidden.device)
        memory: Held = {name: value for name, value in held.items() if name.startswith(MEMORY)}
        gates: Tensor | None = None
        for index in range(first, end):
            if gates is None and engine.skipping:
                draw = held["draws"][:, index] if "draws" in held else None
                gates = engine.gates[index](hidden, rows, draw)
            ran = alive if gates is None else alive & self._runs(index, gates, held)
            gates = None
            own = engine.layers[index](hidden, rows)
            # Whatever a row that skips or is done would get is thrown away.
            hidden = (
                torch.where(
                    ran[:, None, None], own.view(n, width, -1), hidden.view(n, width, -1)
                ).reshape(n * width, -1)
                if engine.skipping
                else own
            )
            answer[:, classes + 2 + index] = ran.float()
            if index == depth - 1 or not self.exits or not policy.tests(index):
                continue
            extras: dict[str, Tensor] = {}
            pair = engine.pairs[index] if engine.skipping else None
            if engine.needs:
                said, extras = engine.exits[index].answer(hidden, rows)
            elif pair is not None:
                said, gates = pair(hidden, rows)
            else:
                said = engine.exits[index](hidden, rows)
            said = said.float()
            state = Masked(memory, n)
            stop: Tensor = policy.step(state, said, rows=numbers, layer=index, extras=extras)  # type: ignore[arg-type, assignment]  # tensors serve as arrays
            memory = state.after(ran)
            if "forced exit" in held:
                stop = held["forced exit"] == index + 1
            answer, alive = self._left(answer, said, ran & stop, alive, index=index)
        if end == depth:
            said = engine.head(hidden, rows).float()
            answer = torch.where(alive[:, None], self._written(answer, said, depth), answer)
        after = {**held, **memory, "hidden": hidden.view(n, width, -1)}
        return {**after, "alive": alive, "answer": answer}

    def _runs(self, index: int, gates: Tensor, held: Held) -> Tensor:
        """Return which rows run layer `index` by their gates (n,)."""
        if "forced layers" in held:
            return held["forced layers"][:, index]
        return ~self.engine.policy.skips(gates)  # type: ignore[arg-type, return-value]  # tensors serve as arrays

    def _left(
        self, answer: Tensor, said: Tensor, stop: Tensor, alive: Tensor, *, index: int
    ) -> tuple[Tensor, Tensor]:
        """Return the answers with those of the rows that stop after layer `index`, and who is
        alive then.
        """
        classes = self.engine.config.classes
        written = self._written(answer, said, index + 1)
        written[:, classes + 1] = 1.0
        return torch.where(stop[:, None], written, answer), alive & ~stop

    def _written(self, answer: Tensor, said: Tensor, layer: int) -> Tensor:
        """Return answers as they are where logits (n, C) are given after a layer (1-based)."""
        classes = self.engine.config.classes
        written = answer.clone()
        written[:, :classes] = said
        written[:, classes] = layer
        return written


def _taken(held: list[Batch], most: int) -> Batch:
    """Take up to `most` rows from what waits before a stretch."""
    taken = [held.pop(0)]
    while held and sum(map(len, taken)) + len(held[0]) <= most:
        taken.append(held.pop(0))
    return taken[0] if len(taken) == 1 else joined(taken)


def _shape(rows: int) -> int:
    """Return how many rows the shape has that so many are captured in."""
    return next((one for one in ROWS if one >= rows), rows)


def filled(batch: Batch, *, trash: int) -> Batch:
    """Return a batch with rows and columns added up to one of the shapes that are captured.

    Args:
        trash: where the answers of added rows are written.
    """
    n = len(batch)
    more = _shape(n) - n
    width = -(-batch.held["present"].shape[1] // WIDTHS) * WIDTHS
    held = _widened(batch.held, width)
    if more:
        held = {
            name: torch.cat([value, value[:1].expand(more, *value.shape[1:])])
            for name, value in held.items()
        }
        held["place"][n:] = trash
        held["alive"][n:] = False
    return Batch(held, np.append(batch.lengths, np.zeros(more, dtype=np.int64)))
