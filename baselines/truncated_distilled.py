"""Truncated BERT, distilled: the first k layers, which learn from a dense BERT's answers beside the
labels (methods 5.4; Hinton et al. 2015, arXiv 1503.02531).

The fixed depth at its best: what an adaptive method has to beat where training may cost more.
"""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.matched import HEAD
from baselines.truncated_bert import TruncatedBert
from smartbert.methods.contract import (
    Batch,
    Optimisation,
    Progress,
    Settings,
    Stage,
    always,
    head_rates,
)
from smartbert.model.modeling import AdaptiveBert


def distilled_objective(
    model: AdaptiveBert, batch: Batch, progress: Progress, *, alpha: float, temperature: float
) -> dict[str, Tensor]:
    """(1 - alpha) CE + alpha t^2 KL(teacher at t || student at t), t the temperature."""
    teacher = progress.teacher
    if teacher is None:
        raise ValueError("distillation needs a teacher")
    states = model.layers(batch, "off")
    own = model.head(states.last, states.attention_mask).float()
    with torch.no_grad():
        seen = teacher.layers(batch, "off")
        said = teacher.head(seen.last, seen.attention_mask).float()
    ce = F.cross_entropy(own, batch["labels"])
    student, soft = ((logits / temperature).log_softmax(-1) for logits in (own, said))
    kl = temperature**2 * F.kl_div(student, soft, reduction="batchmean", log_target=True)
    return {"loss": (1 - alpha) * ce + alpha * kl, "ce": ce, "kl": kl}


class TruncatedDistilled(TruncatedBert):
    """The first `depth` layers, with a teacher."""

    # Temperature and weight are those of DistilBERT's script for fine-tuning.
    defaults = {
        "depth": 6,
        **HEAD,
        "heads_rate": None,
        "alpha": 0.5,
        "temperature": 2.0,
    }

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        objective = partial(
            distilled_objective, alpha=settings["alpha"], temperature=settings["temperature"]
        )
        own = head_rates(settings, "head.")
        return [Stage("distil", optimisation, objective, rates=own, teacher=True, graph=always)]
