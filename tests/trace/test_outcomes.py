"""Many replays at once against one after another, and traces of some of their examples."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import RULES, made_up

from smartbert.cost import CONVENTIONS
from smartbert.criteria import CRITERIA, NEVER, criterion
from smartbert.policies import Policy
from smartbert.trace import outcomes as module
from smartbert.trace.outcomes import DRAWS, GRAIN, mean_costs, outcomes
from smartbert.trace.replay import Replay, relative_cost
from smartbert.trace.trace import Trace

METHODS = ("smartbert", "skip_only", "deebert", "pabee", "exit_only")
BUILT_IN = tuple(CRITERIA)
seeds = st.integers(0, 10**6)


@pytest.fixture(autouse=True, scope="module")
def rules():
    """The made-up rules, registered for these tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, rule in RULES.items():
            patch.setitem(CRITERIA, name, rule)
        yield


def random_trace(rng: np.random.Generator, method: str) -> Trace:
    """A made-up trace, some layers of every path skipped, some logits tied, some paths shared."""
    task = str(rng.choice(["rte", "mnli"]))
    depth, n = int(rng.integers(2, 9)), int(rng.integers(1, 40))
    trace = made_up(task, method, n=n, depth=depth, seed=int(rng.integers(100)))
    executed = trace.executed & (rng.random(trace.executed.shape) < rng.choice([0.5, 0.9, 1.0]))
    logits, final = trace.exit_logits, trace.final_logits
    if rng.random() < 0.5:
        logits, final = logits.round(), final.round()
    logits = np.where(executed[:, :-1, None], logits, np.nan)
    certainty = np.where(executed[:, :-1], rng.random(logits.shape[:2]), np.nan)
    # At the last threshold but one some examples go the way that they go at the last.
    end = len(trace.grid)
    shared = rng.choice(n, n // 2, replace=False) if end > 1 else []
    last = np.isin(trace.example, shared) & (trace.high == end)
    kept = ~(np.isin(trace.example, shared) & (trace.high == end - 1))
    low = np.where(last, trace.low - 1, trace.low)
    return replace(
        trace,
        example=trace.example[kept],
        low=low[kept],
        high=trace.high[kept],
        gates=trace.gates[kept],
        executed=executed[kept],
        exit_logits=logits[kept],
        final_logits=final[kept],
        extras={"certainty": certainty.astype(np.float32)[kept]},
    )


def random_policy(rng: np.random.Generator, replay: Replay, name: str) -> Policy:
    """A policy of a rule whose thresholds lie on, beside and beyond signals, some exits off."""
    trace, rule = replay.trace, criterion(name)
    skips = [None, *map(float, trace.grid[np.isfinite(trace.grid)])]
    skip = skips[rng.integers(len(skips))]
    if rule is None:
        return Policy(skip_threshold=skip)
    exits = trace.depth - 1
    given_ = tuple(float(rng.choice(p.values(max(4, exits + 1)))) for p in rule.parameters)
    if rule.whole:
        counts = rng.integers(0, exits + 3, exits if rng.random() < 0.5 else 1)
        return Policy(name, tuple(map(float, np.resize(counts, exits))), skip, given_)
    signals = replay.signals(skip, name, given_)
    known = signals[np.isfinite(signals)]
    values = [rule.off, rule.everybody(trace.meta.architecture.classes)]
    if len(known):
        own = rng.choice(known, 3)
        values += [*own, *np.nextafter(own[:1], np.inf), float(own[:2].mean())]
    thresholds = rng.choice(values, exits if rng.random() < 0.7 else 1)
    return Policy(name, tuple(map(float, np.resize(thresholds, exits))), skip, given_)


def one_after_another(replay: Replay, policies, *, convention: str):
    """The answers and costs of single replays, (K, N) each."""
    decisions = [replay.decide(policy) for policy in policies]
    costs = [
        relative_cost(replay.trace, decided, policy, name=convention)
        for decided, policy in zip(decisions, policies, strict=True)
    ]
    return np.array([decided.predictions for decided in decisions]), np.array(costs)


@settings(max_examples=250, deadline=None)
@given(
    seeds,
    st.sampled_from(METHODS),
    st.lists(st.sampled_from([NEVER, *BUILT_IN, *RULES]), min_size=1, max_size=12),
    st.sampled_from(sorted(CONVENTIONS)),
    st.sampled_from([1, 300, 4_000_000]),
)
def test_many_replays_at_once_are_the_same_one_after_another(
    seed, method, names, convention, cells
):
    rng = np.random.default_rng(seed)
    trace = random_trace(rng, method)
    replay = Replay(trace)
    if method == "skip_only":
        names = [NEVER] * len(names)  # its exits have no head to be paid for
    policies = [random_policy(rng, replay, name) for name in names]
    if method != "skip_only":
        policies += trace.fixed_depths()
    policies = [policies[i] for i in rng.permutation(len(policies))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CELLS", cells)
        answers, costs = outcomes(Replay(trace), policies, convention=convention)
    expected, spent = one_after_another(replay, policies, convention=convention)
    np.testing.assert_array_equal(answers, expected)
    np.testing.assert_allclose(costs, spent, rtol=0, atol=GRAIN / 2)
    assert answers.shape == costs.shape == (len(policies), len(trace))


def test_mean_costs_are_the_same_in_whatever_order_they_are_added():
    rng = np.random.default_rng(0)
    costs = np.rint(rng.random((3, 50_000)) / GRAIN) * GRAIN
    weights = rng.multinomial(50_000, np.full(50_000, 1 / 50_000), size=2 * DRAWS + 1)
    found = mean_costs(costs, weights.astype(np.float32))
    for order in (slice(None), rng.permutation(50_000)):
        exact = [[math.fsum(c[order] * w[order]) / 50_000 for c in costs] for w in weights]
        np.testing.assert_array_equal(found, exact)
    np.testing.assert_array_equal(mean_costs(costs, np.ones((1, 50_000)))[0], costs.mean(1))


@pytest.mark.parametrize("name", [*BUILT_IN, *RULES])
def test_the_random_policies_stop_somebody_and_not_everybody(name):
    """So that the test above tests something."""
    rng = np.random.default_rng(0)
    stopped = [
        replay.decide(random_policy(rng, replay, name)).exited.mean()
        for replay in (Replay(random_trace(rng, "smartbert")) for _ in range(60))
    ]
    assert sum(0 < share < 1 for share in stopped) >= 15


def test_no_policies_have_no_outcomes():
    trace = made_up("rte", "deebert", n=7)
    answers, costs = outcomes(Replay(trace), [], convention="flops")
    assert answers.shape == costs.shape == (0, 7)


def test_outcomes_are_of_the_conventions_own_units():
    replay = Replay(made_up("rte", "smartbert", n=20))
    policies = [Policy(), Policy.uniform("entropy", 0.4, depth=6, skip_threshold=0.5)]
    found = {name: outcomes(replay, policies, convention=name)[1] for name in CONVENTIONS}
    assert (found["layers"][0] == 1).all() and (found["flops"][0] > 1).all()
    assert not np.allclose(found["flops"][1], found["thop-smartbert"][1])


@settings(max_examples=100, deadline=None)
@given(seeds, st.sampled_from(METHODS), st.sampled_from(sorted(CONVENTIONS)))
def test_a_part_of_a_trace_does_what_its_examples_did(seed, method, convention):
    rng = np.random.default_rng(seed)
    trace = random_trace(rng, method)
    rule = trace.meta.criterion
    policies = [random_policy(rng, Replay(trace), rule) for _ in range(6)]
    chosen = rng.permutation(len(trace))[: rng.integers(1, len(trace) + 1)]
    part = trace.part(chosen)
    assert len(part) == len(chosen)
    for name in ("labels", "lengths", "index", "subset"):
        np.testing.assert_array_equal(getattr(part, name), getattr(trace, name)[chosen])
    answers, costs = outcomes(Replay(trace), policies, convention=convention)
    own, spent = outcomes(Replay(part), policies, convention=convention)
    np.testing.assert_array_equal(own, answers[:, chosen])
    np.testing.assert_array_equal(spent, costs[:, chosen])
    for threshold in (None, *map(float, trace.grid)):
        whole, some = trace.path(threshold), part.path(threshold)
        for name in ("gates", "executed", "exit_logits", "final_logits"):
            np.testing.assert_array_equal(getattr(some, name), getattr(whole, name)[chosen])
        np.testing.assert_array_equal(some.extras["certainty"], whole.extras["certainty"][chosen])


def test_a_part_is_a_trace_of_its_own(tmp_path):
    trace = random_trace(np.random.default_rng(4), "smartbert")
    chosen = np.arange(len(trace))[::-2]
    part = trace.part(chosen)
    part.save(tmp_path / "part.safetensors")  # which is checked as it is read
    again = Trace.load(tmp_path / "part.safetensors")
    assert again.meta == trace.meta
    np.testing.assert_array_equal(again.labels, trace.labels[chosen])
    np.testing.assert_array_equal(again.path(0.5).executed, trace.path(0.5).executed[chosen])
    whole = trace.part(np.arange(len(trace)))
    for name, value in vars(trace).items():
        if name not in ("meta", "extras"):
            np.testing.assert_array_equal(getattr(whole, name), value)
