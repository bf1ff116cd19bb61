"""The model under the library's and torch's own tools: Trainer, half precision, tracing, export."""

import warnings

import numpy as np
import pytest
import torch
from conftest import DEPTH, SMARTBERT
from encoder_types import adaptive
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Trainer, TrainingArguments

from smartbert.errors import UserError
from smartbert.model.gates import lots
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import Policy
from smartbert.serve.engine import Engine, Example

PARTS = {
    "smartbert": SMARTBERT,
    "random": {"gates": "random", "head": "attention"},
    "berxit": {"exits": "first", "head": "first", "certainty": True},
    "berxit, attention": {"exits": "attention", "head": "attention", "certainty": True},
    "mean": {"gates": "learned", "exits": "mean", "head": "mean", "shared_pooler": True},
    "dense": {"head": "first"},
}


def at_thresholds(model: AdaptiveBert) -> AdaptiveBert:
    """Set thresholds at which examples exit, and skip, at different layers."""
    if model.exits is not None:
        sure = model.certainty is not None
        model.config.criterion = "certainty" if sure else "entropy"
        model.config.exit_thresholds = [0.5 if sure else 0.6] * (DEPTH - 1)
    for gate in model.gates or ():
        if model.config.gates == "random":
            gate.values.copy_(torch.linspace(0, 1, gate.VALUES))
    return model


def tokens(batch: dict) -> tuple[torch.Tensor, ...]:
    return tuple(batch[name] for name in ("input_ids", "attention_mask", "token_type_ids"))


def examples_of(batch: dict) -> list[Example]:
    lengths = batch["attention_mask"].sum(1).tolist()
    rows = zip(batch["input_ids"].tolist(), batch["token_type_ids"].tolist(), lengths, strict=True)
    return [Example(ids[:n], types[:n]) for ids, types, n in rows]


# Tracing and export


