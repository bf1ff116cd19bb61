"""What the model's two passes give: the states of a training pass, the answer of a forward call.

Shapes: N examples, L layers, T tokens, H hidden width, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from transformers.utils.generic import ModelOutput


@dataclass
class LayerStates:
    """What one training pass saw.

    Attributes:
        inputs: h_0..h_{L-1}, what each layer received, L tensors (N, T, H).
        outputs: F_l(h_{l-1}), each layer's own output before mixing, L tensors (N, T, H).
        last: h_L, the gated output of the last layer (N, T, H).
        gates: probability of skipping each layer, before hardening (N, L); None with gating off.
        attention_mask: 1 on tokens, 0 on padding (N, T).
    """

    inputs: list[Tensor]
    outputs: list[Tensor]
    last: Tensor
    gates: Tensor | None
    attention_mask: Tensor


@dataclass
class FrozenStates:
    """What the heads of frozen layers read.

    Attributes:
        exits: F_l(h_{l-1}) of layers 1..L-1, each layer's own output, L-1 tensors (N, T, H).
        last: h_L, what the final head reads (N, T, H).
        attention_mask: 1 on tokens, 0 on padding (N, T).
    """

    exits: list[Tensor]
    last: Tensor
    attention_mask: Tensor


@dataclass
class AdaptiveOutput(ModelOutput):
    """Answer of one forward call. The library wants a default for every field.

    Attributes:
        loss: scalar; in training the objective's, and then there is no answer; else the
            cross-entropy of the answers, where labels are given.
        logits: (N, C) float32; the exiting layer's, or the final head's.
        parts: the loss by component, detached scalars, in training.
        exit_layer: (N,) the last layer visited, 1-based; L if no exit happened.
        executed: (N, L) bool, layers that ran.
        gates: (N, L) gate values, NaN where not visited or without gates.
    """

    loss: Tensor | None = None
    logits: Tensor = None  # type: ignore[assignment]  # set by infer and dense
    parts: dict[str, Tensor] | None = None
    exit_layer: Tensor = None  # type: ignore[assignment]  # set by infer
    executed: Tensor = None  # type: ignore[assignment]  # set by infer
    gates: Tensor = None  # type: ignore[assignment]  # set by infer
