"""The model equals the released implementation, number by number (`shared/parity`)."""

import re
from functools import partial

import numpy as np
import pytest
import torch
from conftest import SHARED, at
from safetensors import safe_open
from transformers import BertConfig

from smartbert.criteria import entropy
from smartbert.methods.smartbert import stage1_objective, stage2_objective
from smartbert.model.configuration import adaptive_config
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import Policy

FIXTURE = SHARED / "parity" / "fixture.safetensors"
pytestmark = pytest.mark.skipif(
    not FIXTURE.is_file(), reason=f"parity numbers not found at {FIXTURE}"
)
DEPTH, CLASSES = 4, 3
MODES = ("soft", "hard")
STAGE1 = partial(
    stage1_objective, penalty_warmup=0, penalty=0.04, eta=0.01, temperature=0.5, mask_padding=False
)
STAGE2 = partial(
    stage2_objective,
    eta=0.05,
    temperature=0.55,
    pairs="released",
    mask_padding=False,
    frozen_dropout=True,
)


def our_name(name: str) -> str:
    """Translate a released parameter name to ours."""
    name = re.sub(r"^encoder\.", "encoder.encoder.", name)
    name = re.sub(r"^embedding\.", "encoder.embeddings.", name)
    name = re.sub(r"^gate\.(\d+)\.output_layer_0", r"gates.\1.embed", name)
    name = re.sub(r"^gate\.(\d+)\.output_layer_1", r"gates.\1.score", name)
    name = re.sub(r"^gate\.(\d+)\.atten\.", r"gates.\1.attention.", name)
    name = re.sub(r"^contrast\.", "projections.", name)
    name = re.sub(rf"^classifier\.{DEPTH - 1}\.", "head.", name)
    name = re.sub(r"^classifier\.(\d+)\.", r"exits.\1.", name)
    for theirs, ours in (
        (r"\.main\.", ".contrast."),
        (r"\.output_layer_0\.", ".embed."),
        (r"\.output_layer_1\.", ".hidden."),
        (r"\.output_layer_2\.", ".out."),
        (r"\.atten\.", ".attention."),
    ):
        if name.startswith(("exits.", "head.")):
            name = re.sub(theirs, ours, name)
    return name


@pytest.fixture(scope="module")
def numbers() -> dict[str, torch.Tensor]:
    with safe_open(FIXTURE, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no dict)


@pytest.fixture(scope="module")
def released_names(numbers) -> dict[str, str]:
    """Ours -> theirs, for every parameter that we keep (the last classifier's contrast head is in
    no loss).
    """
    names = [k.removeprefix("param/") for k in numbers if k.startswith("param/")]
    return {our_name(n): n for n in names if not n.startswith(f"classifier.{DEPTH - 1}.main.")}


