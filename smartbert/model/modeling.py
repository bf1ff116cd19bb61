"""The adaptive BERT: the layer loop that every method shares, for training and for live inference.

`AdaptiveBert.layers` is the training pass (every layer is computed, gates mix its input and output;
methods 2.2); `AdaptiveBert.infer` is the inference pass (skipped layers and finished rows are not
computed; methods 2.4). `forward` picks one by `self.training`, so that Trainer, DDP and pipelines
work unchanged.

Shapes: N examples, L layers, T tokens, H hidden width, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, BertModel, BertPreTrainedModel
from transformers import initialization as init
from transformers.masking_utils import create_bidirectional_mask
from transformers.utils.generic import ModelOutput

from smartbert.errors import UserError
from smartbert.model.attention import DefaultLinear, projection
from smartbert.model.configuration import AdaptiveBertConfig, policy_from_config
from smartbert.model.gates import lots, make_gate
from smartbert.model.heads import extra_arrays, head_kind, needed_extras
from smartbert.policies import Policy

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

EncoderMask: TypeAlias = "Tensor | BlockMask | None"
GATING = ("off", "soft", "hard")


@dataclass
class LayerStates:
    """What one training pass saw.

    Attributes:
        inputs: h_0..h_{L-1}, what each layer received, L tensors (N, T, H).
        outputs: F_l(h_{l-1}), each layer's own output before mixing, L tensors (N, T, H).
        last: h_L, the gated output of the last layer (N, T, H).
        gates: probability of skipping each layer, before hardening (N, L); None with gating off.
        attention_mask: 1 on tokens, 0 on padding (N, T).
    """

    inputs: list[Tensor]
    outputs: list[Tensor]
    last: Tensor
    gates: Tensor | None
    attention_mask: Tensor


@dataclass
class FrozenStates:
    """What the heads of frozen layers read.

    Attributes:
        exits: F_l(h_{l-1}) of layers 1..L-1, each layer's own output, L-1 tensors (N, T, H).
        last: h_L, what the final head reads (N, T, H).
        attention_mask: 1 on tokens, 0 on padding (N, T).
    """

    exits: list[Tensor]
    last: Tensor
    attention_mask: Tensor


@dataclass
class AdaptiveOutput(ModelOutput):
    """Answer of one forward call. The library wants a default for every field.

    Attributes:
        loss: scalar, in training with an objective; then there is no answer.
        logits: (N, C); the exiting layer's, or the final head's.
        parts: the loss by component, detached scalars, in training.
        exit_layer: (N,) the last layer visited, 1-based; L if no exit happened.
        executed: (N, L) bool, layers that ran.
        gates: (N, L) gate values, NaN where not visited or without gates.
    """

    loss: Tensor | None = None
    logits: Tensor = None  # type: ignore[assignment]  # set by infer
    parts: dict[str, Tensor] | None = None
    exit_layer: Tensor = None  # type: ignore[assignment]  # set by infer
    executed: Tensor = None  # type: ignore[assignment]  # set by infer
    gates: Tensor = None  # type: ignore[assignment]  # set by infer


class AdaptiveBert(BertPreTrainedModel):
    """BERT encoder with an optional gate before and an optional exit after each layer.

    Attributes:
        objective: in training, the function (model, batch) -> dict of scalar tensors whose entry
            "loss" is differentiated; set by the training stage, never saved.
    """

    config_class = AdaptiveBertConfig
    config: AdaptiveBertConfig

    def __init__(self, config: AdaptiveBertConfig):
        super().__init__(config)
        depth = config.num_hidden_layers
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = head_kind(config.head)(config, final=True)
        self.gates = (
            nn.ModuleList(make_gate(config) for _ in range(depth)) if config.gates else None
        )
        exits = head_kind(config.exits) if config.exits else None
        self.exits = (
            nn.ModuleList(exits(config, final=False) for _ in range(depth - 1)) if exits else None
        )
        for head in self.exits or ():
            if borrow := getattr(head, "borrow", None):
                borrow(self.head)
        self.projections = (
            nn.ModuleList(projection(config.hidden_size, config.small_width) for _ in range(depth))
            if config.projections
            else None
        )
        self.objective: Callable[[AdaptiveBert, dict], dict[str, Tensor]] | None = None
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, DefaultLinear):
            bound = module.in_features**-0.5
            init.uniform_(module.weight, -bound, bound)
            if module.bias_start is None:
                init.uniform_(module.bias, -bound, bound)
            else:
                init.constant_(module.bias, module.bias_start)
        else:
            super()._init_weights(module)

    @classmethod
    def from_backbone(cls, folder: Path, config: AdaptiveBertConfig) -> AdaptiveBert:
        """Return a model with a pre-trained encoder (and pooler, where the head has one) and new
        small modules.
        """
        model = cls(config)
        backbone = BertModel.from_pretrained(folder, use_safetensors=True)
        kept = {k: v for k, v in backbone.state_dict().items() if not k.startswith("pooler.")}
        layers = tuple(f"encoder.layer.{i}." for i in range(config.num_hidden_layers))
        kept = {
            k: v for k, v in kept.items() if not k.startswith("encoder.") or k.startswith(layers)
        }
        model.bert.load_state_dict(kept)
        pooler = getattr(model.head, "pooler", None)
        if pooler is not None and backbone.pooler is not None:
            pooler.load_state_dict(backbone.pooler.dense.state_dict())
        return model

    def adopt(self, weights: dict[str, Tensor]) -> None:
        """Take over another adaptive model's weights; what this model lacks of it is dropped.

        Raises:
            UserError: if a part of the other model has another size.
            ValueError: if the other model lacks a part of this one's encoder or final head.
        """
        own = self.state_dict()
        for name, value in weights.items():
            if name in own and own[name].shape != value.shape:
                raise UserError(
                    f"{name} of the model to continue is {tuple(value.shape)}, here"
                    f" {tuple(own[name].shape)}; set `continues` to an entry of the same backbone"
                    " and the same settings"
                )
        missing, _ = self.load_state_dict(
            {k: v for k, v in weights.items() if k in own}, strict=False
        )
        needed = [name for name in missing if name.startswith(("bert.", "head."))]
        if needed:
            raise ValueError(f"the model to continue lacks {needed[0]}")

    def embed(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, EncoderMask]:
        """Return h_0 (N, T, H), the 0/1 mask (N, T) and the mask that the encoder layers take."""
        ids = batch["input_ids"]
        mask = batch.get("attention_mask")
        mask = torch.ones_like(ids) if mask is None else mask
        hidden = self.bert.embeddings(ids, token_type_ids=batch.get("token_type_ids"))
        return hidden, mask, self.encoder_mask(hidden, mask)

    @property
    def own_threshold(self) -> float:
        """The skip threshold that the model was trained for."""
        if self.config.skip_threshold is None:
            raise ValueError("this model's config has no `skip_threshold`")
        return self.config.skip_threshold

    def encoder_mask(self, hidden: Tensor, attention_mask: Tensor) -> EncoderMask:
        """Return the mask in the form that the attention implementation in use takes."""
        return create_bidirectional_mask(
            config=self.config, inputs_embeds=hidden, attention_mask=attention_mask
        )

    def layers(self, batch: dict[str, Tensor], gating: str) -> LayerStates:
        """Run every layer, mixing by the gates (methods 2.2).

        Args:
            batch: input_ids, attention_mask, token_type_ids, each (N, T).
            gating: "off" (plain BERT), "soft" (gates as they are) or "hard" (0/1 forward at
                `config.skip_threshold`, gradient of the soft gate).
        """
        if gating not in GATING:
            raise ValueError(f"unknown gating {gating!r}; known: {', '.join(GATING)}")
        hidden, mask, encoder_mask = self.embed(batch)
        inputs, outputs, gates = [], [], []
        for index, layer in enumerate(self.bert.encoder.layer):
            inputs.append(hidden)
            outputs.append(layer(hidden, encoder_mask))
            if gating == "off":
                hidden = outputs[-1]
                continue
            gates.append(self.gate(index, hidden, mask, batch["input_ids"]))
            gate = gates[-1]
            if gating == "hard":
                gate = straight_through(gate, self.own_threshold)
            gate = gate[:, None, None].to(outputs[-1].dtype)
            hidden = (1 - gate) * outputs[-1] + gate * hidden
        return LayerStates(inputs, outputs, hidden, torch.stack(gates, 1) if gates else None, mask)

    @torch.no_grad()
    def frozen(self, batch: dict[str, Tensor], gating: str, *, dropout: bool) -> FrozenStates:
        """Return what heads on frozen layers read: from the batch where it holds their `states`
        (L, N, T, H), else from the layers, whose dropout is on or off.
        """
        if (held := batch.get("states")) is not None:
            if not torch.is_autocast_enabled(held.device.type):
                held = held.to(self.dtype)
            return FrozenStates([*held[:-1]], held[-1], batch["attention_mask"])
        self.bert.train(dropout)
        if self.gates is not None:
            self.gates.train(dropout)
        states = self.layers(batch, gating)
        return FrozenStates(states.outputs[:-1], states.last, states.attention_mask)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        states: Tensor | None = None,
        **_: object,
    ) -> AdaptiveOutput:
        """Train on the stage's objective (training mode) or classify with the stored thresholds.

        Args:
            states: of frozen layers, in training (see `frozen`).
        """
        given = {
            "states": states,
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "labels": labels,
            "token_type_ids": token_type_ids,
        }
        batch = {name: value for name, value in given.items() if value is not None}
        if self.training and self.objective is not None:
            parts = self.objective(self, batch)
            detached = {name: value.detach() for name, value in parts.items()}
            return AdaptiveOutput(loss=parts["loss"], parts=detached)
        return self.infer(batch, policy_from_config(self.config))

    @torch.no_grad()
    def infer(self, batch: dict[str, Tensor], policy: Policy) -> AdaptiveOutput:
        """Classify a batch, computing at each layer only the rows that neither skip nor have
        finished.

        Decisions are those of one example at a time (methods 2.4): skip if gate >= threshold, then
        no exit test; else run the layer and stop if the policy says so.
        """
        hidden, mask, _ = self.embed(batch)
        device, (n, depth) = hidden.device, (len(hidden), self.config.num_hidden_layers)
        logits = torch.empty(n, self.config.classes, device=device)
        executed = np.zeros((n, depth), dtype=bool)
        gates = np.full((n, depth), np.nan, dtype=np.float32)
        exit_layer = np.full(n, depth)
        needs = needed_extras(policy, self.exits)
        state = policy.start(n)
        alive = np.arange(n)
        for index in range(depth):
            run = alive
            if self.gates is not None and policy.skip_threshold is not None:
                rows = torch.as_tensor(alive, device=device)
                gate = self.gate(index, hidden[rows], mask[rows], batch["input_ids"][rows])
                gates[alive, index] = gate.float().cpu().numpy()
                run = alive[~policy.skips(gates[alive, index])]
            if not len(run):
                continue
            rows = torch.as_tensor(run, device=device)
            hidden = hidden.index_copy(0, rows, self.layer(index, hidden[rows], mask[rows]))
            executed[run, index] = True
            if self.exits is None or index == depth - 1 or not policy.tests(index):
                continue
            head = self.exits[index]
            answer = head(hidden[rows], mask[rows]).float()
            extras = extra_arrays(head, hidden[rows], mask[rows]) if needs else {}
            stop = policy.step(state, answer.cpu().numpy(), rows=run, layer=index, extras=extras)
            done = torch.as_tensor(stop, device=device)
            logits[rows[done]] = answer[done]
            exit_layer[run[stop]] = index + 1
            alive = np.setdiff1d(alive, run[stop], assume_unique=True)
            if not len(alive):
                break
        if len(alive):
            rows = torch.as_tensor(alive, device=device)
            logits[rows] = self.head(hidden[rows], mask[rows]).float()
        return AdaptiveOutput(
            logits=logits,
            exit_layer=torch.from_numpy(exit_layer),
            executed=torch.from_numpy(executed),
            gates=torch.from_numpy(gates),
        )

    def gate(self, index: int, hidden: Tensor, attention_mask: Tensor, input_ids: Tensor) -> Tensor:
        """Return the probability (N,) that layer `index` (0-based) is skipped."""
        if self.gates is None:
            raise ValueError("this model has no gates")
        return self.gates[index](hidden, attention_mask, lots(input_ids, index))

    def layer(self, index: int, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Run encoder layer `index` (0-based) on hidden (N, T, H) with a 0/1 mask (N, T)."""
        return self.bert.encoder.layer[index](hidden, self.encoder_mask(hidden, attention_mask))


def straight_through(gate: Tensor, threshold: float) -> Tensor:
    """Return 1 where gate >= threshold and 0 elsewhere, with the gradient of the soft gate (methods
    2.2).

    Written as hard + (gate - gate) rather than gate + (hard - gate): the latter is 0 or 1 only up
    to rounding.
    """
    return (gate >= threshold).to(gate.dtype) + (gate - gate.detach())


AutoModelForSequenceClassification.register(AdaptiveBertConfig, AdaptiveBert)
