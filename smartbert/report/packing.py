"""Packing: test traces as the explorer page replays them, without a rule's code or a logit.

A rule's signal is kept as the number of the first threshold, of an ascending list of ever laxer
ones, at which it stops. At these thresholds, all tuned ones among them, the page's decisions are
those of `trace.replay`, whatever the rule: it compares two whole numbers. Costs are kept as the
parts that `CostModel.spent` adds up. No torch.

Shapes: N examples, R rows (paths), L layers, K thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from smartbert.cost import CONVENTIONS, Architecture, CostModel
from smartbert.criteria import CRITERIA, FIXING, NEVER, Criterion
from smartbert.points import FIXED, Setting
from smartbert.policies import SKIP_THRESHOLD, Decisions, Policy, exit_signals
from smartbert.trace.trace import Trace

STEPS = 100  # shares of the signals between which the page's own thresholds lie
DIGITS = 3  # of those thresholds, so that they can be read
Rule: TypeAlias = tuple[str, tuple[float, ...]]  # a name in `CRITERIA`, values of its parameters


class Arrays:
    """Arrays of whole numbers from 0, one after another in one string of bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: np.ndarray) -> dict[str, int]:
        """Append an array; return where it begins, its size, and how many bytes a number has.

        All lowest bytes come first, then all next ones: high bytes, nearly all alike, compress to
        little.
        """
        flat = np.asarray(array, dtype=np.int64).ravel()
        width = 1 if flat.max(initial=0) < 2**8 else 2 if flat.max() < 2**16 else 4
        place = {"at": self._size, "size": len(flat), "width": width}
        planes = ((flat >> 8 * byte) & 255 for byte in range(width))
        self._parts += [plane.astype(np.uint8).tobytes() for plane in planes]
        self._size += width * len(flat)
        return place

    def content(self) -> bytes:
        """Return all of them."""
        return b"".join(self._parts)


@dataclass(frozen=True)
class Ladder:
    """The thresholds of one rule on one trace, from off on, each laxer than the one before.

    Attributes:
        thresholds: (K,) the first is the rule's `off`.
    """

    rule: Criterion
    thresholds: tuple[float, ...]

    @classmethod
    def of(
        cls, rule: Criterion, signals: np.ndarray, tuned: Iterable[float], *, classes: int
    ) -> Ladder:
        """Return the tuned thresholds, the one that stops everybody, and some between the signals.

        Args:
            signals: (R, L-1), NaN where the layer did not run.
            tuned: in any order.
        """
        wanted = {float(t) for t in tuned} | {float(rule.everybody(classes))}
        known = signals[np.isfinite(signals)]
        if rule.whole:
            wanted |= {rule.off + count for count in range(1, signals.shape[1] + 1)}
        elif len(known):
            shares = np.quantile(known, np.linspace(0, 1, STEPS + 1)[1:-1])
            wanted |= {float(f"{t:.{DIGITS}g}") for t in shares}
        able = sorted((t for t in wanted if rule.can_stop(t)), reverse=not rule.below)
        return cls(rule, (rule.off, *able))

    def codes(self, signals: np.ndarray) -> np.ndarray:
        """Return the position of the first threshold at which each signal stops, K where none."""
        laxer, sign = np.array(self.thresholds[1:]), 1 if self.rule.below else -1
        never = np.isnan(signals)
        known = sign * np.where(never, 0, signals)
        # Below stops strictly below a threshold; the others stop at one, too.
        found = np.searchsorted(sign * laxer, known, side="right" if self.rule.below else "left")
        return np.where(never, len(self.thresholds), found + 1)

    def position(self, threshold: float) -> int:
        """Return the position of a threshold of the list; 0 for any at which nothing can stop."""
        return self.thresholds.index(threshold) if self.rule.can_stop(threshold) else 0


