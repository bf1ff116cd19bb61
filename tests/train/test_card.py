"""Steps as a card runs them compute what the plain loop does: asked for on a CPU, in float32 and
without dropout, for which another width would draw other numbers.
"""

import dataclasses

import numpy as np
import pytest
import torch
from methods.test_golden import ENTRIES, backbone
from speed.card_training import called
from speed.training import word_tokenizer

from baselines.loading import load
from smartbert.errors import Diverged
from smartbert.methods import Optimisation, Stage
from smartbert.model.folder import load_model
from smartbert.model.modeling import AdaptiveBert
from smartbert.results import CONFIG
from smartbert.tasks import task
from smartbert.train import card, stages
from smartbert.train.card import CardTrainer, FitOnCard, width_of

EPOCHS, ROWS = 5, 48
# Half of all entries differ from another one in heads alone.
METHODS = [name for name in ENTRIES if not name.endswith(("_mean", "_first", "_attention"))]
NEAR = {"rtol": 0, "atol": 1e-5}


def split(n: int = ROWS) -> dict[str, list]:
    """Examples of 4 to 14 tokens."""
    rng = np.random.default_rng(7)
    lengths = rng.integers(4, 15, n)
    return {
        "input_ids": [rng.integers(1, 100, k).tolist() for k in lengths],
        "token_type_ids": [[0] * (k // 2) + [1] * (k - k // 2) for k in lengths],
        "label": rng.integers(0, 3, n).tolist(),
        "length": lengths.tolist(),
        "idx": list(range(n)),
        "subset": [0] * n,
    }


def optimisation(select: str = "last") -> Optimisation:
    return Optimisation(EPOCHS, 4, 1e-3, 5, 0.01, 1e-8, 1.0, select)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models that others continue or learn from, without dropout and with random weights."""
    found = tmp_path_factory.mktemp("card")
    backbone(found / "backbone")
    still(found / "backbone")
    for name in ("full_bert", "full_bert_attention", "skip_only", "layerdrop"):
        made(name, found).save_pretrained(found / name)
    return found


def still(path) -> None:
    """Take dropout out of a folder's config."""
    text = (path / CONFIG).read_text()
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        text = text.replace(f'"{name}": 0.1', f'"{name}": 0.0')
    (path / CONFIG).write_text(text)


def made(name: str, folder) -> AdaptiveBert:
    entry = ENTRIES[name]
    method = load(entry.method)
    return stages.build(
        method,
        {**method.defaults, **entry.settings},
        backbone=folder / "backbone",
        parent=folder / entry.parent if entry.parent else None,
        tune=split(8),
        task=task("mnli"),
        seed=3,
    )


def stage_of(name: str, model: AdaptiveBert) -> Stage:
    entry = ENTRIES[name]
    method = load(entry.method)
    settings = {**method.defaults, **entry.settings}
    (stage,) = method.stages(settings, optimisation(), layers=model.config.num_hidden_layers)
    return stage


def run(model, stage, folder, *, fit, card: bool, teacher=None) -> None:
    """Train a stage."""
    stages.train_stage(
        model,
        stage,
        task=task("mnli"),
        fit=fit,
        tune=split(8),
        tokenizer=word_tokenizer(),
        folder=folder,
        seed=3,
        precision="fp32",
        title="test",
        save_seconds=3600.0,
        teacher=teacher,
        card=card,
    )


def trained(model, stage, folder, monkeypatch, *, on_card: bool, teacher=None) -> list[float]:
    """Train; return the loss of every step."""
    seen: list[float] = []

    class Watched(CardTrainer if on_card else stages.StageTrainer):
        def training_step(self, *words, **given):
            seen.append(float(super().training_step(*words, **given)))
            return torch.tensor(seen[-1])

    if on_card:
        kind = lambda *w, fit, **g: Watched(*w, fit=fit, run=called, **g)  # noqa: E731
        monkeypatch.setattr(stages, "CardTrainer", kind)
    else:
        monkeypatch.setattr(stages, "StageTrainer", Watched)
    run(model, stage, folder / f"{on_card}", fit=split(), card=on_card, teacher=teacher)
    return seen


@pytest.mark.parametrize("name", METHODS)
def test_losses_of_fifty_steps_are_the_plain_loops(name, folder, tmp_path, monkeypatch):
    if not load(ENTRIES[name].method).stages.__func__ or name in (
        "pruned", "random_skip", "constant_skip",
    ):  # fmt: skip
        pytest.skip("trains nothing")
    found, weights = [], []
    for on_card in (False, True):
        with monkeypatch.context() as patch:
            model = made(name, folder)
            teacher = ENTRIES[name].teacher
            found.append(
                trained(
                    model,
                    stage_of(name, model),
                    tmp_path,
                    patch,
                    on_card=on_card,
                    teacher=load_model(folder / teacher) if teacher else None,
                )
            )
            weights.append({n: p.detach() for n, p in model.named_parameters()})
    assert len(found[0]) == len(found[1]) == EPOCHS * ROWS // 4 >= 50
    np.testing.assert_allclose(found[1], found[0], **NEAR)
    for parameter, value in weights[0].items():
        if parameter.endswith("key.bias"):  # its gradient is rounding alone, which Adam makes large
            continue
        torch.testing.assert_close(weights[1][parameter], value, rtol=0, atol=1e-4)


def test_every_stage_says_whether_its_steps_are_alike(folder):
    plain = {name for name in METHODS if name not in ("pruned", "random_skip", "constant_skip")}
    for name in plain:
        stage = stage_of(name, made(name, folder))
        assert (stage.graph is None) == (name == "layerdrop"), name


def test_padding_that_takes_part_in_a_loss_keeps_its_width(folder):
    assert stage_of("skip_only", made("skip_only", folder)).exact_widths
    assert width_of(23, exact=True) == 23 and width_of(23, exact=False) == 32


def test_a_batch_is_what_the_collator_makes(tiny_model):
    columns = split(6)
    fit = FitOnCard(columns, padding=0, device=torch.device("cpu"))
    batch = fit.batch(torch.tensor([4, 1]), 16)
    for row, number in enumerate((4, 1)):
        k = columns["length"][number]
        assert batch["input_ids"][row, :k].tolist() == columns["input_ids"][number]
        assert batch["token_type_ids"][row, :k].tolist() == columns["token_type_ids"][number]
        assert batch["attention_mask"][row].tolist() == [1] * k + [0] * (16 - k)
        assert not batch["input_ids"][row, k:].any()
    assert batch["labels"].tolist() == [columns["label"][4], columns["label"][1]]


def test_a_loss_that_is_not_finite_is_noticed_within_fifty_steps(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(card, "LOOK", 10)
    model = made("full_bert", folder)
    stage = stage_of("full_bert", model)
    steps = []

    def objective(model, batch, progress):
        steps.append(progress.step)
        parts = stage.objective(model, batch, progress)
        return {"loss": parts["loss"] * (float("nan") if progress.step == 13 else 1.0)}

    broken = dataclasses.replace(stage, objective=objective, graph=lambda p: p.step)
    with pytest.raises(Diverged, match=r"not finite at step 13 of stage 'finetune'.*learning_rate"):
        trained(model, broken, tmp_path, monkeypatch, on_card=True)
    assert 13 < max(steps) <= 20


def test_nothing_of_a_step_is_read_on_the_host(folder, tmp_path, monkeypatch):
    reads: list[str] = []
    model = made("skip_only", folder)
    inside = [False]
    usual = CardTrainer.training_step

    def watched(self, *words, **given):
        inside[0] = True
        try:
            return usual(self, *words, **given)
        finally:
            inside[0] = False

    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__"):
        real = getattr(torch.Tensor, name)

        def spy(self, *words, real=real, name=name, **given):
            if inside[0]:
                reads.append(name)
            return real(self, *words, **given)

        monkeypatch.setattr(torch.Tensor, name, spy)
    monkeypatch.setattr(CardTrainer, "training_step", watched)
    monkeypatch.setattr(card, "LOOK", 10**9)
    kind = lambda *w, fit, **g: CardTrainer(*w, fit=fit, run=called, **g)  # noqa: E731
    monkeypatch.setattr(stages, "CardTrainer", kind)
    run(model, stage_of("skip_only", model), tmp_path, fit=split(12), card=True)
    assert reads == []
