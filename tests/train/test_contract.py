"""What a stage may ask for: its steps, rates of its own for some parameters, a teacher."""

import dataclasses
from pathlib import Path

import pytest
import torch
from encoder_types import adaptive
from speed.training import word_tokenizer
from tokenizers import Tokenizer, models
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast

from smartbert.errors import UserError
from smartbert.methods import Optimisation, Progress, Stage
from smartbert.tasks import task
from smartbert.train.stages import arguments, stage_record, train_stage
from smartbert.train.trainer import StageTrainer, dataset

TWO_EPOCHS = Optimisation(2, 4, 1e-3, 0, 0.1, 1e-8, 1.0, "last")  # of three steps each
HEADS = {"exits": "first", "head": "first"}


def joint(model, batch, progress: Progress) -> dict[str, torch.Tensor]:
    """Cross-entropy of all heads."""
    states = model.layers(batch, "off")
    heads = [*model.exits, model.head]
    losses = [
        F.cross_entropy(head(hidden, states.attention_mask), batch["labels"])
        for head, hidden in zip(heads, states.outputs, strict=True)
    ]
    return {"loss": sum(losses)}


def distilled(model, batch, progress: Progress) -> dict[str, torch.Tensor]:
    """Distance of the final head's logits from the teacher's."""
    own = model.head(model.layers(batch, "off").last, batch["attention_mask"])
    teacher = progress.teacher
    assert not teacher.training
    said = teacher.head(teacher.layers(batch, "off").last, batch["attention_mask"])
    assert not said.requires_grad
    return {"loss": F.mse_loss(own, said)}


def run(model, stage: Stage, split, folder: Path, *, teacher=None, tokenizer=None) -> list[dict]:
    return train_stage(
        model,
        stage,
        task=task("mnli"),
        fit=split,
        tune=split,
        tokenizer=tokenizer or word_tokenizer(),
        folder=folder,
        seed=1,
        precision="fp32",
        title="test",
        save_seconds=3600.0,
        teacher=teacher,
    )


def trainer(model, stage: Stage, split, folder: Path) -> StageTrainer:
    """A trainer before its first step, with the optimiser and schedule of ten steps."""
    own = StageTrainer(
        model,
        stage=stage,
        args=arguments(stage, folder, seed=1, precision="fp32"),
        lengths=split["length"],
        callbacks=[],
        train_dataset=dataset(split),
    )
    own.create_optimizer_and_scheduler(num_training_steps=10)
    return own


def names_of(model, parameters) -> set[str]:
    ids = {id(parameter) for parameter in parameters}
    return {name for name, parameter in model.named_parameters() if id(parameter) in ids}


