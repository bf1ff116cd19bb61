"""Types of encoder: a record is all that the model, the engine, traces and costs need of one."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import DEPTH, ROOT, SMARTBERT
from encoder_types import (
    KINDS,
    OTHERS,
    adaptive,
    inputs_for,
    library_classifier,
    take_head,
    tiny_config,
)
from safetensors.torch import load_file, save_file
from tiny import META
from torch.utils.flop_counter import FlopCounterMode
from transformers import CONFIG_MAPPING, AutoModelForSequenceClassification

from smartbert.cost import CostModel, convention
from smartbert.encoders.record import REFUSED, encoder, encoders
from smartbert.errors import UserError
from smartbert.model.configuration import adaptive_config, architecture
from smartbert.model.encoder import layers_of
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import Decisions, Policy
from smartbert.results import CONFIG, WEIGHTS
from smartbert.serve.engine import Engine, Example
from smartbert.trace.replay import Replay
from smartbert.train.recorder import record
from smartbert.train.trainer import StageTrainer

ADAPTIVE = {"gates": "learned", "exits": "attention", "head": "first"}


def on_backbone(kind, folder, **fields):
    """An adaptive model with the weights of the library's classifier, and the latter."""
    plain = library_classifier(kind)
    plain.base_model.save_pretrained(folder)
    model = AdaptiveBert.from_backbone(folder, adaptive_config(plain.config, **fields)).eval()
    take_head(model, plain, kind)
    return model, plain


