"""Exit rules of any scale: what share 0, share 1 and any share between them let stop, live against
replay, NumPy against torch, rules with a second parameter or an array of their own; fixed depths,
and policies as they are written down.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import RULES, made_up

from baselines.loading import load
from smartbert.analysis.sweep import published_sweep
from smartbert.cost import CONVENTIONS, CostModel
from smartbert.criteria import CRITERIA, NEVER, Parameter, Seen, State, criterion, entropy
from smartbert.errors import UserError
from smartbert.points import PER_LAYER, PUBLISHED, Setting
from smartbert.policies import Policy, exit_signals
from smartbert.trace.outcomes import GRAIN
from smartbert.trace.replay import Replay, relative_cost
from smartbert.tune.member import Member
from smartbert.tune.space import Search
from smartbert.tune.study import tune_method

N, DEPTH, CLASSES = 40, 5, 3


SIMPLE = ("entropy", "normalised_entropy", "confidence", "certainty", "margin", "negative_energy")


@pytest.fixture(autouse=True, scope="module")
def rules():
    """The made-up rules, registered for these tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, rule in RULES.items():
            patch.setitem(CRITERIA, name, rule)
        yield


def traced(seed: int, rule: str, *, executed: float = 0.8):
    """A trace of random logits under a rule, some layers skipped."""
    rng = np.random.default_rng(seed)
    trace = made_up("mnli", "deebert", split="tune", n=N, depth=DEPTH)
    ran = rng.random((N, DEPTH)) < executed
    logits = rng.normal(0, 2, (N, DEPTH - 1, CLASSES)).astype(np.float32)
    logits[~ran[:, :-1]] = np.nan
    certainty = np.where(ran[:, :-1], rng.random((N, DEPTH - 1)), np.nan).astype(np.float32)
    return replace(
        trace,
        executed=ran,
        exit_logits=logits,
        final_logits=rng.normal(0, 2, (N, CLASSES)).astype(np.float32),
        extras={"certainty": certainty},
        meta=replace(trace.meta, criterion=rule),
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(SIMPLE), st.integers(0, DEPTH - 2), st.floats(0, 1))
def test_any_share_lets_the_right_number_stop(seed, rule, layer, share):
    own = Member(traced(seed, rule), "flops")
    ran = own.trace.executed[:, layer]

    def stopped(share: float) -> np.ndarray:
        off = criterion(rule).off
        threshold = own.threshold(share, skip=None, layer=layer)
        policy = Policy(rule, tuple(threshold if n == layer else off for n in range(DEPTH - 1)))
        decisions = own.replay.decide(policy)
        assert (decisions.exit_layer[decisions.exited] == layer + 1).all()
        return decisions.exited

    assert not stopped(0).any()
    assert (stopped(1) == ran).all()
    assert stopped(share).sum() == round(share * ran.sum())


@pytest.mark.parametrize("rule", SIMPLE)
def test_an_exit_that_is_off_is_neither_tested_nor_paid_for(rule):
    own = Member(traced(0, rule, executed=1.0), "flops")
    off = Policy.uniform(rule, criterion(rule).off, depth=DEPTH)
    assert not off.tested(DEPTH).any() and not off.can_exit(DEPTH)
    assert own.measure(off) == own.measure(Policy())


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([*SIMPLE, "patience", "confident_patience", "steady_entropy", "certain"]),
    st.floats(0.05, 0.95),
)
def test_live_and_replay_decide_alike(seed, rule, share):
    """Layer by layer on the rows still alive, as live inference goes; all layers at once."""
    trace = traced(seed, rule)
    own = Member(trace, "flops")
    parameters = (2.0,) if criterion(rule).parameters else ()
    threshold = 2.0
    if rule != "patience":
        threshold = own.threshold(share, skip=None, layer=None, parameters=parameters)
    policy = Policy.uniform(rule, threshold, depth=DEPTH, parameters=parameters)
    replayed = own.replay.decide(policy)
    for convert in (np.asarray, torch.as_tensor):
        if convert is torch.as_tensor and rule in ("margin", "negative_energy"):
            continue  # these two are written for NumPy alone
        state, alive = policy.start(N), np.arange(N)
        exit_layer = np.full(N, DEPTH)
        for layer in range(DEPTH - 1):
            rows = alive[trace.executed[alive, layer]]
            if not len(rows) or not policy.tests(layer):
                continue
            stop = policy.step(
                state,
                convert(trace.exit_logits[rows, layer]),
                rows=convert(rows),
                layer=layer,
                extras={"certainty": convert(trace.extras["certainty"][rows, layer])},
            )
            exit_layer[rows[np.asarray(stop)]] = layer + 1
            alive = np.flatnonzero(exit_layer == DEPTH)
        np.testing.assert_array_equal(exit_layer, replayed.exit_layer)


