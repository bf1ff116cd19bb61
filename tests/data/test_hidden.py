"""Hidden test splits: read in any layout, whatever their labels, and others refused."""

from pathlib import Path

import datasets
import pandas as pd
import pytest
from glue_like import pairs, write_task
from hidden import hidden

from smartbert.data.folders import hidden_layout
from smartbert.data.hidden import load_hidden
from smartbert.errors import UserError
from smartbert.leaderboard import SHEETS
from smartbert.tasks import TASKS

WNLI = SHEETS["WNLI"]


def card(folder: Path, frame: pd.DataFrame) -> None:
    write_task(folder, {"train": pairs(), "test": frame}, "wnli")


def plain(folder: Path, frame: pd.DataFrame) -> None:
    (folder / "wnli").mkdir()
    frame.to_csv(folder / "wnli" / "test.csv", index=False)


def saved(folder: Path, frame: pd.DataFrame) -> None:
    own = datasets.Dataset.from_pandas(frame, preserve_index=False)
    datasets.DatasetDict({"test": own}).save_to_disk(str(folder / "wnli"))


@pytest.mark.parametrize("write", [card, plain, saved])
def test_a_split_is_read_in_the_order_of_its_index(write, tmp_path):
    frame = hidden("WNLI")
    write(tmp_path, frame.sample(frac=1, random_state=0))
    found = load_hidden(WNLI, str(tmp_path))
    assert list(found.columns) == ["sentence1", "sentence2", "label", "idx"]
    assert found["idx"].tolist() == list(range(146)) and set(found["label"]) == {-1}
    assert found["sentence1"].tolist() == frame["sentence1"].tolist()
    assert found["sentence2"].tolist() == frame["sentence2"].tolist()


@pytest.mark.parametrize("labels", [None, "unknown", 1, 0.5])
def test_labels_are_not_read(labels, tmp_path):
    """MRPC's on the hub are true ones."""
    frame = hidden("WNLI").drop(columns="label")
    card(tmp_path, frame if labels is None else frame.assign(label=labels))
    assert set(load_hidden(WNLI, str(tmp_path))["label"]) == {-1}


def test_the_diagnostics_are_mnlis_examples_of_a_config_of_their_own(tmp_path):
    write_task(tmp_path, {"test": hidden("AX")}, "ax")
    found = load_hidden(SHEETS["AX"], str(tmp_path))
    assert list(found.columns[:2]) == list(TASKS["mnli"].columns) and len(found) == 1104


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[:140], "140 rows; the leaderboard's WNLI.tsv takes 146; set `data.path`"),
        (lambda f: f.assign(idx=f["idx"] + 1), "column 'idx' does not count the rows from 0 on"),
        (lambda f: f.assign(idx=0), "column 'idx' does not count the rows from 0 on"),
        (lambda f: f.drop(columns="sentence2"), "column 'sentence2' is missing; found: sentence1"),
        (lambda f: f.assign(sentence1=None), "empty 'sentence1' in row 0"),
    ],
)
def test_a_split_that_is_not_the_leaderboards_is_refused(change, message, tmp_path):
    card(tmp_path, change(hidden("WNLI")))
    with pytest.raises(UserError, match=r"wnli, split 'test'") as caught:
        load_hidden(WNLI, str(tmp_path))
    assert message in str(caught.value)


def test_data_without_such_a_split_say_so_before_they_are_read(tmp_path):
    write_task(tmp_path, pairs(), "wnli")
    message = r"has no split 'test' for task 'wnli'; it has: train, validation; set `data\.path` in"
    for read in (hidden_layout, load_hidden):
        with pytest.raises(UserError, match=message):
            read(WNLI, str(tmp_path))
        with pytest.raises(UserError, match="generated data have no hidden test splits, of"):
            read(WNLI, "synthetic")
    assert hidden_layout(WNLI, "nyu-mll/glue") is None  # nobody is asked yet


def test_real_glue_here_has_none(real_glue):
    for sheet in SHEETS.values():
        with pytest.raises(UserError, match="has no "):
            hidden_layout(sheet, str(real_glue))
