"""Recording: run a trained model once over a split and write down what every policy could want to
know.

Paths for a whole grid of skip thresholds are recorded in one sweep: at each gate the thresholds at
or below its value skip and the others run, so an interval of thresholds is one row until a gate
value falls inside it. Rows share everything before that point, and layers are computed once per
row.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch

from smartbert.criteria import Swept
from smartbert.model.batching import RECORDED_TOKENS, length_batches, pad
from smartbert.model.configuration import AdaptiveBertConfig, architecture
from smartbert.model.heads import answered, extra_names
from smartbert.model.modeling import AdaptiveBert
from smartbert.provenance import Provenance
from smartbert.tasks import Columns
from smartbert.trace.schema import EXTRA, TraceMeta
from smartbert.trace.trace import NEVER_SKIP, Paths, Trace


def skip_grid(gates: np.ndarray, *, quantiles: int, extra: Sequence[float]) -> np.ndarray:
    """Return skip thresholds (S,) float32, ascending: quantiles of gate values, fixed extras,
    never-skip.

    A fixed grid alone is useless: the gates of a trained model lie within hundredths of each other.

    Args:
        gates: gate values seen on tune, any shape; NaN are left out.
        quantiles: number of interior quantiles.
        extra: thresholds always recorded, such as the released 0.5.
    """
    values = gates[np.isfinite(gates)]
    levels = np.arange(1, quantiles + 1) / (quantiles + 1)
    chosen = np.quantile(values, levels) if quantiles and len(values) else []
    grid = np.array([*chosen, *extra, NEVER_SKIP], dtype=np.float32)
    return np.unique(grid)


def record(
    model: AdaptiveBert,
    split: Columns,
    *,
    grid: np.ndarray,
    meta: TraceMeta,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trace:
    """Return the trace of a model on a split.

    Args:
        model: in evaluation mode is not needed; it is set here.
        grid: skip thresholds (S,) float32, ascending, inf last; ignored for a model without gates.
        meta: stored with the trace.
        progress: called with (examples done, N).
    """
    grid = np.asarray(grid if model.gates is not None else [NEVER_SKIP], dtype=np.float32)
    arrays = _record_split(model, split, grid, progress)
    return Trace(
        labels=np.asarray(split["label"], dtype=np.int64),
        lengths=np.asarray(split["length"], dtype=np.int64),
        index=np.asarray(split["idx"], dtype=np.int64),
        subset=np.asarray(split["subset"], dtype=np.int64),
        grid=grid,
        example=arrays["example"],
        low=arrays["low"],
        high=arrays["high"],
        gates=arrays["gates"],
        executed=arrays["executed"],
        exit_logits=arrays["exit_logits"],
        final_logits=arrays["final_logits"],
        meta=meta,
        extras=_extras(arrays),
    )


@torch.no_grad()
def _record_split(
    model: AdaptiveBert,
    split: Columns,
    grid: np.ndarray,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, np.ndarray]:
    """Return the arrays of `Trace` that have a row per path, by example and then by threshold."""
    model.eval()
    lengths = np.asarray(split["length"])
    parts, done = [], 0
    for rows in length_batches(lengths, tokens=RECORDED_TOKENS):
        batch = pad(
            [split["input_ids"][i] for i in rows],
            [split["token_type_ids"][i] for i in rows],
            padding=model.config.padding,
        )
        part = _record_batch(model, {k: v.to(model.device) for k, v in batch.items()}, grid)
        part["example"] = rows[part["example"]]
        parts.append(part)
        done += len(rows)
        progress(done, len(lengths))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((joined["low"], joined["example"]))
    return {name: array[order] for name, array in joined.items()}


def _extras(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {n.removeprefix(EXTRA): array for n, array in arrays.items() if n.startswith(EXTRA)}


class _Rows:
    """The paths of one batch while the layers go by: hidden states, what was seen, which thresholds
    hold.
    """

    def __init__(self, model: AdaptiveBert, hidden: torch.Tensor, grid: np.ndarray):
        n, depth, classes = len(hidden), model.config.num_hidden_layers, model.config.classes
        self.hidden = hidden
        self.arrays: dict[str, np.ndarray] = {
            "example": np.arange(n),
            "low": np.zeros(n, dtype=np.int64),
            "high": np.full(n, len(grid)),
            "gates": np.full((n, depth), np.nan, dtype=np.float32),
            "executed": np.zeros((n, depth), dtype=bool),
            "exit_logits": np.full((n, depth - 1, classes), np.nan, dtype=np.float32),
        }
        for name in extra_names(model.exits):
            self.arrays[EXTRA + name] = np.full((n, depth - 1), np.nan, dtype=np.float32)

    def branch(self, gate: np.ndarray, grid: np.ndarray) -> np.ndarray:
        """Split rows whose gate falls inside their interval; return which rows run the layer."""
        arrays = self.arrays
        cut = np.searchsorted(grid, gate, side="right")  # thresholds grid[:cut] <= gate skip
        skip_high = np.minimum(cut, arrays["high"])
        run_low = np.maximum(cut, arrays["low"])
        skips = np.flatnonzero(arrays["low"] < skip_high)
        runs = np.flatnonzero(run_low < arrays["high"])
        parent = np.concatenate([skips, runs])
        low = np.concatenate([arrays["low"][skips], run_low[runs]])
        high = np.concatenate([skip_high[skips], arrays["high"][runs]])
        if len(parent) != len(gate) or (parent != np.arange(len(gate))).any():
            self.hidden = self.hidden[torch.as_tensor(parent, device=self.hidden.device)]
            self.arrays = {name: array[parent] for name, array in arrays.items()}
        self.arrays["low"], self.arrays["high"] = low, high
        return np.arange(len(skips), len(parent))


def _record_batch(
    model: AdaptiveBert, batch: dict[str, torch.Tensor], grid: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the arrays of `Trace` with R rows for one batch; `example` counts within the batch."""
    hidden, mask, _ = model.embed(batch)
    rows = _Rows(model, hidden, grid)

    def masks(which: np.ndarray) -> torch.Tensor:
        return mask[torch.as_tensor(rows.arrays["example"][which], device=mask.device)]

    for index in range(model.config.num_hidden_layers):
        run = np.arange(len(rows.hidden))
        if model.gates is not None:
            ids = batch["input_ids"][torch.as_tensor(rows.arrays["example"], device=mask.device)]
            gates = [
                model.gate(index, rows.hidden[part], masks(part), ids[part]).float().cpu().numpy()
                for part in _parts(run, tokens=mask.shape[1])
            ]
            gate = np.concatenate(gates)
            rows.arrays["gates"][:, index] = gate
            run = rows.branch(gate, grid)
        rows.arrays["executed"][run, index] = True
        for part in _parts(run, tokens=mask.shape[1]):
            chosen = torch.as_tensor(part, device=mask.device)
            output = model.layer(index, rows.hidden[chosen], masks(part))
            rows.hidden.index_copy_(0, chosen, output)
            if model.exits is None or index == model.config.num_hidden_layers - 1:
                continue
            answer, extras = answered(model.exits[index], output, masks(part), extras=True)
            rows.arrays["exit_logits"][part, index] = answer.cpu().numpy()
            for name, values in extras.items():
                rows.arrays[EXTRA + name][part, index] = values
    final = model.head(rows.hidden, masks(np.arange(len(rows.hidden)))).float().cpu().numpy()
    return {**rows.arrays, "final_logits": final}


