"""Which runs are whole: nothing missing, nothing older than what it is made from."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_up_run import DRAWS, MANIFEST, MEMBERS

from smartbert.manifest import Manifest
from smartbert.points import MAIN
from smartbert.report import partial
from smartbert.results import Results


@pytest.fixture
def trained(run, tmp_path) -> Path:
    """That run as if trained here: every step of it dated after the one before."""
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    for path in folder.glob("runs/rte/*/seed*/trace-tune.safetensors"):
        (path.parent / "provenance.json").touch()
    order = ["provenance.json", "trace-*.safetensors", "points.json", "lengths.csv"]
    for moment, name in enumerate(order):
        for path in folder.glob(f"runs/rte/*/seed*/{name}"):
            os.utime(path, (moment, moment))
    return folder


def of(**trainings: tuple[tuple[str, ...], ...]) -> Manifest:
    """Return the manifest with the trainings behind some entries, the others' own alone."""
    own = {name: ((name,),) for members in MEMBERS.values() for name in members}
    return replace(MANIFEST, trainings=own | trainings)


def test_a_folder_without_a_number_is_no_run(trained):
    (trained / "runs/rte/deebert/seedling").mkdir()
    assert ("deebert", 1) in Results(trained).runs("rte")


def test_what_is_read_is_no_newer_than_what_it_is_read_from(trained):
    results = Results(trained)
    reading = replace(MANIFEST, reads={"pabee": "deebert"})
    assert results.finished(reading, "rte", "pabee", 1)
    results.run("rte", "deebert", 1).trace("test").touch()
    assert not results.finished(reading, "rte", "pabee", 1)


def test_what_came_of_a_parent_that_failed_is_no_result(trained):
    results, lines = Results(trained), of(smartbert=(("skip_only", "smartbert"),))
    parent = results.run("rte", "skip_only", 1).provenance
    whole = [results.finished(lines, "rte", name, 1) for name in ("smartbert", "skip_only")]
    parent.unlink()
    assert whole == [True, True]
    assert not results.finished(lines, "rte", "smartbert", 1)
    assert results.finished(lines, "rte", "smartbert", 2)
    parent.touch()  # it worked in the end, and what goes on from it was not trained again
    assert not results.finished(lines, "rte", "smartbert", 1)
    assert results.finished(MANIFEST, "rte", "smartbert", 1)  # where nothing is trained


@pytest.mark.parametrize("lost", ["provenance.json", "trace-test.safetensors", "points.json"])
def test_what_came_of_a_predecessor_is_no_result(trained, lost, monkeypatch):
    """A training, recording or tuning failed that had worked with other settings."""
    results, own = Results(trained), trained / "runs/rte/deebert/seed1"
    now = time.time()
    made_anew = {"points.json": ["trace-tune", "trace-test"], "trace-test.safetensors": []}
    for name in made_anew.get(lost, []):  # what came before the failed job is new
        os.utime(own / f"{name}.safetensors", (now, now))
    kept = (own / lost).read_bytes()
    (own / lost).unlink()
    assert not results.finished(of(), "rte", "deebert", 1)
    (own / lost).write_bytes(kept)  # the job worked in the end, what comes after it did not start
    assert not results.finished(of(), "rte", "deebert", 1)
    monkeypatch.setattr(partial, "write_figures", lambda *_, **__: None)  # slow, and not asked for
    partial.write_partial(results, of(), caption="", **DRAWS)
    table = pd.read_csv(results.partial.statistics("rte", "points"))
    seeds = table[(table["space"] == MAIN) & (table["point"] == "full")]
    assert dict(zip(seeds["method"], seeds["seeds"], strict=True)) == {
        method: 1 if method == "deebert" else 2 for method in MEMBERS
    }


def test_what_is_taken_from_kept_runs_needs_no_training_here(trained):
    results, own = Results(trained), Results(trained).run("rte", "deebert", 1)
    kept = {"rte": {"deebert": (1,)}}
    taken = replace(of(pabee=(("deebert", "pabee"),)), kept=kept)
    (trained / "runs/rte/deebert/seed1/provenance.json").unlink()
    assert not results.finished(of(), "rte", "deebert", 1)
    assert results.finished(taken, "rte", "deebert", 1)
    assert not results.finished(taken, "rte", "pabee", 1)  # which is trained from it, here
    own.provenance.touch()  # its weights are made again, later than its traces are taken
    assert results.finished(taken, "rte", "deebert", 1)
    own.trace("test").unlink()
    assert not results.finished(taken, "rte", "deebert", 1)


def test_what_is_read_may_be_taken_before_what_it_was_read_from(trained):
    results = Results(trained)
    kept = {"rte": {"deebert": (1,), "pabee": (1,)}}
    reading = replace(of(), reads={"pabee": "deebert"}, kept=kept)
    results.run("rte", "deebert", 1).trace("test").touch()
    assert results.finished(reading, "rte", "pabee", 1)
