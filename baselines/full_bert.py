"""Dense BERT, fine-tuned: the reference of every ratio (methods 1)."""

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
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.modeling import AdaptiveBert


def final_objective(model: AdaptiveBert, batch: Batch, progress: Progress) -> dict[str, Tensor]:
    """Cross-entropy of the final head."""
    states = model.layers(batch, "off")
    logits = model.head(states.last, states.attention_mask)
    return {"loss": F.cross_entropy(logits.float(), batch["labels"])}


class FullBert(Method):
    """All layers, one head; `head` = "pooler" (the encoder's own) or "attention" (SmartBERT's, for
    comparison).
    """

    defaults: Settings = {"head": "pooler"}

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        return adaptive_config(backbone, head=settings["head"], **label_fields(labels))

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        return [Stage("finetune", optimisation, final_objective)]
