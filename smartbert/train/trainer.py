"""One stage in the Trainer: its loss, its batches, its rates, what a checkpoint holds.

Scores during training are those of hard live inference in float32 with the model's own thresholds,
as everywhere else.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import datasets
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from smartbert.errors import Diverged, UserError
from smartbert.methods.contract import Batch, Progress, Stage
from smartbert.model.configuration import policy_from_config
from smartbert.model.modeling import AdaptiveBert
from smartbert.model.outputs import AdaptiveOutput
from smartbert.tasks import Columns
from smartbert.train.callbacks import BestEpoch
from smartbert.train.states import Collator, HeldStates

SUMS, BEST = "sums.json", "best.safetensors"  # in a checkpoint, beside the library's files

Log: TypeAlias = dict[str, float]


class LengthGroups(LengthGroupedSampler):
    """Batches of similar length in a random order that follows from seed and epoch alone, so that a
    training resumes inside an epoch.

    The library's sampler orders the batches of each of its pools from long to short, so that on a
    small task every epoch runs through the lengths a few times over; the order of batches is
    shuffled here. The longest batch still comes first, to show at once whether memory suffices.

    Args:
        epoch: called for the epoch whose batches are wanted.
    """

    def __init__(self, batch_size: int, *, lengths: list[int], seed: int, epoch: Callable[[], int]):
        super().__init__(batch_size, lengths=lengths)
        self.seed, self.epoch = seed, epoch

    def __iter__(self) -> Iterator[int]:
        words = np.random.SeedSequence([self.seed, self.epoch()]).generate_state(1, np.uint32)
        self.generator = torch.Generator().manual_seed(int(words[0]))
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
        states: of frozen layers on fit, where they are held.
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
        states: HeldStates | None = None,
        callbacks: list[TrainerCallback],
        **given: object,
    ):
        given |= {"callbacks": callbacks}
        super().__init__(subject, args, **given)  # type: ignore[arg-type]  # handed on as they are
        self.subject = subject
        self.stage = stage
        self.lengths = lengths
        self.teacher = teacher
        self.states = states
        if teacher is not None:
            teacher.eval().requires_grad_(False).to(subject.device)
        self.best = next((c for c in callbacks if isinstance(c, BestEpoch)), None)
        self.sums: dict[str, Tensor] = {}  # of the epoch's losses, in double precision
        self.summed = 0

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, AdaptiveOutput]:
        """Return the objective's loss; a loss that is not finite ends the training."""
        progress = self.progress()
        loss, parts = self.losses(model, inputs, progress)
        self.count(loss, parts, progress)
        return (loss, AdaptiveOutput(loss=loss, parts=parts)) if return_outputs else loss

    def losses(
        self, model: nn.Module, inputs: Batch, progress: Progress
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the stage's loss on a batch, to be differentiated, and its parts."""

        def objective(model: AdaptiveBert, batch: Batch) -> dict[str, Tensor]:
            return self.stage.objective(model, batch, progress)

        self.subject.objective = objective
        output: AdaptiveOutput = model(**inputs)
        assert output.loss is not None and output.parts is not None  # an objective gives both
        return output.loss, output.parts

    def count(self, loss: Tensor, parts: Mapping[str, Tensor], progress: Progress) -> None:
        """Add a step's losses to those of the epoch.

        Raises:
            Diverged: if the loss is not finite.
        """
        if not torch.isfinite(loss):
            raise self.diverged(progress.step, f"{loss.item()}")
        self.add(parts)

    def add(self, parts: Mapping[str, Tensor]) -> None:
        """Add a step's losses to those of the epoch, whatever they are."""
        for name, value in parts.items():
            kept = value.cpu() if value.device.type == "mps" else value  # Apple's has no float64
            self.sums[name] = self.sums.get(name, 0.0) + kept.double()
        self.summed += 1

    def diverged(self, step: int, loss: str) -> Diverged:
        """Return the error for a loss that is not finite."""
        return Diverged(
            f"loss is {loss} at step {step} of stage {self.stage.name!r}: the training"
            f" diverged; lower `learning_rate` (now {self.args.learning_rate:g}) of this method or"
            " task"
        )

    def get_train_dataloader(self) -> DataLoader:
        """Return the batches of fit, as `fit_collator` makes them."""
        usual, self.data_collator = self.data_collator, self.fit_collator(self.data_collator)
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator = usual

    def fit_collator(self, usual: Collator) -> Collator:
        """Return what makes batches of fit: with the states of frozen layers where they are held.

        Args:
            usual: what makes those of tune.
        """
        return usual if self.states is None else self.states.collator(usual)

    def _get_train_sampler(self, train_dataset: object = None) -> LengthGroups:
        """Return the sampler of fit: similar lengths together, batches in random order."""
        return LengthGroups(
            self.args.train_batch_size,
            lengths=self.lengths,
            seed=self.args.seed,
            epoch=lambda: self.progress().epoch,
        )

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

    def _clip_grad_norm(self, model: nn.Module) -> Tensor:
        """Scale gradients down to the largest norm; return their norm.

        The library scales by one where they are below; on a CPU that is a pass over all weights for
        nothing, and a card would wait for the comparison.
        """
        if self.args.device.type != "cpu":
            found: Tensor = super()._clip_grad_norm(model)
            return found
        parameters = [p for p in model.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if not norm <= self.args.max_grad_norm:
            nn.utils.clip_grads_with_norm_(parameters, self.args.max_grad_norm, norm)
        return norm

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
        """Put the means of the loss and its parts over the epoch in place of the library's, which
        forgets what was before a checkpoint.
        """
        if "loss" in logs:
            for name, value in self.sums.items():
                logs[name if name == "loss" else f"part_{name}"] = value.item() / self.summed
            self.sums, self.summed = {}, 0
        super().log(logs, start_time)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save a checkpoint's weights, and beside them what the library does not keep: sums of the
        losses so far, and the best epoch's weights.
        """
        super().save_model(output_dir, _internal_call)
        folder = Path(output_dir or str(self.args.output_dir))
        sums = {name: value.item() for name, value in self.sums.items()}
        (folder / SUMS).write_text(json.dumps({"sums": sums, "summed": self.summed}))
        if self.best and self.best.weights:
            save_file(self.best.weights, folder / BEST)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        """Load what `save_model` saved."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        folder = Path(resume_from_checkpoint)
        said = json.loads((folder / SUMS).read_text())
        self.sums = {
            name: torch.tensor(value, dtype=torch.float64, device=self.args.device)
            for name, value in said["sums"].items()
        }
        self.summed = said["summed"]
        if self.best and (folder / BEST).exists():
            self.best.weights = load_file(folder / BEST)

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
        """Decay all but biases and the encoder's norms, which BERT's names tell, as released.

        The projections' norms sit in Sequentials, do not match, and so are decayed (methods 2.5).
        """
        norms = {
            f"{name}.weight"
            for name, module in model.named_modules()
            if isinstance(module, nn.LayerNorm) and name.startswith("encoder.")
        }
        names = [name for name, _ in model.named_parameters() if name not in norms]
        return [name for name in names if "bias" not in name and "LayerNorm.weight" not in name]


def dataset(columns: Columns, *, rows: bool = False) -> datasets.Dataset:
    """Return what Trainer reads, from a split's columns; with the numbers of rows if asked for."""
    return datasets.Dataset.from_dict(
        {
            "input_ids": columns["input_ids"],
            "token_type_ids": columns["token_type_ids"],
            "attention_mask": [[1] * n for n in columns["length"]],
            "labels": columns["label"],
            **({"row": list(range(len(columns["label"])))} if rows else {}),
        }
    )


def repeatable(entries: list[Log]) -> list[Log]:
    """Return what a log says of epochs, without the times: those of provenance.json are the whole
    run's.
    """
    return [
        {k: v for k, v in entry.items() if not k.endswith(("_runtime", "_per_second"))}
        for entry in entries
        if "loss" in entry or "eval_score" in entry
    ]
