"""Tuning: what Optuna finds against exhaustive search, what the operating points mean, shared
studies, and that nothing of test is read.
"""

import json
import time

import numpy as np
import pandas as pd
import pytest
from conftest import loads
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import DEPTH, made_up

from smartbert.criteria import NEVER
from smartbert.errors import UserError
from smartbert.points import BUDGETS, GLOBAL, PER_LAYER, POINTS, Setting, TunedSpace
from smartbert.policies import Policy
from smartbert.tune.choice import Tried, on_front, operating_points
from smartbert.tune.member import Member
from smartbert.tune.space import Search
from smartbert.tune.study import run_study, tune_method


def member(method: str, n: int = 120, task: str = "rte") -> Member:
    return Member(made_up(task, method, split="tune", n=n), "flops")


def tuned(method: str, **changes) -> tuple[dict[str, TunedSpace], pd.DataFrame]:
    options = {
        "convention": "flops",
        "spaces": [GLOBAL, PER_LAYER],
        "trials": 60,
        "sampler": "nsga2",
        "seed": 0,
        "dense": made_up("rte", "full_bert", split="tune"),
    }
    traces = {method: made_up("rte", method, split="tune")}
    found, rows = tune_method(traces, **{**options, **changes})
    return found, pd.DataFrame(rows)


def best(outcomes: list[tuple[float, float]], budget: float) -> float:
    """Highest score within a budget of whole per cents."""
    return max(score for score, cost in outcomes if round(cost, 2) <= budget)


def test_patience_is_searched_whole_and_equals_a_loop_over_all_of_it():
    own = member("pabee")
    found, trials = tuned("pabee")
    policies = [Policy()]
    policies += [Policy.uniform("patience", p, depth=DEPTH) for p in range(1, DEPTH)]
    every = [own.measure(policy) for policy in policies]
    assert found[GLOBAL].exhaustive and set(found) == {GLOBAL}
    assert len(trials) == DEPTH
    front = {(s.tune_score, s.tune_cost) for s in found[GLOBAL].front}
    beaten = {
        (s, c)
        for s, c in every
        if any((s2 >= s and c2 < c) or (s2 > s and c2 <= c) for s2, c2 in every)
    }
    assert front == set(every) - beaten
    assert found[GLOBAL].points["b75"].tune_score == best(every, 0.75)


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_a_single_threshold_comes_close_to_every_possible_one(sampler):
    own = member("deebert")
    signals = own.replay.signals(None, "entropy")
    cuts = np.append(np.unique(signals), np.log(2) + 0.01)
    every = [own.measure(Policy.uniform("entropy", cut, depth=DEPTH)) for cut in cuts]
    found, _ = tuned("deebert", spaces=[GLOBAL], trials=150, sampler=sampler)
    for name, budget in BUDGETS.items():
        # A few points of the few hundred possible thresholds' best, never above it.
        gap = best(every, budget) - found[GLOBAL].points[name].tune_score
        assert 0 <= gap <= 1.0


def test_the_per_layer_space_is_never_worse_on_tune_than_the_global_one():
    found, _ = tuned("smartbert")
    for name in BUDGETS:
        shared, own = (found[space].points[name] for space in (GLOBAL, PER_LAYER))
        assert own.tune_score >= shared.tune_score


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=DEPTH - 1, max_size=DEPTH - 1), st.integers(0, 2))
def test_parameters_give_a_setting_back_with_the_same_decisions(shares, skip):
    search = Search({"smartbert": member("smartbert", n=40)}, PER_LAYER)
    own = search.members["smartbert"]
    values = {f"exit_{i + 1}": share for i, share in enumerate(shares)} | {"skip": skip}
    setting = search.setting("smartbert", values)
    again = search.setting("smartbert", search.parameters(setting))
    first, second = (own.replay.decide(s.policy) for s in (setting, again))
    assert (first.exit_layer == second.exit_layer).all()
    assert own.measure(setting.policy) == own.measure(again.policy)


