"""Heads train from held states as they do from the frozen layers themselves."""

from dataclasses import replace

import pytest
import torch
from conftest import SMARTBERT, at

from baselines.deebert import DeeBert
from baselines.exit_only import ExitOnly
from baselines.fastbert import FastBert
from smartbert.errors import UserError
from smartbert.methods import Optimisation
from smartbert.methods.smartbert import SmartBert
from smartbert.train.precision import products
from smartbert.train.quick import quick
from smartbert.train.states import HeldStates, StatesRecord, hold

OPTIMISATION = Optimisation(1, 12, 1e-3, 0, 0.0, 1e-8, 1.0, "last")
STEADY = {"frozen_dropout": False, "mask_padding": True}
METHODS = {
    "smartbert": (SmartBert(), {**SmartBert.defaults, **STEADY}, SMARTBERT),
    "exit_only": (
        ExitOnly(),
        {**ExitOnly.defaults, **STEADY},
        {"exits": "attention", "head": "attention", "contrast_heads": True},
    ),
    "deebert": (DeeBert(), {"frozen_dropout": False}, {"exits": "first", "head": "first"}),
    "deebert, attention": (
        DeeBert(),
        {"frozen_dropout": False},
        {"exits": "attention", "head": "attention"},
    ),
    "deebert, mean": (DeeBert(), {"frozen_dropout": False}, {"exits": "mean", "head": "mean"}),
    "exit_only, first": (
        ExitOnly(),
        {**ExitOnly.defaults, **STEADY, "exits": "first", "eta": 0},
        {"exits": "first", "head": "attention"},
    ),
    "smartbert, mean": (
        SmartBert(),
        {**SmartBert.defaults, **STEADY, "exits": "mean", "eta": 0},
        {"gates": "learned", "exits": "mean", "head": "attention"},
    ),
    "fastbert": (
        FastBert(),
        {**FastBert.defaults, "frozen_dropout": False},
        {"exits": "attention", "head": "attention"},
    ),
}


@pytest.fixture(params=METHODS)
def trained(request, tiny_model):
    """A method's stage on frozen layers, and a model in training, its exits as large as at their
    start.
    """
    method, settings, parts = METHODS[request.param]
    (stage,) = method.stages(settings, OPTIMISATION, layers=5)
    model = tiny_model(**parts).train()
    with torch.no_grad():
        for parameter in model.exits.parameters():
            if parameter.ndim == 2:
                parameter.div_(4)
    return stage, model


def held(model, split, gating: str, precision: str, folder, **changed) -> HeldStates:
    """What a model's layers give on a split, written and read again."""
    config = model.config
    record = StatesRecord(
        "weights", "data", gating, precision, config.num_hidden_layers, config.hidden_size,
        sum(split["length"]), held=True,
    )  # fmt: skip
    record = replace(record, **changed)
    path = folder / "states.bin"
    hold(model, split, record, path)
    return HeldStates(path, record, split["length"])


def step(stage, model, batch, precision: str) -> dict[str, torch.Tensor]:
    """The loss of a step and the gradients of the heads, after dropout's draws from one seed."""
    torch.manual_seed(3)
    model.zero_grad()
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")
    with quick(model), products(precision):  # as a training computes
        with mixed:
            parts = stage.objective(model, batch, at(1))
        parts["loss"].backward()
    found = {f"part {name}": value.detach() for name, value in parts.items()}
    for name, parameter in model.exits.named_parameters():
        if parameter.grad is not None:  # the last contrast head is in no pair, as released
            found[name] = parameter.grad.clone()
    return found


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_step_from_held_states_is_the_plain_loops(trained, batch, split, tmp_path, precision):
    stage, model = trained
    states = held(model, split, stage.frozen, precision, tmp_path)
    rows = [4, 0, 7, 11, 2, 3, 9, 8, 1, 10, 6, 5]
    batch = {name: part[rows] for name, part in batch.items()}
    plain = step(stage, model, batch, precision)
    ours = step(stage, model, {**batch, "states": states.batch(rows, longest=14)}, precision)
    assert plain.keys() == ours.keys() and len(plain) > 8
    for name, value in plain.items():
        # A linear map rounds what it reads to bf16 itself; a mean is rounded once, after.
        if precision == "bf16" and model.config.exits != "mean":
            assert torch.equal(value, ours[name]), name
        else:
            assert (value - ours[name]).norm() <= 1e-2 * value.norm() + 1e-6, name


def test_a_mean_of_held_states_is_no_coarser_than_they_are(tiny_model, batch):
    """Sums of bf16 in bf16 would lose most of a long example."""
    (head, *_) = tiny_model(exits="mean", head="mean").exits
    hidden = torch.randn(12, 14, 32) + 3
    exact = head.read(hidden.double().float(), batch["attention_mask"])
    found = head.read(hidden.bfloat16(), batch["attention_mask"])
    assert found.dtype == torch.bfloat16
    assert (found.float() - exact).abs().max() <= 2**-8 * exact.abs().max()


def test_a_step_from_held_states_runs_no_layer(trained, batch, split, tmp_path, monkeypatch):
    stage, model = trained
    states = held(model, split, stage.frozen, "fp32", tmp_path)

    def never(*_):
        raise AssertionError("a layer ran")

    for layer in model.encoder.encoder.layer:
        monkeypatch.setattr(layer, "forward", never)
    own = {**batch, "states": states.batch(range(12), longest=14)}
    assert torch.isfinite(step(stage, model, own, "fp32")["part loss"])


def test_only_states_that_stay_the_same_are_asked_for():
    for method, settings, _ in METHODS.values():
        for change in ({"frozen_dropout": True}, {"mask_padding": False}, {"eta": 0}):
            own = {**settings, **{k: v for k, v in change.items() if k in settings}}
            (stage,) = method.stages(own, OPTIMISATION, layers=5)
            gating = "hard" if type(method) is SmartBert else "off"
            padded = not own.get("mask_padding", True) and own.get("eta", 0) > 0
            assert stage.frozen == (None if own["frozen_dropout"] or padded else gating)


def test_states_too_large_for_the_disk_are_not_held(tiny_model, split, tmp_path):
    model = tiny_model(exits="attention", head="attention")
    record = StatesRecord("w", "d", "off", "fp32", 5, 32, sum(split["length"]), held=True)
    assert record.size == 2 * 5 * 32 * sum(split["length"])
    hold(model, split, record.without(), tmp_path / "none.bin")
    assert (tmp_path / "none.bin").stat().st_size == 0


def test_states_that_are_not_whole_are_refused(tiny_model, split, tmp_path):
    model = tiny_model(exits="attention", head="attention")
    states = held(model, split, "off", "fp32", tmp_path)
    path = tmp_path / "states.bin"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(UserError, match="not whole; delete it"):
        HeldStates(path, states.record, split["length"])
    assert states.batch([1], longest=5).shape == (5, 1, 5, 32)
