"""What happens beside the steps of a stage: a line of progress, when a checkpoint is due, and which
epoch's weights are kept.
"""

import sys
import time

import torch
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from smartbert.methods.contract import Stage
from smartbert.model.modeling import AdaptiveBert

PROGRESS_SECONDS = 20.0


class ProgressLine(TrainerCallback):
    """One line now and then: how far this training is and how long it still takes."""

    def __init__(self, title: str):
        self.title = title
        self.started = self.last = time.monotonic()
        self.first_step = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Start the clock."""
        self.started, self.first_step = time.monotonic(), state.global_step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Say how far it is, not too often."""
        now = time.monotonic()
        if now - self.last < PROGRESS_SECONDS or state.global_step == state.max_steps:
            return
        self.last = now
        pace = (now - self.started) / max(1, state.global_step - self.first_step)
        left = pace * (state.max_steps - state.global_step)
        say(f"{self.title}: {100 * state.global_step / state.max_steps:.0f} %, {clock(left)} left")

    def on_evaluate(  # type: ignore[override]  # the library always gives metrics
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *,
        metrics: dict[str, float],
        **_: object,
    ) -> None:
        """Say how the epoch scored."""
        score, layers = metrics["eval_score"], metrics["eval_layers"]
        say(f"{self.title}: epoch {state.epoch:.0f}, tune score {score:.1f}, {layers:.2f} layers")


def say(line: str) -> None:
    """Print a progress line at once."""
    print(line, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Return a duration as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Countdown:
    """A line now and then on work that goes through examples: how far, and how long it still takes.

    Called with (examples done, all of them).
    """

    def __init__(self, title: str):
        self.title = title
        self.started = self.last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Say how far it is, not too often."""
        now = time.monotonic()
        if now - self.last < PROGRESS_SECONDS or done == total:
            return
        self.last = now
        left = (now - self.started) / done * (total - done)
        say(f"{self.title}: {done:,} of {total:,} examples, {clock(left)} left")


class SaveByTime(TrainerCallback):
    """Ask for a checkpoint when the last one is so many seconds old.

    Never after an epoch's last step, whose score is still to come: after that score instead.

    Args:
        last_stage: whether the training ends with this stage; one that does not is saved at its
            end, since the next one starts from there.
    """

    def __init__(self, seconds: float, *, last_stage: bool):
        self.seconds, self.last_stage = seconds, last_stage
        self.last = time.monotonic()

    def due(self) -> bool:
        """Return whether the last checkpoint is too old."""
        return time.monotonic() - self.last >= self.seconds

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Ask inside an epoch."""
        steps = max(1, round(state.max_steps / args.num_train_epochs))
        control.should_save = state.global_step % steps != 0 and self.due()

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Ask between epochs, and where another stage follows."""
        ended = state.global_step >= state.max_steps
        control.should_save = not self.last_stage if ended else self.due()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Start the clock again."""
        self.last = time.monotonic()


class BestEpoch(TrainerCallback):
    """Keep the trained weights of the epoch with the best score from `select_from` on, the latest
    of equals.

    Attributes:
        weights: of what trains, by name; empty before the first score.
    """

    def __init__(self, stage: Stage):
        self.stage = stage
        self.weights: dict[str, Tensor] = {}

    def step(self, state: TrainerState) -> int | None:
        """Return the step at whose end that epoch's score was taken, None before the first."""
        scored = [entry for entry in state.log_history if "eval_score" in entry]
        if not scored:
            return None
        return int(max(scored, key=self._rank)["step"])

    def _rank(self, entry: dict[str, float]) -> tuple[bool, float, float]:
        allowed = round(entry["epoch"]) >= self.stage.select_from
        return allowed, entry["eval_score"] if allowed else 0.0, entry["epoch"]

    def on_evaluate(  # type: ignore[override]  # the library always gives the model
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *,
        model: AdaptiveBert,
        **_: object,
    ) -> None:
        """Keep the weights if this epoch is the best so far."""
        if self.step(state) == state.global_step:
            self.weights = {
                name: parameter.detach().to("cpu", copy=True)
                for name, parameter in model.named_parameters()
                if parameter.requires_grad
            }

    @torch.no_grad()
    def restore(self, model: AdaptiveBert) -> None:
        """Give a model the kept weights."""
        parameters = dict(model.named_parameters())
        for name, value in self.weights.items():
            parameters[name].copy_(value)
