"""Exit heads and final heads: logits from the hidden states of one layer.

A head takes hidden states (N, T, H) and a mask (N, T) and answers logits (N, C). `HEADS` is the
registry; a method's own file may add a kind to it. A head with `first_only` reads no other token
than the first, and may be given that one alone. A head may say more than logits: `extras` then
names the arrays (N,) that its method `extra(hidden, attention_mask)` returns, for exit rules that
need them.

Shapes: N examples, T tokens, H hidden width, d small width, C classes.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn
from transformers.activations import ACT2FN

from smartbert.errors import UserError, unknown
from smartbert.model.attention import DefaultLinear, SmallAttention, projection
from smartbert.model.configuration import AdaptiveBertConfig
from smartbert.policies import Policy


class AttentionHead(nn.Module):
    """SmartBERT's classifier K_l, with its contrast head where kept (methods 2.1)."""

    def __init__(self, config: AdaptiveBertConfig, *, final: bool):
        super().__init__()
        width = config.small_width
        self.embed = DefaultLinear(config.hidden_size, width)
        self.attention = SmallAttention(config, config.exit_heads)
        self.hidden = DefaultLinear(width, width)
        self.out = DefaultLinear(width, config.classes)
        # The final head's contrast head takes part in no loss, so it has none.
        self.contrast = projection(width, width) if config.contrast_heads and not final else None

    def tokens(self, hidden: Tensor) -> Tensor:
        """Return u, the tokens as the head sees them before its attention: (N, T, d)."""
        return torch.tanh(self.embed(hidden))

    def contrasted(self, tokens: Tensor) -> Tensor:
        """Return the contrast head's answer (N, T, d) to u (N, T, d)."""
        if self.contrast is None:
            raise ValueError("this head has no contrast head; set `contrast_heads`")
        return self.contrast(tokens)

    def classify(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from u (N, T, d)."""
        first = self.attention(tokens, attention_mask)
        return self.out(torch.tanh(self.hidden(first)))

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from hidden (N, T, H)."""
        return self.classify(self.tokens(hidden), attention_mask)


class PoolerHead(nn.Module):
    """The encoder's own head; BERT's is a pooler on the first token, dropout, linear (methods 1 and
    3).
    """

    first_only = True

    def __init__(self, config: AdaptiveBertConfig, *, final: bool):
        super().__init__()
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(
            config.hidden_dropout_prob
            if config.classifier_dropout is None
            else config.classifier_dropout
        )
        self.out = nn.Linear(config.hidden_size, config.classes)
        own = config.record.head
        self.activation, self.drops_first = ACT2FN[own.activation], own.drops_first

    def pooled(self, hidden: Tensor) -> Tensor:
        """Return what the last linear map reads (N, H) from hidden (N, T, H)."""
        first = hidden[:, 0]
        first = self.dropout(first) if self.drops_first else first
        return self.dropout(self.activation(self.pooler(first)))

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from hidden (N, T, H)."""
        return self.out(self.pooled(hidden))


class SharedPoolerHead(nn.Module):
    """PABEE's exit: its own linear on a pooler that all exits share with the final head (methods
    4).
    """

    first_only = True

    def __init__(self, config: AdaptiveBertConfig, *, final: bool):
        super().__init__()
        self.out = nn.Linear(config.hidden_size, config.classes)

    def borrow(self, head: PoolerHead) -> None:
        """Use the final head's pooler and dropout without owning (training, saving) them twice."""
        self.__dict__["head"] = head

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from hidden (N, T, H)."""
        return self.out(self.__dict__["head"].pooled(hidden))


HEADS: dict[str, Callable[..., nn.Module]] = {
    "attention": AttentionHead,
    "pooler": PoolerHead,
    "shared_pooler": SharedPoolerHead,
}


def head_kind(name: str) -> Callable[..., nn.Module]:
    """Return a kind of head by name.

    Raises:
        UserError: naming the known ones.
    """
    if name not in HEADS:
        raise unknown(
            "kind of head", name, HEADS, setting="`exits` or `head` of the model's config"
        )
    return HEADS[name]


def extra_names(heads: Iterable[nn.Module] | None) -> tuple[str, ...]:
    """Return the names of the arrays that exit heads give beside logits."""
    return tuple(dict.fromkeys(name for head in heads or () for name in _extras(head)))


def extra_arrays(head: nn.Module, hidden: Tensor, attention_mask: Tensor) -> dict[str, np.ndarray]:
    """Return the arrays (N,) float32 that a head gives beside its logits; most give none."""
    if not _extras(head):
        return {}
    found: dict[str, Tensor] = head.extra(hidden, attention_mask)  # type: ignore[operator]  # ours
    return {name: found[name].float().cpu().numpy() for name in _extras(head)}


def _extras(head: nn.Module) -> tuple[str, ...]:
    return getattr(head, "extras", ())


def needed_extras(policy: Policy, heads: Iterable[nn.Module] | None) -> tuple[str, ...]:
    """Return the names of the arrays that a policy's rule is made from.

    Raises:
        UserError: if the heads do not give one of them.
    """
    rule, given = policy.rule, extra_names(heads)
    needs = rule.needs if rule else ()
    if missing := [name for name in needs if name not in given]:
        raise UserError(
            f"exit criterion {policy.criterion!r} needs the array {missing[0]!r}, which this"
            f" model's heads do not give; given: {', '.join(given) or 'none'}; set `criterion`"
        )
    return needs
