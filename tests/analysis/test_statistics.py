"""Scores from counts against scikit-learn, the bootstrap against scipy, pairing."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from smartbert.analysis.statistics import (
    Resamples,
    Sample,
    estimate,
    mean_samples,
    over_seeds,
    score_samples,
)
from smartbert.metrics import confusion, measure
from smartbert.tasks import TASKS
from smartbert.train.epoch_metric import epoch_metric

DRAWS = 4000


@given(st.sampled_from(list(TASKS)), st.integers(0, 10_000), st.booleans())
def test_scores_from_counts_are_scikit_learns(name, seed, constant):
    spec, rng = TASKS[name], np.random.default_rng(seed)
    classes = len(spec.labels)
    labels = rng.integers(0, classes, 30)
    predictions = np.full(30, 1) if constant else rng.integers(0, classes, 30)
    values = measure(spec, predictions, labels)
    assert values["accuracy"] == pytest.approx(100 * accuracy_score(labels, predictions))
    if "f1" in values:
        expected = f1_score(labels, predictions, zero_division=0.0)
        assert values["f1"] == pytest.approx(100 * expected)
    if "mcc" in values:
        assert values["mcc"] == pytest.approx(100 * matthews_corrcoef(labels, predictions))
    metric = epoch_metric(spec).compute(predictions=predictions, references=labels)
    assert metric == pytest.approx(values)


def test_three_class_correlation_is_scikit_learns():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 3, (2, 50))
    counts = confusion(labels, predictions, classes=3)
    from smartbert.metrics import mcc

    assert float(mcc(counts)) == pytest.approx(matthews_corrcoef(labels, predictions))


def test_the_interval_of_an_accuracy_is_scipys():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200)
    predictions = np.where(rng.random(200) < 0.8, labels, 1 - labels)
    resamples = Resamples.draw(200, 1, draws=DRAWS, seed=0)
    values, draws = score_samples(TASKS["rte"], labels, predictions[None], resamples)
    own = estimate(Sample(values, draws), resamples.seeds)
    theirs = scipy.stats.bootstrap(
        (100.0 * (labels == predictions),),
        np.mean,
        n_resamples=DRAWS,
        method="percentile",
        random_state=0,
    ).confidence_interval
    assert own.value == pytest.approx(100 * (labels == predictions).mean())
    assert (own.low, own.high) == pytest.approx((theirs.low, theirs.high), abs=0.6)


def test_the_interval_of_a_paired_difference_is_scipys():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 300)
    # Two methods that mostly make the same mistakes: unpaired intervals would be far wider.
    first = np.where(rng.random(300) < 0.75, labels, 1 - labels)
    second = np.where(rng.random(300) < 0.05, 1 - first, first)
    resamples = Resamples.draw(300, 1, draws=DRAWS, seed=0)
    values, draws = score_samples(TASKS["rte"], labels, np.stack([first, second]), resamples)
    pair = [Sample(values[[i]], draws[:, [i]]) for i in (0, 1)]
    own = estimate(pair[0] - pair[1], resamples.seeds)
    theirs = scipy.stats.bootstrap(
        (100.0 * (first == labels), 100.0 * (second == labels)),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        n_resamples=DRAWS,
        paired=True,
        method="percentile",
        random_state=0,
    ).confidence_interval
    assert (own.low, own.high) == pytest.approx((theirs.low, theirs.high), abs=0.5)
    unpaired = np.hypot(*(np.ptp(np.quantile(p.draws, [0.025, 0.975])) for p in pair))
    assert own.high - own.low < unpaired / 2


def test_an_f1_in_a_draw_is_that_of_the_drawn_examples():
    rng = np.random.default_rng(3)
    labels, predictions = rng.integers(0, 2, (2, 40))
    resamples = Resamples.draw(40, 1, draws=20, seed=5)
    _, draws = score_samples(TASKS["mrpc"], labels, predictions[None], resamples)
    for counts, value in zip(resamples.examples.astype(int), draws[:, 0], strict=True):
        rows = np.repeat(np.arange(40), counts)
        expected = measure(TASKS["mrpc"], predictions[rows], labels[rows])["score"]
        assert value == pytest.approx(expected, abs=1e-3)


def test_seeds_widen_the_interval_and_missing_ones_are_left_out():
    resamples = Resamples.draw(50, 3, draws=1000, seed=0)
    assert (resamples.seeds.sum(1) == 3).all() and (resamples.examples.sum(1) == 50).all()
    values = np.array([60.0, 70.0, 80.0])
    spread = Sample(values, np.tile(values, (1000, 1)))
    one = estimate(spread, resamples.seeds)
    assert one.value == 70 and one.low < 64 < 76 < one.high and one.seeds == 3
    values = np.array([60.0, np.nan, 80.0])
    two = estimate(Sample(values, np.tile(values, (1000, 1))), resamples.seeds)
    assert two.value == 70 and two.seeds == 2
    assert np.isnan(estimate(Sample(values * np.nan, spread.draws * np.nan), resamples.seeds).value)


def test_the_probability_counts_ties_half():
    draws = np.array([[1.0], [0.0], [-1.0], [2.0]])
    e = estimate(Sample(np.array([0.5]), draws), np.ones((4, 1)))
    assert e.above == pytest.approx((2 + 0.5) / 4)


def test_means_of_costs_follow_the_drawn_examples():
    resamples = Resamples.draw(30, 2, draws=50, seed=1)
    costs = np.random.default_rng(0).random((4, 30))
    values, draws = mean_samples(costs, resamples)
    assert values == pytest.approx(costs.mean(1))
    rows = np.repeat(np.arange(30), resamples.examples[7].astype(int))
    assert draws[7] == pytest.approx(costs[:, rows].mean(1), rel=1e-5)


def test_a_draw_without_any_known_seed_has_no_value():
    sample = Sample(np.array([np.nan, 5.0]), np.array([[np.nan, 5.0], [np.nan, 6.0]]))
    means = over_seeds(sample, np.array([[2.0, 0.0], [1.0, 1.0]]))
    assert np.isnan(means[0]) and means[1] == 6
