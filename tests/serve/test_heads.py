"""Every kind of head under every exit rule: live inference, the engine and replay decide alike, and
replay's cost is that of what ran.
"""

from dataclasses import replace

import numpy as np
import pytest
from conftest import DEPTH
from tiny import META

from smartbert.cost import CostModel, convention
from smartbert.criteria import entropy
from smartbert.model.configuration import architecture
from smartbert.policies import Decisions, Policy
from smartbert.serve.engine import Engine, Example
from smartbert.trace.replay import Replay
from smartbert.trace.trace import Trace
from smartbert.train.recorder import record

METHODS = {  # gates, whether a pooler is shared, rule
    "deebert": (None, False, "entropy"),
    "pabee": (None, True, "patience"),
    "smartbert": ("learned", False, "entropy"),
}


@pytest.mark.parametrize("kind", ["first", "mean", "attention"])
@pytest.mark.parametrize("method", METHODS)
def test_live_engine_and_replay_decide_alike(tiny_model, batch, split, tmp_path, method, kind):
    gates, shared, rule = METHODS[method]
    pooler = shared and kind != "attention"
    model = tiny_model(gates=gates, exits=kind, head=kind, shared_pooler=pooler)
    meta = replace(META, criterion=rule, architecture=architecture(model.config))
    grid = np.array([0.5, np.inf], dtype=np.float32)
    record(model, split, grid=grid, meta=meta).save(tmp_path / "trace.safetensors")
    trace = Trace.load(tmp_path / "trace.safetensors")
    assert (trace.meta.architecture.exits, trace.meta.architecture.head) == (kind, kind)
    skip = 0.5 if gates else None
    seen = entropy(trace.path(skip).exit_logits)
    threshold = 1 if rule == "patience" else float(np.nanquantile(seen, 0.35))
    policy = Policy.uniform(rule, threshold, depth=DEPTH, skip_threshold=skip)
    expected = Replay(trace).decide(policy)
    assert len(set(expected.exit_layer)) > 1
    examples = [
        Example(*one) for one in zip(split["input_ids"], split["token_type_ids"], strict=True)
    ]
    live, fast = model.infer(batch, policy), Engine(model, policy).run(examples)
    exit_layer = live.exit_layer.numpy()
    ours = Decisions(live.logits.numpy(), exit_layer, exit_layer < DEPTH, live.executed.numpy())
    costs = CostModel(trace.meta.architecture, convention("flops"))
    for found in (ours, fast):
        np.testing.assert_array_equal(found.exit_layer, expected.exit_layer)
        np.testing.assert_array_equal(found.executed, expected.executed)
        np.testing.assert_allclose(found.logits, expected.logits, atol=2e-5)
        spent = costs.spent(found, policy, trace.lengths)
        np.testing.assert_array_equal(spent, costs.spent(expected, policy, trace.lengths))


@pytest.mark.parametrize("kind", ["mean", "attention"])
def test_an_engine_in_bf16_answers_nearly_the_same(tiny_model, split, kind):
    model = tiny_model(exits=kind, head=kind)
    examples = [
        Example(*one) for one in zip(split["input_ids"], split["token_type_ids"], strict=True)
    ]
    exact, short = (Engine(model, Policy(), dtype=d).run(examples) for d in ("fp32", "bf16"))
    error = np.linalg.norm(exact.logits - short.logits) / np.linalg.norm(exact.logits)
    assert error < 0.15
