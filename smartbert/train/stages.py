"""Training: from a backbone or a parent to a trained model, one run of the Trainer per stage.

Dynamic padding, length grouping, checkpoints so that a killed run resumes, and the choice of the
epoch on the tune split.
"""

from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_callback import PrinterCallback

from smartbert.errors import UserError
from smartbert.head_kinds import check_continued
from smartbert.methods.contract import Method, Settings, Stage, Start
from smartbert.model.configuration import AdaptiveBertConfig
from smartbert.model.folder import load_model
from smartbert.model.modeling import AdaptiveBert
from smartbert.provenance import StageRecord
from smartbert.results import WEIGHTS
from smartbert.tasks import Columns, TaskSpec
from smartbert.train.callbacks import BestEpoch, ProgressLine, SaveByTime
from smartbert.train.card import CardTrainer, steady, wanted
from smartbert.train.checkpoints import last_whole_checkpoint
from smartbert.train.epoch_metric import compute_metrics, epoch_metric
from smartbert.train.precision import effective, products
from smartbert.train.quick import quick
from smartbert.train.recorder import own_path
from smartbert.train.states import HeldStates
from smartbert.train.trainer import StageTrainer, dataset, repeatable

EVAL_BATCH = 64


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
        save_strategy="no",  # SaveByTime asks
        save_total_limit=1,
        logging_strategy="epoch",
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        label_names=["labels"],
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def build(
    method: Method,
    settings: Settings,
    *,
    backbone: Path,
    parent: Path | None,
    tune: Columns,
    task: TaskSpec,
    seed: int,
) -> AdaptiveBert:
    """Return the model that a method starts from: the backbone, or the model it continues.

    Modules that the start has not are initialised from the seed.

    Args:
        settings: the method's own.
        backbone: folder of the pre-trained encoder.
        parent: folder of the model that the method continues, None for the backbone.
    """
    set_seed(seed)
    sizes = AutoConfig.from_pretrained(backbone)
    config = method.configure(sizes, settings, labels=task.labels)
    if parent is None:
        model = AdaptiveBert.from_backbone(backbone, config)
    else:
        _check_heads(config, AutoConfig.from_pretrained(parent))
        model = AdaptiveBert(config)
        model.adopt(load_file(parent / WEIGHTS))
    method.initialise(model, Start(backbone, parent, partial(_gates, parent, tune)))
    return model


def _check_heads(own: AdaptiveBertConfig, parents: AdaptiveBertConfig) -> None:
    """Raise UserError if the heads of a model to continue are of another kind: some kinds have
    weights of the same names and sizes, and read other tokens.
    """
    for part in ("head", "exits"):
        kinds = getattr(own, part), getattr(parents, part)
        check_continued(part, *kinds, entry="<entry>")


def _gates(parent: Path | None, tune: Columns) -> np.ndarray:
    """Return the values (N, L) that a parent's gates give on tune.

    Raises:
        UserError: if there is no parent, or it has no gates.
    """
    model = None if parent is None else load_model(parent)
    if model is None or model.gates is None:
        raise UserError(
            "this method starts from the gates of the model that it continues, and there are none;"
            " set `methods.<entry>.continues` to an entry with gates"
        )
    return own_path(model, tune).gates


def freeze(model: AdaptiveBert, stage: Stage) -> None:
    """Let only the stage's parameters train; frozen ones are in no optimiser, so nothing decays
    them.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not stage.trains or name.startswith(stage.trains))
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserError(
            f"stage {stage.name!r} trains parameters that begin with"
            f" {', '.join(map(repr, stage.trains))}, and this model has none; set its `trains`"
        )


def train_stage(
    model: AdaptiveBert,
    stage: Stage,
    *,
    task: TaskSpec,
    fit: Columns,
    tune: Columns,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    seed: int,
    precision: str,
    title: str,
    save_seconds: float,
    last: bool = True,
    teacher: AdaptiveBert | None = None,
    states: HeldStates | None = None,
    card: bool | None = None,
) -> list[dict[str, object]]:
    """Train one stage in place, resuming from its last checkpoint in `folder`; return its history.

    Args:
        folder: for checkpoints; kept if the run is killed.
        save_seconds: after which a checkpoint is written.
        last: whether no other stage follows.
        teacher: the model that a stage with a teacher learns from; it is frozen.
        states: of the frozen layers on fit, for a stage that reads them.
        card: whether steps are run as a card runs them; None: where there is one.

    Raises:
        UserError: if the stage learns from a teacher and there is none.
        Diverged: if the loss stops being finite.
    """
    if stage.teacher and teacher is None:
        raise UserError(
            f"stage {stage.name!r} learns from a teacher, and there is none; set"
            " `methods.<entry>.teacher` to the entry that trains it"
        )
    freeze(model, stage)
    held = states if stage.frozen else None
    best = BestEpoch(stage)
    args = arguments(stage, folder, seed=seed, precision=precision)
    on_card = held is None and wanted(card, args.device)
    trainer = (partial(CardTrainer, fit=fit) if on_card else StageTrainer)(
        model,
        stage=stage,
        args=args,
        lengths=fit["length"],
        teacher=teacher if stage.teacher else None,
        states=held,
        train_dataset=dataset(fit, rows=on_card or held is not None),
        eval_dataset=dataset(tune),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=partial(compute_metrics, metric=epoch_metric(task)),
        callbacks=[best, ProgressLine(title), SaveByTime(save_seconds, last_stage=last)],
    )
    trainer.pop_callback(PrinterCallback)
    with products(precision), quick(model), steady(model) if on_card else nullcontext():
        trainer.train(resume_from_checkpoint=last_whole_checkpoint(folder))
    model.objective = None
    best.restore(model)
    chosen = best.step(trainer.state)
    return [
        {"stage": stage.name, **entry, "selected": entry["step"] == chosen}
        for entry in repeatable(trainer.state.log_history)
    ]


def stage_record(stage: Stage, *, held: bool = False) -> StageRecord:
    """Return a stage's settings, for provenance.

    Args:
        held: whether the states of frozen layers were there, for a stage that reads them.
    """
    return StageRecord(
        stage=stage.name,
        trains=stage.trains,
        **asdict(stage.optimisation),
        rates=dict(stage.rates),
        teacher=stage.teacher,
        held=held and stage.frozen is not None,
    )
