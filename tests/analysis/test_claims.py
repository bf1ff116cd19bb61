"""The claims: verdicts are what intervals, tasks and seeds allow, and no more.

Most tests change one thing in a run in which every claim holds (`made_up_tables.World`).
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_run import MANIFEST, SEEDS, TASKS, evidence, statistics
from made_up_tables import RIVALS, World, difference

from smartbert.analysis.claims import (
    AS_RELEASED,
    BEYOND_CHANCE,
    HARDLY,
    OVERALL,
    REDUCTION,
    claims_table,
    median_reduction,
)
from smartbert.analysis.evidence import (
    LEAST_SEEDS,
    LEAST_TASKS,
    OPEN,
    REFUTED,
    SUPPORTED,
    UNMEASURED,
    UNTESTABLE,
    Evidence,
    all_of,
    judge,
    opposite,
    pool,
)
from smartbert.analysis.tables import turned
from smartbert.points import AUC, DROP, EXITS, FIXED, FULL, GATES, MAIN, MOST_DROPPED

CLAIMS = range(1, 10)
DECIDED = (SUPPORTED, REFUTED)
WHOLE = World.of()
LOSS = {"first": "full_bert", "point": DROP, "kind": "score"}
# Of each claim a difference that it is read from, as columns of the table.
READ = {
    2: {"first": "smartbert", "second": "deebert", "point": AUC},
    4: {"first": "smartbert", "second": "exit_only", "point": DROP, "kind": "cost"},
    5: {"second": "smartbert_no_contrast", "point": EXITS},
    6: {"second": "skip_only_soft", "point": GATES},
    7: {"space": FIXED, "first": "smartbert", "point": AUC},
    8: {"first": "skip_only", "second": "random_skip", "point": GATES},
    9: {"first": "skip_only", "second": "random_skip", "point": AUC},
}


def rows_of(table: pd.DataFrame, claim: int, what: str, task: str | None = None) -> pd.DataFrame:
    """Return a claim's figures whose description begins so."""
    own = table[(table["claim"] == claim) & table["what"].str.startswith(what)]
    return own if task is None else own[own["task"] == task]


def heads(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["what"].isin([OVERALL, AS_RELEASED])]


def test_every_claim_holds_in_a_run_where_all_intervals_say_so():
    assert World.of(("sst2", "qnli", "rte"), "matched", "released").verdicts() == {
        **dict.fromkeys(CLAIMS, SUPPORTED),
        "released": SUPPORTED,
    }


@pytest.mark.parametrize("claim", READ)
def test_a_claim_falls_with_the_difference_that_it_is_read_from(claim):
    sign = -1 if claim != 4 else 1
    scale = 0.01 if claim == 4 else 0.1
    refuted = WHOLE.moved(READ[claim], sign * 10 * scale, error=scale).verdicts()
    opened = WHOLE.moved(READ[claim], 0.0, error=scale).verdicts()
    assert (refuted[claim], opened[claim]) == (REFUTED, OPEN)
    # The others stay, but for those that read the same figure.
    assert [v for c, v in opened.items() if c != claim and v == OPEN] == []


def test_seeds_that_are_too_few_decide_nothing():
    for seeds in range(1, LEAST_SEEDS):
        verdicts = WHOLE.with_seeds(seeds).verdicts()
        assert {claim: verdicts[claim] for claim in CLAIMS} == dict.fromkeys(CLAIMS, OPEN)


@pytest.mark.parametrize("task", ["sst2", "rte"])
def test_one_training_has_no_verdict_on_its_own_task(task):
    table = WHOLE.where("points", {"task": task}, seeds=1)
    table = table.where("differences", {"task": task}, seeds=1).claims()
    own = table[(table["task"] == task) & (table["seeds"] == 1)]
    assert len(own) and not set(own["verdict"]) & set(DECIDED)
    # It leaves the means, too.
    title = {"sst2": "SST-2", "rte": "RTE"}[task]
    means = table[table["what"].str.contains(" over ")]
    assert len(means) and not means["what"].str.contains(title).any()


