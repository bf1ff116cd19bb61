"""Answers to a hidden test split, as GLUE's leaderboard spells them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from smartbert.errors import UserError
from smartbert.leaderboard import ENDING, Sheet
from smartbert.serve.classifier import Classifier
from smartbert.serve.inputs import Rejected


@dataclass(frozen=True)
class Answers:
    """What a model says of N examples.

    Attributes:
        answers: as the leaderboard spells them, N.
        cost: mean FLOPs as a share of dense BERT's.
        truncated: how many examples were cut.
    """

    answers: list[str]
    cost: float
    truncated: int


def answered(classifier: Classifier, sheet: Sheet, frame: pd.DataFrame) -> Answers:
    """Return a model's answers to the examples of a split.

    Args:
        frame: the split, with the columns of the texts that the model reads.

    Raises:
        UserError: if the model has other classes than the file, or cannot read an example.
    """
    names = [classifier.names[number] for number in sorted(classifier.names)]
    if len(names) != len(sheet.answers) or classifier.columns is None:
        raise UserError(
            f"the model answers {', '.join(names)}, and {sheet.name}{ENDING} takes"
            f" {', '.join(sheet.answers)}"
        )
    spelt = dict(zip(names, sheet.answers, strict=True))
    texts = zip(*(frame[column] for column in classifier.columns), strict=True)
    answers, costs, truncated = [], [], 0
    for row, found in enumerate(classifier(texts)):
        if isinstance(found, Rejected):
            raise UserError(f"{sheet.name}{ENDING}: row {row} cannot be read: {found.error}")
        answers.append(spelt[found.label])
        costs.append(found.relative_flops)
        truncated += found.truncated > 0
    return Answers(answers, round(float(np.mean(costs)), 6), truncated)
