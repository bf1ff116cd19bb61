"""The rivals' losses by hand on tiny models, what they train and what they leave as it is, and live
inference against the replay of their traces.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import DEPTH, at
from tiny import META

from baselines.fastbert import FastBert
from baselines.loading import load
from smartbert.methods import Optimisation
from smartbert.model.configuration import architecture
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import Policy
from smartbert.serve.engine import Engine, Example
from smartbert.trace.replay import Replay
from smartbert.train.recorder import record
from smartbert.train.stages import freeze

OPTIMISATION = Optimisation(2, 12, 1e-2, 0, 0.0, 1e-8, 1.0, "last")
ATTENTION = {"exits": "attention", "head": "attention"}


def answers(model: AdaptiveBert, batch) -> list[torch.Tensor]:
    """The logits of all exits and of the final head, from the layers one after the other."""
    hidden, mask, _ = model.embed(batch)
    found = []
    for index in range(DEPTH):
        hidden = model.layer(index, hidden, mask)
        head = model.exits[index] if index < DEPTH - 1 else model.head
        found.append(head(hidden, mask).detach())
    return found


def two_steps(model: AdaptiveBert, stage, batch, teacher=None) -> set[str]:
    """The parts of a model that two steps of a stage change, by the first word of their names."""
    freeze(model, stage)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for step in (1, 2):
        model.train()
        stage.objective(model, batch, at(1, step=step, teacher=teacher))["loss"].backward()
        optimiser.step()
        optimiser.zero_grad()
    after = model.state_dict()
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def one_stage(method, **settings):
    (stage,) = method.stages({**method.defaults, **settings}, OPTIMISATION, layers=DEPTH)
    return stage


def decided_alike(model: AdaptiveBert, batch, split, policies: list[Policy]) -> None:
    """Hold live inference and the engine to the replay of one recording; some exits are taken."""
    meta = replace(META, architecture=architecture(model.config))
    replay = Replay(record(model, split, grid=np.array([np.inf]), meta=meta))
    examples = [
        Example(*one) for one in zip(split["input_ids"], split["token_type_ids"], strict=True)
    ]
    seen = set()
    for policy in policies:
        expected, live = replay.decide(policy), model.infer(batch, policy)
        fast = Engine(model, policy).run(examples)
        for other in (live.exit_layer.numpy(), fast.exit_layer):
            np.testing.assert_array_equal(other, expected.exit_layer)
        for other in (live.logits.numpy(), fast.logits):
            np.testing.assert_allclose(other, expected.logits, atol=2e-5)
        seen |= set(expected.exit_layer.tolist())
    assert len(seen) > 2


def test_fastberts_exits_learn_the_final_heads_probabilities(tiny_model, batch):
    model = tiny_model(**ATTENTION)  # without dropout, as it is for inference
    *exits, last = (logits.softmax(-1) for logits in answers(model, batch))
    by_hand = sum((last * (last / own).log()).sum(-1).mean() for own in exits)
    own = one_stage(FastBert(), frozen_dropout=False).objective(model, batch, at(1))
    assert own["loss"].item() == pytest.approx(by_hand.item(), rel=1e-4)
    without_labels = {name: part for name, part in batch.items() if name != "labels"}
    again = one_stage(FastBert(), frozen_dropout=False).objective(model, without_labels, at(1))
    assert torch.equal(own["loss"], again["loss"])


@pytest.mark.parametrize("dropout", [True, False])
def test_fastbert_trains_its_exits_and_nothing_else(tiny_model, batch, dropout):
    stage = one_stage(FastBert(), frozen_dropout=dropout)
    assert stage.frozen == (None if dropout else "off")
    assert two_steps(tiny_model(**ATTENTION), stage, batch) == {"exits"}


def test_without_dropout_fastberts_teacher_is_the_same_at_every_step(tiny_model, batch):
    for dropout in (True, False):
        model = tiny_model(**ATTENTION).train()
        stage = one_stage(FastBert(), frozen_dropout=dropout)
        losses = []
        for _ in range(2):
            model.train()
            model.exits.eval()
            losses.append(stage.objective(model, batch, at(1))["loss"].item())
        assert (losses[0] == losses[1]) == (not dropout)


def test_fastbert_decides_live_as_its_trace_says(tiny_model, batch, split):
    rule = load("fastbert").criterion
    policies = [Policy.uniform(rule, speed, depth=DEPTH) for speed in (0.3, 0.6, 0.9)]
    decided_alike(tiny_model(**ATTENTION), batch, split, policies)


def test_pcee_decides_live_as_pabees_trace_read_again_says(tiny_model, batch, split):
    rule = load("pcee_bert").criterion
    policies = [
        Policy.uniform(rule, threshold, depth=DEPTH, parameters=(patience,))
        for threshold in (0.5, 0.9)
        for patience in (1, 2, 3)
    ]
    decided_alike(tiny_model(**ATTENTION), batch, split, policies)
