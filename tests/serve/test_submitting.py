"""Answers to a hidden split: the classifier's, spelt as the leaderboard spells them."""

import pytest
from conftest import SMARTBERT
from hidden import hidden
from made_up_model import made_up_model, tuned

from smartbert.errors import UserError
from smartbert.leaderboard import SHEETS
from smartbert.points import MAIN
from smartbert.policies import Policy
from smartbert.serve.classifier import Classifier
from smartbert.serve.submitting import answered

AX = SHEETS["AX"]


@pytest.fixture
def folder(tiny_model, tmp_path):
    """A published model of three classes, on MNLI."""
    return made_up_model(tiny_model(**SMARTBERT), tmp_path, "mnli")


def test_answers_are_the_classifiers_at_the_thresholds_that_are_given(folder):
    frame = hidden("AX", 60)
    words = ["good", "bad", "film", "a", "very", "not", "plot", "it"]
    frame["hypothesis"] = [" ".join(words[i % 8 :][: 1 + i % 5]) for i in range(60)]
    texts = list(zip(frame["premise"], frame["hypothesis"], strict=True))
    costs = {}
    for name, policy in {
        "none": Policy(),
        "b50": tuned("mnli").spaces[MAIN].points["b50"].policy,
    }.items():
        classifier = Classifier(folder, policy=policy)
        assert classifier.policy == policy
        found = answered(classifier, AX, frame)
        own = [AX.answers[int(one.label)] for one in classifier(texts)]  # labels are "0" to "2"
        assert found.answers == own and len(set(own)) > 1
        assert found.truncated == sum(one.truncated > 0 for one in classifier(texts)) > 0
        costs[name] = found.cost
    assert costs["b50"] != costs["none"]  # a tiny model's exits cost more than its layers


def test_a_model_of_other_classes_is_refused(folder):
    message = r"the model answers 0, 1, 2, and WNLI\.tsv takes 0, 1"
    with pytest.raises(UserError, match=message):
        answered(Classifier(folder), SHEETS["WNLI"], hidden("WNLI", 3))


def test_a_row_that_cannot_be_read_is_named(folder):
    frame = hidden("AX", 3).astype(object)
    frame.loc[1, "premise"] = "half \ud800"
    with pytest.raises(UserError, match=r"AX\.tsv: row 1 cannot be read: premise has half a char"):
        answered(Classifier(folder), AX, frame)
