"""The search space of a method (protocol: "Tuning"): what can be set, and how a trial's parameters
become a setting.

What is searched:

- the member, where several trainings appear as one method (truncated BERT's depths, several
  lambdas),
- the skip threshold, one of the trace's grid, never-skip included; in the "published" space it is
  the one that the gates were trained for,
- the exit thresholds: one for all layers, as published; in the "per_layer" space one per layer. A
  threshold is searched as the share of tune examples whose signal it lets stop, since signals of
  different methods, tasks and layers live on different scales. Patience is a small whole number and
  always one for all layers.
"""

import math
from typing import TypeAlias

import numpy as np
import optuna

from smartbert.criteria import NEVER, criterion
from smartbert.errors import UserError, unknown
from smartbert.points import GLOBAL, PER_LAYER, PUBLISHED, SPACES, Setting
from smartbert.policies import Policy
from smartbert.tune.member import Member

Knob: TypeAlias = optuna.distributions.IntDistribution | optuna.distributions.FloatDistribution


class Search:
    """What can be set of one method, in one space, and how a trial's parameters become a setting.

    Raises:
        UserError: for an unknown space, or members under different exit rules.
    """

    def __init__(self, members: dict[str, Member], space: str):
        if space not in SPACES:
            raise unknown("search space", space, SPACES, setting="`tuning.spaces`")
        self.members = members
        self.space = space
        rules = {name: member.trace.meta.criterion for name, member in members.items()}
        if len(set(rules.values())) > 1:
            found = ", ".join(f"{name} ({rule})" for name, rule in rules.items())
            raise UserError(
                f"trainings under different exit rules cannot be tuned as one method: {found}; set"
                " `group` to another name in one of them"
            )
        self.rule = criterion(next(iter(rules.values())))

    @property
    def counted(self) -> bool:
        """Whether the exit threshold is a whole number."""
        return self.rule is not None and self.rule.whole

    def exits(self, member: Member) -> int:
        """Return how many exits a member has that can be tuned."""
        return member.trace.depth - 1 if self.rule else 0

    @property
    def differs(self) -> bool:
        """Whether this space holds more than the one before it."""
        if self.space == PUBLISHED:
            return True
        if self.space == GLOBAL:
            return any(len(member.skips) > 1 for member in self.members.values())
        deepest = max(self.exits(member) for member in self.members.values())
        return deepest > 1 and not self.counted

    def skips(self, member: Member) -> list[float | None]:
        """Return the skip thresholds of a member in this space, never-skip (None) first."""
        own = member.trace.meta.skip_threshold
        if self.space != PUBLISHED:
            return member.skips
        # As the trace's grid has it, in single precision.
        return [None if own is None else float(np.float32(own))]

    def knobs(self, member: Member) -> dict[str, Knob]:
        """Return the search space of one member."""
        knobs: dict[str, Knob] = {}
        exits = self.exits(member)
        if len(skips := self.skips(member)) > 1:
            knobs["skip"] = optuna.distributions.IntDistribution(0, len(skips) - 1)
        if self.counted:
            knobs["exit"] = optuna.distributions.IntDistribution(0, exits)
        elif exits:
            share = optuna.distributions.FloatDistribution(0, 1)
            layers = [f"_{n}" for n in range(1, exits + 1)] if self.space == PER_LAYER else [""]
            knobs |= {f"exit{layer}": share for layer in layers}
        for parameter, values in self._parameters(member).items():
            knobs[parameter] = optuna.distributions.IntDistribution(0, len(values) - 1)
        return knobs

    def _parameters(self, member: Member) -> dict[str, tuple[float, ...]]:
        """Return what each parameter of the rule may be."""
        rule = self.rule
        return {p.name: p.values(member.trace.depth) for p in (rule.parameters if rule else ())}

    def suggest(self, trial: optuna.trial.BaseTrial) -> Setting:
        """Return the setting of a trial."""
        name = next(iter(self.members))
        if len(self.members) > 1:
            name = trial.suggest_categorical("member", list(self.members))
        values: dict[str, float] = {}
        for knob, choices in self.knobs(self.members[name]).items():
            # Depths and grids differ between members, and Optuna wants one range per name.
            label = f"{name}.{knob}" if len(self.members) > 1 else knob
            if isinstance(choices, optuna.distributions.IntDistribution):
                values[knob] = trial.suggest_int(label, choices.low, choices.high)
            else:
                values[knob] = trial.suggest_float(label, choices.low, choices.high)
        return self.setting(name, values)

    def setting(self, name: str, values: dict[str, float]) -> Setting:
        """Return the setting of a member that parameters describe."""
        member, rule = self.members[name], self.rule
        skip = self.skips(member)[int(values.get("skip", 0))]
        if rule is None:
            return Setting(name, Policy(NEVER, (), skip))
        exits = self.exits(member)
        given = tuple(each[int(values[p])] for p, each in self._parameters(member).items())
        if self.counted:
            thresholds = [rule.off + float(values["exit"])] * exits
        elif self.space != PER_LAYER:
            shared = values["exit"] if exits else 0.0
            threshold = member.threshold(shared, skip=skip, layer=None, parameters=given)
            thresholds = [threshold] * exits
        else:
            thresholds = [
                member.threshold(values[f"exit_{n + 1}"], skip=skip, layer=n, parameters=given)
                for n in range(exits)
            ]
        if not any(rule.can_stop(t) for t in thresholds):
            return Setting(name, Policy(NEVER, (), skip))
        return Setting(name, Policy(rule.name, tuple(thresholds), skip, given))

    def parameters(self, setting: Setting) -> dict[str, str | float]:
        """Return parameters that give a setting back with the same decisions on tune."""
        member, policy, rule = self.members[setting.member], setting.policy, self.rule
        skip, exits = policy.skip_threshold, self.exits(member)
        values: dict[str, float] = {}
        if len(skips := self.skips(member)) > 1:
            values["skip"] = skips.index(skip)
        exits_off = not policy.thresholds
        if rule is not None and self.counted:
            values["exit"] = 0 if exits_off else int(policy.thresholds[0] - rule.off)
        elif exits:
            layers = list(range(exits)) if self.space == PER_LAYER else [None]
            for layer in layers:
                share = 0.0
                if not exits_off:
                    share = member.share(
                        policy.thresholds[layer or 0],
                        skip=skip,
                        layer=layer,
                        parameters=policy.parameters,
                    )
                values["exit" if layer is None else f"exit_{layer + 1}"] = share
        for number, (parameter, each) in enumerate(self._parameters(member).items()):
            chosen = policy.parameters[number] if policy.parameters else each[0]
            values[parameter] = each.index(chosen)
        if len(self.members) == 1:
            return {**values}
        named = {f"{setting.member}.{knob}": value for knob, value in values.items()}
        return {"member": setting.member, **named}

    def without_exits(self) -> list[Setting]:
        """Return full depth of every member, and skipping alone at every threshold of its grid."""
        return [
            Setting(name, Policy(NEVER, (), skip))
            for name, member in self.members.items()
            for skip in self.skips(member)
        ]

    def size(self) -> float:
        """Return the number of settings in the space; infinite unless all knobs are whole
        numbers.
        """
        if any(map(self.exits, self.members.values())) and not self.counted:
            return math.inf
        knobs = [self.knobs(member).values() for member in self.members.values()]
        return sum(math.prod(int(k.high - k.low) + 1 for k in own) for own in knobs)