@dataclass
class Training:
    """One training's thinned test trace with the ladders of the rules that its settings use.

    Attributes:
        trace: of the examples that the page has.
        settings: with thresholds, all that it must be able to replay exactly.
    """

    trace: Trace
    settings: Sequence[Setting]
    ladders: dict[Rule, Ladder] = field(default_factory=dict)

    def pack(self, arrays: Arrays) -> dict[str, object]:
        """Return what the page is told of it, its arrays appended to the others."""
        order = np.lexsort((self.trace.low, self.trace.example))
        executed, own = self.trace.executed[order], self.trace.meta.architecture
        rules = self._rules(order, arrays)
        exits = self.trace.exit_logits[order].argmax(-1).T if own.exits else []
        answers = np.vstack([*exits, self.trace.final_logits[order].argmax(-1)])
        skips = [None if np.isinf(t) else float(t) for t in self.trace.grid]
        return {
            "seed": self.trace.meta.seed,
            "depth": self.trace.depth,
            "skips": skips,
            # An example's paths follow each other, and each begins where the one before it ends.
            "high": arrays.add(self.trace.high[order]),
            "executed": arrays.add(executed @ (1 << np.arange(self.trace.depth))),
            "answers": arrays.add(answers),
            "rules": rules,
        }

    def _rules(self, order: np.ndarray, arrays: Arrays) -> list[dict[str, object]]:
        meta, found = self.trace.meta, list[dict[str, object]]()
        used = {(s.policy.criterion, s.policy.parameters) for s in self.settings}
        for key in sorted(used - {(NEVER, ())}):
            name, parameters = key
            rule, signals = CRITERIA[name], self._signals(order, *key)
            policies = [s.policy for s in self.settings]
            own = [p.thresholds for p in policies if (p.criterion, p.parameters) == key]
            tuned = {t for thresholds in own for t in thresholds}
            ladder = Ladder.of(rule, signals, tuned, classes=meta.architecture.classes)
            self.ladders[key] = ladder
            names = [parameter.name for parameter in rule.parameters]
            found.append(
                {
                    "name": name,
                    "parameters": dict(zip(names, parameters, strict=True)),
                    **{"below": rule.below, "whole": rule.whole, "running": rule.running},
                    "thresholds": ladder.thresholds,
                    "codes": arrays.add(ladder.codes(signals).T),
                }
            )
        return found

    def _signals(self, order: np.ndarray, name: str, parameters: tuple[float, ...]) -> np.ndarray:
        """Return a rule's signals, (R, L-1): rows are paths, which do not depend on each other."""
        logits, executed = self.trace.exit_logits[order], self.trace.executed[order]
        extras = {extra: array[order] for extra, array in self.trace.extras.items()}
        return exit_signals(name, logits, executed, parameters=parameters, extras=extras)

    def place(self, setting: Setting, *, space: str) -> dict[str, object]:
        """Return a setting as positions: of its skip threshold, its rule and its thresholds; or the
        layer (1-based) at which everybody leaves.
        """
        policy, depth = setting.policy, self.trace.depth
        skip = np.float32(np.inf if policy.skip_threshold is None else policy.skip_threshold)
        place: dict[str, object] = {"skip": int(np.flatnonzero(self.trace.grid == skip)[0])}
        if space == FIXED:
            able = [policy.rule is not None and policy.rule.can_stop(t) for t in policy.thresholds]
            return {**place, "fixed": able.index(True) + 1 if any(able) else depth}
        key = (policy.criterion, policy.parameters)
        if policy.rule is None:
            return place
        at = [self.ladders[key].position(t) for t in policy.thresholds]
        return {**place, "rule": list(self.ladders).index(key), "at": at}


def cost_parts(
    architecture: Architecture, rules: Sequence[Rule], lengths: np.ndarray
) -> dict[str, dict[str, list[int]]]:
    """Return what `CostModel.spent` adds up, by convention, in its unit: each part a whole number
    for every length, or one where all are equal.

    Parts: `base` (every example), `gate` and `gate_off` (a layer that was reached, with skipping
    and without), `head` (where no exit answered), `dense` (dense BERT); `layer` (a layer that ran)
    and `exit` (its exit, where it was tested), and the same with the position of a rule after the
    name, or `_fixed` where everybody leaves at one layer.

    Args:
        rules: names of exit rules, each with the values of its parameters.
        lengths: (T,) distinct numbers of tokens.
    """
    by_end: dict[str, Rule] = {str(number): rule for number, rule in enumerate(rules)}
    by_end["_fixed"] = (FIXING, ())
    found = {}
    for name, convention in CONVENTIONS.items():
        probe = _Probe(CostModel(architecture, convention), lengths)
        base = probe.spent(Policy())
        skipping = Policy(skip_threshold=SKIP_THRESHOLD)
        parts = {
            "base": base,
            "gate": probe.spent(skipping, reached=1) - base,
            "gate_off": probe.spent(Policy(), reached=1) - base,
            "head": probe.spent(Policy(), exited=False) - base,
            "dense": probe.model.dense(lengths),
            "layer": probe.spent(Policy(), ran=1) - base,
            "exit": np.zeros_like(base),
        }
        for end, rule in by_end.items():
            # Where a convention counts exits that are not tested, a layer has its exit's cost.
            untested = probe.spent(_policy(architecture, *rule, tested=False), ran=1)
            parts[f"layer{end}"] = untested - base
            tested = probe.spent(_policy(architecture, *rule, tested=True), ran=1)
            parts[f"exit{end}"] = tested - untested
        found[name] = {
            part: (values[:1] if (values == values[0]).all() else values).tolist()
            for part, values in parts.items()
        }
    return found


@dataclass(frozen=True)
class _Probe:
    """Made-up decisions whose costs are the parts."""

    model: CostModel
    lengths: np.ndarray

    def spent(
        self, policy: Policy, *, ran: int = 0, reached: int = 0, exited: bool = True
    ) -> np.ndarray:
        n, depth = len(self.lengths), self.model.architecture.layers
        executed = np.broadcast_to(np.arange(depth) < ran, (n, depth))
        decisions = Decisions(np.empty((n, 0)), np.full(n, reached), np.full(n, exited), executed)
        return np.asarray(self.model.spent(decisions, policy, self.lengths))


def _policy(
    architecture: Architecture, name: str, parameters: tuple[float, ...], *, tested: bool
) -> Policy:
    """Return a policy of a rule that tests every exit, or none."""
    rule = CRITERIA[name]
    threshold = rule.everybody(architecture.classes) if tested else rule.off
    return Policy(name, (threshold,) * (architecture.layers - 1), None, parameters)
