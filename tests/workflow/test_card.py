"""What `make card` does, small and on a CPU: each part's table, the page of them, what failed."""

import json
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from conftest import ROOT
from speed import card, card_library, card_times, card_training
from speed.card_decisions import bert, compared, decisions
from speed.card_library import Library, logits
from speed.card_page import page
from speed.card_recording import recording
from speed.card_setting import (
    BERT,
    CAPTURED,
    COLUMNS,
    COMPILED,
    ENGINE,
    FULL,
    LIBRARY,
    PARTS,
    SIZES,
    SPREAD,
    Report,
    Setting,
)
from transformers import BertForSequenceClassification

from smartbert.files import write_rows, write_text
from smartbert.methods import Progress
from smartbert.policies import Decisions

TINY = replace(
    SIZES["tiny"], examples=20, batches=(1, 2), streams=(2,), rounds=1, fit=16, seconds=0.05,
    recorded=8, processes=(1,),
)  # fmt: skip


@dataclass(frozen=True)
class Pretended(Setting):
    """A CPU with a card's contenders; what would be captured and compiled is called."""

    @property
    def card(self) -> bool:
        return True


def told(part, setting: Setting, name: str, seconds: float = 60.0) -> list[dict]:
    """Run a part; return its rows, none of which has a column that its table lacks."""
    rows: list[dict] = []
    part(setting, Report(lambda said: rows.append(said[1]) if said[0] == "row" else None),
         time.monotonic() + seconds)  # fmt: skip
    assert rows and all(set(row) <= set(COLUMNS[name]) for row in rows)
    return rows


def test_decisions_of_float32_are_the_hosts():
    rows = told(decisions, Setting(TINY, "cpu"), "decisions")
    assert len(rows) == 2 * 2 * 2 * 2 and not any("failed" in row for row in rows)
    assert all(row["differ"] == 0 for row in rows if row["dtype"] == "fp32")
    assert all(row["skipped"] > 0 for row in rows if row["skipping"])
    assert all(0.3 < row["early"] < 1 for row in rows if row["rule"] == "entropy")


def test_another_decision_is_counted():
    whole = np.ones((3, 2), dtype=bool)
    host = Decisions(np.zeros((3, 2)), np.array([2, 2, 1]), np.array([False, False, True]), whole)
    other = replace(
        host, exit_layer=np.array([1, 2, 1]), logits=np.array([[9.0, 9], [0, 1], [0, 0]])
    )
    assert compared(host, host)["differ"] == 0
    found = compared(host, other)
    assert found["differ"] == 1 and found["share"] == pytest.approx(1 / 3) and found["apart"] == 1


def test_all_contenders_are_timed_and_one_that_fails_is_told(monkeypatch):
    class Called(card_library.Captured):
        def __call__(self, key, function, held):
            assert key[1] % card_library.WIDTHS == 0
            return function(held)

    def broken(model):
        raise RuntimeError("no compiler\nat all")

    monkeypatch.setattr(card_library, "Captured", Called)
    monkeypatch.setattr(card_times, "compiled", lambda model: lambda held: broken(model))
    monkeypatch.setattr(card_times, "LEAST", 1)
    monkeypatch.setattr(card_times, "DTYPES", {"fp32": torch.float32})
    rows = told(card_times.times, Pretended(TINY, "cpu"), "times", seconds=0.0)
    for batch in ("1", "2", "stream of 2"):
        own = {row["contender"]: row for row in rows if row["batch"] == batch}
        assert {LIBRARY, CAPTURED, COMPILED, ENGINE, FULL, SPREAD} < set(own) and len(own) == 10
        assert own.pop(COMPILED)["failed"] == "RuntimeError: no compiler"
        assert all(row["milliseconds"] > 0 for row in own.values())
        assert own[ENGINE]["flops"] == pytest.approx(1) and own[FULL]["flops"] > 1


def test_the_library_answers_alike_with_its_mask_spelt_out():
    torch.manual_seed(0)
    model = BertForSequenceClassification(bert(TINY)).eval()
    examples = card_times.examples_for(replace(TINY, window=4), 4, stream=False)
    plain, own = Library(model), Library(model, lambda held: logits(model, held))
    np.testing.assert_allclose(own.run(examples).logits, plain.run(examples).logits, atol=1e-6)


def test_a_stream_answers_in_its_order():
    torch.manual_seed(0)
    model = BertForSequenceClassification(bert(TINY)).eval()
    examples = card_times.examples_for(replace(TINY, window=3), 3, stream=True)
    found = card_times.Streamed(Library(model), 2).run(examples)
    np.testing.assert_allclose(found.logits, Library(model).run(examples).logits, atol=1e-6)


def test_steps_are_counted_between_the_first_and_the_last_of_a_stretch():
    found = []
    watch = card_training.Watch(iter([0.05]), lambda *said: found.append(said), 2, "cpu")
    with suppress(card_training.Over):
        for step in range(1, 1000):
            time.sleep(0.01)
            watch(Progress(1, step, 1000))
    ((steps, seconds, warm_up),) = found
    assert 1 <= steps <= 5 and 0.05 <= seconds < 1 and warm_up >= 0.03
    assert steps / seconds <= 100


@pytest.mark.parametrize("method", [BERT, "LayerDrop"])
def test_steps_of_both_paths_are_counted(method, tmp_path):
    card_training.prepared(Setting(TINY, "cpu"), tmp_path)

    def part(setting, report, end):
        card_training.paths(setting, report, method, tmp_path)

    rows = told(part, Setting(TINY, "cpu"), "training")
    assert [row["path"] for row in rows] == ["card", "plain"]
    assert all(row["steps"] >= 1 and row["rate"] > 0 and not row["captured"] for row in rows)


