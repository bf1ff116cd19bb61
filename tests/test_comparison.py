"""From traces to tables and claims, on made-up runs: curves, auc, differences, statuses."""

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from conftest import loads
from made_up import METHODS, made_up

from smartbert.ablation import ablation_page
from smartbert.claims import Evidence, claims_markdown, claims_table, judge, together
from smartbert.comparison import BUDGETS, Comparison, affordable, auc_weights, median_over_tasks
from smartbert.errors import UserError
from smartbert.evaluation import Evaluation, published_sweep
from smartbert.files import write_text
from smartbert.tables import concat, turned
from smartbert.trace import Trace
from workflow.scripts import (
    ablate,
    claims,
    compare,
    evaluate,
    figures,
    partial,
    reference,
    tables,
    tune,
)

MEMBERS = {m: [m] for m in METHODS} | {"truncated_bert": ["truncated_bert_2", "truncated_bert_4"]}
SEEDS = (1, 2)
TASKS = ("rte", "mnli")
SPACES = ["global", "per_layer"]
MANIFEST = {
    "seeds": {t: list(SEEDS) for t in TASKS},
    "methods": MEMBERS,
    "titles": {},
    "spaces": SPACES,
    "ancestors": None,
    "ablated": [],
}
TUNING = {
    "trials": 40,
    "sampler": "nsga2",
    "seed": 0,
    "spaces": SPACES,
    "storage": None,
}


def record(folder: Path, task: str, member: str, seed: int, **changes) -> None:
    depth = int(member[-1]) if member[-1].isdigit() else 6
    own = folder / "runs" / task / member / f"seed{seed}"
    own.mkdir(parents=True, exist_ok=True)
    for split in ("tune", "test"):
        trace = made_up(task, member, seed=seed, split=split, depth=depth, **changes)
        trace.save(own / f"trace-{split}.safetensors")


def traces(folder: Path, task: str, members: list[str], seed: int, split: str) -> list[str]:
    own = folder / "runs" / task
    return [str(own / m / f"seed{seed}" / f"trace-{split}.safetensors") for m in members]


def tune_words(folder: Path, task: str, method: str, seed: int) -> list[str]:
    members = MEMBERS[method]
    own = folder / "runs" / task / method / f"seed{seed}"
    labels = [f"{m[-1]} layers" if len(members) > 1 else "" for m in members]
    return [
        *("--task", task, "--method", method, "--seed", str(seed), "--run", "made-up"),
        *("--members", *members, "--labels", *labels),
        *("--traces", *traces(folder, task, members, seed, "tune")),
        *("--dense", *traces(folder, task, ["full_bert"], seed, "tune")),
        *("--data", str(folder / "data" / task / "task.json"), "--convention", "flops"),
        *("--settings", json.dumps(TUNING)),
        *("--points", str(own / "points.json"), "--trials", str(own / "trials.csv")),
    ]


