"""Replay: apply a policy to a trace and get predictions, layers and paths, without running any
model.

Rests on one identity (methods 2.4): at a fixed skip threshold the skipping path does not depend on
the exit thresholds; an exit only cuts it short. No torch.
"""

from __future__ import annotations

import numpy as np

from smartbert.cost import CostModel, convention
from smartbert.policies import Decisions, Policy, exit_signals
from smartbert.trace.trace import Paths, Trace


class Replay:
    """Replays policies on one trace; paths and exit signals are computed once and shared by all
    policies.
    """

    def __init__(self, trace: Trace):
        self.trace = trace
        self._paths: dict[float | None, Paths] = {}
        self._signals: dict[tuple[float | None, str, tuple[float, ...]], np.ndarray] = {}

    def paths(self, skip_threshold: float | None) -> Paths:
        """Return the paths at a skip threshold of the grid."""
        if skip_threshold not in self._paths:
            self._paths[skip_threshold] = self.trace.path(skip_threshold)
        return self._paths[skip_threshold]

    def signals(
        self, skip_threshold: float | None, criterion: str, parameters: tuple[float, ...] = ()
    ) -> np.ndarray:
        """Return the exit signals (N, L-1) of a criterion at a skip threshold of the grid."""
        key = (skip_threshold, criterion, parameters)
        if key not in self._signals:
            paths = self.paths(skip_threshold)
            self._signals[key] = exit_signals(
                criterion,
                paths.exit_logits,
                paths.executed,
                parameters=parameters,
                extras=paths.extras,
            )
        return self._signals[key]

    def decide(self, policy: Policy) -> Decisions:
        """Return what the policy does with every example of the trace."""
        paths = self.paths(policy.skip_threshold)
        n, depth = paths.executed.shape
        if policy.rule is None:
            stop = np.zeros((n, depth - 1), dtype=bool)
        else:
            signals = self.signals(policy.skip_threshold, policy.criterion, policy.parameters)
            stop = policy.stops(signals)
        exited = np.asarray(stop.any(-1))
        # The last layer stops all that are left; a model of one layer has no other.
        exit_layer = np.hstack([stop, np.ones((n, 1), dtype=bool)]).argmax(-1) + 1
        reached = np.arange(1, depth + 1) <= exit_layer[:, None]
        logits = paths.final_logits.copy()
        rows = np.flatnonzero(exited)
        logits[rows] = paths.exit_logits[rows, exit_layer[rows] - 1]
        return Decisions(logits, exit_layer, exited, paths.executed & reached)


def relative_cost(trace: Trace, decisions: Decisions, policy: Policy, *, name: str) -> np.ndarray:
    """Return each example's cost as a share of dense BERT's, (N,), under a named convention."""
    return cost_model(trace, name).relative(decisions, policy, trace.lengths)


def cost_model(trace: Trace, name: str) -> CostModel:
    """Return the cost model of a trace's architecture under a named convention."""
    return CostModel(trace.meta.architecture, convention(name))
