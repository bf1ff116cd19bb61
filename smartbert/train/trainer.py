"""One stage in the Trainer: its loss, its batches, the epoch to keep, a line of progress.

Scores during training are those of hard live inference in float32 with the model's own thresholds,
as everywhere else.
"""

import math
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

import datasets
import torch
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from smartbert.errors import Diverged, UserError
from smartbert.methods.contract import Batch, Progress, Stage
from smartbert.model.configuration import policy_from_config
from smartbert.model.modeling import AdaptiveBert
from smartbert.model.outputs import AdaptiveOutput
from smartbert.tasks import Columns

PROGRESS_SECONDS = 20.0

Log: TypeAlias = dict[str, float]


class LengthGroups(LengthGroupedSampler):
    """Batches of similar length in random order.

    The library's sampler orders the batches of each of its pools from long to short, so that on a
    small task every epoch runs through the lengths a few times over; the order of batches is
    shuffled here. The longest batch still comes first, to show at once whether memory suffices.
    """

    def __iter__(self) -> Iterator[int]:
        rows = list(super().__iter__())
        starts = range(0, len(rows), self.batch_size)
        batches = [rows[start : start + self.batch_size] for start in starts]
        # The last batch may be short and has to stay last.
        middle = torch.randperm(max(0, len(batches) - 2), generator=self.generator)
        order = [0, *(1 + middle).tolist(), len(batches) - 1][: len(batches)]
        return iter([row for number in order for row in batches[number]])


