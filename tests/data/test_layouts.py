"""Local folders as people have them: cards, plain files, what `save_to_disk` writes; labels by
name, changed rows, and a line on what was looked for.
"""

import dataclasses
import gzip
import json
import os
import shutil
from pathlib import Path

import datasets
import pandas as pd
import pytest
import yaml
from configs import changed
from flow import snakemake
from glue_like import elsewhere, pairs, write_task

from smartbert.data.folders import find_layout
from smartbert.data.preparation import prepare
from smartbert.data.settings import DataSettings
from smartbert.data.sources import load_split
from smartbert.errors import UserError
from smartbert.tasks import TASKS, task
from workflow.settings import options, validation

RTE = task("rte")
NAMES = list(RTE.labels)
PAIRS = pairs(12).assign(sentence1=lambda f: "one, two " + f["sentence1"])


def settings_of(folder: Path, **changes: object) -> DataSettings:
    settings = DataSettings(
        str(folder), seed=0, max_length=32, max_fit=None, tune_fraction=0.1, tune_min=4, tune_max=4
    )
    return dataclasses.replace(settings, **changes)


def loaded(folder: Path, split: str = "train") -> pd.DataFrame:
    return load_split(RTE, split, settings_of(folder), rows=0)


def splits() -> dict[str, pd.DataFrame]:
    return {"train": PAIRS, "validation": elsewhere(PAIRS)}


def card(folder: Path, files: dict[str, str], *, names: list[str] | None = None, **said) -> None:
    """Write a card that names a task's files, and its labels."""
    listed = [{"split": split, "path": path} for split, path in files.items()]
    head: dict = {"configs": [{"config_name": "rte", "data_files": listed, **said}]}
    if names:
        labels = {"class_label": {"names": {str(i): name for i, name in enumerate(names)}}}
        kinds = {"sentence1": "string", "sentence2": "string", "label": labels, "idx": "int64"}
        features = [{"name": name, "dtype": kind} for name, kind in kinds.items()]
        head["dataset_info"] = [{"config_name": "rte", "features": features}]
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(head)}---\n")


def with_names(folder: Path, names: list[str], ids: list[int]) -> Path:
    """Write RTE with ids in an order of one's own, which the card names."""
    write_task(folder, {s: f.assign(label=ids) for s, f in splits().items()})
    card(folder, {s: f"rte/{s}-*" for s in splits()}, names=names)
    return folder


def test_ids_in_another_order_are_mapped_by_the_names_of_the_card(tmp_path, tokenizer):
    turned = [1 - label for label in PAIRS["label"]]
    usual = with_names(tmp_path / "usual", NAMES, list(PAIRS["label"]))
    other = with_names(tmp_path / "other", NAMES[::-1], turned)
    found = [prepare(RTE, settings_of(folder), tokenizer).frames for folder in (usual, other)]
    for split in ("fit", "tune", "test"):
        pd.testing.assert_frame_equal(found[0][split], found[1][split])
    assert loaded(other)["label"].tolist() == PAIRS["label"].tolist()


@pytest.mark.parametrize(
    "spelt", [["Not entailment", "Entailment"], ["not-entailment", "ENTAILMENT"]]
)
def test_names_are_alike_whatever_their_capitals_and_hyphens(spelt, tmp_path):
    folder = with_names(tmp_path, spelt, [1 - label for label in PAIRS["label"]])
    assert loaded(folder)["label"].tolist() == PAIRS["label"].tolist()


def test_names_that_are_not_the_tasks_are_refused_with_both(tmp_path):
    folder = with_names(tmp_path, ["no", "yes"], list(PAIRS["label"]))
    with pytest.raises(UserError) as refused:
        loaded(folder)
    assert "0 (no), 1 (yes)" in str(refused.value)
    assert "0 (entailment), 1 (not_entailment)" in str(refused.value)


def test_names_that_are_their_ids_say_nothing(tmp_path):
    folder = with_names(tmp_path, ["0", "1"], list(PAIRS["label"]))
    assert loaded(folder)["label"].tolist() == PAIRS["label"].tolist()