@pytest.mark.slow
def test_trainings_side_by_side_are_counted_together(tmp_path):
    setting = Setting(replace(TINY, processes=(1, 2)), "cpu")
    card_training.prepared(setting, tmp_path)

    def part(setting, report, end):
        card_training.side_by_side(setting, report, tmp_path, end=end)

    rows = told(part, setting, "training", seconds=300.0)
    assert [row["processes"] for row in rows] == [1, 2]
    assert rows[0]["rate"] == rows[0]["slowest"] and rows[1]["rate"] > rows[1]["slowest"] > 0


def test_recording_is_counted_with_gates_and_without():
    rows = told(recording, Setting(TINY, "cpu"), "recording")
    assert [row["thresholds"] > 1 for row in rows] == [False, True]
    assert rows[0]["paths"] == 1 and rows[1]["paths"] > 1


def test_a_part_without_time_says_so_in_its_table_and_on_the_page(tmp_path, capsys):
    words = ["--device", "cpu", "--parts", "recording,decisions", "--minutes", "0.14"]
    with pytest.raises(SystemExit) as left:
        card.main([*words, "--out", str(tmp_path)])
    assert left.value.code == 1
    for part in ("recording", "decisions"):
        head, row = (tmp_path / f"{part}.csv").read_text().splitlines()
        assert head.split(",") == list(COLUMNS[part]) and "out of time" in row
    made = json.loads((tmp_path / card.PROVENANCE).read_text())
    assert set(made) == {"recording", "decisions"} and made["decisions"]["size"] == "tiny"
    text = (tmp_path / card.PAGE).read_text()
    assert text.count("- out of time; what was measured before stands") == 2
    assert "s left] recording: out of time" in capsys.readouterr().out


def test_a_part_that_cannot_run_says_why(tmp_path):
    part = card.Part("no such part", Setting(TINY, "cpu"))
    rows, _ = part.rows(time.monotonic() + 120, end=time.monotonic() + 120)
    assert rows == [{"failed": "KeyError: 'no such part'"}]


def test_a_part_whose_process_dies_says_so():
    part = card.Part("recording", Setting(TINY, "cpu"))
    part.process.kill()
    rows, _ = part.rows(time.monotonic() + 120, end=time.monotonic() + 120)
    assert rows == [{"failed": "its process ended with status -9"}]


def table(folder, part: str, *rows: dict) -> None:
    """Write a part's table and that it was measured on a card."""
    write_rows(rows, folder / f"{part}.csv", columns=COLUMNS[part])
    versions = {"torch": "2", "transformers": "5"}
    made = {"size": "base", "on": "cuda", "commit": None, "versions": versions, "device": "A Card"}
    path = folder / card.PROVENANCE
    before = json.loads(path.read_text()) if path.exists() else {}
    write_text(path, json.dumps({**before, part: {**made, "cores": 16}}))


def timed(batch: str, contender: str, milliseconds: float) -> dict:
    return {"dtype": "bf16", "batch": batch, "contender": contender, "examples": 1, "rounds": 1,
            "milliseconds": milliseconds, "flops": 1.0}  # fmt: skip


def test_ratios_are_to_the_faster_reference_and_goals_are_judged(tmp_path):
    times = [
        timed("128", LIBRARY, 20.0), timed("128", CAPTURED, 10.0), timed("128", COMPILED, 8.0),
        timed("128", SPREAD, 5.0), timed("128", FULL, 9.3),
        {"dtype": "bf16", "batch": "32", "failed": "RuntimeError: no memory"},
    ]  # fmt: skip
    table(tmp_path, "times", *times)
    train = {"method": BERT, "path": "card", "captured": True, "steps": 9, "warm_up": 1.0}
    side = [{"processes": 1, "rate": 210.0, "slowest": 210.0},
            {"processes": 4, "rate": 300.0, "slowest": 70.0}]  # fmt: skip
    table(tmp_path, "training", {**train, "rate": 201.0}, *side)
    text = page(tmp_path)
    goals = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()
             if line.startswith("|")]  # fmt: skip
    judged = {(goal[0], goal[1]): goal[3:] for goal in goals if len(goal) == 6}
    assert judged["exits spread (6.5 of 12 layers)", "128"] == ["0.62", "", "met"]
    assert judged["full depth, with exits and gates", "128"] == ["1.16", "", "missed"]
    assert judged["dense engine", "128"] == ["", "", "not measured"]
    assert "2 of 3 goals that were measured are met" in text.replace("\n", " ")
    assert "4 trainings side by side do most: 300 steps" in text.replace("\n", " ")
    assert "- bf16, 32: RuntimeError: no memory" in text and "20.00 (2.50)" in text
    assert text.index("goals that were measured") < text.index("make card")


def test_the_committed_page_is_that_of_the_committed_tables():
    kept = ROOT / "results" / "reference" / "card"
    text = (ROOT / "docs" / "card.md").read_text()
    assert text == page(kept)
    assert ("Not measured since decisions moved to the device" in text) == (not kept.exists())


def test_every_part_has_a_module_and_a_share():
    assert set(card.MODULES) == set(card.SHARES) == set(PARTS)
    assert sum(card.SHARES.values()) == pytest.approx(1)


def test_the_target_installs_nothing():
    words = [
        "make",
        "--no-print-directory",
        "--dry-run",
        "--always-make",
        "card",
        "VENV=/nowhere",
        "PYTHON=own-python",
    ]
    words += ["DEVICE=cpu", "PARTS=times,training", "MINUTES=3"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = said.splitlines()
    assert "own-python -m speed.card --device cpu --parts times,training --minutes 3" in line
    assert "/nowhere" not in line and "pip" not in line
