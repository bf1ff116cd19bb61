"""Points: the protocol's names for what is tuned and reported, and a setting as it is written down.

Tuning chooses settings, evaluation and everything after it read them; only tuning needs Optuna. No
torch.
"""

from dataclasses import dataclass

from smartbert.errors import UserError, unknown
from smartbert.policies import Policy

GLOBAL, PER_LAYER = "global", "per_layer"
SPACES = (GLOBAL, PER_LAYER)
FULL = "full"
DENSE = "dense"  # dense BERT where its time is the reference, beside the points
BUDGETS = {"b75": 0.75, "b50": 0.50, "b33": 0.33}  # most mean cost, as a share of dense BERT's
# Budgets are whole per cents. Half of the layers and a head cost 50.01 %, a third 33.4 %: read to
# the last digit, no truncated BERT of the very depth that a budget means would fit into it.
BUDGET_ROUNDING = 0.005
SCORE_ROUNDING = 1e-9  # points: what tells two scores apart is at least one example
DROP = ("drop1", 1.0)  # least cost within so many points of dense BERT
POINTS = (FULL, *BUDGETS, DROP[0])
DEFAULT_POINTS = (DROP[0], "b50", "b75", FULL)  # the first that could be chosen is a model's own


def within(cost: float, budget: float) -> bool:
    """Return whether a mean cost, rounded to whole per cents, is within an operating point's."""
    return cost < budget + BUDGET_ROUNDING


@dataclass(frozen=True)
class Setting:
    """A member (the config's name of a training) and the policy it is run with."""

    member: str
    policy: Policy

    def to_dict(self) -> dict:
        """Return plain values, for `points.json`."""
        return {
            "member": self.member,
            "criterion": self.policy.criterion,
            "skip_threshold": self.policy.skip_threshold,
            "thresholds": list(self.policy.thresholds),
        }

    @classmethod
    def from_dict(cls, values: dict) -> "Setting":
        """Return the setting that `to_dict` gave."""
        return cls(values["member"], policy_from_values(values))


def stored_policy(carrier, *, point: str | None = None, budget: float | None = None) -> Policy:
    """Return the policy of a model that was published with its operating points.

    Args:
        carrier: the model's config, with `operating_points` and `front` as `publishing` writes
            them.
        point: name of an operating point.
        budget: most mean cost on tune as a share of dense BERT's; the setting with the best score
            on tune within it is taken.

    Raises:
        UserError: if the model carries no such point, or nothing within the budget.
    """
    points, front = carrier.operating_points or {}, carrier.front or []
    if not points:
        raise UserError(
            "this model carries no operating points; publish it with `snakemake models_<task>`, or"
            " leave --point and --budget out to use the thresholds of its config"
        )
    if point is not None:
        if point not in points:
            raise unknown("operating point", point, points, setting="--point")
        return policy_from_values(points[point])
    allowed = [values for values in front if values["tune_cost"] <= budget]
    if not allowed:
        least = min(values["tune_cost"] for values in front)
        raise UserError(
            f"no setting of this model costs at most {budget:g} of dense BERT, the cheapest has"
            f" {least:.2f}; set by --budget"
        )
    best = max(allowed, key=lambda values: (values["tune_score"], -values["tune_cost"]))
    return policy_from_values(best)


def policy_from_values(values: dict) -> Policy:
    """Return a policy from its plain values (`Setting.to_dict`, `points.json`)."""
    return Policy(values["criterion"], tuple(values["thresholds"]), values["skip_threshold"])