def test_names_within_the_files_count_and_may_not_contradict_the_card(tmp_path):
    """Parquet that `datasets` wrote has them in itself."""
    features = datasets.Features(
        {"sentence1": datasets.Value("string"), "sentence2": datasets.Value("string"),
         "label": datasets.ClassLabel(names=NAMES[::-1]), "idx": datasets.Value("int64")}
    )  # fmt: skip
    (tmp_path / "rte").mkdir()
    for split, frame in splits().items():
        turned = frame.assign(label=1 - frame["label"])
        data = datasets.Dataset.from_pandas(turned, features=features, preserve_index=False)
        data.to_parquet(tmp_path / "rte" / f"{split}.parquet")
    assert loaded(tmp_path)["label"].tolist() == PAIRS["label"].tolist()
    card(tmp_path, {s: f"rte/{s}.parquet" for s in splits()}, names=NAMES)
    with pytest.raises(UserError, match=r"the card's labels are 0 \(entailment\).*own 0 \(not_ent"):
        loaded(tmp_path)
    # One split's ids are not the other's either.
    plain = PAIRS.assign(label=PAIRS["label"])
    usual = features.copy()
    usual["label"] = datasets.ClassLabel(names=NAMES)
    datasets.Dataset.from_pandas(plain, features=usual, preserve_index=False).to_parquet(
        tmp_path / "rte" / "train.parquet"
    )
    card(tmp_path, {s: f"rte/{s}.parquet" for s in splits()})
    for split in splits():
        assert loaded(tmp_path, split)["label"].tolist() == PAIRS["label"].tolist()


def test_the_hubs_ids_are_mapped_by_name_too(monkeypatch):
    turned = datasets.Dataset.from_pandas(PAIRS.assign(label=1 - PAIRS["label"]))
    turned = turned.cast_column("label", datasets.ClassLabel(names=NAMES[::-1]))
    hub = datasets.DatasetDict({"train": turned})
    monkeypatch.setattr(datasets, "load_dataset", lambda *words, **more: hub)
    assert loaded(Path("someone/glue"))["label"].tolist() == PAIRS["label"].tolist()


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_labels_may_be_their_names(kind, tmp_path):
    named = {s: f.assign(label=[NAMES[i] for i in f["label"]]) for s, f in splits().items()}
    plain(tmp_path, kind, named)
    assert loaded(tmp_path)["label"].tolist() == PAIRS["label"].tolist()


def test_names_and_ids_are_not_mixed_and_truth_values_are_no_labels(tmp_path):
    labels = [NAMES[0], 1] * 6
    plain(tmp_path / "mixed", "jsonl", {s: f.assign(label=labels) for s, f in splits().items()})
    with pytest.raises(UserError, match="names in some rows and ids in others"):
        loaded(tmp_path / "mixed")
    true = [True, False] * 6
    plain(tmp_path / "true", "jsonl", {s: f.assign(label=true) for s, f in splits().items()})
    with pytest.raises(UserError, match="unknown label True in row 0"):
        loaded(tmp_path / "true")


def test_numbers_that_are_names_of_classes_and_ids_of_others_are_refused(tmp_path):
    stars = dataclasses.replace(RTE, labels=("1", "2", "3"))
    plain(tmp_path, "csv", {s: f.assign(label=[1, 2] * 6) for s, f in splits().items()})
    with pytest.raises(UserError, match="labels are names of classes and ids of others"):
        load_split(stars, "train", settings_of(tmp_path), rows=0)
    plain(tmp_path, "csv", {s: f.assign(label=[1, 2, 3] * 4) for s, f in splits().items()})
    frame = load_split(stars, "train", settings_of(tmp_path), rows=0)
    assert frame["label"].tolist() == [0, 1, 2] * 4


def test_real_glue_is_named_as_its_tasks_are(real_glue):
    for name in ("cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte", "wnli"):
        layout = find_layout(str(real_glue), name)
        assert layout.labels == TASKS[name].labels
        assert all(Path(file).parent == real_glue / name for file in layout.inputs)


def plain(folder: Path, kind: str, frames: dict[str, pd.DataFrame]) -> None:
    """Write the plain layout: a folder for the task, a file for each split."""
    own = folder / "rte"
    own.mkdir(parents=True, exist_ok=True)
    for split, frame in frames.items():
        write(frame, own / f"{split}.{kind}")


