"""Exit heads and final heads: logits from the hidden states of one layer.

A head takes hidden states (N, T, H) and a mask (N, T) and answers logits (N, C). `HEADS` is the
registry, under the names of `smartbert.head_kinds`; a method's own file may add a kind to it. A
head with `first_only` reads no other token than the first, and may be given that one alone. A head
may say more than logits: `extras` then names the arrays (N,) that its method `answer(hidden,
attention_mask)` returns beside them, in one pass, for exit rules that need them.

Shapes: N examples, T tokens, H hidden width, d small width, C classes.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn
from transformers.activations import ACT2FN

from smartbert.criteria import CERTAINTY
from smartbert.errors import UserError, unknown
from smartbert.head_kinds import ATTENTION, FIRST, MEAN, check_shared
from smartbert.model.attention import DefaultLinear, SmallAttention, projection
from smartbert.model.configuration import AdaptiveBertConfig
from smartbert.policies import Policy


class Head(nn.Module):
    """A head whose last linear map, `out`, reads one vector of each example.

    It may also say how certain that vector makes its answer, by one more linear map, which all
    exits share (BERxiT, methods 5.3).
    """

    out: nn.Linear

    def measure(self, certainty: nn.Linear) -> None:
        """Say how certain answers are by a map that is not owned here, so that it is trained and
        saved once.
        """
        self.__dict__["certainty"] = certainty

    @property
    def extras(self) -> tuple[str, ...]:
        """Names of the arrays beside logits."""
        return (CERTAINTY,) if "certainty" in self.__dict__ else ()

    def vector(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return what the last linear map reads (N, width) from hidden (N, T, H)."""
        raise NotImplementedError

    def certain(self, vector: Tensor) -> Tensor:
        """Return how certain the answer to a vector (N, width) is, float32 (N,), from 0 to 1."""
        certainty: nn.Linear = self.__dict__["certainty"]
        return torch.sigmoid(certainty(vector.to(certainty.weight.dtype)).float()).squeeze(-1)

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from hidden (N, T, H)."""
        return self.out(self.vector(hidden, attention_mask))

    def answer(self, hidden: Tensor, attention_mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits (N, C) and the arrays (N,) beside them."""
        vector = self.vector(hidden, attention_mask)
        return self.out(vector), {name: self.certain(vector) for name in self.extras}


class AttentionHead(Head):
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

    def summary(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:
        """Return y (N, d) from u (N, T, d)."""
        return torch.tanh(self.hidden(self.attention(tokens, attention_mask)))

    def classify(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits (N, C) from u (N, T, d)."""
        return self.out(self.summary(tokens, attention_mask))

    def vector(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return y (N, d) from hidden (N, T, H)."""
        return self.summary(self.tokens(hidden), attention_mask)


class PoolerHead(Head):
    """The encoder's own head; BERT's is a pooler on the first token, dropout, linear (methods 1, 3
    and 6).
    """

    first_only = True  # of the tokens, it reads the first alone

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

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return what the pooler reads (N, H) from hidden (N, T, H)."""
        return hidden[:, 0]

    def squeezed(self, read: Tensor) -> Tensor:
        """Return what the last linear map reads (N, H) from what the pooler reads."""
        read = self.dropout(read) if self.drops_first else read
        return self.dropout(self.activation(self.pooler(read)))

    def vector(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return what the last linear map reads (N, H) from hidden (N, T, H)."""
        return self.squeezed(self.read(hidden, attention_mask))


class MeanHead(PoolerHead):
    """The same head on the mean of the tokens in place of the first (methods 6)."""

    first_only = False

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the mean over the tokens (N, H) of hidden (N, T, H), padding left out.

        In float32: held states are in bf16, which a sum of many would round away.
        """
        there = attention_mask[:, :, None].to(torch.float32)
        return ((hidden.float() * there).sum(1) / there.sum(1)).to(hidden.dtype)


class SharedPoolerHead(Head):
    """PABEE's exit: its own linear on a pooler that all exits share with the final head (methods
    4), which says what is read.
    """

    first_only = False

    def __init__(self, config: AdaptiveBertConfig, *, final: bool):
        super().__init__()
        self.out = nn.Linear(config.hidden_size, config.classes)

    def borrow(self, head: PoolerHead) -> None:
        """Use the final head's pooler and dropout without owning (training, saving) them twice."""
        self.__dict__["head"] = head
        self.first_only = head.first_only

    @property
    def lender(self) -> PoolerHead:
        """The final head."""
        found: PoolerHead = self.__dict__["head"]
        return found

    def squeezed(self, read: Tensor) -> Tensor:
        """Return what the last linear map reads (N, H) from what the pooler reads."""
        return self.lender.squeezed(read)

    def vector(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return what the last linear map reads (N, H) from hidden (N, T, H)."""
        return self.lender.vector(hidden, attention_mask)


HEADS: dict[str, Callable[..., nn.Module]] = {
    FIRST: PoolerHead,
    MEAN: MeanHead,
    ATTENTION: AttentionHead,
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


def exit_kind(config: AdaptiveBertConfig) -> Callable[..., nn.Module] | None:
    """Return the kind of a model's exits, None if it has none.

    Raises:
        UserError: for an unknown kind, or exits on a pooler that the final head has not.
    """
    if not config.exits:
        return None
    if not config.shared_pooler:
        return head_kind(config.exits)
    check_shared(config.exits, config.head)
    return SharedPoolerHead


def share_certainty(heads: Iterable[nn.Module] | None) -> nn.Linear:
    """Return the linear map by which exits say how certain they are, known to all of them.

    Raises:
        UserError: if there are no exits.
    """
    exits = [head for head in heads or () if isinstance(head, Head)]
    if not exits:
        raise UserError("a model without exits has no certainty of theirs; set `exits`")
    certainty = nn.Linear(exits[0].out.in_features, 1)
    for head in exits:
        head.measure(certainty)
    return certainty


def extra_names(heads: Iterable[nn.Module] | None) -> tuple[str, ...]:
    """Return the names of the arrays that exit heads give beside logits."""
    return tuple(dict.fromkeys(name for head in heads or () for name in _extras(head)))


def answered(
    head: nn.Module, hidden: Tensor, attention_mask: Tensor, *, extras: bool
) -> tuple[Tensor, dict[str, np.ndarray]]:
    """Return a head's logits (N, C) float32 and the arrays (N,) float32 that it gives beside them;
    most give none.

    Args:
        extras: whether arrays are wanted; if not, none are computed.
    """
    if not (extras and _extras(head)):
        return head(hidden, attention_mask).float(), {}
    logits, found = head.answer(hidden, attention_mask)  # type: ignore[operator]  # ours
    return logits.float(), {name: found[name].float().cpu().numpy() for name in _extras(head)}


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
