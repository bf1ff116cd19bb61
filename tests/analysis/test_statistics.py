"""Scores from counts against scikit-learn, intervals against scipy and by hand, pairing, Holm."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from smartbert.analysis.statistics import (
    MOST_LOST,
    Sample,
    estimate,
    holm,
    mean_over_tasks,
    over_seeds,
    possible_means,
    resample,
    shared_variance,
    spread,
)
from smartbert.metrics import Counts, mcc, measure, scores_of
from smartbert.tasks import TASKS
from smartbert.train.epoch_metric import epoch_metric

DRAWS = 4000
# Three seeds, four draws.
VALUES = np.array([60.0, 62.0, 67.0])
MOVED = np.array([[61.0, 62.0, 69.0], [58.0, 61.0, 65.0], [60.0, 64.0, 67.0], [63.0, 64.0, 66.0]])


def sample_of(name: str, labels: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> Sample:
    """Return the sample of seeds' answers (S, N), as a comparison makes it of one setting."""
    whole = np.ones((1, len(labels)), dtype=np.float32)
    values, draws = (scores_of(TASKS[name], labels, answers, w) for w in (whole, weights))
    return Sample.of(values[0], draws)


def lacking(share: float, seeds: int, *, worse: str = "low") -> Sample:
    """Return a sample about 50 without a setting in a share of its draws."""
    rng = np.random.default_rng(round(1000 * share))
    draws = 50 + rng.normal(size=(1000, seeds))
    draws[: round(share * 1000)] = np.nan
    return Sample.of(50 + rng.normal(size=seeds) / 10, draws, worse=worse)


def negative(sample: Sample) -> Sample:
    """Return the sample of the opposite values, still without a setting where it has none."""
    return replace(sample, values=-sample.values, draws=-sample.draws)


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
    counts = Counts.of(labels, predictions, classes=3)
    assert float(mcc(counts)) == pytest.approx(matthews_corrcoef(labels, predictions))


def test_the_interval_of_one_trainings_accuracy_is_scipys():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200)
    predictions = np.where(rng.random(200) < 0.8, labels, 1 - labels)
    weights = resample(200, draws=DRAWS, seed=0)
    own = estimate(sample_of("rte", labels, predictions[None], weights))
    theirs = scipy.stats.bootstrap(
        (100.0 * (labels == predictions),),
        np.mean,
        n_resamples=DRAWS,
        method="percentile",
        random_state=0,
    )
    assert own.value == pytest.approx(100 * (labels == predictions).mean())
    ends = theirs.confidence_interval
    assert (own.low, own.high) == pytest.approx((ends.low, ends.high), abs=0.6)
    assert own.error == pytest.approx(theirs.standard_error, rel=0.05)
    assert own.seeds == 1 and own.none == 0 and own.above == 1 and np.isnan(own.freedom)


def test_the_interval_of_a_paired_difference_is_scipys():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 300)
    # Two methods that mostly make the same mistakes: unpaired intervals would be far wider.
    first = np.where(rng.random(300) < 0.75, labels, 1 - labels)
    second = np.where(rng.random(300) < 0.05, 1 - first, first)
    weights = resample(300, draws=DRAWS, seed=0)
    pair = [sample_of("rte", labels, each[None], weights) for each in (first, second)]
    own = estimate(pair[0] - pair[1])
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


def test_pairing_narrows_the_interval_of_several_seeds_too():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 300)
    hard = rng.random(300)
    weights = resample(300, draws=500, seed=0)
    first, second = (
        np.where(hard + 0.1 * rng.random((3, 300)) < level, labels, 1 - labels)
        for level in (0.78, 0.75)
    )
    one, other = (sample_of("rte", labels, answers, weights) for answers in (first, second))
    paired = estimate(one - other)
    apart = np.hypot(estimate(one).error, estimate(other).error)
    assert paired.error < apart / 2 and paired.value == pytest.approx(
        one.values.mean() - other.values.mean()
    )


@pytest.mark.parametrize("task", ["mrpc", "cola"])
def test_a_score_in_a_draw_is_that_of_the_drawn_examples(task):
    rng = np.random.default_rng(3)
    labels, predictions = rng.integers(0, 2, (2, 40))
    weights = resample(40, draws=20, seed=5)
    own = sample_of(task, labels, predictions[None], weights)
    for counts, value in zip(weights.astype(int), own.draws[:, 0], strict=True):
        rows = np.repeat(np.arange(40), counts)
        expected = measure(TASKS[task], predictions[rows], labels[rows])["score"]
        assert value == pytest.approx(expected, abs=1e-3)


def test_a_draw_has_as_many_examples_and_streams_are_told_apart():
    weights = resample(50, draws=1000, seed=3)
    assert (weights.sum(1) == 50).all() and weights.mean(0) == pytest.approx(1, abs=0.15)
    assert (weights == resample(50, draws=1000, seed=3)).all()
    for other in (resample(50, draws=1000, seed=4), resample(50, draws=1000, seed=3, stream=1)):
        assert abs(np.corrcoef(weights.ravel(), other.ravel())[0, 1]) < 0.02
    # More draws go on where fewer have stopped.
    assert (weights[:10] == resample(50, draws=10, seed=3)).all()


