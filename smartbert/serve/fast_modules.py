"""Gates and heads on rows laid end to end.

Gates and attention heads read their first token only, and no token gets a key or a value: the
same numbers for T d instead of T d^2 multiply-adds; a layer's exit and the next layer's gate
read the same hidden states and share a pass over them (`FastSmallModules`). A mean is taken over a
row's own tokens. What gates and attention heads make of their embedded tokens is computed in
float32, whatever the engine's type, and for a single row on a CPU in NumPy (`OneRow`).

Shapes: n rows, M tokens of all rows together, H hidden width, d small width, C classes.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smartbert.model.attention import SmallAttention
from smartbert.model.gates import Gate
from smartbert.model.heads import AttentionHead, MeanHead, SharedPoolerHead
from smartbert.serve.rows import Rows

Cast: TypeAlias = Callable[[Tensor], Tensor]  # to the engine's type of numbers


class FastSmallAttention:
    """The small attention of a gate or head, asked by the first token alone (methods 2.1).

    Nothing needs a key or a value per token: per attention head, scores are u . k with
    k = Wk' (Wq u_1 + bq), one map of the first token, and the head's answer Wv (sum of weights u) +
    bv goes into the linear map that reads it. A key's bias adds the same to every score and drops
    out.

    Args:
        last: the linear map that reads the attention's answer.
    """

    def __init__(self, attention: SmallAttention, last: nn.Linear):
        def exact(weight: Tensor) -> Tensor:
            return weight.detach().cpu().double()  # not every device has float64

        def split(weight: Tensor) -> Tensor:
            return exact(weight).unflatten(0, (attention.heads, -1))

        device = last.weight.device

        query, key, value = (split(m.weight) for m in _maps(attention))
        keys = key.transpose(1, 2) * key.shape[1] ** -0.5  # (heads, d, d / heads)
        bias = keys @ split(attention.query.bias)[..., None]
        asked = (keys @ query).flatten(0, 1), bias.flatten()
        self.ask = tuple(part.float().to(device) for part in asked)
        self.heads = attention.heads
        weight = exact(last.weight)
        out = weight.unflatten(1, (attention.heads, -1)).transpose(0, 1)
        bias = exact(last.bias) + weight @ exact(attention.value.bias)
        # In float32 as in training: gates sit within hundredths of the threshold.
        told = (out @ value).transpose(0, 1).flatten(1), bias
        self.last = tuple(part.float().to(device) for part in told)

    def __call__(self, first: Tensor, block: Tensor, present: Tensor | None) -> Tensor:
        """Return `last` of the attention's answer (n, out), in float32 as all it is given: the
        first tokens (n, d), all tokens (n, T, d) and which of them there are.
        """
        query = F.linear(first, *self.ask).unflatten(1, (self.heads, -1))
        scores = torch.bmm(query, block.transpose(1, 2))
        if present is not None:
            scores.masked_fill_(~present[:, None], -torch.inf)
        mixed = torch.bmm(scores.softmax(-1), block).flatten(1)
        return F.linear(mixed, *self.last)


class OneRow:
    """The same small attentions on a single row, in NumPy.

    On so few numbers starting an operation takes longer than the operation, and NumPy starts one
    faster than torch; the softmax of all attentions is one here. Each asks in columns of its own,
    with zeros in those of the others.
    """

    def __init__(self, attentions: Sequence[FastSmallAttention]):
        self.places: list[tuple[slice, slice]] = []  # heads and columns of each attention
        heads = columns = 0
        for attention in attentions:
            own = slice(heads, heads + attention.heads)
            self.places.append((own, slice(columns, columns + attention.ask[0].shape[1])))
            heads, columns = own.stop, self.places[-1][1].stop
        self.shape = heads, columns
        self.asks, self.lasts = (
            [(weight.numpy(), bias.numpy()) for weight, bias in maps]
            for maps in zip(*((one.ask, one.last) for one in attentions), strict=True)
        )

    def __call__(self, seen: np.ndarray) -> list[np.ndarray]:
        """Return each attention's `last`, float32 arrays (1, out), from the embedded tokens (T,
        all widths).
        """
        query = np.zeros(self.shape, dtype=np.float32)
        for (heads, columns), (weight, bias) in zip(self.places, self.asks, strict=True):
            asked = weight @ seen[0, columns]
            asked += bias
            query[heads, columns] = asked.reshape(heads.stop - heads.start, -1)
        weights = query @ seen.T
        weights -= weights.max(1, keepdims=True)
        np.exp(weights, out=weights)
        mixed = weights @ seen
        mixed /= weights.sum(1, keepdims=True)
        return [
            (weight @ mixed[own].ravel() + bias)[None]
            for own, (weight, bias) in zip(self.places, self.lasts, strict=True)
        ]


class FastSmallModules:
    """Gates and attention heads that read the same hidden states, embedded in one pass."""

    def __init__(self, modules: Sequence[Gate | AttentionHead], cast: Cast):
        lasts = [module.score if isinstance(module, Gate) else module.hidden for module in modules]
        self.widths = [module.embed.out_features for module in modules]
        self.embed = tuple(
            cast(torch.cat([getattr(module.embed, kind) for module in modules]))
            for kind in ("weight", "bias")
        )
        self.attentions = [
            FastSmallAttention(module.attention, last)
            for module, last in zip(modules, lasts, strict=True)
        ]
        self.one = OneRow(self.attentions) if self.embed[0].device.type == "cpu" else None

    def arrays(self, hidden: Tensor, rows: Rows) -> list[np.ndarray] | None:
        """Return what each module's last map says, (1, out), of a single row on a CPU; None of
        others.
        """
        if self.one is None or len(rows) > 1:
            return None
        return self.one(self._seen(hidden).numpy())

    def _seen(self, hidden: Tensor) -> Tensor:
        return torch.tanh_(F.linear(hidden, *self.embed)).float()

    def __call__(self, hidden: Tensor, rows: Rows) -> list[Tensor]:
        """Return what each module's last map says, float32 tensors (n, out), from hidden (M, H)."""
        seen = self._seen(hidden)
        first = seen[rows.first].split(self.widths, 1)
        block = rows.padded(seen).split(self.widths, 2)
        return [
            attention(own_first, own_block, rows.present)
            for attention, own_first, own_block in zip(self.attentions, first, block, strict=True)
        ]


