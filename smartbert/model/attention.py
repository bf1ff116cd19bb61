"""The small attention that gates and exit heads share, and the linear maps they are built of.

Shapes: N examples, T tokens, d small width.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from smartbert.model.configuration import AdaptiveBertConfig

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
