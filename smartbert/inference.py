"""Fast adaptive inference: batches without padding, in which every layer sees only the rows that
need it.

`Engine` takes the decisions of `AdaptiveBert.infer`, which stays the method as it is specified, and
makes the FLOPs saved be time saved:

- The rows of a batch lie end to end, sorted by length, so no linear map computes padding; attention
  runs over groups of equal length on a CPU and over one padded block on other devices.
- A row that has its answer leaves at once, and a skipping row sits out the layer.
- Gates and attention heads read their first token only, and no token gets a key or a value: the
  same numbers for T d instead of T d^2 multiply-adds; a layer's exit and the next layer's gate
  read the same hidden states and share a pass over them (`FastSmallModules`).

Shapes: n rows, M tokens of all rows together, L layers, H hidden width, d small width, C classes.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.activations import ACT2FN

from smartbert.errors import unknown
from smartbert.heads import AttentionHead, Gate, SmallAttention, lots
from smartbert.modeling import AdaptiveBert
from smartbert.policies import Policy, policy_from_config
from smartbert.recording import pad
from smartbert.replay import Decisions

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
TOKENS_PER_BATCH = (
    32768  # bounds memory whatever the batch size: the widest layer holds 4 H a token
)
WINDOW = 16  # batches read ahead of a stream, to put rows of similar length together


@dataclass(frozen=True)
class Example:
    """One tokenised input: token ids with special tokens, and segment ids of the same length."""

    ids: Sequence[int]
    types: Sequence[int]


@dataclass(frozen=True)
class Answer:
    """What the engine says of one example.

    Attributes:
        logits: (C,) float32.
        exit_layer: last layer visited, 1-based; L if no exit happened.
        exited: whether an exit answered, before the final head.
        executed: (L,) bool, layers that ran.
    """

    logits: np.ndarray
    exit_layer: int
    exited: bool
    executed: np.ndarray


@dataclass(frozen=True)
class Forced:
    """Decisions given beforehand, to time a pattern of exits and skips; gates and exits are
    computed all the same.

    Attributes:
        exit_layer: (N,) layer whose exit answers, 1-based; L for the final head.
        executed: (N, L) bool, layers that run.
    """

    exit_layer: np.ndarray
    executed: np.ndarray


class Ragged:
    """How rows of different lengths lie end to end in one tensor of M tokens.

    Args:
        lengths: (n,) int64, descending.
    """

    def __init__(self, lengths: np.ndarray, device: torch.device):
        self.lengths = lengths
        self.device = device
        self.starts = np.cumsum(lengths) - lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def even(self) -> bool:
        """Whether all rows are equally long."""
        return len(self) == 0 or self.lengths[0] == self.lengths[-1]

    @cached_property
    def first(self) -> Tensor:
        """Return where each row's first token lies, (n,)."""
        return torch.as_tensor(self.starts, device=self.device)

    @cached_property
    def groups(self) -> list[tuple[int, int, int]]:
        """Return (first token, rows, length) of each stretch of equally long rows."""
        cuts = np.flatnonzero(np.diff(self.lengths)) + 1
        first = np.concatenate([[0], cuts]).astype(np.int64)
        counts = np.diff(np.append(first, len(self)))
        return [
            (int(self.starts[i]), int(n), int(self.lengths[i]))
            for i, n in zip(first, counts, strict=True)
        ]

    def tokens(self, rows: np.ndarray) -> Tensor:
        """Return where the tokens of some rows lie, (M',)."""
        lengths = self.lengths[rows]
        shift = self.starts[rows] - (np.cumsum(lengths) - lengths)
        return torch.as_tensor(
            np.arange(lengths.sum()) + np.repeat(shift, lengths), device=self.device
        )

    @cached_property
    def cells(self) -> Tensor:
        """Return where each token lies in a padded block, (M,) into n x T."""
        longest = self.lengths[0]
        shift = np.arange(len(self)) * longest - self.starts
        return torch.as_tensor(
            np.arange(self.lengths.sum()) + np.repeat(shift, self.lengths), device=self.device
        )

    @cached_property
    def present(self) -> Tensor | None:
        """Return which cells of the padded block hold a token, (n, T) bool; None if all do."""
        if self.even:
            return None
        grid = np.arange(self.lengths[0]) < self.lengths[:, None]
        return torch.as_tensor(grid, device=self.device)

    def padded(self, values: Tensor) -> Tensor:
        """Return values (M, w) as a block (n, T, w), zeros beyond each row's end."""
        shape = (len(self), int(self.lengths[0]), values.shape[-1])
        if self.even:
            return values.view(shape)
        block = values.new_zeros(shape[0] * shape[1], shape[2])
        return block.index_copy_(0, self.cells, values).view(shape)

    def flat(self, block: Tensor) -> Tensor:
        """Return a block (n, T, w) as (M, w)."""
        values = block.reshape(-1, block.shape[-1])
        return values if self.even else values[self.cells]