def write(frame: pd.DataFrame, file: Path) -> None:
    if file.suffix == ".parquet":
        frame.to_parquet(file, index=False)
    elif file.suffix == ".csv":
        frame.to_csv(file, index=False)
    else:
        frame.to_json(file, orient="records", lines=True, force_ascii=False)


ODD = ["NA", "null", "007", "1e5", "", "a\nb", 'say "x"', "a,b", "nan", " c ", "\u2028", "true"]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_plain_files_need_no_card_and_texts_stay_as_they_are(kind, tmp_path):
    frames = {s: f.assign(sentence1=ODD) for s, f in splits().items()}
    plain(tmp_path, kind, frames)
    for split, frame in frames.items():
        found = loaded(tmp_path, split)
        assert found["sentence1"].tolist() == ODD
        assert found["sentence2"].tolist() == frame["sentence2"].tolist()
        assert found[["label", "idx"]].to_dict() == frame[["label", "idx"]].to_dict()


def test_texts_of_csv_files_that_a_card_names_stay_as_they_are_too(tmp_path):
    plain(tmp_path, "csv", {s: f.assign(sentence1=ODD) for s, f in splits().items()})
    card(tmp_path, {s: f"rte/{s}.csv" for s in splits()}, names=NAMES)
    assert loaded(tmp_path)["sentence1"].tolist() == ODD


def test_every_plain_form_of_a_split_is_read_whole(tmp_path):
    """Parts, a folder for each split, a folder `data`, packed files, a byte-order mark."""
    whole = loaded(write_task(tmp_path / "hub", splits()))

    def parts(own: Path) -> None:
        for number, rows in enumerate((slice(0, 5), slice(5, 12))):
            write(PAIRS[rows], own / f"train-0000{number}-of-00002.parquet")

    def inside(own: Path) -> None:
        (own / "train").mkdir()
        write(PAIRS[:5], own / "train" / "0000.parquet")
        write(PAIRS[5:], own / "train" / "0001.parquet")

    def data(own: Path) -> None:
        (own / "data").mkdir()
        write(PAIRS, own / "data" / "train-00000-of-00001.parquet")

    def packed(own: Path) -> None:
        (own / "train.csv.gz").write_bytes(gzip.compress(PAIRS.to_csv(index=False).encode()))

    def marked(own: Path) -> None:
        (own / "train.csv").write_bytes(b"\xef\xbb\xbf" + PAIRS.to_csv(index=False).encode())

    def listed(own: Path) -> None:
        (own / "train.json").write_text(json.dumps(PAIRS.to_dict("records")))

    for form in (parts, inside, data, packed, marked, listed):
        own = tmp_path / form.__name__ / "rte"
        own.mkdir(parents=True)
        form(own)
        write(elsewhere(PAIRS), own / "validation.jsonl")
        pd.testing.assert_frame_equal(loaded(own.parent), whole)


def test_mnlis_two_validations_are_two_splits(tmp_path):
    frame = PAIRS.rename(columns={"sentence1": "premise", "sentence2": "hypothesis"})
    frame = frame.assign(label=[0, 1, 2] * 4)
    (tmp_path / "mnli").mkdir()
    for number, split in enumerate(("train", "validation_matched", "validation_mismatched")):
        texts = [f"{text} {number}" for text in frame["premise"]]
        write(frame.assign(premise=texts), tmp_path / "mnli" / f"{split}.csv")
    for number, split in ((1, "validation_matched"), (2, "validation_mismatched")):
        found = load_split(task("mnli"), split, settings_of(tmp_path), rows=0)
        assert [text[-1] for text in found["premise"]] == [str(number)] * 12