@pytest.mark.parametrize("parts", ["smartbert", "random", "berxit"])
@pytest.mark.parametrize(
    "trace",
    [
        lambda model, given: torch.jit.trace(model, given, strict=False),
        lambda model, given: torch.export.export(model, given, strict=False),
        lambda model, given: torch.onnx.export(model, given, "x.onnx", dynamo=False),
    ],
    ids=["jit", "export", "onnx"],
)
def test_tracing_a_model_whose_path_depends_on_the_example_is_refused(
    tiny_model, batch, trace, parts, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    model = at_thresholds(tiny_model(**PARTS[parts]))
    with warnings.catch_warnings(), pytest.raises(UserError, match=r"use `torch.compile` or .*Eng"):
        warnings.simplefilter("ignore")
        trace(model, tokens(batch))


def test_tracing_the_live_pass_itself_is_refused(tiny_model, batch):
    model = at_thresholds(tiny_model(**SMARTBERT))

    def answer(ids: torch.Tensor) -> torch.Tensor:
        return model.infer({"input_ids": ids}, Policy()).logits

    with warnings.catch_warnings(), pytest.raises(UserError, match="an adaptive model has no gr"):
        warnings.simplefilter("ignore")
        torch.jit.trace(answer, (batch["input_ids"],))


@pytest.mark.filterwarnings("ignore:Dynamo detected")
def test_compiled_it_takes_every_decision_as_before(tiny_model, batch):
    model = at_thresholds(tiny_model(**SMARTBERT))
    compiled = torch.compile(model, backend="eager")
    for rows in (slice(0, 12), slice(0, 5), slice(5, 6)):
        given = {name: batch[name][rows] for name in batch if name != "labels"}
        expected, got = model(**given), compiled(**given)
        assert torch.equal(got.exit_layer, expected.exit_layer)
        assert torch.equal(got.executed, expected.executed)
        torch.testing.assert_close(got.logits, expected.logits)
    assert len(set(model(**batch).exit_layer.tolist())) > 1


@pytest.mark.parametrize("kind", ["jit", "export"])
def test_at_full_depth_a_graph_answers_any_batch(tiny_model, batch, kind):
    model = tiny_model(**SMARTBERT)
    model.config.exit_thresholds = model.config.skip_threshold = None
    given = tokens(batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "jit":
            graph = torch.jit.trace(model, given, strict=False)
        else:
            sizes = {0: torch.export.Dim("N", max=64), 1: torch.export.Dim("T", max=64)}
            graph = torch.export.export(model, given, dynamic_shapes=(sizes,) * 3).module()
    for rows, n in ((slice(0, 12), 14), (slice(1, 6), 12), (slice(3, 5), 20)):
        one = tuple(F.pad(part[rows], (0, max(0, n - 14)))[:, :n] for part in given)
        torch.testing.assert_close(graph(*one)["logits"], model(*one).logits)


def test_layers_gates_and_exits_can_be_exported_one_by_one(tiny_model, batch):
    """What docs/inference.md says of it: the loop over layers stays outside the graphs."""
    model = at_thresholds(tiny_model(**SMARTBERT))
    hidden, mask, _ = model.embed(batch)
    for part, given in (
        (model.gates[0], (hidden, mask)),
        (model.exits[0], (hidden, mask)),
        (model.head, (hidden, mask)),
        (model.encoder.encoder.layer[0], (hidden,)),
    ):
        n = torch.export.Dim("N", max=64)
        graph = torch.export.export(part, given, dynamic_shapes=({0: n},) * len(given)).module()
        few = tuple(values[:5] for values in given)
        torch.testing.assert_close(graph(*few), part(*few))


# Half precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("parts", PARTS)
def test_half_precision_answers_in_forward_as_in_the_engine(
    tiny_model, batch, tmp_path, parts, dtype
):
    model = at_thresholds(tiny_model(**PARTS[parts]))
    model.save_pretrained(tmp_path)
    half = AdaptiveBert.from_pretrained(tmp_path, dtype=dtype)
    assert half.dtype == dtype
    full, got = model(**batch), half(**batch)
    assert got.logits.dtype == torch.float32
    same = (got.exit_layer == full.exit_layer) & (got.executed == full.executed).all(1)
    assert same.float().mean() >= 0.75  # gates and exits of random weights lie near thresholds
    gap = (got.logits - full.logits)[same].abs().max()
    assert gap < 0.1 * full.logits.abs().max()
    assert torch.isfinite(got.loss)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(**batch)
    assert torch.isfinite(mixed.logits).all()
    if dtype == torch.bfloat16:
        fast = Engine(model, dtype="bf16").run(examples_of(batch))
        alike = (fast.executed == got.executed.numpy()).all(1)
        alike &= fast.exit_layer == got.exit_layer.numpy()
        assert alike.mean() >= 0.75
        close = np.abs(fast.logits - got.logits.numpy())[alike].max()
        assert close < 0.1 * np.abs(fast.logits).max()


def test_what_is_compared_with_a_threshold_stays_in_float32(tiny_model, tmp_path):
    model = at_thresholds(tiny_model(**PARTS["random"]))
    model.save_pretrained(tmp_path)
    half = AdaptiveBert.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert torch.equal(half.gates[0].values, model.gates[0].values)


@pytest.mark.parametrize("parts", PARTS)
def test_a_model_saved_in_half_precision_runs_in_the_engine(tiny_model, batch, tmp_path, parts):
    model = at_thresholds(tiny_model(**PARTS[parts]))
    expected = Engine(model).run(examples_of(batch))
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    half = AdaptiveBert.from_pretrained(tmp_path)
    for dtype in ("fp32", "bf16"):
        got = Engine(half, dtype=dtype).run(examples_of(batch))
        alike = (got.executed == expected.executed).all(1)
        alike &= got.exit_layer == expected.exit_layer
        assert alike.mean() >= 0.75
        gap = np.abs(got.logits - expected.logits)[alike].max()
        assert gap < 0.1 * np.abs(expected.logits).max()


@pytest.mark.parametrize("parts", ["smartbert", "berxit, attention"])
def test_a_model_turned_to_half_precision_answers(tiny_model, batch, parts):
    model = at_thresholds(tiny_model(**PARTS[parts]))
    assert torch.isfinite(model.to(torch.bfloat16)(**batch).logits).all()


# Trainer


def rows_of(batch: dict) -> list[dict]:
    return [{name: values[i] for name, values in batch.items()} for i in range(12)]


def trainer(model: AdaptiveBert, batch: dict, folder, **options) -> Trainer:
    arguments = TrainingArguments(
        str(folder), report_to=[], use_cpu=True, disable_tqdm=True, save_strategy="no",
        logging_strategy="no", **options,
    )  # fmt: skip
    rows = rows_of(batch)
    return Trainer(model, arguments, train_dataset=rows, eval_dataset=rows)


@pytest.mark.parametrize("parts", PARTS)
def test_trainer_evaluates_the_answers(tiny_model, batch, tmp_path, parts):
    model = at_thresholds(tiny_model(**PARTS[parts]))
    expected = model(**{name: batch[name] for name in batch if name != "labels"}).logits
    loss = F.cross_entropy(expected, batch["labels"]).item()
    found = trainer(model, batch, tmp_path, per_device_eval_batch_size=4).predict(rows_of(batch))
    np.testing.assert_allclose(found.predictions, expected.numpy(), atol=1e-5)
    assert found.metrics["test_loss"] == pytest.approx(loss, abs=1e-4)
    assert model(**batch, return_dict=False)[0].item() == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("parts", [name for name in PARTS if name != "dense"])
def test_training_gates_or_exits_by_the_answers_is_refused(tiny_model, batch, tmp_path, parts):
    model = at_thresholds(tiny_model(**PARTS[parts]))
    with pytest.raises(UserError, match=r"trains neither the gates nor the exits.*by its method"):
        trainer(model, batch, tmp_path).train()
    del batch["labels"]
    with pytest.raises(UserError, match=r"call .eval\(\) to classify"):
        model.train()(**batch)
    with torch.no_grad():
        assert model(**batch).logits.shape == (12, 3)


def test_a_dense_model_is_trained_as_the_librarys(tiny_model, batch, tmp_path):
    options = {
        "max_steps": 1,
        "learning_rate": 0.1,
        "optim": "sgd",
        "lr_scheduler_type": "constant",
    }
    grown = []
    for size, accumulated in ((12, 1), (6, 2)):
        model = tiny_model(head="first", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        start = {name: value.clone() for name, value in model.state_dict().items()}
        before = F.cross_entropy(model(**batch).logits, batch["labels"])
        trainer(
            model, batch, tmp_path, per_device_train_batch_size=size, max_grad_norm=0.0,
            gradient_accumulation_steps=accumulated, **options,
        ).train()  # fmt: skip
        assert F.cross_entropy(model.eval()(**batch).logits, batch["labels"]) < before
        grown.append({name: model.state_dict()[name] - start[name] for name in start})
    for name, change in grown[0].items():
        torch.testing.assert_close(change, grown[1][name], atol=1e-4, rtol=1e-2)
    assert grown[0]["encoder.encoder.layer.0.output.dense.weight"].abs().max() > 0


# Lengths, lots, devices


@pytest.mark.parametrize("kind", ["bert", "mpnet", "roberta"])
@pytest.mark.parametrize("training", [False, True])
def test_a_text_longer_than_the_positions_is_refused_in_one_line(kind, training):
    model = adaptive(kind, head="first").train(training)
    most = 66 if kind == "bert" else 64  # the others keep two for themselves
    long = torch.full((2, most + 1), 7)
    said = f"an input has {most + 1} tokens, this model takes at most {most}; set `truncation=True"
    with pytest.raises(UserError, match=said):
        model(long)
    assert model(long[:, :most]).logits.shape == (2, 3)


@pytest.mark.parametrize("padding", [0, 1, 117])
@pytest.mark.parametrize("side", ["left", "right"])
def test_lots_are_the_examples_whatever_pads_it(tiny_model, batch, side, padding):
    model = tiny_model(**PARTS["random"])
    gate = at_thresholds(model).gates[2]
    mask = batch["attention_mask"]
    ids = batch["input_ids"].masked_fill(mask == 0, padding)
    if side == "left":
        ids, mask = ids.flip(1), mask.flip(1)
    hidden = torch.zeros(12, 14, 32)
    together = model.gate(2, hidden, mask, ids)
    assert len(set(together.tolist())) > 5
    for i in range(12):
        alone = ids[i][mask[i] == 1][None]
        there = torch.ones_like(alone)
        own = model.gate(2, hidden[:1, : alone.shape[1]], there, alone)
        assert torch.equal(own, together[i : i + 1])
        place = int(lots(alone, there, 2).item() * gate.VALUES)
        assert own.item() == gate.values[place].item()


def test_lots_are_those_of_earlier_versions():
    ids = torch.tensor([[2, 5, 7, 3]])
    mixed = sum(n * (place * 40503 + 3 * 7919) % 1000003 for place, n in enumerate([2, 5, 7, 3], 1))
    mixed = mixed * 69069 + 3 * 362437
    wrapped = (mixed * mixed + 12345 + 2**63) % 2**64 - 2**63  # as 64 bits hold it
    expected = wrapped % 1000003 / 1000003
    assert lots(ids, torch.ones_like(ids), 3).item() == expected


class NoFloat64(TorchDispatchMode):
    """A device that lacks float64, as Apple's does: no such tensor may come to be there."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for one in found if isinstance(found, tuple | list) else (found,):
            if isinstance(one, torch.Tensor) and one.dtype == torch.float64:
                assert one.device.type == "cpu", f"{function} makes float64 on {one.device}"
        return found


@pytest.mark.parametrize("parts", PARTS)
def test_a_device_without_float64_is_asked_for_none(tiny_model, batch, parts):
    config = tiny_model(**PARTS[parts]).config
    with FakeTensorMode(allow_non_fake_inputs=True), NoFloat64():
        with torch.device("meta"):  # stands for the device: of no values, but no CPU either
            away = AdaptiveBert(config).eval()
        Engine(away, Policy())
        if config.gates == "random":
            ids, mask = (batch[name].to("meta") for name in ("input_ids", "attention_mask"))
            hidden, _, _ = away.embed({"input_ids": ids, "attention_mask": mask})
            assert away.gate(1, hidden, mask, ids).device.type == "meta"
