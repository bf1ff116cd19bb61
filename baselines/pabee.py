"""PABEE: stop when P+1 exits in a row agree (methods 4; NeurIPS 2020).

One pooler is shared by all exits, each has its own linear, and everything is trained jointly with
losses weighted by depth. Counters are kept per example, so any batch size decides as batch size 1
does.
"""

from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedConfig

from smartbert.methods.contract import (
    Batch,
    Method,
    Optimisation,
    Progress,
    Settings,
    Stage,
    label_fields,
)
from smartbert.methods.losses import total
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.modeling import AdaptiveBert


def joint_objective(model: AdaptiveBert, batch: Batch, progress: Progress) -> dict[str, Tensor]:
    """Sum of l CE(z_l, y) over all layers, divided by the sum of l."""
    states = model.layers(batch, "off")
    heads = [*(model.exits or ()), model.head]
    losses = [
        F.cross_entropy(head(hidden, states.attention_mask).float(), batch["labels"])
        for head, hidden in zip(heads, states.outputs, strict=True)
    ]
    weights = range(1, len(losses) + 1)
    weighted = total(w * loss for w, loss in zip(weights, losses, strict=True))
    return {"loss": weighted / sum(weights), "ce": losses[-1]}


class Pabee(Method):
    """Exits on a shared pooler, with patience."""

    criterion = "patience"
    sweep = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        return adaptive_config(
            backbone, exits="shared_pooler", head="pooler", **label_fields(labels)
        )

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        return [Stage("joint", optimisation, joint_objective)]
