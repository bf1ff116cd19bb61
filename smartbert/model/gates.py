"""Skip gates: the probability that an example skips a layer, from what the layer would receive
(methods 2.1), and the blind gates of the controls.

Shapes: N examples, T tokens, H hidden width, d small width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smartbert.errors import unknown
from smartbert.model.attention import DefaultLinear, SmallAttention
from smartbert.model.configuration import AdaptiveBertConfig

GATES = ("learned", "random", "constant")


class Gate(nn.Module):
    """Skip gate of one layer: the probability that the layer is skipped, from what the layer would
    receive.
    """

    def __init__(self, config: AdaptiveBertConfig):
        super().__init__()
        self.embed = DefaultLinear(config.hidden_size, config.small_width)
        self.attention = SmallAttention(config, config.gate_heads)
        self.score = DefaultLinear(config.small_width, 1, bias_start=config.gate_bias)

    def forward(self, hidden: Tensor, attention_mask: Tensor, draw: Tensor | None = None) -> Tensor:
        """Return (N,) in (0, 1) from hidden (N, T, H); `draw` is for gates that do not look."""
        mixed = self.attention(torch.tanh(self.embed(hidden)), attention_mask)
        # In float32 under mixed precision too: gates sit within hundredths of the threshold, where
        # bfloat16's steps (0.004) would make training and inference decide differently.
        with torch.autocast(hidden.device.type, enabled=False):
            weight, bias = self.score.weight.float(), self.score.bias.float()
            return torch.sigmoid(F.linear(mixed.float(), weight, bias)).squeeze(-1)


class BlindGate(nn.Module):
    """A gate that does not look at the example: the control for one that does (protocol:
    "Controls").

    It holds the values that a learned gate gave on tune, so at every threshold it skips as often: a
    "random" one picks any of them for an example, a "constant" one gives their median.
    """

    VALUES = 101  # quantiles kept
    first_only = True

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        self.values = nn.Parameter(torch.zeros(self.VALUES), requires_grad=False)

    def forward(self, hidden: Tensor, attention_mask: Tensor, draw: Tensor) -> Tensor:
        """Return (N,) from draws (N,) in [0, 1), as `lots` gives them."""
        if self.kind == "constant":
            return self.values[self.VALUES // 2].expand(len(draw))
        return self.values[(draw * self.VALUES).long().to(self.values.device)]


def make_gate(config: AdaptiveBertConfig) -> nn.Module:
    """Return a gate of the kind that the config names."""
    if config.gates is None:
        raise ValueError("a model without gates makes none")
    if config.gates not in GATES:
        raise unknown("kind of gate", config.gates, GATES, setting="`gates` of the model's config")
    return Gate(config) if config.gates == "learned" else BlindGate(config.gates)


def lots(input_ids: Tensor, attention_mask: Tensor, layer: int) -> Tensor:
    """Return one number in [0, 1) per example, float64 (N,) on the CPU: a hash of the layer and of
    the tokens (N, T) that the mask (N, T) shows.

    Padding does not count, whatever its id and its side, so the number is the same in every batch.
    On the CPU, since not every device has float64.
    """
    ids, shown = input_ids.cpu(), attention_mask.cpu().long()
    weights = shown.cumsum(1) * 40503 + layer * 7919
    mixed = ((ids * shown * weights) % 1000003).sum(1) * 69069 + layer * 362437
    return ((mixed * mixed + 12345) % 1000003).double() / 1000003


def straight_through(gate: Tensor, threshold: float) -> Tensor:
    """Return 1 where gate >= threshold and 0 elsewhere, with the gradient of the soft gate (methods
    2.2).

    Written as hard + (gate - gate) rather than gate + (hard - gate): the latter is 0 or 1 only up
    to rounding.
    """
    return (gate >= threshold).to(gate.dtype) + (gate - gate.detach())
