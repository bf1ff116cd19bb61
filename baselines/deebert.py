"""DeeBERT: exits on a fine-tuned, frozen BERT, left when a prediction's entropy is low (methods 3;
ACL 2020).

Stage 1 is ordinary fine-tuning, so this method continues full_bert's model; stage 2 trains the
exits alone. The released code also tests the exit of the last layer, which it never trains: here
that layer answers with the final head, as intended.
"""

from functools import partial

import torch
from transformers import PreTrainedConfig

from smartbert.criteria import Swept
from smartbert.head_kinds import FIRST
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
)
from smartbert.methods.losses import head_losses, total
from smartbert.methods.starts import start_poolers
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.modeling import AdaptiveBert


def exits_objective(
    model: AdaptiveBert, batch: Batch, progress: Progress, *, frozen_dropout: bool
) -> dict[str, torch.Tensor]:
    """Sum over exits 1..L-1 of the cross-entropy, unweighted; the frozen layers build no graph."""
    states = model.frozen(batch, "off", dropout=frozen_dropout)
    own = (model.exits or (), states.exits, states.attention_mask, batch["labels"])
    return {"loss": total(head_losses(*own))}


class DeeBert(Method):
    """Exits on frozen layers; as released with poolers of their own, which start from the
    backbone's pre-trained one, if any. The final head is what the continued model has.
    """

    criterion = "entropy"
    objective = staticmethod(exits_objective)
    defaults: Settings = {"exits": FIRST, "head": FIRST, "frozen_dropout": True}
    sweep: tuple[Swept, ...] = (
        0,
        0.001,
        0.005,
        0.01,
        0.05,
        0.1,
        0.15,
        0.2,
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
    )

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        return adaptive_config(
            backbone, exits=settings["exits"], head=settings["head"], **label_fields(labels)
        )

    def initialise(self, model: AdaptiveBert, start: Start) -> None:
        start_poolers(model, start)

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        dropout = settings["frozen_dropout"]
        objective = partial(self.objective, frozen_dropout=dropout)
        frozen = None if dropout else "off"
        heads = ("exits.",)
        return [Stage("exits", optimisation, objective, trains=heads, frozen=frozen, graph=always)]
