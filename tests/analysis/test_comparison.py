"""From traces to statistics, on a made-up run: curves, auc, differences, what does not belong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import loads
from made_up import made_up
from made_up_run import DRAWS, MEMBERS, SEEDS, made_files, statistics, traces

from smartbert.analysis.comparison import BAND_BUDGETS, Comparison, affordable, auc_weights
from smartbert.analysis.evaluation import Evaluation, load_runs
from smartbert.analysis.sweep import published_sweep
from smartbert.errors import UserError
from smartbert.points import Tuned
from smartbert.report.writing import write_statistics
from smartbert.results import Results
from smartbert.tasks import TASKS as OPERATING_POINTS


def tuned_of(run: Path, method: str) -> Tuned:
    return Tuned.read(Results(run).run("rte", method, 1).points)


def test_affordable_settings_are_a_step_function():
    steps = affordable([0.3, 0.5, 0.9])
    read = dict(zip(BAND_BUDGETS, steps, strict=True))
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


def test_numbers_in_the_tables_are_finite(run):
    for name in ("auc", "differences", "exits"):
        table = pd.read_csv(run / "tables" / f"{name}.csv")
        numbers = table.select_dtypes("number")
        numbers = numbers.drop(columns=["f1", "mcc"], errors="ignore")
        assert np.isfinite(numbers.to_numpy()).all(), name


def test_all_recorded_skip_thresholds_are_swept_whatever_their_digits():
    trace = made_up("rte", "skip_only")
    near = trace.grid.copy()
    near[: len(near) - 1] = 0.5 + 1e-4 * np.arange(len(near) - 1)  # quantiles of clustered gates
    swept = [p for p in published_sweep(replace(trace, grid=near)) if p.name.startswith("skip")]
    assert len({p.policy.skip_threshold for p in swept}) == len(near) - 1 > 1
    assert len({p.name for p in swept}) == len(near) - 1


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
    trace = made_up("rte", "deebert")
    other = replace(trace, meta=replace(trace.meta, **change))
    with pytest.raises(UserError, match=message):
        Evaluation({"deebert": other}, tuned_of(run, "deebert"))


def test_a_trace_that_does_not_fit_the_tasks_record_is_refused(run):
    trace, tuned = made_up("rte", "deebert"), tuned_of(run, "deebert")
    three = replace(trace.meta.architecture, classes=3)
    with pytest.raises(UserError, match="has 3 classes, the task has 2"):
        Evaluation({"deebert": replace(trace, meta=replace(trace.meta, architecture=three))}, tuned)
    with pytest.raises(UserError, match="has 2 test subsets, the task has 1"):
        Evaluation({"deebert": replace(trace, subset=np.arange(len(trace)) % 2)}, tuned)


def test_runs_on_different_test_data_are_not_compared(run):
    runs = {}
    for method in ("full_bert", "deebert"):
        trace = made_up("rte", method)
        other = replace(trace, meta=replace(trace.meta, data=f"data for {method}"))
        runs[method] = {1: Evaluation({method: other}, tuned_of(run, method))}
    with pytest.raises(UserError, match="is of other data"):
        Comparison(runs, subset="", draws=100, seed=0)


def test_runs_come_in_the_order_of_their_points_whatever_that_of_the_traces(run):
    points, recorded = made_files(run, "rte")
    runs = load_runs(points, recorded[::-1])
    assert list(runs) == list(MEMBERS)
    assert all(list(own) == list(SEEDS) for own in runs.values())
    for method, own in runs.items():
        assert [tuple(one.traces) for one in own.values()] == [MEMBERS[method]] * len(SEEDS)


def test_a_missing_trace_and_no_run_at_all_are_refused(run):
    points, recorded = made_files(run, "rte")
    gone = traces(run, "rte", ["truncated_bert_4"], 2, "test")[0]
    with pytest.raises(UserError, match="'truncated_bert_4' with seed 2, whose test trace is"):
        load_runs(points, [path for path in recorded if path != gone])
    with pytest.raises(UserError, match="no run has finished"):
        load_runs([], recorded)


def test_the_same_run_gives_the_same_statistics(run, tmp_path):
    write_statistics(OPERATING_POINTS["rte"], *made_files(run, "rte"), **DRAWS, out=tmp_path)
    folder = Results(run).statistics("rte", "points").parent
    before, after = (
        {path.name: path.read_bytes() for path in place.glob("*.csv")}
        for place in (folder, tmp_path)
    )
    assert before == after and len(before) == 5


def test_what_reads_tuned_points_needs_no_optuna():
    modules = "smartbert.analysis.claims smartbert.analysis.ablation smartbert.analysis.sweep"
    modules += " smartbert.report.writing workflow.scripts.evaluate workflow.scripts.compare"
    modules += " workflow.scripts.tables workflow.scripts.figures"
    assert not loads(modules, "optuna", "torch")
