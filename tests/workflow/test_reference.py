"""The kept results can be read and compared; the notebooks say what they say."""

import json
import re
import shutil

import pandas as pd
import pytest
from conftest import ROOT

from smartbert.errors import UserError
from smartbert.manifest import REFERENCE
from smartbert.points import MAIN
from smartbert.report.notebook import Run
from smartbert.report.table_pages import glue_page
from smartbert.tasks import TASKS
from workflow.scripts.notebook import cells, executed
from workflow.scripts.reference import compare, main

KEPT = ROOT / "results" / "reference" / "minilm"
TEMPLATES = sorted((ROOT / "workflow" / "notebooks").glob("*.py"))


@pytest.fixture
def two(tmp_path):
    """A small run and a kept copy of it."""
    run, kept = tmp_path / "run", tmp_path / "kept"
    (run / "tables").mkdir(parents=True)
    (run / "runs/rte/smartbert/seed1").mkdir(parents=True)
    (run / "tables/glue.csv").write_text("task,score\nrte,55.234657\nmrpc,\n")
    (run / "runs/rte/smartbert/seed1/points.json").write_text('{"a": [1.0, {"b": "x"}]}')
    shutil.copytree(run, kept)
    return run, kept


def test_a_run_equals_its_copy_up_to_the_last_digits(two):
    run, kept = two
    assert compare(run, kept) == 2
    (run / "tables/glue.csv").write_text("task,score\nrte,55.234658\nmrpc,\n")
    assert compare(run, kept) == 2


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("tables/glue.csv", "task,score\nrte,55.3\nmrpc,\n", "line 2: 55.3, kept is 55.234657"),
        ("tables/glue.csv", "task,score\nrte,55.234657\n", "4 values, kept are 6"),
        ("tables/glue.csv", "task,score\nrtf,55.234657\nmrpc,\n", "line 2: rtf, kept is rte"),
        ("runs/rte/smartbert/seed1/points.json", '{"a": [1.0, {"b": "y"}]}', ".a.1.b: y, kept is"),
        ("tables/new.csv", "a\n", "tables/new.csv: not kept"),
    ],
)
def test_a_difference_is_named_with_its_place(two, file, text, message):
    run, kept = two
    (run / file).write_text(text)
    with pytest.raises(UserError, match=r"1 of \d files differ") as error:
        compare(run, kept)
    assert message in str(error.value)


def test_the_explorer_is_saved_and_the_report_is_not(two, capsys):
    run, kept = two
    for name in ("explorer.html", "report.html"):
        (run / name).write_text("<!doctype html>")
    main(["save", str(run), str(kept)])
    assert (kept / "explorer.html").exists() and not (kept / "report.html").exists()


def test_each_action_takes_its_own_number_of_folders(two):
    run, kept = two
    with pytest.raises(UserError, match="save takes two folders"):
        main(["save", str(run)])
    with pytest.raises(UserError, match="explore takes one folder"):
        main(["explore", str(run), str(kept)])


def test_nothing_to_compare_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has no tables to compare"):
        main(["compare", str(tmp_path / "empty"), str(KEPT)])


def test_the_kept_run_can_be_read():
    run = Run(KEPT)
    assert {"rte", "mrpc", "sst2"} <= set(run.tasks) and run.convention == "flops"
    about = run.about()
    assert list(about["test"])[run.tasks.index("rte")] == 277 and (about["seeds"] >= 1).all()
    assert "SmartBERT" in run.at("b50").index
    # What only some of the seeds have says so.
    assert run.at("drop1").loc["SmartBERT", "CoLA"].endswith(", 1 of 3 seeds")
    beside = run.manifest.beside
    page = glue_page(run.glue, run.table("differences"), caption="", beside=beside).markdown()
    assert re.search(r"\| SmartBERT .* 56%/57%, none in 36%, 1 of 3 seeds", page)
    assert set(run.verdicts()["verdict"]) <= {
        "supported", "not supported", "inconclusive", "not testable", "not measured"
    }  # fmt: skip
    assert len(run.evidence(1)) >= 3
    shown = run.evidence(6)
    assert not shown.isna().any().any() and not shown["value"].str.contains("nan").any()
    scores = pd.DataFrame(run.evaluation("rte", "smartbert", seed=2).scores())
    kept = pd.read_csv(run.files("rte", "smartbert", seed=2).table("scores"))
    both = scores.merge(kept, on=["space", "point", "convention"], suffixes=("", "_kept"))
    assert len(both) == len(scores) >= 10
    for name in ("score", "cost_relative", "layers"):
        assert both[name].to_numpy() == pytest.approx(
            both[f"{name}_kept"].to_numpy(), abs=2e-6, nan_ok=True
        )


