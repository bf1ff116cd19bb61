"""Choosing among the settings that were tried: once, again on other tune examples, and what has no
part in it.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import RULES, made_up
from made_up_run import MEMBERS, SEEDS, TASKS, traces
from scipy.stats import binom

from smartbert.criteria import CRITERIA, NEVER
from smartbert.errors import UserError
from smartbert.files import write_rows
from smartbert.points import (
    BUDGETS,
    CURVE_BUDGETS,
    FIXED,
    FULL,
    GLOBAL,
    MAIN,
    MOST_HARMED,
    PER_LAYER,
    PUBLISHED,
    SPACES,
    Setting,
    Tuned,
    points_of,
)
from smartbert.policies import Policy
from smartbert.results import Results
from smartbert.trace.outcomes import outcomes
from smartbert.trace.replay import Replay
from smartbert.trace.trace import Trace
from smartbert.tune.choice import (
    Candidates,
    certifiable,
    fixed_depths,
    measure_all,
    read_trials,
    tried_in,
)
from smartbert.tune.rules import CERTAINTY, LUCKIEST, ONE_ERROR
from smartbert.tune.study import tune_method


def tune_trace(task: str, member: str, **changes: int) -> Trace:
    depth = int(member[-1]) if member[-1].isdigit() else 6
    return made_up(task, member, split="tune", depth=depth, **changes)


def candidates(
    task: str, method: str, space: str, *, n: int = 120, trials: int = 60
) -> tuple[Candidates, dict[str, Trace], Trace]:
    """What was tried of a method in a space, with its tune traces and dense BERT's."""
    members = {name: tune_trace(task, name, n=n) for name in MEMBERS[method]}
    dense = tune_trace(task, "full_bert", n=n)
    _, rows = tune_method(
        members, convention="flops", spaces=SPACES, trials=trials, sampler="nsga2", seed=0,
        dense=dense,
    )  # fmt: skip
    tried: dict[str, dict[Setting, None]] = {}
    for row in rows:
        setting = Setting(row["member"], Policy.of_columns(row))
        tried.setdefault(row["space"], {})[setting] = None
    listed = tried_in(space, members, {name: list(own) for name, own in tried.items()})
    own = Candidates(members, listed, space=space, dense=dense, convention="flops")
    return own, members, dense


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", MEMBERS)
def test_choosing_on_tune_as_it_is_gives_what_the_run_wrote_down(run, task, method):
    for seed in SEEDS:
        files = Results(run).run(task, method, seed)
        tuned, trials = Tuned.read(files.points), read_trials(files.trials)
        members = dict(
            zip(
                MEMBERS[method],
                map(Trace.load, traces(run, task, MEMBERS[method], seed, "tune")),
                strict=True,
            )
        )
        dense = Trace.load(traces(run, task, ["full_bert"], seed, "tune")[0])
        assert set(trials) == set(tuned.spaces) - {FIXED}
        for space, found in tuned.spaces.items():
            own = Candidates(
                members, tried_in(space, members, trials), space=space, dense=dense,
                convention=tuned.convention,
            )  # fmt: skip
            chosen = own.choose()
            assert set(chosen.points) == set(points_of(space))
            assert set(chosen.points) == {*found.points, *found.missing}
            for point, (at,) in chosen.points.items():
                if at < 0:
                    assert found.missing[point] == own.reason(point)
                else:
                    assert own.tuned(at) == found.points[point]
            curve = dict.fromkeys(at for at in chosen.curve[0] if at >= 0)
            assert [own.tuned(at) for at in curve] == list(found.curve)


def repeated(trace: Trace, picks: np.ndarray) -> Trace:
    """The trace of a tune set in which examples stand as often as they were drawn."""
    by_example = [np.flatnonzero(trace.example == pick) for pick in picks]
    rows = np.concatenate(by_example)
    place = np.repeat(np.arange(len(picks)), [len(own) for own in by_example])
    named = ("low", "high", "gates", "executed", "exit_logits", "final_logits")
    return replace(
        trace,
        **{name: getattr(trace, name)[picks] for name in ("labels", "lengths", "index", "subset")},
        **{name: getattr(trace, name)[rows] for name in named},
        example=place,
    )