@pytest.mark.parametrize(
    "rule", ["entropy", "normalised_entropy", "confidence", "patience", "steady_entropy"]
)
def test_signals_of_torch_are_those_of_numpy(rule):
    trace = traced(3, rule, executed=1.0)
    parameters = (2.0,) if criterion(rule).parameters else ()
    signals = exit_signals(rule, trace.exit_logits, trace.executed, parameters=parameters)
    state = State(N)
    for layer in range(DEPTH - 1):
        logits, rows = torch.as_tensor(trace.exit_logits[:, layer]), torch.arange(N)
        found = criterion(rule).signal(state, Seen(logits, rows, parameters))
        assert isinstance(found, torch.Tensor)
        np.testing.assert_allclose(found.numpy(), signals[:, layer], rtol=1e-12)


@pytest.mark.parametrize("space", [PUBLISHED, PER_LAYER])
def test_a_rules_second_parameter_is_tuned_and_survives_json(space):
    trace = traced(5, "steady_entropy", executed=1.0)
    found, rows = tune_method(
        {"mine": trace}, convention="flops", spaces=[PUBLISHED, PER_LAYER], trials=80,
        sampler="nsga2", seed=0, dense=None,
    )  # fmt: skip
    tried = [Policy.of_columns(row) for row in rows if row["space"] == space]
    assert {policy.parameters for policy in tried if policy.thresholds} == {(1.0,), (2.0,), (3.0,)}
    settings_ = found[space].curve
    assert {Setting("mine", policy) for policy in tried} >= {s.setting for s in settings_}
    assert len(settings_) > 1 and settings_[-1].parameters
    again = type(settings_[0]).from_json(settings_[-1].to_json())
    assert again == settings_[-1] and again.policy.parameters == settings_[-1].parameters
    own = Member(trace, "flops")
    for setting in settings_:
        score, cost = own.measure(setting.policy)
        assert score == setting.tune_score
        assert cost == pytest.approx(setting.tune_cost, abs=GRAIN)
    search = Search({"mine": own}, space)
    setting = settings_[-1].setting
    back = search.setting("mine", search.parameters(setting))
    assert back.policy.parameters == setting.policy.parameters or not setting.policy.thresholds


def test_tables_say_a_rules_parameters_where_there_are_some():
    policy = Policy.uniform("steady_entropy", 0.5, depth=4, parameters=(2.0,))
    assert policy.columns() == {
        "skip_threshold": None,
        "thresholds": "0.5;0.5;0.5",
        "parameters": "2",
    }
    assert set(Policy.uniform("entropy", 0.5, depth=4).columns()) == {
        "skip_threshold",
        "thresholds",
    }


def test_a_published_sweep_gives_parameters_with_the_threshold(tmp_path):
    trace = traced(5, "steady_entropy", executed=1.0)
    trace = replace(trace, meta=replace(trace.meta, sweep=((0.4, 1), (0.4, 3), (0.0, 2))))
    trace.save(tmp_path / "trace.safetensors")
    found = published_sweep(type(trace).load(tmp_path / "trace.safetensors"))
    swept = {point.name: point.policy for point in found if point.policy.thresholds}
    assert list(swept) == ["steady_entropy 0.4, window 1", "steady_entropy 0.4, window 3"]
    assert [policy.parameters for policy in swept.values()] == [(1,), (3,)]


