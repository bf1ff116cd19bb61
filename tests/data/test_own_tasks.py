"""Tasks that a config describes: what is read of their data, and what is refused, in one line."""

import json
from pathlib import Path

import datasets
import pandas as pd
import pytest
from configs import merged

from smartbert.data.preparation import prepare, split_record
from smartbert.data.settings import DataSettings
from smartbert.errors import UserError
from smartbert.results import Results
from smartbert.tasks import TASKS, SplitRecord, TaskData, forget_own
from workflow.scripts.task_data import lines_of_classes
from workflow.settings import options, validation
from workflow.settings.own_tasks import complete_own_tasks, name_own_tasks

KINDS = ("bug", "question", "wish")
TEXTS = [f"{kind} number {i} of {'many ' * (i % 5)}words" for i in range(80) for kind in KINDS]
FRAME = pd.DataFrame({"text": TEXTS, "kind": [text.split()[0] for text in TEXTS]})


@pytest.fixture(autouse=True)
def _own_tasks():
    yield
    forget_own()


def config_of(own: dict, **data) -> dict:
    """The embedded run's config, of one task of its own."""
    config = merged("quick")
    config |= {"tasks": ["tickets"], "own_tasks": {"tickets": own}}
    config["data"] |= {"tune": {"fraction": 0.1, "min": 20, "max": 100}, **data}
    return config


def made(own: dict, tokenizer, **data):
    """What is made of such a task: its record, its splits, how many examples were left out."""
    config = config_of(own, **data)
    validation.validate(config)
    settings = DataSettings.from_json(options.data_settings(config, "tickets"))
    found = prepare(TASKS["tickets"], settings, tokenizer)
    return TASKS["tickets"], found.frames, found.dropped