@pytest.mark.parametrize("claim", READ)
def test_a_difference_that_some_seeds_lack_decides_nothing(claim):
    keys = READ[claim]
    for value in (None, -50.0 if claim != 4 else 50.0):
        world = WHOLE.where("differences", keys, seeds=2)
        world = world if value is None else world.moved(keys, value)
        table = world.claims()
        own = table[table["claim"] == claim]
        assert own[own["what"] == OVERALL]["verdict"].item() == OPEN
        assert not set(own[own["seeds"] == 2]["verdict"]) & set(DECIDED)


@pytest.mark.parametrize("claim", READ)
def test_enough_seeds_decide_nothing_where_more_were_trained(claim):
    whole = WHOLE.with_seeds(5)
    assert whole.verdicts()[claim] == SUPPORTED
    assert whole.where("differences", READ[claim], seeds=4).verdicts()[claim] == OPEN


def test_a_saving_that_some_seeds_lack_decides_nothing():
    partly = {"seeds": 2, "status": "seed 3: no setting"}
    keys = {"method": "exit_only", "point": DROP, "task": "rte"}
    for cost in (0.97, 0.5):  # hardly a saving, and much of one
        ends = {"cost": cost, "cost_low": cost - 0.01, "cost_high": cost + 0.01}
        assert WHOLE.where("points", keys, **ends, **partly).verdicts()[3] == OPEN


@pytest.mark.parametrize("low_cost", [True, False])
def test_a_median_over_some_seeds_supports_nothing(low_cost):
    keys = {"method": "smartbert", "point": DROP, "task": "qnli"}
    world = WHOLE.where("points", keys, seeds=2, status="seed 3: no setting")
    loss = {**LOSS, "second": "smartbert", "task": "qnli"}
    world = world.where("differences", loss, seeds=2)
    if not low_cost:
        world = world.moved({**LOSS, "second": "smartbert"}, 0.9)
    table = world.claims()
    (median,) = rows_of(table, 1, "median").itertuples()
    assert median.verdict == OPEN and median.value > REDUCTION
    assert np.isnan(median.low) and median.seeds == 2  # no interval of some seeds
    assert median.note == "seeds with such a setting: QNLI 2 of 3"
    (both,) = rows_of(table, 1, "both together", "qnli").itertuples()
    assert both.verdict == OPEN
    (loss_row,) = rows_of(table, 1, "score at drop1 minus dense BERT's, mean").itertuples()
    assert "QNLI" not in loss_row.what


def test_one_task_alone_decides_nothing():
    assert LEAST_TASKS == 2
    table = World.of(["sst2"], "matched", "released").claims()
    verdicts = heads(table).set_index(["claim", "what"])["verdict"]
    for claim in (1, 2, 5, 6, 7, 8, 9):
        assert verdicts[claim, OVERALL] == OPEN
        own = rows_of(table, claim, "").query("decides")
        assert (own["verdict"] == OPEN).all()
    assert verdicts[2, AS_RELEASED] == OPEN
    notes = table[table["what"].str.contains("mean over") & (table["claim"] > 1)]["note"]
    assert set(notes) == {"one task alone decides nothing"}
    assert verdicts[3, OVERALL] == verdicts[4, OVERALL] == UNMEASURED  # RTE and WNLI did not run


def test_wnli_decides_no_claim_that_does_not_name_it():
    world = World.of(("sst2", "qnli", "rte", "wnli"))
    assert world.verdicts() == WHOLE.verdicts()
    against = world
    for claim in (2, 5, 6, 7, 8):
        against = against.moved({**READ[claim], "task": "wnli"}, -30.0)
    assert against.verdicts() == WHOLE.verdicts()
    table = against.claims()
    means = table[table["what"].str.contains(" over ")]
    assert len(means) >= 8 and not means["what"].str.contains("WNLI").any()
    # The two that name it read it.
    cost = {"method": "exit_only", "point": DROP, "task": "wnli"}
    saves = against.where("points", cost, cost=0.5, cost_low=0.49, cost_high=0.51)
    assert saves.verdicts()[3] == REFUTED
    assert against.moved({**READ[4], "task": "wnli"}, 0.2).verdicts()[4] == REFUTED


