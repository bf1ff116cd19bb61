"""Traces from elsewhere: what another code base wrote, checked and taken as an entry's own.

The format is a contract (docs/traces.md). No torch.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from smartbert.cost import Architecture
from smartbert.criteria import CRITERIA, NEVER
from smartbert.errors import UserError, first_line
from smartbert.head_kinds import FIRST, HEAD_KINDS
from smartbert.results import PACKED
from smartbert.trace.schema import EXTRA, problems
from smartbert.trace.trace import DAMAGE, FORMAT, NEVER_SKIP, Trace, head_of

# Of the dense model that costs are shares of.
DENSE_SIZES = ("hidden", "intermediate", "reference_layers", "embedding")
SHARED = ("labels", "index", "subset")  # of a split, whoever recorded it


def inspect(path: Path) -> list[str]:
    """Return what is wrong with a trace's file, in a line each; nothing where it can be used.

    Raises:
        UserError: if there is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        content = gzip.decompress(content) if path.suffix == PACKED else content
        arrays, head = load(content), head_of(content)
    except DAMAGE as error:
        return [f"it is no safetensors file: {first_line(error)}"]
    if (said := head.get("format")) != FORMAT:
        return [f"its metadata have format {said!r}; expected is {FORMAT!r}"]
    try:
        values = json.loads(head.get("meta", ""))
    except ValueError as error:
        return [f"its metadata's `meta` is no JSON: {first_line(error)}"]
    if told := [*problems(arrays, values), *_sizes(values)]:
        return told
    try:
        return contradictions(Trace.load(path))
    except UserError as error:  # the checksum, where it has one
        return [str(error)]


def _sizes(values: object) -> Iterator[str]:
    """Yield which sizes a trace from elsewhere leaves to chance: what it calls otherwise, and the
    depth that its costs are shares of.
    """
    said = values.get("architecture") if isinstance(values, Mapping) else None
    if not isinstance(said, Mapping):
        return  # which has been told
    known = [one.name for one in fields(Architecture)]
    if more := sorted(set(said) - set(known)):
        yield f"meta.architecture has {', '.join(more)}, which is none of {', '.join(known)}"
    if not said.get("reference_layers"):
        yield "meta.architecture lacks reference_layers, the depth of the dense model"


def contradictions(trace: Trace) -> list[str]:
    """Return where what a trace says of layers, gates and exits does not go together."""
    meta, told = trace.meta, []
    gated, exits = meta.architecture.gates, meta.architecture.exits
    answered = np.isfinite(trace.exit_logits).all(-1)
    ran = trace.executed[:, :-1]
    if exits is None and answered.any():
        told.append("exit_logits has answers, and meta.architecture.exits is null")
    if exits is not None and (answered != ran).any():
        row, layer = np.argwhere(answered != ran)[0]
        what = "an answer at a layer that did not run" if answered[row, layer] else "no answer"
        told.append(
            f"exit_logits has {what} (row {row}, layer {layer + 1}); it is finite where the layer"
            " ran, NaN elsewhere"
        )
    if (meta.criterion == NEVER) != (exits is None):
        told.append(
            f"meta.criterion is {meta.criterion!r} and meta.architecture.exits {exits!r}: a rule"
            f" needs exits, and without exits it is {NEVER!r}"
        )
    if trace.grid[-1] != NEVER_SKIP:
        told.append(f"the grid ends with {trace.grid[-1]:g}; its last threshold is inf, never skip")
    if (meta.skip_threshold is not None) != gated:
        told.append(
            f"meta.skip_threshold is {meta.skip_threshold} and meta.architecture.gates {gated}:"
            " gates have a threshold, and nothing else has"
        )
    if meta.skip_threshold is not None and np.float32(meta.skip_threshold) not in trace.grid:
        told.append(f"meta.skip_threshold {meta.skip_threshold} is not in the grid")
    if gated:
        told += _gates(trace)
    return told + _heads(trace) + _rule(trace)


def _heads(trace: Trace) -> list[str]:
    """Return which kinds of head are none whose cost is known."""
    sizes = trace.meta.architecture
    kinds = {"exits": sizes.exits or FIRST, "head": sizes.head}
    return [
        f"meta.architecture.{key} {kind!r} is no kind of head; known: {', '.join(HEAD_KINDS)}"
        for key, kind in kinds.items()
        if kind not in HEAD_KINDS
    ]


