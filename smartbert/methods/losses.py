"""Losses: the cross-entropies of several heads; SmartBERT's skip penalty and its two cross-layer
contrastive losses (methods 2.2, 2.3).

Where the released code departs from the plain reading, it is the default and the plain reading an
option (methods 2.6): the pair set of the stage-2 contrast, and padding taking part in both
contrasts.

Shapes: N examples, L layers, T tokens, d projection width.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from operator import add

import torch
from torch import Tensor
from torch.nn import functional as F

MIN_GATE_SUM = 1e-6  # keeps lambda / S finite when every gate closes (methods 2.6, row 12)


def skip_penalty(gates: Tensor, weight: float) -> Tensor:
    """Return lambda / S with S the sum over layers of the batch mean of the soft gates (N, L)."""
    return weight / gates.mean(0).sum().clamp_min(MIN_GATE_SUM)


def info_nce(
    anchors: Tensor,
    others: Tensor,
    *,
    temperature: float,
    positive_in_denominator: bool,
    attention_mask: Tensor | None,
) -> Tensor:
    """Return the token-level InfoNCE between P pairs of neighbouring layers, one mean per pair
    (P,).

    Token t of one layer should match token t of the next among all tokens of the same example.

    Args:
        anchors, others: unit vectors (P, N, T, d).
        positive_in_denominator: stage 1 has it there, stage 2 leaves it out (methods 2.6, row 2).
        attention_mask: (N, T), to leave padding out; None lets it take part, as released.
    """
    similarity = (anchors @ others.transpose(2, 3)).float() / temperature  # (P, N, T, T)
    positive = similarity.diagonal(dim1=2, dim2=3)
    if not positive_in_denominator:
        diagonal = torch.eye(similarity.shape[-1], dtype=torch.bool, device=similarity.device)
        similarity = similarity.masked_fill(diagonal, float("-inf"))
    if attention_mask is None:
        return (similarity.logsumexp(-1) - positive).mean((1, 2))
    tokens = attention_mask.bool()
    similarity = similarity.masked_fill(~tokens[:, None, :], float("-inf"))
    # An anchor counts if it is a token and has something to be told apart from.
    counted = tokens & (positive_in_denominator | (tokens.sum(1, keepdim=True) > 1))
    terms = (similarity.logsumexp(-1) - positive).masked_fill(~counted, 0.0)
    return terms.sum((1, 2)) / counted.sum().clamp_min(1)


def head_losses(
    heads: Iterable[Callable[[Tensor, Tensor], Tensor]],
    outputs: Sequence[Tensor],
    attention_mask: Tensor,
    labels: Tensor,
) -> list[Tensor]:
    """Return the cross-entropy of each head on its own layer's output (N, T, H)."""
    return [
        F.cross_entropy(head(hidden, attention_mask).float(), labels)
        for head, hidden in zip(heads, outputs, strict=True)
    ]


def total(losses: Iterable[Tensor]) -> Tensor:
    """Return the sum of scalars, the first of them first."""
    return reduce(add, losses)


def unit(vectors: Sequence[Tensor]) -> Tensor:
    """Stack layers' projections (N, T, d) to (L, N, T, d) and scale each vector to length one."""
    return F.normalize(torch.stack([v.float() for v in vectors]), dim=-1)


def input_contrast(
    projected: Sequence[Tensor], *, temperature: float, attention_mask: Tensor | None
) -> Tensor:
    """Return C1: the sum over the L-1 pairs of neighbouring layers' inputs (methods 2.2).

    Args:
        projected: P_l(h_{l-1}) for l = 1..L, each (N, T, d).
    """
    q = unit(projected)
    return info_nce(
        q[:-1],
        q[1:],
        temperature=temperature,
        positive_in_denominator=True,
        attention_mask=attention_mask,
    ).sum()


def exit_contrast(
    projected: Sequence[Tensor], *, temperature: float, pairs: str, attention_mask: Tensor | None
) -> Tensor:
    """Return C2: over pairs of neighbouring exits, summed and divided by L-2 (methods 2.3).

    Args:
        projected: the contrast heads' outputs of exits 1..L-1, each (N, T, d).
        pairs: "released" leaves out the last pair though it divides by the number of all;
            "complete" keeps it.
    """
    divisor = len(projected) - 1
    last = len(projected) - 1 if pairs == "released" else len(projected)
    if last < 2:
        return projected[0].new_zeros(())  # too shallow a model for any pair
    p = unit(projected[:last])
    terms = info_nce(
        p[:-1],
        p[1:],
        temperature=temperature,
        positive_in_denominator=False,
        attention_mask=attention_mask,
    )
    return terms.sum() / divisor