def test_a_share_is_the_share_of_signals_that_stop():
    own = member("deebert")
    signals = own.replay.signals(None, "entropy")[:, 2]
    for share in (0.25, 0.5, 0.8):
        threshold = own.threshold(share, skip=None, layer=2)
        assert (signals < threshold).mean() == pytest.approx(share, abs=1 / len(signals))
    assert own.threshold(0, skip=None, layer=2) == 0
    assert own.threshold(1, skip=None, layer=2) > np.log(2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_the_front_is_what_nothing_else_beats(outcomes):
    scores, costs = np.array(outcomes, dtype=float).T
    front = on_front(scores, costs)
    for i, (score, cost) in enumerate(outcomes):
        beaten = any((s >= score and c <= cost) and (s > score or c < cost) for s, c in outcomes)
        equal_before = any(
            (s, c) == (score, cost) and front[j] for j, (s, c) in enumerate(outcomes) if j != i
        )
        assert front[i] == (not beaten and not equal_before)


def test_points_keep_their_budgets_and_say_why_they_are_missing():
    found, trials = tuned("skip_only")
    points, missing = found[GLOBAL].points, found[GLOBAL].missing
    assert set(points) | set(missing) == set(POINTS) and not set(points) & set(missing)
    assert points["full"].skip_threshold is None and points["full"].criterion == NEVER
    cheapest = trials["cost_relative"].min()
    for name, budget in BUDGETS.items():
        if round(cheapest, 2) > budget:
            assert missing[name].startswith(f"no setting within {budget:.0%}")
        else:
            assert round(points[name].tune_cost, 2) <= budget
    without, _ = tuned("skip_only", dense=None)
    assert without[GLOBAL].missing["drop1"] == "dense BERT's score on tune is missing"


def test_drop1_is_the_cheapest_within_a_point_of_dense_bert():
    found, trials = tuned("smartbert")
    dense = member("full_bert").measure(Policy())[0]
    own = trials[trials["space"] == GLOBAL]
    allowed = own[own["score"] >= dense - 1]
    if allowed.empty:
        assert "no setting within 1 point" in found[GLOBAL].missing["drop1"]
    else:
        assert found[GLOBAL].points["drop1"].tune_cost == pytest.approx(
            allowed["cost_relative"].min()
        )


def test_a_loss_of_exactly_a_point_is_within_a_point():
    members = {"pabee": member("pabee")}
    dense, lower = 59.0, 57.99999999999999
    tried = [
        Tried(n, Setting("pabee", Policy()), score, cost, front=True)
        for n, (score, cost) in enumerate([(dense, 1.0), (lower, 0.4), (lower - 1, 0.2)])
    ]
    for exact in (dense, 59.0, lower + 1):
        points, _ = operating_points(members, tried, dense_score=exact)
        assert points["drop1"].tune_cost == 0.4


def test_depths_of_one_group_share_a_front():
    traces = {
        f"truncated_bert_{k}": made_up("rte", f"truncated_bert_{k}", split="tune", depth=k)
        for k in (2, 3, 4)
    }
    found, trials = tune_method(
        traces,
        convention="flops",
        spaces=[GLOBAL, PER_LAYER],
        trials=50,
        sampler="nsga2",
        seed=0,
        dense=made_up("rte", "full_bert", split="tune"),
    )
    assert {t["member"] for t in trials} == set(traces) and len(trials) == 3
    # Two and three of six layers, each with a head, are what a third and half of the cost mean.
    assert found[GLOBAL].points["b33"].member == "truncated_bert_2"
    assert found[GLOBAL].points["b50"].tune_cost == pytest.approx(0.5, abs=0.005)


def test_the_same_seed_gives_the_same_trials():
    first, second = (tuned("smartbert", sampler="tpe") for _ in range(2))
    assert first[0] == second[0]
    assert first[1].equals(second[1])


def test_a_study_in_a_storage_is_continued_and_not_repeated(tmp_path):
    search = Search({"deebert": member("deebert")}, GLOBAL)
    options = {"sampler": "nsga2", "seed": 0, "name": "shared"}
    for storage in (f"sqlite:///{tmp_path}/study.db", f"journal:{tmp_path}/study.log"):
        first = run_study(search, trials=30, storage=storage, **options)
        more = run_study(search, trials=50, storage=storage, **options)
        assert len(first) == 30 and len(more) == 50
        assert [t.score for t in more[:30]] == [t.score for t in first]
        assert more == run_study(search, trials=50, **options)  # as if it had never stopped


def test_an_unreachable_storage_is_one_clear_line():
    search = Search({"deebert": member("deebert")}, GLOBAL)
    with pytest.raises(UserError, match=r"storage .* cannot be opened: .*tuning\.storage"):
        run_study(
            search,
            trials=20,
            sampler="nsga2",
            seed=0,
            storage="sqlite:////nowhere/at/all/study.db",
        )
    with pytest.raises(UserError, match="unknown sampler 'grid'"):
        run_study(search, trials=20, sampler="grid", seed=0)


def test_an_unknown_space_is_named():
    with pytest.raises(UserError, match=r"unknown search space 'globl' .*global"):
        Search({"deebert": member("deebert")}, "globl")


def test_trainings_under_different_exit_rules_are_no_one_method():
    mixed = {name: member(name) for name in ("deebert", "pabee")}
    with pytest.raises(UserError, match=r"deebert \(entropy\), pabee \(patience\); set `group`"):
        Search(mixed, GLOBAL)


def test_depths_of_one_group_have_exits_of_their_own():
    deep, shallow = (made_up("rte", "deebert", split="tune", depth=k) for k in (6, 3))
    found, _ = tune_method(
        {"deep": deep, "shallow": shallow},
        convention="flops",
        spaces=[GLOBAL, PER_LAYER],
        trials=60,
        sampler="nsga2",
        seed=0,
        dense=None,
    )
    for space in found.values():
        for tried in space.front:
            assert len(tried.thresholds) in (0, 5 if tried.member == "deep" else 2)


def test_points_survive_json():
    found, _ = tuned("smartbert")
    for space in found.values():
        values = json.loads(json.dumps({"spaces": {"found": space.to_json()}}))
        again = TunedSpace.from_json(TunedSpace.split(values["spaces"]["found"]))
        assert again == space and [s.setting for s in again.front] == [
            s.setting for s in space.front
        ]


def test_one_trial_is_fast():
    own = Member(made_up("rte", "smartbert", n=10_000, depth=12), "flops")
    policy = Policy.uniform("entropy", 0.3, depth=12, skip_threshold=0.5)
    own.measure(policy)
    times = []
    for _ in range(15):
        begin = time.process_time()
        own.measure(policy)
        times.append(time.process_time() - begin)
    assert min(times) < 0.004  # the bar of 2 ms is the benchmark's; this catches a lost cache


def test_tuning_and_all_after_it_need_no_torch():
    modules = "smartbert.tune.study smartbert.analysis.comparison smartbert.analysis.claims"
    modules += " smartbert.report.writing smartbert.report.partial workflow.scripts.tune"
    modules += " workflow.scripts.evaluate workflow.scripts.tables baselines.registry"
    assert not loads(modules, "torch", "transformers")


def test_tuning_and_evaluation_need_no_pandas():
    assert not loads("workflow.scripts.tune workflow.scripts.evaluate", "pandas")
