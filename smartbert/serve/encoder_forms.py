"""Embeddings and layers on rows laid end to end: a fast form of BERT's, the library's own for
others.

An encoder's record names its form. A form has `embed`, which makes h_0, and `layers`, each a
function of hidden states and rows.

Shapes: n rows, M tokens of all rows together, T tokens of the longest, H hidden width.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.activations import ACT2FN
from transformers.models.bert.modeling_bert import BertEmbeddings, BertLayer, BertSelfAttention

from smartbert.errors import unknown
from smartbert.model.batching import pad
from smartbert.model.configuration import AdaptiveBertConfig
from smartbert.model.encoder import layers_of
from smartbert.model.modeling import AdaptiveBert
from smartbert.serve.fast_modules import Cast, linear, padded_block
from smartbert.serve.rows import Ragged, Rows

Layer: TypeAlias = Callable[[Tensor, Rows], Tensor]  # (M, H) to (M, H)
Map: TypeAlias = Callable[[Tensor], Tensor]  # (M, in) to (M, out)
Tokens: TypeAlias = Sequence[Sequence[int]]  # a number for each token of each row


class EncoderForm(Protocol):
    """An encoder as the engine runs it."""

    @property
    def layers(self) -> Sequence[Layer]:
        """The layers, first to last."""

    def embed(self, ids: Tokens, types: Tokens, rows: Ragged) -> Tensor:
        """Return h_0 (M, H) of the token ids and the segment ids of each row."""

    def embed_block(self, ids: Tensor, types: Tensor, present: Tensor) -> Tensor:
        """Return h_0 (n, T, H) of token ids and segment ids (n, T) in a padded block."""


class FastLayer:
    """One layer of BERT on rows laid end to end, with queries, keys and values in one product."""

    def __init__(self, layer: nn.Module, config: AdaptiveBertConfig, cast: Cast):
        if not isinstance(layer, BertLayer):
            raise TypeError(f"{type(layer).__name__} is no layer of BERT")
        attention = layer.attention
        if not isinstance(attention.self, BertSelfAttention):
            raise TypeError("a layer that looks at another text has no fast form")
        own = attention.self
        maps = (own.query, own.key, own.value)
        self.heads = config.num_attention_heads
        self.eps = config.layer_norm_eps
        self.width = config.hidden_size
        self.activation = ACT2FN[config.hidden_act]
        self.qkv: Map = partial(
            F.linear,
            **{
                part: cast(torch.cat([getattr(m, part) for m in maps]))
                for part in ("weight", "bias")
            },
        )
        self.attended = mapped(attention.output.dense, cast)
        self.norm = linear(attention.output.LayerNorm, cast)
        self.up = mapped(layer.intermediate.dense, cast)
        self.down = mapped(layer.output.dense, cast)
        self.last_norm = linear(layer.output.LayerNorm, cast)

    def __call__(self, hidden: Tensor, rows: Rows) -> Tensor:
        """Return the layer's output (M, H)."""
        mixed = self._attend(self.qkv(hidden), rows)
        shape = (self.width,)
        hidden = F.layer_norm(self.attended(mixed).add_(hidden), shape, *self.norm, self.eps)
        wide = self.activation(self.up(hidden))
        return F.layer_norm(self.down(wide).add_(hidden), shape, *self.last_norm, self.eps)

    def _attend(self, qkv: Tensor, rows: Rows) -> Tensor:
        if rows.even:
            return self._attend_block(qkv.view(len(rows), -1, qkv.shape[-1]), None)
        if (groups := rows.apart) is not None:
            return torch.cat(
                [
                    self._attend_block(qkv[start : start + n * t].view(n, t, -1), None)
                    for start, n, t in groups
                ]
            )
        present = None if rows.present is None else rows.present[:, None, None, :]
        block = self._attend_block(rows.padded(qkv), present)
        return rows.flat(block.view(len(rows), -1, self.width))

    def _attend_block(self, qkv: Tensor, mask: Tensor | None) -> Tensor:
        n, t, _ = qkv.shape
        q, k, v = qkv.view(n, t, 3, self.heads, self.width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return mixed.transpose(1, 2).reshape(n * t, self.width)


def mapped(module: nn.Linear, cast: Cast) -> Map:
    """Return a linear map."""
    weight, bias = linear(module, cast)
    return partial(F.linear, weight=weight, bias=bias)


class FastBert:
    """BERT without padding."""

    def __init__(self, model: AdaptiveBert, cast: Cast):
        embeddings = model.encoder.embeddings
        if not isinstance(embeddings, BertEmbeddings):
            raise TypeError(f"{type(embeddings).__name__} are no embeddings of BERT")
        self.embeddings = embeddings
        self.layers: Sequence[Layer] = [
            FastLayer(layer, model.config, cast)
            for layer in layers_of(model.encoder, model.config.record)
        ]

    def embed(self, ids: Tokens, types: Tokens, rows: Ragged) -> Tensor:
        """Return h_0 (M, H) of the token ids and the segment ids of each row."""
        device = rows.device
        tokens = torch.tensor([token for row in ids for token in row], device=device)
        kinds = torch.tensor([kind for row in types for kind in row], device=device)
        places = torch.tensor([i for row in ids for i in range(len(row))], device=device)
        return self._embed(tokens, kinds, places)

    def embed_block(self, ids: Tensor, types: Tensor, present: Tensor) -> Tensor:
        """Return h_0 (n, T, H) of token ids and segment ids (n, T) in a padded block."""
        return self._embed(ids, types, torch.arange(ids.shape[1], device=ids.device))

    def _embed(self, ids: Tensor, types: Tensor, places: Tensor) -> Tensor:
        layer = self.embeddings
        found = (
            layer.word_embeddings(ids)
            + layer.token_type_embeddings(types)
            + layer.position_embeddings(places)
        )
        return layer.LayerNorm(found)


class PlainEncoder:
    """Any other encoder: the library's embeddings and layers, on padded blocks."""

    def __init__(self, model: AdaptiveBert, cast: Cast):
        self.model = model
        self.layers: Sequence[Layer] = [
            partial(self._layer, index) for index in range(model.config.num_hidden_layers)
        ]

    def embed(self, ids: Tokens, types: Tokens, rows: Ragged) -> Tensor:
        """Return h_0 (M, H) of the token ids and the segment ids of each row."""
        padding = self.model.config.padding
        batch = pad(ids, types, padding=padding)
        hidden, _, _ = self.model.embed({k: v.to(rows.device) for k, v in batch.items()})
        return rows.flat(hidden)

    def embed_block(self, ids: Tensor, types: Tensor, present: Tensor) -> Tensor:
        """Return h_0 (n, T, H) of token ids and segment ids (n, T) in a padded block."""
        names = ("input_ids", "token_type_ids", "attention_mask")
        batch = dict(zip(names, (ids, types, present.long()), strict=True))
        return self.model.embed(batch)[0]

    def _layer(self, index: int, hidden: Tensor, rows: Rows) -> Tensor:
        return rows.flat(self.model.layer(index, *padded_block(hidden, rows)))


FAST: dict[str, Callable[[AdaptiveBert, Cast], EncoderForm]] = {"bert": FastBert}


def encoder_form(model: AdaptiveBert, cast: Cast) -> EncoderForm:
    """Return the form that the record of a model's encoder names."""
    fast = model.config.record.fast
    if fast is None:
        return PlainEncoder(model, cast)
    if fast not in FAST:
        raise unknown("form of encoder", fast, FAST, setting="`fast` of the encoder's record")
    return FAST[fast](model, cast)