@pytest.mark.parametrize("task", ["rte", "mrpc", "cola", "mnli"])  # accuracy, F1, MCC; classes
@pytest.mark.parametrize(
    ("method", "space"),
    [
        ("smartbert", PUBLISHED),
        ("smartbert", GLOBAL),
        ("deebert", PER_LAYER),
        ("pabee", PUBLISHED),
        ("exit_only", FIXED),
        ("truncated_bert", PUBLISHED),
    ],
)
def test_weights_choose_what_a_tune_set_of_repeated_rows_would(task, method, space):
    """With no standard error in it, which a draw takes from tune itself."""
    own, members, dense = candidates(task, method, space)
    rng, n = np.random.default_rng(1), len(dense)
    picks = rng.integers(0, n, (12, n))
    weights = np.array([np.bincount(pick, minlength=n) for pick in picks], dtype=np.float32)
    together = own.choose(weights, rule=LUCKIEST)
    several = 0
    for b, pick in enumerate(picks):
        again = Candidates(
            {name: repeated(trace, pick) for name, trace in members.items()},
            own.settings[: own.tried],
            space=space,
            dense=repeated(dense, pick),
            convention="flops",
        )
        np.testing.assert_array_equal(again.answers, own.answers[:, pick])
        alone = again.choose(rule=LUCKIEST)
        assert set(alone.points) == set(together.points) == set(points_of(space))
        pairs = [(alone.points[name][0], together.points[name][b]) for name in alone.points]
        pairs += zip(alone.curve[0], together.curve[b], strict=True)
        for one, other in pairs:
            # Of equally good settings the two may take another one: tune ranks them.
            assert (one < 0) == (other < 0)
            if one >= 0:
                assert again.score[one] == pytest.approx(again.score[other], abs=1e-4)
                assert again.cost[one] == pytest.approx(again.cost[other], abs=1e-5)
        several += len({int(at) for at in alone.curve[0]}) > 2
        for name in {"ltt", FULL} & set(alone.points):  # along a list, whose order is given
            assert alone.points[name][0] == together.points[name][b]
    assert several or method in ("pabee", "truncated_bert")


@pytest.mark.parametrize("rule", [ONE_ERROR, LUCKIEST])
@pytest.mark.parametrize("space", SPACES)
def test_many_draws_are_one_draw_after_another(space, rule):
    own, _, dense = candidates("mrpc", "smartbert", space)
    n = len(dense)
    weights = np.random.default_rng(2).multinomial(n, np.full(n, 1 / n), size=20)
    weights = np.concatenate([np.ones((1, n), dtype=int), weights]).astype(np.float32)
    together = own.choose(weights, rule=rule)
    for b in range(len(weights)):
        alone = own.choose(weights[b : b + 1], rule=rule)
        for name, chosen in alone.points.items():
            assert chosen[0] == together.points[name][b]
        np.testing.assert_array_equal(alone.curve[0], together.curve[b])
    as_it_is = own.choose(rule=rule)
    np.testing.assert_array_equal(as_it_is.curve[0], together.curve[0])
    assert {name: at[0] for name, at in as_it_is.points.items()} == {
        name: at[0] for name, at in together.points.items()
    }
    assert len({tuple(row) for row in together.curve}) > 5  # draws do differ


