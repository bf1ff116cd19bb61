"""The adaptive model: conformance tests 1, 2, 3, 4 and 6 of docs/methods.md, and plain BERT."""

from functools import partial

import numpy as np
import pytest
import torch
from conftest import CLASSES, DEPTH, SMARTBERT, at
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

from smartbert.errors import UserError
from smartbert.methods.smartbert import stage1_objective, stage2_objective
from smartbert.model.configuration import adaptive_config
from smartbert.model.gates import straight_through
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import Policy

FULL = Policy()


def one_by_one(model, batch, policy) -> dict[str, np.ndarray]:
    """Run each example alone, without padding; return logits, exit and executed layers."""
    outputs = []
    for row in range(len(batch["input_ids"])):
        n = int(batch["attention_mask"][row].sum())
        single = {k: v[row : row + 1, :n] for k, v in batch.items() if k != "labels"}
        outputs.append(model.infer(single, policy))
    return {
        name: np.concatenate([getattr(o, name).numpy() for o in outputs])
        for name in ("logits", "exit_layer", "executed")
    }


def test_without_gates_and_exits_it_is_plain_bert(tiny_backbone, tmp_path, batch):
    torch.manual_seed(0)
    tiny_backbone.id2label = {i: str(i) for i in range(CLASSES)}
    plain = BertForSequenceClassification(tiny_backbone).eval()
    plain.bert.save_pretrained(tmp_path)
    model = AdaptiveBert.from_backbone(
        tmp_path, adaptive_config(tiny_backbone, head="first")
    ).eval()
    model.head.out.load_state_dict(plain.classifier.state_dict())
    inputs = {k: v for k, v in batch.items() if k != "labels"}
    with torch.no_grad():
        expected = plain(**inputs).logits
    torch.testing.assert_close(model(**inputs).logits, expected, atol=1e-6, rtol=1e-5)
    states = model.layers(batch, "off")
    torch.testing.assert_close(
        model.head(states.last, batch["attention_mask"]), expected, atol=1e-6, rtol=1e-5
    )


def test_a_threshold_above_one_runs_every_layer(tiny_model, batch):
    model = tiny_model(**SMARTBERT)
    policy = Policy.uniform("entropy", 0.0, depth=DEPTH, skip_threshold=1.5)
    output = model.infer(batch, policy)
    assert output.executed.all()
    dense = model.layers(batch, "off")
    torch.testing.assert_close(
        output.logits, model.head(dense.last, batch["attention_mask"]), atol=1e-5, rtol=1e-5
    )


def test_skipping_every_layer_classifies_the_embeddings(tiny_model, batch):
    model = tiny_model(**SMARTBERT)
    output = model.infer(batch, Policy.uniform("entropy", 0.5, depth=DEPTH, skip_threshold=0.0))
    hidden, mask, _ = model.embed(batch)
    assert not output.executed.any()
    assert (output.exit_layer == DEPTH).all()
    torch.testing.assert_close(output.logits, model.head(hidden, mask), atol=1e-6, rtol=1e-5)


def test_hard_gates_pick_exactly_and_still_pass_gradients(tiny_model, batch):
    model = tiny_model(**SMARTBERT)
    states = model.layers(batch, "hard")
    skip = states.gates >= 0.5
    assert skip.any() and not skip.all()
    following = [*states.inputs[1:], states.last]
    for layer in range(DEPTH):
        chosen = torch.where(
            skip[:, layer, None, None], states.inputs[layer], states.outputs[layer]
        )
        assert torch.equal(following[layer], chosen)
    states.last.square().sum().backward()
    assert all(gate.score.weight.grad.abs().sum() > 0 for gate in model.gates)


@pytest.mark.parametrize("value", [0.1, 0.3, 0.4999999, 0.5, 0.7, 0.9])
def test_straight_through_is_exact_for_any_gate(value):
    gate = torch.tensor([value], requires_grad=True)
    hard = straight_through(gate, 0.5)
    assert hard.item() == float(value >= 0.5)
    hard.sum().backward()
    assert gate.grad.item() == 1.0


