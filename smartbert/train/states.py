"""States of frozen layers, held on disk: what exits read while they train, computed once.

Where a stage trains heads on layers that stay as they are, without dropout in them and with padding
left out of the loss, the states of an example are the same in every epoch and for every method that
continues the same model. They are held in bf16, an example after the other. Where training is in
bf16 and a linear map reads them first, that map rounds its input just so; else, and where a head
takes their mean (in float32), they are rounded once more than without, by a part in 256.

Shapes: N examples, L layers, T tokens, H hidden width.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from smartbert.errors import UserError
from smartbert.files import whole
from smartbert.methods.contract import Batch
from smartbert.model.batching import RECORDED_TOKENS, length_batches, pad
from smartbert.model.modeling import AdaptiveBert
from smartbert.records import Record
from smartbert.tasks import Columns
from smartbert.train.precision import products
from smartbert.train.quick import quick

Collator = Callable[[list[dict[str, object]]], Batch]


@dataclass(frozen=True)
class StatesRecord(Record):
    """What held states were made of.

    Attributes:
        weights, data: SHA-256 of the frozen model's weights and of the split.
        gating: of the pass, "off" or "hard".
        precision: in which it was computed.
        layers, width: L and H.
        tokens: of the split in all.
        held: whether they are there; where they would take more disk than allowed they are not, and
            the layers run in every epoch.
    """

    weights: str
    data: str
    gating: str
    precision: str
    layers: int
    width: int
    tokens: int
    held: bool

    @property
    def size(self) -> int:
        """Bytes that the states take."""
        return 2 * self.layers * self.width * self.tokens

    def without(self) -> "StatesRecord":
        """Return the record of states that are not held."""
        return replace(self, held=False)


@torch.no_grad()
def hold(
    model: AdaptiveBert,
    split: Columns,
    record: StatesRecord,
    path: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Run a model over a split and write the states that its exits and final head would read.

    Args:
        progress: called with (examples done, N).
    """
    blocks = _Blocks(record, split["length"])
    batches = length_batches(split["length"], tokens=RECORDED_TOKENS) if record.held else []
    mixed = torch.autocast(model.device.type, torch.bfloat16, enabled=record.precision == "bf16")
    done = 0
    with whole(path) as partial:
        with partial.open("wb") as file:  # a full disk is told now, not by a signal later
            if record.held:
                os.posix_fallocate(file.fileno(), 0, record.size)
        flat = blocks.map(partial, writable=True)
        for rows in batches:
            columns = ([split[name][i] for i in rows] for name in ("input_ids", "token_type_ids"))
            batch = {
                name: part.to(model.device)
                for name, part in pad(*columns, padding=model.config.padding).items()
            }
            with products(record.precision), quick(model), mixed:
                states = model.frozen(batch, record.gating, dropout=False)
            found = torch.stack([*states.exits, states.last]).to("cpu", torch.bfloat16)
            for position, row in enumerate(rows):
                blocks.of(flat, row).copy_(found[:, position, : blocks.lengths[row]])
            done += len(rows)
            progress(done, len(blocks.lengths))


class _Blocks:
    """Where each example's states (L, T, H) lie in the file."""

    def __init__(self, record: StatesRecord, lengths: Sequence[int]):
        self.layers, self.width = record.layers, record.width
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.starts = np.concatenate([[0], self.lengths.cumsum()]) * self.layers * self.width
        self.held = record.held

    def map(self, path: Path, *, writable: bool) -> Tensor:
        """Return the file as one long tensor, mapped into memory."""
        size = int(self.starts[-1]) if self.held else 0
        return torch.from_file(str(path), shared=writable, size=size, dtype=torch.bfloat16)

    def of(self, flat: Tensor, row: int) -> Tensor:
        """Return an example's states (L, T, H)."""
        block = flat[int(self.starts[row]) : int(self.starts[row + 1])]
        return block.view(self.layers, int(self.lengths[row]), self.width)


class HeldStates:
    """The states of a split, read from disk as batches ask for them.

    Args:
        lengths: tokens of each example of the split.

    Raises:
        UserError: if the file is not as large as they say.
    """

    def __init__(self, path: Path, record: StatesRecord, lengths: Sequence[int]):
        if path.stat().st_size != record.size or record.tokens != sum(lengths):
            raise UserError(f"{path} is not whole; delete it and run again")
        self.record = record
        self.blocks = _Blocks(record, lengths)
        self.flat = self.blocks.map(path, writable=False)

    def batch(self, rows: Sequence[int], *, longest: int) -> Tensor:
        """Return the states (L, N, T, H) bf16 of some examples, padded with zeros to T tokens."""
        size = (self.blocks.layers, len(rows), longest, self.blocks.width)
        found = torch.zeros(size, dtype=torch.bfloat16)
        for position, row in enumerate(rows):
            found[:, position, : self.blocks.lengths[row]] = self.blocks.of(self.flat, row)
        return found

    def collator(self, collate: Collator) -> Collator:
        """Return a collator that adds the states of its examples, told apart by `row`."""

        def with_states(features: list[dict[str, object]]) -> Batch:
            rows = [int(str(feature.pop("row"))) for feature in features]
            batch = collate(features)
            batch["states"] = self.batch(rows, longest=batch["input_ids"].shape[1])
            return batch

        return with_states


def read_states(path: Path, *, lengths: Sequence[int], **expected: str | None) -> HeldStates | None:
    """Return the held states that a record stands for, None where they were too large to be held.

    Args:
        path: of the record; the states lie beside it.
        lengths: tokens of each example of the split.
        expected: what the record has to say.

    Raises:
        UserError: if they are of other weights, data or precision, or of another pass.
    """
    record = StatesRecord.read(path)
    if not record.held:
        return None
    for name, value in expected.items():
        if (found := getattr(record, name)) != value:
            raise UserError(
                f"{path} has {name} {found!r}, this training needs {value!r}; delete it and run"
                " again"
            )
    return HeldStates(path.with_suffix(".bin"), record, lengths)
