"""The losses: conformance test 9 (docs/methods.md, section 8), padding, pairs, lambda's depth."""

import math

import pytest
import torch

from smartbert.methods.losses import exit_contrast, input_contrast, skip_penalty
from smartbert.methods.smartbert import scaled_penalty

N, T, D = 3, 7, 8


def constant(layers: int) -> list[torch.Tensor]:
    return [torch.ones(N, T, D) for _ in range(layers)]


def rand(layers: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(N, T, D, generator=generator) for _ in range(layers)]


def test_input_contrast_of_constant_embeddings_is_eleven_log_t():
    value = input_contrast(constant(12), temperature=0.5, attention_mask=None)
    assert value.item() == pytest.approx(11 * math.log(T), rel=1e-6)


def test_exit_contrast_of_constant_embeddings_is_nine_tenths_log_t_minus_1():
    value = exit_contrast(constant(11), temperature=0.55, pairs="released", attention_mask=None)
    assert value.item() == pytest.approx(9 * math.log(T - 1) / 10, rel=1e-6)


def test_complete_pairs_add_the_one_that_the_release_leaves_out():
    value = exit_contrast(constant(11), temperature=0.55, pairs="complete", attention_mask=None)
    assert value.item() == pytest.approx(math.log(T - 1), rel=1e-6)
    last = rand(11)
    changed = [*last[:-1], last[-1] + 1]
    for pairs, same in (("released", True), ("complete", False)):
        values = [
            exit_contrast(p, temperature=0.55, pairs=pairs, attention_mask=None).item()
            for p in (last, changed)
        ]
        assert (values[0] == values[1]) == same


@pytest.mark.parametrize("loss", ["input", "exit"])
def test_masked_padding_has_no_say(loss):
    def contrast(projected, mask):
        if loss == "input":
            return input_contrast(projected, temperature=0.5, attention_mask=mask)
        return exit_contrast(projected, temperature=0.5, pairs="complete", attention_mask=mask)

    mask = torch.ones(N, T)
    mask[:, 4:] = 0
    projected = rand(4)
    noisy = [p + 5 * torch.randn_like(p) * (1 - mask)[..., None] for p in projected]
    torch.testing.assert_close(contrast(noisy, mask), contrast(projected, mask))
    torch.testing.assert_close(
        contrast(projected, mask), contrast([p[:, :4] for p in projected], mask[:, :4])
    )
    assert contrast(noisy, None) != contrast(projected, None)


def test_masked_contrast_stays_finite_for_a_single_token():
    mask = torch.zeros(N, T)
    mask[:, 0] = 1
    mask[0] = 1
    projected = [p.requires_grad_() for p in rand(4)]
    value = exit_contrast(projected, temperature=0.5, pairs="complete", attention_mask=mask)
    value.backward()
    assert torch.isfinite(value)
    assert all(torch.isfinite(p.grad).all() for p in projected)


def test_a_model_too_shallow_for_pairs_has_no_exit_contrast():
    assert exit_contrast(rand(1), temperature=0.5, pairs="complete", attention_mask=None) == 0
    assert exit_contrast(rand(2), temperature=0.5, pairs="released", attention_mask=None) == 0


def test_penalty_is_lambda_over_the_summed_mean_gates_and_never_infinite():
    gates = torch.tensor([[0.2, 0.4], [0.6, 0.8]])
    assert skip_penalty(gates, 0.04).item() == pytest.approx(0.04 / (0.4 + 0.6))
    assert torch.isfinite(skip_penalty(torch.zeros(2, 2), 0.04))


def test_lambda_keeps_its_pull_on_a_gate_at_another_depth():
    """d(lambda / S) / d(mean gate) at half-open gates is the same for 6 and 12 layers."""

    def pull(layers: int) -> float:
        mean = torch.full((1, layers), 0.5, requires_grad=True)
        skip_penalty(mean, scaled_penalty(0.04, stated_for=12, layers=layers)).backward()
        return mean.grad[0, 0].item()

    assert pull(6) == pytest.approx(pull(12))
    assert scaled_penalty(0.04, stated_for=None, layers=6) == 0.04
