"""Rows of different lengths: laid end to end, so that no layer computes padding; or in a padded
block, whose shape no decision changes.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Rows(Protocol):
    """How the tokens of n rows lie in one tensor (M, w)."""

    def __len__(self) -> int: ...

    @property
    def even(self) -> bool:
        """Whether all rows are equally long."""

    @property
    def first(self) -> Tensor:
        """Where each row's first token lies, (n,)."""

    @property
    def present(self) -> Tensor | None:
        """Which cells of the padded block hold a token, (n, T) bool; None if all do."""

    @property
    def apart(self) -> Sequence[tuple[int, int, int]] | None:
        """(First token, rows, length) of each stretch of equally long rows, where a layer takes
        them one after the other; None where it takes the padded block.
        """

    def padded(self, values: Tensor) -> Tensor:
        """Return values (M, w) as a block (n, T, w)."""

    def flat(self, block: Tensor) -> Tensor:
        """Return a block (n, T, w) as (M, w)."""

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of each row's values (M, w), in float32 (n, w)."""


class Ragged:
    """How rows of different lengths lie end to end in one tensor of M tokens.

    Args:
        lengths: (n,) int64, descending.
    """

    def __init__(self, lengths: np.ndarray, device: torch.device):
        self.lengths = lengths
        self.device = device
        self.starts = np.cumsum(lengths) - lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def even(self) -> bool:
        """Whether all rows are equally long."""
        return len(self) == 0 or self.lengths[0] == self.lengths[-1]

    @cached_property
    def first(self) -> Tensor:
        """Return where each row's first token lies, (n,)."""
        return torch.as_tensor(self.starts, device=self.device)

    @cached_property
    def apart(self) -> list[tuple[int, int, int]] | None:
        """Return (first token, rows, length) of each stretch of equally long rows; None on other
        devices than a CPU, which would wait for so many small products.
        """
        if self.device.type != "cpu":
            return None
        cuts = np.flatnonzero(np.diff(self.lengths)) + 1
        first = np.concatenate([[0], cuts]).astype(np.int64)
        counts = np.diff(np.append(first, len(self)))
        return [
            (int(self.starts[i]), int(n), int(self.lengths[i]))
            for i, n in zip(first, counts, strict=True)
        ]

    def tokens(self, rows: np.ndarray) -> Tensor:
        """Return where the tokens of some rows lie, (M',)."""
        lengths = self.lengths[rows]
        shift = self.starts[rows] - (np.cumsum(lengths) - lengths)
        return torch.as_tensor(
            np.arange(lengths.sum()) + np.repeat(shift, lengths), device=self.device
        )

    @cached_property
    def cells(self) -> Tensor:
        """Return where each token lies in a padded block, (M,) into n x T."""
        longest = self.lengths[0]
        shift = np.arange(len(self)) * longest - self.starts
        return torch.as_tensor(
            np.arange(self.lengths.sum()) + np.repeat(shift, self.lengths), device=self.device
        )

    @cached_property
    def present(self) -> Tensor | None:
        """Return which cells of the padded block hold a token, (n, T) bool; None if all do."""
        if self.even:
            return None
        grid = np.arange(self.lengths[0]) < self.lengths[:, None]
        return torch.as_tensor(grid, device=self.device)

    def padded(self, values: Tensor) -> Tensor:
        """Return values (M, w) as a block (n, T, w), zeros beyond each row's end."""
        shape = (len(self), int(self.lengths[0]), values.shape[-1])
        if self.even:
            return values.view(shape)
        block = values.new_zeros(shape[0] * shape[1], shape[2])
        return block.index_copy_(0, self.cells, values).view(shape)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of each row's values (M, w), in float32 (n, w)."""
        counts = torch.as_tensor(self.lengths, device=self.device)[:, None]
        if (groups := self.apart) is not None:
            sums = [
                values[start : start + n * t].view(n, t, -1).float().sum(1)
                for start, n, t in groups
            ]
            return torch.cat(sums) / counts
        return self.padded(values).float().sum(1) / counts

    def flat(self, block: Tensor) -> Tensor:
        """Return a block (n, T, w) as (M, w)."""
        values = block.reshape(-1, block.shape[-1])
        return values if self.even else values[self.cells]


class Block:
    """Rows in one padded block; what is known of them is on the device.

    Args:
        present: (n, T) bool, which cells hold a token.
    """

    even, apart = False, None

    def __init__(self, present: Tensor):
        self.present = present
        self.n, self.width = present.shape

    def __len__(self) -> int:
        return self.n

    @cached_property
    def first(self) -> Tensor:
        """Return where each row's first token lies, (n,)."""
        return torch.arange(self.n, device=self.present.device) * self.width

    def padded(self, values: Tensor) -> Tensor:
        """Return values (n T, w) as a block (n, T, w)."""
        return values.view(self.n, self.width, -1)

    def flat(self, block: Tensor) -> Tensor:
        """Return a block (n, T, w) as (n T, w)."""
        return block.reshape(self.n * self.width, -1)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of each row's values (n T, w), in float32 (n, w)."""
        there = self.present[:, :, None]
        sums = torch.where(there, self.padded(values).float(), 0.0).sum(1)
        return sums / there.sum(1)
