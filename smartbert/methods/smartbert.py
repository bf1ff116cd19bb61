"""SmartBERT: skip gates and exits in every layer, trained in two stages (IJCAI 2023, arXiv
2303.09266).

Stage 1 (gates, encoder, final head) is trained by the method `skip_only`: it is what remains of
SmartBERT without exits, and SmartBERT continues its training. Stage 2, here, trains the exits on
the frozen rest. As released by default; where the released code and the plain reading of the paper
differ, each has its option.
"""

from functools import partial

import torch
from torch.nn import functional as F
from transformers import PreTrainedConfig

from smartbert.head_kinds import ATTENTION, check_contrast
from smartbert.methods.contract import (
    Batch,
    Method,
    Optimisation,
    Progress,
    Settings,
    Stage,
    Start,
    always,
    label_fields,
    padding_counts,
)
from smartbert.methods.losses import (
    exit_contrast,
    head_losses,
    input_contrast,
    skip_penalty,
    total,
)
from smartbert.methods.starts import start_poolers
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.heads import AttentionHead
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import SKIP_THRESHOLD


def stage1_objective(
    model: AdaptiveBert,
    batch: Batch,
    progress: Progress,
    *,
    soft_epochs: int,
    penalty: float,
    penalty_warmup: int,
    eta: float,
    temperature: float,
    mask_padding: bool,
) -> dict[str, torch.Tensor]:
    """L1 = (1 - eta1) [CE + lambda / S] + eta1 C1 (methods 2.2)."""
    epoch = progress.epoch
    states = model.layers(batch, "soft" if epoch <= soft_epochs else "hard")
    ce = F.cross_entropy(model.head(states.last, states.attention_mask).float(), batch["labels"])
    # Epochs 1..warmup see a share of lambda that rises from 0, so that the task is learnt first.
    share = min(1.0, (epoch - 1) / penalty_warmup) if penalty_warmup else 1.0
    gates = states.gates
    if gates is None:
        raise ValueError("stage 1 trains gates, this model has none")
    skip = skip_penalty(gates, penalty * share)
    parts = {"ce": ce, "penalty": skip, "gate": gates.mean()}
    loss = (1 - eta) * (ce + skip)
    if eta:
        projected = [p(h) for p, h in zip(model.projections or (), states.inputs, strict=True)]
        parts["contrast"] = input_contrast(
            projected,
            temperature=temperature,
            attention_mask=states.attention_mask if mask_padding else None,
        )
        loss = loss + eta * parts["contrast"]
    return {"loss": loss, **parts}


def stage2_objective(
    model: AdaptiveBert,
    batch: Batch,
    progress: Progress,
    *,
    gating: str,
    eta: float,
    temperature: float,
    pairs: str,
    mask_padding: bool,
    frozen_dropout: bool,
) -> dict[str, torch.Tensor]:
    """L2 = (1 - eta2) sum_{l<L} CE(K_l(F_l(h_{l-1})), y) + eta2 C2 (methods 2.3).

    Each exit reads its layer's own output, also for examples that skip the layer: at inference an
    exit is only ever asked after its layer ran. Without contrast the exits are of any kind.
    """
    states = model.frozen(batch, gating, dropout=frozen_dropout)
    if not eta:
        own = (model.exits or (), states.exits, states.attention_mask, batch["labels"])
        ce = total(head_losses(*own))
        return {"loss": ce, "ce": ce}
    exits = [head for head in model.exits or () if isinstance(head, AttentionHead)]
    tokens = [head.tokens(h) for head, h in zip(exits, states.exits, strict=True)]
    ce = total(
        F.cross_entropy(head.classify(u, states.attention_mask).float(), batch["labels"])
        for head, u in zip(exits, tokens, strict=True)
    )
    contrast = exit_contrast(
        [head.contrasted(u) for head, u in zip(exits, tokens, strict=True)],
        temperature=temperature,
        pairs=pairs,
        attention_mask=states.attention_mask if mask_padding else None,
    )
    return {"loss": (1 - eta) * ce + eta * contrast, "ce": ce, "contrast": contrast}


def scaled_penalty(weight: float, *, stated_for: int | None, layers: int) -> float:
    """Return lambda for a model of `layers` layers, from one stated for `stated_for` layers.

    The penalty's pull on one gate is lambda / S^2, and S grows with depth: lambda (L / L0)^2 keeps
    the pull. None = use the weight as it is, whatever the depth.
    """
    return weight if stated_for is None else weight * (layers / stated_for) ** 2


class SmartBert(Method):
    """SmartBERT: skip-only's model, continued by training its exits (methods 2.3)."""

    criterion = "entropy"
    sweep = tuple(round(0.05 * i, 2) for i in range(13))
    gates: str | None = "learned"
    gating = "hard"
    defaults = {
        "exits": ATTENTION,
        "head": ATTENTION,
        "eta": 0.05,
        "temperature": 0.55,
        "pairs": "released",
        "mask_padding": False,
        "frozen_dropout": True,
        "skip_threshold": SKIP_THRESHOLD,
    }

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        check_contrast(settings["exits"], settings["eta"])
        return adaptive_config(
            backbone,
            gates=self.gates,
            skip_threshold=settings["skip_threshold"],
            head=settings["head"],
            exits=settings["exits"],
            contrast_heads=settings["eta"] > 0,
            **label_fields(labels),
        )

    def initialise(self, model: AdaptiveBert, start: Start) -> None:
        start_poolers(model, start)

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        objective = partial(
            stage2_objective,
            gating=self.gating,
            eta=settings["eta"],
            temperature=settings["temperature"],
            pairs=settings["pairs"],
            mask_padding=settings["mask_padding"],
            frozen_dropout=settings["frozen_dropout"],
        )
        padded = padding_counts(settings)
        steady = not (settings["frozen_dropout"] or padded)
        frozen = self.gating if steady else None
        return [
            Stage(
                "exits",
                optimisation,
                objective,
                trains=("exits.",),
                frozen=frozen,
                graph=always,
                exact_widths=padded,
            )
        ]
