"""PABEE: stop when P+1 exits in a row agree (methods 4; NeurIPS 2020).

As released, one pooler is shared by all exits and each has its own linear; attention heads share
nothing. Everything is trained jointly with losses weighted by depth. Counters are kept per example,
so any batch size decides as batch size 1 does.
"""

from torch import Tensor
from transformers import PreTrainedConfig

from smartbert.head_kinds import FIRST, POOLED, check_shared
from smartbert.methods.contract import (
    Batch,
    Method,
    Optimisation,
    Progress,
    Settings,
    Stage,
    always,
    head_rates,
    label_fields,
)
from smartbert.methods.losses import head_losses, total
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.modeling import AdaptiveBert


def joint_objective(model: AdaptiveBert, batch: Batch, progress: Progress) -> dict[str, Tensor]:
    """Sum of l CE(z_l, y) over all layers, divided by the sum of l."""
    states = model.layers(batch, "off")
    heads = [*(model.exits or ()), model.head]
    losses = head_losses(heads, states.outputs, states.attention_mask, batch["labels"])
    weights = range(1, len(losses) + 1)
    weighted = total(w * loss for w, loss in zip(weights, losses, strict=True))
    return {"loss": weighted / sum(weights), "ce": losses[-1]}


class Pabee(Method):
    """Exits of all layers trained at once, with patience."""

    criterion = "patience"
    defaults: Settings = {"exits": FIRST, "head": FIRST, "heads_rate": None}
    sweep = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        exits, head = settings["exits"], settings["head"]
        check_shared(exits, head)
        return adaptive_config(
            backbone,
            exits=exits,
            head=head,
            shared_pooler=exits in POOLED,
            **label_fields(labels),
        )

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        rates = head_rates(settings, "exits.", "head.")
        return [Stage("joint", optimisation, joint_objective, rates=rates, graph=always)]
