"""Exit and skip rules: given the logits and gates seen so far, stop, skip or go on.

One definition serves live inference (`Policy.step`, layer by layer on the rows still alive) and
replay (`exit_signals`, all layers of a trace at once), so both take identical decisions.

An exit criterion maps each executed layer's logits to one number, its signal; an example stops at
the first executed layer before the last whose signal passes that layer's threshold. Shapes: N
examples, L layers, C classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smartbert.errors import unknown


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log-probabilities in float64 over the last axis, finite for any finite logits."""
    z = np.asarray(logits, dtype=np.float64)
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def entropy(logits: np.ndarray) -> np.ndarray:
    """Return the entropy (natural log, 0..log C) of softmax(logits) over the last axis.

    Stays finite where probabilities underflow; the direct -sum p log p gives NaN there, and NaN <
    threshold is false (methods 3, bug b).
    """
    logp = log_softmax(logits)
    return -(np.exp(logp) * logp).sum(-1)


class State:
    """What a criterion remembers of each example: its last prediction and how long it has been
    repeated.
    """

    def __init__(self, n: int):
        self.prediction = np.full(n, -1, dtype=np.int64)
        self.agreement = np.zeros(n, dtype=np.int64)


def entropy_signal(state: State, logits: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Entropy of the layer's prediction (SmartBERT, DeeBERT)."""
    return entropy(logits)


def confidence_signal(state: State, logits: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Largest class probability."""
    return np.exp(log_softmax(logits).max(-1))


def patience_signal(state: State, logits: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How many executed layers in a row, before this one, gave the same prediction (PABEE, methods
    4).
    """
    prediction = logits.argmax(-1)
    same = prediction == state.prediction[rows]
    count = np.where(same, state.agreement[rows] + 1, 0)
    state.prediction[rows], state.agreement[rows] = prediction, count
    return count


@dataclass(frozen=True)
class Criterion:
    """One exit rule.

    Attributes:
        signal: maps (state, logits (n, C), their row numbers (n,)) to n numbers.
        below: True if a signal strictly below the threshold stops, False if one at or above it
            does.
    """

    name: str
    signal: Callable[[State, np.ndarray, np.ndarray], np.ndarray]
    below: bool

    def passes(self, signals: np.ndarray, threshold: float) -> np.ndarray:
        """Return where the signals stop; NaN (layer not executed) never does."""
        return signals < threshold if self.below else signals >= threshold

    def can_stop(self, threshold: float) -> bool:
        """Return whether any signal at all could stop at this threshold.

        Entropy is never below 0. A confidence above 1 does not exist. A patience of 0 means full
        depth (methods 4), though every count is at least 0.
        """
        if self.name == "confidence":
            return threshold <= 1
        return threshold > 0


CRITERIA = {
    criterion.name: criterion
    for criterion in (
        Criterion("entropy", entropy_signal, below=True),
        Criterion("confidence", confidence_signal, below=False),
        Criterion("patience", patience_signal, below=False),
    )
}
NEVER = "never"


@dataclass(frozen=True)
class Policy:
    """Thresholds in use.

    Attributes:
        criterion: name in `CRITERIA`, or "never" for no exits.
        thresholds: one per layer 1..L-1 (layer L needs none: its answer is the final head's).
        skip_threshold: skip a layer where its gate is at or above this; None never skips, and gates
            then do not run.
    """

    criterion: str = NEVER
    thresholds: tuple[float, ...] = ()
    skip_threshold: float | None = None

    def __post_init__(self):
        if self.criterion != NEVER and self.criterion not in CRITERIA:
            raise unknown(
                "exit criterion", self.criterion, [*CRITERIA, NEVER], setting="`criterion`"
            )

    @classmethod
    def uniform(
        cls, criterion: str, threshold: float, *, depth: int, skip_threshold: float | None = None
    ) -> "Policy":
        """Return the policy with the same exit threshold at every layer, as all released codes have
        it.
        """
        return cls(criterion, (float(threshold),) * (depth - 1), skip_threshold)

    def tests(self, layer: int) -> bool:
        """Return whether the exit after layer `layer` (0-based) is evaluated: only where it could
        stop.

        Patience counts agreement along the way, so it evaluates all exits as soon as one layer may
        stop.
        """
        if self.criterion == NEVER:
            return False
        rule = CRITERIA[self.criterion]
        if self.criterion == "patience":
            return any(rule.can_stop(t) for t in self.thresholds)
        return rule.can_stop(self.thresholds[layer])

    def tested(self, depth: int) -> np.ndarray:
        """Return (L,) bool: after which layers an exit is evaluated; never after the last."""
        return np.array([layer < depth - 1 and self.tests(layer) for layer in range(depth)])

    def skips(self, gates: np.ndarray) -> np.ndarray:
        """Return where gates (any shape, float32) skip: gate >= threshold, compared in float32."""
        if self.skip_threshold is None:
            return np.zeros(np.shape(gates), dtype=bool)
        return np.asarray(gates, dtype=np.float32) >= np.float32(self.skip_threshold)

    def start(self, n: int) -> State:
        """Return the memory for n examples."""
        return State(n)

    def step(self, state: State, logits: np.ndarray, *, rows: np.ndarray, layer: int) -> np.ndarray:
        """Return whether each of the rows that just ran layer `layer` stops there, (n,) bool."""
        rule = CRITERIA[self.criterion]
        signals = rule.signal(state, logits, rows)
        if not rule.can_stop(self.thresholds[layer]):
            return np.zeros(len(rows), dtype=bool)
        return rule.passes(signals, self.thresholds[layer])

    def stops(self, signals: np.ndarray) -> np.ndarray:
        """Return, from the signals (N, L-1) of a trace, where this policy would stop, bool (N,
        L-1).
        """
        stop = np.zeros(signals.shape, dtype=bool)
        if self.criterion == NEVER:
            return stop
        rule = CRITERIA[self.criterion]
        for layer, threshold in enumerate(self.thresholds):
            if rule.can_stop(threshold):
                stop[:, layer] = rule.passes(signals[:, layer], threshold)
        return stop


def exit_signals(criterion: str, logits: np.ndarray, executed: np.ndarray) -> np.ndarray:
    """Return the signals of a trace, (N, L-1) float64, NaN where the layer did not run.

    They do not depend on any threshold, so one call serves every policy of that criterion.

    Args:
        criterion: name in `CRITERIA`.
        logits: exit logits (N, L-1, C).
        executed: which layers ran (N, L).
    """
    rule = CRITERIA[criterion]
    n, exits = logits.shape[:2]
    state = State(n)
    signals = np.full((n, exits), np.nan)
    for layer in range(exits):
        rows = np.flatnonzero(executed[:, layer])
        if len(rows):
            signals[rows, layer] = rule.signal(state, logits[rows, layer], rows)
    return signals


def policy_from_config(config) -> Policy:
    """Return the policy that a saved model's config carries."""
    thresholds: Sequence[float] = config.exit_thresholds or ()
    criterion = config.criterion if thresholds else NEVER
    return Policy(criterion, tuple(thresholds), config.skip_threshold if config.gates else None)