@pytest.mark.parametrize("kind", KINDS)
def test_dense_logits_are_the_librarys(kind, tmp_path, batch):
    model, plain = on_backbone(kind, tmp_path)
    inputs = inputs_for(plain, batch)
    with torch.no_grad():
        expected = plain(**inputs).logits
        states = model.layers(inputs, "off")
        own = model.head(states.last, inputs["attention_mask"])
    assert expected.std(0).min() > 0.05
    torch.testing.assert_close(own, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_in_training_dropout_falls_where_the_librarys_does(kind, tmp_path, batch):
    model, plain = on_backbone(kind, tmp_path)
    inputs, logits = inputs_for(plain, batch), []
    for one in (plain.train(), model.train()):
        torch.manual_seed(1)
        if one is plain:
            logits.append(plain(**inputs).logits)
        else:
            states = model.layers(inputs, "off")
            logits.append(model.head(states.last, inputs["attention_mask"]))
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_live_inference_without_gates_and_exits_is_the_librarys(kind, tmp_path, batch):
    model, plain = on_backbone(kind, tmp_path, **ADAPTIVE)
    inputs = inputs_for(plain, batch)
    with torch.no_grad():
        expected = plain(**inputs).logits
    torch.testing.assert_close(model.infer(inputs, Policy()).logits, expected, atol=1e-5, rtol=0)
    for i, n in enumerate(inputs["attention_mask"].sum(1).tolist()):
        alone = {name: values[i : i + 1, :n] for name, values in inputs.items()}
        own = model.infer(alone, Policy()).logits
        torch.testing.assert_close(own, expected[i : i + 1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_live_inference_the_engine_and_replay_decide_alike(kind, batch, split):
    model = adaptive(kind, **ADAPTIVE)
    split = {**split, "input_ids": [[max(5, i) for i in row] for row in split["input_ids"]]}
    meta = replace(META, architecture=architecture(model.config))
    own = np.float32(0.5)
    trace = record(model, split, grid=np.array([own, np.inf], dtype=np.float32), meta=meta)
    executed = set()
    for skip in (None, 0.5):
        policy = Policy.uniform("entropy", 0.6, depth=DEPTH, skip_threshold=skip)
        expected = Replay(trace).decide(policy)
        executed |= set(expected.executed.sum(1).tolist())
        live = model.infer(inputs_for(model, batch), policy)
        rows = zip(split["input_ids"], split["token_type_ids"], strict=True)
        fast = Engine(model, policy).run([Example(*one) for one in rows])
        for got in (live.executed.numpy(), fast.executed):
            np.testing.assert_array_equal(got, expected.executed)
        for got in (live.exit_layer.numpy(), fast.exit_layer):
            np.testing.assert_array_equal(got, expected.exit_layer)
        for got in (live.logits.numpy(), fast.logits):
            np.testing.assert_allclose(got, expected.logits, atol=2e-5)
    assert len(executed) > 1


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("parts", [{}, ADAPTIVE])
def test_counted_flops_are_those_of_the_cost_model(kind, parts, batch):
    model = adaptive(kind, **parts)
    model.set_attn_implementation("eager")
    costs = CostModel(architecture(model.config), convention("flops"))
    skip = 0.5 if parts else None
    policy = Policy.uniform("entropy", 0.8 if parts else 0, depth=DEPTH, skip_threshold=skip)
    inputs = inputs_for(model, batch)
    for i, n in enumerate(inputs["attention_mask"].sum(1).tolist()):
        with FlopCounterMode(display=False) as counter:
            output = model.infer({k: v[i : i + 1, :n] for k, v in inputs.items()}, policy)
        layer = output.exit_layer.numpy()
        decisions = Decisions(output.logits.numpy(), layer, layer < DEPTH, output.executed.numpy())
        spent = costs.spent(decisions, policy, np.array([n]))
        assert counter.get_total_flops() == spent[0]


def test_widening_the_embeddings_is_in_the_cost_of_dense_and_adaptive():
    sizes = architecture(adaptive_config(tiny_config("electra")))
    narrow, even = (CostModel(replace(sizes, embedding=n), convention("flops")) for n in (16, 0))
    t = np.array([7])
    assert sizes.embedding == 16
    assert narrow.dense(t) - even.dense(t) == 2 * 7 * 16 * 32


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_of_any_type_comes_back(kind, batch, tmp_path):
    model = adaptive(kind, **ADAPTIVE)
    model.config.criterion, model.config.exit_thresholds = "entropy", [0.6] * (DEPTH - 1)
    inputs = inputs_for(model, batch)
    expected = model(**inputs)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert type(loaded.encoder) is type(model.encoder)
    assert architecture(loaded.config) == architecture(model.config)
    got = loaded(**inputs)
    assert torch.equal(got.exit_layer, expected.exit_layer)
    torch.testing.assert_close(got.logits, expected.logits, atol=1e-5, rtol=1e-5)


def test_a_types_own_settings_are_kept(tmp_path):
    backbone = tiny_config("mpnet")
    backbone.relative_attention_num_buckets = 40
    AdaptiveBert(adaptive_config(backbone)).save_pretrained(tmp_path)
    encoder_ = AdaptiveBert.from_pretrained(tmp_path).encoder
    assert encoder_.encoder.relative_attention_bias.num_embeddings == 40


@pytest.mark.parametrize("kind", KINDS)
def test_a_shorter_model_takes_the_first_layers(kind, tmp_path):
    model, plain = on_backbone(kind, tmp_path, num_hidden_layers=2)
    own, theirs = (layers_of(e, model.config.record) for e in (model.encoder, plain.base_model))
    assert len(own) == 2 and len(theirs) == DEPTH
    for short, whole in zip(own, theirs, strict=False):
        for name, value in short.state_dict().items():
            assert torch.equal(value, whole.state_dict()[name])


def old_form(model, folder):
    """Save a model as the suite did when it knew BERT alone."""
    model.save_pretrained(folder)
    weights = load_file(folder / WEIGHTS)
    old = {
        f"bert.{name.removeprefix('encoder.')}" if name.startswith("encoder.") else name: value
        for name, value in weights.items()
    }
    save_file(old, folder / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((folder / CONFIG).read_text())
    del config["encoder"]
    (folder / CONFIG).write_text(json.dumps(config))
    return old


def test_a_folder_of_the_old_form_loads_and_continues(tiny_model, batch, tmp_path):
    model = tiny_model(**SMARTBERT)
    weights = old_form(model, tmp_path / "old")
    assert "bert.encoder.layer.0.output.dense.weight" in weights
    expected = model(**batch).logits
    for load in (AdaptiveBert, AutoModelForSequenceClassification):
        loaded = load.from_pretrained(tmp_path / "old")
        torch.testing.assert_close(loaded(**batch).logits, expected)
    loaded.save_pretrained(tmp_path / "again")
    again = AdaptiveBert.from_pretrained(tmp_path / "again")
    torch.testing.assert_close(again(**batch).logits, expected)
    heir = tiny_model(seed=1, **SMARTBERT)
    heir.adopt(load_file(tmp_path / "old" / WEIGHTS))
    torch.testing.assert_close(heir(**batch).logits, expected)


@pytest.mark.parametrize("kind", ["mpnet", "roberta"])
def test_blind_gates_draw_the_same_whatever_the_padding(kind, batch):
    model = adaptive(kind, gates="random", head="attention")
    for gate in model.gates:
        gate.values.copy_(torch.linspace(0, 1, gate.VALUES))
    inputs, policy = inputs_for(model, batch), Policy(skip_threshold=0.5)
    executed = model.infer(inputs, policy).executed
    for i, n in enumerate(inputs["attention_mask"].sum(1).tolist()):
        alone = {name: values[i : i + 1, :n] for name, values in inputs.items()}
        assert torch.equal(model.infer(alone, policy).executed[0], executed[i])


@pytest.mark.parametrize("kind", OTHERS)
def test_the_longest_input_is_taken_and_a_longer_one_refused(kind):
    engine = Engine(adaptive(kind), Policy())
    most = engine.config.positions
    assert most == 66 - encoder(kind, setting="").reserved
    assert np.isfinite(engine.run([Example([7] * most, [0] * most)]).logits).all()
    with pytest.raises(ValueError, match=f"this model takes 1 to {most}"):
        engine.run([Example([7] * (most + 1), [0] * (most + 1))])


def test_an_unknown_encoder_names_the_known_ones_and_the_setting(tmp_path, tiny_backbone):
    from smartbert.data.backbones import fetch

    (tmp_path / CONFIG).write_text('{"model_type": "mpnett"}')  # no weights: none are asked for
    with pytest.raises(UserError, match=r"unknown encoder 'mpnett' \(did you mean 'mpnet'\?\);"):
        fetch(str(tmp_path), tmp_path / "out")
    with pytest.raises(
        UserError, match=r"known: albert, bert,.*set by `backbone.path` in the config"
    ):
        fetch(str(tmp_path), tmp_path / "out")
    with pytest.raises(UserError, match=r"unknown encoder 'gpt2'.*`encoder` of the model's config"):
        AdaptiveBert(adaptive_config(tiny_backbone, encoder="gpt2"))


def test_a_layer_that_is_run_again_has_one_set_of_weights(tmp_path):
    model, _ = on_backbone("albert", tmp_path, **ADAPTIVE)
    layers = layers_of(model.encoder, model.config.record)
    assert len(layers) == DEPTH and len({id(layer) for layer in layers}) == 1
    assert len([name for name in model.state_dict() if name.endswith(".ffn.weight")]) == 1
    assert architecture(model.config).layers == DEPTH  # each run is counted, and has a gate


@pytest.mark.parametrize("kind", KINDS)
def test_no_norm_of_an_encoder_is_decayed(kind):
    model = adaptive(kind)
    decayed = StageTrainer.get_decay_parameter_names(None, model)
    norms = [n for n, m in model.encoder.named_modules() if isinstance(m, torch.nn.LayerNorm)]
    assert len(norms) > 1 and not {f"encoder.{name}.weight" for name in norms} & set(decayed)
    assert any(name.startswith("encoder.") for name in decayed)


def test_what_a_type_cannot_have_is_refused_when_the_backbone_is_read(tmp_path):
    from smartbert.data.backbones import fetch

    fields = {**tiny_config("albert").to_dict(), "num_hidden_groups": 2}
    (tmp_path / CONFIG).write_text(json.dumps(fields))  # no weights: none are asked for
    message = r"albert with num_hidden_groups 2: only 1 is supported; set `backbone.path`"
    with pytest.raises(UserError, match=message):
        fetch(str(tmp_path), tmp_path / "out")


@pytest.mark.parametrize(
    "field", [{"position_embedding_type": "relative_key"}, {"is_decoder": True}]
)
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_what_no_type_can_have_is_refused(field, kind, tmp_path):
    from smartbert.data.backbones import fetch

    (tmp_path / CONFIG).write_text(json.dumps({**tiny_config(kind).to_dict(), **field}))
    ((name, value),) = field.items()
    with pytest.raises(UserError, match=f"{kind} with {name} {value}: only .* is supported; set"):
        fetch(str(tmp_path), tmp_path / "out")


@pytest.mark.parametrize("kind", REFUSED)
def test_a_type_that_is_refused_is_told_why(kind, tmp_path):
    from smartbert.data.backbones import fetch

    (tmp_path / CONFIG).write_text(json.dumps({"model_type": kind}))
    with pytest.raises(
        UserError, match=r"is not supported: .*; known: albert, .*backbone.path"
    ) as e:
        fetch(str(tmp_path), tmp_path / "out")
    assert REFUSED[kind] in str(e.value) and "\n" not in str(e.value)
    assert kind in CONFIG_MAPPING and kind not in encoders()


def test_every_record_is_a_file_named_after_its_type():
    files = {path.stem for path in (ROOT / "smartbert" / "encoders").glob("*.py")}
    names = {name.replace("-", "_") for name in encoders()}
    assert names == files - {"__init__", "record"}
