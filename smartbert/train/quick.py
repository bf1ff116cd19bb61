"""What makes training on a CPU faster without changing what is computed: dropout that draws sixteen
bits a number in place of a double, and attention spelt out around it.

`docs/running.md` has what each is worth. On a card nothing of this is used.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from smartbert.model.modeling import AdaptiveBert

STEPS = 2**16  # of a probability
SPELT = "spelt_out"  # the attention's name in the library


class _Drop(torch.autograd.Function):
    """Dropout, `p` in whole steps; one draw of 64 bits serves four numbers."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:  # `Any`: torch gives no type
        steps = round(p * STEPS)
        words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        drawn = words.view(torch.int16)[: x.numel()].view(x.shape)
        kept = (drawn >= steps - STEPS // 2).to(x.dtype)
        ctx.save_for_backward(kept)
        ctx.scale = STEPS / (STEPS - steps)
        return (x * kept).mul_(ctx.scale)  # the scale in full precision, where bf16 would round it

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return (gradient * kept).mul_(ctx.scale), None


def drop(x: Tensor, p: float, training: bool) -> Tensor:
    """Return x with each number zeroed with probability p (to 16 bits), the others scaled up."""
    found: Tensor = _Drop.apply(x, p) if training and p else x
    return found


class QuickDropout(nn.Dropout):
    """Dropout by `drop`."""

    def forward(self, input: Tensor) -> Tensor:
        """Return `input`, dropped in training."""
        return drop(input, self.p, self.training)


def spelt_out(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: object,
) -> tuple[Tensor, None]:
    """Return attention's answer (N, T, heads, d) from queries, keys and values (N, heads, T, d)."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = (query * scale) @ key.transpose(2, 3)
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = drop(scores.softmax(-1), dropout, module.training)
    return (weights @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register(SPELT, spelt_out)
AttentionMaskInterface.register(SPELT, eager_mask)


@contextmanager
def quick(model: AdaptiveBert) -> Iterator[None]:
    """Run a model that is on a CPU with the quicker parts, which have no weights of their own."""
    if model.device.type != "cpu":
        yield
        return
    encoder = model.encoder
    usual = encoder.config._attn_implementation
    own = encoder._can_set_attn_implementation()
    swapped = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Dropout
    ]
    for parent, name, child in swapped:
        parent.add_module(name, QuickDropout(child.p).train(child.training))
    if own:
        encoder.set_attn_implementation(SPELT)
    try:
        yield
    finally:
        for parent, name, child in swapped:
            parent.add_module(name, child)
        if own:
            encoder.set_attn_implementation(usual)
