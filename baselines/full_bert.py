"""Dense BERT, fine-tuned: the reference of every ratio (methods 1)."""

from torch.nn import functional as F

from smartbert.methods import Method, Stage, label_fields
from smartbert.modeling import AdaptiveBert, adaptive_config


def final_objective(model: AdaptiveBert, batch: dict, epoch: int) -> dict:
    """Cross-entropy of the final head."""
    states = model.layers(batch, "off")
    logits = model.head(states.last, states.attention_mask)
    return {"loss": F.cross_entropy(logits.float(), batch["labels"])}


class FullBert(Method):
    """All layers, one head; `head` = "pooler" (BERT's own) or "attention" (SmartBERT's, for
    comparison).
    """

    title = "BERT"
    defaults = {"head": "pooler"}

    def configure(self, backbone, settings, *, labels):
        return adaptive_config(backbone, head=settings["head"], **label_fields(labels))

    def stages(self, settings, optimisation, *, layers):
        return [Stage("finetune", optimisation, final_objective)]
