"""BERxiT: exits trained together with the encoder by turns, left where one has learnt that it is
certain (methods 5.3; EACL 2021).

Every other step trains the final head alone, so that it does not suffer from the exits. Learning to
exit: one linear map, shared by all exits, says from what an exit's last map reads whether its
answer is right.
"""

from functools import partial

from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedConfig

from baselines.matched import HEADS
from smartbert.methods.contract import (
    Batch,
    Method,
    Optimisation,
    Progress,
    Settings,
    Stage,
    Start,
    head_rates,
    label_fields,
)
from smartbert.methods.losses import total
from smartbert.methods.starts import start_poolers
from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config
from smartbert.model.heads import Head
from smartbert.model.modeling import AdaptiveBert


def exit_loss(head: Head, vector: Tensor, labels: Tensor, *, certainty_back: bool) -> Tensor:
    """Cross-entropy of an exit, and the squared error of its certainty, of 1 where it is right."""
    logits = head.out(vector).float()
    right = (logits.argmax(-1) == labels).float()
    certain = head.certain(vector if certainty_back else vector.detach())
    return F.cross_entropy(logits, labels) + F.mse_loss(certain, right)


def alternating_objective(
    model: AdaptiveBert, batch: Batch, progress: Progress, *, certainty_back: bool
) -> dict[str, Tensor]:
    """Cross-entropy of the final head; at odd steps, counted from 1, that of all exits beside it,
    with their certainties.
    """
    states, labels = model.layers(batch, "off"), batch["labels"]
    mask = states.attention_mask
    ce = F.cross_entropy(model.head(states.last, mask).float(), labels)
    if progress.step % 2 == 0:
        return {"loss": ce, "ce": ce}
    exits = [head for head in model.exits or () if isinstance(head, Head)]
    ours = (
        exit_loss(head, head.vector(hidden, mask), labels, certainty_back=certainty_back)
        for head, hidden in zip(exits, states.outputs[:-1], strict=True)
    )
    return {"loss": total((ce, *ours)), "ce": ce}


def by_turn(progress: Progress) -> int:
    """Say whose turn a step is (`Stage.graph`)."""
    return progress.step % 2


class Berxit(Method):
    """Exits trained by turns with the final head, with learnt certainties."""

    criterion = "certainty"
    defaults: Settings = {**HEADS, "heads_rate": None, "certainty_back": True}
    sweep = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        exits, head = settings["exits"], settings["head"]
        return adaptive_config(
            backbone, exits=exits, head=head, certainty=True, **label_fields(labels)
        )

    def initialise(self, model: AdaptiveBert, start: Start) -> None:
        start_poolers(model, start)

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        objective = partial(alternating_objective, certainty_back=settings["certainty_back"])
        own = head_rates(settings, "exits.", "head.", "certainty.")
        return [Stage("alternate", optimisation, objective, rates=own, graph=by_turn)]
