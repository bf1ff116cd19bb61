"""The engine: the decisions of one example at a time, whatever the batch, order or method."""

import numpy as np
import pytest
import torch
from conftest import CLASSES, DEPTH
from engine_cases import METHODS, N, make, one_by_one, policies, some_examples

from smartbert.errors import UserError
from smartbert.model.batching import ENGINE_TOKENS, length_batches
from smartbert.policies import Policy
from smartbert.serve.engine import DTYPES, Engine, Example, Forced
from smartbert.serve.rows import Ragged


@pytest.fixture
def examples() -> list[Example]:
    return some_examples()


@pytest.mark.parametrize("method", METHODS)
def test_every_policy_decides_as_one_example_at_a_time(tiny_model, examples, method):
    model = make(tiny_model, method)
    several_exits = 0
    for policy in policies(model):
        expected = one_by_one(model, examples, policy)
        several_exits += len(set(expected["exit_layer"])) > 1
        got = Engine(model, policy).run(examples)
        np.testing.assert_array_equal(got.exit_layer, expected["exit_layer"])
        np.testing.assert_array_equal(got.executed, expected["executed"])
        np.testing.assert_allclose(got.logits, expected["logits"], atol=2e-5)
    assert several_exits or model.exits is None


@pytest.mark.parametrize("size", [1, 2, 7, 32, 256])
def test_any_batch_size_and_order_gives_the_same(tiny_model, examples, size):
    model = make(tiny_model, "smartbert")
    policy = Policy.uniform("entropy", 0.6, depth=DEPTH, skip_threshold=0.5)
    many = examples * 4
    order = np.random.default_rng(size).permutation(len(many))
    expected = Engine(model, policy).run(many)
    got = list(Engine(model, policy).stream((many[i] for i in order), batch_size=size, window=3))
    assert len(got) == len(many)
    for i, answer in zip(order, got, strict=True):
        assert answer.exit_layer == expected.exit_layer[i]
        assert answer.exited == expected.exited[i]
        np.testing.assert_array_equal(answer.executed, expected.executed[i])
        np.testing.assert_allclose(answer.logits, expected.logits[i], atol=2e-5)


def test_an_empty_batch_and_an_empty_stream(tiny_model):
    engine = Engine(make(tiny_model, "smartbert"))
    found = engine.run([])
    assert found.logits.shape == (0, CLASSES) and found.executed.shape == (0, DEPTH)
    assert list(engine.stream([])) == []


def test_a_stream_reads_no_further_ahead_than_its_window(tiny_model, examples):
    engine, read = Engine(make(tiny_model, "deebert")), []

    def source():
        for example in examples:
            read.append(example)
            yield example

    answers = engine.stream(source(), batch_size=4, window=3)
    next(answers)
    assert len(read) == 12
    for _ in range(12):
        next(answers)
    assert len(read) == 24


def test_the_models_own_thresholds_are_the_default(tiny_model, examples):
    model = make(tiny_model, "smartbert")
    model.config.criterion, model.config.exit_thresholds = "entropy", [0.6] * (DEPTH - 1)
    model.config.skip_threshold = 0.5
    expected = one_by_one(model, examples, Policy("entropy", (0.6,) * (DEPTH - 1), 0.5))
    np.testing.assert_array_equal(Engine(model).run(examples).exit_layer, expected["exit_layer"])


def test_bf16_stays_near_and_leaves_the_model_alone(tiny_model, examples):
    model = make(tiny_model, "deebert")
    full = Engine(model, Policy()).run(examples)
    half = Engine(model, Policy(), dtype="bf16").run(examples)
    assert model.dtype == torch.float32
    assert np.abs(half.logits - full.logits).max() < 0.2 * np.abs(full.logits).max()
    assert (half.predictions == full.predictions).mean() > 0.9


