"""What else makes BERT faster: each contender is the model that it says it is."""

import importlib.util

import numpy as np
import pytest
from conftest import DEPTH, SMARTBERT
from engine_cases import make, some_examples
from made_up_model import made_up_model
from speed import alternatives
from speed.alternatives import compared, contenders, int8, int8_engine, library_bert, page
from speed.card_library import Library

from smartbert.errors import UserError
from smartbert.policies import Policy
from smartbert.serve.engine import Engine
from smartbert.tasks import task
from smartbert.train.precision import has_bf16

ABOUT = {
    "title": "SST-2",
    "examples": "24",
    "machine": "2 threads of a processor",
    "versions": "torch 2",
    "commit": "abc",
    "command": "python alternatives.py",
    "every": "3",
}


@pytest.fixture
def models(tiny_model, tmp_path):
    """Folder of two published models: dense BERT, and SmartBERT, which has a `drop1`."""
    for entry, model in (
        ("full_bert", make(tiny_model, "full_bert")),
        ("smartbert", tiny_model(**SMARTBERT)),
    ):
        made = made_up_model(model, tmp_path / "made" / entry, "mnli")
        (tmp_path / entry).mkdir()
        made.rename(tmp_path / entry / "seed1")
    return tmp_path


def test_the_librarys_dense_bert_is_ours(tiny_model):
    model, examples = make(tiny_model, "full_bert"), some_examples()
    theirs = Library(library_bert(model)).run(examples)
    np.testing.assert_allclose(
        theirs.logits, Engine(model, Policy()).run(examples).logits, atol=2e-5
    )


def test_int8_is_near_and_leaves_the_original_alone(tiny_model):
    model, examples = make(tiny_model, "full_bert"), some_examples()
    exact = Engine(model, Policy()).run(examples).logits
    for coarse in (Library(int8(library_bert(model))), int8_engine(Engine(model, Policy()))):
        off = np.abs(coarse.run(examples).logits - exact).max()
        assert 0 < off < 0.2 * np.abs(exact).max()
    np.testing.assert_array_equal(Engine(model, Policy()).run(examples).logits, exact)


def test_int8_layers_alone_change_and_exits_still_answer(tiny_model):
    model, examples = tiny_model(**SMARTBERT), some_examples()
    policy = Policy.uniform("entropy", 0.6, depth=DEPTH, skip_threshold=0.5)
    exact, coarse = Engine(model, policy), int8_engine(Engine(model, policy))
    same = exact.run(examples).exit_layer == coarse.run(examples).exit_layer
    assert same.mean() > 0.5
    assert len(set(coarse.run(examples).exit_layer)) > 1


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="no onnxruntime here")
def test_onnx_runtime_says_what_the_library_says(tiny_model, tmp_path):
    plain, examples = library_bert(make(tiny_model, "full_bert")), some_examples()
    exact = Library(plain).run(examples).logits
    said = alternatives.OnnxBert(plain, tmp_path, int8=False).run(examples).logits
    np.testing.assert_allclose(said, exact, atol=1e-4)
    np.testing.assert_allclose(Library(plain).run(examples).logits, exact)  # as before its export
    coarse = alternatives.OnnxBert(plain, tmp_path, int8=True).run(examples).logits
    assert 0 < np.abs(coarse - exact).max() < 0.5 * np.abs(exact).max()


def test_the_table_has_each_contender_at_each_batch_and_its_own_score(models):
    examples = some_examples()
    found = contenders(models, ["smartbert"], None)
    labels = found["dense"].engine.run(examples).predictions
    table = compared(found, examples, labels, task("mnli"), batches=[1, 4], repeats=2, timed=9)
    scores = table.set_index(["contender", "batch_size"])["score"]
    assert (scores["dense BERT, transformers"] == 100).all()
    assert (scores["SmartBERT, this engine"] == 100).all()  # the made-up cards have one title
    assert scores["SmartBERT, drop1, this engine"].nunique() == 1 and (scores < 100).any()
    forms = 2 + has_bf16()  # of each model in this engine
    assert len(table) == 2 * (2 + 2 * forms) and (table["rate"] > 0).all()
    adaptive = table[table["contender"].str.contains("drop1")]
    assert len(adaptive) == 2 * forms and (adaptive["cost_relative"] != 1).all()
    text = page(table, ABOUT)
    assert "At batch 1 the fastest within one point of dense BERT is" in text
    assert text.count("\n| ") == 1 + 2 + 2 * forms


def test_a_missing_model_names_those_that_are_there(models):
    with pytest.raises(UserError, match=r"no model of pabee in .*it has .*smartbert.*--entries"):
        contenders(models, ["pabee"], None)