def test_the_standard_errors_of_a_draw_are_tunes_own():
    """A draw moves the scores, not the yardstick: at an example drawn n times every score is 0 or
    100, and still what tune cannot tell apart is not told apart.
    """
    own, _, dense = candidates("rte", "deebert", PUBLISHED)
    errors = own.errors.copy()
    one = np.zeros((1, len(dense)), dtype=np.float32)
    one[0, 3] = len(dense)
    chosen = own.choose(one)
    np.testing.assert_array_equal(own.errors, errors)
    right = own.answers[: own.tried, 3] == own.labels[3]
    costs = np.where(right if right.any() else True, own.costs[: own.tried, 3], -1)
    assert own.costs[chosen.curve[0, -1], 3] == pytest.approx(costs.max(), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_trials_does_not_decide(seed):
    """Ranked by what they give, a file of trials in another order gives the same choices."""
    members = {"deebert": tune_trace("rte", "deebert", n=40)}
    dense = tune_trace("rte", "full_bert", n=40)
    signals = Replay(members["deebert"]).signals(None, "entropy")
    tried = [
        Setting("deebert", Policy.uniform("entropy", cut, depth=6))
        for cut in np.quantile(signals, np.linspace(0.05, 1, 15))
    ]
    order = np.random.default_rng(seed).permutation(len(tried))
    options = {"space": PUBLISHED, "dense": dense, "convention": "flops"}
    first = Candidates(members, tried, **options)
    second = Candidates(members, [tried[i] for i in order], **options)
    for rule in (ONE_ERROR, LUCKIEST):
        one, two = first.choose(rule=rule), second.choose(rule=rule)
        for a, b in [
            *((one.points[name][0], two.points[name][0]) for name in one.points),
            *zip(one.curve[0], two.curve[0], strict=True),
        ]:
            assert (first.score[a], first.cost[a]) == (second.score[b], second.cost[b]) or a == b


def test_a_method_dearer_than_dense_bert_has_its_cheapest_setting_as_its_curve():
    trace = tune_trace("rte", "skip_only")
    gates = np.full_like(trace.gates, 0.1)  # nothing is ever skipped, and every gate is paid for
    trace = replace(trace, gates=gates, executed=np.ones_like(trace.executed))
    dense = tune_trace("rte", "full_bert")
    found, rows = tune_method(
        {"skip_only": trace}, convention="flops", spaces=[PUBLISHED], trials=20, sampler="nsga2",
        seed=0, dense=dense,
    )  # fmt: skip
    (setting,) = found[PUBLISHED].curve
    assert setting.tune_cost > 1.02 and setting.skip_threshold == 0.5 and len(rows) == 1
    for name, budget in BUDGETS.items():
        assert found[PUBLISHED].missing[name].startswith(f"no setting within {budget:.0%} of dense")
    own = Candidates(
        {"skip_only": trace}, [setting.setting], space=PUBLISHED, dense=dense, convention="flops"
    )
    n = len(dense)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=9).astype(np.float32)
    curve = own.choose(weights).curve
    assert curve.shape == (9, len(CURVE_BUDGETS))
    assert (curve[:, -1] == 0).all() and (curve[:, :-1] == -1).all()


def test_of_several_settings_dearer_than_dense_bert_the_curve_is_the_cheapest():
    members = {"exit_only": tune_trace("rte", "exit_only")}
    tried = [  # nobody leaves at these, and the exits that are tested are paid for
        Setting("exit_only", Policy("entropy", (1e-9,) * on + (0.0,) * (5 - on)))
        for on in (5, 2, 3, 4)
    ]
    dense = tune_trace("rte", "full_bert")
    own = Candidates(members, tried, space=PER_LAYER, dense=dense, convention="flops")
    assert (own.cost[:4] > 1.005).all()
    curve = own.choose().curve[0]
    assert curve[-1] == 1 and (curve[:-1] == -1).all()


@pytest.mark.parametrize("method", ["smartbert", "deebert", "pabee", "skip_only"])
def test_the_list_that_is_certified_does_not_depend_on_tune(method):
    one = {method: tune_trace("rte", method, seed=1)}
    other = {method: replace(tune_trace("rte", method, seed=2, n=77), labels=np.zeros(77, int))}
    assert certifiable(one) == certifiable(other)
    listed = []
    for members, tried in ((one, []), (other, [Setting(method, Policy())] * 3)):
        dense = tune_trace("rte", "full_bert", n=len(members[method]))
        own = Candidates(members, tried, space=MAIN, dense=dense, convention="flops")
        listed.append([own.settings[i] for i in own.ladder])
        assert len(own.settings) == len(tried) + 1 + len(own.ladder)
        for space in (GLOBAL, PER_LAYER, FIXED):  # which are not certified
            rest = Candidates(members, tried, space=space, dense=dense, convention="flops")
            assert not len(rest.ladder) and "ltt" not in points_of(space)
    assert listed[0] == listed[1] == certifiable(one)
    skip = one[method].meta.skip_threshold
    assert {setting.policy.skip_threshold for setting in listed[0]} == {skip}
    rule = CRITERIA.get(one[method].meta.criterion)
    assert listed[0][0].policy == Policy(skip_threshold=skip)  # the exits off
    wanted = rule.ladder(2, 6)[1:] if rule else ()
    assert [setting.policy.thresholds for setting in listed[0][1:]] == [(t,) * 5 for t in wanted]


