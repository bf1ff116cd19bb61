"""`smartbert push`: what arrives at a hub, how it is used from there, and what is refused."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, SMARTBERT, loads
from hub import TOKEN, serving
from made_up_model import made_up_model

from smartbert import __version__
from smartbert.results import CURVE_FIGURE, PUBLISHED
from smartbert.serve.classifier import Classifier

SENT = sorted([*PUBLISHED, CURVE_FIGURE])


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Where a model is made once for all tests here."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def folder(made, tiny_model, tmp_path) -> Path:
    """A published model, with a file in its folder that is none of it."""
    if not (made / "published").exists():
        made_up_model(tiny_model(**SMARTBERT), made, "sst2")
    found = shutil.copytree(made / "published", tmp_path / "published")
    (found / "notes.txt").write_text("private")
    return found


def run(code: list[str], tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run this Python away from the checkout, with a cache of its own and given settings."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    known |= {"HF_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT), **settings}
    return subprocess.run(
        [sys.executable, *code], cwd=tmp_path, env=known, capture_output=True, text=True
    )


def push(folder: Path, tmp_path: Path, url: str, *words: str, to: str = "me/tiny", **settings: str):
    """Run `smartbert push` against a hub, by default with the right token and without xet, whose
    servers a stand-in has not.
    """
    settings = {"HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", **settings}
    words = ("-m", "smartbert", "push", "--model", str(folder), "--to", to, *words)
    return run([*words], tmp_path, HF_ENDPOINT=url, **settings)


def test_all_files_arrive_as_they_are_and_nothing_else(folder, tmp_path):
    with serving() as hub:
        done = push(folder, tmp_path, hub.url)
    assert done.returncode == 0, done.stderr
    (name, found), *others = hub.repositories.items()
    assert name == "me/tiny" and not others and not found.private
    assert sorted(found.files) == SENT
    assert all(content == (folder / file).read_bytes() for file, content in found.files.items())
    assert found.messages == [f"Model published by smartbert-suite {__version__}"]
    assert set(hub.cards) == {(folder / "README.md").read_text()}
    assert len(hub.verified) == 2  # weights and figure went the way of large files
    assert done.stdout.splitlines()[-1].startswith("6 files, ")
    assert done.stdout.splitlines()[-1].endswith(f"sent to {hub.url}/me/tiny")


def test_a_repository_that_is_there_is_written_to_again(folder, tmp_path):
    with serving(large=(".none",)) as hub:
        for _ in range(2):  # as a client with xet speaks where no file is large
            done = push(folder, tmp_path, hub.url, HF_HUB_DISABLE_XET="0")
            assert done.returncode == 0, done.stderr
    assert len(hub.repositories["me/tiny"].messages) == 2
    assert sorted(hub.repositories["me/tiny"].files) == SENT


def test_a_private_one_is_private_from_the_start(folder, tmp_path):
    with serving() as hub:
        assert push(folder, tmp_path, hub.url, "--private").returncode == 0
        assert hub.repositories["me/tiny"].private
        assert push(folder, tmp_path, hub.url, to="me/open").returncode == 0
        before = len(hub.repositories["me/open"].messages)
        done = push(folder, tmp_path, hub.url, "--private", to="me/open")
    assert done.returncode == 2 and "me/open is there and public, which --private" in done.stderr
    assert len(hub.repositories["me/open"].messages) == before


def test_a_dry_run_lists_sizes_and_asks_nobody(folder, tmp_path):
    with serving() as hub:
        done = push(folder, tmp_path, hub.url, "--dry-run", HF_TOKEN="")
    assert done.returncode == 0 and not hub.asked
    *files, last = done.stdout.splitlines()
    told = {line.split()[1]: int(line.split()[0].replace(",", "")) for line in files}
    assert told == {name: (folder / name).stat().st_size for name in SENT}
    assert last == f"6 files, {sum(told.values()):,} bytes: would be sent to me/tiny; nothing was"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"HF_TOKEN": "hf_wrong"}, "does not know this token (401); log in with `hf auth login`,"),
        ({"HF_TOKEN": ""}, "no token for the hub is set; log in with `hf auth login`, or set HF_T"),
        ({"to": "tiny"}, "'tiny' is no repository of the hub, whose names are user/name; set by"),
        ({"to": "me/tiny model"}, "'me/tiny model'; set by --to"),
        ({"to": "somebody/tiny"}, "does not let this token write to somebody/tiny (403); log in"),
        ({"url": "nobody"}, "cannot send to me/tiny on the hub at http://127.0.0.1:"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_ENDPOINT and HF_HUB_OFFLINE where they are set"),
        ({"lost": "tokenizer.json"}, "is no published model: it has no tokenizer.json; publish it"),
        ({"config": "{}"}, "is no published model: its config.json has no operating points;"),
    ],
)
def test_what_goes_wrong_is_one_line(folder, tmp_path, change, message):
    if "lost" in change:
        (folder / change.pop("lost")).unlink()
    if "config" in change:
        (folder / "config.json").write_text(change.pop("config"))
    with serving() as hub:
        url = hub.url
        if change.pop("url", None):
            url = f"http://127.0.0.1:{free_port()}"
        done = push(folder, tmp_path, url, **change)
    assert done.returncode == 2 and message in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not any(one.files for one in hub.repositories.values())


def test_pushing_loads_no_torch():
    assert not loads("smartbert.serve.pushing", "torch", "huggingface_hub")


LOAD = """
import json, sys
import smartbert.modeling
from transformers import AutoModelForSequenceClassification, pipeline
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1])
classify = pipeline("text-classification", model=sys.argv[1])
print(json.dumps([type(model).__name__, *(one["label"] for one in classify(sys.argv[2:]))]))
"""
TEXTS = ["a very good film", "bad", "it not a good plot a film it very bad"]


def test_a_pushed_model_loads_by_its_name_without_code_from_there(folder, tmp_path):
    """As who has this package and no file of the run uses it: no remote code is to be trusted."""
    wanted = [answer.label for answer in Classifier(folder)((text,) for text in TEXTS)]
    with serving() as hub:
        assert push(folder, tmp_path, hub.url).returncode == 0
        code = ["-c", LOAD, "me/tiny", *TEXTS]
        done = run(code, tmp_path, HF_ENDPOINT=hub.url, HF_HUB_DISABLE_XET="1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["AdaptiveBert", *wanted]
    assert "auto_map" not in json.loads((folder / "config.json").read_text())
    assert not any(name.endswith(".py") for name in hub.repositories["me/tiny"].files)


def test_the_card_shows_a_figure_that_is_sent_with_it(folder):
    text = (folder / "README.md").read_text()
    assert f"]({CURVE_FIGURE})" in text
    content = (folder / CURVE_FIGURE).read_bytes()
    assert content.startswith(b"\x89PNG") and 5_000 < len(content) < 100_000
