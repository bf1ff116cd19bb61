"""DeeBERT: exits on a fine-tuned, frozen BERT, left when a prediction's entropy is low (methods 3;
ACL 2020).

Stage 1 is ordinary fine-tuning, so this method continues full_bert's model; stage 2 trains the
exits alone. The released code also tests the exit of the last layer, which it never trains: here
that layer answers with the final head, as intended.
"""

import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from smartbert.methods import Method, Stage, label_fields
from smartbert.modeling import AdaptiveBert, adaptive_config


def exits_objective(model: AdaptiveBert, batch: dict, epoch: int) -> dict:
    """Sum over exits 1..L-1 of the cross-entropy, unweighted; the frozen layers build no graph."""
    with torch.no_grad():
        states = model.layers(batch, "off")
    loss = sum(
        F.cross_entropy(head(hidden, states.attention_mask).float(), batch["labels"])
        for head, hidden in zip(model.exits, states.outputs[:-1], strict=True)
    )
    return {"loss": loss}


class DeeBert(Method):
    """Exits with poolers of their own, which start from the pre-trained pooler."""

    title = "DeeBERT"
    criterion = "entropy"
    sweep = (0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)

    def configure(self, backbone, settings, *, labels):
        return adaptive_config(backbone, exits="pooler", head="pooler", **label_fields(labels))

    def initialise(self, model, start):
        weights = load_file(start.backbone / "model.safetensors")
        for head in model.exits:
            head.pooler.load_state_dict(
                {name: weights[f"pooler.dense.{name}"] for name in ("weight", "bias")}
            )

    def stages(self, settings, optimisation, *, layers):
        return [Stage("exits", optimisation, exits_objective, trains=("exits.",))]