def test_of_several_trainings_the_deepest_is_first_on_the_list():
    members = {f"truncated_bert_{k}": tune_trace("rte", f"truncated_bert_{k}") for k in (2, 4, 3)}
    names = [setting.member for setting in certifiable(members)]
    assert names == ["truncated_bert_4", "truncated_bert_3", "truncated_bert_2"]


def test_a_rule_without_ends_is_not_certified_and_says_why(monkeypatch):
    monkeypatch.setitem(CRITERIA, "margin", RULES["margin"])
    trace = tune_trace("rte", "deebert")
    members = {"mine": replace(trace, meta=replace(trace.meta, criterion="margin"))}
    found, _ = tune_method(
        members, convention="flops", spaces=[PUBLISHED], trials=20, sampler="nsga2", seed=0,
        dense=tune_trace("rte", "full_bert"),
    )  # fmt: skip
    assert certifiable(members) == []
    assert "scale has no ends" in found[PUBLISHED].missing["ltt"]


def test_what_is_certified_is_the_last_of_the_list_before_harm_begins():
    """All exits answer as dense BERT does; the first is often wrong where it is uncertain."""
    n, rng = 2000, np.random.default_rng(0)
    dense = tune_trace("rte", "full_bert", n=n)
    logits = np.repeat(dense.final_logits[:, None], 5, axis=1)
    spread = rng.uniform(0.1, 3, n)[:, None] * np.array([1, -1])
    logits[:, 0] = np.where(dense.final_logits.argmax(-1)[:, None] == 0, spread, -spread)
    wrong = rng.random(n) < 0.2 * (spread[:, 0] < 1)
    logits[wrong, 0] *= -1
    trace = replace(
        tune_trace("rte", "deebert", n=n),
        exit_logits=logits.astype(np.float32),
        final_logits=dense.final_logits,
    )
    own = Candidates({"deebert": trace}, [Setting("deebert", Policy())], space=MAIN, dense=dense,
                     convention="flops")  # fmt: skip
    right = dense.path(None).final_logits.argmax(-1) == dense.labels
    np.testing.assert_array_equal(own.harmed, right & (own.answers[own.ladder] != dense.labels))
    weights = rng.multinomial(n, np.full(n, 1 / n), size=20).astype(np.float32)
    weights[0] = 1
    chosen = own.choose(weights).points["ltt"]
    for draw, at in zip(weights, chosen, strict=True):
        harms = own.harmed @ draw.astype(int)
        passed = [binom.cdf(harm, n, MOST_HARMED) <= CERTAINTY for harm in harms]
        assert at == own.ladder[passed.index(False) - 1]
    assert 0 < own.harmed[chosen[0] - own.ladder[0]].mean() < MOST_HARMED < own.harmed[-1].mean()
    assert own.cost[chosen[0]] < 0.8 and len(set(chosen)) > 1


def test_where_nothing_is_certified_the_reason_has_the_least_that_could_be():
    own, _, _ = candidates("rte", "deebert", MAIN, n=2000, trials=20)
    harm = own.harmed[0].mean()  # by full depth itself, which is another model than dense BERT
    assert harm > MOST_HARMED and own.choose().points["ltt"][0] == -1
    reason = own.reason("ltt")
    assert reason.startswith(f"none certified: the first of the list harms {harm:.1%} of tune")
    assert "2000 examples can certify 0.1% of harm at the least" in reason


