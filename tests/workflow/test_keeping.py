"""What is kept of a run: what has finished, beside what was kept before; on made-up runs."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_kept import NAMES, config, make_kept, provenance, record, set_in, weights
from made_up_run import task_data

from smartbert.provenance import Provenance
from smartbert.results import Results, Run
from smartbert.trace.trace import Trace
from workflow.scripts import reference
from workflow.settings import options
from workflow.settings.kept import decide

GONE = "trace-test.safetensors.gz"


@pytest.fixture
def asked(tmp_path) -> dict:
    """The config of a run that has finished in its results folder; nothing is kept of it yet."""
    own = config(tmp_path)
    results = Results(Path(own["results"]))
    data = replace(task_data("rte"), settings=options.data_settings(own, "rte"))
    data.write(results.task("rte"))
    for name in NAMES:
        provenance(own, name).write(made(own, name).provenance)
        record(own, name, results, packed=False)
    return own


def made(config: dict, name: str) -> Run:
    return Results(Path(config["results"])).run("rte", name, 1)


def in_kept(config: dict, name: str) -> Run:
    return Results(Path(config["traces_from"])).run("rte", name, 1)


def save(config: dict) -> None:
    reference.main(["save", config["results"], config["traces_from"]])


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the date of every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def trained_again(config: dict, name: str, model: str) -> None:
    """Make an entry's training one that wrote other weights; its traces are still the old ones."""
    replace(provenance(config, name), weights=model).write(made(config, name).provenance)


def test_a_run_is_kept_without_models_and_texts(run, tmp_path):
    folder, kept = tmp_path / "run", tmp_path / "kept"
    shutil.copytree(run, folder)
    own = Path("runs/rte/pabee/seed1")
    trace = Trace.load(folder / own / "trace-test.safetensors")
    results = Results(folder).run("rte", "pabee", 1)
    told = replace(
        provenance(config(tmp_path), "full_bert"), method="pabee", weights=trace.meta.model
    )
    told.write(results.provenance)
    (folder / own / "model.safetensors").write_bytes(b"large")
    (folder / "tasks/rte/tables").mkdir(parents=True)
    (folder / "tasks/rte/tables/glue.csv").write_text("a\n")
    reference.main(["save", str(folder), str(kept)])
    assert (kept / own / GONE).exists() and (kept / own / "points.json").exists()
    assert (kept / "claims.md").exists() and (kept / "tasks/rte/tables/glue.csv").exists()
    assert not (kept / own / "model.safetensors").exists()
    assert {path.name for path in (kept / "data").rglob("*.*")} == {"task.json"}  # no texts
    narrow = Trace.load(kept / own / GONE)
    assert narrow.meta == trace.meta
    np.testing.assert_array_equal(narrow.executed, trace.executed)
    np.testing.assert_allclose(narrow.final_logits, trace.final_logits, rtol=1e-3)


def test_what_is_saved_is_all_that_a_run_needs(asked):
    save(asked)
    assert decide(asked).complete


def test_saving_twice_changes_no_byte_and_no_date(asked):
    save(asked)
    before = contents(Path(asked["traces_from"]))
    save(asked)
    assert contents(Path(asked["traces_from"])) == before


def test_kept_traces_that_were_taken_are_the_same_bytes_when_saved(asked, tmp_path):
    folder = make_kept(asked).folder
    before = contents(folder)
    for name in NAMES:
        for split in ("tune", "test"):
            Trace.load(in_kept(asked, name).trace(split, packed=True)).save(
                made(asked, name).trace(split)
            )
        shutil.copy(in_kept(asked, name).provenance, made(asked, name).taken)
        made(asked, name).provenance.unlink()
    save(asked)
    assert contents(folder) == before
    elsewhere = set_in(asked, traces_from=str(tmp_path / "elsewhere"))
    save(elsewhere)
    assert not list(Path(elsewhere["traces_from"]).rglob("kept.json"))
    assert "deebert" not in {key[1] for key in decide(elsewhere).trained}


def test_a_trace_is_rounded_once(asked):
    trace = Trace.load(made(asked, "smartbert").trace("test")).rounded()
    assert trace.rounded().content(packed=True) == trace.content(packed=True)