def test_the_kept_ablation_can_be_read():
    run = Run(KEPT)
    table = run.ablation("rte")
    auc = run.table("auc")
    own = auc[(auc[["task", "method", "space"]] == ["rte", "smartbert", MAIN]).all(axis=1)]
    assert table["method"].iloc[0] == "smartbert" and set(table["seeds"]) == {3}
    assert table["auc"].iloc[0] == pytest.approx(own["auc"].item(), abs=1e-6)
    assert list(run.changes("rte")["variant"]) == list(table["title"])
    assert run.sensitivity("rte").groupby("weight")["seed"].nunique().ge(3).all()
    with pytest.raises(UserError, match=r"unknown task 'wnli'.*known: .*rte"):
        run.ablation("wnli")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ret", "smartbert"), "unknown task 'ret' (did you mean 'rte'?)"),
        (("rte", "smart"), "unknown method 'smart'"),
    ],
)
def test_what_is_not_there_is_named(words, message):
    with pytest.raises(UserError) as error:
        Run(KEPT).trace(*words)
    assert message in str(error.value)


def test_a_folder_without_tables_is_no_run(tmp_path):
    with pytest.raises(UserError, match=r"no finished run: it has no tables/glue.csv"):
        Run(tmp_path)


def test_the_kept_files_tell_nothing_of_a_machine():
    for path in [*KEPT.rglob("*.json"), *KEPT.rglob("*.csv"), *KEPT.rglob("*.md")]:
        text = path.read_text()
        assert "/home/" not in text and "/tmp/" not in text and "/work/" not in text, path


def texts(notebook: dict) -> list:
    """Return the cells with their outputs, pictures left out (fonts differ between machines)."""
    found = []
    for cell in notebook["cells"]:
        said: list[str | dict] = []
        for output in cell.get("outputs", []):
            if text := "".join(output.get("text", "")):
                # A slow kernel sends in parts what a quick one sends at once.
                before = said.pop() if said and isinstance(said[-1], str) else ""
                said.append(f"{before}{text}")
            else:
                data = output.get("data", {})
                said.append({k: v for k, v in data.items() if "image" not in k})
        found += [cell["source"], *said]
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_committed_notebook_is_what_its_template_makes_of_the_kept_results(template):
    source = template.read_text() + "\n# %%\nassert 'torch' not in sys.modules\n"
    made = json.loads(executed(source, ROOT / "notebooks", template.name))
    committed = json.loads((ROOT / "notebooks" / f"{template.stem}.ipynb").read_text())
    assert texts(made)[:-1] == texts(committed)
    whole = json.dumps(committed)
    assert "/tmp/" not in whole and "/home/" not in whole and str(ROOT) not in whole
    assert "execution" not in json.dumps([c["metadata"] for c in committed["cells"]])


def test_readmes_table_is_of_the_kept_results():
    points = pd.read_csv(KEPT / "tables" / "points.csv")
    points = points[(points["space"] == MAIN) & (points["subset"].fillna("") != "mismatched")]
    point = points["method"].map(lambda method: "full" if method == REFERENCE else "b50")
    kept = points[points["point"] == point].set_index(["title", "task"])
    rows = re.findall(r"^\| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    rows = [row.split(" | ") for row in rows if row.count(" | ") == len(TASKS)]
    assert rows[0][1:] == [task.title for task in TASKS.values()]
    assert [row[0] for row in rows[1:3]] == ["BERT", "SmartBERT"]
    for title, *scores in rows[1:]:
        for name, cell in zip(TASKS, scores, strict=True):
            row = kept.loc[title, name]
            if cell == "–":
                assert row["seeds"] == 0
                continue
            score, few, cost = re.fullmatch(r"([\d.]+)(\*?)(?: \((\d+) %\))?", cell).groups()
            assert score == f"{row['score']:.1f}"
            assert bool(few) == (row["seeds"] < kept.loc["BERT", name]["seeds"])
            assert cost == (None if title == "BERT" else f"{100 * row['cost']:.0f}")


def test_a_template_is_cut_into_cells():
    found = cells("# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nx = 1\n\nx\n")
    assert [(c.cell_type, c.source) for c in found] == [
        ("markdown", "# Title\n\nText."),
        ("code", "x = 1\n\nx"),
    ]


def test_a_failing_cell_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"notebook x.py: a cell failed: ValueError: no"):
        executed("# %%\nraise ValueError('no')\n", tmp_path, "x.py")
