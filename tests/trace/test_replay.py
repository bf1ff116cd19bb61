"""Policies, traces and replay: conformance tests 5, 7 and 8 of docs/methods.md, section 8."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import CLASSES, DEPTH, SMARTBERT
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import made_up
from tiny import META

from smartbert.criteria import CRITERIA, entropy
from smartbert.errors import UserError
from smartbert.model.configuration import architecture
from smartbert.policies import Policy, exit_signals
from smartbert.trace.replay import Replay
from smartbert.trace.trace import Trace
from smartbert.train.recorder import grid_from_tune, record, skip_grid


def random_trace(rng: np.random.Generator, n: int, depth: int, *, coarse: bool) -> Trace:
    """A trace with random paths; coarse logits make ties common."""
    executed = rng.random((n, depth)) < rng.choice([0.0, 0.5, 0.8, 1.0])
    logits = rng.normal(0, 2, (n, depth - 1, CLASSES)).astype(np.float32)
    final = rng.normal(0, 2, (n, CLASSES)).astype(np.float32)
    if coarse:
        logits, final = logits.round(), final.round()
    logits[~executed[:, :-1]] = np.nan
    certainty = (rng.integers(0, 5, (n, depth - 1)) / 4).astype(np.float32)
    certainty[~executed[:, :-1]] = np.nan
    zeros = np.zeros(n, dtype=np.int64)
    return Trace(
        labels=rng.integers(0, CLASSES, n),
        lengths=rng.integers(3, 60, n),
        index=np.arange(n),
        subset=zeros,
        grid=np.array([np.inf], dtype=np.float32),
        example=np.arange(n),
        low=zeros,
        high=zeros + 1,
        gates=np.full((n, depth), np.nan, dtype=np.float32),
        executed=executed,
        exit_logits=logits,
        final_logits=final,
        meta=META,
        extras={"certainty": certainty},
    )


def loop(trace: Trace, criterion: str, thresholds, parameters=()) -> list[tuple[int, int]]:
    """The rules of docs/methods.md, one example after the other: (exit layer, predicted class)."""
    answers = []
    depth = trace.depth
    for i in range(len(trace)):
        count, last, answer, sure = 0, None, None, []
        for layer in range(1, depth):
            if not trace.executed[i, layer - 1]:
                continue
            z = trace.exit_logits[i, layer - 1].astype(float)
            p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
            theta = thresholds[layer - 1]
            prediction = int(z.argmax())
            count = count + 1 if prediction == last else 0
            last = prediction
            sure.append(entropy(z) / math.log(CLASSES))
            latest = sure[-int(parameters[0]) :] if parameters else []
            stop = {
                "entropy": lambda z=z, theta=theta: entropy(z) < theta,
                "normalised_entropy": lambda z=z, theta=theta: (
                    entropy(z) / math.log(CLASSES) < theta
                ),
                "confidence": lambda p=p, theta=theta: p.max() >= theta,
                "certainty": lambda theta=theta, i=i, layer=layer: (
                    trace.extras["certainty"][i, layer - 1] >= theta
                ),
                "patience": lambda theta=theta, count=count: theta > 0 and count >= theta,
                "confident_patience": lambda theta=theta, latest=latest: (
                    len(latest) == parameters[0] and all(one < theta for one in latest)
                ),
            }[criterion]()
            if stop:
                answer = (layer, prediction)
                break
        answers.append(answer or (depth, int(trace.final_logits[i].argmax())))
    return answers


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    depth=st.integers(2, 8),
    criterion=st.sampled_from(sorted(CRITERIA)),
    coarse=st.booleans(),
    data=st.data(),
)
def test_replay_equals_the_plain_loop(seed, depth, criterion, coarse, data):
    values = {
        "entropy": st.sampled_from([0.0, 0.2, 0.5, 0.9, math.log(CLASSES), 2.0]),
        "normalised_entropy": st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0, 1.01]),
        "confident_patience": st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0, 1.01]),
        "confidence": st.sampled_from([0.0, 0.4, 0.6, 0.9, 1.1]),
        "certainty": st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 1.1]),
        "patience": st.integers(0, depth + 1),
    }[criterion]
    thresholds = data.draw(st.lists(values, min_size=depth - 1, max_size=depth - 1))
    trace = random_trace(np.random.default_rng(seed), 25, depth, coarse=coarse)
    choices = [p.values(depth) for p in CRITERIA[criterion].parameters]
    given_ = tuple(float(data.draw(st.sampled_from(one))) for one in choices)
    policy = Policy(criterion, tuple(map(float, thresholds)), parameters=given_)
    decisions = Replay(trace).decide(policy)
    got = list(zip(decisions.exit_layer.tolist(), decisions.predictions.tolist(), strict=True))
    expected = loop(trace, criterion, thresholds, given_)
    assert got == expected


@pytest.mark.parametrize("theta", [0.0, *(0.1 * i for i in range(1, 12)), 2.0])
@pytest.mark.parametrize("skip", [None, 0.3, 0.5, 0.7])
def test_one_recording_replays_every_threshold_of_live_inference(
    tiny_model, batch, split, theta, skip
):
    model = tiny_model(**SMARTBERT)
    trace = record(
        model, split, grid=skip_grid(np.empty(0), quantiles=0, extra=[0.3, 0.5, 0.7]), meta=META
    )
    policy = Policy.uniform("entropy", theta, depth=DEPTH, skip_threshold=skip)
    decisions = Replay(trace).decide(policy)
    for i in range(12):
        n = split["length"][i]
        live = model.infer({k: v[i : i + 1, :n] for k, v in batch.items() if k != "labels"}, policy)
        assert decisions.exit_layer[i] == live.exit_layer[0]
        np.testing.assert_array_equal(decisions.executed[i], live.executed[0])
        np.testing.assert_allclose(decisions.logits[i], live.logits[0], atol=1e-5)


@pytest.mark.parametrize("quantiles", [0, 3])
def test_a_models_own_threshold_is_always_recorded(tiny_model, split, quantiles):
    model = tiny_model(**SMARTBERT, skip_threshold=0.42)
    grid = grid_from_tune(model, split, skip_thresholds=[], quantiles=quantiles)
    assert np.float32(0.42) in grid and np.isinf(grid[-1])


def test_a_grid_recorded_at_once_equals_each_threshold_recorded_alone(tiny_model, split):
    model = tiny_model(**SMARTBERT)
    seen = record(model, split, grid=np.array([0.5, np.inf]), meta=META).gates
    grid = skip_grid(seen, quantiles=9, extra=[0.5])
    together = record(model, split, grid=grid, meta=META)
    assert len(together.example) < len(grid) * 12  # paths are shared
    for threshold in grid:
        alone = record(model, split, grid=np.array([threshold]), meta=META)
        for name in ("gates", "exit_logits", "final_logits"):
            np.testing.assert_allclose(
                getattr(together.path(threshold), name),
                getattr(alone.path(threshold), name),
                atol=1e-5,
            )
        np.testing.assert_array_equal(
            together.path(threshold).executed, alone.path(threshold).executed
        )


def test_a_last_layer_skip_is_answered_by_the_final_head_on_what_came_before(
    tiny_model, batch, split
):
    model = tiny_model(**SMARTBERT)
    with torch.no_grad():
        model.gates[-1].score.bias.fill_(50.0)
    trace = record(model, split, grid=np.array([0.5, np.inf]), meta=META)
    decisions = Replay(trace).decide(
        Policy.uniform("entropy", 0.0, depth=DEPTH, skip_threshold=0.5)
    )
    assert (decisions.exit_layer == DEPTH).all()
    assert not decisions.executed[:, -1].any()
    live = model.infer(batch, Policy(skip_threshold=0.5))
    np.testing.assert_allclose(decisions.logits, live.logits, atol=1e-5)


def test_entropy_is_finite_for_huge_logits_and_log_c_for_equal_ones():
    logits = np.array([[1e3, -1e3], [0.0, 0.0], [-1e3, 1e3]])
    np.testing.assert_allclose(entropy(logits), [0.0, math.log(2), 0.0], atol=1e-12)
    assert entropy(np.full((4,), 7.0)) == pytest.approx(math.log(4))


def patience_trace(predictions: list[int]) -> Trace:
    """One example whose exits predict these classes, the last entry being the final head's."""
    depth = len(predictions)
    trace = random_trace(np.random.default_rng(0), 1, depth, coarse=False)
    one_hot = np.eye(CLASSES, dtype=np.float32)[predictions]
    return Trace(
        **{
            **vars(trace),
            "executed": np.ones((1, depth), dtype=bool),
            "exit_logits": one_hot[None, :-1],
            "final_logits": one_hot[None, -1],
        }
    )


