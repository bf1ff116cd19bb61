"""Line: a method's curve of score against cost, read by straight lines (protocol: "Curves and the
primary endpoint").

A toss of a coin between two settings reaches every cost between them, and one between the cheapest
setting and the majority class every cost below it; beyond the dearest setting the line is flat. For
scores that are no means (MCC, F1) the straight line is an approximation.

Shapes: B draws, M settings of a curve, Q costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """Curves of B draws.

    Attributes:
        cost: (B, M+1) ascending, the majority class at no cost first.
        score: (B, M+1) in points.
    """

    cost: np.ndarray
    score: np.ndarray

    @classmethod
    def through(cls, cost: np.ndarray, score: np.ndarray, floor: np.ndarray) -> Line:
        """Return the lines through settings in the order of their cost.

        Args:
            cost, score: (B, M) of settings; NaN where a draw has none there.
            floor: (B,) score of the majority class.
        """
        cost = np.concatenate([np.zeros((len(cost), 1)), cost], axis=1)
        score = np.concatenate([floor[:, None], score], axis=1)
        cost = np.where(np.isnan(score), np.inf, cost)
        order = np.argsort(cost, axis=1, kind="stable")
        cost, score = (np.take_along_axis(a, order, axis=1) for a in (cost, score))
        # What a draw lacks repeats its dearest setting, which changes nothing.
        last = np.where(np.isfinite(cost), np.arange(cost.shape[1]), 0).max(1, keepdims=True)
        place = np.minimum(np.arange(cost.shape[1]), last)
        return cls(*(np.take_along_axis(a, place, axis=1) for a in (cost, score)))

    def mean(self, low: float, high: float) -> np.ndarray:
        """Return the mean of each line over a range of costs, (B,)."""
        ends = np.full((len(self.cost), 1), np.inf)
        right, above = (
            np.append(self.cost[:, 1:], ends, axis=1),
            np.append(self.score[:, 1:], self.score[:, -1:], axis=1),
        )
        begin, end = np.clip(self.cost, low, high), np.clip(right, low, high)
        middle, width = (begin + end) / 2, right - self.cost
        rise = np.divide(
            (above - self.score) * (middle - self.cost), width,
            out=np.zeros_like(width), where=np.isfinite(width) & (width > 0),
        )  # fmt: skip
        return ((self.score + rise) * (end - begin)).sum(1) / (high - low)

    def at(self, costs: np.ndarray) -> np.ndarray:
        """Return the score of each line at some costs, (B, Q)."""
        return np.stack(
            [np.interp(costs, *pair) for pair in zip(self.cost, self.score, strict=True)]
        )