def test_forced_decisions_are_taken(tiny_model, examples):
    model = make(tiny_model, "smartbert")
    rng = np.random.default_rng(0)
    executed = rng.random((N, DEPTH)) < 0.7
    exit_layer = rng.integers(1, DEPTH + 1, N)
    executed[np.arange(N), exit_layer - 1] = True  # an exit answers only after its layer ran
    policy = Policy.uniform("entropy", 1e-9, depth=DEPTH, skip_threshold=2.0)
    got = Engine(model, policy).run(examples, Forced(exit_layer, executed))
    np.testing.assert_array_equal(got.exit_layer, exit_layer)
    np.testing.assert_array_equal(got.exited, exit_layer < DEPTH)
    reached = np.arange(1, DEPTH + 1) <= exit_layer[:, None]
    np.testing.assert_array_equal(got.executed, executed & reached)


@pytest.mark.parametrize("length", [0, 65])
def test_an_example_of_impossible_length_is_refused(tiny_model, length):
    with pytest.raises(ValueError, match=f"{length} tokens; this model takes 1 to 64"):
        Engine(make(tiny_model, "full_bert")).run([Example([1] * length, [0] * length)])


def test_an_unknown_dtype_names_the_known_ones(tiny_model):
    with pytest.raises(UserError, match=r"unknown dtype 'fp8'.*bf16, fp32.*--dtype"):
        Engine(make(tiny_model, "full_bert"), dtype="fp8")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1.0, 1e3])  # the second: scores and gates far apart
def test_a_single_row_says_in_numpy_what_it_says_in_torch(tiny_model, dtype, scale):
    engine = Engine(make(tiny_model, "smartbert"), Policy(), dtype=dtype)
    modules = [engine.pairs[0], engine.gates[0], engine.exits[0], engine.head]
    for small in (module.small for module in modules):
        for attention in small.attentions:
            attention.ask[0].mul_(scale)  # OneRow's arrays are views of these
    torch.manual_seed(1)
    width = engine.config.hidden_size
    hidden = torch.randn(23, width).to(engine.dtype)
    rows = Ragged(np.array([23]), torch.device("cpu"))
    with torch.inference_mode():
        for module in modules:
            draw = [None] if module is engine.gates[0] else []
            wanted = module(hidden, rows, *draw)
            said = module.arrays(hidden, rows, *draw)
            pairs = zip(said, wanted, strict=True) if isinstance(said, tuple) else [(said, wanted)]
            for own, other in pairs:
                assert own.dtype == np.float32 and own.shape == other.shape
                np.testing.assert_allclose(own, other.float().numpy(), atol=2e-5)


def test_ragged_rows_pad_and_come_back():
    rows = Ragged(np.array([4, 3, 3, 1]), torch.device("cpu"))
    values = torch.arange(11.0)[:, None]
    block = rows.padded(values)
    assert block.shape == (4, 4, 1) and block[1, 3] == 0 and block[3, 0] == 10
    torch.testing.assert_close(rows.flat(block), values)
    assert rows.apart == [(0, 1, 4), (4, 2, 3), (10, 1, 1)]
    assert rows.tokens(np.array([1, 3])).tolist() == [4, 5, 6, 10]


def test_attention_over_groups_and_over_a_padded_block_agree(tiny_model, examples, monkeypatch):
    model = make(tiny_model, "smartbert")
    layer = Engine(model, Policy()).layers[0]
    lengths = np.array([7, 5, 5, 2])
    rows = Ragged(lengths, torch.device("cpu"))
    qkv = torch.randn(int(lengths.sum()), 3 * layer.width)
    grouped = layer._attend(qkv, rows)
    block = layer._attend_block(rows.padded(qkv), rows.present[:, None, None, :])
    torch.testing.assert_close(rows.flat(block.view(4, -1, layer.width)), grouped)


def test_batches_cover_all_rows_within_both_limits():
    lengths = np.random.default_rng(0).integers(1, 512, 500)
    found = length_batches(lengths, tokens=ENGINE_TOKENS, rows=64)
    assert sorted(np.concatenate(found)) == list(range(500))
    for batch in found:
        assert len(batch) <= 64 and lengths[batch].max() * len(batch) <= ENGINE_TOKENS
