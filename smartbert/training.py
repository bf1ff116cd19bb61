"""Training: one run of the Hugging Face Trainer per stage, on token ids that the data rule has
written.

Dynamic padding, length grouping, one checkpoint per epoch so that a killed run resumes, and the
choice of the epoch on the tune split. Scores during training are those of hard live inference in
float32 with the model's own thresholds, as everywhere else.
"""

import math
import shutil
import sys
import time
from collections import defaultdict
from dataclasses import asdict
from functools import partial
from pathlib import Path

import datasets
import torch
from safetensors.torch import load_file
from transformers import (
    BertConfig,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import get_last_checkpoint

from smartbert.errors import Diverged
from smartbert.methods import Method, Stage, Start
from smartbert.metrics.glue import Glue
from smartbert.modeling import AdaptiveBert
from smartbert.policies import policy_from_config
from smartbert.precision import effective, products
from smartbert.tasks import TaskSpec

PROGRESS_SECONDS = 20.0
EVAL_BATCH = 64


class LengthGroups(LengthGroupedSampler):
    """Batches of similar length in random order.

    The library's sampler orders the batches of each of its pools from long to short, so that on a
    small task every epoch runs through the lengths a few times over; the order of batches is
    shuffled here. The longest batch still comes first, to show at once whether memory suffices.
    """

    def __iter__(self):
        rows = list(super().__iter__())
        starts = range(0, len(rows), self.batch_size)
        batches = [rows[start : start + self.batch_size] for start in starts]
        # The last batch may be short and has to stay last.
        middle = torch.randperm(max(0, len(batches) - 2), generator=self.generator)
        order = [0, *(1 + middle).tolist(), len(batches) - 1][: len(batches)]
        return iter([row for number in order for row in batches[number]])


class StageTrainer(Trainer):
    """Trainer that differentiates a stage's objective and scores by live inference."""

    def __init__(self, *args, stage: Stage, **kwargs):
        super().__init__(*args, **kwargs)
        self.stage = stage
        self.lengths = list(self.train_dataset["length"])
        self.parts: dict[str, list[torch.Tensor]] = defaultdict(list)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Return the objective's loss; a loss that is not finite ends the training at once."""
        self.model.objective = partial(self.stage.objective, epoch=self.epoch_number())
        output = model(**inputs)
        if not torch.isfinite(output.loss):
            raise Diverged(
                f"loss is {output.loss.item()} at step {self.state.global_step + 1} of stage"
                f" {self.stage.name!r}: the training diverged; lower `learning_rate`"
                f" (now {self.args.learning_rate:g}) of this method or task"
            )
        for name, value in output.parts.items():
            self.parts[name].append(value)
        return (output.loss, output) if return_outputs else output.loss

    def _get_train_sampler(self, train_dataset=None):
        """Return the sampler of fit: similar lengths together, batches in random order."""
        return LengthGroups(self.args.train_batch_size, lengths=self.lengths)

    def epoch_number(self) -> int:
        """Return the current epoch, counted from 1."""
        per_epoch = max(1, round(self.state.max_steps / self.args.num_train_epochs))
        return min(self.state.global_step // per_epoch + 1, math.ceil(self.args.num_train_epochs))

    def log(self, logs, *args, **kwargs):
        """Add the mean of each part of the loss since the last log."""
        if "loss" in logs:
            for name, values in self.parts.items():
                logs[f"part_{name}"] = torch.stack(values).float().mean().item()
            self.parts.clear()
        super().log(logs, *args, **kwargs)

    @torch.no_grad()
    def prediction_step(self, model, inputs, prediction_loss_only, ignore_keys=None):
        """Answer by live inference, outside mixed precision: gates lie too near their threshold for
        it.
        """
        batch = self._prepare_inputs(inputs)
        output = self.model.infer(batch, policy_from_config(self.model.config))
        layers = output.executed.sum(-1).to(output.logits.device)
        return None, (output.logits, layers), batch["labels"]

    def get_decay_parameter_names(self, model):
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

    def on_train_begin(self, args, state, control, **_):
        self.started, self.first_step = time.monotonic(), state.global_step

    def on_step_end(self, args, state, control, **_):
        now = time.monotonic()
        if now - self.last < PROGRESS_SECONDS or state.global_step == state.max_steps:
            return
        self.last = now
        pace = (now - self.started) / max(1, state.global_step - self.first_step)
        left = pace * (state.max_steps - state.global_step)
        say(f"{self.title}: {100 * state.global_step / state.max_steps:.0f} %, {clock(left)} left")

    def on_evaluate(self, args, state, control, metrics=None, **_):
        score, layers = metrics.get("eval_score"), metrics.get("eval_layers")
        say(f"{self.title}: epoch {state.epoch:.0f}, tune score {score:.1f}, {layers:.2f} layers")


def say(line: str) -> None:
    """Print a progress line at once."""
    print(line, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Return a duration as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def compute_metrics(prediction: EvalPrediction, *, metric: Glue) -> dict[str, float]:
    """Return the task's metrics in points, and the mean number of layers run."""
    logits, layers = prediction.predictions
    values = metric.compute(predictions=logits.argmax(-1), references=prediction.label_ids)
    return {**values, "layers": float(layers.mean())}


class SelectEpoch(TrainerCallback):
    """Mark the epoch to keep: best score from `select_from` on, ties to the latest."""

    def __init__(self, stage: Stage):
        self.stage = stage

    def on_evaluate(self, args, state, control, metrics=None, **_):
        allowed = round(state.epoch) >= self.stage.select_from
        # Trainer keeps the first of equals; a term far below any score's step makes that the last.
        late = 1e-6 * state.epoch
        metrics["eval_selection"] = metrics["eval_score"] + late if allowed else -1e9 + late


def dataset(columns: dict[str, list]) -> datasets.Dataset:
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


def arguments(stage: Stage, folder: Path, *, seed: int, precision: str) -> TrainingArguments:
    """Return Trainer's settings for a stage."""
    o = stage.optimisation
    best = o.select == "best"
    devices = max(1, torch.cuda.device_count())
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=o.epochs,
        per_device_train_batch_size=max(1, o.batch_size // devices),
        per_device_eval_batch_size=EVAL_BATCH,
        learning_rate=o.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=o.warmup,
        weight_decay=o.weight_decay,
        adam_epsilon=o.adam_epsilon,
        max_grad_norm=o.clip,
        optim="adamw_torch_fused",
        use_cpu=not torch.cuda.is_available(),
        bf16=effective(precision) == "bf16",
        seed=seed,
        eval_strategy="epoch" if best else "no",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=best,
        metric_for_best_model="selection" if best else None,
        greater_is_better=True if best else None,
        logging_strategy="epoch",
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        label_names=["labels"],
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def build(
    method: Method, settings: dict, start: Start, *, task: TaskSpec, seed: int
) -> AdaptiveBert:
    """Return the model that a method starts from: the backbone, or the model it continues.

    Modules that the start has not are initialised from the seed.
    """
    set_seed(seed)
    backbone = BertConfig.from_pretrained(start.backbone)
    config = method.configure(backbone, settings, labels=task.labels)
    if start.parent is None:
        model = AdaptiveBert.from_backbone(start.backbone, config)
    else:
        model = AdaptiveBert(config)
        model.adopt(load_file(start.parent / "model.safetensors"))
    method.initialise(model, start)
    return model


def freeze(model: AdaptiveBert, stage: Stage) -> None:
    """Let only the stage's parameters train; frozen ones are in no optimiser, so nothing decays
    them.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not stage.trains or name.startswith(stage.trains))


def last_whole_checkpoint(folder: Path) -> str | None:
    """Return the last checkpoint in a folder, None if there is none.

    A training killed while it saved leaves a checkpoint without its state, which is written last:
    that one is removed.
    """
    while folder.is_dir() and (found := get_last_checkpoint(str(folder))):
        state = Path(found) / TRAINER_STATE_NAME
        try:
            TrainerState.load_from_json(str(state))
            return found
        except (OSError, ValueError):
            shutil.rmtree(found)
    return None


def train_stage(
    model: AdaptiveBert,
    stage: Stage,
    *,
    task: TaskSpec,
    fit: dict[str, list],
    tune: dict[str, list],
    tokenizer,
    folder: Path,
    seed: int,
    precision: str,
    title: str,
) -> list[dict]:
    """Train one stage in place, resuming from its last checkpoint in `folder`; return its history.

    Args:
        fit, tune: columns input_ids, token_type_ids, label, length.
        folder: for checkpoints; kept if the run is killed.

    Raises:
        Diverged: if the loss stops being finite.
    """
    freeze(model, stage)
    trainer = StageTrainer(
        model=model,
        stage=stage,
        args=arguments(stage, folder, seed=seed, precision=precision),
        train_dataset=dataset(fit),
        eval_dataset=dataset(tune),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=partial(compute_metrics, metric=Glue(config_name=task.name)),
        callbacks=[SelectEpoch(stage), ProgressLine(title)],
    )
    trainer.pop_callback(_printer())
    with products(precision):
        trainer.train(resume_from_checkpoint=last_whole_checkpoint(folder))
    model.objective = None
    chosen = trainer.state.best_global_step
    return [
        {"stage": stage.name, **repeatable(entry), "selected": entry["step"] == chosen}
        for entry in trainer.state.log_history
    ]


def repeatable(entry: dict[str, float]) -> dict[str, float]:
    """Return what a log says, without the times: those of provenance.json are the whole run's."""
    return {k: v for k, v in entry.items() if not k.endswith(("_runtime", "_per_second"))}


def _printer():
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def stage_record(stage: Stage) -> dict:
    """Return a stage's settings as plain values, for provenance."""
    return {"stage": stage.name, "trains": list(stage.trains), **asdict(stage.optimisation)}
