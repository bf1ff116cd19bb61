"""Batches of similar length, and their padding: what feeds the recorder and the engine."""

from collections.abc import Sequence

import numpy as np
import torch

# Padded tokens (rows x longest) of a batch at most: they keep memory flat whatever the lengths.
RECORDED_TOKENS = 8192
ENGINE_TOKENS = 32768  # the widest layer holds 4 H numbers a token


def length_batches(
    lengths: Sequence[int] | np.ndarray, *, tokens: int, rows: int | None = None
) -> list[np.ndarray]:
    """Return row numbers in batches of similar length, the longest first.

    Args:
        lengths: tokens of each row.
        tokens: most padded tokens of a batch; one row may be longer.
        rows: most rows of a batch; None sets no limit.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        size = max(1, tokens // max(1, int(lengths[order[start]])))
        size = size if rows is None else min(size, rows)
        batches.append(order[start : start + size])
        start += size
    return batches


def pad(
    ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]], *, padding: int = 0
) -> dict[str, torch.Tensor]:
    """Return input_ids, token_type_ids and attention_mask, (N, T), padded to the longest.

    Args:
        padding: the encoder's token id that pads.
    """
    rows = [torch.tensor(row) for row in ids]
    return {
        "input_ids": torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding),
        "token_type_ids": torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(row) for row in types], batch_first=True
        ),
        "attention_mask": torch.nn.utils.rnn.pad_sequence(
            [torch.ones_like(row) for row in rows], batch_first=True
        ),
    }
