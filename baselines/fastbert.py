"""FastBERT: exits that learn from the final head on a frozen BERT, left when normalised entropy is
low (methods 5.1; ACL 2020).

The teacher is the model's own final head, so that exits see no label, and all they read stands
still: they can be trained from held states. The dense model is another entry's, which this one
continues.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.deebert import DeeBert
from baselines.matched import HEADS
from smartbert.methods.contract import Batch, Progress, Settings
from smartbert.methods.losses import total
from smartbert.model.modeling import AdaptiveBert


def self_distillation(
    model: AdaptiveBert, batch: Batch, progress: Progress, *, frozen_dropout: bool
) -> dict[str, Tensor]:
    """Sum over exits 1..L-1 of KL(final head || exit); layers and final head build no graph."""
    states = model.frozen(batch, "off", dropout=frozen_dropout)
    mask = states.attention_mask
    model.head.train(frozen_dropout)
    with torch.no_grad():
        teacher = model.head(states.last, mask).float().log_softmax(-1)
    loss = total(
        F.kl_div(
            head(hidden, mask).float().log_softmax(-1),
            teacher,
            reduction="batchmean",
            log_target=True,
        )
        for head, hidden in zip(model.exits or (), states.exits, strict=True)
    )
    return {"loss": loss}


class FastBert(DeeBert):
    """Exits distilled from the final head of the dense model that they are put on; frozen layers
    and poolers are as DeeBERT's.
    """

    criterion = "normalised_entropy"
    objective = staticmethod(self_distillation)
    defaults: Settings = {**HEADS, "frozen_dropout": True}
    sweep = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
