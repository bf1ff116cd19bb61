"""A head that says more than logits, and a rule that needs it: live inference, the engine and the
replay of a trace decide alike.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import DEPTH
from tiny import META

from smartbert.criteria import CRITERIA, Criterion, Parameter
from smartbert.errors import UserError
from smartbert.model.configuration import architecture
from smartbert.model.heads import HEADS, PoolerHead
from smartbert.policies import Policy
from smartbert.serve.engine import Engine, Example
from smartbert.trace.replay import Replay
from smartbert.trace.trace import Trace
from smartbert.train.recorder import record

RULE = Criterion(
    "sure",
    lambda state, seen: seen.extras["sureness"] * seen.parameters[0],
    below=False,
    off=2.0,
    everybody=lambda classes: 0.0,
    parameters=(Parameter("weight", lambda depth: (0.5, 1.0)),),
    needs=("sureness",),
)


class SureHead(PoolerHead):
    """BERT's head, and how sure it is by another measure than its logits."""

    first_only = False
    extras = ("sureness",)

    def answer(self, hidden: torch.Tensor, attention_mask: torch.Tensor) -> tuple:
        """Return logits and the share of the tokens' values that are positive, (N,)."""
        positive = (hidden > 0).float().mean(-1) * attention_mask
        sureness = positive.sum(1) / attention_mask.sum(1)
        return self(hidden, attention_mask), {"sureness": sureness}


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """The toy head and rule, known for a test."""
    monkeypatch.setitem(HEADS, "sure", SureHead)
    monkeypatch.setitem(CRITERIA, "sure", RULE)


@pytest.mark.parametrize("weight", [0.5, 1.0])
@pytest.mark.parametrize("skip", [None, 0.5])
def test_live_engine_and_replay_decide_alike(tiny_model, batch, split, tmp_path, weight, skip):
    model = tiny_model(exits="sure", gates="learned")
    meta = replace(META, criterion="sure", architecture=architecture(model.config))
    trace = record(model, split, grid=np.array([0.5, np.inf], dtype=np.float32), meta=meta)
    trace.save(tmp_path / "trace.safetensors")
    trace = Trace.load(tmp_path / "trace.safetensors")
    sureness = trace.path(skip).extras["sureness"]
    ran = trace.path(skip).executed[:, :-1]
    assert sureness.shape == (12, DEPTH - 1) and (np.isnan(sureness) == ~ran).all()
    threshold = float(np.nanquantile(sureness, 0.7)) * weight
    policy = Policy.uniform(
        "sure", threshold, depth=DEPTH, skip_threshold=skip, parameters=(weight,)
    )
    expected = Replay(trace).decide(policy)
    assert len(set(expected.exit_layer)) > 1
    live = model.infer(batch, policy)
    examples = [
        Example(*one) for one in zip(split["input_ids"], split["token_type_ids"], strict=True)
    ]
    fast = Engine(model, policy).run(examples)
    for other in (live.exit_layer.numpy(), fast.exit_layer):
        np.testing.assert_array_equal(other, expected.exit_layer)
    for other in (live.executed.numpy(), fast.executed):
        np.testing.assert_array_equal(other, expected.executed)
    for other in (live.logits.numpy(), fast.logits):
        np.testing.assert_allclose(other, expected.logits, atol=2e-5)


def test_a_saved_model_carries_the_rules_parameters(tiny_model, batch, tmp_path):
    model = tiny_model(exits="sure")
    config = model.config
    config.criterion, config.exit_thresholds, config.parameters = "sure", [0.25] * 4, [0.5]
    expected = model(**batch)
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path).eval()
    assert torch.equal(loaded(**batch).exit_layer, expected.exit_layer)
    assert len(set(expected.exit_layer.tolist())) > 1


def test_a_rule_whose_array_no_head_gives_is_refused(tiny_model, batch):
    policy = Policy.uniform("sure", 0.5, depth=DEPTH, parameters=(1.0,))
    model = tiny_model(exits="first")
    with pytest.raises(UserError, match=r"'sure' needs the array 'sureness'.*given: none"):
        model.infer(batch, policy)
    with pytest.raises(UserError, match=r"'sure' needs the array 'sureness'"):
        Engine(model, policy)