@pytest.mark.parametrize("together", [True, False])
def test_what_save_to_disk_wrote_is_read(together, tmp_path):
    features = datasets.Features(
        {"sentence1": datasets.Value("string"), "sentence2": datasets.Value("string"),
         "label": datasets.ClassLabel(names=NAMES[::-1]), "idx": datasets.Value("int32")}
    )  # fmt: skip
    saved = datasets.DatasetDict(
        {
            split: datasets.Dataset.from_pandas(
                frame.assign(label=1 - frame["label"]), features=features, preserve_index=False
            )
            for split, frame in splits().items()
        }
    )
    if together:
        saved.save_to_disk(tmp_path / "rte")
    else:
        for split, data in saved.items():
            data.save_to_disk(tmp_path / "rte" / split)
    for split, frame in splits().items():
        found = loaded(tmp_path, split)
        for column in frame.columns:
            assert found[column].tolist() == frame[column].tolist()
    layout = find_layout(str(tmp_path), "rte")
    assert any(file.endswith(".arrow") for file in layout.inputs)
    with pytest.raises(UserError, match="is itself what `save_to_disk` wrote"):
        find_layout(str(tmp_path / "rte" if together else tmp_path / "rte" / "train"), "rte")


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        loaded(folder)
    message = str(caught.value)
    assert "network" not in message and "\n" not in message
    return message


def test_a_folder_without_the_tasks_files_is_told_what_was_looked_for(tmp_path):
    assert "does not exist" in refused(tmp_path / "gone")
    assert "it has no folder 'rte'; looked for rte/<split>*{.parquet, .csv" in refused(tmp_path)
    (tmp_path / "rte").mkdir()
    assert "its folder 'rte' has nothing" in refused(tmp_path)
    (tmp_path / "rte" / "train.tsv").write_text("sentence1\n")
    assert "its folder 'rte' has train.tsv" in refused(tmp_path)
    card(tmp_path, {"train": "rte/train.csv"})
    assert "cannot find the files of 'rte' that the card" in refused(tmp_path)
    (tmp_path / "README.md").write_text("---\nconfigs: [{config_name: mrpc\n---\n")
    assert "cannot read the card" in refused(tmp_path)
    plain(tmp_path / "half", "csv", {"train": PAIRS})
    assert "no split 'validation' for task 'rte'; it has: train" in refused(tmp_path / "half")