def _parts(rows: np.ndarray, *, tokens: int) -> list[np.ndarray]:
    """Return rows of some padded length in parts of as many tokens as a batch has: a batch may have
    become many paths.
    """
    size = max(1, RECORDED_TOKENS // tokens)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def grid_from_tune(
    model: AdaptiveBert,
    tune: Columns,
    *,
    skip_thresholds: Sequence[float],
    quantiles: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Return the grid of skip thresholds of a model: see `skip_grid`.

    The gate values are those on the path of the model's own threshold.

    Args:
        progress: called with (examples done, N).
    """
    if model.gates is None:
        return np.array([NEVER_SKIP], dtype=np.float32)
    extra = [*skip_thresholds, model.own_threshold()]  # its own is scored whatever is tuned
    gates = own_path(model, tune, progress=progress).gates if quantiles else np.empty(0)
    return skip_grid(gates, quantiles=quantiles, extra=extra)


def own_path(
    model: AdaptiveBert,
    split: Columns,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Paths:
    """Return the paths of a split at the skip threshold of a model with gates.

    Args:
        progress: called with (examples done, N).
    """
    # A grid of one threshold leaves one row to every example.
    grid = np.array([model.own_threshold()], dtype=np.float32)
    arrays = _record_split(model, split, grid, progress)
    return Paths(
        arrays["gates"],
        arrays["executed"],
        arrays["exit_logits"],
        arrays["final_logits"],
        _extras(arrays),
    )


def trace_meta(
    config: AdaptiveBertConfig,
    *,
    title: str,
    criterion: str,
    sweep: tuple[Swept, ...],
    provenance: Provenance,
    split: Literal["tune", "test"],
) -> TraceMeta:
    """Return what a trace says about where it comes from.

    Args:
        title: how tables and figures call the method.
        criterion, sweep: the method's.
        provenance: of the trained model.
    """
    return TraceMeta(
        task=provenance.task,
        method=provenance.method,
        seed=provenance.seed,
        split=split,
        title=title,
        criterion=criterion,
        sweep=sweep,
        skip_threshold=config.skip_threshold if config.gates else None,
        architecture=architecture(config),
        data=provenance.data[split].sha256,
        model=provenance.weights or "",
    )
