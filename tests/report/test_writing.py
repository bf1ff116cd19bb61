"""What is written of a run, on a made-up one: every table and page, of all of it or of a part."""

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_up import TITLES
from made_up_run import DRAWS, MANIFEST, MEMBERS, SEEDS, TASKS, alone, sources, statistics

from smartbert.analysis.statistics import MOST_LOST
from smartbert.errors import UserError
from smartbert.points import CERTIFIED, FIXED, MAIN, POINTS, SETTLED
from smartbert.report import partial
from smartbert.report.writing import write_claims, write_figures, write_tables
from smartbert.results import Results

WITH_EXITS = {"smartbert", "deebert", "pabee", "exit_only"}


def glue(run: Path, **keys: str) -> pd.DataFrame:
    """Return the rows of the main table that have these keys."""
    table = pd.read_csv(run / "tables" / "glue.csv")
    table["subset"] = table["subset"].fillna("")
    for key, value in keys.items():
        table = table[table[key] == value]
    return table


def cells(run: Path, name: str, heading: str, column: str) -> dict[str, str]:
    """Return a column of a section's table on a page, by method."""
    sections = (run / "tables" / f"{name}.md").read_text().split("\n## ")
    text = next(section for section in sections if section.startswith(heading))
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    place = lines[0].index(column)
    return {line[0]: line[place] for line in lines[2:]}


def test_every_task_method_and_point_has_its_row(run):
    own = glue(run, space=MAIN, task="rte")
    assert set(own["method"]) == set(MEMBERS)
    for _, rows in own.groupby("method"):
        assert list(rows["point"]) == list(POINTS)
    assert set(glue(run, task="mnli")["subset"]) == {"matched", "mismatched"}
    empty = own[own["score"].isna()]
    assert len(empty) and empty["status"].str.contains("no setting|none certified").all()
    filled = own[own["score"].notna()]
    assert (filled["score_low"] <= filled["score"]).all()
    assert (filled["score"] <= filled["score_high"]).all()
    fixed = glue(run, space=FIXED, task="rte")
    assert set(fixed["method"]) == WITH_EXITS
    for _, rows in fixed.groupby("method"):
        assert set(rows["point"]) == {*POINTS, SETTLED} - {CERTIFIED}


def test_every_table_is_there_in_every_form(run):
    for name in ("glue", "curves", "auc", "differences", "exits", "gates", "published", "sweep"):
        for kind in ("csv", "md", "tex"):
            assert (run / "tables" / f"{name}.{kind}").stat().st_size > 100
    text = (run / "tables" / "glue.md").read_text()
    assert "Made up." in text and "95 % interval" in text and "`flops`" in text
    assert "choice on tune" in text and "ratio of the sums" in text


def test_fixed_exits_and_deeberts_thresholds_per_layer_stand_in_the_main_sections(run):
    beside = {f"{TITLES.get(name, name)}, fixed exit" for name in WITH_EXITS}
    beside |= {"deebert, thresholds per layer"}
    methods = {TITLES.get(name, name) for name in MEMBERS}
    for heading, column in (("b75", "MNLI (matched)"), ("b50", "RTE")):
        found = set(cells(run, "glue", heading, column))
        assert beside < found <= beside | methods
    # At full depth no setting is searched.
    assert set(cells(run, "glue", "full", "RTE")) == methods
    text = (run / "tables" / "auc.md").read_text()
    main = text.split("## ")[1]
    assert main.startswith("the parameter that each method publishes")
    assert all(f"| {title} " in main for title in beside)
    curves = (run / "tables" / "curves.md").read_text().split("## ")[1]
    assert all(f"| {title} " in curves for title in beside)
    # Where thresholds per layer are searched by everybody there is nothing beside.
    layered = text.split("## one exit threshold per layer")[1]
    assert "fixed exit" not in layered and "thresholds per layer" not in layered