def _rule(trace: Trace) -> list[str]:
    """Return what the exit rule lacks: arrays that it reads, parameters beside a threshold."""
    rule, told = CRITERIA.get(trace.meta.criterion), []
    if rule is None:
        return []
    ran = trace.executed[:, :-1]
    for name in rule.needs:
        if name not in trace.extras:
            told.append(f"meta.criterion {rule.name!r} reads {EXTRA}{name}, which is missing")
        elif not np.isfinite(trace.extras[name][ran]).all():
            told.append(f"{EXTRA}{name} is not finite at every layer that ran")
    wanted = ["threshold", *(one.name for one in rule.parameters)]
    for setting in trace.meta.sweep:
        given = setting if isinstance(setting, tuple) else (setting,)
        if len(given) != len(wanted):
            told.append(
                f"meta.sweep has {json.dumps(setting)}; for {rule.name!r} an entry is"
                f" {' and '.join(wanted)}"
            )
    return told


def _gates(trace: Trace) -> list[str]:
    """Return the first row whose layers did not run as its gates say: one is skipped where its gate
    is at or above the threshold, at every threshold that the row holds for.
    """
    if np.isnan(trace.gates).any():
        return ["gates has NaN, and meta.architecture.gates is true"]
    least, most = trace.grid[trace.low], trace.grid[trace.high - 1]
    half = trace.gates.astype(np.float16)
    # Kept traces are in half precision: there a gate was anything that rounds to it.
    off = np.spacing(half).astype(np.float32) / 2 if (half == trace.gates).all() else 0.0
    runs, skips = trace.gates - off < least[:, None], trace.gates + off >= most[:, None]
    wrong = np.argwhere((trace.executed & ~runs) | (~trace.executed & ~skips))
    if not len(wrong):
        return []
    row, layer = wrong[0]
    did = "ran" if trace.executed[row, layer] else "was skipped"
    return [
        f"row {row}, layer {layer + 1} {did} at a gate of {trace.gates[row, layer]:g} and"
        f" thresholds {least[row]:g} to {most[row]:g}: a layer is skipped where its gate is at or"
        " above the threshold"
    ]


def adopt(path: Path, reference: Trace, *, name: str, title: str | None) -> Trace:
    """Return a trace from elsewhere as an entry's own.

    Args:
        reference: dense BERT's trace of the same split, whose examples it must have.
        name, title: of the entry; without a title its own is kept.

    Raises:
        UserError: naming the file and what is wrong first.
    """
    if told := inspect(path):
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        raise UserError(f"{path}: {told[0]}{more}; `smartbert check-trace {path}` tells all of it")
    trace = Trace.load(path)
    for key in ("task", "split", "seed"):
        own, wanted = getattr(trace.meta, key), getattr(reference.meta, key)
        if own != wanted:
            raise UserError(f"{path}: meta.{key} is {own!r}, at its place {wanted!r} is expected")
    for key in SHARED:
        own, wanted = getattr(trace, key), getattr(reference, key)
        if len(own) != len(wanted):
            raise UserError(
                f"{path} has {len(own)} examples, this run's {reference.meta.split} of"
                f" {reference.meta.task} has {len(wanted)}"
            )
        if (own != wanted).any():
            row = np.flatnonzero(own != wanted)[0]
            raise UserError(
                f"{path}: {key} of example {row} is {own[row]}, this run has {wanted[row]} there;"
                " examples stand in the order of the run's own data"
            )
    classes = reference.meta.architecture.classes
    if trace.meta.architecture.classes != classes:
        raise UserError(
            f"{path} has {trace.meta.architecture.classes} classes, the task has {classes}"
        )
    for key in DENSE_SIZES:
        own, wanted = (getattr(t.meta.architecture, key) for t in (trace, reference))
        if own != wanted:
            raise UserError(
                f"{path}: meta.architecture.{key} is {own}, this run's dense BERT has {wanted};"
                " costs of all rows are shares of that one's"
            )
    data = reference.meta.data  # whose rows these are, as has just been seen
    meta = replace(trace.meta, method=name, title=title or trace.meta.title, data=data)
    return replace(trace, meta=meta)