def test_a_run_under_way_is_not_kept_and_what_is_kept_of_it_stays(asked):
    save(asked)
    before = contents(in_kept(asked, "deebert").folder)
    trained_again(asked, "deebert", "new")  # and not recorded yet
    made(asked, "deebert").points.write_text("{}")
    save(asked)
    assert contents(in_kept(asked, "deebert").folder) == before
    made(asked, "smartbert").trace("tune").unlink()
    shutil.rmtree(asked["traces_from"])
    save(asked)
    assert not in_kept(asked, "smartbert").trace("test", packed=True).exists()
    assert not in_kept(asked, "skip_only").trace("test", packed=True).exists()  # read from those
    assert in_kept(asked, "full_bert").trace("test", packed=True).exists()


def test_tables_older_than_their_traces_are_left_out(asked):
    own = made(asked, "deebert")
    for path, date in ((own.points, 0), (own.table("scores"), 2**40)):
        path.write_text("{}")
        os.utime(path, ns=(date, date))
    now = own.trace("test").stat().st_mtime_ns
    os.utime(own.table("scores"), ns=(now, now))
    save(asked)
    assert not in_kept(asked, "deebert").points.exists()
    assert in_kept(asked, "deebert").table("scores").exists()


def test_a_parent_that_is_not_recorded_is_told_of(asked):
    for split in ("tune", "test"):
        made(asked, "skip_only").trace(split).unlink()
    save(asked)
    assert Provenance.read(in_kept(asked, "skip_only").provenance).weights == weights("skip_only")


def test_a_parent_trained_again_leaves_what_its_kept_traces_came_of(asked):
    save(asked)
    taken = made(asked, "full_bert")
    shutil.copy(in_kept(asked, "full_bert").provenance, taken.taken)
    trained_again(asked, "full_bert", "again")
    save(asked)
    assert Provenance.read(in_kept(asked, "full_bert").provenance).weights == weights("full_bert")


def test_traces_of_a_training_that_nothing_tells_of_leave_what_is_kept(asked):
    save(asked)
    before = contents(in_kept(asked, "full_bert").folder)
    own = made(asked, "full_bert")
    shutil.copy(in_kept(asked, "full_bert").provenance, own.taken)  # as an earlier call took it
    for split in ("tune", "test"):  # recorded here since, of weights that are trained once more
        trace = Trace.load(own.trace(split))
        replace(trace, meta=replace(trace.meta, model="new")).save(own.trace(split))
    own.provenance.unlink()
    save(asked)
    assert contents(in_kept(asked, "full_bert").folder) == before


def test_what_was_read_from_replaced_traces_no_longer_counts(asked):
    save(asked)
    trained_again(asked, "smartbert", "new")
    for split in ("tune", "test"):
        path = made(asked, "smartbert").trace(split)
        trace = Trace.load(path)
        replace(trace, meta=replace(trace.meta, model="new")).save(path)
    save(asked)  # skip-only's rows are not read again yet
    assert Trace.load(in_kept(asked, "smartbert").trace("test", packed=True)).meta.model == "new"
    assert decide(asked).complete and ("rte", "skip_only", 1) not in decide(asked).taken


def test_the_record_of_a_tasks_data_is_replaced_with_its_runs(asked):
    save(asked)
    data = Results(Path(asked["traces_from"])).task("rte")
    before = data.read_bytes()
    task_data("rte", fit="cut otherwise").write(Results(Path(asked["results"])).task("rte"))
    for name in NAMES:
        shutil.rmtree(made(asked, name).folder)
    save(asked)  # before any run on those data has finished
    assert data.read_bytes() == before and decide(set_in(asked, results="elsewhere")).complete


def test_saving_into_a_folder_of_earlier_stretches_adds(asked):
    for name in ("deebert", "skip_only"):
        shutil.move(made(asked, name).folder, Path(asked["results"]) / f"{name}-later")
    save(asked)
    first = contents(Path(asked["traces_from"]))
    for name in NAMES:
        shutil.rmtree(made(asked, name).folder, ignore_errors=True)
    made(asked, "deebert").folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(Path(asked["results"]) / "deebert-later", made(asked, "deebert").folder)
    save(asked)
    both = contents(Path(asked["traces_from"]))
    assert first.items() <= both.items() and decide(asked).complete
