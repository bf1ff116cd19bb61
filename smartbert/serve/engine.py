"""Fast adaptive inference: batches without padding, in which every layer sees only the rows that
need it.

`Engine` takes the decisions of `AdaptiveBert.infer`, which stays the method as it is specified, and
makes the FLOPs saved be time saved: the rows of a batch lie end to end, sorted by length, so no
linear map computes padding; attention runs over groups of equal length on a CPU and over one padded
block on other devices; a row that has its answer leaves at once, and a skipping row sits out the
layer. On a card, where a look from the host after every layer costs more than it saves, decisions
are taken there (`on_device`).

Shapes: n rows, M tokens of all rows together, L layers, H hidden width, C classes.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from smartbert.errors import unknown
from smartbert.model.batching import ENGINE_TOKENS, length_batches, pad
from smartbert.model.configuration import policy_from_config
from smartbert.model.gates import Gate, lots
from smartbert.model.heads import needed_extras
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import Decisions, Policy
from smartbert.serve.encoder_forms import encoder_form
from smartbert.serve.fast_modules import (
    FastAttentionHead,
    FastGate,
    FastPair,
    PlainGate,
    fast_head,
)
from smartbert.serve.on_device import OnDevice
from smartbert.serve.rows import Ragged

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
DECIDE = ("auto", "host", "device")
WINDOW = 16  # batches read ahead of a stream, to put rows of similar length together


@dataclass(frozen=True)
class Example:
    """One tokenised input: token ids with special tokens, and segment ids of the same length."""

    ids: Sequence[int]
    types: Sequence[int]


@dataclass(frozen=True)
class Answer:
    """What the engine says of one example.

    Attributes:
        logits: (C,) float32.
        exit_layer: last layer visited, 1-based; L if no exit happened.
        exited: whether an exit answered, before the final head.
        executed: (L,) bool, layers that ran.
    """

    logits: np.ndarray
    exit_layer: int
    exited: bool
    executed: np.ndarray


@dataclass(frozen=True)
class Forced:
    """Decisions given beforehand, to time a pattern of exits and skips; gates and exits are
    computed all the same.

    Attributes:
        exit_layer: (N,) layer whose exit answers, 1-based; L for the final head.
        executed: (N, L) bool, layers that run.
    """

    exit_layer: np.ndarray
    executed: np.ndarray


class Engine:
    """Classifies batches and streams with a trained adaptive model.

    Its decisions are those of one example at a time. Weights are shared with the model where dtype
    and device allow it; the model must not change afterwards.

    Args:
        model: any adaptive model; it is put into evaluation mode.
        policy: thresholds to use; None takes those that the model's config carries.
        dtype: "fp32" or "bf16". Gate scores are compared in float32 in both.
        decide: where decisions are taken: on the "host", after every layer; on the "device", of
            which the host learns now and then; "auto": on a CUDA device there.
    """

    def __init__(
        self,
        model: AdaptiveBert,
        policy: Policy | None = None,
        *,
        dtype: str = "fp32",
        decide: str = "auto",
    ):
        if dtype not in DTYPES:
            raise unknown("dtype", dtype, DTYPES, setting="--dtype")
        if decide not in DECIDE:
            raise unknown("place to decide", decide, DECIDE, setting="`decide`")
        self.policy = policy_from_config(model.config) if policy is None else policy
        self.config = model.config
        self.device = model.device
        self.dtype = DTYPES[dtype]
        model.eval()
        gates = model.gates or ()  # as they are: what is compared stays in float32
        if self.dtype != model.dtype:
            model = copy.deepcopy(model)
            model.to(dtype=self.dtype)  # type: ignore[call-arg]  # the library's wrapper hides its types

        def cast(weight: Tensor) -> Tensor:
            return weight.detach().to(self.dtype).contiguous()

        self.encoder = encoder_form(model, cast)
        self.layers = self.encoder.layers
        self.gates = [
            FastGate(gate, cast)
            if isinstance(gate, Gate) and type(gate) is Gate
            else PlainGate(gate)
            for gate in gates
        ]
        self.exits = [fast_head(module, cast) for module in model.exits or ()]
        self.head = fast_head(model.head, cast)
        self.pairs = [
            FastPair(left, gate, cast)
            if isinstance(left, FastAttentionHead) and isinstance(gate, FastGate)
            else None
            for left, gate in zip(self.exits, self.gates[1:], strict=False)
        ]
        self.needs = needed_extras(self.policy, model.exits)
        self.blind = any(isinstance(gate, PlainGate) for gate in self.gates)
        away = decide == "device" or (decide == "auto" and self.device.type == "cuda")
        self.on_device = OnDevice(self) if away else None

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.layers)

    @torch.inference_mode()
    def run(self, examples: Sequence[Example], forced: Forced | None = None) -> Decisions:
        """Classify one batch of any composition, an empty one included.

        Args:
            forced: decisions to take instead of the policy's.

        Raises:
            ValueError: if an example has no token or more than the model has positions for.
        """
        lengths = np.array([len(example.ids) for example in examples], dtype=np.int64)
        self._check(lengths)
        if self.on_device is not None:
            return self.on_device.run([np.arange(len(lengths))], examples, forced)
        n, depth, classes = len(lengths), self.depth, self.config.classes
        logits = np.empty((n, classes), dtype=np.float32)
        executed = np.zeros((n, depth), dtype=bool)
        exit_layer = np.full(n, depth)
        exited = np.zeros(n, dtype=bool)
        answers = Decisions(logits, exit_layer, exited, executed)
        if not n:
            return answers
        alive = np.argsort(-lengths, kind="stable")
        rows = Ragged(lengths[alive], self.device)
        first = [examples[i] for i in alive]
        hidden = self.encoder.embed([e.ids for e in first], [e.types for e in first], rows)
        draws = self.draws(examples)
        state, gates = self.policy.start(n), None
        for index, layer in enumerate(self.layers):
            if gates is None:
                gates = self._gates(index, hidden, rows, alive, draws)
            runs = self._runs(index, gates, alive, forced)
            gates = None
            run = alive
            if runs.all():
                hidden = own = layer(hidden, rows)
                own_rows = rows
            elif runs.any():
                chosen = np.flatnonzero(runs)
                run, own_rows = alive[chosen], Ragged(rows.lengths[chosen], self.device)
                where = rows.tokens(chosen)
                own = layer(hidden[where], own_rows)
                hidden.index_copy_(0, where, own)
            else:
                continue
            executed[run, index] = True
            if index == depth - 1 or not self.exits or not self.policy.tests(index):
                continue
            pair = self.pairs[index] if own_rows is rows and self.skipping else None
            extras: dict[str, np.ndarray] = {}
            if self.needs:
                said, given = self.exits[index].answer(own, own_rows)
                answer = said.float().cpu().numpy()
                extras = {name: value.float().cpu().numpy() for name, value in given.items()}
            elif pair is not None:
                answer, gates = pair.arrays(own, rows)
            else:
                answer = self.exits[index].arrays(own, own_rows)
            stop = self.policy.step(state, answer, rows=run, layer=index, extras=extras)
            if forced is not None:
                stop = forced.exit_layer[run] == index + 1
            if not stop.any():
                continue
            done = run[stop]
            logits[done], exit_layer[done], exited[done] = answer[stop], index + 1, True
            stay = np.flatnonzero(~exited[alive])
            if not len(stay):
                return answers
            hidden = hidden[rows.tokens(stay)]
            gates = None if gates is None else gates[stay]
            alive, rows = alive[stay], Ragged(rows.lengths[stay], self.device)
        logits[alive] = self.head.arrays(hidden, rows)
        return answers

    @property
    def skipping(self) -> bool:
        """Whether any layer may be skipped."""
        return bool(self.gates) and self.policy.skip_threshold is not None

    def _gates(
        self, index: int, hidden: Tensor, rows: Ragged, alive: np.ndarray, draws: Tensor | None
    ) -> np.ndarray | None:
        """Return the rows' gates of layer `index`, (n,); None where nothing is ever skipped."""
        if not self.skipping:
            return None
        draw = None if draws is None else draws[torch.as_tensor(alive), index]
        return self.gates[index].arrays(hidden, rows, draw)

    def _runs(
        self, index: int, gates: np.ndarray | None, alive: np.ndarray, forced: Forced | None
    ) -> np.ndarray:
        """Return which of the rows run layer `index`, (n,) bool."""
        if gates is None:
            return np.ones(len(alive), dtype=bool)
        return ~self.policy.skips(gates) if forced is None else forced.executed[alive, index]

    def _check(self, lengths: np.ndarray) -> None:
        most = self.config.positions
        if len(lengths) and (lengths.min() < 1 or lengths.max() > most):
            raise ValueError(
                f"an example has {lengths.min() if lengths.min() < 1 else lengths.max()} tokens;"
                f" this model takes 1 to {most}"
            )

    def draws(self, examples: Sequence[Example]) -> Tensor | None:
        """Return the lots (N, L), on the CPU, of gates that do not look at the example."""
        if not self.blind:
            return None
        batch = pad([e.ids for e in examples], [e.types for e in examples])
        ids, shown = batch["input_ids"], batch["attention_mask"]
        return torch.stack([lots(ids, shown, index) for index in range(self.depth)], 1)

    def stream(
        self, examples: Iterable[Example], *, batch_size: int = 32, window: int = WINDOW
    ) -> Iterator[Answer]:
        """Classify any iterable and answer in its order, holding `batch_size * window` examples at
        most.

        Args:
            window: batches that are read before the first answer, so that rows of similar length
                share one; 1 answers after every batch.
        """
        source = iter(examples)
        while held := list(islice(source, batch_size * window)):
            yield from self._window(held, batch_size)

    def _window(self, held: list[Example], batch_size: int) -> list[Answer]:
        lengths = [len(example.ids) for example in held]
        batches = length_batches(lengths, tokens=ENGINE_TOKENS, rows=batch_size)
        if self.on_device is not None:
            self._check(np.array(lengths))
            return _answers(self.on_device.run(batches, held, None))
        answers: dict[int, Answer] = {}
        for batch in batches:
            found = self.run([held[i] for i in batch])
            answers |= dict(zip(batch.tolist(), _answers(found), strict=True))
        return [answers[i] for i in range(len(held))]


def _answers(found: Decisions) -> list[Answer]:
    """Return what was decided of a batch, an example at a time."""
    return [
        Answer(logits, int(layer), bool(exited), executed)
        for logits, layer, exited, executed in zip(
            found.logits, found.exit_layer, found.exited, found.executed, strict=True
        )
    ]
