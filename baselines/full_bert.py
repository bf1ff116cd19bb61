"""Dense BERT, fine-tuned: the reference of every ratio (methods 1)."""

from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedConfig

from smartbert.head_kinds import FIRST
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
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.modeling import AdaptiveBert


def final_objective(model: AdaptiveBert, batch: Batch, progress: Progress) -> dict[str, Tensor]:
    """Cross-entropy of the final head."""
    states = model.layers(batch, "off")
    logits = model.head(states.last, states.attention_mask)
    return {"loss": F.cross_entropy(logits.float(), batch["labels"])}


class FullBert(Method):
    """All layers and one head of any kind; as released the encoder's own."""

    defaults: Settings = {"head": FIRST, "heads_rate": None}

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        return adaptive_config(backbone, head=settings["head"], **label_fields(labels))

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        rates = head_rates(settings, "head.")
        return [Stage("finetune", optimisation, final_objective, rates=rates, graph=always)]