def test_a_trace_without_the_array_that_a_rule_needs_is_refused():
    trace = replace(traced(0, "certain"), extras={})
    with pytest.raises(UserError, match="needs the array 'certainty', which this trace lacks"):
        Replay(trace).decide(Policy.uniform("certain", 0.5, depth=DEPTH))


def test_a_policy_without_its_rules_parameters_is_refused():
    with pytest.raises(UserError, match=r"'steady_entropy' has 1 parameters .* 0 are given"):
        Policy.uniform("steady_entropy", 0.5, depth=DEPTH)


def test_a_signal_of_lower_precision_is_compared_as_the_threshold_is(monkeypatch):
    """Else a live run would compare in half precision, and replay in double."""

    def rounded(state, seen):
        return entropy(seen.logits).astype(np.float16)

    rule = replace(CRITERIA["entropy"], name="rounded", signal=rounded)
    monkeypatch.setitem(CRITERIA, "rounded", rule)
    trace = traced(2, "entropy", executed=1.0)
    signals = exit_signals("rounded", trace.exit_logits, trace.executed)
    policy = Policy.uniform("rounded", float(signals[0, 0]) + 1e-5, depth=DEPTH)
    live = policy.step(policy.start(N), trace.exit_logits[:, 0], rows=np.arange(N), layer=0)
    assert signals.dtype == np.float64
    np.testing.assert_array_equal(live, signals[:, 0] < policy.thresholds[0])


def test_a_parameter_cannot_have_the_name_of_another_knob():
    with pytest.raises(ValueError, match="cannot be called 'exit_2'"):
        replace(RULES["steady_entropy"], parameters=(Parameter("exit_2", lambda depth: (1.0,)),))


def test_extras_survive_the_traces_file(tmp_path):
    trace = traced(1, "certain")
    trace.save(tmp_path / "trace.safetensors.gz")
    again = type(trace).load(tmp_path / "trace.safetensors.gz")
    np.testing.assert_array_equal(again.extras["certainty"], trace.extras["certainty"])
    assert again.meta == trace.meta


@pytest.mark.parametrize("name", [*CRITERIA, *RULES])
@pytest.mark.parametrize("classes", [2, 3, 200])
def test_a_ladder_leads_from_nobody_to_everybody(name, classes):
    rule, depth = criterion(name), 7
    rungs = rule.ladder(classes, depth)
    if name in ("margin", "negative_energy"):
        assert rungs == ()  # a scale without ends: no list is fixed before signals are seen
        return
    assert rungs[0] == rule.off and not rule.can_stop(rungs[0])
    assert all(map(rule.can_stop, rungs[1:]))
    if name == "patience":
        assert rungs == (0, 6, 5, 4, 3, 2, 1)  # the latest exit first
        return
    assert len(rungs) == 51 and len(rule.ladder(classes, depth, steps=10)) == 11
    np.testing.assert_allclose(np.diff(rungs), (rungs[-1] - rungs[0]) / 50, rtol=1e-9)
    logits = np.random.default_rng(0).normal(0, 3, (500, classes))
    logits[:2] = np.zeros(classes), 1e4 * np.eye(classes)[0]  # the least and the most certain
    seen = Seen(logits, np.arange(500), (1.0,), {"certainty": np.linspace(0, 1, 500)})
    signals = rule.measure(State(500), seen)
    stopping = [int(rule.passes(signals, rung).sum()) for rung in rungs]
    assert stopping == sorted(stopping) and stopping[-1] == 500
    assert stopping[0] == 0 < stopping[25] < 500


