"""Cut train into fit and tune, and test where there is none: seeded, stratified by label, nothing
of tune or test in fit (protocol: "Splits").
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from smartbert.data.settings import DataSettings, setting
from smartbert.errors import UserError
from smartbert.tasks import TaskSpec

REPEATED, IN_TEST, IN_TUNE = "repeated in train", "in test", "parts of tune's texts"
ALSO_IN_TUNE, OF_TUNE = "in tune", "of tune, in test"


@dataclass(frozen=True)
class Cut:
    """Train cut in two.

    Attributes:
        dropped: how many examples of train are in neither, by the reason why.
    """

    fit: pd.DataFrame
    tune: pd.DataFrame
    dropped: dict[str, int]


def tune_size(rows: int, settings: DataSettings) -> int:
    """Return how many of `rows` training examples go to tune."""
    wanted = round(rows * settings.tune_fraction)
    return min(max(wanted, settings.tune_min), settings.tune_max)


def cut(
    frame: pd.DataFrame,
    task: TaskSpec,
    settings: DataSettings,
    *,
    test: pd.DataFrame | None = None,
    tune: pd.DataFrame | None = None,
) -> Cut:
    """Cut train into fit and tune, seeded and stratified by label.

    Examples with the texts of an earlier one, or of one of test, are left out. Groups stay whole
    (WNLI); of an own task, one that test has is left out as its texts are. Where texts are parts of
    others (SST-2's phrases), tune takes texts that no other contains, as test has them, and fit
    leaves out their parts.

    Args:
        test: the test examples, of all subsets; it stays as it is.
        tune: that of data that have one; what it shares with test is left out of it, and what it
            shares with train out of fit. None: it is cut from train.

    Raises:
        UserError: if tune would take all there is.
    """
    frame, dropped = _without_duplicates(frame, task, test)
    rng = np.random.default_rng(settings.seed)
    if tune is None:
        in_tune = _choose(frame, task, settings, rng, dropped, what="tune")
        fit, tune = frame[~in_tune], frame[in_tune]
    else:
        tune, lost = _without(tune, task, test)
        fit, shared = _without(frame, task, tune)
        dropped |= {ALSO_IN_TUNE: shared, OF_TUNE: lost}
    if task.nested:
        parts = _parts(fit[task.nested], tune[task.nested])
        fit, dropped = fit[~parts], {**dropped, IN_TUNE: int(parts.sum())}
    if settings.max_fit is not None and len(fit) > settings.max_fit:
        fit = fit[_stratified(fit["label"].to_numpy(), settings.max_fit, rng)]
    _check(task, fit, tune, frame)
    return Cut(fit.reset_index(drop=True), tune.reset_index(drop=True), dropped)


def carve_test(
    frame: pd.DataFrame, task: TaskSpec, settings: DataSettings
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Cut test from train where data have none: as many examples as tune would take, stratified by
    label, groups whole. Returns the rest of train, test, and how many were left out as repeated.

    Raises:
        UserError: if test would take all there is.
    """
    frame, dropped = _without_duplicates(frame, task, None)
    rng = np.random.default_rng((settings.seed, 1))  # other draws than those of tune
    in_test = _choose(frame, task, settings, rng, dropped, what="test")
    rest, test = (frame[mask].reset_index(drop=True) for mask in (~in_test, in_test))
    return rest, test, dropped[REPEATED]


def _choose(
    frame: pd.DataFrame,
    task: TaskSpec,
    settings: DataSettings,
    rng: np.random.Generator,
    dropped: dict[str, int],
    *,
    what: str,
) -> np.ndarray:
    """Return a mask of the examples of train that a split takes, (N,) bool."""
    size = tune_size(len(frame), settings)
    allowed = np.ones(len(frame), dtype=bool)
    if task.nested:
        allowed = _whole_texts(frame[task.nested])
    if size >= allowed.sum():
        lost = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
        raise UserError(
            f"task {task.name!r}: {what} needs {size} of {allowed.sum()} training examples that it"
            f" may take{f' (left out: {lost})' if lost else ''}, nothing is left to fit; set"
            f" `data.tune`, or {setting(task, 'splits')} where train and test are the same"
        )
    if task.group:
        chosen = _whole_groups(frame[task.group], size, rng)
        if task.own and chosen.all():
            raise UserError(
                f"task {task.name!r}: {what} needs {size} examples in whole groups of"
                f" {task.group!r}, of which train has {frame[task.group].nunique()}, and they take"
                f" all {len(frame)}, nothing is left to fit; set {setting(task, 'group')} or"
                " `data.tune`"
            )
        return chosen
    chosen = np.zeros(len(frame), dtype=bool)
    labels = frame["label"].to_numpy()
    chosen[np.flatnonzero(allowed)[_stratified(labels[allowed], size, rng)]] = True
    return chosen


def _without(
    frame: pd.DataFrame, task: TaskSpec, other: pd.DataFrame | None
) -> tuple[pd.DataFrame, int]:
    """Return the examples whose texts, and groups, another split does not have, and how many were
    left out.
    """
    shared = _shared(frame, task, other)
    return frame[~shared].reset_index(drop=True), int(shared.sum())


def _shared(frame: pd.DataFrame, task: TaskSpec, other: pd.DataFrame | None) -> np.ndarray:
    """Return which examples have the texts of another split, or a group of an own task's, (N,)
    bool. GLUE's splits are as they are: WNLI's dev shares sentences with its train.
    """
    if other is None:
        return np.zeros(len(frame), dtype=bool)
    shared = _keys(frame, task).isin(set(_keys(other, task))).to_numpy()
    if task.own and task.group:
        shared = shared | frame[task.group].isin(set(other[task.group])).to_numpy()
    return shared


def _check(task: TaskSpec, fit: pd.DataFrame, tune: pd.DataFrame, train: pd.DataFrame) -> None:
    """Refuse a fit that cannot be trained on, or a tune without examples."""
    if tune.empty:
        raise UserError(
            f"task {task.name!r}: no example of tune is left, all are in test; set"
            f" {setting(task, 'splits')}"
        )
    unseen = [name for number, name in enumerate(task.labels) if number not in set(train["label"])]
    if unseen:
        raise UserError(
            f"task {task.name!r}: train has no example of {', '.join(unseen)}, among {len(train)};"
            f" set {setting(task)}, or {setting(task, 'splits')} where another split is to be"
            " trained on"
        )
    lost = sorted(set(train["label"]) - set(fit["label"]))
    if lost:
        names = ", ".join(task.labels[label] for label in lost)
        raise UserError(
            f"task {task.name!r}: no example of {names} is left to train on, of {len(fit)}; set"
            " `data.tune` or `data.max_fit`"
        )


def sample(frame: pd.DataFrame, most: int | None, *, seed: int) -> pd.DataFrame:
    """Return at most so many examples, seeded and stratified by label; None: all."""
    if most is None or len(frame) <= most:
        return frame
    chosen = _stratified(frame["label"].to_numpy(), most, np.random.default_rng(seed))
    return frame[chosen].reset_index(drop=True)


def _without_duplicates(
    frame: pd.DataFrame, task: TaskSpec, test: pd.DataFrame | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the first of the examples with the same texts, without what test has."""
    keys = _keys(frame, task)
    repeated = keys.duplicated().to_numpy()
    in_test = _shared(frame, task, test)
    dropped = {REPEATED: int((repeated & ~in_test).sum()), IN_TEST: int(in_test.sum())}
    return frame[~repeated & ~in_test].reset_index(drop=True), dropped


def _keys(frame: pd.DataFrame, task: TaskSpec) -> pd.Series:
    """Return each example's texts, with single blanks between their words."""
    texts = zip(*(_plain(frame[column]) for column in task.columns), strict=True)
    return pd.Series(list(texts), dtype=object)


def _pieces(text: str, known: set[str], lengths: set[int]) -> Iterator[str]:
    """Yield the runs of a text's words that are known texts, the whole text included.

    Args:
        lengths: how many words the known texts have.
    """
    words = text.split()
    for size in lengths:
        for begin in range(len(words) - size + 1):
            piece = " ".join(words[begin : begin + size])
            if piece in known:
                yield piece


def _plain(texts: Iterable[str]) -> list[str]:
    """Return texts with single blanks between their words."""
    return [" ".join(text.split()) for text in texts]


def _whole_texts(texts: pd.Series) -> np.ndarray:
    """Return which texts no other one contains as a run of its words, (N,) bool."""
    plain = _plain(texts)
    known = set(plain)
    lengths = {len(text.split()) for text in known}
    contained = {
        piece for text in known for piece in _pieces(text, known, lengths) if piece != text
    }
    return np.array([text not in contained for text in plain], dtype=bool)


def _parts(texts: pd.Series, wholes: pd.Series) -> np.ndarray:
    """Return which texts are a run of words of one of the others, (N,) bool."""
    plain = _plain(texts)
    known, lengths = set(plain), {len(text.split()) for text in plain}
    pieces = {piece for text in wholes for piece in _pieces(text, known, lengths)}
    return np.array([text in pieces for text in plain], dtype=bool)


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
