"""Recording: run a trained model once over a split and write down what every policy could want to
know.

Paths for a whole grid of skip thresholds are recorded in one sweep: at each gate the thresholds at
or below its value skip and the others run, so an interval of thresholds is one row until a gate
value falls inside it. Rows share everything before that point, and layers are computed once per
row.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError

from smartbert.cost import Architecture
from smartbert.errors import UserError, first_line
from smartbert.methods import Method
from smartbert.modeling import AdaptiveBert
from smartbert.trace import NEVER_SKIP, Paths, Trace

# Tokens (examples x longest) per batch: keeps memory flat whatever the lengths.
TOKENS_PER_BATCH = 8192


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


@torch.no_grad()
def record(
    model: AdaptiveBert,
    split: dict[str, list],
    *,
    grid: np.ndarray,
    meta: dict,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trace:
    """Return the trace of a model on a split.

    Args:
        model: in evaluation mode is not needed; it is set here.
        split: columns `input_ids`, `token_type_ids` (lists of N lists), `label`, `length`, `idx`,
            `subset`.
        grid: skip thresholds (S,) float32, ascending, inf last; ignored for a model without gates.
        meta: stored with the trace.
        progress: called with (examples done, N).
    """
    model.eval()
    grid = np.asarray(grid if model.gates is not None else [NEVER_SKIP], dtype=np.float32)
    lengths = np.asarray(split["length"])
    parts, done = [], 0
    for rows in length_batches(lengths, TOKENS_PER_BATCH):
        batch = pad(
            [split["input_ids"][i] for i in rows], [split["token_type_ids"][i] for i in rows]
        )
        part = _record_batch(model, {k: v.to(model.device) for k, v in batch.items()}, grid)
        part["example"] = rows[part["example"]]
        parts.append(part)
        done += len(rows)
        progress(done, len(lengths))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((joined["low"], joined["example"]))
    columns = {name: np.asarray(split[name], dtype=np.int64) for name in ("idx", "subset")}
    return Trace(
        labels=np.asarray(split["label"], dtype=np.int64),
        lengths=lengths.astype(np.int64),
        index=columns["idx"],
        subset=columns["subset"],
        grid=grid,
        **{name: array[order] for name, array in joined.items()},
        meta=meta,
    )


def length_batches(lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Return row numbers in batches of similar length, each at most `tokens` padded tokens, longest
    first.
    """
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        size = max(1, tokens // int(lengths[order[start]]))
        batches.append(order[start : start + size])
        start += size
    return batches


def pad(ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
    """Return input_ids, token_type_ids and attention_mask, (N, T), padded with 0 to the longest."""
    rows = [torch.tensor(row) for row in ids]
    return {
        "input_ids": torch.nn.utils.rnn.pad_sequence(rows, batch_first=True),
        "token_type_ids": torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(row) for row in types], batch_first=True
        ),
        "attention_mask": torch.nn.utils.rnn.pad_sequence(
            [torch.ones_like(row) for row in rows], batch_first=True
        ),
    }


class _Rows:
    """The paths of one batch while the layers go by: hidden states, what was seen, which thresholds
    hold.
    """

    def __init__(self, model: AdaptiveBert, hidden: torch.Tensor, grid: np.ndarray):
        n, depth, classes = len(hidden), model.config.num_hidden_layers, model.config.num_labels
        self.hidden = hidden
        self.arrays = {
            "example": np.arange(n),
            "low": np.zeros(n, dtype=np.int64),
            "high": np.full(n, len(grid)),
            "gates": np.full((n, depth), np.nan, dtype=np.float32),
            "executed": np.zeros((n, depth), dtype=bool),
            "exit_logits": np.full((n, depth - 1, classes), np.nan, dtype=np.float32),
        }

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


def _record_batch(model: AdaptiveBert, batch: dict, grid: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays of `Trace` with R rows for one batch; `example` counts within the batch."""
    hidden, mask, _ = model.embed(batch)
    rows = _Rows(model, hidden, grid)

    def masks(which: np.ndarray) -> torch.Tensor:
        return mask[torch.as_tensor(rows.arrays["example"][which], device=mask.device)]

    for index in range(model.config.num_hidden_layers):
        run = np.arange(len(rows.hidden))
        if model.gates is not None:
            ids = batch["input_ids"][torch.as_tensor(rows.arrays["example"], device=mask.device)]
            gate = model.gate(index, rows.hidden, masks(run), ids).float().cpu().numpy()
            rows.arrays["gates"][:, index] = gate
            run = rows.branch(gate, grid)
        if not len(run):
            continue
        chosen = torch.as_tensor(run, device=mask.device)
        output = model.layer(index, rows.hidden[chosen], masks(run))
        rows.hidden = rows.hidden.index_copy(0, chosen, output)
        rows.arrays["executed"][run, index] = True
        if model.exits is not None and index < model.config.num_hidden_layers - 1:
            answer = model.exits[index](output, masks(run))
            rows.arrays["exit_logits"][run, index] = answer.float().cpu().numpy()
    final = model.head(rows.hidden, masks(np.arange(len(rows.hidden)))).float().cpu().numpy()
    return {**rows.arrays, "final_logits": final}


def load_model(folder: Path) -> AdaptiveBert:
    """Load a saved model.

    Raises:
        UserError: if its weights are missing or truncated.
    """
    try:
        return AdaptiveBert.from_pretrained(folder, use_safetensors=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"cannot load the model in {folder}: {first_line(error)}; delete that folder and run"
            " again to train it anew"
        ) from None


def grid_from_tune(
    model: AdaptiveBert, tune: dict[str, list], *, skip_thresholds: Sequence[float], quantiles: int
) -> np.ndarray:
    """Return the grid of skip thresholds of a model: see `skip_grid`.

    The gate values are those on the path of the model's own threshold.
    """
    if model.gates is None:
        return np.array([NEVER_SKIP], dtype=np.float32)
    extra = [*skip_thresholds, model.config.skip_threshold]  # its own is scored whatever is tuned
    gates = own_path(model, tune).gates if quantiles else np.empty(0)
    return skip_grid(gates, quantiles=quantiles, extra=extra)


def own_path(model: AdaptiveBert, split: dict[str, list]) -> Paths:
    """Return the paths of a split at the model's own skip threshold."""
    threshold = model.config.skip_threshold
    grid = np.array([threshold], dtype=np.float32)
    return record(model, split, grid=grid, meta={}).path(threshold)


def trace_meta(model: AdaptiveBert, method: Method, provenance: dict, *, split: str) -> dict:
    """Return what a trace says about where it comes from."""
    config = model.config
    return {
        "task": provenance["task"],
        "method": provenance["method"],
        "seed": provenance["seed"],
        "split": split,
        "title": method.title,
        "criterion": method.criterion,
        "sweep": list(method.sweep),
        "skip_threshold": config.skip_threshold if config.gates else None,
        "architecture": Architecture.of(config).to_dict(),
        "data": provenance["data"][split]["sha256"],
        "model": provenance["weights"],
    }