def compare_words(folder: Path, task: str, methods: dict = MEMBERS) -> list[str]:
    out = folder / "statistics" / task
    out.mkdir(parents=True, exist_ok=True)
    return [
        *("--task", task, "--runs", str(folder / "runs"), "--methods", json.dumps(methods)),
        *("--seeds", *map(str, SEEDS), "--settings", '{"draws": 200, "seed": 0}'),
        *("--out", str(out)),
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A whole made-up run: two tasks, two seeds, all methods."""
    folder = tmp_path_factory.mktemp("run")
    for task in TASKS:
        data = folder / "data" / task
        data.mkdir(parents=True)
        splits = {"splits": {"tune": {"sha256": f"data of {task} tune"}}}
        (data / "task.json").write_text(json.dumps(splits))
        for seed in SEEDS:
            for members in MEMBERS.values():
                for member in members:
                    record(folder, task, member, seed)
            for method, members in MEMBERS.items():
                own = folder / "runs" / task / method / f"seed{seed}"
                own.mkdir(parents=True, exist_ok=True)
                tune.main(tune_words(folder, task, method, seed))
                test = traces(folder, task, members, seed, "test")
                words = ["--points", str(own / "points.json"), "--traces", *test]
                evaluate.main([*words, "--out", str(own)])
        compare.main(compare_words(folder, task))
    tables.write_tables(folder, MANIFEST, caption="Made up.", partial=False)
    claims.write_claims(folder, MANIFEST, caption="Made up.")
    return folder


def statistics(run: Path, name: str) -> pd.DataFrame:
    return concat(pd.read_csv(run / "statistics" / t / f"{name}.csv") for t in TASKS)


def test_affordable_settings_are_a_step_function():
    steps = affordable([0.3, 0.5, 0.9])
    read = dict(zip(BUDGETS, steps, strict=True))
    assert [read[b] for b in (0.25, 0.29, 0.3, 0.49, 0.5, 0.89, 0.9, 1.0)] == [
        *(-1, -1, 0, 0, 1, 1, 2, 2)
    ]


def test_auc_weighs_each_setting_by_the_budgets_it_wins():
    assert auc_weights([0.1, 0.4, 0.7]) == pytest.approx([0.2, 0.4, 0.4])
    assert auc_weights([0.5]) == pytest.approx([0.5 / 0.75])
    assert auc_weights([1.2]) == pytest.approx([0])
    assert auc_weights([0.1, 0.2]) == pytest.approx([0, 1])


def test_auc_is_the_mean_of_the_curve(run):
    auc, bands = statistics(run, "auc"), statistics(run, "bands")
    checked = 0
    for row in auc.itertuples():
        own = bands[
            (bands["task"] == row.task)
            & (bands["method"] == row.method)
            & (bands["space"] == row.space)
            & (bands["subset"].fillna("") == (row.subset if isinstance(row.subset, str) else ""))
        ]
        if own["score"].notna().all():  # no majority class in it
            assert row.auc == pytest.approx(own["score"].mean(), abs=1.5)
            checked += 1
    assert checked


def test_a_difference_is_that_of_the_points(run):
    points, differences = statistics(run, "points"), statistics(run, "differences")
    points = points[points["space"] == "global"].set_index(["task", "subset", "method", "point"])
    rows = differences[(differences["space"] == "global") & (differences["kind"] == "score")]
    rows = rows[rows["point"].isin(["full", "b75"]) & (rows["seeds"] == len(SEEDS))]
    assert len(rows)
    for row in rows.itertuples():
        first, second = (
            points.loc[row.task, row.subset, m, row.point] for m in (row.first, row.second)
        )
        assert row.difference == pytest.approx(first["score"] - second["score"], abs=1e-4)
        assert row.low <= row.difference <= row.high
        assert 0 <= row.probability <= 1


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


def test_points_do_not_change_when_test_does(run, tmp_path):
    """Tuning reads nothing of test: with a corrupted test trace the same thresholds come out."""
    words = tune_words(run, "rte", "smartbert", 1)
    test = Path(traces(run, "rte", ["smartbert"], 1, "test")[0])
    whole, points = test.read_bytes(), Path(words[words.index("--points") + 1])
    before = points.read_bytes()
    try:
        test.write_bytes(b"nothing of use")
        tune.main(words)
    finally:
        test.write_bytes(whole)
    assert points.read_bytes() == before


def test_usage_adds_up(run):
    usage = pd.read_csv(run / "tables" / "usage.csv")
    keys = ["task", "method", "seed", "space", "point", "label"]
    assert usage.groupby(keys)["exit"].sum().to_numpy() == pytest.approx(1, abs=1e-4)
    first = usage[usage["layer"] == 1]
    assert (first["ran"] + first["skipped"]).to_numpy() == pytest.approx(1, abs=1e-4)
    assert {"entailment", "not_entailment", "all"} <= set(usage["label"])


def test_length_bins_hold_every_example(run):
    lengths = pd.read_csv(run / "tables" / "lengths.csv")
    own = lengths[(lengths["method"] == "full_bert") & (lengths["point"] == "full")]
    assert (own.groupby(["task", "seed"])["examples"].sum() == 120).all()
    assert own["flops"].to_numpy() == pytest.approx(own["dense"].to_numpy())
    assert (own["low"] <= own["length"]).all() and (own["length"] <= own["high"]).all()


def test_an_ablation_is_the_paired_change_against_the_method(run, tmp_path):
    words = compare_words(run, "rte")
    words = [*words[: words.index("--out")], "--out", str(tmp_path)]
    (tmp_path / "rte").mkdir()
    variants = ["exit_only", "skip_only"]
    ablate.main([*words, "--variants", *variants, "--weights", '{"skip_only": 0.04}'])
    table = pd.read_csv(tmp_path / "rte.csv")
    assert list(table["title"]) == ["SmartBERT", "thresholds per layer", "exit_only", "Skip-only"]
    assert list(table["method"])[2:] == variants
    own, changes = table.iloc[0], table.iloc[1:].set_index("method")
    pairs = statistics(run, "differences")
    pairs = pairs[(pairs["task"] == "rte") & (pairs["space"] == "global")]
    (pair,) = pairs[
        (pairs["first"] == "smartbert")
        & (pairs["second"] == "exit_only")
        & (pairs["point"] == "auc")
    ].itertuples()
    assert changes.loc["exit_only", "auc"] == pytest.approx(-pair.difference, abs=1e-4)
    assert changes.loc["exit_only", "auc_low"] == pytest.approx(-pair.high, abs=1e-4)
    points = statistics(run, "points")
    cost = points[
        (points["task"] == "rte")
        & (points["method"] == "smartbert")
        & (points["space"] == "global")
        & (points["point"] == "drop1")
    ]["cost"].iloc[0]
    assert own["saving"] == pytest.approx(100 * (1 - cost), abs=1e-3)
    assert own["saving_low"] <= own["saving"] <= own["saving_high"]
    assert set(table["auc_seeds"]) == {2} and own["saving_seeds"] == 2
    assert np.isnan(changes.loc["exit_only", "skipped"]) and 0 < own["skipped"] < 1
    page = ablation_page(table.assign(b50_seeds=1), subject="SmartBERT", caption="")
    assert all(cell.endswith(", 1 of 2 seeds") for cell in page.sections[0].frame["score at b50"])
    lambdas = pd.read_csv(tmp_path / "rte-lambda.csv")
    assert list(lambdas["weight"]) == [0.04, 0.04] and lambdas["dense"].notna().all()
    for name in ("rte.md", "rte.tex", "rte.png", "rte.pdf", "rte-lambda.png"):
        assert (tmp_path / name).stat().st_size > 500


def test_one_tasks_results_stand_alone(run, tmp_path):
    manifest = {**MANIFEST, "seeds": {"rte": list(SEEDS)}}
    tables.write_tables(run, manifest, caption="", out=tmp_path)
    figures.write_figures(run, manifest, caption="", out=tmp_path, cores=2)
    claims.write_claims(run, manifest, caption="", out=tmp_path)
    assert set(pd.read_csv(tmp_path / "tables" / "glue.csv")["task"]) == {"rte"}
    assert (tmp_path / "figures" / "rte-trials.png").exists()
    assert (tmp_path / "claims.md").read_text().startswith("# The claims")


def test_a_run_is_kept_and_gone_on_from(run, tmp_path):
    kept, again = tmp_path / "kept", tmp_path / "again"
    model = run / "runs" / "rte" / "pabee" / "seed1" / "model.safetensors"
    model.write_bytes(b"large")
    try:
        reference.main(["save", str(run), str(kept)])
    finally:
        model.unlink()
    own = Path("runs/rte/pabee/seed1")
    assert (kept / own / "trace-test.safetensors.gz").exists() and (kept / "claims.md").exists()
    assert not (kept / own / model.name).exists()
    assert {path.name for path in (kept / "data").rglob("*.*")} == {"task.json"}  # no texts
    with pytest.raises(UserError, match="is missing; make it first"):
        reference.main(["restore", str(kept), str(again)])
    for task in TASKS:
        record = again / "data" / task / "task.json"
        record.parent.mkdir(parents=True)
        hashes = {name: {"sha256": f"data of {task} {name}"} for name in ("tune", "test")}
        record.write_text(json.dumps({"splits": hashes}))
    reference.main(["restore", str(kept), str(again)])
    trace = again / own / "trace-test.safetensors"
    restored, recorded = Trace.load(trace), Trace.load(run / own / trace.name)
    assert restored.meta == recorded.meta
    np.testing.assert_array_equal(restored.executed, recorded.executed)
    np.testing.assert_allclose(restored.final_logits, recorded.final_logits, rtol=1e-3)
    assert trace.stat().st_mtime >= record.stat().st_mtime
    assert not (again / own / "points.json").exists()  # tuned anew, in seconds
    record.write_text(json.dumps({"splits": {**hashes, "test": {"sha256": "changed"}}}))
    with pytest.raises(UserError, match="recorded on other data"):
        reference.main(["restore", str(kept), str(again)])


def test_a_missing_run_is_a_row_with_its_reason_and_the_rest_is_compiled(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    for seed in SEEDS:
        shutil.rmtree(folder / "runs" / "rte" / "deebert" / f"seed{seed}")
    logs = folder / "logs" / "train"
    logs.mkdir(parents=True)
    (logs / "rte-deebert-1.log").write_text("working\nerror: the loss became nan at step 7\n")
    compare.main([*compare_words(folder, "rte"), "--partial"])
    tables.write_tables(folder, MANIFEST, caption="", partial=True)
    table = pd.read_csv(folder / "tables" / "glue.csv")
    lost = table[(table["method"] == "deebert") & (table["task"] == "rte")]
    assert list(lost["status"]) == [
        "seed 1: the loss became nan at step 7",
        "seed 2: did not run",
    ]
    assert lost["score"].isna().all()
    text = (folder / "tables" / "glue.md").read_text()
    assert "Missing" in text and "became nan" in text
    assert len(table[(table["method"] == "pabee") & (table["task"] == "rte")]) == 5
    with pytest.raises(UserError, match=r"no run in .* has finished"):
        tables.write_tables(tmp_path / "empty", MANIFEST, caption="", partial=True)


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


def test_what_came_of_a_parent_that_failed_is_no_result(trained):
    runs = trained / "runs" / "rte"
    lines = {"smartbert": ["skip_only"], "skip_only": []}
    parent = runs / "skip_only" / "seed1" / "provenance.json"
    whole = [compare.finished(runs, name, [name], 1, lines) for name in lines]
    parent.unlink()
    assert whole == [True, True]
    assert not compare.finished(runs, "smartbert", ["smartbert"], 1, lines)
    assert compare.finished(runs, "smartbert", ["smartbert"], 2, lines)
    parent.touch()  # it worked in the end, and what goes on from it was not trained again
    assert not compare.finished(runs, "smartbert", ["smartbert"], 1, lines)
    assert compare.finished(runs, "smartbert", ["smartbert"], 1, None)


@pytest.mark.parametrize("lost", ["provenance.json", "trace-test.safetensors", "points.json"])
def test_what_came_of_a_predecessor_is_no_result(trained, lost):
    """A training, recording or tuning failed that had worked with other settings."""
    folder = trained
    alone = {name: [] for members in MEMBERS.values() for name in members}
    own = folder / "runs/rte/deebert/seed1"
    assert compare.finished(own.parents[1], "deebert", ["deebert"], 1, alone)
    now = time.time()
    made_anew = {"points.json": ["trace-tune", "trace-test"], "trace-test.safetensors": []}
    for name in made_anew.get(lost, []):  # what came before the failed job is new
        os.utime(own / f"{name}.safetensors", (now, now))
    kept = (own / lost).read_bytes()
    (own / lost).unlink()
    assert not compare.finished(own.parents[1], "deebert", ["deebert"], 1, alone)
    (own / lost).write_bytes(kept)  # the job worked in the end, what comes after it did not start
    assert not compare.finished(own.parents[1], "deebert", ["deebert"], 1, alone)
    compare.main([*compare_words(folder, "rte"), "--partial", "--ancestors", json.dumps(alone)])
    table = pd.read_csv(folder / "statistics/rte/points.csv")
    seeds = table[(table["space"] == "global") & (table["point"] == "full")]
    assert dict(zip(seeds["method"], seeds["seeds"], strict=True)) == {
        method: 1 if method == "deebert" else 2 for method in MEMBERS
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "mnli"}, "has task 'mnli'"),
        ({"seed": 7}, "has seed 7"),
        ({"model": "another"}, "has model 'another'"),
        ({"split": "tune"}, "is of split 'tune'"),
    ],
)
def test_a_trace_of_another_training_is_refused_by_name(run, change, message):
    tuned = json.loads((run / "runs/rte/deebert/seed1/points.json").read_text())
    trace = made_up("rte", "deebert")
    trace.meta.update(change)
    with pytest.raises(UserError, match=message):
        Evaluation({"deebert": trace}, tuned)


def test_a_kill_while_the_rest_is_compiled_leaves_nothing_dated_as_new(run, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    shutil.copytree(run / "runs", folder / "runs")
    write_text(folder / "tables" / "old.csv", "of an earlier call")
    dates = {}

    def killed(*_, **__):
        for name in ("statistics", "tables", "figures"):
            dates[name] = [p.stat().st_mtime for p in folder.glob(f"{name}/**/*.*")]
        raise KeyboardInterrupt

    monkeypatch.setattr(partial, "write_claims", killed)
    words = ["--results", str(folder), "--manifest", json.dumps(MANIFEST)]
    with pytest.raises(KeyboardInterrupt):
        partial.main([*words, "--settings", '{"draws": 100, "seed": 0}'])
    assert all(len(found) > 2 and set(found) == {partial.OLD} for found in dates.values())
    write_text(folder / "after.csv", "")
    assert (folder / "after.csv").stat().st_mtime > partial.OLD


@pytest.mark.parametrize("left", ["full_bert", "smartbert"])
def test_what_one_method_left_behind_is_compiled(run, tmp_path, left):
    folder = tmp_path / "run"
    for task in TASKS:
        shutil.copytree(run / "runs" / task / left, folder / "runs" / task / left)
    words = ["--results", str(folder), "--manifest", json.dumps(MANIFEST)]
    partial.main([*words, "--settings", '{"draws": 100, "seed": 0}'])
    table = pd.read_csv(folder / "tables" / "glue.csv")
    assert set(table[table["status"] == "ok"]["method"]) == {left}
    assert (folder / "figures" / "glue.png").exists() and (folder / "claims.md").exists()
    # A later call of the workflow must not take them for its own.
    made = [
        p for name in ("statistics", "tables", "figures") for p in folder.glob(f"{name}/**/*.*")
    ]
    sources = folder.glob("runs/**/*.*")
    assert max(p.stat().st_mtime for p in made) < min(p.stat().st_mtime for p in sources)


def test_a_tune_trace_of_other_data_is_refused_by_name(run, tmp_path):
    words = tune_words(run, "rte", "deebert", 1)
    other = tmp_path / "task.json"
    other.write_text(json.dumps({"splits": {"tune": {"sha256": "changed"}}}))
    words[words.index("--data") + 1] = str(other)
    with pytest.raises(UserError, match="has data 'data of rte tune', wanted is 'changed'"):
        tune.main(words)


def test_all_recorded_skip_thresholds_are_swept_whatever_their_digits():
    trace = made_up("rte", "skip_only")
    near = trace.grid.copy()
    near[: len(near) - 1] = 0.5 + 1e-4 * np.arange(len(near) - 1)  # quantiles of clustered gates
    swept = [p for p in published_sweep(replace(trace, grid=near)) if p.name.startswith("skip")]
    assert len({p.policy.skip_threshold for p in swept}) == len(near) - 1 > 1
    assert len({p.name for p in swept}) == len(near) - 1


def test_a_kept_study_is_continued_only_with_the_same_traces_cost_and_search(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run / "data", folder / "data")
    for method in ("full_bert", "deebert"):
        record(folder, "rte", method, 1)
    storage = f"sqlite:///{tmp_path}/studies.db"
    words = tune_words(folder, "rte", "deebert", 1)

    def studies(**changes: object) -> int:
        """How many studies there are after tuning."""
        settings = {**TUNING, "trials": 12, "spaces": ["global"], "storage": storage}
        settings |= {k: changes.pop(k) for k in ("trials", "seed") if k in changes}
        own = list(words)
        own[own.index("--settings") + 1] = json.dumps(settings)
        for option, value in changes.items():
            own += [f"--{option}", str(value)]
        tune.main(own)
        return len(optuna.get_all_study_names(storage))

    assert studies() == 1
    assert studies(trials=14) == 1
    assert studies(convention="layers") == 2
    assert studies(seed=3) == 3
    assert studies(code="changed") == 4
    record(folder, "rte", "deebert", 1, n=90)  # the same weights, recorded otherwise
    assert studies() == 5


def test_runs_on_different_test_data_are_not_compared(run):
    runs = {}
    for method in ("full_bert", "deebert"):
        tuned = json.loads((run / f"runs/rte/{method}/seed1/points.json").read_text())
        trace = made_up("rte", method)
        trace.meta["data"] = f"data for {method}"
        runs[method] = {1: Evaluation({method: trace}, tuned)}
    with pytest.raises(UserError, match="is of other data"):
        Comparison(runs, subset="", draws=100, seed=0)


def evidence(run: Path) -> Evidence:
    parts = {name: statistics(run, name) for name in ("points", "differences", "draws")}
    titles = dict(zip(parts["points"]["method"], parts["points"]["title"], strict=True))
    return Evidence(**parts, gates=pd.read_csv(run / "tables" / "gates.csv"), titles=titles)


def test_verdicts_are_never_stronger_than_their_intervals(run):
    table = claims_table(evidence(run))
    assert set(table["claim"]) == {1, 2, 3, 4, 5, 6}
    overall = table[table["what"] == "overall"].set_index("claim")["verdict"]
    assert overall[5] == overall[6] == "not measured"
    rows = table[(table["claim"] == 2) & table["low"].notna()]
    assert len(rows)
    for row in rows.itertuples():
        assert (row.verdict == "supported") == (row.low > 0)
        assert (row.verdict == "not supported") == (row.high < 0)
    text = claims_markdown(table, caption="", seeds=MANIFEST["seeds"])
    assert "figures that count" in text
    assert text.count("## ") == 6 and "no training that measures it" in text


def test_contrast_and_hard_weights_are_measured_by_their_variants(run):
    pairs = [
        ("smartbert", "smartbert_no_contrast", "exits", 1.5, 0.4),
        ("skip_only", "skip_only_soft", "gates", 2.0, -1.0),
    ]
    rows = [
        {
            **{"task": "rte", "subset": "", "space": "global", "first": a, "second": b},
            **{"point": point, "kind": "score", "difference": value, "low": low, "high": 3.0},
            **{"probability": 0.9, "seeds": 2},
        }
        for a, b, point, value, low in pairs
    ]
    gates = [
        {"task": "rte", "method": m, "layer": 1, "undecided": share, "seeds": 2}
        for m, share in (("skip_only", 0.5), ("skip_only_soft", 0.9))
    ]
    parts = {name: statistics(run, name) for name in ("points", "draws")}
    differences = pd.concat([statistics(run, "differences"), pd.DataFrame(rows)])
    variants = Evidence(**parts, differences=differences, gates=pd.DataFrame(gates), titles={})
    table = claims_table(variants)
    overall = table[table["what"] == "overall"].set_index("claim")["verdict"]
    assert overall[5] == "supported" and overall[6] == "inconclusive"
    shares = table[(table["claim"] == 6) & table["what"].str.startswith("gates in")]
    assert sorted(shares["value"]) == [50, 90]
    assert "mean score of exits" in claims_markdown(table, caption="", seeds={"rte": [1, 2]})


def test_wnli_decides_no_claim_that_does_not_name_it(run):
    row = {"subset": "", "space": "global", "first": "smartbert", "point": "exits", "kind": "score"}
    row |= {"second": "smartbert_no_contrast", "probability": 1.0, "seeds": 2, "difference": 2.0}
    rows = [
        {**row, "task": "rte", "low": 1.0, "high": 3.0},
        {**row, "task": "wnli", "low": -9.0, "high": -1.0},
    ]
    own = evidence(run)
    points = pd.concat([own.points, own.points[own.points["task"] == "rte"].assign(task="wnli")])
    parts = {"draws": own.draws, "gates": own.gates, "titles": {}, "points": points}
    table = claims_table(Evidence(**parts, differences=pd.DataFrame(rows)))
    found = table[table["claim"] == 5].set_index("what")
    assert list(found["verdict"]) == ["supported", "not supported", "supported"]
    assert list(found["counts"]) == [True, False, False]


def test_what_smartbert_cannot_do_and_another_can_stays_open(run):
    own = evidence(run)
    lacks = (own.points["method"] == "smartbert") & (own.points["point"] == "b50")
    numbers = own.points.columns.intersection(["score", "cost", "score_low", "score_high"])
    points = own.points.copy()
    points.loc[lacks, numbers], points.loc[lacks, "seeds"] = np.nan, 0
    both = (own.differences["point"] == "b50") & (
        own.differences[["first", "second"]] == "smartbert"
    ).any(axis=1)
    parts = {"draws": own.draws, "gates": own.gates, "titles": own.titles, "points": points}
    table = claims_table(Evidence(**parts, differences=own.differences[~both]))
    found = table[(table["claim"] == 2) & (table["what"] == f"b50, against {own.title('deebert')}")]
    assert set(found["verdict"]) == {"inconclusive"} and found["counts"].all()
    assert set(found["note"]) == {"SmartBERT has no setting there"}


def test_a_median_over_some_seeds_supports_nothing(run):
    own = evidence(run)
    cheap = (own.points["method"] == "smartbert") & (own.points["point"] == "drop1")
    draws, points = own.draws.copy(), own.points.copy()
    mine = draws["method"] == "smartbert"
    draws.loc[mine, [c for c in draws if c == "value" or c[1:].isdigit()]] = 0.1
    parts = {"differences": own.differences, "gates": own.gates, "titles": own.titles}
    for status, verdict in (("ok", "supported"), ("seed 2: no setting", "inconclusive")):
        points.loc[cheap, ["status", "seeds"]] = [status, 2 if status == "ok" else 1]
        table = claims_table(Evidence(**parts, draws=draws, points=points))
        (median,) = table[table["what"].str.startswith("median")].itertuples()
        assert median.verdict == verdict
    assert median.note == "seeds with such a setting: MNLI 1 of 2, RTE 1 of 2"


def test_a_difference_that_is_there_both_ways_is_read_once(run):
    own = evidence(run)
    both = pd.concat([own.differences, turned(own.differences)])
    parts = {"draws": own.draws, "gates": own.gates, "titles": own.titles, "points": own.points}
    once, twice = (
        claims_table(Evidence(**parts, differences=table)) for table in (own.differences, both)
    )
    pd.testing.assert_frame_equal(once, twice)


def test_only_ablations_of_the_run_are_read(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    old = folder / "ablations" / "rte"
    old.mkdir(parents=True)
    (old / "differences.csv").write_text("of another run")
    claims.write_claims(folder, MANIFEST, caption="")
    with pytest.raises(FileNotFoundError, match=r"points\.csv"):
        claims.write_claims(folder, {**MANIFEST, "ablated": ["rte"]}, caption="")


def test_verdicts_together_need_a_majority_and_no_opposition():
    yes, no, open_ = "supported", "not supported", "inconclusive"
    assert together([yes, yes, open_]) == yes
    assert together([yes, yes, no]) == open_
    assert together([no, no, open_]) == no
    assert together([yes, open_, open_]) == open_
    assert together([]) == "not measured"
    assert judge(0.1, 2) == yes and judge(-2, -0.1) == no and judge(0, 1) == open_


def test_the_median_over_tasks_is_taken_draw_by_draw():
    draws = pd.DataFrame(
        {
            "task": ["a", "b", "c"],
            "value": [0.5, 0.4, 0.8],
            "seeds": [3, 2, 3],
            "d0": [0.5, 0.4, 0.8],
            "d1": [0.25, 0.5, 1.0],
        }
    )
    found = median_over_tasks(draws, inverse=True)
    assert found.value == pytest.approx(2.0) and found.seeds == 2
    assert found.low == pytest.approx(2.0) and found.high == pytest.approx(2.0)


def test_the_same_run_gives_the_same_statistics(run, tmp_path):
    before = {p.name: p.read_bytes() for p in (run / "statistics" / "rte").glob("*.csv")}
    compare.main(compare_words(run, "rte"))
    after = {p.name: p.read_bytes() for p in (run / "statistics" / "rte").glob("*.csv")}
    assert before == after and len(before) == 5


def test_numbers_in_the_tables_are_finite(run):
    for name in ("auc", "differences", "exits"):
        table = pd.read_csv(run / "tables" / f"{name}.csv")
        numbers = table.select_dtypes("number")
        numbers = numbers.drop(columns=["f1", "mcc"], errors="ignore")
        assert np.isfinite(numbers.to_numpy()).all(), name


def test_what_reads_tuned_points_needs_no_optuna():
    modules = "smartbert.claims smartbert.ablation smartbert.plots workflow.scripts.evaluate"
    modules += " workflow.scripts.compare workflow.scripts.tables workflow.scripts.figures"
    assert not loads(modules, "optuna")
