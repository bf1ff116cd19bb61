"""The adaptive encoder: the layer loop that every method shares, for training and for live
inference.

`AdaptiveBert.layers` is the training pass (every layer is computed, gates mix its input and output;
methods 2.2); `AdaptiveBert.infer` is the inference pass (skipped layers and finished rows are not
computed; methods 2.4). `forward` picks one by `self.training`, so that Trainer, DDP and pipelines
work unchanged, and refuses what would be wrong without a word: a traced path, a loss that trains
neither gates nor exits.

Shapes: N examples, L layers, T tokens, H hidden width, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import get_proxy_mode
from torch.nn import functional as F
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel
from transformers import initialization as init
from transformers.utils.generic import can_return_tuple
from transformers.utils.import_utils import is_jit_tracing, is_torch_fx_proxy

from smartbert.errors import UserError
from smartbert.model.attention import DefaultLinear, projection
from smartbert.model.configuration import AdaptiveBertConfig, policy_from_config
from smartbert.model.encoder import (
    OLD_NAMES,
    Pretrained,
    embed,
    layer_mask,
    layers_of,
    make_encoder,
    new_name,
    run_layer,
)
from smartbert.model.gates import Gate, lots, make_gate, straight_through
from smartbert.model.heads import (
    answered,
    exit_kind,
    head_kind,
    needed_extras,
    share_certainty,
)
from smartbert.model.outputs import AdaptiveOutput, FrozenStates, LayerStates
from smartbert.model.tokenizer import CuttingTokenizer
from smartbert.policies import Policy

GATING = ("off", "soft", "hard")
TRACED = (
    "an adaptive model has no graph of fixed shape: tracing and exporting (`torch.jit.trace`,"
    " `torch.export`, `torch.onnx`) would keep the path of one example for all; use"
    " `torch.compile` or smartbert.serve.engine.Engine, or export at full depth: set"
    " `skip_threshold` and `exit_thresholds` of the model's config to None"
)
TRAINED = (
    "the loss of its answers trains neither the gates nor the exits of an adaptive model; train it"
    " by its method (`methods` in the run's config), or call .eval() to classify"
)


class AdaptiveBert(PreTrainedModel):
    """Encoder with an optional gate before and an optional exit after each layer.

    Attributes:
        encoder: the library's model without a head, of the type that the config names.
        objective: in training, the function (model, batch) -> dict of scalar tensors whose entry
            "loss" is differentiated; set by the training stage, never saved.
    """

    config_class = AdaptiveBertConfig
    config: AdaptiveBertConfig
    base_model_prefix = "encoder"
    # What an encoder may support; each checks it for itself.
    supports_gradient_checkpointing = True
    _supports_flash_attn = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    # Gates lie within hundredths of their threshold, where half precision has too few steps.
    _keep_in_fp32_modules_strict = [r"gates\.\d+\.score", r"gates\.\d+\.values"]
    accepts_loss_kwargs = False  # the loss is a mean over the batch, whatever Trainer accumulates

    def __init__(self, config: AdaptiveBertConfig):
        super().__init__(config)
        depth = config.num_hidden_layers
        self.encoder = make_encoder(config)
        self.head = head_kind(config.head)(config, final=True)
        self.gates = (
            nn.ModuleList(make_gate(config) for _ in range(depth)) if config.gates else None
        )
        exits = exit_kind(config)
        self.exits = (
            nn.ModuleList(exits(config, final=False) for _ in range(depth - 1)) if exits else None
        )
        for head in self.exits or ():
            if borrow := getattr(head, "borrow", None):
                borrow(self.head)
        self.certainty = share_certainty(self.exits) if config.certainty else None
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
    def from_pretrained(cls, *given: Any, **options: Any) -> Self:  # `Any`: the library's own
        """Load a saved model, one with older names of its weights included."""
        return super().from_pretrained(*given, **{"key_mapping": OLD_NAMES, **options})

    @classmethod
    def from_backbone(cls, folder: Path, config: AdaptiveBertConfig) -> AdaptiveBert:
        """Return a model with a pre-trained encoder (and pooler, where the head has one) and new
        small modules.
        """
        model, backbone = cls(config), Pretrained(folder, config.record)
        model.encoder.load_state_dict(backbone.encoder(depth=config.num_hidden_layers))
        pooler, pretrained = getattr(model.head, "pooler", None), backbone.pooler()
        if pooler is not None and pretrained is not None:
            pooler.load_state_dict(pretrained)
        return model

    def adopt(self, weights: dict[str, Tensor]) -> None:
        """Take over another adaptive model's weights; what this model lacks of it is dropped.

        Raises:
            UserError: if a part of the other model has another size.
            ValueError: if the other model lacks a part of this one's encoder or final head.
        """
        own = self.state_dict()
        weights = {new_name(name): value for name, value in weights.items()}
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
        needed = [name for name in missing if name.startswith(("encoder.", "head."))]
        if needed:
            raise ValueError(f"the model to continue lacks {needed[0]}")

    def embed(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Return h_0 (N, T, H), the 0/1 mask (N, T) and what all layers take beside h and it.

        Raises:
            UserError: if the batch is longer than the encoder has positions for.
        """
        ids = batch["input_ids"]
        if not is_jit_tracing() and ids.shape[1] > self.config.positions:
            longest = self.config.max_tokens or self.config.positions
            raise UserError(
                f"an input has {ids.shape[1]} tokens, this model takes at most"
                f" {self.config.positions}; set `truncation=True, max_length={longest}` of the"
                " tokenizer or pipeline"
            )
        mask = batch.get("attention_mask")
        mask = torch.ones_like(ids) if mask is None else mask
        record = self.config.record
        hidden = embed(self.encoder, record, ids, batch.get("token_type_ids"))
        return hidden, mask, record.shared(self.encoder, hidden)

    def own_threshold(self) -> float:
        """The skip threshold that the model was trained for."""
        if self.config.skip_threshold is None:
            raise ValueError("this model's config has no `skip_threshold`")
        return self.config.skip_threshold

    def layers(self, batch: dict[str, Tensor], gating: str) -> LayerStates:
        """Run every layer, mixing by the gates (methods 2.2).

        Args:
            batch: input_ids, attention_mask, token_type_ids, each (N, T).
            gating: "off" (the plain encoder), "soft" (gates as they are) or "hard" (0/1 forward at
                `config.skip_threshold`, gradient of the soft gate).
        """
        if gating not in GATING:
            raise ValueError(f"unknown gating {gating!r}; known: {', '.join(GATING)}")
        hidden, mask, shared = self.embed(batch)
        given = {**shared, **layer_mask(self.encoder, hidden, mask)}
        inputs, outputs, gates = [], [], []
        for index, layer in enumerate(layers_of(self.encoder, self.config.record)):
            inputs.append(hidden)
            outputs.append(run_layer(layer, hidden, **given))
            if gating == "off":
                hidden = outputs[-1]
                continue
            gates.append(self.gate(index, hidden, mask, batch["input_ids"]))
            gate = gates[-1]
            if gating == "hard":
                gate = straight_through(gate, self.own_threshold())
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
        self.encoder.train(dropout)
        if self.gates is not None:
            self.gates.train(dropout)
        states = self.layers(batch, gating)
        return FrozenStates(states.outputs[:-1], states.last, states.attention_mask)

    @can_return_tuple
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

        A model of neither gates nor exits is also trained without an objective, as the library's
        classifiers are.

        Args:
            labels: class ids (N,); with them the answer has its cross-entropy as `loss`.
            states: of frozen layers, in training (see `frozen`).

        Raises:
            UserError: if a model whose path depends on the example is traced or exported; if one
                with gates or exits is trained without an objective.
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
        learns = self.training and torch.is_grad_enabled()
        if learns and (self.gates is not None or self.exits is not None):
            raise UserError(TRAINED)
        policy = policy_from_config(self.config)
        tested = policy.tested(self.config.num_hidden_layers).any()
        fixed = policy.skip_threshold is None and not tested
        graph = fixed and _traced(input_ids)
        output = self.dense(batch) if graph or learns else self.infer(batch, policy)
        if labels is None:
            return output
        loss = F.cross_entropy(output.logits, labels.to(output.logits.device))
        return AdaptiveOutput(loss=loss, **output)

    def dense(self, batch: dict[str, Tensor]) -> AdaptiveOutput:
        """Return the final head's answer after all layers, gradients included; no gate, no exit."""
        states = self.layers(batch, "off")
        return AdaptiveOutput(logits=self.head(states.last, states.attention_mask).float())

    @torch.no_grad()
    def infer(self, batch: dict[str, Tensor], policy: Policy) -> AdaptiveOutput:
        """Classify a batch, computing at each layer only the rows that neither skip nor have
        finished.

        Decisions are those of one example at a time (methods 2.4): skip if gate >= threshold, then
        no exit test; else run the layer and stop if the policy says so.

        Raises:
            UserError: if the call is traced or exported, as the path depends on the examples.
        """
        if _traced(batch["input_ids"]):
            raise UserError(TRACED)
        hidden, mask, shared = self.embed(batch)
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
            output = self.layer(index, hidden[rows], mask[rows], shared)
            hidden = hidden.index_copy(0, rows, output.to(hidden.dtype))
            executed[run, index] = True
            if self.exits is None or index == depth - 1 or not policy.tests(index):
                continue
            head = self.exits[index]
            answer, extras = answered(head, hidden[rows], mask[rows], extras=bool(needs))
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
        gate = self.gates[index]
        draw = None if type(gate) is Gate else lots(input_ids, attention_mask, index)
        return gate(hidden, attention_mask, draw)

    def layer(
        self,
        index: int,
        hidden: Tensor,
        attention_mask: Tensor,
        shared: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """Run encoder layer `index` (0-based) on hidden (N, T, H) with a 0/1 mask (N, T), and with
        what all layers take, as `embed` gives it; None works it out.
        """
        record = self.config.record
        given = record.shared(self.encoder, hidden) if shared is None else shared
        mask = layer_mask(self.encoder, hidden, attention_mask)
        return run_layer(layers_of(self.encoder, record)[index], hidden, **given, **mask)


def _traced(input_ids: Tensor) -> bool:
    """Return whether a graph is made of this call; one of `torch.compile` looks at every call."""
    return (
        is_jit_tracing()
        or torch.compiler.is_exporting()
        or is_torch_fx_proxy(input_ids)
        or get_proxy_mode() is not None
    )


# Both at once, so that nobody has the model without the tokenizer that cuts for it.
AutoModelForSequenceClassification.register(AdaptiveBertConfig, AdaptiveBert)
AutoTokenizer.register(AdaptiveBertConfig, fast_tokenizer_class=CuttingTokenizer)
