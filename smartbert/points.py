"""Points: the protocol's names for what is tuned and reported, and settings as they are written
down.

Tuning chooses settings, evaluation and everything after it read them; only tuning needs Optuna. A
new budget is one more record in `OPERATING_POINTS`. No torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from smartbert.errors import UserError
from smartbert.policies import Policy
from smartbert.records import OPTIONAL, Record

DENSE = "dense"  # dense BERT where its time is the reference, beside the points
AUC = "auc"  # mean score over a range of costs
EXITS = "exits"  # mean score of the exits before the last layer, at full depth
SETTLED = "settled"  # each example leaves where its answer no longer changes: a bound, no setting
GATES = "gates"  # skipping alone, at the skip threshold the method was trained for
# Budgets are whole per cents. Half of the layers and a head cost 50.01 %, a third 33.4 %: read to
# the last digit, no truncated BERT of the very depth that a budget means would fit into it.
BUDGET_ROUNDING = 0.005
SCORE_ROUNDING = 1e-9  # points: what tells two scores apart is at least one example


@dataclass(frozen=True)
class OperatingPoint:
    """What the protocol asks of a method, by name.

    Attributes:
        text: how tables say it; `note`: how figures do, where the name of a cost is known.
        budget: most mean cost, as a share of dense BERT's, or None.
        drop: most points of score below dense BERT's, or None.
        harm: most examples, as a share, that dense BERT has right and the setting has wrong, or
            None.
    """

    name: str
    text: str
    note: str
    budget: float | None = None
    drop: float | None = None
    harm: float | None = None


def _within(name: str, share: float) -> OperatingPoint:
    text = f"at most {share:.0%} of dense BERT's cost on tune"
    note = f"at most {100 * share:.0f} % of dense BERT's cost on tune"
    return OperatingPoint(name, text, note, share)


OPERATING_POINTS: dict[str, OperatingPoint] = {
    point.name: point
    for point in (
        OperatingPoint(
            "full", "full depth: no layer skipped, no exit taken", "nothing skipped, no exits"
        ),
        _within("b75", 0.75),
        _within("b50", 0.50),
        _within("b33", 0.33),
        OperatingPoint(
            "drop1",
            "least cost that tune puts within 1 point of dense BERT, a standard error to spare",
            "least cost that tune puts within 1 point of dense BERT",
            drop=1.0,
        ),
        OperatingPoint(
            "ltt",
            "certified on tune: at most 1 example in 100 harmed, at level 0.1",
            "certified to harm at most 1 example in 100",
            harm=0.01,
        ),
    )
}
FULL = "full"
DROP = "drop1"
CERTIFIED = "ltt"
HALF = "b50"  # where the literature's tables stand: about twice as fast
POINTS = tuple(OPERATING_POINTS)
BUDGETS = {
    name: point.budget for name, point in OPERATING_POINTS.items() if point.budget is not None
}
MOST_DROPPED = OPERATING_POINTS[DROP].drop or 0.0
MOST_HARMED = OPERATING_POINTS[CERTIFIED].harm or 0.0
# Budgets at which a method's curve is chosen: 5, 7.5, ... 100 % of dense BERT's cost.
CURVE_BUDGETS = tuple(step / 1000 for step in range(50, 1001, 25))
# The first that could be chosen is a published model's own.
DEFAULT_POINTS = (DROP, HALF, "b75", FULL)


@dataclass(frozen=True)
class Space:
    """Where a method's thresholds are searched, and how tables and figures say it."""

    name: str
    text: str
    note: str


PUBLISHED, GLOBAL, PER_LAYER = "published", "global", "per_layer"
FIXED = "fixed"
MAIN = PUBLISHED  # what main tables, figures and claims show
SWEEP = "sweep"  # stands for the search space where a setting is the publication's own
SPACE_RECORDS: dict[str, Space] = {
    space.name: space
    for space in (
        Space(
            PUBLISHED,
            "the parameter that each method publishes, gates at the threshold of their training",
            "Searched: the one parameter that each method publishes.",
        ),
        Space(
            GLOBAL,
            "one exit threshold for all layers, and the skip threshold",
            "Searched: one exit threshold for all layers, and the skip threshold.",
        ),
        Space(
            PER_LAYER,
            "one exit threshold per layer, and the skip threshold",
            "Searched: one exit threshold per layer, in methods that have several, and the skip"
            " threshold.",
        ),
        Space(
            FIXED,
            "everybody leaves at the same layer, gates off",
            "Everybody leaves at the same layer, gates off.",
        ),
    )
}
SPACES = (PUBLISHED, GLOBAL, PER_LAYER)  # that are searched, each holding the one before it


def nearest(space: str, known: Collection[str]) -> str | None:
    """Return the space in which a method is shown where another's is wanted: that one, or the
    largest that it holds. A method without gates has no `global` space beside `published`.
    """
    wanted = SPACES[: SPACES.index(space) + 1] if space in SPACES else (space,)
    return next((name for name in reversed(wanted) if name in known), None)


def points_of(space: str) -> tuple[str, ...]:
    """Return the operating points that are chosen in a space: a certified one in the main space
    alone, whose settings can be listed before tune is seen.
    """
    return POINTS if space == MAIN else tuple(name for name in POINTS if name != CERTIFIED)


def check_budget(budget: float) -> None:
    """Raise UserError for a budget that is no share of dense BERT's cost."""
    if 0 < budget <= 1:
        return
    meant = f"{budget:g} % is --budget {budget / 100:g}; " if 1 < budget <= 100 else ""
    raise UserError(
        f"budget {budget:g} is no share of dense BERT's cost, above 0 and at most 1; {meant}all"
        f" layers run at --point {FULL}"
    )


