"""Policies: thresholds in use, and what they decide: stop, skip or go on.

One definition serves live inference (`Policy.step`, layer by layer on the rows still alive) and
replay (`exit_signals`, all layers of a trace at once), so both take identical decisions.

Shapes: N examples, L layers, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from smartbert.criteria import (
    CRITERIA,
    FIXING,
    NEVER,
    Array,
    Criterion,
    Seen,
    State,
    criterion,
)
from smartbert.errors import UserError

SKIP_THRESHOLD = 0.5  # the released one: a layer is skipped where its gate is at or above it


@dataclass(frozen=True)
class Policy:
    """Thresholds in use.

    Attributes:
        criterion: name in `CRITERIA`, or "never" for no exits.
        thresholds: one per layer 1..L-1 (layer L needs none: its answer is the final head's).
        skip_threshold: skip a layer where its gate is at or above this; None never skips, and gates
            then do not run.
        parameters: values of the rule's parameters, in their order.
    """

    criterion: str = NEVER
    thresholds: tuple[float, ...] = ()
    skip_threshold: float | None = None
    parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        rule = criterion(self.criterion)
        wanted = len(rule.parameters) if rule else 0
        if len(self.parameters) != wanted:
            raise UserError(
                f"exit criterion {self.criterion!r} has {wanted} parameters beside its threshold,"
                f" {len(self.parameters)} are given; set `parameters`"
            )

    @property
    def rule(self) -> Criterion | None:
        """The exit rule; None for no exits."""
        return criterion(self.criterion)

    @classmethod
    def uniform(
        cls,
        criterion: str,
        threshold: float,
        *,
        depth: int,
        skip_threshold: float | None = None,
        parameters: tuple[float, ...] = (),
    ) -> Policy:
        """Return the policy with the same exit threshold at every layer, as all released codes have
        it.
        """
        return cls(criterion, (float(threshold),) * (depth - 1), skip_threshold, parameters)

    @classmethod
    def fixed(cls, layer: int, *, depth: int, classes: int) -> Policy:
        """Return the policy that lets everybody leave at one layer (1-based): no layer is skipped,
        no earlier exit is evaluated; at the last layer the final head answers.
        """
        if layer == depth:
            return cls()
        rule = CRITERIA[FIXING]
        thresholds = [rule.off] * (depth - 1)
        thresholds[layer - 1] = rule.everybody(classes)
        return cls(FIXING, tuple(thresholds))

    def columns(self) -> dict[str, float | str | None]:
        """Return the cells of a table that say what the policy is, to be read."""
        thresholds = ";".join(f"{t:.6g}" for t in self.thresholds)
        own = {"skip_threshold": self.skip_threshold, "thresholds": thresholds}
        return {**own, **self.parameter_column()}

    def exact_columns(self) -> dict[str, str]:
        """Return the cells of a table from which `of_columns` makes the same policy again."""
        numbers = {"thresholds": self.thresholds, "parameters": self.parameters}
        cells = {name: ";".join(f"{t:.17g}" for t in each) for name, each in numbers.items()}
        skip = "" if self.skip_threshold is None else f"{self.skip_threshold:.17g}"
        return {"criterion": self.criterion, "skip_threshold": skip, **cells}

    @classmethod
    def of_columns(cls, cells: Mapping[str, str]) -> Policy:
        """Return the policy that `exact_columns` wrote down."""
        thresholds, parameters = (
            tuple(float(part) for part in cells[name].split(";") if part)
            for name in ("thresholds", "parameters")
        )
        skip = cells["skip_threshold"]
        return cls(cells["criterion"], thresholds, float(skip) if skip else None, parameters)

    def parameter_column(self) -> dict[str, float | str | None]:
        """Return the cell of its rule's parameters; no column where the rule has none."""
        given = ";".join(f"{value:.6g}" for value in self.parameters)
        return {"parameters": given} if given else {}

    def tests(self, layer: int) -> bool:
        """Return whether the exit after layer `layer` (0-based) is evaluated: only where it could
        stop, or where a later one may that depends on it.
        """
        rule = self.rule
        if rule is None:
            return False
        if rule.running:
            return any(rule.can_stop(t) for t in self.thresholds)
        return rule.can_stop(self.thresholds[layer])

    def tested(self, depth: int) -> np.ndarray:
        """Return (L,) bool: after which layers an exit is evaluated; never after the last."""
        return np.array([layer < depth - 1 and self.tests(layer) for layer in range(depth)])

    def can_exit(self, depth: int) -> bool:
        """Return whether any example could leave early: not at entropy 0, nor at a patience of L-1
        or more.
        """
        rule = self.rule
        if rule is None:
            return False
        return any(
            rule.can_stop(threshold) and not (rule.whole and threshold > layer)
            for layer, threshold in enumerate(self.thresholds[: depth - 1])
        )

    def skips(self, gates: Array) -> Array:
        """Return where gates (any shape) skip: gate >= threshold, compared in float32."""
        xp = array_namespace(gates)
        if self.skip_threshold is None:
            return xp.zeros_like(gates, dtype=xp.bool)
        return xp.astype(gates, xp.float32) >= float(np.float32(self.skip_threshold))

    def start(self, n: int) -> State:
        """Return the memory for n examples."""
        return State(n)

    def step(
        self,
        state: State,
        logits: Array,
        *,
        rows: Array,
        layer: int,
        extras: Mapping[str, Array] | None = None,
    ) -> Array:
        """Return whether each of the rows that just ran layer `layer` stops there, (n,) bool."""
        rule = self.rule
        if rule is None:
            raise ValueError("a policy without exits evaluates none")
        signals = rule.measure(state, Seen(logits, rows, self.parameters, extras or {}))
        stops = rule.passes(signals, self.thresholds[layer])
        return stops if rule.can_stop(self.thresholds[layer]) else stops & False

    def stops(self, signals: np.ndarray) -> np.ndarray:
        """Return, from the signals (N, L-1) of a trace, where this policy would stop, bool (N,
        L-1).
        """
        stop = np.zeros(signals.shape, dtype=bool)
        rule = self.rule
        if rule is None:
            return stop
        for layer, threshold in enumerate(self.thresholds):
            if rule.can_stop(threshold):
                stop[:, layer] = rule.passes(signals[:, layer], threshold)
        return stop


@dataclass(frozen=True)
class Decisions:
    """What a policy did with each of N examples.

    Attributes:
        logits: (N, C) the answer.
        exit_layer: (N,) last layer visited, 1-based; L if no exit happened.
        exited: (N,) whether an exit answered, before the final head.
        executed: (N, L) bool, layers that ran, up to the exit.
    """

    logits: np.ndarray
    exit_layer: np.ndarray
    exited: np.ndarray
    executed: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """Predicted class ids (N,)."""
        return self.logits.argmax(-1)

    @property
    def layers(self) -> np.ndarray:
        """Number of layers that ran, (N,)."""
        return self.executed.sum(-1)


def exit_signals(
    name: str,
    logits: np.ndarray,
    executed: np.ndarray,
    *,
    parameters: tuple[float, ...] = (),
    extras: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Return the signals of a trace, (N, L-1) float64, NaN where the layer did not run.

    They do not depend on any threshold, so one call serves every policy of that criterion and
    those parameters.

    Args:
        name: of the criterion, in `CRITERIA`.
        logits: exit logits (N, L-1, C).
        executed: which layers ran (N, L).
        extras: the optional arrays that the rule needs, each (N, L-1).

    Raises:
        UserError: if the trace lacks an array that the rule needs.
    """
    rule, given = CRITERIA[name], extras or {}
    if missing := [need for need in rule.needs if need not in given]:
        raise UserError(
            f"exit criterion {name!r} needs the array {missing[0]!r}, which this trace lacks;"
            f" recorded: {', '.join(given) or 'none'}; record it with a head that gives it, or set"
            " another `criterion`"
        )
    n, exits = logits.shape[:2]
    state = State(n)
    signals = np.full((n, exits), np.nan)
    for layer in range(exits):
        rows = np.flatnonzero(executed[:, layer])
        if len(rows):
            own = {need: given[need][rows, layer] for need in rule.needs}
            seen = Seen(logits[rows, layer], rows, parameters, own)
            signals[rows, layer] = rule.measure(state, seen)
    return signals