def test_where_dense_bert_is_no_better_than_the_majority_nothing_is_testable():
    world = WHOLE.where("points", {"method": "full_bert", "task": "rte"}, majority=78.0)
    table = world.claims()
    verdicts = world.verdicts()
    assert verdicts[3] == verdicts[4] == UNTESTABLE
    own = table[(table["task"] == "rte") & (table["verdict"] != "")]
    assert set(own["verdict"]) == {UNTESTABLE}
    noted = own[own["what"] != "both together"]
    assert set(noted["note"]) == {"dense BERT 80.0 [78.0, 82.0], majority class 78.0"}
    # Its figures leave the means; the other tasks decide.
    assert {verdicts[claim] for claim in (1, 2, 5, 6, 7, 8, 9)} == {SUPPORTED}
    means = table[table["what"].str.contains(" over ")]["what"]
    assert means.str.endswith("SST-2, QNLI").all()
    # A hair above is enough.
    testable = WHOLE.where("points", {"method": "full_bert", "task": "rte"}, majority=77.9)
    assert UNTESTABLE not in testable.verdicts().values()


def test_on_a_run_of_untestable_tasks_alone_no_claim_is_decided():
    world = WHOLE.where("points", {"method": "full_bert"}, majority=79.0)
    assert not set(world.verdicts().values()) & set(DECIDED)
    assert {world.verdicts()[claim] for claim in (1, 2, 7, 8, 9)} == {UNTESTABLE}
    notes = rows_of(world.claims(), 7, "")["note"].dropna()
    assert notes.str.contains(
        "SST-2: dense BERT 80.0 [78.0, 82.0], majority class 79.0", regex=False
    ).any()


def test_without_dense_bert_nothing_is_testable():
    def without(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["method"] != "full_bert"]

    own = WHOLE.but("points", without).evidence()
    assert all("did not run" in own.untestable(task) for task in own.tasks)


def test_less_computation_counts_only_at_a_small_loss():
    own = {**LOSS, "second": "smartbert"}
    assert MOST_DROPPED == 1
    for loss, verdict in ((0.7, SUPPORTED), (1.0, OPEN), (3.0, REFUTED)):
        world = WHOLE.moved(own, loss)
        assert world.verdicts()[1] == verdict
        for task in ("sst2", "qnli", "rte"):
            (both,) = rows_of(world.claims(), 1, "both together", task).itertuples()
            assert both.verdict == verdict


def test_the_figure_that_decides_is_on_the_side_of_its_verdict():
    table = WHOLE.moved({**LOSS, "second": "smartbert"}, 3.0).claims()
    (deciding,) = rows_of(table, 1, "").query("decides").itertuples()
    assert deciding.verdict == REFUTED
    # Not the reduction, which is above what is claimed.
    assert deciding.what.startswith("score at drop1") and deciding.high < -MOST_DROPPED


def test_an_open_end_supports_no_reduction():
    keys = {"method": "smartbert", "point": DROP, "task": "sst2"}
    world = WHOLE.where("points", keys, cost_high=np.inf, none=0.2)
    (own,) = rows_of(world.claims(), 1, "FLOPs reduction", "sst2").itertuples()
    assert own.low == -np.inf and own.value > REDUCTION and own.verdict == OPEN
    assert own.note == "none in 20% of the draws"


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_method_without_such_a_setting_is_not_decided(seeds):
    numbers = dict.fromkeys(("score", "score_low", "score_high", "cost", "cost_low", "cost_high"))
    none = {**dict.fromkeys(numbers, np.nan), "seeds": 0, "status": "no setting"}
    world = WHOLE.with_seeds(seeds)
    world = world.where("points", {"method": "smartbert", "point": DROP}, **none)
    world = world.where("draws", {"method": "smartbert"}, value=np.nan)
    world = world.where("draws", {"method": "smartbert"}, **{f"d{i}": np.nan for i in range(200)})
    pair = {"second": "smartbert", "point": DROP}
    world = world.but("differences", lambda d: d[~(d[list(pair)] == pair.values()).all(axis=1)])
    table = world.claims()
    (own,) = rows_of(table, 1, "FLOPs reduction", "rte").itertuples()
    assert (own.note, own.seeds, own.verdict) == ("no setting", 0, OPEN)
    assert world.verdicts()[1] == OPEN  # a small tune leaves none, whatever could be saved


