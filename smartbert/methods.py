"""What a method is: an architecture, one or more training stages, and the exit rule that may be
tuned.

A method is one file with one subclass of `Method`. It imports torch freely; this module does not,
so that jobs which only read records stay light. `Stage` is data: how long, how fast, which
parameters, which loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartbert.errors import unknown

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertConfig

    from smartbert.configuration import AdaptiveBertConfig
    from smartbert.modeling import AdaptiveBert

REFERENCE = "full_bert"  # the entry that every ratio is related to
SUBJECT = "smartbert"  # the entry that the others are compared with, and that is ablated
NOT_OF_STAGES = ("precision",)  # settings that concern the whole training


@dataclass(frozen=True)
class Optimisation:
    """Settings that every stage has; the config's keys of the same names.

    Attributes:
        epochs: passes over the fit split.
        batch_size: examples per step, over all devices.
        learning_rate: peak of AdamW's learning rate, decayed linearly to 0.
        warmup: steps of linear warm-up if >= 1, share of all steps if below.
        weight_decay, adam_epsilon: AdamW's.
        clip: largest gradient norm.
        select: keep the "best" epoch by score on the tune split (ties: the latest) or the "last".
    """

    epochs: int
    batch_size: int
    learning_rate: float
    warmup: float
    weight_decay: float
    adam_epsilon: float
    clip: float
    select: str


@dataclass(frozen=True)
class Stage:
    """A stretch of training.

    Attributes:
        objective: (model, batch, epoch) -> scalar tensors by name; "loss" is differentiated, the
            others are logged. `epoch` counts from 1.
        trains: prefixes of the names of the parameters that train; the others are frozen and are in
            no optimiser. Empty = all.
        select_from: first epoch that may be selected as best.
    """

    name: str
    optimisation: Optimisation
    objective: Callable[[AdaptiveBert, dict, int], dict[str, Tensor]]
    trains: tuple[str, ...] = ()
    select_from: int = 1


@dataclass(frozen=True)
class Start:
    """What a method may start from.

    Attributes:
        backbone: folder of the pre-trained backbone.
        parent: folder of the model it continues, or None.
        tune: columns of the tune split.
    """

    backbone: Path
    parent: Path | None
    tune: dict[str, list]


class Method:
    """Base class of all methods.

    Attributes:
        title: how tables and figures call it.
        criterion: exit rule that is tuned, a name in `policies.CRITERIA`, or "never".
        sweep: exit thresholds of the published sweep.
        defaults: the method's own settings (beside `Optimisation`'s) with their values when the
            config is silent; a key that is not here is refused.
    """

    title: str
    criterion: str = "never"
    sweep: tuple[float, ...] = ()
    defaults: dict[str, Any] = {}

    def configure(
        self, backbone: BertConfig, settings: dict, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        """Return the model's config for a backbone and a task's label names."""
        raise NotImplementedError

    def stages(self, settings: dict, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        """Return the stages, in order, for a model of `layers` layers."""
        raise NotImplementedError

    def initialise(self, model: AdaptiveBert, start: Start) -> None:
        """Give new modules a start other than random, once, before the first stage."""

    def split(self, settings: dict) -> tuple[dict, Optimisation]:
        """Return a config entry as the method's own settings, defaults filled in, and the rest.

        Raises:
            UserError: for a setting that neither knows.
        """
        shared = {field.name for field in fields(Optimisation)}
        own = {k: v for k, v in settings.items() if k not in shared and k not in NOT_OF_STAGES}
        for key in own:
            if key not in self.defaults:
                known = [*self.defaults, *shared]
                raise unknown(
                    "setting", key, known, setting=f"methods in the config ({self.title})"
                )
        optimisation = Optimisation(**{k: settings[k] for k in shared})
        return {**self.defaults, **own}, optimisation


def label_fields(labels: tuple[str, ...]) -> dict:
    """Return the config fields that name the classes."""
    return {"id2label": dict(enumerate(labels)), "label2id": {n: i for i, n in enumerate(labels)}}
