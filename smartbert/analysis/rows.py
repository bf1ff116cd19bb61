"""Rows: the columns of a table as typed attributes, for whoever goes through it row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    import pandas as pd

Row: TypeAlias = dict[str, object]  # of a table that is being written, by column

T = TypeVar("T")


class Placed:
    """A row of one method on one task and test subset."""

    task: str
    method: str
    title: str
    subset: str


class Ranged(Placed):
    """A score with its interval."""

    score: float
    low: float
    high: float


class Measured(Placed):
    """Score and cost of an operating point."""

    point: str
    score: float
    score_low: float
    score_high: float
    cost: float
    seeds: float
    status: str


class Compared(Placed):
    """A cell of the main table; `trained` is how many seeds the method has, `seeds` how many of
    them have such a setting.
    """

    point: str
    score: float
    score_low: float
    score_high: float
    optimism: float
    cost_relative: float
    cost_total: float
    seeds: float
    none: float
    trained: float
    status: str


class Averaged(Placed):
    """A mean score over a range of costs."""

    auc: float
    low: float
    high: float
    seeds: float


class Difference(Placed):
    """A paired difference."""

    kind: str
    difference: float
    low: float
    high: float
    probability: float
    seeds: float
    none: float


class Gated(Placed):
    """What the gates of one layer did."""

    skipped: float
    gate_mean: float
    gate_sd: float


class Claimed:
    """A figure behind a claim."""

    claim: int
    task: str
    what: str
    value: float
    low: float
    high: float
    seeds: float
    p: float
    verdict: str


class Ruled:
    """What a rule of choosing gave, over all trainings."""

    point: str
    rule: str
    runs: int
    chosen: int
    difference: float
    worst: float
    within: float
    optimism: float
    cost: float


class Rated:
    """What the heads of an entry score on tune with one learning rate."""

    task: str
    score: float


class Timed(Placed):
    """A method's time beside dense BERT's."""

    time_relative: float
    time_low: float
    time_high: float
    milliseconds: float


def each(table: pd.DataFrame, kind: type[T]) -> Iterator[T]:
    """Go through a table; `kind` names the columns that are read, and their types."""
    # pandas makes the class of these tuples from the columns, which no checker can see.
    return cast(Iterator[T], table.itertuples())
