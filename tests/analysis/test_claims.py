"""The claims on a made-up run: verdicts are what intervals, tasks and seeds allow, and no more."""

import numpy as np
import pandas as pd
import pytest
from made_up_run import MANIFEST, evidence, statistics

from smartbert.analysis.claims import claims_table, median_over_tasks
from smartbert.analysis.evidence import Evidence, judge, together
from smartbert.analysis.tables import turned
from smartbert.report.claims_page import claims_markdown


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
    text = claims_markdown(table, caption="", seeds=MANIFEST.seeds)
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
