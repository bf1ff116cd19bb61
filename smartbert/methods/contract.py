"""What a method is: an architecture, one or more training stages, and the exit rule that may be
tuned.

A method is one file with one subclass of `Method`. It imports torch freely; this module does not,
so that jobs which only read records stay light. `Stage` is data: how long, how fast, which
parameters, which loss.

Shapes: N examples, L layers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from smartbert.criteria import Swept
from smartbert.errors import unknown

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from transformers import PreTrainedConfig

    from smartbert.model.configuration import AdaptiveBertConfig
    from smartbert.model.modeling import AdaptiveBert
    from smartbert.trace.schema import TraceMeta

NOT_OF_STAGES = ("precision",)  # settings that concern the whole training

Settings: TypeAlias = Mapping[str, Any]  # a method's own, as the config has them


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
class Progress:
    """How far a stage is when it asks for its loss.

    Attributes:
        epoch: the current one, counted from 1.
        step: the current one, counted from 1 within the stage.
        steps: all of the stage.
        teacher: the trained model to learn from, frozen; None where the stage asks for none.
    """

    epoch: int
    step: int
    steps: int
    teacher: AdaptiveBert | None = None


Batch: TypeAlias = "dict[str, Tensor]"
Objective: TypeAlias = "Callable[[AdaptiveBert, Batch, Progress], dict[str, Tensor]]"


@dataclass(frozen=True)
class Stage:
    """A stretch of training.

    Attributes:
        objective: (model, batch, progress) -> scalar tensors by name; "loss" is differentiated, the
            others are logged.
        trains: prefixes of the names of the parameters that train; the others are frozen and are in
            no optimiser. Empty = all.
        select_from: first epoch that may be selected as best.
        rates: peak learning rate, by prefix of the names of the parameters, of those that have one
            of their own; where several prefixes fit, the longest holds.
        teacher: whether the loss needs a teacher.
        frozen: gating ("off" or "hard") of the frozen pass that the loss reads by `model.frozen`,
            where an example's states are the same in every epoch; None where they are not.
        graph: what of a step decides which operations the loss is made of, numbers that it takes
            from `progress` included; such steps are captured once on a card and replayed. None: a
            step may be unlike all others (it draws layers), and is not captured.
        exact_widths: whether padding takes part in the loss, so that a batch is never padded
            further than to its longest example.
    """

    name: str
    optimisation: Optimisation
    objective: Objective
    trains: tuple[str, ...] = ()
    select_from: int = 1
    rates: Mapping[str, float] = field(default_factory=dict)
    teacher: bool = False
    frozen: str | None = None
    graph: Callable[[Progress], Hashable] | None = None
    exact_widths: bool = False


def padding_counts(settings: Settings) -> bool:
    """Return whether padding takes part in a contrast, as released (`Stage.exact_widths`)."""
    return settings["eta"] > 0 and not settings["mask_padding"]


def always(progress: Progress) -> Hashable:
    """Say that all steps of a stage are made of the same operations (`Stage.graph`)."""
    return None


def by_epoch(progress: Progress) -> Hashable:
    """Say that those of an epoch are (`Stage.graph`)."""
    return progress.epoch


@dataclass(frozen=True)
class Start:
    """What a method may start from.

    Attributes:
        backbone: folder of the pre-trained backbone.
        parent: folder of the model it continues, or None.
        gates: called for the values (N, L) that the parent's gates gave on tune; worked out then.
    """

    backbone: Path
    parent: Path | None
    gates: Callable[[], np.ndarray]


class Method:
    """Base class of all methods.

    Attributes:
        title: how tables and figures call a method of a user's own file; that of a registered one
            stands in its record.
        criterion: exit rule that is tuned, a name in `criteria.CRITERIA`, or "never".
        sweep: exit thresholds of the published sweep; under a rule with parameters each is a tuple,
            the threshold and then those.
        defaults: the method's own settings (beside `Optimisation`'s) with their values when the
            config is silent; a key that is not here is refused.
    """

    title: str = ""
    criterion: str = "never"
    sweep: tuple[Swept, ...] = ()
    defaults: Settings = {}

    def configure(
        self, backbone: PreTrainedConfig, settings: Settings, *, labels: tuple[str, ...]
    ) -> AdaptiveBertConfig:
        """Return the model's config for a backbone and a task's label names."""
        raise NotImplementedError

    def stages(self, settings: Settings, optimisation: Optimisation, *, layers: int) -> list[Stage]:
        """Return the stages, in order, for a model of `layers` layers."""
        raise NotImplementedError

    def initialise(self, model: AdaptiveBert, start: Start) -> None:
        """Give new modules a start other than random, once, before the first stage."""

    def read(self, meta: TraceMeta) -> TraceMeta:
        """Return what a trace of another entry says of itself when this method reads it as its own.

        The same layers, gates and heads, under this method's rule.
        """
        return replace(meta, criterion=self.criterion, sweep=self.sweep)

    def split(self, settings: Settings) -> tuple[dict[str, Any], Optimisation]:
        """Return a config entry as the method's own settings, defaults filled in, and the rest.

        Raises:
            UserError: for a setting that neither knows.
        """
        shared = {field.name for field in fields(Optimisation)}
        own = {k: v for k, v in settings.items() if k not in shared and k not in NOT_OF_STAGES}
        for key in own:
            if key not in self.defaults:
                known = [*self.defaults, *shared]
                named = self.title or type(self).__name__
                raise unknown("setting", key, known, setting=f"methods in the config ({named})")
        optimisation = Optimisation(**{k: settings[k] for k in shared})
        return {**self.defaults, **own}, optimisation


def head_rates(settings: Settings, *begins: str) -> dict[str, float]:
    """Return `Stage.rates` of heads that train together with the layers: their own setting
    `heads_rate`, or none, where it is null, so that they have the training's.

    Args:
        begins: how the names of their parameters begin.
    """
    rate: float | None = settings.get("heads_rate")
    return {} if rate is None else {name: rate for name in begins}


def label_fields(labels: tuple[str, ...]) -> dict[str, dict]:
    """Return the config fields that name the classes."""
    return {"id2label": dict(enumerate(labels)), "label2id": {n: i for i, n in enumerate(labels)}}
