"""An ablation of a made-up run: changes are paired, and told with the seeds that have them."""

import numpy as np
import pandas as pd
import pytest
from made_up_run import DRAWS, MANIFEST, made_files, statistics

from smartbert.points import GLOBAL, MAIN, PER_LAYER
from smartbert.report.ablation_page import ablation_page
from smartbert.report.writing import write_ablation
from smartbert.results import Results
from smartbert.tasks import TASKS


def test_an_ablation_is_the_paired_change_against_the_method(run, tmp_path):
    variants, out = ["exit_only", "skip_only"], Results(tmp_path)
    write_ablation(
        TASKS["rte"],
        *made_files(run, "rte"),
        **DRAWS,
        variants=variants,
        weights={"skip_only": 0.04},
        looks=MANIFEST.looks,
        caption="Made up.",
        out=out,
    )
    table = pd.read_csv(out.ablation("rte"))
    wider = ["skip threshold searched too", "one exit threshold per layer, too"]
    assert list(table["title"]) == ["SmartBERT", *wider, "exit_only", "Skip-only"]
    assert list(table["method"])[3:] == variants
    own, changes = table.iloc[0], table.iloc[1:].set_index("method")
    pairs = statistics(run, "differences")
    pairs = pairs[(pairs["task"] == "rte") & (pairs["space"] == MAIN)]
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
        & (points["space"] == MAIN)
        & (points["point"] == "drop1")
    ]["cost"].iloc[0]
    assert own["saving"] == pytest.approx(100 * (1 - cost), abs=1e-3)
    assert own["saving_low"] <= own["saving"] <= own["saving_high"]
    aucs = statistics(run, "auc").query("task == 'rte' and method == 'smartbert'")
    aucs = aucs.set_index("space")["auc"]
    for title, space in zip(wider, (GLOBAL, PER_LAYER), strict=True):
        (change,) = table[table["title"] == title]["auc"]
        assert change == pytest.approx(aucs[space] - aucs[MAIN], abs=1e-4)
    assert set(table["auc_seeds"]) == {2}
    assert np.isnan(changes.loc["exit_only", "skipped"]) and 0 < own["skipped"] < 1
    page = ablation_page(table.assign(b50_seeds=1), subject="SmartBERT", caption="")
    *filled, empty = page.sections[0].frame["score at b50"]
    assert all(cell.endswith(", 1 of 2 seeds") for cell in filled)
    assert empty == "" and changes.loc["skip_only", "b50_seeds"] == 0  # all of it is too dear
    # An end that draws without a setting leave open is a dash.
    assert own["saving_low"] == -np.inf and own["saving_seeds"] == 1
    assert "[–, " in page.sections[0].frame["saving at drop1"][0]
    lambdas = pd.read_csv(out.ablation("rte", part="-lambda"))
    assert list(lambdas["weight"]) == [0.04, 0.04] and lambdas["dense"].notna().all()
    for name in ("rte.md", "rte.tex", "rte.png", "rte.pdf", "rte-lambda.png"):
        assert (tmp_path / "ablations" / name).stat().st_size > 500
