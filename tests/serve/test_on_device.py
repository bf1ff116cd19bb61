"""Decisions taken on the device: those of one example at a time, with few looks from the host. What
a card does by itself, replaying captured stretches, a CPU leaves out.
"""

from collections import Counter

import numpy as np
import pytest
import torch
from conftest import DEPTH, SMARTBERT
from engine_cases import METHODS, make, policies, some_examples
from torch.overrides import TorchFunctionMode

from smartbert.model.captured import Captured
from smartbert.policies import Policy
from smartbert.serve.engine import Engine, Forced
from smartbert.serve.on_device import MOST_LOOKS, filled, stretches


@pytest.fixture
def examples():
    return some_examples()


READS = {"cpu", "numpy", "item", "tolist", "nonzero", "__bool__", "__int__", "__float__"}
SENDS = {"as_tensor", "tensor", "from_numpy"}


class Count(TorchFunctionMode):
    """Counts what the host reads of tensors and what it makes tensors of."""

    def __init__(self):
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls[getattr(func, "__name__", str(func))] += 1
        return func(*args, **(kwargs or {}))

    def total(self, names: set[str]) -> int:
        return sum(self.calls[name] for name in names)


def same(got, expected):
    np.testing.assert_array_equal(got.exit_layer, expected.exit_layer)
    np.testing.assert_array_equal(got.exited, expected.exited)
    np.testing.assert_array_equal(got.executed, expected.executed)
    np.testing.assert_allclose(got.logits, expected.logits, atol=2e-5)


def of_stream(answers):
    return {name: np.array([getattr(a, name) for a in answers])
            for name in ("exit_layer", "exited", "executed", "logits")}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_policy_decides_as_on_the_host(tiny_model, examples, method):
    model = make(tiny_model, method)
    for policy in policies(model):
        expected = Engine(model, policy, decide="host").run(examples)
        engine = Engine(model, policy, decide="device")
        same(engine.run(examples), expected)
        found = of_stream([*engine.stream(examples, batch_size=7, window=4)])
        np.testing.assert_array_equal(found["exit_layer"], expected.exit_layer)
        np.testing.assert_array_equal(found["executed"], expected.executed)
        np.testing.assert_allclose(found["logits"], expected.logits, atol=2e-5)


@pytest.mark.parametrize("criterion", ["certainty", "confident_patience"])
def test_rules_that_remember_or_need_more_than_logits(tiny_model, examples, criterion):
    model = tiny_model(**SMARTBERT, certainty=True)
    rule = {"certainty": (0.5, ()), "confident_patience": (0.9, (2.0,))}
    threshold, parameters = rule[criterion]
    policy = Policy.uniform(
        criterion, threshold, depth=DEPTH, skip_threshold=0.5, parameters=parameters
    )
    expected = Engine(model, policy, decide="host").run(examples)
    assert len(set(expected.exit_layer)) > 1
    same(Engine(model, policy, decide="device").run(examples), expected)


def test_patience_counts_only_layers_that_ran(tiny_model, examples):
    model = make(tiny_model, "smartbert")
    policy = Policy.uniform("patience", 2, depth=DEPTH, skip_threshold=0.5)
    expected = Engine(model, policy, decide="host").run(examples)
    assert not expected.executed.all() and expected.exited.any()
    same(Engine(model, policy, decide="device").run(examples), expected)


def test_forced_decisions_are_taken(tiny_model, examples):
    model = make(tiny_model, "smartbert")
    rng = np.random.default_rng(5)
    n = len(examples)
    exit_layer = rng.integers(1, DEPTH + 1, n)
    executed = rng.random((n, DEPTH)) < 0.7
    executed[np.arange(n), exit_layer - 1] = True
    policy = Policy.uniform("entropy", 0.5, depth=DEPTH, skip_threshold=0.5)
    forced = Forced(exit_layer, executed)
    got = Engine(model, policy, decide="device").run(examples, forced)
    same(got, Engine(model, policy, decide="host").run(examples, forced))


