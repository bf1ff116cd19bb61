"""PABEE: stop when P+1 exits in a row agree (methods 4; NeurIPS 2020).

One pooler is shared by all exits, each has its own linear, and everything is trained jointly with
losses weighted by depth. Counters are kept per example, so any batch size decides as batch size 1
does.
"""

from torch.nn import functional as F

from smartbert.methods import Method, Stage, label_fields
from smartbert.modeling import AdaptiveBert, adaptive_config


def joint_objective(model: AdaptiveBert, batch: dict, epoch: int) -> dict:
    """Sum of l CE(z_l, y) over all layers, divided by the sum of l."""
    states = model.layers(batch, "off")
    heads = [*model.exits, model.head]
    losses = [
        F.cross_entropy(head(hidden, states.attention_mask).float(), batch["labels"])
        for head, hidden in zip(heads, states.outputs, strict=True)
    ]
    weights = range(1, len(losses) + 1)
    total = sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
    return {"loss": total, "ce": losses[-1]}


class Pabee(Method):
    """Exits on a shared pooler, with patience."""

    title = "PABEE"
    criterion = "patience"
    sweep = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

    def configure(self, backbone, settings, *, labels):
        return adaptive_config(
            backbone, exits="shared_pooler", head="pooler", **label_fields(labels)
        )

    def stages(self, settings, optimisation, *, layers):
        return [Stage("joint", optimisation, joint_objective)]
