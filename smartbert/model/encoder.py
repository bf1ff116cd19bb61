"""Applying an encoder's record: the library's model, its parts, and a backbone's weights for it.

Shapes: N examples, T tokens, H hidden width.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn
from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel
from transformers.masking_utils import create_bidirectional_mask

from smartbert.encoders.record import Encoder
from smartbert.model.configuration import AdaptiveBertConfig

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

OLD_NAMES = {r"^bert\.": "encoder."}  # the encoder's weights, saved when there was BERT alone


def library_class(record: Encoder) -> type[PreTrainedModel]:
    """Return the library's class of an encoder without a head."""
    found: type[PreTrainedModel] = getattr(importlib.import_module("transformers"), record.model)
    return found


def own_config(config: AdaptiveBertConfig) -> PreTrainedConfig:
    """Return the config that the library's encoder takes, of its own class."""
    kind = CONFIG_MAPPING[config.record.model_type]
    known = {field.name for field in fields(kind)}
    theirs = config.record.theirs(config.to_dict())
    return kind(**{name: value for name, value in theirs.items() if name in known})


def make_encoder(config: AdaptiveBertConfig) -> PreTrainedModel:
    """Return the encoder that an adaptive model's config names, with random weights."""
    kind, own = library_class(config.record), own_config(config)
    # Some encoders have one attention only, whatever is asked for; they say so nowhere else.
    if kind._can_set_attn_implementation():
        own._attn_implementation = config._attn_implementation
    return kind(own, **config.record.options)


def layers_of(encoder: PreTrainedModel, record: Encoder) -> Sequence[nn.Module]:
    """Return the layers of an encoder, as often as they are run."""
    found = encoder.get_submodule(record.layers)
    assert isinstance(found, nn.ModuleList)  # of every encoder in the library
    return [*found] * encoder.config.num_hidden_layers if record.one_layer else [*found]


def layer_mask(
    encoder: PreTrainedModel, hidden: Tensor, attention_mask: Tensor
) -> dict[str, Tensor | BlockMask | None]:
    """Return the layers' mask in the form that the attention implementation in use takes."""
    found = create_bidirectional_mask(
        config=encoder.config, inputs_embeds=hidden, attention_mask=attention_mask
    )
    return {"attention_mask": found}


def embed(
    encoder: nn.Module, record: Encoder, input_ids: Tensor, token_type_ids: Tensor | None
) -> Tensor:
    """Return h_0 (N, T, H) of token ids (N, T)."""
    types = {"token_type_ids": token_type_ids} if record.token_types else {}
    hidden = encoder.get_submodule(record.embeddings)(input_ids, **types)
    if record.projection is None or not _has(encoder, record.projection):
        return hidden
    projected: Tensor = encoder.get_submodule(record.projection)(hidden)
    return projected


def _has(module: nn.Module, path: str) -> bool:
    """Return whether a module has a part, at a path with dots."""
    for name in path.split("."):
        if not hasattr(module, name):
            return False
        module = getattr(module, name)
    return True


def run_layer(layer: nn.Module, hidden: Tensor, **given: object) -> Tensor:
    """Return a layer's output (N, T, H); some give it in a tuple, with nothing beside it."""
    output = layer(hidden, **given)
    return output[0] if isinstance(output, tuple) else output


class Pretrained:
    """A backbone's weights, by the library's names of them, and which of them are taken."""

    def __init__(self, folder: Path, record: Encoder):
        kind, self.record = library_class(record), record
        backbone = kind.from_pretrained(folder, use_safetensors=True, **record.loading)
        self.weights: dict[str, Tensor] = backbone.state_dict()

    def encoder(self, *, depth: int) -> dict[str, Tensor]:
        """Return those that an encoder of some depth takes."""
        stack = f"{self.record.layers}."
        taken = tuple(f"{stack}{index}." for index in range(depth))
        return {
            name: value
            for name, value in self.weights.items()
            if not name.startswith(self.record.left_out)
            and (not name.startswith(stack) or name.startswith(taken))
        }

    def pooler(self) -> dict[str, Tensor] | None:
        """Return the linear map of the pre-trained pooler, None where there is none."""
        if self.record.pooler is None:
            return None
        return {part: self.weights[f"{self.record.pooler}.{part}"] for part in ("weight", "bias")}


def new_name(name: str) -> str:
    """Return what a saved weight is called now."""
    for old, new in OLD_NAMES.items():
        name = re.sub(old, new, name)
    return name
