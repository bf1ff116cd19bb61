"""Traces: all that a trained model said about a split, recorded once and read by everything
downstream.

Exit decisions only cut a path short, so storing every layer's logits makes a trace exact for any
exit rule. Skip decisions change what later layers see, so a trace holds one path per interval of
skip thresholds that decide alike: `Trace.path(threshold)` picks, for each example, the row that
holds at that threshold. No torch.

Shapes: N examples, R rows (paths), S thresholds, L layers, C classes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from smartbert.errors import UserError, first_line
from smartbert.files import whole
from smartbert.policies import Policy
from smartbert.results import PACKED
from smartbert.trace.schema import EXTRA, WHOLE, TraceMeta, check

FORMAT = "adaptive-depth-trace-1"
NEVER_SKIP = float("inf")
DAMAGE = (OSError, EOFError, KeyError, ValueError, RecursionError, zlib.error, SafetensorError)


@dataclass(frozen=True)
class Paths:
    """One path per example, in the order of the split.

    Attributes:
        gates: (N, L) float32, probability of skipping; NaN without gates.
        executed: (N, L) bool, layers that ran.
        exit_logits: (N, L-1, C) float32, NaN where the layer did not run or has no exit.
        final_logits: (N, C) float32, the final head on the last hidden state.
        extras: optional arrays that exit rules need, (N, L-1) float32 by name, NaN where the layer
            did not run.
    """

    gates: np.ndarray
    executed: np.ndarray
    exit_logits: np.ndarray
    final_logits: np.ndarray
    extras: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """A recorded split.

    Attributes:
        labels: (N,) int64 class ids.
        lengths: (N,) int64 true token lengths, special tokens included.
        index: (N,) int64 GLUE's `idx`.
        subset: (N,) int64 position in the task's test subsets (0 where there is one).
        grid: (S,) float32 skip thresholds, ascending; inf = never skip.
        example, low, high: (R,) int64; a row holds for `example` at grid[low:high].
        gates, executed, exit_logits, final_logits, extras: as in `Paths`, with R rows.
        meta: where it comes from.
    """

    labels: np.ndarray
    lengths: np.ndarray
    index: np.ndarray
    subset: np.ndarray
    grid: np.ndarray
    example: np.ndarray
    low: np.ndarray
    high: np.ndarray
    gates: np.ndarray
    executed: np.ndarray
    exit_logits: np.ndarray
    final_logits: np.ndarray
    meta: TraceMeta
    extras: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return self.executed.shape[1]

    def rows(self, skip_threshold: float | None) -> np.ndarray:
        """Return the row of each example (N,) at a threshold of the grid; None = never skip.

        Raises:
            UserError: if the threshold was not recorded.
        """
        wanted = np.float32(NEVER_SKIP if skip_threshold is None else skip_threshold)
        found = np.flatnonzero(self.grid == wanted)
        if not len(found):
            known = ", ".join(f"{t:g}" for t in self.grid)
            raise UserError(
                f"skip threshold {skip_threshold} is not in the trace; recorded: {known};"
                " set by `recording.skip_thresholds`"
            )
        rows = np.flatnonzero((self.low <= found[0]) & (found[0] < self.high))
        return rows[np.argsort(self.example[rows], kind="stable")]

    def path(self, skip_threshold: float | None) -> Paths:
        """Return one path per example at a threshold of the grid; None = never skip."""
        rows = self.rows(skip_threshold)
        return Paths(
            self.gates[rows],
            self.executed[rows],
            self.exit_logits[rows],
            self.final_logits[rows],
            {name: array[rows] for name, array in self.extras.items()},
        )

    def fixed_depths(self) -> list[Policy]:
        """Return the policies that let everybody leave at layer 1, 2, ... L."""
        classes = self.meta.architecture.classes
        layers = range(1, self.depth + 1)
        return [Policy.fixed(layer, depth=self.depth, classes=classes) for layer in layers]

    def read_as(self, meta: TraceMeta) -> Trace:
        """Return the trace as another entry reads it, which runs the same layers and heads.

        Args:
            meta: that entry's. Without gates in its architecture the never-skipping paths alone are
                left, without exits no exit's answer is.
        """
        without_gates = meta.skip_threshold is None
        rows = np.arange(len(self.example))
        grid, low, high = self.grid, self.low, self.high
        if without_gates:
            rows = np.flatnonzero(self.high == len(self.grid))
            grid = self.grid[-1:]
            low, high = np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=np.int64)
        nothing = np.full_like(self.exit_logits[rows], np.nan)
        return replace(
            self,
            grid=grid,
            example=self.example[rows],
            low=low,
            high=high,
            gates=np.full_like(self.gates[rows], np.nan) if without_gates else self.gates[rows],
            executed=self.executed[rows],
            exit_logits=self.exit_logits[rows] if meta.architecture.exits else nothing,
            final_logits=self.final_logits[rows],
            meta=meta,
            extras={n: a[rows] for n, a in self.extras.items()} if meta.architecture.exits else {},
        )

    def part(self, examples: np.ndarray) -> Trace:
        """Return the trace of some of its examples, in their order.

        Args:
            examples: (n,) distinct positions.
        """
        place = np.full(len(self), -1)
        place[examples] = np.arange(len(examples))
        rows = np.flatnonzero(place[self.example] >= 0)
        by_example = ("labels", "lengths", "index", "subset")
        by_row = ("low", "high", "gates", "executed", "exit_logits", "final_logits")
        return replace(
            self,
            **{name: getattr(self, name)[examples] for name in by_example},
            **{name: getattr(self, name)[rows] for name in by_row},
            example=place[self.example[rows]],
            extras={name: array[rows] for name, array in self.extras.items()},
        )

    def rounded(self) -> Trace:
        """Return the trace with gates and logits rounded to half precision, which its file then
        keeps in half the bytes. What a layer did is stored beside its gate and does not change.
        """
        names = ("gates", "exit_logits", "final_logits")
        with np.errstate(over="ignore"):
            gates, exit_logits, final_logits = (_half(getattr(self, name)) for name in names)
            extras = {n: _half(array) for n, array in self.extras.items()}
        return replace(
            self, gates=gates, exit_logits=exit_logits, final_logits=final_logits, extras=extras
        )

    def save(self, path: Path) -> None:
        """Write the trace as one safetensors file, compressed if its name ends in .gz; it appears
        whole or not at all.
        """
        content = self.content(packed=path.suffix == PACKED)
        with whole(path) as partial:
            partial.write_bytes(content)

    def content(self, *, packed: bool) -> bytes:
        """Return what its file holds: the same for the same trace, compressed or not."""
        arrays = {
            one.name: np.ascontiguousarray(_stored(getattr(self, one.name)))
            for one in fields(self)
            if one.name not in ("meta", "extras")
        }
        arrays |= {EXTRA + name: _stored(array) for name, array in self.extras.items()}
        meta = json.dumps(self.meta.to_json(), sort_keys=True, allow_nan=False)
        head = {"format": FORMAT, "meta": meta, "sha256": _checksum(arrays, meta)}
        content = _ordered(save(arrays, metadata=head))
        return gzip.compress(content, mtime=0) if packed else content

    @classmethod
    def load(cls, path: Path) -> Trace:
        """Read a trace, compressed or not.

        Raises:
            UserError: if the file is missing, damaged or no trace.
        """
        try:
            content = path.read_bytes()
            if path.suffix == PACKED:
                content = gzip.decompress(content)
            arrays, head = load(content), head_of(content)
            if head.get("format") != FORMAT:
                raise UserError(
                    f"{path} is not a trace of this version ({FORMAT}); delete it and run again"
                )
            said = json.loads(head["meta"], parse_constant=_refuse)
            if head.get("sha256", known := _checksum(arrays, head["meta"])) != known:
                raise ValueError("its content does not match its checksum")
            meta = check(arrays, said)
        except DAMAGE as error:
            raise UserError(
                f"cannot read trace {path}: {first_line(error)}; delete it and run again to record"
                " it anew"
            ) from None
        loaded = {name: _loaded(name, array) for name, array in arrays.items()}
        extras = {n.removeprefix(EXTRA): loaded.pop(n) for n in list(loaded) if n.startswith(EXTRA)}
        return cls(**loaded, meta=meta, extras=extras)


def meta_of(path: Path) -> TraceMeta:
    """Return what a compressed trace says of itself, from the beginning of its file alone.

    Raises:
        UserError: if that is damaged.
    """
    try:
        with gzip.open(path) as file:
            size = file.read(8)
            head = head_of(size + file.read(int.from_bytes(size, "little")))
        return TraceMeta.from_json(json.loads(head["meta"]))
    except (*DAMAGE, OverflowError) as error:
        raise UserError(
            f"cannot read trace {path}: {first_line(error)}; delete it and run again to record it"
            " anew"
        ) from None


def head_of(content: bytes) -> dict:
    """Return the metadata in a safetensors file's header."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]).get("__metadata__") or {}


def _ordered(content: bytes) -> bytes:
    """Return a safetensors file with its metadata by name: the library writes them in an order that
    changes from process to process, and the same trace is to give the same bytes.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[end:]


def _checksum(arrays: dict[str, np.ndarray], meta: str) -> str:
    """Return the SHA-256 of a trace's content: what it says of itself, and every array."""
    found = hashlib.sha256(meta.encode())
    for name in sorted(arrays):
        found.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        found.update(np.ascontiguousarray(arrays[name]).data)
    return found.hexdigest()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} in its metadata")


def _half(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float16).astype(np.float32)


def _stored(array: np.ndarray) -> np.ndarray:
    """Return the array in the narrowest type that holds it exactly."""
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.dtype == np.int64:
        return array.astype(np.int32)
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    exact = np.array_equal(half.astype(array.dtype), array, equal_nan=True)
    return half if exact else array


def _loaded(name: str, array: np.ndarray) -> np.ndarray:
    """Return the array in the type that `Trace` documents."""
    if name == "executed":
        return array.astype(bool)
    return array.astype(np.int64) if array.dtype.kind in WHOLE else array.astype(np.float32)