class FastLayer:
    """One encoder layer on rows laid end to end, with queries, keys and values in one product."""

    def __init__(self, layer: nn.Module, config, cast):
        attention = layer.attention
        maps = _maps(attention.self)
        self.heads = config.num_attention_heads
        self.eps = config.layer_norm_eps
        self.width = config.hidden_size
        self.activation = ACT2FN[config.hidden_act]
        self.qkv = tuple(
            cast(torch.cat([getattr(m, part) for m in maps])) for part in ("weight", "bias")
        )
        self.attended = _linear(attention.output.dense, cast)
        self.norm = _linear(attention.output.LayerNorm, cast)
        self.up = _linear(layer.intermediate.dense, cast)
        self.down = _linear(layer.output.dense, cast)
        self.last_norm = _linear(layer.output.LayerNorm, cast)

    def __call__(self, hidden: Tensor, rows: Ragged) -> Tensor:
        """Return the layer's output (M, H)."""
        mixed = self._attend(F.linear(hidden, *self.qkv), rows)
        shape = (self.width,)
        hidden = F.layer_norm(
            F.linear(mixed, *self.attended).add_(hidden), shape, *self.norm, self.eps
        )
        wide = self.activation(F.linear(hidden, *self.up))
        return F.layer_norm(
            F.linear(wide, *self.down).add_(hidden), shape, *self.last_norm, self.eps
        )

    def _attend(self, qkv: Tensor, rows: Ragged) -> Tensor:
        if rows.even:
            return self._attend_block(qkv.view(len(rows), -1, qkv.shape[-1]), None)
        if qkv.device.type == "cpu":
            return torch.cat(
                [
                    self._attend_block(qkv[start : start + n * t].view(n, t, -1), None)
                    for start, n, t in rows.groups
                ]
            )
        block = self._attend_block(rows.padded(qkv), rows.present[:, None, None, :])
        return rows.flat(block.view(len(rows), -1, self.width))

    def _attend_block(self, qkv: Tensor, mask: Tensor | None) -> Tensor:
        n, t, _ = qkv.shape
        q, k, v = qkv.view(n, t, 3, self.heads, self.width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return mixed.transpose(1, 2).reshape(n * t, self.width)


class FastSmallAttention:
    """The small attention of a gate or head, asked by the first token alone (methods 2.1).

    Nothing needs a key or a value per token: per attention head, scores are u . k with
    k = Wk' (Wq u_1 + bq), one map of the first token, and the head's answer Wv (sum of weights u) +
    bv goes into the linear map that reads it. A key's bias adds the same to every score and drops
    out.

    Args:
        last: the linear map that reads the attention's answer.
    """

    def __init__(self, attention: SmallAttention, last: nn.Linear, cast):
        def split(weight: Tensor) -> Tensor:
            return weight.detach().double().unflatten(0, (attention.heads, -1))

        query, key, value = (split(m.weight) for m in _maps(attention))
        keys = key.transpose(1, 2) * key.shape[1] ** -0.5  # (heads, d, d / heads)
        bias = keys @ split(attention.query.bias)[..., None]
        self.ask = cast((keys @ query).flatten(0, 1)), cast(bias.flatten())
        self.heads = attention.heads
        weight = last.weight.detach().double()
        out = weight.unflatten(1, (attention.heads, -1)).transpose(0, 1)
        bias = last.bias.double() + weight @ attention.value.bias.double()
        # In float32 as in training: gates sit within hundredths of the threshold.
        self.last = (out @ value).transpose(0, 1).flatten(1).float(), bias.detach().float()

    def __call__(self, first: Tensor, block: Tensor, present: Tensor | None) -> Tensor:
        """Return `last` of the attention's answer, float32 (n, out), from the first tokens (n, d),
        all tokens (n, T, d) and which of them there are.
        """
        query = F.linear(first, *self.ask).unflatten(1, (self.heads, -1))
        scores = torch.bmm(query, block.transpose(1, 2))
        if present is not None:
            scores.masked_fill_(~present[:, None], -torch.inf)
        mixed = torch.bmm(scores.softmax(-1), block).flatten(1)
        return F.linear(mixed.float(), *self.last)


class FastSmallModules:
    """Gates and attention heads that read the same hidden states, embedded in one pass."""

    def __init__(self, modules: Sequence[Gate | AttentionHead], cast):
        lasts = [module.score if isinstance(module, Gate) else module.hidden for module in modules]
        self.widths = [module.embed.out_features for module in modules]
        self.embed = tuple(
            cast(torch.cat([getattr(module.embed, kind) for module in modules]))
            for kind in ("weight", "bias")
        )
        self.attentions = [
            FastSmallAttention(module.attention, last, cast)
            for module, last in zip(modules, lasts, strict=True)
        ]

    def __call__(self, hidden: Tensor, rows: Ragged) -> list[Tensor]:
        """Return what each module's last map says, float32 tensors (n, out), from hidden (M, H)."""
        seen = torch.tanh_(F.linear(hidden, *self.embed))
        first = seen[rows.first].split(self.widths, 1)
        block = rows.padded(seen).split(self.widths, 2)
        return [
            attention(*own, rows.present)
            for attention, *own in zip(self.attentions, first, block, strict=True)
        ]


class FastGate:
    """A learned gate on rows laid end to end."""

    def __init__(self, gate: Gate, cast):
        self.gate = gate
        self.small = FastSmallModules([gate], cast)

    def __call__(self, hidden: Tensor, rows: Ragged, draw: Tensor | None) -> Tensor:
        """Return (n,) probabilities of skipping."""
        return self.finish(self.small(hidden, rows)[0])

    @staticmethod
    def finish(score: Tensor) -> Tensor:
        """Return (n,) probabilities from scores (n, 1)."""
        return torch.sigmoid(score).squeeze(-1)


class FastAttentionHead:
    """SmartBERT's classifier on rows laid end to end."""

    def __init__(self, head: AttentionHead, cast):
        self.head = head
        self.small = FastSmallModules([head], cast)
        self.out = _linear(head.out, Tensor.float)

    def __call__(self, hidden: Tensor, rows: Ragged) -> Tensor:
        """Return logits (n, C)."""
        return self.finish(self.small(hidden, rows)[0])

    def finish(self, hidden: Tensor) -> Tensor:
        """Return logits (n, C) from the hidden map's answer (n, d)."""
        return F.linear(torch.tanh(hidden), *self.out)


class FastPair:
    """A layer's exit and the next layer's gate, which read the same hidden states."""

    def __init__(self, exit_head: FastAttentionHead, gate: FastGate, cast):
        self.exit, self.gate = exit_head, gate
        self.small = FastSmallModules([exit_head.head, gate.gate], cast)

    def __call__(self, hidden: Tensor, rows: Ragged) -> tuple[Tensor, Tensor]:
        """Return the exit's logits (n, C) and the gate's probabilities (n,)."""
        answer, score = self.small(hidden, rows)
        return self.exit.finish(answer), self.gate.finish(score)


class PlainGate:
    """Any other gate: called as the model calls it, on a padded block."""

    def __init__(self, gate: nn.Module):
        self.gate = gate

    def __call__(self, hidden: Tensor, rows: Ragged, draw: Tensor) -> Tensor:
        """Return (n,) probabilities of skipping."""
        return self.gate(*_block(hidden, rows, self.gate), draw)


class PlainHead:
    """Any other head: called as the model calls it, on a padded block."""

    def __init__(self, head: nn.Module):
        self.head = head

    def __call__(self, hidden: Tensor, rows: Ragged) -> Tensor:
        """Return logits (n, C)."""
        return self.head(*_block(hidden, rows, self.head))


def _maps(attention: nn.Module) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
    return attention.query, attention.key, attention.value


def _linear(module: nn.Module, cast) -> tuple[Tensor, Tensor]:
    return cast(module.weight), cast(module.bias)


def _block(hidden: Tensor, rows: Ragged, reader: nn.Module) -> tuple[Tensor, Tensor]:
    """Return a padded block (n, T, H) and its 0/1 mask (n, T); of the first tokens alone where the
    reader reads no other.
    """
    if getattr(reader, "first_only", False):
        block = hidden[rows.first][:, None]
        return block, torch.ones(block.shape[:2], dtype=torch.long, device=hidden.device)
    block = rows.padded(hidden)
    full = torch.ones(block.shape[:2], dtype=torch.bool, device=hidden.device)
    return block, (full if rows.present is None else rows.present).long()


class Engine:
    """Classifies batches and streams with a trained adaptive model.

    Its decisions are those of one example at a time. Weights are shared with the model where dtype
    and device allow it; the model must not change afterwards.

    Args:
        model: any adaptive model; it is put into evaluation mode.
        policy: thresholds to use; None takes those that the model's config carries.
        dtype: "fp32" or "bf16". Gate scores are compared in float32 in both.
    """

    def __init__(self, model: AdaptiveBert, policy: Policy | None = None, *, dtype: str = "fp32"):
        if dtype not in DTYPES:
            raise unknown("dtype", dtype, DTYPES, setting="--dtype")
        self.policy = policy_from_config(model.config) if policy is None else policy
        self.config = config = model.config
        self.device = model.device
        self.dtype = DTYPES[dtype]
        model.eval()
        gates = model.gates or ()  # as they are: what is compared stays in float32
        if self.dtype != model.dtype:
            model = copy.deepcopy(model).to(self.dtype)
        self.embeddings = model.bert.embeddings

        def cast(weight: Tensor) -> Tensor:
            return weight.detach().to(self.dtype).contiguous()

        def head(module: nn.Module):
            fast = type(module) is AttentionHead
            return FastAttentionHead(module, cast) if fast else PlainHead(module)

        self.layers = [FastLayer(layer, config, cast) for layer in model.bert.encoder.layer]
        self.gates = [
            FastGate(gate, cast) if type(gate) is Gate else PlainGate(gate) for gate in gates
        ]
        self.exits = [head(module) for module in model.exits or ()]
        self.head = head(model.head)
        self.pairs = [
            FastPair(left, gate, cast)
            if isinstance(left, FastAttentionHead) and isinstance(gate, FastGate)
            else None
            for left, gate in zip(self.exits, self.gates[1:], strict=False)
        ]
        self.blind = any(isinstance(gate, PlainGate) for gate in self.gates)

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.layers)

    @torch.inference_mode()
    def run(self, examples: Sequence[Example], forced: Forced | None = None) -> Decisions:
        """Classify one batch of any composition, an empty one included.

        Args:
            forced: decisions to take instead of the policy's.

        Raises:
            ValueError: if an example has no token or more than the model has positions for.
        """
        lengths = np.array([len(example.ids) for example in examples], dtype=np.int64)
        self._check(lengths)
        n, depth, classes = len(lengths), self.depth, self.config.num_labels
        logits = np.empty((n, classes), dtype=np.float32)
        executed = np.zeros((n, depth), dtype=bool)
        exit_layer = np.full(n, depth)
        exited = np.zeros(n, dtype=bool)
        answers = Decisions(logits, exit_layer, exited, executed)
        if not n:
            return answers
        alive = np.argsort(-lengths, kind="stable")
        rows = Ragged(lengths[alive], self.device)
        hidden = self._embed([examples[i] for i in alive])
        draws = self._draws(examples)
        state, gates = self.policy.start(n), None
        for index, layer in enumerate(self.layers):
            if gates is None:
                gates = self._gates(index, hidden, rows, alive, draws)
            runs = self._runs(index, gates, alive, forced)
            gates = None
            run = alive
            if runs.all():
                hidden = own = layer(hidden, rows)
                own_rows = rows
            elif runs.any():
                chosen = np.flatnonzero(runs)
                run, own_rows = alive[chosen], Ragged(rows.lengths[chosen], self.device)
                where = rows.tokens(chosen)
                own = layer(hidden[where], own_rows)
                hidden.index_copy_(0, where, own)
            else:
                continue
            executed[run, index] = True
            if index == depth - 1 or not self.exits or not self.policy.tests(index):
                continue
            if own_rows is rows and self._skipping and self.pairs[index]:
                answer, gates = (part.cpu().numpy() for part in self.pairs[index](own, rows))
            else:
                answer = self.exits[index](own, own_rows).float().cpu().numpy()
            stop = self.policy.step(state, answer, rows=run, layer=index)
            if forced is not None:
                stop = forced.exit_layer[run] == index + 1
            if not stop.any():
                continue
            done = run[stop]
            logits[done], exit_layer[done], exited[done] = answer[stop], index + 1, True
            stay = np.flatnonzero(~exited[alive])
            if not len(stay):
                return answers
            hidden = hidden[rows.tokens(stay)]
            gates = None if gates is None else gates[stay]
            alive, rows = alive[stay], Ragged(rows.lengths[stay], self.device)
        logits[alive] = self.head(hidden, rows).float().cpu().numpy()
        return answers

    @property
    def _skipping(self) -> bool:
        return bool(self.gates) and self.policy.skip_threshold is not None

    def _gates(self, index, hidden, rows, alive, draws) -> np.ndarray | None:
        """Return the rows' gates of layer `index`, (n,); None where nothing is ever skipped."""
        if not self._skipping:
            return None
        draw = None if draws is None else draws[torch.as_tensor(alive, device=self.device), index]
        return self.gates[index](hidden, rows, draw).float().cpu().numpy()

    def _runs(self, index, gates, alive, forced) -> np.ndarray:
        """Return which of the rows run layer `index`, (n,) bool."""
        if gates is None:
            return np.ones(len(alive), dtype=bool)
        return ~self.policy.skips(gates) if forced is None else forced.executed[alive, index]

    def _check(self, lengths: np.ndarray) -> None:
        most = self.config.max_position_embeddings
        if len(lengths) and (lengths.min() < 1 or lengths.max() > most):
            raise ValueError(
                f"an example has {lengths.min() if lengths.min() < 1 else lengths.max()} tokens;"
                f" this model takes 1 to {most}"
            )

    def _embed(self, examples: Sequence[Example]) -> Tensor:
        """Return h_0 (M, H) of rows laid end to end."""
        layer = self.embeddings
        ids = torch.tensor([token for e in examples for token in e.ids], device=self.device)
        types = torch.tensor([kind for e in examples for kind in e.types], device=self.device)
        places = torch.tensor([i for e in examples for i in range(len(e.ids))], device=self.device)
        found = (
            layer.word_embeddings(ids)
            + layer.token_type_embeddings(types)
            + layer.position_embeddings(places)
        )
        return layer.LayerNorm(found)

    def _draws(self, examples: Sequence[Example]) -> Tensor | None:
        """Return the lots (N, L) of gates that do not look at the example."""
        if not self.blind:
            return None
        ids = pad([e.ids for e in examples], [e.types for e in examples])["input_ids"]
        ids = ids.to(self.device)
        return torch.stack([lots(ids, index) for index in range(self.depth)], 1)

    def stream(
        self, examples: Iterable[Example], *, batch_size: int = 32, window: int = WINDOW
    ) -> Iterator[Answer]:
        """Classify any iterable and answer in its order, holding `batch_size * window` examples at
        most.

        Args:
            window: batches that are read before the first answer, so that rows of similar length
                share one; 1 answers after every batch.
        """
        source = iter(examples)
        while held := list(islice(source, batch_size * window)):
            yield from self._window(held, batch_size)

    def _window(self, held: list[Example], batch_size: int) -> list[Answer]:
        answers: list[Answer | None] = [None] * len(held)
        for batch in batches([len(example.ids) for example in held], batch_size):
            found = self.run([held[i] for i in batch])
            for place, i in enumerate(batch):
                answers[i] = Answer(
                    found.logits[place],
                    int(found.exit_layer[place]),
                    bool(found.exited[place]),
                    found.executed[place],
                )
        return answers


def batches(lengths: Sequence[int], batch_size: int) -> Iterator[np.ndarray]:
    """Yield row numbers in batches of similar length, of at most `batch_size` rows and
    `TOKENS_PER_BATCH` tokens.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, min(batch_size, TOKENS_PER_BATCH // max(1, int(lengths[order[start]]))))
        yield order[start : start + size]
        start += size
