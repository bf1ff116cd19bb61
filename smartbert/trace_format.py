"""What a trace's file may hold: checked when it is read, so that nothing after it meets a surprise.

No torch.
"""

from functools import cache

import jsonschema
import numpy as np

from smartbert.policies import CRITERIA, NEVER
from smartbert.tasks import TASKS

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
SIZE = {"type": "integer", "minimum": 1, "maximum": 10**6}
TEXT = {"type": "string", "minLength": 1}
META = {
    "type": "object",
    "required": [
        *("task", "method", "seed", "split", "title", "criterion", "sweep", "skip_threshold"),
        *("architecture", "data", "model"),
    ],
    "properties": {
        "task": {"enum": list(TASKS)},
        "method": TEXT,
        "seed": {"type": "integer", "minimum": 0},
        "split": {"enum": ["tune", "test"]},
        "title": TEXT,
        "criterion": {"enum": [*CRITERIA, NEVER]},
        "sweep": {"type": "array", "items": {"type": "number", "minimum": 0}},
        "skip_threshold": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1},
        "data": TEXT,
        "model": TEXT,
        "architecture": {
            "type": "object",
            "additionalProperties": False,
            "required": ["hidden", "intermediate", "layers", "classes"],
            "properties": {
                **dict.fromkeys(("hidden", "intermediate", "layers", "classes"), SIZE),
                "small_width": SIZE,
                "reference_layers": SIZE,
                "small_queries": {"enum": ["all", "first"]},
                "exits": {"type": ["string", "null"], "minLength": 1},
                "head": TEXT,
                "gates": {"type": "boolean"},
            },
        },
    },
}


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(META)


def check(arrays: dict[str, np.ndarray], meta: object) -> None:
    """Check what was read, as it is stored.

    Raises:
        ValueError: saying what is wrong.
    """
    error = jsonschema.exceptions.best_match(_validator().iter_errors(meta))
    if error is not None:
        where = ".".join(["meta", *map(str, error.absolute_path)])
        raise ValueError(f"{where}: {error.message[:200]}")
    if set(arrays) != set(ARRAYS):
        raise ValueError(f"its arrays are {', '.join(sorted(arrays)) or 'none'}")
    for name, (kind, dimensions) in ARRAYS.items():
        if arrays[name].dtype.kind not in kind or arrays[name].ndim != dimensions:
            raise ValueError(f"{name} is of type {arrays[name].dtype}, {arrays[name].ndim}-d")
    _check_shapes(arrays, meta)
    _check_values(arrays, meta)
    _check_paths(arrays)


def _check_shapes(arrays: dict[str, np.ndarray], meta: dict) -> None:
    examples, rows = len(arrays["labels"]), len(arrays["example"])
    layers, classes = (meta["architecture"][key] for key in ("layers", "classes"))
    if classes != len(TASKS[meta["task"]].labels):
        raise ValueError(f"it has {classes} classes, its task {len(TASKS[meta['task']].labels)}")
    wanted = {
        **dict.fromkeys(("labels", "lengths", "index", "subset"), (examples,)),
        **dict.fromkeys(("example", "low", "high"), (rows,)),
        "grid": arrays["grid"].shape,
        "gates": (rows, layers),
        "executed": (rows, layers),
        "exit_logits": (rows, layers - 1, classes),
        "final_logits": (rows, classes),
    }
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, expected is {shape}")


def _check_values(arrays: dict[str, np.ndarray], meta: dict) -> None:
    subsets = len(TASKS[meta["task"]].test) if meta["split"] == "test" else 1
    bounds = {
        "labels": (0, meta["architecture"]["classes"] - 1),
        "lengths": (1, 10**6),
        "subset": (0, subsets - 1),
        "executed": (0, 1),
        "gates": (0, 1),
    }
    for name, (low, high) in bounds.items():
        values = arrays[name][~np.isnan(arrays[name])] if name == "gates" else arrays[name]
        if values.size and not (values.min() >= low and values.max() <= high):
            raise ValueError(f"{name} are not all in {low} to {high}")
    grid = arrays["grid"]
    if not len(grid) or np.isnan(grid).any() or not (grid > 0).all() or (np.diff(grid) <= 0).any():
        raise ValueError("the grid of skip thresholds does not ascend")
    if not np.isfinite(arrays["final_logits"]).all() or np.isinf(arrays["exit_logits"]).any():
        raise ValueError("some logits are not finite")


def _check_paths(arrays: dict[str, np.ndarray]) -> None:
    """Every example needs exactly one path at every threshold of the grid."""
    examples, steps = len(arrays["labels"]), len(arrays["grid"])
    example, low, high = (arrays[name].astype(np.int64) for name in ("example", "low", "high"))
    inside = (example >= 0) & (example < examples) & (low >= 0) & (high <= steps) & (low < high)
    if not examples or not inside.all():
        raise ValueError("its paths belong to no example or threshold")
    changes = np.zeros((examples, steps + 1), dtype=np.int64)
    np.add.at(changes, (example, low), 1)
    np.add.at(changes, (example, high), -1)
    if (changes.cumsum(1)[:, :-1] != 1).any():
        raise ValueError("some example has no path, or several, at a threshold")