def test_exits_that_save_count_against_the_claim_only_with_the_score():
    keys = {"method": "exit_only", "point": DROP, "task": "rte"}
    saves = WHOLE.where("points", keys, cost=0.6, cost_low=0.55, cost_high=0.65)
    loss = {**LOSS, "second": "exit_only", "task": "rte"}
    assert saves.verdicts()[3] == REFUTED
    assert saves.moved(loss, 1.0).verdicts()[3] == OPEN
    assert saves.moved(loss, 5.0).verdicts()[3] == OPEN  # of a constant classifier it is none
    # Where it is small it is small whatever it costs.
    assert WHOLE.moved(loss, 5.0).verdicts()[3] == SUPPORTED
    # About a tenth is neither.
    some = WHOLE.where("points", keys, cost=1 - HARDLY, cost_low=0.85, cost_high=0.95)
    assert some.verdicts()[3] == OPEN
    (row,) = rows_of(some.claims(), 3, "cost that").itertuples()
    assert (row.value, row.low, row.high) == pytest.approx((10, 5, 15))


@pytest.mark.parametrize("method", ["smartbert", "skip_only"])
def test_skipping_is_essential_only_where_it_keeps_the_score(method):
    loss = {**LOSS, "second": method, "task": "rte"}
    for value in (1.0, 5.0):
        assert WHOLE.moved(loss, value).verdicts()[4] == OPEN
    table = WHOLE.moved(loss, 5.0).claims()
    assert REFUTED in set(rows_of(table, 4, f"score of {method} at", "rte")["verdict"])


def test_a_saving_over_what_has_no_setting_stays_open():
    pair = {"first": "skip_only", "second": "exit_only", "point": DROP}
    world = WHOLE.but("differences", lambda d: d[~(d[list(pair)] == pair.values()).all(axis=1)])
    keys = {"method": "exit_only", "point": DROP}
    world = world.where("points", keys, status="no setting within 1 point")
    (row,) = rows_of(world.claims(), 4, "saving of skip_only", "rte").itertuples()
    assert (row.verdict, row.note) == (OPEN, "exit_only: no setting within 1 point")
    assert world.verdicts()[4] == OPEN


def test_against_several_the_p_values_are_holms():
    # Two-sided p of 0.03 against each of two: enough alone, not for two.
    world = WHOLE
    for rival in RIVALS:
        keys = {**READ[2], "second": rival}
        world = world.moved(keys, 2.17 * 0.1 / np.sqrt(3))
    table = world.claims()
    pooled = rows_of(table, 2, "auc", "")
    assert (pooled["low"] > 0).all() and pooled["p"].to_numpy() == pytest.approx(0.06, abs=0.002)
    assert set(pooled["verdict"]) == {OPEN} and world.verdicts()[2] == OPEN
    # Where one is beyond doubt the other is tested alone.
    sure = world.moved({**READ[2], "second": "deebert"}, 5.0)
    pooled = rows_of(sure.claims(), 2, "auc", "").set_index("what")["p"]
    assert pooled.filter(like="pabee").item() == pytest.approx(0.03, abs=0.001)
    assert sure.verdicts()[2] == SUPPORTED


def test_all_rivals_have_to_be_beaten_and_the_weakest_decides():
    for value, verdict in ((0.0, OPEN), (-5.0, REFUTED)):
        world = WHOLE.moved({**READ[2], "second": "pabee"}, value)
        (deciding,) = rows_of(world.claims(), 2, "").query("decides").itertuples()
        assert world.verdicts()[2] == verdict == deciding.verdict
        assert "against pabee" in deciding.what and deciding.value == pytest.approx(value)
    both = WHOLE.moved({**READ[2], "second": "pabee"}, 0.5)
    (deciding,) = rows_of(both.claims(), 2, "").query("decides").itertuples()
    assert "against pabee" in deciding.what and deciding.verdict == SUPPORTED