class Spoken:
    """What is said of rows as arrays on the host."""

    __call__: Callable[..., Tensor]

    def arrays(self, hidden: Tensor, rows: Rows, *draw: Tensor | None) -> np.ndarray:
        """Return what a call returns, in float32."""
        return self(hidden, rows, *draw).float().cpu().numpy()


class SpokenBySmall(Spoken):
    """The same of a module that finishes what its small attention says."""

    small: FastSmallModules
    finish_array: Callable[[np.ndarray], np.ndarray]

    def arrays(self, hidden: Tensor, rows: Rows, *draw: Tensor | None) -> np.ndarray:
        """Return what a call returns, in float32."""
        said = self.small.arrays(hidden, rows)
        return super().arrays(hidden, rows, *draw) if said is None else self.finish_array(said[0])


class FastGate(SpokenBySmall):
    """A learned gate on rows laid end to end."""

    def __init__(self, gate: Gate, cast: Cast):
        self.gate = gate
        self.small = FastSmallModules([gate], cast)

    def __call__(self, hidden: Tensor, rows: Rows, draw: Tensor | None) -> Tensor:
        """Return (n,) probabilities of skipping."""
        return self.finish(self.small(hidden, rows)[0])

    @staticmethod
    def finish(score: Tensor) -> Tensor:
        """Return (n,) probabilities from scores (n, 1)."""
        return torch.sigmoid(score).squeeze(-1)

    @staticmethod
    def finish_array(score: np.ndarray) -> np.ndarray:
        """Return the same of arrays; a sigmoid that does not overflow."""
        return (0.5 + 0.5 * np.tanh(0.5 * score))[:, 0]