def stage2(model, batch, **options):
    settings = {
        "gating": "hard",
        "eta": 0.05,
        "temperature": 0.55,
        "pairs": "released",
        "mask_padding": False,
        "frozen_dropout": True,
    }
    return partial(stage2_objective, **{**settings, **options})(model, batch, at(1))["loss"]


def test_stage_2_changes_exits_and_nothing_else(tiny_model, batch):
    from smartbert.methods.contract import Optimisation
    from smartbert.methods.smartbert import SmartBert
    from smartbert.train.stages import freeze

    model = tiny_model(**SMARTBERT).train()
    optimisation = Optimisation(1, 4, 1e-2, 0, 0.01, 1e-8, 1.0, "last")
    (stage,) = SmartBert().stages(dict(SmartBert.defaults), optimisation, layers=DEPTH)
    freeze(model, stage)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.01)
    for _ in range(3):
        stage.objective(model, batch, at(1))["loss"].backward()
        optimiser.step()
        optimiser.zero_grad()
    # The last exit's contrast head is in no released pair: it only decays, without a gradient not
    # at all.
    silent = f"exits.{DEPTH - 2}.contrast"
    for name, value in model.state_dict().items():
        moves = name.startswith("exits.") and not name.startswith(silent)
        assert torch.equal(before[name], value) != moves, name


def test_frozen_dropout_switch_makes_the_frozen_layers_repeatable(tiny_model, batch):
    model = tiny_model(**SMARTBERT).train()
    with torch.no_grad():
        for head in model.exits:
            head.attention.dropout = 0.0
        off = [stage2(model, batch, frozen_dropout=False).item() for _ in range(2)]
        model.train()
        for head in model.exits:
            head.attention.dropout = 0.0
        on = [stage2(model, batch, frozen_dropout=True).item() for _ in range(2)]
    assert off[0] == off[1]
    assert on[0] != on[1]