def write(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table in the format that a file's name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


OWN = {"columns": ["text"], "label": "kind"}
PARTS = {"train": FRAME[:180], "dev": FRAME[180:210], "test": FRAME[210:]}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_one_file_is_cut_in_three(suffix, tmp_path, tokenizer):
    path = write(FRAME, tmp_path / f"tickets{suffix}")
    spec, frames, dropped = made({**OWN, "path": str(path)}, tokenizer)
    assert (spec.labels, spec.title) == (KINDS, "Tickets")
    assert {name: len(frame) for name, frame in frames.items()} == {
        "fit": 240 - 24 - 22,
        "tune": 22,
        "test": 24,
    }
    together = pd.concat(frames.values())
    assert sorted(together["text"]) == sorted(TEXTS)
    assert [spec.labels[i] for i in together["label"]] == [t.split()[0] for t in together["text"]]
    assert not any(dropped.values())


def test_texts_that_are_there_twice_stay_on_one_side(tmp_path, tokenizer):
    twice = FRAME.assign(text=[" ".join(text.split()[:3]) for text in TEXTS])
    path = write(pd.concat([twice, twice.assign(text=twice["text"] + " ")]), tmp_path / "t.csv")
    _, frames, dropped = made({**OWN, "path": str(path)}, tokenizer)
    texts = [set(frame["text"].str.strip()) for frame in frames.values()]
    assert sum(map(len, texts)) == len(set.union(*texts)) == 240
    assert dropped["repeated in train"] == 240


def test_groups_stay_whole(tmp_path, tokenizer):
    path = write(FRAME.assign(customer=[i // 6 for i in range(240)]), tmp_path / "t.csv")
    _, frames, _ = made({**OWN, "path": str(path), "group": "customer"}, tokenizer)
    sides = [set(frame["customer"]) for frame in frames.values()]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 40


@pytest.mark.parametrize("there", [["train", "dev", "test"], ["train", "test"], ["train"]])
def test_groups_are_on_one_side_of_given_splits(there, tmp_path, tokenizer):
    for name in there:
        first = 20 if name == "dev" else 0
        customers = range(first, first + len(PARTS[name]))
        customers = [str(i) if name == "train" else i for i in customers]
        write(PARTS[name].assign(customer=customers), tmp_path / f"{name}.parquet")
    own = {**OWN, "path": str(tmp_path), "group": "customer"}
    _, frames, dropped = made(own, tokenizer)
    sides = [set(frame["customer"]) for frame in frames.values()]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert dropped["in test"] == (30 if "test" in there else 0)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([None, *"ab" * 40], "empty 'customer' in row 0; every row needs a group (its own, where"),
        (["a", " ", *"ab" * 39, "c"], "empty 'customer' in row 1; every row needs a group"),
        (["a"] * 81, "in whole groups of 'customer', of which train has 1, and they take all 81"),
    ],
)
def test_groups_that_cannot_be_are_one_line(groups, message, tmp_path, tokenizer):
    path = write(FRAME[:81].assign(customer=groups), tmp_path / "t.parquet")
    with pytest.raises(UserError) as error:
        made({**OWN, "path": str(path), "group": "customer"}, tokenizer)
    assert message in str(error.value) and "own_tasks.tickets.group" in str(error.value)


def test_a_label_of_several_classes_is_refused(tmp_path, tokenizer):
    several = [[kind, "new"] for kind in FRAME["kind"]]
    path = write(FRAME.assign(kind=several), tmp_path / "t.jsonl")
    with pytest.raises(UserError, match=r"in row 0 is no single value; every row has one class"):
        made({**OWN, "path": str(path)}, tokenizer)


def test_an_empty_file_is_told_as_one(tmp_path, tokenizer):
    path = tmp_path / "t.csv"
    path.write_text("")
    with pytest.raises(UserError, match=r"no rows and no columns; set `own_tasks.tickets.path`"):
        made({**OWN, "path": str(path)}, tokenizer)


@pytest.mark.parametrize(
    ("there", "splits", "sizes"),
    [
        (["train", "dev", "test"], {}, (180, 30, 30)),
        (["train", "test"], {}, (160, 20, 30)),
        (["train", "dev"], {}, (160, 20, 30)),  # as GLUE's: what is there to be scored on is test
        (["train"], {}, (140, 20, 20)),
        (["train", "dev", "test"], {"tune": None}, (160, 20, 30)),
        (["train", "dev", "test"], {"test": None}, (160, 30, 20)),
        (["train", "dev"], {"tune": "dev"}, (160, 30, 20)),
    ],
)
def test_splits_are_those_that_are_there(there, splits, sizes, tmp_path, tokenizer):
    for name in there:
        write(PARTS[name], tmp_path / f"{name}.csv")
    own = {**OWN, "path": str(tmp_path), "splits": splits}
    tune = {"tune": {"fraction": 0.1, "min": 20, "max": 100}}
    _, frames, _ = made(own, tokenizer, **tune)
    assert tuple(len(frames[name]) for name in ("fit", "tune", "test")) == sizes


def test_splits_may_be_files(tmp_path, tokenizer):
    path = write(PARTS["train"], tmp_path / "a.csv")
    other = write(PARTS["test"], tmp_path / "elsewhere" / "b.tsv")
    own = {**OWN, "path": str(path), "splits": {"test": str(other)}}
    _, frames, _ = made(own, tokenizer)
    assert sorted(frames["test"]["text"]) == sorted(PARTS["test"]["text"])


def test_what_tune_shares_with_test_or_train_is_left_out(tmp_path, tokenizer):
    parts = {**PARTS, "dev": pd.concat([FRAME[170:210], FRAME[210:215]])}
    for name, frame in parts.items():
        write(frame, tmp_path / f"{name}.csv")
    _, frames, dropped = made({**OWN, "path": str(tmp_path)}, tokenizer)
    assert (len(frames["fit"]), len(frames["tune"]), len(frames["test"])) == (170, 40, 30)
    assert (dropped["in tune"], dropped["of tune, in test"]) == (10, 5)


@pytest.mark.parametrize(
    ("values", "labels", "named"),
    [
        ([5, 1, 3], None, ("1", "3", "5")),  # stars: a number is a name
        ([5.0, 1.0, 3.0], None, ("1", "3", "5")),
        (["10", "9", "2"], None, ("2", "9", "10")),
        ([1.5, 1.0, 0.5], None, ("0.5", "1", "1.5")),  # marks in halves
        (["1.5", "1", "2.0"], None, ("1", "1.5", "2")),
        (["1.10", "1.1", "2"], None, ("1.1", "1.10", "2")),  # versions: names
        ([0, 1, 2], ["wish", "bug", "question"], ("wish", "bug", "question")),  # ids
        (["Wish", "BUG", "question"], ["bug", "question", "wish"], ("bug", "question", "wish")),
        ([True, False, True], None, ("False", "True")),
    ],
)
def test_labels_are_names_or_ids(values, labels, named, tmp_path, tokenizer):
    frame = FRAME.assign(kind=[values[KINDS.index(kind)] for kind in FRAME["kind"]])
    path = write(frame, tmp_path / "t.jsonl")
    own = {**OWN, "path": str(path), **({"labels": labels} if labels else {})}
    spec, frames, _ = made(own, tokenizer)
    assert spec.labels == named
    meant = dict(zip(KINDS, values, strict=True))
    for frame in frames.values():
        for text, label in zip(frame["text"], frame["label"], strict=True):
            value = meant[text.split()[0]]
            if labels and isinstance(value, int):
                assert label == value
            else:
                assert named[label].lower() == str(value).lower().removesuffix(".0")


def test_names_that_data_have_for_ids_are_taken(tmp_path, tokenizer):
    kinds = datasets.ClassLabel(names=["wish", "question", "bug"])
    data = datasets.Dataset.from_pandas(FRAME).cast_column("kind", kinds)
    datasets.DatasetDict({"train": data}).save_to_disk(str(tmp_path / "saved"))
    data.to_parquet(str(tmp_path / "t.parquet"))
    for path in (tmp_path / "saved", tmp_path / "t.parquet"):
        spec, frames, _ = made({**OWN, "path": str(path)}, tokenizer)
        assert spec.labels == ("wish", "question", "bug")
        names = [spec.labels[label] for label in frames["test"]["label"]]
        assert names == [text.split()[0] for text in frames["test"]["text"]]


def test_forty_classes_of_long_texts(tmp_path, tokenizer):
    texts = [f"topic {i % 40} " + "word " * 300 + str(i) for i in range(800)]
    frame = pd.DataFrame({"text": texts, "topic": [f"topic {i % 40}" for i in range(800)]})
    own = {"path": str(write(frame, tmp_path / "t.csv")), "columns": ["text"], "label": "topic"}
    spec, frames, _ = made({**own, "score": "macro_f1"}, tokenizer, max_length=64)
    assert len(spec.labels) == 40 and set(frames["fit"]["label"]) == set(range(40))
    assert (frames["test"]["length"] == 64).all()


def test_a_card_with_several_configurations_is_asked_for_one(tmp_path, tokenizer):
    for name, part in (("en", FRAME[:120]), ("de", FRAME[120:])):
        write(part, tmp_path / name / "train.csv")
    configs = [{"config_name": n, "data_files": f"{n}/train.csv"} for n in ("en", "de")]
    (tmp_path / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n")
    own = {**OWN, "path": str(tmp_path)}
    with pytest.raises(UserError, match=r"set by `own_tasks\.tickets\.subset`"):
        made(own, tokenizer)
    _, frames, _ = made({**own, "subset": "de"}, tokenizer)
    assert set(pd.concat(frames.values())["text"]) == set(FRAME["text"][120:])


@pytest.mark.parametrize(
    ("frame", "own", "message"),
    [
        (FRAME.assign(kind=FRAME["kind"].replace("wish", "all")), {}, "class 'all'"),
        (FRAME, {"columns": ["body"]}, "column 'body' is missing; found: text, kind; set `own_tas"),
        (FRAME, {"label": "label"}, "column 'label' is missing; found: text, kind; set `own_tasks"),
        (FRAME.assign(kind="bug"), {}, "one class alone, 'bug', and a task needs two or more; set"),
        (FRAME.assign(kind=["NaN", *FRAME["kind"][1:]]), {}, "label 'NaN' in row 0 is how a miss"),
        (FRAME[:0], {}, "split 'train'): no rows; set `own_tasks.tickets.path`"),
        (FRAME.assign(kind=TEXTS), {}, "240 classes, at most 200 are possible; is 'kind' the"),
        (FRAME.assign(kind=["", *FRAME["kind"][1:]]), {}, "empty label in row 0; every row needs"),
        (FRAME, {"labels": ["bug", "wish"]}, "unknown label 'question' in row 1; known: 0 (bug)"),
        (FRAME, {"labels": [*KINDS, "praise"]}, "train has no example of praise, among"),
        (FRAME, {"score": "f1"}, "F1 is of the second class, and the order of classes is not sai"),
        (FRAME, {"score": "f1", "labels": [*KINDS]}, "metric 'f1' holds for 2 classes"),
        (FRAME, {"score": "bleu"}, "unknown value 'bleu'; known: accuracy, f1, macro_f1, mcc; se"),
        (FRAME, {"splits": {"test": "final"}}, "has no split 'final' for task 'tickets'; it has:"),
        (FRAME, {"splits": {"dev": "a"}}, "unknown key 'dev'; known: test, train, tune; set by o"),
        (FRAME, {"group": "customer"}, "column 'customer' is missing"),
        (FRAME.rename(columns={"kind": "a;b"})[["a;b"]], {}, "are its fields separated by ';'?)"),
        (FRAME, {"path": "./nowhere.csv"}, "data './nowhere.csv' do not exist; set `own_tasks.tic"),
        (FRAME, {"path": "some/data"}, "are on the hub ('some/data'), where they are not read be"),
        (FRAME[:30], {}, "tune needs 20 of 10 training examples that it may take, nothing is left"),
        (FRAME.rename(columns={"text": "length"}), {"columns": ["length"]}, "text column 'length'"),
    ],
)
def test_what_cannot_be_is_one_line(frame, own, message, tmp_path, tokenizer):
    path = write(frame, tmp_path / "t.csv")
    with pytest.raises(UserError) as error:
        made({**OWN, "path": str(path), **own}, tokenizer)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_class_that_a_split_lacks_is_told(tmp_path, tokenizer):
    rare = FRAME.assign(kind=["praise", "praise", *FRAME["kind"][2:]])
    spec, frames, _ = made({**OWN, "path": str(write(rare, tmp_path / "t.csv"))}, tokenizer)
    records = {
        name: split_record(frame, classes=len(spec.labels), truncated=0)
        for name, frame in frames.items()
    }
    praise = spec.labels.index("praise")
    assert {len(record.labels) for record in records.values()} == {4}
    lacking = [name for name, record in records.items() if record.labels[praise] == 0]
    assert lacking
    told = lines_of_classes(spec, records)
    assert told == [f"Tickets: {name} has no example of praise" for name in lacking]


def test_a_label_that_train_lacks_is_named(tmp_path, tokenizer):
    write(PARTS["train"], tmp_path / "train.csv")
    write(PARTS["test"].assign(kind=["praise", *PARTS["test"]["kind"][1:]]), tmp_path / "test.csv")
    with pytest.raises(UserError, match=r"split 'test'\): unknown label 'praise' in row 0; known"):
        made({**OWN, "path": str(tmp_path)}, tokenizer)


@pytest.mark.parametrize("name", ["rte", "all", "glue", "usage"])
def test_a_name_that_is_taken_is_refused(name, tmp_path):
    config = config_of({**OWN, "path": "t.csv"})
    config["own_tasks"] = {name: config["own_tasks"]["tickets"]}
    with pytest.raises(UserError, match="the name is taken, as are all, default"):
        validation.validate(config)


@pytest.mark.parametrize("name", ["RTE", "my-task", "my task", "2nd", "ünï"])
def test_a_name_that_none_can_have_is_told_what_one_is(name):
    config = config_of({**OWN, "path": "t.csv"})
    config["own_tasks"] = {name: config["own_tasks"]["tickets"]}
    with pytest.raises(UserError, match=f"own_tasks: '{name}' cannot be a name; one has small"):
        validation.validate(config)


def test_tasks_of_one_config_are_not_another_ones(tmp_path, tokenizer):
    made({**OWN, "path": str(write(FRAME, tmp_path / "t.csv"))}, tokenizer)
    config = merged("quick")
    config["tasks"] = ["tickets"]
    with pytest.raises(UserError, match="unknown value 'tickets'"):
        validation.validate(config)


def test_a_kept_record_is_scored_as_the_config_now_says(tmp_path, tokenizer):
    path = write(FRAME, tmp_path / "t.csv")
    own = {**OWN, "path": str(path)}
    made(own, tokenizer)
    kept = Results(tmp_path / "kept")
    split = SplitRecord(1, (1, 0, 0), 1.0, 0, "")
    splits = dict.fromkeys(("fit", "tune", "test"), split)
    TaskData("tickets", {}, splits, ("",), TASKS["tickets"]).write(kept.task("tickets"))
    path.unlink()  # its data are elsewhere: what is known of it is kept
    config = config_of({**own, "score": "macro_f1"}) | {"traces_from": str(kept.folder)}
    name_own_tasks(config)
    complete_own_tasks(config)
    assert TASKS["tickets"].score == ("macro_f1",) and TASKS["tickets"].labels == KINDS
