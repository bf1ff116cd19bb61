"""The rivals' losses by hand on tiny models, what they train and what they leave as it is, and live
inference against the replay of their traces.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import DEPTH, at
from tiny import META

from baselines.berxit import Berxit
from baselines.fastbert import FastBert
from baselines.layerdrop import LayerDrop, Pruned, kept_layers
from baselines.loading import load
from baselines.truncated_distilled import TruncatedDistilled
from smartbert.cost import CostModel, convention
from smartbert.errors import UserError
from smartbert.methods import Optimisation
from smartbert.model.configuration import architecture
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import Policy
from smartbert.serve.engine import Engine, Example
from smartbert.tasks import task
from smartbert.trace.outcomes import outcomes
from smartbert.trace.replay import Replay
from smartbert.train.recorder import record
from smartbert.train.stages import build, freeze

OPTIMISATION = Optimisation(2, 12, 1e-2, 0, 0.0, 1e-8, 1.0, "last")
CERTAIN = {"exits": "attention", "head": "attention", "certainty": True}
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
    replay = Replay(record(model, split, grid=np.array([0.5, np.inf]), meta=meta))
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


def test_berxit_trains_the_final_head_and_all_heads_by_turns(tiny_model, batch):
    model, labels = tiny_model(**CERTAIN), batch["labels"]
    hidden, mask, _ = model.embed(batch)
    by_hand = []
    for index in range(DEPTH - 1):
        hidden = model.layer(index, hidden, mask)
        head = model.exits[index]
        vector = torch.tanh(head.hidden(head.attention(torch.tanh(head.embed(hidden)), mask)))
        logits = head.out(vector)
        right = logits.argmax(-1) == labels
        certain = 1 / (1 + (-vector @ model.certainty.weight[0] - model.certainty.bias).exp())
        ce = -logits.log_softmax(-1)[range(12), labels].mean()
        by_hand.append((ce + ((certain - right.float()) ** 2).mean()).item())
        assert 0 < right.sum() < 12
    last = -answers(model, batch)[-1].log_softmax(-1)[range(12), labels].mean().item()
    stage = one_stage(Berxit())
    for step, expected in ((1, last + sum(by_hand)), (2, last), (3, last + sum(by_hand))):
        found = stage.objective(model, batch, at(1, step=step))
        assert found["loss"].item() == pytest.approx(expected, rel=1e-4)
        assert found["ce"].item() == pytest.approx(last, rel=1e-4)


def test_berxit_trains_everything_and_final_steps_leave_exits_alone(tiny_model, batch):
    model, stage = tiny_model(**CERTAIN), one_stage(Berxit())
    assert two_steps(model, stage, batch) == {"encoder", "exits", "head", "certainty"}
    stage.objective(model, batch, at(1, step=2))["loss"].backward()
    parameters = dict(model.named_parameters())
    touched = {n.split(".")[0] for n, p in parameters.items() if p.grad is not None}
    assert touched == {"encoder", "head"}


def test_a_certainty_trains_the_exit_only_where_its_loss_goes_back(tiny_model, batch):
    def gradients(certainty_back: bool, scale: float):
        model = tiny_model(**CERTAIN)
        with torch.no_grad():
            model.certainty.weight.mul_(scale)
        stage = one_stage(Berxit(), certainty_back=certainty_back)
        stage.objective(model, batch, at(1))["loss"].backward()
        return model.exits[0].hidden.weight.grad, model.certainty.weight.grad

    for back in (True, False):
        (exit_, own), (other, _) = gradients(back, 1.0), gradients(back, 9.0)
        assert own.abs().sum() > 0
        assert torch.equal(exit_, other) == (not back)


def test_berxits_rates_are_the_heads(tiny_model):
    assert one_stage(Berxit()).rates == {}
    rates = one_stage(Berxit(), heads_rate=1e-3).rates
    assert rates == {"exits.": 1e-3, "head.": 1e-3, "certainty.": 1e-3}
    names = [name for name, _ in tiny_model(**CERTAIN).named_parameters()]
    assert {n.split(".")[0] + "." for n in names if not n.startswith("encoder.")} == set(rates)


@pytest.mark.parametrize("parts", [{}, {"exits": "first"}, {"gates": "learned"}])
def test_berxit_decides_live_as_its_trace_says(tiny_model, batch, split, tmp_path, parts):
    model = tiny_model(**{**CERTAIN, **parts})
    with torch.no_grad():
        model.certainty.weight.mul_(200 if parts.get("exits") == "first" else 20)
    rule = load("berxit").criterion
    policies = [
        Policy.uniform(rule, threshold, depth=DEPTH, skip_threshold=skip)
        for threshold in (0.4, 0.5, 0.6)
        for skip in ((None, 0.5) if model.gates else (None,))
    ]
    decided_alike(model, batch, split, policies)
    model.save_pretrained(tmp_path)
    again = AdaptiveBert.from_pretrained(tmp_path).eval()
    assert [name for name in again.state_dict() if "certainty" in name] == [
        "certainty.weight",
        "certainty.bias",
    ]
    decided_alike(again, batch, split, policies)
    without = Policy.uniform("entropy", 0.8, depth=DEPTH)
    torch.testing.assert_close(
        again.infer(batch, without).logits, model.infer(batch, without).logits
    )


def test_a_certainty_without_exits_is_refused(tiny_model):
    with pytest.raises(UserError, match="set `exits`"):
        tiny_model(certainty=True)


@pytest.mark.parametrize(("alpha", "temperature"), [(0.5, 2.0), (0.0, 2.0), (1.0, 1.0), (0.3, 5.0)])
def test_a_distilled_student_learns_from_labels_and_teacher(tiny_model, batch, alpha, temperature):
    model, teacher = tiny_model(head="attention"), tiny_model(seed=1, head="attention")
    own, said = (
        m.head(m.layers(batch, "off").last, batch["attention_mask"]) for m in (model, teacher)
    )
    ce = -own.log_softmax(-1)[range(12), batch["labels"]].mean()
    soft, ours = (said / temperature).softmax(-1), (own / temperature).softmax(-1)
    kl = (soft * (soft / ours).log()).sum(-1).mean()
    by_hand = (1 - alpha) * ce + alpha * temperature**2 * kl
    stage = one_stage(TruncatedDistilled(), alpha=alpha, temperature=temperature)
    found = stage.objective(model, batch, at(1, teacher=teacher))
    assert found["loss"].item() == pytest.approx(by_hand.item(), rel=1e-4)
    assert stage.teacher


def test_a_student_trains_and_its_teacher_stays_as_it_is(tiny_model, batch):
    model, teacher = tiny_model(head="attention"), tiny_model(seed=1, head="attention")
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    stage = one_stage(TruncatedDistilled(), heads_rate=1e-3)
    assert two_steps(model, stage, batch, teacher) == {"encoder", "head"}
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    assert stage.rates == {"head.": 1e-3}


def test_a_distilled_model_has_the_first_layers_and_the_head_that_is_asked_for(tiny_backbone):
    method = TruncatedDistilled()
    config = method.configure(
        tiny_backbone, {**method.defaults, "depth": 2}, labels=("a", "b", "c")
    )
    assert (config.num_hidden_layers, config.reference_layers) == (2, DEPTH)
    assert (config.head, config.exits) == ("attention", None)
    with pytest.raises(UserError, match="allowed are 1 to 4"):
        method.configure(tiny_backbone, {**method.defaults, "depth": DEPTH}, labels=("a", "b"))


def test_layerdrop_hands_on_what_a_layer_that_is_left_out_would_have_received(tiny_model, batch):
    model, mask = tiny_model(head="attention"), batch["attention_mask"]
    stage, seen = one_stage(LayerDrop(), drop=0.5), set()
    for seed in range(6):
        torch.manual_seed(seed)
        stays = torch.rand(DEPTH) >= 0.5
        hidden, _, _ = model.embed(batch)
        for index in range(DEPTH):
            hidden = model.layer(index, hidden, mask) if stays[index] else hidden
        logits = model.head(hidden, mask)
        by_hand = -logits.log_softmax(-1)[range(12), batch["labels"]].mean().item()
        torch.manual_seed(seed)
        found = stage.objective(model, batch, at(1))["loss"]
        assert found.item() == pytest.approx(by_hand, rel=1e-4)
        seen.add(tuple(stays.tolist()))
    assert len(seen) > 3


def test_layerdrop_leaves_a_dropped_layer_without_gradient(tiny_model, batch):
    model, stage = tiny_model(head="attention"), one_stage(LayerDrop(), drop=0.5)
    torch.manual_seed(0)
    stays = (torch.rand(DEPTH) >= 0.5).tolist()
    torch.manual_seed(0)
    stage.objective(model, batch, at(1))["loss"].backward()
    for layer, stayed in zip(model.encoder.encoder.layer, stays, strict=True):
        assert all((p.grad is not None) == stayed for p in layer.parameters())
    assert 0 < sum(stays) < DEPTH


def test_layerdrop_without_drops_is_dense_fine_tuning(tiny_model, batch):
    model = tiny_model(head="attention")
    dense = load("full_bert")
    found = one_stage(LayerDrop(), drop=0.0).objective(model, batch, at(1))["loss"]
    assert torch.equal(found, one_stage(dense).objective(model, batch, at(1))["loss"])
    assert two_steps(model, one_stage(LayerDrop()), batch) == {"encoder", "head"}


def test_every_other_layer_is_the_papers_rule_and_any_depth_is_spread_evenly():
    for every in (2, 3, 4, 6, 12):
        depth = 12 - 12 // every
        papers = [layer - 1 for layer in range(1, 13) if layer % every]
        assert kept_layers("every_other", depth=depth, layers=12) == papers
    assert kept_layers("every_other", depth=4, layers=12) == [0, 3, 6, 9]
    assert kept_layers("every_other", depth=4, layers=6) == [0, 1, 3, 4]
    assert kept_layers("first", depth=4, layers=12) == [0, 1, 2, 3]
    for depth in range(1, 13):
        kept = kept_layers("every_other", depth=depth, layers=12)
        assert kept == sorted(set(kept)) and len(kept) == depth and kept[-1] < 12


@pytest.mark.parametrize(
    ("depth", "keep"),
    [(1, "every_other"), (3, "every_other"), (3, "first"), (DEPTH, "every_other")],
)
def test_a_pruned_model_is_some_layers_of_the_one_it_continues(
    tiny_backbone, tiny_model, batch, split, tmp_path, depth, keep
):
    parent = tiny_model(head="attention", small_width=8)
    parent.save_pretrained(tmp_path / "parent")
    tiny_backbone.save_pretrained(tmp_path / "backbone")
    method = Pruned()
    model = build(
        method, {**method.defaults, "depth": depth, "keep": keep},
        backbone=tmp_path / "backbone", parent=tmp_path / "parent", tune=split,
        task=task("mnli"), seed=1,
    ).eval()  # fmt: skip
    hidden, mask, _ = parent.embed(batch)
    for index in kept_layers(keep, depth=depth, layers=DEPTH):
        hidden = parent.layer(index, hidden, mask)
    torch.testing.assert_close(
        model.infer(batch, Policy()).logits, parent.head(hidden, mask).detach()
    )
    assert method.stages(method.defaults, OPTIMISATION, layers=depth) == []
    sizes = architecture(model.config)
    assert (sizes.layers, sizes.reference_layers) == (depth, DEPTH)
    trace = record(model, split, grid=np.array([np.inf]), meta=replace(META, architecture=sizes))
    decisions = Replay(trace).decide(Policy())
    answered, _ = outcomes(Replay(trace), [Policy()], convention="flops")
    np.testing.assert_array_equal(answered[0], decisions.predictions)
    costs = CostModel(sizes, convention("flops"))
    lengths = np.array(split["length"])
    spent = depth * costs.layer(lengths) + costs.head("attention", lengths)
    np.testing.assert_array_equal(costs.spent(decisions, Policy(), lengths), spent)
    np.testing.assert_array_equal(
        costs.dense(lengths), DEPTH * costs.layer(lengths) + costs.head("first", lengths)
    )


def test_more_layers_than_there_are_cannot_be_kept(tiny_backbone):
    method = Pruned()
    with pytest.raises(UserError, match="allowed are 1 to 5"):
        method.configure(tiny_backbone, {**method.defaults, "depth": 6}, labels=("a", "b"))