def test_files_of_which_nobody_knows_which_count_are_refused(tmp_path):
    plain(tmp_path, "csv", splits())
    write(PAIRS, tmp_path / "rte" / "train.parquet")
    assert "split 'train' is not clear: train.csv, train.parquet" in refused(tmp_path)
    (tmp_path / "rte" / "train.parquet").unlink()
    write(PAIRS, tmp_path / "rte" / "train-00000-of-00001.csv")
    assert "split 'train' is not clear" in refused(tmp_path)
    (tmp_path / "rte" / "train.csv").unlink()
    assert len(loaded(tmp_path)) == len(PAIRS)
    (tmp_path / "rte" / "train-00000-of-00001.csv").rename(
        tmp_path / "rte" / "train-00000-of-00002.csv"
    )
    assert "1 of 2 files train-*-of-00002 are there" in refused(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sentence1,sentence2,label\na,b,0,7\n", "line 2: 4 fields, not 3"),
        ("sentence1,sentence2,label\na,b\n", "line 2: 2 fields, not 3"),
        ('sentence1,sentence2,label\n"a,b,0\n', "cannot read .*unexpected end of data"),
        ("sentence1,sentence2,label,label\na,b,0,1\n", "column 'label' is there twice"),
        (
            "sentence1;sentence2;label\na;b;0\n",
            "'sentence1' is missing; found: sentence1;sentence2",
        ),
        ("sentence1,sentence2,label\na,b,\n", "unknown label '' in row 0"),
        ("sentence1,sentence2,label\n", "no rows"),
        ("", "no rows and no columns"),
        ("sentence1,sentence2,label\na,b,0\n".encode("utf-16"), "is not UTF-8 text"),
        ("sentence1,sentence2,label\na,b,0\n".encode("utf-16-le"), "is not UTF-8 text"),
        ("sentence1,sentence2,label\ncaf\xe9,b,0\n".encode("latin-1"), "is not UTF-8 text"),
    ],
)
def test_csv_that_is_not_clear_is_refused_with_its_place(content, message, tmp_path):
    plain(tmp_path, "csv", splits())
    file = tmp_path / "rte" / "train.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"sentence1": "a", "sentence2": "b", "label": 0', "train.jsonl, line 2: "),
        ('["a", "b", 0]', r"line 2: \[\"a\", \"b\", 0\] is no object"),
        ('{"sentence1": "a", "label": 0}', "empty 'sentence2' in row 1"),
        ('{"sentence1": "a", "sentence2": 5, "label": 0}', "'sentence2' in row 1 is 5, no text"),
        ('{"sentence1": "a", "sentence2": ["b"], "label": 0}', "is \\['b'\\], no text"),
        (r'{"sentence1": "a\ud83d", "sentence2": "b", "label": 0}', "'sentence1' in row 1 is not"),
        (r'{"sentence1": "a", "sentence2": "b", "label": {"\ud83d": 0}}', "unknown label"),
    ],
)
def test_json_that_is_not_clear_is_refused_with_its_place(line, message, tmp_path):
    plain(tmp_path, "jsonl", splits())
    good = '{"sentence1": "a", "sentence2": "b", "label": 0}'
    (tmp_path / "rte" / "train.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(UserError, match=message) as caught:
        loaded(tmp_path)
    str(caught.value).encode()  # any stream prints it


def test_bytes_that_are_text_are_read_and_others_refused(tmp_path):
    raw = PAIRS.assign(sentence1=[text.encode() for text in PAIRS["sentence1"]])
    plain(tmp_path, "parquet", {"train": raw, "validation": elsewhere(PAIRS)})
    assert loaded(tmp_path)["sentence1"].tolist() == PAIRS["sentence1"].tolist()
    plain(tmp_path, "parquet", {"train": raw.assign(sentence1=[b"\xff\xfe"] * 12)})
    with pytest.raises(UserError, match="'sentence1' in row 0 is not text"):
        loaded(tmp_path)


def test_what_a_card_says_of_csv_is_followed_or_refused(tmp_path):
    (tmp_path / "rte").mkdir()
    for split, frame in splits().items():
        frame.to_csv(tmp_path / "rte" / f"{split}.tsv", sep="\t", index=False)
    card(tmp_path, {s: f"rte/{s}.tsv" for s in splits()}, sep="\t")
    assert loaded(tmp_path)["sentence2"].tolist() == PAIRS["sentence2"].tolist()
    card(tmp_path, {s: f"rte/{s}.tsv" for s in splits()}, sep="\t", skiprows=1)
    with pytest.raises(UserError, match="sets 'skiprows' to 1, which is not followed here"):
        loaded(tmp_path)


FORMS = ["csv", "sub-folders", "plain", "saved"]


def made(folder: Path, form: str, frames: dict[str, pd.DataFrame]) -> None:
    """Write one task's data in one of the forms that people have."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if form == "saved":
        datasets.DatasetDict(
            {s: datasets.Dataset.from_pandas(f, preserve_index=False) for s, f in frames.items()}
        ).save_to_disk(folder / "rte")
    elif form == "sub-folders":
        for split, frame in frames.items():
            (folder / "files" / split).mkdir(parents=True)
            frame.to_parquet(folder / "files" / split / "a.parquet", index=False)
        card(folder, {split: f"files/{split}/*.parquet" for split in frames})
    else:
        plain(folder, "csv", frames)
        if form == "csv":
            card(folder, {split: f"rte/{split}.csv" for split in frames})


@pytest.mark.parametrize("form", FORMS)
def test_every_file_that_is_read_is_an_input_of_the_rule(form, tmp_path):
    made(tmp_path / "data", form, splits())
    config = changed("data.path", str(tmp_path / "data"))
    inputs = options.data_layout(config, "rte").inputs
    kinds = {"csv": ".csv", "sub-folders": ".parquet", "plain": ".csv", "saved": ".arrow"}
    assert len([file for file in inputs if file.endswith(kinds[form])]) == 2
    assert all(Path(file).is_file() for file in inputs)
    assert options.data_layout(changed("data.path", "synthetic"), "rte").inputs == []


def test_inputs_are_named_as_the_path_is(tmp_path, monkeypatch):
    """A run that is copied with its data finds them as they were."""
    made(tmp_path / "data", "csv", splits())
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    inputs = options.data_layout(changed("data.path", "../data"), "rte").inputs
    assert inputs == ["../data/rte/train.csv", "../data/rte/validation.csv"]


@pytest.mark.parametrize("form", ["csv", "sub-folders"])
def test_a_changed_row_of_any_file_runs_the_task_again(form, tmp_path):
    made(tmp_path / "data", form, splits())
    config = {"results": str(tmp_path / "results"), "tasks": ["rte"],
              "data": {"path": str(tmp_path / "data"), "tune": {"min": 4, "max": 4}}}  # fmt: skip
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    record = str(tmp_path / "results" / "data" / "rte" / "task.json")
    words = [record, "--cores", "1", "--configfile", "config/quick.yaml"]
    words.append(str(tmp_path / "config.yaml"))
    snakemake(*words)
    assert "Nothing to be done" in snakemake(*words, "-n")
    before = {file: file.read_text() for file in tmp_path.glob("README.md")}
    made(tmp_path / "data", form, {**splits(), "train": PAIRS.assign(sentence1=PAIRS["sentence2"])})
    assert before == {file: file.read_text() for file in tmp_path.glob("README.md")}
    assert "task_data" in snakemake(*words, "-n")
    snakemake(*words)
    fit = pd.read_parquet(tmp_path / "results" / "data" / "rte" / "fit.parquet")
    assert set(fit["sentence1"]) <= set(PAIRS["sentence2"])
    assert "Nothing to be done" in snakemake(*words, "-n")
    # So does a card that turns the labels round.
    if form == "csv":
        card(tmp_path / "data", {s: f"rte/{s}.csv" for s in splits()}, names=NAMES[::-1])
        assert "task_data" in snakemake(*words, "-n")


def test_blank_lines_and_a_link_to_nothing(tmp_path):
    plain(tmp_path, "csv", splits())
    file = tmp_path / "rte" / "train.csv"
    file.write_text(f"\n\n{file.read_text()}\n")
    assert loaded(tmp_path)["sentence1"].tolist() == PAIRS["sentence1"].tolist()
    file.unlink()
    file.symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=r"train\.csv is a link to nothing"):
        loaded(tmp_path)


@pytest.mark.parametrize("name", ["a {b}", "a[b]", "a*", "a?"])
def test_a_folder_whose_name_is_a_pattern_is_refused(name, tmp_path):
    """Else Snakemake stops, or a card's files are not found, in words of their own."""
    for write_it in (lambda f: write_task(f, splits()), lambda f: plain(f, "csv", splits())):
        write_it(tmp_path / name)
        assert "a sign of patterns" in refused(tmp_path / name)
        shutil.rmtree(tmp_path / name)
    write_task(tmp_path / "a b, ü & co", splits())
    assert len(loaded(tmp_path / "a b, ü & co")) == len(PAIRS)
    plain(tmp_path, "csv", {"validation": elsewhere(PAIRS)})
    write(PAIRS, tmp_path / "rte" / "train{1}.csv")
    card(tmp_path, {"train": "rte/train*", "validation": "rte/val*"})
    assert "data file" in refused(tmp_path) and "a sign of patterns" in refused(tmp_path)


def test_a_missing_file_is_told_before_anything_runs(tmp_path):
    (tmp_path / "rte").mkdir()
    config = changed("data.path", str(tmp_path))
    config["tasks"] = ["rte"]
    config["ablations"]["tasks"] = []
    with pytest.raises(UserError, match="has no files of task 'rte'"):
        validation.validate(config)
    plain(tmp_path, "csv", {"train": PAIRS})
    with pytest.raises(UserError, match="no split 'validation'"):
        validation.validate(config)
    plain(tmp_path, "csv", splits())
    validation.validate(config)


def test_a_folder_that_may_not_be_looked_into_is_one_line(tmp_path, monkeypatch):
    plain(tmp_path, "csv", splits())

    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UserError, match="cannot look into data folder"):
        loaded(tmp_path)


def test_a_path_may_begin_with_the_home(tmp_path, monkeypatch):
    plain(tmp_path / "glue", "csv", splits())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(loaded(Path("~/glue"))) == len(PAIRS)
    assert os.path.commonpath(find_layout("~/glue", "rte").inputs).startswith(str(tmp_path))