@pytest.mark.parametrize(
    ("predictions", "patience", "exit_layer"),
    [
        ([1, 1, 1, 1, 1, 1], 1, 2),  # two equal in a row: earliest exit is layer P+1
        ([1, 1, 1, 1, 1, 1], 3, 4),
        ([0, 1, 1, 0, 0, 0], 1, 3),
        ([0, 1, 1, 0, 0, 0], 2, 6),  # the count starts anew at every change
        ([0, 1, 0, 1, 0, 1], 1, 6),
        ([1, 1, 1, 1, 1, 1], 0, 6),  # P = 0: full depth
        ([1, 1, 1, 1, 1, 1], 5, 6),
        ([1, 1, 1, 1, 1, 1], 11, 6),
    ],
)
def test_patience_counts_as_published(predictions, patience, exit_layer):
    policy = Policy.uniform("patience", patience, depth=6)
    decisions = Replay(patience_trace(predictions)).decide(policy)
    assert decisions.exit_layer.tolist() == [exit_layer]
    assert decisions.predictions.tolist() == [predictions[exit_layer - 1]]


def test_mean_depth_falls_as_the_entropy_threshold_rises():
    trace = random_trace(np.random.default_rng(3), 200, 6, coarse=False)
    replay = Replay(trace)
    depths = [
        replay.decide(Policy.uniform("entropy", t, depth=6)).exit_layer.mean()
        for t in np.linspace(0, 1.2, 13)
    ]
    assert depths[0] == 6
    assert all(a >= b for a, b in pairwise(depths))
    assert depths[-1] < 6