def test_a_ladder_knows_nothing_but_classes_and_depth():
    """Learn-then-Test holds for lists that no example has a part in."""
    for name in CRITERIA:
        assert criterion(name).ladder(3, 6) == criterion(name).ladder(3, 6)
    assert CRITERIA["entropy"].ladder(3, 6) == CRITERIA["entropy"].ladder(3, 12)
    assert CRITERIA["confidence"].ladder(3, 6) == CRITERIA["confidence"].ladder(2, 6)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("method", ["smartbert", "deebert", "pabee", "exit_only"])
def test_at_a_fixed_depth_everybody_leaves_there_and_pays_for_one_head(method, convention):
    trace = made_up("mnli", method, n=50)
    costs, exits = CostModel(trace.meta.architecture, CONVENTIONS[convention]), trace.path(None)
    lengths, classes = trace.lengths, trace.meta.architecture.classes
    t = costs.counted_lengths(lengths)
    policies = trace.fixed_depths()
    assert len(policies) == trace.depth
    for layer, policy in enumerate(policies, start=1):
        assert policy == Policy.fixed(layer, depth=trace.depth, classes=classes)
        decisions = Replay(trace).decide(policy)
        assert (decisions.exit_layer == layer).all() and (decisions.layers == layer).all()
        last = layer == trace.depth
        answer = exits.final_logits if last else exits.exit_logits[:, layer - 1]
        np.testing.assert_array_equal(decisions.logits, answer)
        assert (decisions.exited == (not last)).all()
        assert policy.skip_threshold is None
        assert policy.tested(trace.depth).sum() == (not last)
        found = relative_cost(trace, decisions, policy, name=convention)
        if convention == "layers":
            np.testing.assert_array_equal(found, np.full(50, layer / trace.depth))
        elif not CONVENTIONS[convention].all_exits:  # which counts what does not run, too
            kind = trace.meta.architecture.head if last else trace.meta.architecture.exits
            spent = layer * costs.layer(t) + costs.head(kind, t)
            np.testing.assert_array_equal(found, spent / costs.dense(lengths))


numbers = st.floats(allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([NEVER, *CRITERIA, *RULES]),
    st.lists(numbers, min_size=1, max_size=12),
    st.none() | numbers,
    numbers,
)
def test_exact_columns_give_the_same_policy_again(name, thresholds, skip, parameter):
    rule = criterion(name)
    given_ = (parameter,) if rule is not None and rule.parameters else ()
    policy = Policy(name, tuple(thresholds) if rule else (), skip, given_)
    cells = policy.exact_columns()
    assert list(cells) == ["criterion", "skip_threshold", "thresholds", "parameters"]
    assert all(isinstance(cell, str) for cell in cells.values())
    assert Policy.of_columns(cells) == policy


@pytest.mark.parametrize(("classes", "speed"), [(2, 0.5), (3, 0.5), (3, 0.9)])
def test_normalised_entropy_means_the_same_for_any_number_of_classes(classes, speed):
    """A half for 0.5 log C, whatever C is; one where all classes are alike."""
    logits = np.zeros((1, 3, classes), dtype=np.float32)
    logits[:, 1, 0], logits[:, 2, 0] = 2.2, 9.0
    signals = exit_signals("normalised_entropy", logits, np.ones((1, 4), dtype=bool))
    np.testing.assert_allclose(signals * np.log(classes), entropy(logits), rtol=1e-12)
    assert signals[0, 0] == pytest.approx(1.0) and signals[0, 2] < 0.01
    policy = Policy.uniform("normalised_entropy", speed, depth=4)
    assert policy.stops(signals).tolist() == [[False, bool(signals[0, 1] < speed), True]]