def test_a_skipped_layers_exit_still_learns_from_its_own_output(tiny_model, batch):
    model = tiny_model(**SMARTBERT)
    with torch.no_grad():
        for gate in model.gates:
            gate.score.bias.fill_(50.0)  # every layer skipped by everyone
    states = model.layers(batch, "hard")
    assert torch.equal(states.last, states.inputs[0])
    loss = stage2(model, batch, eta=0.0, frozen_dropout=False)
    direct = sum(
        torch.nn.functional.cross_entropy(head(out, batch["attention_mask"]), batch["labels"])
        for head, out in zip(model.exits, states.outputs[:-1], strict=True)
    )
    torch.testing.assert_close(loss, direct, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("criterion", ["entropy", "confidence", "patience"])
@pytest.mark.parametrize("skip", [None, 0.4, 0.5, 0.6])
@pytest.mark.parametrize("size", [1, 5, 12])
def test_batched_decisions_are_those_of_one_example_at_a_time(
    tiny_model, batch, criterion, skip, size
):
    model = tiny_model(**SMARTBERT)
    threshold = {"entropy": 0.6, "confidence": 0.7, "patience": 1}[criterion]
    policy = Policy.uniform(criterion, threshold, depth=DEPTH, skip_threshold=skip)
    expected = one_by_one(model, batch, policy)
    assert len(set(expected["exit_layer"])) > 1
    for start in range(0, 12, size):
        rows = slice(start, start + size)
        got = model.infer({k: v[rows] for k, v in batch.items()}, policy)
        np.testing.assert_array_equal(got.exit_layer.numpy(), expected["exit_layer"][rows])
        np.testing.assert_array_equal(got.executed.numpy(), expected["executed"][rows])
        np.testing.assert_allclose(got.logits.numpy(), expected["logits"][rows], atol=1e-5)


def test_a_saved_model_comes_back_with_its_thresholds(tiny_model, batch, tmp_path):
    model = tiny_model(**SMARTBERT)
    model.config.criterion = "entropy"
    model.config.exit_thresholds = [0.6] * (DEPTH - 1)
    model.config.skip_threshold = 0.45
    expected = model(**batch)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    got = loaded(**batch)
    assert torch.equal(got.exit_layer, expected.exit_layer)
    torch.testing.assert_close(got.logits, expected.logits, atol=1e-5, rtol=1e-5)
    full = model.infer(batch, FULL)
    assert not torch.equal(got.logits, full.logits)


def test_the_special_schedule_is_soft_first_then_hard(tiny_model, batch):
    model = tiny_model(**SMARTBERT)
    seen = []
    original = model.layers
    model.layers = lambda b, gating: seen.append(gating) or original(b, gating)
    for epoch in (1, 2, 3):
        stage1_objective(
            model,
            batch,
            at(epoch),
            soft_epochs=2,
            penalty=0.04,
            penalty_warmup=0,
            eta=0.0,
            temperature=0.5,
            mask_padding=False,
        )
    assert seen == ["soft", "soft", "hard"]


@pytest.mark.parametrize(("part", "kind"), [("exits", "head"), ("head", "head"), ("gates", "gate")])
def test_an_unknown_kind_of_part_is_named(tiny_backbone, part, kind):
    config = adaptive_config(tiny_backbone, **{part: "poolr"})
    with pytest.raises(UserError, match=f"unknown kind of {kind} 'poolr'"):
        AdaptiveBert(config)


def test_a_model_of_another_size_is_no_start(tiny_model):
    other = tiny_model(**SMARTBERT).state_dict()
    name = next(name for name in other if name.startswith("head."))
    other[name] = other[name][:1]
    with pytest.raises(UserError, match=f"{name} of the model to continue is .1,.*, here"):
        tiny_model(**SMARTBERT).adopt(other)


def test_gate_bias_starts_where_it_is_told(tiny_backbone):
    torch.manual_seed(0)
    told = AdaptiveBert(adaptive_config(tiny_backbone, gates="learned", gate_bias=-3))
    released = AdaptiveBert(adaptive_config(tiny_backbone, gates="learned"))
    assert all(gate.score.bias.item() == -3 for gate in told.gates)
    assert len({gate.score.bias.item() for gate in released.gates}) == DEPTH


def test_lambda_rises_over_its_warm_up(tiny_model, batch):
    model = tiny_model(**SMARTBERT)
    penalties = [
        stage1_objective(
            model,
            batch,
            at(epoch),
            soft_epochs=0,
            penalty=0.04,
            penalty_warmup=2,
            eta=0.0,
            temperature=0.5,
            mask_padding=False,
        )["penalty"].item()
        for epoch in (1, 2, 3, 4)
    ]
    assert penalties[0] == 0
    assert penalties[1] == pytest.approx(penalties[2] / 2) and penalties[2] == penalties[3] > 0


def test_computing_the_first_query_alone_changes_no_answer(tiny_model, batch):
    policy = Policy.uniform("entropy", 0.6, depth=DEPTH, skip_threshold=0.5)
    every, first = (
        tiny_model(**SMARTBERT, small_queries=queries).infer(batch, policy)
        for queries in ("all", "first")
    )
    assert torch.equal(every.exit_layer, first.exit_layer)
    torch.testing.assert_close(every.logits, first.logits, atol=1e-5, rtol=1e-5)


def test_small_heads_are_as_wide_as_fits_the_backbone(tiny_backbone):
    from smartbert.model.configuration import adaptive_config, small_width

    assert [small_width(hidden) for hidden in (768, 384, 1024, 256, 32)] == [128, 64, 168, 40, 8]
    assert adaptive_config(tiny_backbone).small_width == small_width(tiny_backbone.hidden_size)
    assert adaptive_config(tiny_backbone, small_width=48).small_width == 48


def test_a_saved_model_keeps_the_width_that_it_was_trained_with(tiny_backbone, tmp_path):
    from smartbert.model.configuration import adaptive_config

    for width in (8, 128):
        AdaptiveBert(
            adaptive_config(tiny_backbone, gates="learned", small_width=width)
        ).save_pretrained(tmp_path)
        assert AdaptiveBert.from_pretrained(tmp_path).config.small_width == width
