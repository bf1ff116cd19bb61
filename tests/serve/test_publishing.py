"""Published models: stored thresholds, model card, the command line, and what users type wrong."""

import io
import json
import os
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import CLASSES, DEPTH, SMARTBERT
from made_up_model import FACTS, WORDS, made_up_model, tuned
from transformers import AutoModelForSequenceClassification, pipeline

from smartbert.__main__ import main
from smartbert.errors import UserError
from smartbert.points import GLOBAL, MAIN
from smartbert.policies import Policy
from smartbert.serve.classifier import Classifier, Prediction, stored_policy
from smartbert.serve.inputs import Rejected, read_inputs
from smartbert.serve.latency import usage_pattern
from smartbert.serve.publishing import operating_points, publish


@pytest.fixture
def published(tiny_model, tmp_path):
    """Function: publish a tiny model for a task; return its folder."""

    def make(task: str = "mnli", **facts):
        return made_up_model(tiny_model(**SMARTBERT), tmp_path, task, **facts)

    return make


def predict(monkeypatch, capsys, folder, text: bytes, *words: str) -> tuple[int, list[dict], str]:
    """Run `python -m smartbert predict` on stdin; return its status, rows and messages."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    status = main(["predict", "--model", str(folder), *words])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


def test_a_published_model_answers_at_drop1_and_knows_its_other_points(published):
    import smartbert.modeling  # noqa: F401 (registers the model type)

    model = AutoModelForSequenceClassification.from_pretrained(published())
    assert model.config.exit_thresholds == [0.5] * (DEPTH - 1)
    assert model.config.skip_threshold == 0.5 and model.config.criterion == "entropy"
    at = stored_policy(model.config, point="b50")
    assert at == Policy("entropy", (0.7,) * (DEPTH - 1), 0.5)
    assert stored_policy(model.config, budget=0.5) == at
    assert stored_policy(model.config, budget=0.44).thresholds == (0.9,) * (DEPTH - 1)
    assert stored_policy(model.config, point="full") == Policy()
    curve = tuned("mnli").spaces[MAIN].curve
    assert model.config.front == [setting.published().to_json() for setting in curve]
    with pytest.raises(UserError, match="'b33'; known: b50, b75, drop1, full; set by --point"):
        stored_policy(model.config, point="b33")
    with pytest.raises(UserError, match=r"at most 0.3 of dense BERT, the cheapest has 0.40"):
        stored_policy(model.config, budget=0.3)
    model.config.front = []
    with pytest.raises(UserError, match=r"no setting .* for a budget; .*\(b50, b75, drop1, full\)"):
        stored_policy(model.config, budget=0.5)


def test_a_per_cent_sign_says_what_is_meant(published, monkeypatch, capsys):
    folder = published("sst2")
    found = [
        predict(monkeypatch, capsys, folder, b"a good film\nbad\n", "--budget", share)
        for share in ("0.44", "44%")
    ]
    assert found[0][:2] == found[1][:2] and found[0][0] == 0


def test_a_budget_is_spent_on_the_dearest_setting_of_the_curve(published):
    """Tuning chose it as the dearest that it cannot tell from the best; the luckiest is not it."""
    import smartbert.modeling  # noqa: F401 (registers the model type)

    model = AutoModelForSequenceClassification.from_pretrained(published())
    for setting in model.config.front:
        setting["tune_score"] = 90 - 10 * setting["tune_cost"]
    for budget, threshold in ((0.44, 0.9), (0.69, 0.7), (1.0, 0.4)):
        policy = stored_policy(model.config, budget=budget)
        assert policy.thresholds == (threshold,) * (DEPTH - 1)


def test_a_published_model_has_the_points_of_the_main_space(published):
    """What is searched beyond the published parameter is for tables."""
    found = tuned("mnli")
    points = ["full", "b75", "b50", "drop1"]
    scores = pd.DataFrame({"space": MAIN, "point": points, "status": "ok"})
    scores = scores.assign(score=[80.0, 79.5, 78.0, 79.0], cost_relative=[1.04, 0.71, 0.46, 0.6])
    usage = pd.DataFrame({"space": MAIN, "point": points, "label": "all", "layer": 1})
    usage = usage.assign(exit=1.0, skipped=0.0)
    alone = operating_points(found, scores, usage, "smartbert")
    assert list(alone) == points and alone["b75"].test_score == 79.5
    larger = replace(found.spaces[MAIN], curve=(), points={"b33": found.spaces[MAIN].points["b50"]})
    both = replace(found, spaces={GLOBAL: larger, **found.spaces})
    beside = [pd.concat([t.assign(space=GLOBAL, point="b33"), t]) for t in (scores, usage)]
    assert operating_points(both, *beside, "smartbert") == alone


def test_the_pipeline_answers_as_the_classifier_does(published):
    folder = published("sst2")
    classify = pipeline("text-classification", model=str(folder))
    texts = ["a very good film", "bad", "it not a good plot a film it very bad"]
    ours = list(Classifier(folder)((text,) for text in texts))
    for theirs, own in zip(classify(texts), ours, strict=True):
        assert theirs["label"] == own.label
        assert theirs["score"] == pytest.approx(own.score, abs=1e-4)


@pytest.mark.parametrize("task", ["sst2", "mnli"])
def test_the_pipeline_cuts_long_texts_where_training_did(published, task):
    folder, rng = published(task), np.random.default_rng(0)
    classify = pipeline("text-classification", model=str(folder))
    fields = 1 if task == "sst2" else 2
    texts = [
        tuple(" ".join(rng.choice(WORDS[4:], size)) for _ in range(fields))
        for size in (*range(40), 200)
    ]
    texts += [("good", "")[:fields], ("", "not bad")[:fields]]
    given = [dict(zip(("text", "text_pair"), one, strict=False)) for one in texts]
    ours = list(Classifier(folder)(texts))
    theirs = classify(given)
    assert sum(own.truncated > 0 for own in ours) >= 30
    assert [one["label"] for one in theirs] == [own.label for own in ours]
    for one, own in zip(theirs, ours, strict=True):
        assert one["score"] == pytest.approx(own.score, abs=1e-4)
    tokenizer, long = classify.tokenizer, texts[40][0]
    assert len(tokenizer(long)["input_ids"]) == tokenizer.model_max_length == 12
    assert len(tokenizer(long, truncation=False)["input_ids"]) == 202
    assert len(tokenizer([long], max_length=8)["input_ids"][0]) == 8
    assert tokenizer("good", "")["input_ids"] == tokenizer(["good"], [""])["input_ids"][0]


def test_publishing_leaves_the_runs_own_tokenizer_alone(published, tmp_path):
    folder = published()
    for name in ("tokenizer_config.json", "tokenizer.json"):  # as publishing once linked them
        (folder / name).unlink()
        os.link(tmp_path / "run" / name, folder / name)
    before = (tmp_path / "run" / "tokenizer_config.json").read_bytes()
    published()
    assert (tmp_path / "run" / "tokenizer_config.json").read_bytes() == before
    assert (folder / "tokenizer_config.json").read_bytes() != before


def test_the_card_has_metadata_points_and_how_to_load(published):
    from huggingface_hub import ModelCard

    folder = published()
    card = ModelCard.load(folder / "README.md")
    assert card.data.base_model == "some/bert" and card.data.datasets == ["nyu-mll/glue"]
    assert card.data.pipeline_tag == "text-classification"
    for text in ("SmartBERT on MNLI, seed 1", "| drop1 | 79.0 | 60% |", "Tiny data.", "predict"):
        assert text in card.text
    assert "b33 |" not in card.text


def test_a_local_backbone_is_not_claimed_to_be_on_the_hub(published):
    text = (published(backbone="package:some_module", data="synthetic") / "README.md").read_text()
    assert "base_model" not in text and "datasets" not in text


def test_a_run_without_weights_is_refused(published, tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match=r"run has no model.safetensors; run again"):
        publish(
            tmp_path / "run", tmp_path / "out", tuned=tuned("rte"), scores=pd.DataFrame(),
            usage=pd.DataFrame(), curve=pd.DataFrame(), member="smartbert", facts=FACTS,
        )  # fmt: skip


def test_predict_writes_a_row_for_every_line(published, monkeypatch, capsys):
    folder = published("sst2")
    long = " ".join(["good"] * 40)
    text = f"a good film\n\n   \n{long}\nbad\tfilm\nnot bad".encode()
    status, rows, err = predict(monkeypatch, capsys, folder, text, "--budget", "0.5")
    assert status == 1 and [row["line"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[1] == {**rows[2], "line": 2} and rows[1]["label"]  # empty texts, in their places
    assert rows[4]["error"] == "expected 1 field (sentence), found 2"
    assert rows[3]["truncated"] == 42 - 12 and rows[0]["truncated"] == 0
    for row in (rows[0], rows[1], rows[3], rows[5]):
        assert 1 / CLASSES <= row["score"] <= 1 and 1 <= row["exit_layer"] <= DEPTH
        assert 0 <= row["layers"] <= row["exit_layer"] and row["relative_flops"] > 0
    assert "5 classified" in err and "2 of empty text" in err
    assert "1 truncated to 12 tokens" in err and "1 rejected" in err


def test_predict_reads_pairs_json_and_bytes_that_are_no_text(published, monkeypatch, capsys):
    folder = published()
    lines = [
        b'{"premise": "a good film", "hypothesis": "a film"}',
        b'{"text": "a good film", "text_pair": "a film"}',
        b'{"premise": "a good film"}',
        b'{"premise": "a", "hypothesis": 3}',
        b"[1]",
        b"{oops",
        b'\xff\xfe{"text": "a"}',
    ]
    status, rows, _ = predict(monkeypatch, capsys, folder, b"\n".join(lines), "--jsonl")
    assert status == 1 and rows[0]["label"] == rows[1]["label"]
    assert rows[0]["score"] == pytest.approx(rows[1]["score"])
    errors = [row["error"] for row in rows[2:]]
    assert errors[0] == "no key of premise, hypothesis, or text; found: premise"
    assert errors[1] == "hypothesis is int, expected text"
    assert errors[2] == "expected a JSON object, found list"
    assert errors[3].startswith("not JSON: ") and errors[4].startswith("not UTF-8 text: ")
    status, rows, _ = predict(monkeypatch, capsys, folder, b"a good film\ta film\nlone\n")
    assert rows[1]["error"] == "expected 2 fields (premise, hypothesis), found 1"
    assert status == 1 and "error" not in rows[0]


def test_any_batch_size_and_window_gives_the_same_rows(published, monkeypatch, capsys):
    folder = published("sst2")
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[4:], rng.integers(1, 9))) for _ in range(40)]
    found = [
        predict(monkeypatch, capsys, folder, "\n".join(texts).encode(), *words)[1]
        for words in ([], ["--batch-size", "1", "--window", "1"], ["--batch-size", "7"])
    ]
    for rows in found[1:]:
        for one, other in zip(found[0], rows, strict=True):
            assert one["score"] == pytest.approx(other["score"], abs=1e-4)
            assert {**one, "score": 0} == {**other, "score": 0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "nowhere"], "nowhere is no model folder: it has no readable config.json"),
        (["--model", "OTHER"], "holds a model of type 'bert'; known: adaptive_bert; set by"),
        (["--model", "PUBLISHED", "nofile"], "cannot read nofile: no such file"),
        (["--model", "PUBLISHED", "--point", "b5"], "unknown operating point 'b5' (did you mean"),
        (["--model", "PUBLISHED", "--budget", "0.01"], "no setting of this model costs at most"),
        (["--model", "PUBLISHED", "--budget", "50"], "at most 1; 50 % is --budget 0.5; all layers"),
        (["--model", "PUBLISHED", "--budget", "1.04"], "1.04 is no share of dense BERT's cost,"),
        (["--model", "PUBLISHED", "--budget", "500"], "at most 1; all layers run at --point full"),
        (["--model", "PUBLISHED", "--device", "cuda:99"], "no device 'cuda:99' here"),
        (["--model", "PUBLISHED", "--device", "mps"], "no answer was ever checked on device 'mps'"),
        (["--model", "PUBLISHED", "--device", "meta"], "known: auto, cpu, cuda, cuda:1, ...; set"),
        (["--model", "PUBLISHED", "--device", "gpu"], "unknown device 'gpu'; known: auto, cpu,"),
        (["--model", "PUBLISHED", "/"], "cannot read /: is a directory"),
        (["--model", "PUBLISHED", "a\0b"], "embedded null byte"),
        (["--model", "PUBLISHED", "--column", "a"], "stdin is read as lines; add --csv or --tsv"),
        (
            ["--model", "PUBLISHED", "--csv", "--column", "a", "--column", "b"],
            "this model reads 1 columns (sentence), given are a, b; set by --column",
        ),
        (["--model", "RUN", "--budget", "0.5"], "this model carries no operating points"),
        (["--model", "BROKEN"], "cannot load the model in"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(
    published, tmp_path, monkeypatch, capsys, words, message
):
    folder = published("sst2")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')
    if "BROKEN" in words:
        weights = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").unlink()  # a link to the run's own
        (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    names = {"OTHER": "other", "PUBLISHED": "published", "RUN": "run", "BROKEN": "published"}
    words = [str(tmp_path / names[word]) if word in names else word for word in words]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"good\n")))
    capsys.readouterr()
    assert main(["predict", *words]) == 2
    out, err = capsys.readouterr()
    assert message in err and err.startswith("error: ") and err.count("\n") == 1 and not out


@pytest.mark.parametrize(
    "words",
    [
        ["--budget", "0"],
        ["--budget", "nan"],
        ["--batch-size", "0"],
        ["--dtype", "fp8"],
        ["--encoding", "utf-88"],
        ["--encoding", "base64"],
    ],
)
def test_a_value_out_of_range_is_refused_by_the_parser(capsys, words):
    with pytest.raises(SystemExit) as stop:
        main(["predict", "--model", "x", *words])
    assert stop.value.code == 2 and words[0] in capsys.readouterr().err


def test_bench_prints_every_point_at_every_batch_size(published, capsys, tmp_path):
    folder = published("sst2")
    words = ["--model", str(folder), "--examples", "6", "--repeats", "1", "--batch-size", "1,4"]
    assert main(["bench", *words]) == 0
    out = capsys.readouterr().out
    for point in ("dense", "full", "b75", "b50", "drop1"):
        assert sum(line.split()[:1] == [point] for line in out.splitlines()) == 2
    texts = tmp_path / "texts.txt"
    texts.write_text("a good film\n\nbad plot\n")
    assert main(["bench", *words, str(texts)]) == 0
    assert "3 inputs" in capsys.readouterr().out


def test_a_usage_pattern_has_the_shares_it_is_given():
    usage = {"exits": [0.5, 0.0, 0.3, 0.2], "skipped": [0.0, 0.25, 0.1, 0.2]}
    found = usage_pattern(usage["exits"], usage["skipped"], 20000)
    shares = [(found.exit_layer == layer).mean() for layer in (1, 2, 3, 4)]
    np.testing.assert_allclose(shares, usage["exits"], atol=0.02)
    reached = found.exit_layer >= 2
    assert (~found.executed[:, 1] & reached).mean() == pytest.approx(0.25, abs=0.02)
    left = found.exit_layer < 4
    assert found.executed[np.flatnonzero(left), found.exit_layer[left] - 1].all()


def test_lines_keep_their_count_and_order():
    lines = [b"one\r\n", b"\n", b"two\tthree"]
    found = list(read_inputs(lines, form="lines", columns=None))
    assert found == [("one",), ("",), ("two", "three")]
    (deep,) = read_inputs([b"[" * 100000], form="jsonl", columns=None)
    assert isinstance(deep, Rejected)


def test_a_rejected_input_does_not_stop_the_others(published):
    given = [("a good film",), Rejected("broken"), ("a", "b"), ("bad",)]
    found = list(Classifier(published("sst2"))(given, batch_size=2))
    assert [type(answer) for answer in found] == [Prediction, Rejected, Rejected, Prediction]
    assert found[1].error == "broken"