def test_settings_of_several_trainings_are_measured_on_their_own_traces():
    members = {name: tune_trace("mnli", name) for name in MEMBERS["truncated_bert"]}
    members["deebert"] = tune_trace("mnli", "deebert")
    listed = [Setting(name, Policy()) for name in members] * 2
    listed += [Setting("deebert", Policy.uniform("entropy", 0.5, depth=6))]
    listed = [listed[i] for i in np.random.default_rng(0).permutation(len(listed))]
    answers, costs = measure_all(members, listed, convention="flops")
    for row, setting in enumerate(listed):
        replay = Replay(members[setting.member])
        own, spent = outcomes(replay, [setting.policy], convention="flops")
        np.testing.assert_array_equal(answers[row], own[0])
        np.testing.assert_array_equal(costs[row], spent[0])


def test_fixed_depths_are_of_trainings_with_exits():
    members = {name: tune_trace("rte", name) for name in ("skip_only", "smartbert", "full_bert")}
    found = fixed_depths(members)
    assert {setting.member for setting in found} == {"smartbert"} and len(found) == 6
    assert [s.policy for s in found] == members["smartbert"].fixed_depths()
    assert tried_in(FIXED, members, {}) == found
    assert tried_in(MAIN, members, {MAIN: found[:2]}) == found[:2]
    assert all(members[name].meta.criterion == NEVER for name in ("skip_only", "full_bert"))


def test_without_dense_bert_nothing_is_held_against_it():
    members = {"smartbert": tune_trace("rte", "smartbert")}
    tried = [Setting("smartbert", Policy(skip_threshold=0.5))]
    own = Candidates(members, tried, space=MAIN, dense=None, convention="flops")
    points = own.choose().points
    assert points["drop1"][0] == points["ltt"][0] == -1 and points[FULL][0] == 1
    for name in ("drop1", "ltt"):
        assert own.reason(name) == "dense BERT's score on tune is missing"


def test_trials_are_read_as_they_were_tried(tmp_path):
    rng = np.random.default_rng(0)
    thresholds = rng.random((50, 5)) * 10.0 ** rng.integers(-300, 300, (50, 5))
    tried = [Setting("a, b", Policy("entropy", tuple(map(float, own)))) for own in thresholds]
    skips = map(float, rng.random(9, dtype=np.float32))
    tried += [Setting('say "c"', Policy(skip_threshold=skip)) for skip in skips]
    tried += [Setting("c", Policy()), Setting("c", Policy.uniform("patience", 3, depth=6))]
    rows = [
        {"space": space, "score": 1 / 3, "member": s.member, **s.policy.exact_columns()}
        for space, own in ((PUBLISHED, tried[:5]), (GLOBAL, [*tried, *tried[:7]]))
        for s in own
    ]
    write_rows(rows, tmp_path / "trials.csv")
    found = read_trials(tmp_path / "trials.csv")
    assert found == {PUBLISHED: tried[:5], GLOBAL: tried}  # each once


@pytest.mark.parametrize(
    "text",
    [
        "space,number,member\npublished,0,a\n",
        "space,member,criterion,skip_threshold,thresholds,parameters\npublished,a,entropy,,0.1;x,\n",
        "space,member,criterion,skip_threshold,thresholds,parameters\npublished,a,entropy\n",
        None,
    ],
)
def test_damaged_trials_are_refused_by_name(tmp_path, text):
    path = tmp_path / "trials.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=r"cannot read .*trials\.csv: .*; delete it and run again"):
        read_trials(path)


def test_a_setting_of_a_training_without_a_trace_is_refused():
    trace = made_up("rte", "deebert", split="tune")
    with pytest.raises(
        UserError, match=r"of training 'other', of which there is no trace; known: deebert"
    ):
        measure_all({"deebert": trace}, [Setting("other", Policy())], convention="flops")


def test_a_space_without_trials_is_refused():
    trace = made_up("rte", "deebert", split="tune")
    with pytest.raises(UserError, match="no settings of the space 'global'"):
        tried_in("global", {"deebert": trace}, {"published": [Setting("deebert", Policy())]})
