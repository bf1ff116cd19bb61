"""What is written of a run, on a made-up one: every table and page, of all of it or of a part."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest
from made_up_run import DRAWS, MANIFEST, MEMBERS, SEEDS, TASKS, alone, sources, statistics

from smartbert.errors import UserError
from smartbert.report import partial
from smartbert.report.writing import write_claims, write_figures, write_tables
from smartbert.results import Results


def test_every_task_method_and_point_has_its_row(run):
    table = pd.read_csv(run / "tables" / "glue.csv")
    own = table[(table["space"] == "global") & (table["task"] == "rte")]
    assert set(own["method"]) == set(MEMBERS)
    assert (own.groupby("method")["point"].count() == 5).all()
    assert set(table[table["task"] == "mnli"]["subset"]) == {"matched", "mismatched"}
    empty = own[own["score"].isna()]
    assert len(empty) and empty["status"].str.contains("no setting").all()
    filled = own[own["score"].notna()]
    assert (filled["score_low"] <= filled["score"]).all()
    assert (filled["score"] <= filled["score_high"]).all()


def test_every_table_is_there_in_every_form(run):
    for name in ("glue", "curves", "auc", "differences", "exits", "gates", "published", "sweep"):
        for kind in ("csv", "md", "tex"):
            assert (run / "tables" / f"{name}.{kind}").stat().st_size > 100
    text = (run / "tables" / "glue.md").read_text()
    assert "Made up." in text and "95 % bootstrap" in text and "`flops`" in text


def test_ties_with_the_best_are_bold_too(run):
    differences = statistics(run, "differences")
    table = pd.read_csv(run / "tables" / "glue.csv")
    text = (run / "tables" / "glue.md").read_text().split("## b50")[1].split("##")[0]
    column = [cell.strip() for cell in text.splitlines()[2].split("|")].index("RTE")
    own = table[(table["task"] == "rte") & (table["point"] == "b50") & (table["space"] == "global")]
    own = own[own["score"].notna()].set_index("method")
    best = own["score"].idxmax()
    titles = own["title"].to_dict()
    cells = {
        line.split("|")[1].strip(): line.split("|")[column]
        for line in text.splitlines()[4:]
        if line.startswith("|")
    }
    for method in own.index:
        pair = differences[
            (differences["task"] == "rte")
            & (differences["space"] == "global")
            & (differences["point"] == "b50")
            & (differences["kind"] == "score")
            & (
                ((differences["first"] == best) & (differences["second"] == method))
                | ((differences["first"] == method) & (differences["second"] == best))
            )
        ]
        tied = method == best or ((pair["low"] <= 0) & (pair["high"] >= 0)).any()
        assert ("**" in cells[titles[method]]) == tied


def test_one_tasks_results_stand_alone(run, tmp_path):
    manifest, out = alone("rte"), Results(tmp_path)
    own = sources(run, manifest)
    write_tables(own, manifest, caption="", out=out)
    write_figures(own, manifest, caption="", out=out, cores=2)
    write_claims(own, manifest, caption="", out=out)
    assert set(pd.read_csv(tmp_path / "tables" / "glue.csv")["task"]) == {"rte"}
    assert (tmp_path / "figures" / "rte-trials.png").exists()
    assert (tmp_path / "claims.md").read_text().startswith("# The claims")


def test_only_ablations_of_the_run_are_read(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    old = folder / "ablations" / "rte"
    old.mkdir(parents=True)
    (old / "differences.csv").write_text("of another run")
    write_claims(sources(folder), MANIFEST, caption="", out=Results(folder))
    ablated = replace(MANIFEST, ablated=("rte",))
    with pytest.raises(FileNotFoundError, match=r"points\.csv"):
        write_claims(sources(folder, ablated), ablated, caption="", out=Results(folder))


def test_a_missing_run_is_a_row_with_its_reason_and_the_rest_is_compiled(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr(partial, "write_figures", lambda *_, **__: None)  # slow, and not asked for
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    for seed in SEEDS:
        shutil.rmtree(folder / "runs" / "rte" / "deebert" / f"seed{seed}")
    logs = folder / "logs" / "train"
    logs.mkdir(parents=True)
    (logs / "rte-deebert-1.log").write_text("working\nerror: the loss became nan at step 7\n")
    partial.write_partial(Results(folder), MANIFEST, caption="", **DRAWS)
    table = pd.read_csv(folder / "partial" / "tables" / "glue.csv")
    lost = table[(table["method"] == "deebert") & (table["task"] == "rte")]
    assert list(lost["status"]) == [
        "seed 1: the loss became nan at step 7",
        "seed 2: did not run",
    ]
    assert lost["score"].isna().all()
    text = (folder / "partial" / "tables" / "glue.md").read_text()
    assert "Missing" in text and "became nan" in text
    assert len(table[(table["method"] == "pabee") & (table["task"] == "rte")]) == 5
    with pytest.raises(UserError, match=r"no run in .* has finished"):
        partial.write_partial(Results(tmp_path / "empty"), MANIFEST, caption="", **DRAWS)


def test_a_kill_while_the_rest_is_compiled_leaves_nothing_that_looks_whole(
    run, tmp_path, monkeypatch
):
    folder = tmp_path / "run"
    shutil.copytree(run / "runs", folder / "runs")

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(partial, "write_claims", killed)
    with pytest.raises(KeyboardInterrupt):
        partial.write_partial(Results(folder), alone("rte"), caption="", draws=100, seed=0)
    made = {path.relative_to(folder).parts[0] for path in folder.rglob("*.*")}
    assert made == {"runs", "partial"}  # a later call finds none of it in the run's own places
    for name in ("statistics", "tables", "figures"):
        assert len(list((folder / "partial" / name).glob("**/*.*"))) > 2


@pytest.mark.parametrize("left", ["full_bert", "smartbert"])
def test_what_one_method_left_behind_is_compiled(run, tmp_path, left):
    folder = tmp_path / "run"
    for task in TASKS:
        shutil.copytree(run / "runs" / task / left, folder / "runs" / task / left)
    partial.write_partial(Results(folder), MANIFEST, caption="", draws=100, seed=0)
    out = folder / "partial"
    table = pd.read_csv(out / "tables" / "glue.csv")
    assert set(table[table["status"] == "ok"]["method"]) == {left}
    assert (out / "figures" / "glue.png").exists() and (out / "claims.md").exists()
    # A later call of the workflow must not take them for its own.
    assert not any((folder / name).exists() for name in ("statistics", "tables", "figures"))
