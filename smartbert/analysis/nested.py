"""Nested: what a run would have chosen on other tune examples (protocol: "Uncertainty").

Points and curves are chosen again on every resampled tune set, among all settings that were tried,
dense BERT scored in the same draw. No Optuna, no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smartbert.analysis.evaluation import Evaluation
from smartbert.points import Setting
from smartbert.trace.trace import Trace
from smartbert.tune.choice import Candidates, tried_in
from smartbert.tune.rules import ONE_ERROR, Rule


@dataclass(frozen=True)
class Redrawn:
    """What is chosen in one space on tune as it is, and on B draws of it.

    Attributes:
        settings: those chosen anywhere, each once.
        points: by operating point positions in `settings`, (1+B,), tune as it is first; -1 for
            none.
        curve: positions at each of `CURVE_BUDGETS`, (1+B, M).
    """

    settings: Sequence[Setting]
    points: dict[str, np.ndarray]
    curve: np.ndarray


def choose_again(
    run: Evaluation,
    space: str,
    weights: np.ndarray,
    *,
    dense: Trace | None,
    rule: Rule = ONE_ERROR,
) -> Redrawn:
    """Return what a run chooses in a space, and would where tune's examples count otherwise.

    Args:
        weights: (B, N) how often each tune example was drawn.
        dense: dense BERT's tune trace of the same seed.
    """
    own = Candidates(
        run.tune,
        tried_in(space, run.tune, run.trials),
        space=space,
        dense=dense,
        convention=run.tuned.convention,
    )
    whole = np.ones((1, weights.shape[1]), dtype=weights.dtype)
    chosen = own.choose(np.concatenate([whole, weights]), rule=rule)
    names = list(chosen.points)
    table = np.column_stack([*chosen.points.values(), chosen.curve])
    used, places = np.unique(table, return_inverse=True)
    places = places.reshape(table.shape)
    if len(used) and used[0] < 0:
        used, places = used[1:], places - 1
    return Redrawn(
        settings=[own.settings[i] for i in used],
        points={name: places[:, i] for i, name in enumerate(names)},
        curve=places[:, len(names) :],
    )
