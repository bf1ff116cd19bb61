"""Training's quicker parts compute what the library's do."""

import pytest
import torch
from conftest import SMARTBERT
from torch import nn
from torch.nn import functional as F

from smartbert.train.quick import drop, quick


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_keeps_the_mean(dtype):
    torch.manual_seed(0)
    x = torch.ones(1001, 999, dtype=dtype, requires_grad=True)
    y = drop(x, 0.1, training=True)
    assert set(y.detach().unique().tolist()) == {0.0, y.max().item()}
    assert y.max().item() == pytest.approx(1 / 0.9, rel=2**-8 if dtype == torch.bfloat16 else 1e-4)
    assert (y == 0).float().mean().item() == pytest.approx(0.1, abs=0.002)
    rows = (y == 0).float().mean(1)
    assert 0.005 < rows.std().item() < 0.014  # binomial: 0.0095; no pattern along a row
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_every_sixteen_bits_of_a_draw_are_even():
    torch.manual_seed(1)
    y = drop(torch.ones(4_000_000), 0.5, training=True).view(-1, 4)
    assert (y == 0).float().mean(0).tolist() == pytest.approx([0.5] * 4, abs=0.003)


def test_dropout_leaves_alone_what_is_not_in_training():
    x = torch.randn(5)
    assert drop(x, 0.1, training=False) is x and drop(x, 0.0, training=True) is x


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_model_gives_the_same_but_for_rounding_and_is_itself_again(tiny_model, batch, precision):
    model = tiny_model(**SMARTBERT)
    model.encoder.set_attn_implementation("sdpa")

    def passed() -> tuple[torch.Tensor, torch.Tensor]:
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            states = model.layers(batch, "soft")
            loss = F.cross_entropy(model.head(states.last, states.attention_mask), batch["labels"])
        loss.backward()
        return states.last.detach().float(), model.gates[0].embed.weight.grad.clone()

    before = {name: type(module) for name, module in model.named_modules()}
    plain = passed()  # not in training: no dropout
    with quick(model):
        kinds = {type(module) for module in model.encoder.modules()}
        assert nn.Dropout not in kinds
        ours = passed()
    near = 1e-4 if precision == "fp32" else 0.15  # gates here are six times as steep
    for one, other in zip(plain, ours, strict=True):
        assert (one - other).norm() < near * one.norm()
    assert {name: type(module) for name, module in model.named_modules()} == before
    assert model.encoder.config._attn_implementation == "sdpa"
    again = passed()
    assert all(torch.equal(one, other) for one, other in zip(plain, again, strict=True))


def test_a_model_in_training_drops_and_a_seed_repeats_it(tiny_model, batch):
    model = tiny_model(head="first").train()
    with quick(model):
        runs = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            runs.append(model.layers(batch, "off").last)
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    model.eval()
    with quick(model):
        assert torch.equal(model.layers(batch, "off").last, model.layers(batch, "off").last)
