"""Metrics of more than two classes: macro F1 as scikit-learn has it, and records that cannot be."""

from dataclasses import replace

import numpy as np
import pytest
from configs import merged
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from smartbert.errors import UserError
from smartbert.metrics import Counts, from_counts, measure, scores_of
from smartbert.tasks import TASKS, TaskSpec
from smartbert.train.epoch_metric import epoch_metric
from workflow.settings import validation

LETTERS = tuple("abcdefgh")


def of(classes: int, *score: str) -> TaskSpec:
    """Return the record of a task with so many classes."""
    return replace(TASKS["rte"], labels=LETTERS[:classes], score=score)


def macro(labels: np.ndarray, answers: np.ndarray, classes: int, weights=None) -> float:
    found = f1_score(
        labels, answers, average="macro", labels=range(classes), zero_division=0.0,
        sample_weight=weights,
    )  # fmt: skip
    return 100.0 * found


@given(st.integers(2, 8), st.integers(1, 30), st.integers(0, 10_000))
def test_macro_f1_is_scikit_learns_whatever_classes_a_sample_lacks(classes, n, seed):
    """In training as from counts: a class that a sample lacks counts, with 0, as any other."""
    rng = np.random.default_rng(seed)
    labels, answers = rng.integers(0, rng.integers(1, classes + 1), (2, n))
    expected = pytest.approx(macro(labels, answers, classes))
    spec = of(classes, "macro_f1")
    assert measure(spec, answers, labels)["score"] == expected
    found = epoch_metric(spec).compute(predictions=answers, references=labels)
    assert found["macro_f1"] == expected and found["score"] == expected


@given(st.integers(2, 5), st.integers(0, 10_000))
def test_macro_f1_of_many_resamplings_is_scikit_learns_of_each(classes, seed):
    rng = np.random.default_rng(seed)
    labels, answers = rng.integers(0, classes, 20), rng.integers(0, classes, (3, 20))
    weights = rng.integers(0, 3, (4, 20)).astype(np.float32)
    weights[:, 0] = 1
    found = scores_of(of(classes, "macro_f1"), labels, answers, weights)
    expected = [[macro(labels, own, classes, drawn) for own in answers] for drawn in weights]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_f1_of_one_class_is_never_the_score_of_three():
    labels, answers = np.array([0, 1, 2, 1]), np.array([0, 1, 1, 2])
    spec = of(3, "f1")
    message = "metric 'f1' holds for 2 classes, task 'rte' has 3; allowed are accuracy, macro_f1"
    with pytest.raises(UserError, match=message):
        from_counts(spec, Counts.of(labels, answers, classes=3))
    with pytest.raises(UserError, match=message):
        scores_of(spec, labels, answers[None], np.ones((1, 4), dtype=np.float32))
    with pytest.raises(UserError, match=message):
        epoch_metric(spec).compute(predictions=answers, references=labels)


RTE = TASKS["rte"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (replace(RTE, labels=("a", "b", "c"), score=("f1",)), "'f1' holds for 2 classes"),
        (replace(RTE, score=("accuracy", "f1_macro")), "did you mean 'macro_f1'?"),
        (replace(RTE, score="f1"), "`score` is 'f1'; write a tuple: ('f1',)"),
        (replace(RTE, columns="sentence1"), "`columns` is 'sentence1'; write a tuple"),
        (replace(RTE, score=()), "`score` is empty"),
        (replace(RTE, score=("f1", "f1")), "`score` names one thing twice: f1, f1"),
        (replace(RTE, columns=("a", "b", "c")), "`columns` are 3; the encoder reads one or two"),
        (replace(RTE, labels=("a",)), "`labels` are 'a'; it needs two or more"),
        (replace(RTE, labels=("not a", "Not-A")), "differ in more than capitals"),
        (replace(RTE, test=()), "`test` is empty"),
        (replace(RTE, nested="text"), "`nested` is 'text'; allowed are its columns: sentence1"),
    ],
)
def test_a_record_that_cannot_be_is_refused_when_the_config_is_read(record, message, monkeypatch):
    monkeypatch.setitem(TASKS, "rte", record)
    with pytest.raises(UserError) as caught:
        validation.validate(merged("quick"))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_record_of_three_classes_may_ask_for_macro_f1(monkeypatch):
    monkeypatch.setitem(TASKS, "rte", of(3, "accuracy", "macro_f1"))
    validation.validate(merged("quick"))