def test_a_mean_over_tasks_leaves_out_those_that_may_not_decide():
    world = WHOLE.where("differences", {**READ[2], "task": "rte"}, seeds=1)
    world = world.moved({**READ[2], "task": "rte"}, -40.0).moved({**READ[2], "task": "qnli"}, 2.0)
    (pooled,) = rows_of(world.claims(), 2, "auc, smartbert against deebert, mean").itertuples()
    assert pooled.what.endswith("mean over SST-2, QNLI") and pooled.value == pytest.approx(1.5)
    half = 1.96 * np.hypot(0.1, 0.1) / 2
    assert (pooled.low, pooled.high) == pytest.approx((1.5 - half, 1.5 + half), rel=1e-3)


def test_matched_and_released_rows_have_verdicts_of_their_own():
    released = World.of(("sst2", "qnli"), "released")
    assert (released.verdicts()[2], released.verdicts()["released"]) == (UNMEASURED, SUPPORTED)
    matched = World.of(("sst2", "qnli"), "matched")
    assert (matched.verdicts()[2], matched.verdicts()["released"]) == (SUPPORTED, UNMEASURED)
    both = World.of(("sst2", "qnli"), "matched", "released")
    worse = both.moved({"second": "pabee_released", "point": AUC}, -3.0)
    assert (worse.verdicts()[2], worse.verdicts()["released"]) == (SUPPORTED, REFUTED)
    rows = rows_of(worse.claims(), 2, "as released: ", "")
    assert rows["what"].str.contains("_released against").all() and len(rows) == len(RIVALS)
    # A method of another family, or a control, is no rival.
    alone = replace(both.methods["pabee"], family=None)
    both.methods["pabee"] = alone
    assert not rows_of(both.claims(), 2, "auc, smartbert against pabee").size


def test_with_a_released_subject_the_plain_names_give_the_released_verdict(run):
    # The made-up run's SmartBERT and rivals are released ones under their plain names.
    table = claims_table(evidence(run))
    verdicts = heads(table).set_index(["claim", "what"])["verdict"]
    assert verdicts[2, OVERALL] == UNMEASURED and verdicts[2, AS_RELEASED] == OPEN
    assert len(rows_of(table, 2, "as released: auc, SmartBERT against"))


def test_two_seeds_of_a_made_up_run_measure_everything_and_decide_nothing(run):
    assert len(SEEDS) < LEAST_SEEDS
    table = claims_table(evidence(run))
    assert set(table["claim"]) == set(CLAIMS)
    verdicts = heads(table).set_index(["claim", "what"])["verdict"]
    assert verdicts[5, OVERALL] == verdicts[6, OVERALL] == UNMEASURED
    assert not set(verdicts) & set(DECIDED)
    for task in TASKS:
        for claim, what in ((1, "FLOPs"), (2, "as released"), (7, "auc"), (9, "auc")):
            assert len(rows_of(table, claim, what, task))
    beneath = table[(table["task"] != "") & table["claim"].isin([2, 7, 8, 9])]
    assert len(beneath) and set(beneath["verdict"]) == {""}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=9, max_size=9),
    st.lists(st.floats(0.01, 1.5), min_size=9, max_size=9),
)
def test_verdicts_are_never_stronger_than_their_intervals(values, errors):
    world = WHOLE
    keys = [*READ.values(), {**LOSS, "second": "smartbert"}, {**LOSS, "second": "exit_only"}]
    for own, value, error in zip(keys, values, errors, strict=True):
        scale = 0.1 if own.get("kind") == "cost" else 1
        world = world.moved(own, scale * value, error=scale * error)
    table = world.claims()
    verdicts = table[table["what"] == OVERALL].set_index("claim")["verdict"]
    for row in table[table["value"].notna() & table["verdict"].isin(DECIDED)].itertuples():
        low, high = row.low, row.high
        least = 0.0
        if row.claim in (1, 3, 4) and row.what.startswith("score"):
            least = -MOST_DROPPED
        elif row.claim == 1:
            least = REDUCTION
        if row.claim == 3 and row.what.startswith("cost"):
            low, high, least = -row.high, -row.low, -100 * HARDLY
        assert low > least if row.verdict == SUPPORTED else high < least, row
    for claim in (2, 5, 6, 7, 8):
        means = table[(table["claim"] == claim) & table["what"].str.contains("mean over")]
        if verdicts[claim] == SUPPORTED:
            assert (means["low"] > 0).all()
        if verdicts[claim] == REFUTED:
            assert (means["high"] < 0).any()
        assert verdicts[claim] != SUPPORTED or (means["p"].dropna() < BEYOND_CHANCE).all()