def test_the_interval_of_several_seeds_by_hand():
    # Products of seeds 1 and 2, 1 and 3, 2 and 3 over four draws, less their means.
    shared = np.mean([6.5 / 3, 3.5 / 3, 0.75 / 3])
    assert shared_variance(MOVED) == pytest.approx(shared)
    seeds = 13.0 / 3  # 60, 62 and 67 about 63: (9 + 1 + 16) / 2, of three
    sample = Sample.of(VALUES, MOVED)
    variance, freedom = spread(sample)
    assert variance == pytest.approx(shared + seeds)
    assert freedom == pytest.approx(2 / (seeds / variance))
    own = estimate(sample)
    reach = scipy.stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    assert (own.value, own.seeds) == (63.0, 3)
    assert (own.low, own.high) == pytest.approx((63 - reach, 63 + reach))
    assert own.error == pytest.approx(np.sqrt(variance)) and own.freedom == pytest.approx(freedom)
    assert own.above == pytest.approx(scipy.stats.t.cdf(63 / own.error, freedom))


def test_what_seeds_do_to_examples_alone_counts_once():
    rng = np.random.default_rng(0)
    values = np.array([70.0, 71.0, 72.0])
    alone = rng.normal(70, 3, (20_000, 3))  # in no draw do two seeds move together
    together = rng.normal(70, 3, (20_000, 1)) + np.zeros(3)
    assert spread(Sample.of(values, alone))[0] == pytest.approx(1 / 3, abs=0.1)
    assert spread(Sample.of(values, together))[0] == pytest.approx(9 + 1 / 3, abs=0.3)


def test_seeds_that_agree_by_chance_are_not_known_exactly():
    # Three trainings that err on three of sixty examples each, every one on its own three.
    labels, answers = np.zeros(60, dtype=int), np.zeros((3, 60), dtype=int)
    for seed, row in enumerate(answers):
        row[3 * seed : 3 * seed + 3] = 1
    own = estimate(sample_of("rte", labels, answers, resample(60, draws=1000, seed=0)))
    assert own.value == 95 and own.low < 94 and own.high > 96


def test_seeds_that_differ_by_rounding_alone_agree():
    draws = np.random.default_rng(0).normal(4 / 277, 0.01, size=(400, 3))
    value = 4 / 277
    same = Sample.of(np.full(3, value), draws)
    near = Sample.of(np.array([value, np.nextafter(value, 1), value]), draws)
    assert spread(near) == pytest.approx(spread(same)) and spread(near)[1] == np.inf


def test_seeds_widen_the_interval_and_missing_ones_are_left_out_and_counted():
    still = np.tile(VALUES, (1000, 1))
    one = estimate(Sample.of(VALUES, still))
    assert one.value == 63 and one.low < 60 < 67 < one.high and one.seeds == 3
    missing = np.where([True, False, True], VALUES, np.nan)
    two = estimate(Sample.of(missing, np.where(np.isnan(missing), np.nan, still)))
    assert two.value == 63.5 and two.seeds == 2 and two.none == 0
    none = estimate(Sample.of(VALUES * np.nan, still * np.nan))
    assert np.isnan(none.value) and none.seeds == 0 and np.isnan([none.low, none.high]).all()


def test_the_probability_counts_ties_half():
    draws = np.array([[1.0], [0.0], [-1.0], [2.0]])
    assert estimate(Sample.of(np.array([0.5]), draws)).above == pytest.approx((2 + 0.5) / 4)
    nothing = Sample.of(np.zeros(3), np.zeros((4, 3)))
    assert estimate(nothing).above == 0.5 and estimate(nothing).low == 0


def test_a_draws_mean_is_over_the_seeds_that_have_a_value_in_it():
    sample = Sample.of(
        np.array([np.nan, 5.0, 7.0]),
        np.array([[1.0, 5.0, 7.0], [1.0, np.nan, 6.0], [1.0, np.nan, np.nan]]),
    )
    means = over_seeds(sample)
    assert list(means[:2]) == [6, 6] and np.isnan(means[2])
    assert sample.lost_low == 0.5 and sample.lost_high == 0  # of the two seeds that have one


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize(
    ("sample", "opens"),
    [
        (lambda share, n: lacking(share, n), (True, False)),
        (lambda share, n: lacking(share, n, worse="high"), (False, True)),
        # A difference is open where the method that lacks a setting leaves it open.
        (lambda share, n: lacking(share, n) - lacking(0, n), (True, False)),
        (lambda share, n: lacking(0, n) - lacking(share, n), (False, True)),
        (lambda share, n: lacking(share, n, worse="high") - lacking(0, n), (False, True)),
        (lambda share, n: lacking(0, n) - lacking(share, n, worse="high"), (True, False)),
        (lambda share, n: lacking(share, n) - negative(lacking(share, n)), (True, True)),
    ],
    ids=["score", "cost", "first", "second", "cost first", "cost second", "both"],
)
def test_draws_without_a_setting_are_counted_and_open_the_right_end(sample, opens, seeds):
    few, many = (estimate(sample(share, seeds)) for share in (MOST_LOST, MOST_LOST + 0.01))
    assert few.none == pytest.approx(MOST_LOST) and many.none == pytest.approx(MOST_LOST + 0.01)
    assert np.isfinite([few.low, few.high]).all()
    assert (np.isinf([many.low, many.high]) == opens).all()
    assert many.low < many.value < many.high  # infinite on the outer side