@pytest.fixture
def model(numbers, released_names) -> AdaptiveBert:
    backbone = BertConfig(
        hidden_size=64,
        num_hidden_layers=DEPTH,
        num_attention_heads=4,
        intermediate_size=128,
        vocab_size=200,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config = adaptive_config(
        backbone,
        gates="learned",
        exits="attention",
        head="attention",
        small_width=128,  # the released width on a small backbone
        projections=True,
        contrast_heads=True,
        id2label={i: str(i) for i in range(CLASSES)},
    )
    model = AdaptiveBert(config)
    state = {ours: numbers[f"param/{theirs}"] for ours, theirs in released_names.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and not missing
    return model.train()


@pytest.fixture
def batch(numbers) -> dict[str, torch.Tensor]:
    return {k.removeprefix("input/"): v for k, v in numbers.items() if k.startswith("input/")}


def close(actual: torch.Tensor, expected: torch.Tensor, relative: float = 1e-4) -> None:
    torch.testing.assert_close(actual.detach(), expected, atol=1e-5, rtol=relative)


def check_gradients(model, numbers, released_names, prefix: str) -> None:
    """Every gradient norm agrees, absent ones included; three full gradients agree."""
    full = 0
    for name, parameter in model.named_parameters():
        theirs = released_names[name]
        expected = numbers[f"{prefix}/grad_norm/{theirs}"]
        if expected == -1:
            assert parameter.grad is None, name
            continue
        assert parameter.grad is not None, name
        close(parameter.grad.norm(), expected, 1e-3)
        if f"{prefix}/grad/{theirs}" in numbers:
            close(parameter.grad, numbers[f"{prefix}/grad/{theirs}"], 1e-3)
            full += 1
    assert full == 3


@pytest.mark.parametrize("mode", MODES)
def test_stage_1_agrees(model, batch, numbers, released_names, mode):
    prefix = f"expect/stage1_{mode}"
    states = model.layers(batch, mode)
    close(states.gates, numbers[f"{prefix}/gates"])
    close(torch.stack(states.outputs)[:, :, 0], numbers[f"{prefix}/layer_output"])
    close(model.head(states.last, batch["attention_mask"]), numbers[f"{prefix}/logits"])
    if mode == "hard":
        assert torch.equal((states.gates >= 0.5).long(), numbers[f"{prefix}/skip"])
    parts = STAGE1(model, batch, at(1), soft_epochs=1 if mode == "soft" else 0)
    for part in ("loss", "ce", "penalty", "contrast"):
        close(parts[part], numbers[f"{prefix}/{part}"])
    parts["loss"].backward()
    check_gradients(model, numbers, released_names, prefix)


@pytest.mark.parametrize("mode", MODES)
def test_stage_2_agrees(model, batch, numbers, released_names, mode):
    prefix = f"expect/stage2_{mode}"
    states = model.layers(batch, mode)
    close(states.gates, numbers[f"{prefix}/gates"])
    mask = batch["attention_mask"]
    logits = torch.stack(
        [exit(h, mask) for exit, h in zip(model.exits, states.outputs, strict=False)]
    )
    close(logits, numbers[f"{prefix}/logits"])
    close(model.head(states.outputs[-1], mask), numbers[f"{prefix}/last_logits"])
    parts = STAGE2(model, batch, at(1), gating=mode)
    for part in ("loss", "ce", "contrast"):
        close(parts[part], numbers[f"{prefix}/{part}"])
    parts["loss"].backward()
    check_gradients(model, numbers, released_names, prefix)


def layer_lists(chosen: np.ndarray, visited: np.ndarray) -> np.ndarray:
    """Return 1-based layer numbers where chosen & visited, in order, filled up with -1: (N, L)."""
    out = np.full(chosen.shape, -1)
    for row, marks in enumerate(chosen & visited):
        layers = np.flatnonzero(marks) + 1
        out[row, : len(layers)] = layers
    return out


@pytest.mark.parametrize("skip", (0.5, 1.0))
@pytest.mark.parametrize("theta", (0.0, 0.3, 0.8, 1.05, 2.0))
@pytest.mark.parametrize("size", (1, 3, 8))
def test_inference_agrees(model, batch, numbers, skip, theta, size):
    expected = {
        k.rsplit("/", 1)[1]: v.numpy()
        for k, v in numbers.items()
        if k.startswith(f"expect/infer_skip{skip}_theta{theta}/")
    }
    model.eval()
    policy = Policy.uniform("entropy", theta, depth=DEPTH, skip_threshold=skip)
    chunks = [
        model.infer({k: v[i : i + size] for k, v in batch.items()}, policy)
        for i in range(0, 8, size)
    ]
    got = {
        name: np.concatenate([getattr(c, name).numpy() for c in chunks])
        for name in ("logits", "exit_layer", "executed", "gates")
    }
    visited = np.arange(1, DEPTH + 1) <= got["exit_layer"][:, None]
    np.testing.assert_array_equal(got["exit_layer"], expected["exit_layer"])
    np.testing.assert_array_equal(layer_lists(got["executed"], visited), expected["executed"])
    np.testing.assert_array_equal(layer_lists(~got["executed"], visited), expected["skipped"])
    np.testing.assert_allclose(got["logits"], expected["logits"], atol=1e-5, rtol=1e-4)
    np.testing.assert_allclose(np.nan_to_num(got["gates"], nan=-1), expected["gates"], atol=1e-5)
    ran = expected["entropy"] >= 0
    np.testing.assert_allclose(
        entropy(expected["layer_logits"])[ran], expected["entropy"][ran], atol=1e-5
    )