def test_each_verdict_is_read_from_one_figure():
    for world in (WHOLE, World.of(["sst2"]), WHOLE.with_seeds(2), WHOLE.moved(READ[2], 0.0)):
        table = world.claims()
        for head in heads(table).itertuples():
            own = table[(table["claim"] == head.claim) & table["decides"]]
            own = own[own["what"].str.startswith("as released") == (head.what == AS_RELEASED)]
            assert len(own) == (head.verdict != UNMEASURED), head
            assert set(own["verdict"]) <= {head.verdict}


def test_contrast_and_hard_weights_are_measured_by_their_variants():
    table = WHOLE.claims()
    for claim, what in ((5, "mean score of exits"), (6, "score of hard inference")):
        own = rows_of(table, claim, what)
        assert list(own[own["task"] != ""]["verdict"].unique()) == [""]  # beneath the mean
        (mean,) = own[own["task"] == ""].itertuples()
        assert mean.decides and mean.what.endswith("mean over SST-2, QNLI, RTE")
    shares = rows_of(table, 6, "gates in")
    assert sorted(shares["value"].unique()) == [50, 90] and not shares["decides"].any()

    def without(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[~rows["second"].isin(["smartbert_no_contrast", "skip_only_soft"])]

    lacking = WHOLE.but("differences", without)
    assert lacking.verdicts()[5] == lacking.verdicts()[6] == UNMEASURED
    assert not len(rows_of(lacking.claims(), 6, "gates in"))


def test_what_gates_know_is_asked_at_equal_rates_and_what_they_pay_at_equal_cost():
    knows = WHOLE.moved({"second": "random_skip", "point": AUC}, -20.0).verdicts()
    pays = WHOLE.moved({"second": "random_skip", "point": GATES}, -20.0).verdicts()
    assert (knows[8], knows[9]) == (SUPPORTED, REFUTED)
    assert (pays[8], pays[9]) == (REFUTED, SUPPORTED)


def test_exit_only_saves_only_where_it_keeps_the_score():
    own = {"first": "smartbert", "second": "exit_only", "point": DROP, "kind": "cost"}
    beaten = WHOLE.moved(own, 0.1, error=0.01)
    assert beaten.verdicts()[4] == REFUTED
    assert beaten.moved({**LOSS, "second": "exit_only"}, 5.0).verdicts()[4] == OPEN


def test_a_seed_that_failed_leaves_a_task_undecided():
    own = WHOLE.evidence()
    planned = {(task, method): 5 for task in own.tasks for method in own.points["method"].unique()}
    table = claims_table(replace(own, planned=planned, findings=[]))
    assert not set(heads(table)["verdict"]) & set(DECIDED)


def test_a_difference_that_is_there_both_ways_is_read_once(run):
    own = evidence(run)
    both = pd.concat([own.differences, turned(own.differences)])
    parts = {"draws": own.draws, "gates": own.gates, "titles": own.titles, "points": own.points}
    parts["methods"] = own.methods
    once, twice = (
        claims_table(Evidence(**parts, differences=table)) for table in (own.differences, both)
    )
    pd.testing.assert_frame_equal(once, twice)
    back = WHOLE.but("differences", lambda d: turned(d[d["space"] == MAIN]))
    fixed = WHOLE.differences[WHOLE.differences["space"] == FIXED]
    again = back.but("differences", lambda d: pd.concat([d, fixed]))
    pd.testing.assert_frame_equal(again.claims(), WHOLE.claims())


def test_what_an_ablation_has_measured_again_counts_once():
    twice = WHOLE.but("differences", lambda d: pd.concat([d, d.assign(difference=-9.0)]))
    twice = twice.but("points", lambda p: pd.concat([p, p.assign(cost=0.99)]))
    twice = twice.but("draws", lambda d: pd.concat([d, d.assign(value=0.99)]))
    pd.testing.assert_frame_equal(twice.claims(), WHOLE.claims())


def test_only_the_main_space_and_the_first_subset_are_read(run):
    own = evidence(run)
    assert set(own.points["space"]) == set(own.draws["space"]) == {MAIN}
    assert set(own.differences["space"]) == {MAIN, FIXED}
    assert set(statistics(run, "points")["space"]) > {MAIN, FIXED}
    for table in (own.points, own.differences, own.draws):
        assert set(table[table["task"] == "mnli"]["subset"]) == {"matched"}


def test_the_median_counts_a_missing_setting_as_no_reduction():
    draws = pd.DataFrame(
        {
            "task": ["a", "b", "c"],
            "value": [0.5, 0.4, np.nan],
            "seeds": [3, 2, 0],
            "d0": [0.5, 0.4, np.nan],
            "d1": [0.25, np.nan, 1.0],
            "d2": [np.nan, np.nan, 0.1],
        }
    )
    low, value, high = median_reduction(draws, ["a", "b", "c"])
    assert value == pytest.approx(2.0)  # of 2, 2.5 and 1
    medians = [2.0, 1.0, 1.0]
    assert (low, high) == pytest.approx(tuple(np.quantile(medians, [0.025, 0.975])))
    # A task without a row has none in any draw; one that is not asked for is not in it.
    assert median_reduction(draws, ["a", "b", "lost"])[1] == pytest.approx(2.0)
    assert median_reduction(draws, ["a", "lost"])[1] == pytest.approx(1.5)
    assert median_reduction(draws, ["b"])[1] == pytest.approx(2.5)


def test_the_mean_over_tasks_is_tested_two_sided():
    rows = [
        pd.Series(difference("rte", "a", "b", AUC, "score", value, error=error))
        for value, error in ((1.0, 0.3), (-0.4, 0.4))
    ]
    found = pool({"rte": rows[0], "sst2": rows[1]}, scale=2.0)
    assert (found.value, found.high - found.value) == pytest.approx((0.6, 0.98), rel=1e-3)
    assert found.p == pytest.approx(0.2301, abs=1e-4)  # of 0.3 at a standard error of 0.25
    assert found.titles == "RTE, SST-2" and found.few is None
    assert pool({}) is None and pool({"rte": rows[0]}).verdict(least=0.0) == OPEN


def test_verdicts_together_need_all_and_touching_decides_nothing():
    assert all_of([SUPPORTED, SUPPORTED]) == SUPPORTED
    assert all_of([SUPPORTED, OPEN]) == OPEN
    assert all_of([SUPPORTED, OPEN, REFUTED]) == REFUTED
    assert all_of([SUPPORTED, UNTESTABLE]) == UNTESTABLE
    assert all_of([OPEN, UNTESTABLE]) == OPEN
    assert all_of([]) == UNMEASURED and all_of([SUPPORTED, UNMEASURED]) == UNMEASURED
    assert judge(0.1, 2) == SUPPORTED and judge(-2, -0.1) == REFUTED
    assert judge(0, 1) == judge(-1, 0) == judge(-np.inf, 3) == judge(-3, np.inf) == OPEN
    assert judge(2.1, np.inf, least=2) == SUPPORTED
    assert [opposite(v) for v in (SUPPORTED, REFUTED, OPEN)] == [REFUTED, SUPPORTED, OPEN]


def test_seeds_are_counted_at_full_depth():
    own = WHOLE.where("points", {"method": "smartbert", "point": DROP}, seeds=1).evidence()
    assert own.trained("rte", "smartbert") == 3 and own.trained("rte", "no such method") == 0
    assert own.point("rte", "smartbert", FULL)["seeds"] == 3
    assert own.decided_by("rte", 3, 3) and not own.decided_by("rte", 2, 3)
    assert not own.decided_by("rte", 3, 5) and not own.decided_by("wnli", 5, 5)
    assert MANIFEST.methods["smartbert"].family == "released"
