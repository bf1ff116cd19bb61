"""Outcomes: what many policies do with every example of a trace, at once; the nested bootstrap
looks at a thousand of them.

The same decisions as one replay after another makes, of which only the answers and the costs are
kept, these to the nearest whole number of `GRAIN`. No torch.

Shapes: K policies, N examples, L layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from smartbert.policies import Decisions, Policy
from smartbert.trace.replay import Replay, cost_model

CELLS = 4_000_000  # of (policies, examples, layers) compared at once
# Costs are whole numbers of 2**-30: sums of eight million of them are exact in whatever order a
# processor adds, so that no rounding decides which of two equally dear settings is taken.
GRAIN = 2.0**-30
DRAWS = 128  # whose weights are held in float64 at once


def outcomes(
    replay: Replay, policies: Sequence[Policy], *, convention: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return every policy's answers (K, N) int16, and its costs relative to dense BERT's (K, N).

    Args:
        convention: name of the cost convention.
    """
    n, depth = len(replay.trace), replay.trace.depth
    answers = np.empty((len(policies), n), dtype=np.int16)
    costs = np.empty((len(policies), n), dtype=np.float64)
    tables: dict[tuple[float | None, bytes, tuple[str, ...]], np.ndarray] = {}
    for rows in _alike(policies, chunk=max(1, CELLS // (n * depth))):
        first = policies[rows[0]]
        layers = _exit_layers(replay, [policies[i] for i in rows])
        said = _answers(replay, first.skip_threshold)
        answers[rows] = np.take_along_axis(said[None], layers[..., None], axis=2)[..., 0]
        tested = first.tested(depth)
        needs = first.rule.needs if first.rule else ()  # what exits say beside logits is paid for
        key = (first.skip_threshold, tested.tobytes(), needs)
        if key not in tables:
            tables[key] = _costs(replay, first, convention)
        costs[rows] = np.take_along_axis(tables[key][None], layers[..., None], axis=2)[..., 0]
    return answers, costs


def mean_costs(costs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean costs of K policies in B draws of the examples, (B, K), exact sums.

    Args:
        costs: (K, N) as `outcomes` returns them.
        weights: (B, N) how often each example counts; whole numbers.
    """
    parts = (weights[i : i + DRAWS].astype(np.float64) for i in range(0, len(weights), DRAWS))
    return np.concatenate([part @ costs.T for part in parts]) / costs.shape[1]


def _alike(policies: Sequence[Policy], *, chunk: int) -> Iterator[list[int]]:
    """Yield the positions of policies that share path, signals and the layers whose exit is tested,
    at most `chunk` of them.
    """
    groups: dict[object, list[int]] = {}
    for i, policy in enumerate(policies):
        tested = tuple(policy.tests(layer) for layer in range(len(policy.thresholds)))
        key = (policy.skip_threshold, policy.criterion, policy.parameters, tested)
        groups.setdefault(key, []).append(i)
    for rows in groups.values():
        yield from (rows[i : i + chunk] for i in range(0, len(rows), chunk))


def _exit_layers(replay: Replay, policies: Sequence[Policy]) -> np.ndarray:
    """Return where policies that look at the same signals stop, (K, N): 0-based, L at the final
    head.
    """
    first, n, depth = policies[0], len(replay.trace), replay.trace.depth
    rule = first.rule
    if rule is None:
        return np.full((len(policies), n, 1), depth)[..., 0]
    signals = replay.signals(first.skip_threshold, first.criterion, first.parameters)
    thresholds = np.array([policy.thresholds for policy in policies])
    on = np.array([[rule.can_stop(t) for t in policy.thresholds] for policy in policies])
    layers = np.full((len(policies), n), depth)
    for layer in reversed(range(depth - 1)):  # the first that stops is the last one written
        stops = rule.passes(signals[None, :, layer], thresholds[:, None, layer])
        layers[stops & on[:, None, layer]] = layer
    return layers


def _answers(replay: Replay, skip_threshold: float | None) -> np.ndarray:
    """Return what each exit, and last the final head, answers: (N, L+1)."""
    paths = replay.paths(skip_threshold)
    n, depth = paths.executed.shape
    said = np.zeros((n, depth + 1), dtype=np.int16)
    said[:, : depth - 1] = paths.exit_logits.argmax(-1)
    said[:, depth] = paths.final_logits.argmax(-1)
    return said


def _costs(replay: Replay, policy: Policy, convention: str) -> np.ndarray:
    """Return what each example costs that stops at each layer, and last at the final head: (N,
    L+1) relative to dense BERT.
    """
    trace, model = replay.trace, cost_model(replay.trace, convention)
    executed = replay.paths(policy.skip_threshold).executed
    n, depth = executed.shape
    dense = model.dense(trace.lengths)
    found = np.empty((n, depth + 1))
    logits = np.empty((n, 0))
    for stop in range(depth + 1):
        last = min(stop + 1, depth)
        ran = executed & (np.arange(depth) < last)
        exited = np.full(n, stop < depth)
        decisions = Decisions(logits, np.full(n, last), exited, ran)
        found[:, stop] = model.spent(decisions, policy, trace.lengths) / dense
    return np.rint(found / GRAIN) * GRAIN
