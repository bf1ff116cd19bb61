"""Exit criteria: what each exit rule makes of a layer's answer, and the scale of its thresholds.

A criterion maps what each executed layer's head said to one number, its signal; an example stops
at the first executed layer before the last whose signal passes that layer's threshold. A new rule
is one more record in `CRITERIA`: search, replay, live inference and the traces' check take it from
there. Signals and states are written for arrays of NumPy and of torch alike; nothing here imports
torch.

Shapes: N examples, L layers, C classes, n rows that just ran a layer.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from array_api_compat import array_namespace, device

from smartbert.errors import unknown

# Annotated as NumPy's; a torch.Tensor serves as well wherever it says Array.
Array: TypeAlias = np.ndarray

NEVER = "never"
CERTAINTY = "certainty"  # an array beside logits: how certain exits are, from 0 to 1


def log_softmax(logits: Array) -> Array:
    """Return log-probabilities in float64 over the last axis, finite for any finite logits."""
    xp = array_namespace(logits)
    z = xp.astype(logits, xp.float64)
    z = z - xp.max(z, axis=-1, keepdims=True)
    return z - xp.log(xp.sum(xp.exp(z), axis=-1, keepdims=True))


def entropy(logits: Array) -> Array:
    """Return the entropy (natural log, 0..log C) of softmax(logits) over the last axis.

    Stays finite where probabilities underflow; the direct -sum p log p gives NaN there, and NaN <
    threshold is false (methods 3, bug b).
    """
    xp = array_namespace(logits)
    logp = log_softmax(logits)
    return -xp.sum(xp.exp(logp) * logp, axis=-1)


@dataclass(frozen=True)
class Seen:
    """What a rule is shown of the n rows that just ran a layer.

    Attributes:
        logits: (n, C) of that layer's exit.
        rows: (n,) their numbers among all examples.
        parameters: values of the rule's parameters, in their order.
        extras: the optional arrays that the rule `needs`, each (n,).
    """

    logits: Array
    rows: Array
    parameters: tuple[float, ...] = ()
    extras: Mapping[str, Array] = field(default_factory=dict)


class State:
    """What a rule remembers of each of N examples between layers."""

    def __init__(self, n: int):
        self._n = n
        self._memory: dict[str, Array] = {}

    def memory(self, name: str, seen: Seen, *, start: float, whole: bool = False) -> Array:
        """Return a rule's array (N,) of that name, to be read and written at `seen.rows`.

        Args:
            start: value of every example at first.
            whole: of type int64 rather than float64.
        """
        if name not in self._memory:
            xp = array_namespace(seen.logits)
            kind = xp.int64 if whole else xp.float64
            self._memory[name] = xp.full((self._n,), start, dtype=kind, device=device(seen.logits))
        return self._memory[name]


def entropy_signal(state: State, seen: Seen) -> Array:
    """Entropy of the layer's prediction (SmartBERT, DeeBERT)."""
    return entropy(seen.logits)


def normalised_entropy_signal(state: State, seen: Seen) -> Array:
    """Entropy of the prediction as a share of log C, its maximum (FastBERT, methods 5.1)."""
    return entropy(seen.logits) / math.log(seen.logits.shape[-1])


def confidence_signal(state: State, seen: Seen) -> Array:
    """Largest class probability."""
    xp = array_namespace(seen.logits)
    return xp.exp(xp.max(log_softmax(seen.logits), axis=-1))


def certainty_signal(state: State, seen: Seen) -> Array:
    """How certain the exit has learnt to be that it is right (BERxiT, methods 5.3)."""
    return seen.extras[CERTAINTY]


def patience_signal(state: State, seen: Seen) -> Array:
    """How many executed layers in a row, before this one, gave the same prediction (PABEE, methods
    4).
    """
    xp = array_namespace(seen.logits)
    predictions = state.memory("prediction", seen, start=-1, whole=True)
    agreement = state.memory("agreement", seen, start=0, whole=True)
    prediction = xp.argmax(seen.logits, axis=-1)
    same = prediction == predictions[seen.rows]
    count = xp.where(same, agreement[seen.rows] + 1, 0)
    predictions[seen.rows], agreement[seen.rows] = prediction, count
    return count


NOT_YET = 2.0  # a normalised entropy that is none: of too few layers


def confident_patience_signal(state: State, seen: Seen) -> Array:
    """Largest normalised entropy of the last `patience` executed layers, this one included: below a
    threshold where all of them are (PCEE-BERT, methods 5.2); `NOT_YET` where there are fewer.
    """
    xp = array_namespace(seen.logits)
    signal = newer = normalised_entropy_signal(state, seen)
    for back in range(1, int(seen.parameters[0])):
        past = state.memory(f"past{back}", seen, start=NOT_YET)
        older = past[seen.rows]
        past[seen.rows], newer = newer, older
        signal = xp.maximum(signal, older)
    return signal


