"""Points: the protocol's names for what is tuned and reported, and a setting as it is written down.

Tuning chooses settings, evaluation and everything after it read them; only tuning needs Optuna. No
torch.
"""

from dataclasses import dataclass

from smartbert.policies import Policy

GLOBAL, PER_LAYER = "global", "per_layer"
SPACES = (GLOBAL, PER_LAYER)
FULL = "full"
BUDGETS = {"b75": 0.75, "b50": 0.50, "b33": 0.33}  # most mean cost, as a share of dense BERT's
DROP = ("drop1", 1.0)  # least cost within so many points of dense BERT
POINTS = (FULL, *BUDGETS, DROP[0])


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
        policy = Policy(values["criterion"], tuple(values["thresholds"]), values["skip_threshold"])
        return cls(values["member"], policy)
