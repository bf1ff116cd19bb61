"""Rules of choosing side by side, on a made-up run: each chooses what it says, test scores it."""

import pandas as pd
import pytest
from made_up_run import SEEDS, made_files

from smartbert.analysis.choosing import RULES, choices, summary
from smartbert.analysis.evaluation import load_runs
from smartbert.points import BUDGETS, DROP, GLOBAL, MOST_DROPPED, nearest
from smartbert.report.choosing_page import choosing_page
from smartbert.report.writing import write_choosing
from smartbert.results import Results

METHODS = ("smartbert", "deebert")


@pytest.fixture(scope="module")
def runs(run):
    return load_runs(*made_files(run, "rte"))


@pytest.fixture(scope="module")
def table(runs) -> pd.DataFrame:
    return pd.DataFrame(choices(runs, METHODS))


def test_every_rule_has_its_row_for_every_training(table):
    keys = table[["method", "seed", "point", "rule"]]
    assert not keys.duplicated().any()
    assert len(table) == len(METHODS) * len(SEEDS) * sum(map(len, RULES.values()))


def test_the_protocols_rule_chooses_what_tuning_chose(table, runs):
    one_error = {DROP: "with one standard error to spare"}
    one_error |= dict.fromkeys(BUDGETS, "the dearest within one standard error of the best")
    for point, rule in one_error.items():
        own = table[(table["point"] == point) & (table["rule"] == rule)]
        for row in own.itertuples():
            tuned = runs[row.method][row.seed].tuned
            found = tuned.spaces[nearest(GLOBAL, tuned.spaces)].points.get(point)
            assert (found is None) == pd.isna(row.tune_score)
            if found is not None:
                assert row.tune_score == pytest.approx(found.tune_score)


def test_a_margin_costs_more_and_asks_for_more(table):
    wide = table.pivot_table(
        index=["method", "seed"], columns="rule", values=["tune_score"], aggfunc="first"
    )["tune_score"]
    cheapest, spare = "the cheapest within a point", "with one standard error to spare"
    both = wide.dropna(subset=[cheapest, spare]) if spare in wide else wide.iloc[:0]
    assert (both[spare] >= both[cheapest] - 1e-9).all()
    counts = table[table["point"] == DROP].groupby("rule")["score"].count()
    assert counts[spare] <= counts[cheapest]
    assert counts["with 1.64 standard errors to spare"] <= counts[spare]
    assert counts["within a point on both halves of tune"] <= counts[cheapest]


def test_the_summary_is_of_the_runs_that_have_a_setting(table):
    for row in summary(table).itertuples():
        own = table[(table["point"] == row.point) & (table["rule"] == row.rule)].dropna()
        assert row.runs == len(METHODS) * len(SEEDS) and row.chosen == len(own)
        if len(own):
            difference = own["score"] - own["dense"]
            assert row.difference == pytest.approx(difference.mean())
            assert row.worst == pytest.approx(difference.min())
            assert row.within == pytest.approx((difference >= -MOST_DROPPED - 1e-9).mean())


def test_the_page_says_what_it_is_and_that_test_was_seen(table, run, tmp_path):
    text = choosing_page(table, caption="Made up.").markdown()
    assert "Made up." in text and "looks at test" in text and "4 trainings" in text
    write_choosing(
        *made_files(run, "rte"), methods=METHODS, caption="Made up.", out=Results(tmp_path)
    )
    assert Results(tmp_path).table("choosing", "md").read_text() == text