class StageTrainer(Trainer):
    """Trainer that differentiates a stage's objective and scores by live inference.

    Args:
        subject: the model that is trained.
        lengths: tokens of each example of fit.
        teacher: the model that the stage learns from, where it asks for one.
    """

    def __init__(
        self,
        subject: AdaptiveBert,
        *,
        stage: Stage,
        args: TrainingArguments,
        lengths: list[int],
        teacher: AdaptiveBert | None = None,
        **given: object,
    ):
        super().__init__(subject, args, **given)  # type: ignore[arg-type]  # handed on as they are
        self.subject = subject
        self.stage = stage
        self.lengths = lengths
        self.teacher = teacher
        if teacher is not None:
            teacher.eval().requires_grad_(False).to(subject.device)
        self.parts: dict[str, list[Tensor]] = defaultdict(list)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, AdaptiveOutput]:
        """Return the objective's loss; a loss that is not finite ends the training at once."""
        progress = self.progress()

        def objective(model: AdaptiveBert, batch: Batch) -> dict[str, Tensor]:
            return self.stage.objective(model, batch, progress)

        self.subject.objective = objective
        output = model(**inputs)
        if not torch.isfinite(output.loss):
            raise Diverged(
                f"loss is {output.loss.item()} at step {progress.step} of stage"
                f" {self.stage.name!r}: the training diverged; lower `learning_rate`"
                f" (now {self.args.learning_rate:g}) of this method or task"
            )
        for name, value in output.parts.items():
            self.parts[name].append(value)
        return (output.loss, output) if return_outputs else output.loss

    def _get_train_sampler(self, train_dataset: object = None) -> LengthGroups:
        """Return the sampler of fit: similar lengths together, batches in random order."""
        return LengthGroups(self.args.train_batch_size, lengths=self.lengths)

    def progress(self) -> Progress:
        """Return how far the stage is, in the step that is under way."""
        state, epochs = self.state, self.args.num_train_epochs
        per_epoch = max(1, round(state.max_steps / epochs))
        epoch = min(state.global_step // per_epoch + 1, math.ceil(epochs))
        return Progress(epoch, state.global_step + 1, state.max_steps, self.teacher)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Return the optimiser: the library's, with parameters in groups where the stage gives some
        a rate of their own. The schedule scales each group's rate.
        """
        if self.optimizer is None and self.stage.rates:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.subject)
            self.optimizer = kind(self.rate_groups(), **options)
        return super().create_optimizer(model)

    def rate_groups(self) -> list[dict[str, object]]:
        """Return the parameters that train by rate, the decayed before the others.

        Raises:
            UserError: if a rate is for parameters that there are not.
        """
        for begins, rate in self.stage.rates.items():
            if not (rate >= 0 and math.isfinite(rate)):
                raise UserError(
                    f"stage {self.stage.name!r} has a rate of {rate} for {begins!r}; it must be a"
                    " finite number >= 0"
                )
        rates, decayed = self.stage.rates, set(self.get_decay_parameter_names(self.subject))
        groups: dict[tuple[float, bool], list[nn.Parameter]] = defaultdict(list)
        used = set()
        for name, parameter in self.subject.named_parameters():
            if parameter.requires_grad:
                prefix = max((p for p in rates if name.startswith(p)), key=len, default=None)
                used.add(prefix)
                rate = self.args.learning_rate if prefix is None else rates[prefix]
                groups[rate, name in decayed].append(parameter)
        if unused := [prefix for prefix in rates if prefix not in used]:
            raise UserError(
                f"stage {self.stage.name!r} has a rate for {unused[0]!r}, but no parameter that it"
                " trains has a name that begins so"
            )
        return [
            {
                "params": parameters,
                "lr": rate,
                "weight_decay": self.args.weight_decay if decays else 0.0,
            }
            for (rate, decays), parameters in groups.items()
        ]

    def log(self, logs: Log, start_time: float | None = None) -> None:
        """Add the mean of each part of the loss since the last log."""
        if "loss" in logs:
            for name, values in self.parts.items():
                logs[f"part_{name}"] = torch.stack(values).float().mean().item()
            self.parts.clear()
        super().log(logs, start_time)

    @torch.no_grad()
    def prediction_step(  # type: ignore[override]  # two arrays in place of one
        self,
        model: nn.Module,
        inputs: Batch,
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[None, tuple[Tensor, Tensor], Tensor]:
        """Answer by live inference, outside mixed precision: gates lie too near their threshold for
        it.
        """
        batch = self._prepare_inputs(inputs)
        output = self.subject.infer(batch, policy_from_config(self.subject.config))
        layers = output.executed.sum(-1).to(output.logits.device)
        return None, (output.logits, layers), batch["labels"]

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Decay all but names with "bias" or "LayerNorm.weight", as released.

        The projections' norms sit in Sequentials, do not match, and so are decayed (methods 2.5).
        """
        names = [name for name, _ in model.named_parameters()]
        return [name for name in names if "bias" not in name and "LayerNorm.weight" not in name]


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
        metrics: Log,
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


class SelectEpoch(TrainerCallback):
    """Mark the epoch to keep: best score from `select_from` on, ties to the latest."""

    def __init__(self, stage: Stage):
        self.stage = stage

    def on_evaluate(  # type: ignore[override]  # the library always gives metrics
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *,
        metrics: Log,
        **_: object,
    ) -> None:
        """Add what the best epoch is chosen by."""
        allowed = round(state.epoch) >= self.stage.select_from
        # Trainer keeps the first of equals; a term far below any score's step makes that the last.
        late = 1e-6 * state.epoch
        metrics["eval_selection"] = metrics["eval_score"] + late if allowed else -1e9 + late


def dataset(columns: Columns) -> datasets.Dataset:
    """Return what Trainer reads, from a split's columns."""
    return datasets.Dataset.from_dict(
        {
            "input_ids": columns["input_ids"],
            "token_type_ids": columns["token_type_ids"],
            "attention_mask": [[1] * n for n in columns["length"]],
            "labels": columns["label"],
            "length": columns["length"],
        }
    )


def repeatable(entry: Log) -> Log:
    """Return what a log says, without the times: those of provenance.json are the whole run's."""
    return {k: v for k, v in entry.items() if not k.endswith(("_runtime", "_per_second"))}