def weights(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_a_loss_sees_the_step_as_well_as_the_epoch(tiny_model, split, tmp_path):
    seen = []

    def alternating(model, batch, progress):
        seen.append((progress.epoch, progress.step, progress.steps))
        return joint(model, batch, progress)

    run(tiny_model(**HEADS), Stage("one", TWO_EPOCHS, alternating), split, tmp_path)
    assert seen == [(1, 1, 6), (1, 2, 6), (1, 3, 6), (2, 4, 6), (2, 5, 6), (2, 6, 6)]


def test_groups_have_rates_of_their_own_and_the_released_decay(tiny_model, split, tmp_path):
    model = tiny_model(**HEADS)
    rates = {"encoder.": 1e-5, "encoder.encoder.layer.0.": 0.0}
    own = trainer(model, Stage("one", TWO_EPOCHS, joint, rates=rates), split, tmp_path)
    found = {}
    for group in own.optimizer.param_groups:
        for name in names_of(model, group["params"]):
            assert name not in found
            found[name] = (group["initial_lr"], group["weight_decay"])
    assert set(found) == {name for name, _ in model.named_parameters()}
    for name, (rate, decay) in found.items():
        first = name.startswith("encoder.encoder.layer.0.")
        assert rate == (0.0 if first else 1e-5 if name.startswith("encoder.") else 1e-3)
        assert decay == (0.0 if "bias" in name or "LayerNorm.weight" in name else 0.1)
    before = [group["lr"] for group in own.optimizer.param_groups]
    own.optimizer.step()
    own.lr_scheduler.step()
    after = [group["lr"] for group in own.optimizer.param_groups]
    assert after == pytest.approx([0.9 * rate for rate in before])


def test_without_rates_the_optimiser_is_the_librarys(tiny_model, split, tmp_path):
    own = trainer(tiny_model(**HEADS), Stage("one", TWO_EPOCHS, joint), split, tmp_path)
    groups = own.optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert {group["initial_lr"] for group in groups} == {1e-3}


def test_a_rate_of_zero_keeps_its_parameters_and_the_others_move(tiny_model, split, tmp_path):
    model = tiny_model(**HEADS)
    before = weights(model)
    run(model, Stage("one", TWO_EPOCHS, joint, rates={"encoder.": 0.0}), split, tmp_path)
    for name, value in model.state_dict().items():
        assert torch.equal(before[name], value) == name.startswith("encoder."), name


def test_a_rate_for_no_parameter_is_refused(tiny_model, split, tmp_path):
    frozen = Stage("one", TWO_EPOCHS, joint, trains=("exits.",), rates={"gates.": 1e-2})
    with pytest.raises(UserError, match=r"'one' has a rate for 'gates.', but no parameter"):
        run(tiny_model(**HEADS), frozen, split, tmp_path)


@pytest.mark.parametrize("rate", [-1e-3, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(tiny_model, split, tmp_path, rate):
    wild = Stage("one", TWO_EPOCHS, joint, rates={"exits.": rate})
    with pytest.raises(UserError, match=r"'one' has a rate of .* for 'exits\.'"):
        run(tiny_model(**HEADS), wild, split, tmp_path)


def test_a_stage_that_trains_nothing_is_refused(tiny_model, split, tmp_path):
    nothing = Stage("one", TWO_EPOCHS, joint, trains=("gates.",))
    with pytest.raises(UserError, match=r"begin with 'gates\.', and this model has none"):
        run(tiny_model(**HEADS), nothing, split, tmp_path)


def test_a_killed_training_with_rates_resumes_to_the_same_weights(tiny_model, split, tmp_path):
    def trained(folder: Path, kill: bool) -> dict[str, torch.Tensor]:
        def dying(model, batch, progress):
            if kill and progress.step == 5:
                raise KeyboardInterrupt
            return joint(model, batch, progress)

        model = tiny_model(**HEADS)
        run(model, Stage("one", TWO_EPOCHS, dying, rates={"exits.": 1e-2}), split, folder)
        return weights(model)

    whole = trained(tmp_path / "whole", kill=False)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", kill=True)
    resumed = trained(tmp_path / "killed", kill=False)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_stage_learns_from_its_teacher_which_stays_as_it_is(tiny_model, split, tmp_path):
    model, teacher = tiny_model(seed=0, head="first"), tiny_model(seed=1, head="first").train()
    before = weights(teacher)
    long = dataclasses.replace(TWO_EPOCHS, epochs=8)
    stage = Stage("distil", long, distilled, teacher=True)
    history = run(model, stage, split, tmp_path, teacher=teacher)
    losses = [entry["loss"] for entry in history if "loss" in entry]
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())


def test_a_stage_without_the_teacher_it_needs_is_refused(tiny_model, split, tmp_path):
    stage = Stage("distil", TWO_EPOCHS, distilled, teacher=True)
    with pytest.raises(UserError, match=r"'distil' learns from a teacher.*methods.<entry>.teacher"):
        run(tiny_model(head="first"), stage, split, tmp_path)


def test_a_stages_record_says_rates_and_teacher_only_where_it_has_them():
    plain = Stage("one", TWO_EPOCHS, joint, trains=("exits.",))
    assert stage_record(plain).to_json() == {
        "stage": "one",
        "trains": ["exits."],
        **dataclasses.asdict(TWO_EPOCHS),
    }
    more = dataclasses.replace(plain, rates={"head.": 0.1}, teacher=True)
    found = stage_record(more).to_json()
    assert found["rates"] == {"head.": 0.1} and found["teacher"] is True


@pytest.mark.parametrize("kind", ["mpnet", "roberta"])
def test_batches_are_padded_as_the_encoder_pads(split, tmp_path, kind):
    seen = []

    def watched(model, batch, progress: Progress) -> dict[str, torch.Tensor]:
        seen.append(batch)
        return joint(model, batch, progress)

    model = adaptive(kind, exits="first")
    split["input_ids"] = [[max(5, token) for token in row] for row in split["input_ids"]]
    words = Tokenizer(models.WordLevel({"<s>": 0, "<pad>": 1}, unk_token="<s>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>")
    run(model, Stage("one", TWO_EPOCHS, watched), split, tmp_path, tokenizer=tokenizer)
    for batch in seen:
        padding = batch["input_ids"] == model.config.padding
        assert torch.equal(padding, batch["attention_mask"] == 0)
    assert any((batch["attention_mask"] == 0).any() for batch in seen)