# A setting that a publication sweeps: a threshold, or a threshold and the rule's parameters.
Swept: TypeAlias = int | float | tuple[int | float, ...]


@dataclass(frozen=True)
class Parameter:
    """A second setting of a rule, on which its signals depend.

    Attributes:
        values: depth L -> the values that tuning tries, in order.
    """

    name: str
    values: Callable[[int], tuple[float, ...]]


@dataclass(frozen=True)
class Criterion:
    """One exit rule, with the scale of its thresholds.

    Attributes:
        signal: maps (state, what is seen of n rows) to n numbers.
        below: True if a signal strictly below the threshold stops, False if one at or above it
            does.
        off: the threshold that switches an exit off, finite; nothing can stop at it, nor beyond it.
        everybody: number of classes C -> a threshold at which whoever runs the layer stops.
        whole: thresholds are whole numbers, counts of layers: one for all layers, from `off`
            upwards; after l layers no signal is above l - 1.
        running: a signal depends on the exits before it, so that all are evaluated as soon as one
            may stop.
        parameters: further settings, on which signals depend.
        needs: names of the optional arrays of a trace that signals are made from.
    """

    name: str
    signal: Callable[[State, Seen], Array]
    below: bool
    off: float
    everybody: Callable[[int], float]
    whole: bool = False
    running: bool = False
    parameters: tuple[Parameter, ...] = ()
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        taken = [p.name for p in self.parameters if re.match(r"(member|skip|exit(_\d+)?)$", p.name)]
        if taken:
            raise ValueError(f"a parameter cannot be called {taken[0]!r}: tuning has a knob so")

    def measure(self, state: State, seen: Seen) -> Array:
        """Return the signals as float64, as thresholds are compared with them everywhere."""
        signals = self.signal(state, seen)
        xp = array_namespace(signals)
        return xp.astype(signals, xp.float64)

    def passes(self, signals: Array, threshold: float | Array) -> Array:
        """Return where the signals stop; NaN (layer not executed) never does.

        Args:
            threshold: one, or as many as go with the signals.
        """
        return signals < threshold if self.below else signals >= threshold

    def ladder(self, classes: int, depth: int, *, steps: int = 50) -> tuple[float, ...]:
        """Return thresholds fixed by the rule alone, from off towards stopping everybody: the
        scale in equal steps, or every count of layers; none on a scale without ends.
        """
        if self.whole:
            return (self.off, *(self.off + count for count in range(depth - 1, 0, -1)))
        ends = self.off, self.everybody(classes)
        if not all(abs(end) < LARGEST for end in ends):
            return ()
        return tuple(float(t) for t in np.linspace(*ends, steps + 1))

    def can_stop(self, threshold: float) -> bool:
        """Return whether any signal at all could stop at this threshold."""
        return threshold > self.off if self.below or self.whole else threshold < self.off


ABOVE = 0.01  # a threshold this far above the largest entropy lets everything stop
LARGEST = sys.float_info.max  # for scales without an end: a threshold has to be written as JSON

CRITERIA: dict[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        Criterion(
            "entropy",
            entropy_signal,
            below=True,
            off=0.0,
            everybody=lambda classes: math.log(classes) + ABOVE,
        ),
        Criterion(
            "normalised_entropy",
            normalised_entropy_signal,
            below=True,
            off=0.0,
            everybody=lambda classes: 1 + ABOVE,
        ),
        Criterion(
            "confidence",
            confidence_signal,
            below=False,
            off=math.nextafter(1.0, 2.0),  # no probability is above 1
            everybody=lambda classes: 0.0,
        ),
        Criterion(
            "certainty",
            certainty_signal,
            below=False,
            off=math.nextafter(1.0, 2.0),  # a sigmoid is never above 1
            everybody=lambda classes: 0.0,
            needs=(CERTAINTY,),
        ),
        Criterion(
            "patience",
            patience_signal,
            below=False,
            off=0.0,  # means full depth (methods 4), though every count is at least 0
            everybody=lambda classes: 1.0,
            whole=True,
            running=True,
        ),
        Criterion(
            "confident_patience",
            confident_patience_signal,
            below=True,
            off=0.0,
            everybody=lambda classes: 1 + ABOVE,
            running=True,
            parameters=(Parameter("patience", lambda depth: tuple(range(1, depth))),),
        ),
    )
}

FIXING = "entropy"  # the rule that says "everybody leaves at this layer": it looks at no other exit


def criterion(name: str) -> Criterion | None:
    """Return an exit rule by name, None for "never".

    Raises:
        UserError: naming the known ones.
    """
    if name == NEVER:
        return None
    if name not in CRITERIA:
        raise unknown("exit criterion", name, [*CRITERIA, NEVER], setting="`criterion`")
    return CRITERIA[name]
