"""Constant skip: skip-only's model, every example skipping the same layers, a control.

A layer is skipped where the learned gates skip it for more than half of the tune examples. Nothing
is trained.
"""

from baselines.random_skip import RandomSkip


class ConstantSkip(RandomSkip):
    """Gates that always give the median of the parent's gate values on tune."""

    gates = "constant"