def test_the_host_looks_at_a_batch_at_most_six_times(tiny_backbone, examples):
    from smartbert.model.configuration import adaptive_config
    from smartbert.model.modeling import AdaptiveBert

    torch.manual_seed(0)
    tiny_backbone.num_hidden_layers = 12
    labels = {i: str(i) for i in range(3)}
    model = AdaptiveBert(adaptive_config(tiny_backbone, id2label=labels, **SMARTBERT)).eval()
    policy = Policy.uniform("entropy", 1e-6, depth=12, skip_threshold=0.9999)  # nobody leaves
    counts = {}
    for decide in ("host", "device"):
        engine = Engine(model, policy, decide=decide)
        with Count() as count:
            engine.run(examples[:32])
        counts[decide] = count
    assert counts["device"].total({"cpu"}) <= 6
    assert counts["device"].total(READS - {"cpu", "numpy"}) == 0
    assert counts["device"].total(READS) <= 12  # each look is a `cpu` and a `numpy`
    assert counts["device"].total(SENDS) <= 6
    assert counts["host"].total({"cpu"}) >= 22


def test_without_exits_nothing_is_looked_for_on_the_way(tiny_model, examples):
    engine = Engine(make(tiny_model, "skip_only"), decide="device")
    with Count() as count:
        engine.run(examples)
    assert count.total({"cpu"}) == 1


@pytest.mark.parametrize("depth", [1, 2, 5, 6, 12, 13, 24])
def test_stretches_cover_all_layers(depth):
    for looks in (True, False):
        found = stretches(depth, looks=looks)
        assert [first for first, _ in found[1:]] == [end for _, end in found[:-1]]
        assert found[0][0] == 0 and found[-1][1] == depth
        assert len(found) <= (MOST_LOOKS + 1 if looks else 1)


def test_survivors_of_several_batches_share_one(tiny_model, examples, monkeypatch):
    policy = Policy.uniform("entropy", 0.6, depth=DEPTH)
    device = Engine(make(tiny_model, "smartbert"), policy, decide="device")
    sizes: list[tuple[int, int]] = []
    layers = device.on_device.layers

    def watched(first, end, held):
        sizes.append((first, len(held["alive"])))
        return layers(first, end, held)

    monkeypatch.setattr(device.on_device, "layers", watched)
    answers = [*device.stream(examples, batch_size=10, window=7)]
    assert len(answers) == len(examples)
    begun = [size for first, size in sizes if first == 0]
    later = [size for first, size in sizes if first > 0]
    assert begun == [10] * 7 and len(later) < 7 * (DEPTH - 1) and max(later) <= 10


def test_a_filled_shape_answers_as_its_own_rows_do(tiny_model, examples, monkeypatch):
    """What a card captures has a few shapes: rows and columns are added, and answer nobody."""
    model = make(tiny_model, "smartbert")
    policy = Policy.uniform("entropy", 0.6, depth=DEPTH, skip_threshold=0.5)
    engine = Engine(model, policy, decide="device")
    shapes = set()

    class Plain(Captured):
        def __call__(self, key, function, held):
            shapes.add(tuple(held["present"].shape))
            return function({name: value.clone() for name, value in held.items()})

    engine.on_device.captured = Plain()
    few = examples[:37]
    same(engine.run(few), Engine(model, policy, decide="host").run(few))
    assert all(
        rows in (1, 2, 4, 8, 12, 16, 24, 32, 48) and width % 16 == 0 for rows, width in shapes
    )
    assert (48, 32) in shapes


def test_what_is_added_to_a_shape_is_written_nowhere(tiny_model, examples):
    engine = Engine(make(tiny_model, "smartbert"), decide="device")
    batch = engine.on_device._begun(np.arange(5), examples[:5], None)
    found = filled(batch, trash=99)
    assert found.held["place"].tolist() == [0, 1, 2, 3, 4, 99, 99, 99]
    assert found.held["alive"].tolist() == [True] * 5 + [False] * 3
    assert found.lengths.tolist()[5:] == [0, 0, 0]


def test_bf16_decides_alike_but_for_near_ties(tiny_model, examples):
    model = make(tiny_model, "smartbert")
    policy = Policy.uniform("entropy", 0.6, depth=DEPTH, skip_threshold=0.5)
    host, device = (
        Engine(model, policy, dtype="bf16", decide=d).run(examples) for d in ("host", "device")
    )
    assert (host.exit_layer == device.exit_layer).mean() > 0.85


def test_an_empty_batch_and_one_example(tiny_model, examples):
    engine = Engine(make(tiny_model, "smartbert"), decide="device")
    assert engine.run([]).logits.shape == (0, 3) and list(engine.stream([])) == []
    same(
        engine.run(examples[:1]),
        Engine(make(tiny_model, "smartbert"), decide="host").run(examples[:1]),
    )