def test_settled_is_a_section_of_its_own(run):
    found = cells(run, "glue", "settled", "RTE")
    assert set(found) == {TITLES.get(name, name) for name in WITH_EXITS}
    own = glue(run, point=SETTLED, task="rte").set_index("title")
    for title, cell in found.items():
        assert cell.startswith(f"{own.loc[title, 'score']:.1f} [")
        assert cell.endswith(f"] {own.loc[title, 'cost_relative']:.0%}")
    assert "not a method" in (run / "tables" / "glue.md").read_text()


def test_a_cell_has_score_interval_optimism_and_both_costs(run):
    found = cells(run, "glue", "b50", "RTE")
    own = glue(run, point="b50", task="rte", space=MAIN).set_index("title")
    scores = [pd.read_csv(path) for path in run.glob("runs/rte/*/seed*/scores.csv")]
    scores = pd.concat(scores).query("point == 'b50' and space == @MAIN")
    means = scores.groupby("title")[["tune_score", "score", "cost_relative", "cost_total"]].mean()
    shown = own[own["score"].notna()]
    assert len(shown) >= 4
    for title, row in shown.iterrows():
        mean = means.loc[title]
        assert row["optimism"] == pytest.approx(mean["tune_score"] - mean["score"], abs=1e-4)
        assert row["cost_total"] == pytest.approx(mean["cost_total"], abs=1e-5)
        costs = f"{mean['cost_relative']:.0%}/{mean['cost_total']:.0%}"
        interval = f"[{row['score_low']:.1f}, {row['score_high']:.1f}]"
        expected = f"{row['score']:.1f} {interval} ({row['optimism']:+.1f}) {costs}"
        assert found[title].strip("*") == expected
    assert (means["cost_relative"] != means["cost_total"]).any()


def test_what_draws_and_seeds_lack_is_said_in_the_cell(run):
    found = cells(run, "glue", "drop1", "RTE")
    own = glue(run, point="drop1", task="rte", space=MAIN).set_index("title")
    partial = own[(own["seeds"] == 1) & (own["none"] > MOST_LOST)]
    assert len(partial)
    for title, row in partial.iterrows():
        assert "[–, " in found[title]
        assert f", none in {row['none']:.0%}, 1 of 2 seeds" in found[title]


def test_ties_with_the_best_are_bold_too(run):
    differences = statistics(run, "differences")
    found = cells(run, "glue", "b50", "RTE")
    own = glue(run, task="rte", point="b50", space=MAIN)
    own = own[own["score"].notna()].set_index("method")
    best = own["score"].idxmax()
    titles = own["title"].to_dict()
    for method in own.index:
        pair = differences[
            (differences["task"] == "rte")
            & (differences["space"] == MAIN)
            & (differences["point"] == "b50")
            & (differences["kind"] == "score")
            & (
                ((differences["first"] == best) & (differences["second"] == method))
                | ((differences["first"] == method) & (differences["second"] == best))
            )
        ]
        tied = method == best or ((pair["low"] <= 0) & (pair["high"] >= 0)).any()
        assert ("**" in found[titles[method]]) == tied


def test_the_claims_begin_with_one_table_of_verdicts(run):
    text = (run / "claims.md").read_text()
    lead = text.split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in lead.splitlines() if line.startswith("|")]
    head, _, *verdicts = [[cell.strip() for cell in row] for row in rows]
    assert head == ["claim", "verdict", "decided by", "what would change it"]
    assert lead.index("| claim") < lead.index("*Supported*")
    numbers = [row[0].split(".")[0] for row in verdicts]
    assert numbers == ["1", "2", "2", "3", "4", "5", "6", "7", "8", "9"]
    assert verdicts[2][0].endswith("as released") and verdicts[7][0].endswith("(ours)")
    table = pd.read_csv(run / "claims.csv")
    heads = table[table["what"].isin(["overall", "overall, as released"])].sort_values("claim")
    assert [row[1] for row in verdicts] == heads["verdict"].tolist()
    assert all(row[3] for row in verdicts)


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
    kept = table[(table["method"] == "pabee") & (table["task"] == "rte")]
    assert list(kept[kept["space"] == MAIN]["point"]) == list(POINTS)
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
