"""Replay: apply a policy to a trace and get predictions, layers and paths, without running any
model.

Rests on one identity (methods 2.4): at a fixed skip threshold the skipping path does not depend on
the exit thresholds; an exit only cuts it short. No torch.
"""

from dataclasses import dataclass

import numpy as np

from smartbert.policies import NEVER, Policy, exit_signals
from smartbert.trace import Paths, Trace


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


class Replay:
    """Replays policies on one trace; paths and exit signals are computed once and shared by all
    policies.
    """

    def __init__(self, trace: Trace):
        self.trace = trace
        self._paths: dict[float | None, Paths] = {}
        self._signals: dict[tuple[float | None, str], np.ndarray] = {}

    def paths(self, skip_threshold: float | None) -> Paths:
        """Return the paths at a skip threshold of the grid."""
        if skip_threshold not in self._paths:
            self._paths[skip_threshold] = self.trace.path(skip_threshold)
        return self._paths[skip_threshold]

    def signals(self, skip_threshold: float | None, criterion: str) -> np.ndarray:
        """Return the exit signals (N, L-1) of a criterion at a skip threshold of the grid."""
        key = (skip_threshold, criterion)
        if key not in self._signals:
            paths = self.paths(skip_threshold)
            self._signals[key] = exit_signals(criterion, paths.exit_logits, paths.executed)
        return self._signals[key]

    def decide(self, policy: Policy) -> Decisions:
        """Return what the policy does with every example of the trace."""
        paths = self.paths(policy.skip_threshold)
        n, depth = paths.executed.shape
        if policy.criterion == NEVER:
            stop = np.zeros((n, depth - 1), dtype=bool)
        else:
            stop = policy.stops(self.signals(policy.skip_threshold, policy.criterion))
        exited = stop.any(-1)
        exit_layer = np.where(exited, stop.argmax(-1) + 1, depth)
        reached = np.arange(1, depth + 1) <= exit_layer[:, None]
        logits = paths.final_logits.copy()
        rows = np.flatnonzero(exited)
        logits[rows] = paths.exit_logits[rows, exit_layer[rows] - 1]
        return Decisions(logits, exit_layer, exited, paths.executed & reached)
