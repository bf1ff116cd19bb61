"""LayerDrop: layers left out at random while a BERT is fine-tuned, and some for good at inference
(methods 5.5; ICLR 2020).

`LayerDrop` trains; `Pruned` trains nothing and keeps some of its layers, so that one training gives
a model of any depth. The rival of gates that asks no example.
"""

from functools import partial

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedConfig

from baselines.full_bert import FullBert
from baselines.matched import HEAD
from smartbert.errors import UserError
from smartbert.methods.contract import (
    Batch,
    Method,
    Optimisation,
    Progress,
    Settings,
    Stage,
    Start,
    head_rates,
    label_fields,
)
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.encoder import layers_of, new_name
from smartbert.model.modeling import AdaptiveBert
from smartbert.results import WEIGHTS


def dropped_objective(
    model: AdaptiveBert, batch: Batch, progress: Progress, *, drop: float
) -> dict[str, Tensor]:
    """Cross-entropy of the final head after the layers that stay; a layer that is left out hands on
    what it would have received.
    """
    hidden, mask, shared = model.embed(batch)
    # Drawn on the CPU, whose generator a checkpoint keeps, and once for the whole batch.
    stays = torch.rand(model.config.num_hidden_layers) >= drop
    for index in stays.nonzero().flatten().tolist():
        hidden = model.layer(index, hidden, mask, shared)
    return {"loss": F.cross_entropy(model.head(hidden, mask).float(), batch["labels"])}


class LayerDrop(FullBert):
    """A dense BERT that has learnt to do without any of its layers."""

    defaults: Settings = {**HEAD, "heads_rate": None, "drop": 0.2}  # the paper's rate throughout

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        objective = partial(dropped_objective, drop=settings["drop"])
        return [Stage("finetune", optimisation, objective, rates=head_rates(settings, "head."))]


def kept_layers(keep: str, *, depth: int, layers: int) -> list[int]:
    """Return which layers a pruned model keeps, 0-based: "every_other" spreads those left out
    evenly, from the top; "first" keeps the lowest.
    """
    if keep == "first":
        return list(range(depth))
    return [number * layers // depth for number in range(depth)]


class Pruned(Method):
    """Some layers of a model that it continues, in their order, and its final head."""

    defaults: Settings = {**HEAD, "depth": 6, "keep": "every_other"}

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        depth, layers = settings["depth"], adaptive_config(backbone).num_hidden_layers
        if not 1 <= depth <= layers:
            raise UserError(
                f"depth {depth} of pruned: the backbone has {layers} layers, allowed are 1 to"
                f" {layers}; set `methods.<entry>.depth`"
            )
        config = adaptive_config(
            backbone,
            num_hidden_layers=depth,
            reference_layers=layers,
            head=settings["head"],
            **label_fields(labels),
        )
        config.kept_layers = kept_layers(settings["keep"], depth=depth, layers=layers)
        return config

    def initialise(self, model: AdaptiveBert, start: Start) -> None:
        if start.parent is None:
            raise ValueError("a pruned model continues another")
        kept = model.config.kept_layers or ()
        weights = {new_name(n): value for n, value in load_file(start.parent / WEIGHTS).items()}
        record = model.config.record
        for layer, number in zip(layers_of(model.encoder, record), kept, strict=True):
            prefix = f"encoder.{record.layers}.{0 if record.one_layer else number}."
            own = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
            layer.load_state_dict(own)

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        return []
