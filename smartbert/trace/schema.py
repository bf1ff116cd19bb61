"""What a trace's file may hold: checked when it is read, so that nothing after it meets a surprise.

No torch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import msgspec
import numpy as np

from smartbert.cost import Architecture
from smartbert.criteria import CRITERIA, NEVER, Swept
from smartbert.head_kinds import renamed
from smartbert.records import Count, Record, Text

WHOLE, REAL = "iu", "f"  # kinds of numpy types
ARRAYS = {  # kind and dimensions
    "labels": (WHOLE, 1),
    "lengths": (WHOLE, 1),
    "index": (WHOLE, 1),
    "subset": (WHOLE, 1),
    "grid": (REAL, 1),
    "example": (WHOLE, 1),
    "low": (WHOLE, 1),
    "high": (WHOLE, 1),
    "gates": (REAL, 2),
    "executed": (WHOLE, 2),
    "exit_logits": (REAL, 3),
    "final_logits": (REAL, 2),
}

COUNTED = ("labels", "example")  # whose lengths are the numbers of examples and of paths
EXTRA = "extra."  # before the name of an optional array
MOST_SUBSETS = 1000


@dataclass(frozen=True, kw_only=True)
class TraceMeta(Record):
    """What a trace says of itself.

    Attributes:
        method: the config's name of the entry.
        title: how tables and figures call it.
        criterion: exit rule that is tuned, or "never".
        sweep: exit thresholds that its publication sweeps, with the rule's parameters if any.
        skip_threshold: the model's own; None without gates.
        architecture: the sizes that cost depends on.
        data: hash of the split; `model`: of the weights.
    """

    task: Text
    method: Text
    seed: Count
    split: Literal["tune", "test"]
    title: Text
    criterion: Text
    sweep: tuple[Swept, ...]
    skip_threshold: Annotated[float, msgspec.Meta(gt=0, le=1)] | None
    architecture: Architecture
    data: Text
    model: Text

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Return the record from its JSON form, older names of kinds of head replaced."""
        if isinstance(values, Mapping) and isinstance(sizes := values.get("architecture"), Mapping):
            values = {**values, "architecture": renamed(sizes)}
        return super().from_json(values)


def check(arrays: dict[str, np.ndarray], values: object) -> TraceMeta:
    """Check what was read, as it is stored; return what the trace says of itself.

    Raises:
        ValueError: saying what is wrong first.
    """
    for told in problems(arrays, values):
        raise ValueError(told)
    return TraceMeta.from_json(values)


def problems(arrays: dict[str, np.ndarray], values: object) -> Iterator[str]:
    """Yield what is wrong with a trace, in a line each; what rests on what is wrong is not looked
    at.

    Args:
        arrays: as they are stored, by name.
        values: the JSON of what it says of itself.
    """
    try:
        meta = TraceMeta.from_json(values)
    except ValueError as error:
        yield f"meta.{error}"
        return
    if meta.criterion not in (*CRITERIA, NEVER):
        known = ", ".join([*CRITERIA, NEVER])
        yield f"meta.criterion: {meta.criterion!r} is no exit rule; known: {known}"
    told = [*_types(arrays), *_shapes(arrays, meta)]
    yield from told
    if told:
        return
    yield from _values(arrays, meta)
    yield from _paths(arrays)


def _types(arrays: dict[str, np.ndarray]) -> Iterator[str]:
    given = {name for name in arrays if not name.startswith(EXTRA)}
    if lost := [name for name in ARRAYS if name not in given]:
        yield f"its arrays lack {', '.join(lost)}"
    if more := sorted(given - set(ARRAYS)):
        yield f"its arrays have {', '.join(more)}, which is none of a trace ({', '.join(ARRAYS)})"
    for name, (kind, dimensions) in ARRAYS.items():
        if name in given and (
            arrays[name].dtype.kind not in kind or arrays[name].ndim != dimensions
        ):
            wanted = "whole" if kind == WHOLE else "real"
            yield (
                f"{name} is of type {arrays[name].dtype}, {arrays[name].ndim}-d; expected are"
                f" {wanted} numbers, {dimensions}-d"
            )
    for name, array in arrays.items():
        if name.startswith(EXTRA) and array.dtype.kind not in REAL:
            yield f"{name} is of type {array.dtype}; expected are real numbers"


def _shapes(arrays: dict[str, np.ndarray], meta: TraceMeta) -> Iterator[str]:
    examples, rows = (len(arrays[n]) if n in arrays and arrays[n].ndim else 0 for n in COUNTED)
    layers, classes = meta.architecture.layers, meta.architecture.classes
    wanted: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(("lengths", "index", "subset"), (examples,)),
        **dict.fromkeys(("low", "high"), (rows,)),
        "gates": (rows, layers),
        "executed": (rows, layers),
        "exit_logits": (rows, layers - 1, classes),
        "final_logits": (rows, classes),
        **{name: (rows, layers - 1) for name in arrays if name.startswith(EXTRA)},
    }
    for name, shape in wanted.items():
        if name in arrays and arrays[name].shape != shape:
            yield f"{name} has shape {arrays[name].shape}, expected is {shape}"


def _values(arrays: dict[str, np.ndarray], meta: TraceMeta) -> Iterator[str]:
    subsets = MOST_SUBSETS if meta.split == "test" else 1
    bounds = {
        "labels": (0, meta.architecture.classes - 1),
        "lengths": (1, 10**6),
        "subset": (0, subsets - 1),
        "executed": (0, 1),
        "gates": (0, 1),
    }
    for name, (low, high) in bounds.items():
        values = arrays[name][~np.isnan(arrays[name])] if name == "gates" else arrays[name]
        if values.size and not (values.min() >= low and values.max() <= high):
            yield f"{name} are not all in {low} to {high}"
    grid = arrays["grid"]
    if not len(grid) or np.isnan(grid).any() or not (grid > 0).all() or (np.diff(grid) <= 0).any():
        yield "the grid of skip thresholds does not ascend"
    with np.errstate(over="ignore"):  # what it cannot hold becomes infinite
        final, exits = (arrays[name].astype(np.float32) for name in ("final_logits", "exit_logits"))
    if not np.isfinite(final).all() or np.isinf(exits).any():
        yield "some logits are not finite in single precision"


def _paths(arrays: dict[str, np.ndarray]) -> Iterator[str]:
    """Every example needs exactly one path at every threshold of the grid."""
    examples, steps = len(arrays["labels"]), len(arrays["grid"])
    example, low, high = (arrays[name].astype(np.int64) for name in ("example", "low", "high"))
    inside = (example >= 0) & (example < examples) & (low >= 0) & (high <= steps) & (low < high)
    if not examples or not inside.all():
        yield "its paths belong to no example or threshold"
        return
    changes = np.zeros((examples, steps + 1), dtype=np.int64)
    np.add.at(changes, (example, low), 1)
    np.add.at(changes, (example, high), -1)
    if (changes.cumsum(1)[:, :-1] != 1).any():
        yield "some example has no path, or several, at a threshold"