@pytest.mark.parametrize(
    ("confident", "patience", "exit_layer"),
    [
        ("xxxxx", 1, 1),
        ("xxxxx", 2, 2),
        ("xxxxx", 4, 4),
        ("xxxxx", 5, 5),
        (".xxxx", 5, 6),  # layer 6 answers with the final head
        (".x.xx", 2, 5),
        (".x.x.", 2, 6),
        ("xx.xx", 3, 6),
        ("..x..", 1, 3),
        ("x-x..", 2, 3),  # a layer that is skipped is not in the row
        ("x-.xx", 2, 5),
        ("-----", 1, 6),
    ],
)
def test_patience_with_confidence_counts_executed_layers(confident, patience, exit_layer):
    """x: E / log C below the threshold, .: not, -: the layer did not run."""
    ran = np.array([[sign != "-" for sign in confident] + [True]])
    logits = np.zeros((1, 5, CLASSES), dtype=np.float32)
    logits[0, [sign == "x" for sign in confident], 0] = 9.0
    policy = Policy.uniform("confident_patience", 0.5, depth=6, parameters=(patience,))
    assert patience in criterion("confident_patience").parameters[0].values(6)
    signals = exit_signals("confident_patience", logits, ran, parameters=policy.parameters)
    stops = policy.stops(signals)[0]
    assert (stops.argmax() + 1 if stops.any() else 6) == exit_layer


@pytest.mark.parametrize(
    ("certainties", "threshold", "exit_layer"),
    [
        ((0.2, 0.5, 0.9), 0.5, 2),  # at the threshold is certain enough
        ((0.2, 0.5, 0.9), 0.6, 3),
        ((0.2, 0.5, 0.9), 0.95, 4),
        ((np.nan, 0.1, 0.3), 0.2, 3),  # the first layer is skipped
        ((0.2, 0.5, 1.0), np.nextafter(1.0, 2.0), 4),  # off
        ((0.0, 0.5, 1.0), 0.0, 1),
    ],
)
def test_the_first_exit_that_is_certain_answers(certainties, threshold, exit_layer):
    certainty = np.array([certainties], dtype=np.float32)
    ran = np.concatenate([~np.isnan(certainty), [[True]]], 1)
    logits = np.zeros((1, 3, CLASSES), dtype=np.float32)
    extras = {"certainty": certainty}
    stops = Policy.uniform("certainty", threshold, depth=4).stops(
        exit_signals("certainty", logits, ran, extras=extras)
    )[0]
    assert (stops.argmax() + 1 if stops.any() else 4) == exit_layer


@pytest.mark.parametrize("space", [PUBLISHED, PER_LAYER])
def test_patience_is_tuned_with_its_threshold(space):
    trace = traced(5, "confident_patience", executed=1.0)
    found, rows = tune_method(
        {"mine": trace}, convention="flops", spaces=[PUBLISHED, PER_LAYER], trials=80,
        sampler="nsga2", seed=0, dense=None,
    )  # fmt: skip
    tried = [Policy.of_columns(row) for row in rows if row["space"] == space]
    assert {policy.parameters for policy in tried if policy.thresholds} == {
        (float(p),) for p in range(1, DEPTH)
    }
    assert all(t < 2.01 for policy in tried for t in policy.thresholds)
    own = Member(trace, "flops")
    for setting in found[space].curve:
        score, cost = own.measure(setting.policy)
        assert score == setting.tune_score
        assert cost == pytest.approx(setting.tune_cost, abs=GRAIN)


def test_pcee_sweeps_thresholds_at_a_patience_of_two():
    trace = traced(5, "patience", executed=1.0)
    trace = trace.read_as(load("pcee_bert").read(trace.meta))
    swept = [p for p in published_sweep(trace) if p.policy.thresholds]
    assert len(swept) == 9 and swept[0].name == "confident_patience 0.0556, patience 2"
    assert {point.policy.parameters for point in swept} == {(2,)}


def test_a_skip_threshold_keeps_the_single_precision_of_its_grid():
    """The grid is float32, whose neighbours lie closer than six digits tell apart."""
    skip = np.float32(0.42)
    for value in (skip, np.nextafter(skip, np.float32(1))):
        policy = Policy(skip_threshold=float(value))
        assert np.float32(Policy.of_columns(policy.exact_columns()).skip_threshold) == value
