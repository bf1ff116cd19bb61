"""Cut GLUE's train into fit and tune: seeded, stratified by label, groups kept whole (protocol:
"Splits").
"""

import numpy as np
import pandas as pd

from smartbert.data.settings import DataSettings
from smartbert.errors import UserError
from smartbert.tasks import TaskSpec


def tune_size(rows: int, settings: DataSettings) -> int:
    """Return how many of `rows` training examples go to tune."""
    wanted = round(rows * settings.tune_fraction)
    return min(max(wanted, settings.tune_min), settings.tune_max)


def cut(
    frame: pd.DataFrame, task: TaskSpec, settings: DataSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut train into fit and tune, seeded and stratified by label; groups stay whole (WNLI)."""
    size = tune_size(len(frame), settings)
    if size >= len(frame):
        raise UserError(
            f"task {task.name!r}: tune needs {size} of {len(frame)} training examples, nothing is"
            " left to fit; set `data.tune`"
        )
    rng = np.random.default_rng(settings.seed)
    if task.group:
        in_tune = _whole_groups(frame[task.group], size, rng)
    else:
        in_tune = _stratified(frame["label"].to_numpy(), size, rng)
    fit, tune = frame[~in_tune], frame[in_tune]
    if settings.max_fit is not None and len(fit) > settings.max_fit:
        fit = fit[_stratified(fit["label"].to_numpy(), settings.max_fit, rng)]
    return fit.reset_index(drop=True), tune.reset_index(drop=True)


def _whole_groups(groups: pd.Series, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a mask of about `size` rows made of whole groups."""
    names = groups.drop_duplicates().to_numpy()
    order = rng.permutation(len(names))
    counts = groups.value_counts()[names[order]].cumsum().to_numpy()
    chosen = set(names[order][: int(np.searchsorted(counts, size)) + 1])
    return groups.isin(chosen).to_numpy()


def _stratified(labels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a mask of exactly `size` rows with the classes in their proportion."""
    order = rng.permutation(len(labels))
    # Spread each class evenly over [0, 1), then take the `size` smallest positions.
    position = np.empty(len(labels))
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        position[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    mask = np.zeros(len(labels), dtype=bool)
    mask[np.argsort(position, kind="stable")[:size]] = True
    return mask
