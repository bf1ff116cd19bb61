"""Gates, exit heads and projections: the small modules that an adaptive BERT puts beside its
layers.

Shapes: N examples, T tokens, H hidden width, d small width, C classes. A head takes the hidden
states of one layer and answers logits (N, C). `HEADS` is the registry; a method's own file may add
a kind to it. A module with `first_only` reads no other token than the first, and may be given that
one alone.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smartbert.configuration import AdaptiveBertConfig

MASKED = -10000.0  # additive mask of the released code; exp(MASKED) is 0 in float32


class DefaultLinear(nn.Linear):
    """A Linear that keeps torch's default start, uniform in +-1/sqrt(fan_in), where BERT's is N(0,
    0.02).

    The released SmartBERT starts all its new modules so (methods 2.1). A `bias_start` other than
    None replaces the bias's start by a constant.
    """

    def __init__(self, in_features: int, out_features: int, *, bias_start: float | None = None):
        super().__init__(in_features, out_features)
        self.bias_start = bias_start


class SmallAttention(nn.Module):
    """Multi-head attention of width d without output projection, residual or norm (methods 2.1).

    Gates and heads read the first token alone. Inference computes all tokens all the same where the
    config says `small_queries: all`, as the method is specified and costed by default; training
    computes the first, with the same result and gradients.
    """

    def __init__(self, config: AdaptiveBertConfig, heads: int):
        super().__init__()
        width = config.small_width
        self.heads = heads
        self.dropout = config.attention_probs_dropout_prob
        self.all_queries = config.small_queries == "all"
        self.query = DefaultLinear(width, width)
        self.key = DefaultLinear(width, width)
        self.value = DefaultLinear(width, width)

    def forward(self, x: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the first token's (N, d) from x (N, T, d) and a 0/1 mask (N, T)."""
        n, _, d = x.shape
        asked = x if self.all_queries and not self.training else x[:, :1]

        def split(vectors: Tensor) -> Tensor:
            return vectors.view(n, -1, self.heads, d // self.heads).transpose(1, 2)

        query, key, value = split(self.query(asked)), split(self.key(x)), split(self.value(x))
        mask = (1.0 - attention_mask[:, None, None, :].to(query.dtype)) * MASKED
        # Spelt out rather than fused, so that FLOP counters see both products at their true size.
        scores = query @ key.transpose(2, 3) * (d // self.heads) ** -0.5 + mask
        weights = F.dropout(scores.softmax(-1), self.dropout, self.training)
        return (weights @ value).transpose(1, 2).reshape(n, -1, d)[:, 0]


class Gate(nn.Module):
    """Skip gate of one layer: the probability that the layer is skipped, from what the layer would
    receive.
    """

    def __init__(self, config: AdaptiveBertConfig):
        super().__init__()
        self.embed = DefaultLinear(config.hidden_size, config.small_width)
        self.attention = SmallAttention(config, config.gate_heads)
        self.score = DefaultLinear(config.small_width, 1, bias_start=config.gate_bias)

    def forward(self, hidden: Tensor, attention_mask: Tensor, draw: Tensor) -> Tensor:
        """Return (N,) in (0, 1) from hidden (N, T, H); `draw` is for gates that do not look."""
        mixed = self.attention(torch.tanh(self.embed(hidden)), attention_mask)
        # In float32 under mixed precision too: gates sit within hundredths of the threshold, where
        # bfloat16's steps (0.004) would make training and inference decide differently.
        with torch.autocast(hidden.device.type, enabled=False):
            return torch.sigmoid(self.score(mixed.float())).squeeze(-1)


class BlindGate(nn.Module):
    """A gate that does not look at the example: the control for one that does (protocol:
    "Controls").

    It holds the values that a learned gate gave on tune, so at every threshold it skips as often: a
    "random" one picks a value for each example by lot, a "constant" one always gives their median.
    """

    VALUES = 101  # quantiles kept
    first_only = True

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        self.values = nn.Parameter(torch.zeros(self.VALUES), requires_grad=False)

    def forward(self, hidden: Tensor, attention_mask: Tensor, draw: Tensor) -> Tensor:
        """Return (N,) from draws (N,) in [0, 1)."""
        if self.kind == "constant":
            return self.values[self.VALUES // 2].expand(len(draw))
        return self.values[(draw * self.VALUES).long()]


GATES = ("learned", "random", "constant")


def make_gate(config: AdaptiveBertConfig) -> nn.Module:
    """Return a gate of the kind that the config names."""
    return Gate(config) if config.gates == "learned" else BlindGate(config.gates)


def lots(input_ids: Tensor, layer: int) -> Tensor:
    """Return one number in [0, 1) per example (N,), a hash of its token ids (N, T) and the layer.

    Padding (id 0) does not count, so the number is the same in every batch and on every machine.
    """
    weights = (
        torch.arange(1, input_ids.shape[1] + 1, device=input_ids.device) * 40503 + layer * 7919
    )
    mixed = ((input_ids * weights) % 1000003).sum(1) * 69069 + layer * 362437
    return ((mixed * mixed + 12345) % 1000003).double() / 1000003


def projection(in_features: int, width: int) -> nn.Sequential:
    """Return a contrast projection: linear, LayerNorm, tanh, linear (methods 2.1, P_l and contrast
    heads).
    """
    return nn.Sequential(
        DefaultLinear(in_features, width),
        nn.LayerNorm(width),
        nn.Tanh(),
        DefaultLinear(width, width),
    )


class AttentionHead(nn.Module):
    """SmartBERT's classifier K_l, with its contrast head where kept (methods 2.1)."""

    def __init__(self, config: AdaptiveBertConfig, *, final: bool):
        super().__init__()
        width = config.small_width
        self.embed = DefaultLinear(config.hidden_size, width)
        self.attention = SmallAttention(config, config.exit_heads)
        self.hidden = DefaultLinear(width, width)
        self.out = DefaultLinear(width, config.num_labels)
        # The final head's contrast head takes part in no loss, so it has none.
        self.contrast = projection(width, width) if config.contrast_heads and not final else None

    def tokens(self, hidden: Tensor) -> Tensor:
        """Return u, the tokens as the head sees them before its attention: (N, T, d)."""
        return torch.tanh(self.embed(hidden))

    def classify(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from u (N, T, d)."""
        first = self.attention(tokens, attention_mask)
        return self.out(torch.tanh(self.hidden(first)))

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from hidden (N, T, H)."""
        return self.classify(self.tokens(hidden), attention_mask)


class PoolerHead(nn.Module):
    """BERT's own head: pooler on the first token, dropout, linear (methods 1 and 3)."""

    first_only = True

    def __init__(self, config: AdaptiveBertConfig, *, final: bool):
        super().__init__()
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(
            config.hidden_dropout_prob
            if config.classifier_dropout is None
            else config.classifier_dropout
        )
        self.out = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from hidden (N, T, H)."""
        return self.out(self.dropout(torch.tanh(self.pooler(hidden[:, 0]))))


class SharedPoolerHead(nn.Module):
    """PABEE's exit: its own linear on a pooler that all exits share with the final head (methods
    4).
    """

    first_only = True

    def __init__(self, config: AdaptiveBertConfig, *, final: bool):
        super().__init__()
        self.out = nn.Linear(config.hidden_size, config.num_labels)

    def borrow(self, head: PoolerHead) -> None:
        """Use the final head's pooler and dropout without owning (training, saving) them twice."""
        self.__dict__["head"] = head

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from hidden (N, T, H)."""
        head = self.__dict__["head"]
        return self.out(head.dropout(torch.tanh(head.pooler(hidden[:, 0]))))


HEADS = {"attention": AttentionHead, "pooler": PoolerHead, "shared_pooler": SharedPoolerHead}