def within(cost: float, budget: float) -> bool:
    """Return whether a mean cost, rounded to whole per cents, is within an operating point's."""
    return cost < budget + BUDGET_ROUNDING


@dataclass(frozen=True)
class Setting:
    """A member (the config's name of a training) and the policy it is run with."""

    member: str
    policy: Policy


@dataclass(frozen=True, kw_only=True)
class PublishedPoint(Record):
    """A setting as a published model carries it, with what it gave.

    Attributes:
        tune_score, tune_cost: on tune, in points and as a share of dense BERT's cost.
        test_score, test_cost: the same on test, where the setting is an operating point.
        exits, skipped: for every layer the share of all test examples that have their answer there
            and that skip it.
    """

    criterion: str
    skip_threshold: float | None
    thresholds: tuple[float, ...]
    tune_score: float
    tune_cost: float
    test_score: float | None = field(default=None, metadata=OPTIONAL)
    test_cost: float | None = field(default=None, metadata=OPTIONAL)
    exits: tuple[float, ...] = field(default=(), metadata=OPTIONAL)
    skipped: tuple[float, ...] = field(default=(), metadata=OPTIONAL)
    parameters: tuple[float, ...] = field(default=(), metadata=OPTIONAL)

    @property
    def policy(self) -> Policy:
        """The policy that it means."""
        return Policy(self.criterion, self.thresholds, self.skip_threshold, self.parameters)


@dataclass(frozen=True, kw_only=True)
class TunedSetting(Record):
    """A setting that was tried on tune, with its score (points) and mean cost (share of dense
    BERT's) there.
    """

    member: str
    criterion: str
    skip_threshold: float | None
    thresholds: tuple[float, ...]
    tune_score: float
    tune_cost: float
    parameters: tuple[float, ...] = field(default=(), metadata=OPTIONAL)

    @classmethod
    def of(cls, setting: Setting, score: float, cost: float) -> Self:
        """Return the record of a setting."""
        policy = setting.policy
        return cls(
            member=setting.member,
            criterion=policy.criterion,
            skip_threshold=policy.skip_threshold,
            thresholds=policy.thresholds,
            tune_score=float(score),
            tune_cost=float(cost),
            parameters=policy.parameters,
        )

    @property
    def policy(self) -> Policy:
        """The policy that it means."""
        return Policy(self.criterion, self.thresholds, self.skip_threshold, self.parameters)

    @property
    def setting(self) -> Setting:
        """The setting itself."""
        return Setting(self.member, self.policy)

    def published(self) -> PublishedPoint:
        """Return it without the training that it chose, for a model that carries it."""
        return PublishedPoint(
            criterion=self.criterion,
            skip_threshold=self.skip_threshold,
            thresholds=self.thresholds,
            tune_score=self.tune_score,
            tune_cost=self.tune_cost,
            parameters=self.parameters,
        )


@dataclass(frozen=True)
class TunedSpace(Record):
    """What tuning found in one space.

    Attributes:
        trials: how many settings were tried.
        exhaustive: whether these are all that there are.
        points: by operating point the setting chosen.
        missing: by operating point why there is none; in JSON it stands in the point's place, as
            its `status`.
        curve: the settings that the rule for budgets chooses at `CURVE_BUDGETS`, each once, by
            rising cost.
    """

    trials: int
    exhaustive: bool
    points: dict[str, TunedSetting]
    missing: dict[str, str]
    curve: tuple[TunedSetting, ...]

    def to_json(self) -> dict[str, object]:
        """Return plain values, for `points.json`."""
        values = super().to_json()
        del values["missing"]
        found = {name: setting.to_json() for name, setting in self.points.items()}
        found |= {name: {"status": reason} for name, reason in self.missing.items()}
        order = [*(name for name in POINTS if name in found), *found]
        values["points"] = {name: found[name] for name in order}
        return values

    @classmethod
    def split(cls, values: object) -> object:
        """Return its JSON form with the points that there are apart from those that are missing."""
        if not isinstance(values, Mapping) or not isinstance(values.get("points"), Mapping):
            return values
        points = values["points"]
        lost = {
            n: p["status"] for n, p in points.items() if isinstance(p, Mapping) and "status" in p
        }
        there = {name: point for name, point in points.items() if name not in lost}
        return {**values, "points": there, "missing": lost}


@dataclass(frozen=True)
class TunedMember(Record):
    """A training that was tuned: what its tune trace says of itself, and what tells it apart from
    the method's other ones.
    """

    task: str
    seed: int
    model: str
    data: str
    label: str


@dataclass(frozen=True)
class TuningSettings(Record):
    """The config's `tuning` section, less where studies are kept.

    Attributes:
        trials: per method, task, seed and space.
        sampler: "nsga2" or "tpe".
    """

    sampler: str
    seed: int
    spaces: tuple[str, ...]
    trials: int


@dataclass(frozen=True)
class Tuned(Record):
    """The contents of `points.json`: what tuning chose for one method on one task and seed.

    Attributes:
        convention: how cost is counted.
        majority: class that most tune examples have.
        members: by the config's name of each training.
        spaces: by search space.
    """

    task: str
    method: str
    title: str
    seed: int
    convention: str
    criterion: str
    majority: int
    settings: TuningSettings
    members: dict[str, TunedMember]
    spaces: dict[str, TunedSpace]

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Return the record from its JSON form; see `Record.from_json`."""
        if isinstance(values, Mapping) and isinstance(values.get("spaces"), Mapping):
            spaces = {name: TunedSpace.split(space) for name, space in values["spaces"].items()}
            values = {**values, "spaces": spaces}
        return super().from_json(values)