def test_signals_of_layers_that_did_not_run_never_stop():
    executed = np.zeros((2, 4), dtype=bool)
    signals = exit_signals("entropy", np.zeros((2, 3, 2), dtype=np.float32), executed)
    assert np.isnan(signals).all()
    assert not Policy.uniform("entropy", 9.0, depth=4).stops(signals).any()


def test_a_trace_survives_its_file(tiny_model, split, tmp_path):
    model = tiny_model(**SMARTBERT)
    said = made_up("mnli", "smartbert").meta
    meta = replace(said, architecture=architecture(model.config), sweep=(0, 0.25))
    trace = record(model, split, grid=np.array([0.5, np.inf]), meta=meta)
    trace.save(tmp_path / "t.safetensors")
    loaded = Trace.load(tmp_path / "t.safetensors")
    for name, value in vars(trace).items():
        if name in ("meta", "extras"):
            assert getattr(loaded, name) == value
        else:
            np.testing.assert_array_equal(getattr(loaded, name), value)
            assert getattr(loaded, name).dtype == value.dtype, name
    assert [path.name for path in tmp_path.iterdir()] == ["t.safetensors"]


def test_an_unrecorded_threshold_is_refused_with_the_recorded_ones(tiny_model, split):
    trace = record(tiny_model(**SMARTBERT), split, grid=np.array([0.5, np.inf]), meta=META)
    with pytest.raises(UserError, match=r"0\.4 is not in the trace; recorded: 0\.5, inf"):
        trace.path(0.4)


def test_a_truncated_trace_is_refused_by_name(tiny_model, split, tmp_path):
    path = tmp_path / "t.safetensors"
    record(tiny_model(**SMARTBERT), split, grid=np.array([0.5]), meta=META).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"cannot read trace .*t\.safetensors"):
        Trace.load(path)


def test_an_unknown_criterion_names_the_known_ones():
    with pytest.raises(UserError, match=r"unknown exit criterion 'entrop'.*did you mean 'entropy'"):
        Policy("entrop", (0.1,))