def test_draws_in_which_either_lacks_a_setting_are_all_counted():
    early, late = lacking(0.04, 1), lacking(0.04, 1)
    late = replace(late, draws=late.draws[::-1])
    assert np.isnan((early - late).draws).mean() == pytest.approx(0.08)
    assert estimate(early - late).none == pytest.approx(0.08)


def test_no_draw_with_a_setting_leaves_an_open_interval():
    sample = Sample.of(np.array([50.0]), np.full((100, 1), np.nan))
    own = estimate(sample)
    assert own.value == 50 and own.none == 1 and own.low == -np.inf and np.isnan(own.high)


def test_the_interval_of_a_cost_is_that_of_its_logarithm():
    costs, drawn = VALUES / 100, MOVED / 100
    own = estimate(Sample.of(costs, drawn, worse="high"), logarithm=True)
    log = estimate(Sample.of(np.log(costs), np.log(drawn)))
    reach = log.high - log.value
    assert own.value == pytest.approx(costs.mean())
    ends = (own.value / np.exp(reach), own.value * np.exp(reach))
    assert (own.low, own.high) == pytest.approx(ends)
    assert own.low > 0 and own.above == 1 and own.error == log.error
    # Of a reduction it is the same interval, turned round: that is what the logarithm is for.
    back = estimate(Sample.of(1 / costs, 1 / drawn), logarithm=True)
    assert back.high / back.value == pytest.approx(own.value / own.low)


def test_possible_means_hold_draws_and_seeds():
    rng = np.random.default_rng(0)
    values = np.array([0.4, 0.5, 0.6])
    drawn = values * np.exp(rng.normal(0, 0.1, (4000, 1)))
    drawn[:400] = np.nan
    sample = Sample.of(values, drawn, worse="high")
    means = possible_means(sample, seed=0)
    assert np.isnan(means[:400]).all() and np.isfinite(means[400:]).all()
    logs = np.log(means[400:])
    assert np.median(logs) == pytest.approx(np.log(values).mean(), abs=0.01)
    own = estimate(replace(sample, lost_high=0.0), logarithm=True)
    low, high = np.quantile(means[400:], [0.025, 0.975])
    assert np.log(high / low) == pytest.approx(np.log(own.high / own.low), rel=0.2)
    assert (possible_means(sample, seed=0)[400:] == means[400:]).all()
    assert (possible_means(sample, seed=1)[400:] != means[400:]).any()
    # With one training nothing is known of seeds: the draws themselves.
    alone = Sample.of(values[:1], drawn[:, :1], worse="high")
    assert possible_means(alone, seed=0)[400:] == pytest.approx(drawn[400:, 0])


@pytest.mark.parametrize(
    ("p", "corrected"),
    [
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.9, 0.001, 0.6], [1.0, 0.003, 1.0]),
        ([], []),
    ],
)
def test_holms_correction_by_hand(p, corrected):
    assert holm(np.array(p)).tolist() == pytest.approx(corrected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_holms_correction_depends_on_no_order_and_lowers_nothing(p, random):
    p = np.array(p)
    order = np.array(random.sample(range(len(p)), len(p)))
    corrected = holm(p)
    assert holm(p[order]) == pytest.approx(corrected[order])
    assert (corrected >= p).all() and (corrected <= np.minimum(1, len(p) * p) + 1e-12).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()


def test_the_mean_over_tasks_by_hand():
    value, error, freedom = mean_over_tasks(
        np.array([1.0, 3.0]), np.array([0.3, 0.4]), np.array([4.0, 8.0])
    )
    assert (value, error) == pytest.approx((2.0, 0.5 / 2))
    # Satterthwaite: (0.09 + 0.16)^2 / (0.09^2 / 4 + 0.16^2 / 8)
    assert freedom == pytest.approx(0.0625 / (0.0081 / 4 + 0.0256 / 8))
    # Equal ones have their degrees of freedom together, and examples alone have no end of them.
    assert mean_over_tasks(np.ones(5), np.ones(5), np.full(5, 2.0))[2] == pytest.approx(10)
    assert mean_over_tasks(np.ones(2), np.ones(2), np.full(2, np.inf))[2] == np.inf