class FastAttentionHead(SpokenBySmall):
    """SmartBERT's classifier on rows laid end to end."""

    def __init__(self, head: AttentionHead, cast: Cast):
        self.head = head
        self.small = FastSmallModules([head], cast)
        self.out = linear(head.out, lambda weight: weight.detach().float())

    def __call__(self, hidden: Tensor, rows: Rows) -> Tensor:
        """Return logits (n, C)."""
        return self.finish(self.small(hidden, rows)[0])

    def answer(self, hidden: Tensor, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits (n, C) and what exits say beside them, each (n,)."""
        vector = torch.tanh(self.small(hidden, rows)[0])
        extras = {name: self.head.certain(vector) for name in self.head.extras}
        return F.linear(vector, *self.out), extras

    def finish(self, hidden: Tensor) -> Tensor:
        """Return logits (n, C) from the hidden map's answer (n, d)."""
        return F.linear(torch.tanh(hidden), *self.out)

    def finish_array(self, hidden: np.ndarray) -> np.ndarray:
        """Return the same of arrays."""
        weight, bias = (part.numpy() for part in self.out)
        return np.tanh(hidden) @ weight.T + bias


class FastPair:
    """A layer's exit and the next layer's gate, which read the same hidden states."""

    def __init__(self, exit_head: FastAttentionHead, gate: FastGate, cast: Cast):
        self.exit, self.gate = exit_head, gate
        self.small = FastSmallModules([exit_head.head, gate.gate], cast)

    def __call__(self, hidden: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
        """Return the exit's logits (n, C) and the gate's probabilities (n,)."""
        answer, score = self.small(hidden, rows)
        return self.exit.finish(answer), self.gate.finish(score)

    def arrays(self, hidden: Tensor, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Return the same as arrays on the host."""
        if (said := self.small.arrays(hidden, rows)) is None:
            answer, gates = self(hidden, rows)
            return answer.cpu().numpy(), gates.cpu().numpy()
        return self.exit.finish_array(said[0]), self.gate.finish_array(said[1])


class FastMeanHead(Spoken):
    """A pooler on the mean of the tokens, its own or the final head's, on rows laid end to end."""

    def __init__(self, head: MeanHead | SharedPoolerHead):
        self.head = head

    def __call__(self, hidden: Tensor, rows: Rows) -> Tensor:
        """Return logits (n, C)."""
        return self.head.out(self.vector(hidden, rows))

    def answer(self, hidden: Tensor, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits (n, C) and what exits say beside them, each (n,)."""
        vector = self.vector(hidden, rows)
        extras = {name: self.head.certain(vector) for name in self.head.extras}
        return self.head.out(vector), extras

    def vector(self, hidden: Tensor, rows: Rows) -> Tensor:
        """Return what the last linear map reads (n, H)."""
        return self.head.squeezed(rows.mean(hidden).to(hidden.dtype))


class PlainGate(Spoken):
    """Any other gate: called as the model calls it, on a padded block."""

    def __init__(self, gate: nn.Module):
        self.gate = gate

    def __call__(self, hidden: Tensor, rows: Rows, draw: Tensor | None) -> Tensor:
        """Return (n,) probabilities of skipping; the gate has its own type of numbers."""
        own = next((weight.dtype for weight in self.gate.parameters()), hidden.dtype)
        return self.gate(*_block(hidden.to(own), rows, self.gate), draw)


class PlainHead(Spoken):
    """Any other head: called as the model calls it, on a padded block."""

    def __init__(self, head: nn.Module):
        self.head = head

    def __call__(self, hidden: Tensor, rows: Rows) -> Tensor:
        """Return logits (n, C)."""
        return self.head(*_block(hidden, rows, self.head))

    def answer(self, hidden: Tensor, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits (n, C) and what the head says beside them, each (n,)."""
        logits, extras = self.head.answer(*_block(hidden, rows, self.head))  # type: ignore[operator]  # ours
        return logits, extras


def fast_head(head: nn.Module, cast: Cast) -> FastAttentionHead | FastMeanHead | PlainHead:
    """Return a head in the form that the engine runs; a user's own may differ from its parents in
    anything, so it is taken as it is.
    """
    if isinstance(head, AttentionHead) and type(head) is AttentionHead:
        return FastAttentionHead(head, cast)
    reader = head.lender if isinstance(head, SharedPoolerHead) else head
    if isinstance(head, MeanHead | SharedPoolerHead) and type(reader) is MeanHead:
        return FastMeanHead(head)
    return PlainHead(head)


def _maps(attention: SmallAttention) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
    return attention.query, attention.key, attention.value


def linear(module: nn.Linear | nn.LayerNorm, cast: Cast) -> tuple[Tensor, Tensor]:
    """Return a module's weight and bias."""
    return cast(module.weight), cast(module.bias)


def padded_block(hidden: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
    """Return a padded block (n, T, H) and its 0/1 mask (n, T)."""
    block = rows.padded(hidden)
    full = torch.ones(block.shape[:2], dtype=torch.bool, device=hidden.device)
    return block, (full if rows.present is None else rows.present).long()


def _block(hidden: Tensor, rows: Rows, reader: nn.Module) -> tuple[Tensor, Tensor]:
    """Return a padded block and its mask; of the first tokens alone where the reader reads no
    other.
    """
    if getattr(reader, "first_only", False):
        block = hidden[rows.first][:, None]
        return block, torch.ones(block.shape[:2], dtype=torch.long, device=hidden.device)
    return padded_block(hidden, rows)
