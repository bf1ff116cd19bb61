"""Wall-clock of adaptive inference against dense BERT: same engine, same batches, same process.

A ratio of two timings is only worth something if both ran under the same load, so contenders take
turns and each round gives its own ratio to dense BERT's time in that round; the median over rounds
is reported with the quartiles. On a busy machine the seconds move, the ratios hardly.
"""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from smartbert.cost import CostModel, convention
from smartbert.head_kinds import FIRST
from smartbert.model.batching import ENGINE_TOKENS, length_batches
from smartbert.model.configuration import AdaptiveBertConfig, architecture
from smartbert.model.modeling import AdaptiveBert
from smartbert.points import DENSE
from smartbert.policies import Decisions, Policy
from smartbert.records import Record
from smartbert.serve.classifier import stored_points
from smartbert.serve.engine import Engine, Example, Forced


@dataclass(frozen=True)
class Machine(Record):
    """What timings depend on; columns of `latency.csv`."""

    device: str
    cores: int | None
    threads: int
    torch: str


@dataclass(frozen=True)
class Contender:
    """One engine at one setting, with decisions given beforehand or not.

    Attributes:
        forced: decisions for the examples that are timed, in their order.
    """

    engine: Engine
    forced: Forced | None = None


def dense_engine(model: AdaptiveBert, *, dtype: str = "fp32") -> Engine:
    """Return dense BERT of a model's size: its backbone's depth, its own head, no gates, no exits.
    The weights are random; time does not depend on them.
    """
    depth = model.config.reference_layers or model.config.num_hidden_layers
    backbone = {**model.config.to_dict(), "num_hidden_layers": depth}
    small = {"gates": None, "exits": None, "projections": False, "contrast_heads": False}
    small["shared_pooler"] = False
    config = AdaptiveBertConfig(**{**backbone, **small, "head": FIRST, "exit_thresholds": None})
    dense = AdaptiveBert(config)
    dense.to(device=model.device)  # type: ignore[call-arg]  # the library's wrapper hides its types
    return Engine(dense, Policy(), dtype=dtype)


def measure(
    contenders: dict[str, Contender],
    examples: Sequence[Example],
    *,
    batch_size: int,
    repeats: int,
    tokens: int = ENGINE_TOKENS,
    rest: float = 0.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Time contenders in turns, after one round of warm-up.

    Args:
        contenders: by name; `DENSE` is the reference of all ratios.
        examples: cut into batches of similar length, the same for all contenders.
        repeats: rounds; in each, every contender does each batch once, next to the others.
        tokens: most padded tokens of a batch.
        rest: seconds between two turns, in which idle threads of another runtime go to sleep.
        progress: called with (rounds done, rounds).

    Returns:
        one row per contender: contender, batch_size, examples, repeats, milliseconds (median, per
        example), time_relative (median over rounds of its time to dense BERT's), time_low and
        time_high (quartiles), cost_relative (FLOPs, mean over examples of what was decided).
    """
    lengths = np.array([len(e.ids) for e in examples], dtype=np.int64)
    plan = length_batches(lengths, tokens=tokens, rows=batch_size)
    rounds: dict[str, list[float]] = {name: [] for name in contenders}
    decided: dict[str, list[Decisions]] = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(repeats + 1):
        spent = dict.fromkeys(names, 0.0)
        for number, chosen in enumerate(plan):
            batch = [examples[i] for i in chosen]
            shift = (turn + number) % len(names)  # nobody is always first
            for name in names[shift:] + names[:shift]:
                contender = contenders[name]
                time.sleep(rest)
                seconds, decisions = _timed(contender, batch, chosen)
                spent[name] += seconds
                if not turn:
                    decided[name].append(decisions)
        if turn:
            for name in names:
                rounds[name].append(spent[name])
        progress(turn, repeats)
    dense = np.array(rounds[DENSE])
    rows = []
    for name in names:
        own = np.array(rounds[name])
        low, middle, high = np.quantile(own / dense, (0.25, 0.5, 0.75))
        rows.append(
            {
                "contender": name,
                "batch_size": batch_size,
                "examples": len(examples),
                "repeats": repeats,
                "milliseconds": 1000 * np.median(own) / len(examples),
                "time_relative": middle,
                "time_low": low,
                "time_high": high,
                "cost_relative": _cost(contenders[name].engine, decided[name], plan, lengths),
            }
        )
    return pd.DataFrame(rows)


def _timed(contender: Contender, batch: list[Example], rows: np.ndarray) -> tuple[float, Decisions]:
    forced = contender.forced
    if forced is not None:
        forced = Forced(forced.exit_layer[rows], forced.executed[rows])
    _wait(contender.engine.device)
    started = time.perf_counter()
    decisions = contender.engine.run(batch, forced)
    _wait(contender.engine.device)
    return time.perf_counter() - started, decisions


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _cost(
    engine: Engine, decided: list[Decisions], plan: list[np.ndarray], lengths: np.ndarray
) -> float:
    """Return the mean FLOPs of some batches' examples, as a share of dense BERT's."""
    model = CostModel(architecture(engine.config), convention("flops"))
    shares = [
        model.relative(found, engine.policy, lengths[rows])
        for rows, found in zip(plan, decided, strict=True)
    ]
    return float(np.concatenate(shares).mean())


def machine(device: torch.device) -> Machine:
    """Return what timings on a device depend on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return Machine(name, os.cpu_count(), torch.get_num_threads(), torch.__version__)


def _processor() -> str:
    """Return the processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else ():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


def bench(
    model: AdaptiveBert,
    examples: Sequence[Example],
    *,
    batch_sizes: Sequence[int],
    repeats: int,
    dtype: str,
    from_usage: bool = False,
) -> str:
    """Return a table of a published model's operating points against dense BERT, on some examples.

    A model without operating points is timed at its config's thresholds.

    Args:
        from_usage: let the examples exit and skip in the shares that the model's config has, as
            random tokens would do neither in a way that says anything.
    """
    points = stored_points(model.config)
    contenders = {DENSE: Contender(dense_engine(model, dtype=dtype))}
    for name, point in points.items():
        engine = Engine(model, point.policy, dtype=dtype)
        used = usage_pattern(point.exits, point.skipped, len(examples)) if from_usage else None
        contenders[name] = Contender(engine, used)
    if not points:
        contenders["stored"] = Contender(Engine(model, dtype=dtype))
    found = pd.concat(
        measure(contenders, examples, batch_size=size, repeats=repeats) for size in batch_sizes
    )
    ranges = zip(found["time_low"], found["time_high"], strict=True)
    shown = pd.DataFrame(
        {
            "point": found["contender"],
            "batch": found["batch_size"],
            "ms/example": found["milliseconds"].map("{:.2f}".format),
            "FLOPs": found["cost_relative"].map("{:.0%}".format),
            "time": found["time_relative"].map("{:.0%}".format),
            "quartiles": [f"{low:.0%} to {high:.0%}" for low, high in ranges],
        }
    )
    return shown.to_string(index=False)


def usage_pattern(
    exits: Sequence[float], skipped: Sequence[float], number: int, *, seed: int = 0
) -> Forced:
    """Return decisions for some examples, in given shares.

    Args:
        exits, skipped: for every layer the share of all examples that have their answer there and
            that skip it.
    """
    rng = np.random.default_rng(seed)
    shares = np.asarray(exits, dtype=float)
    exit_layer = rng.choice(np.arange(1, len(shares) + 1), number, p=shares / shares.sum())
    reached = 1 - np.cumsum(shares) + shares  # share of examples that come to each layer
    wanted = np.asarray(skipped, dtype=float) / np.maximum(reached, 1e-9)
    skips = rng.random((number, len(shares))) < wanted
    left = exit_layer < len(shares)
    skips[left, exit_layer[left] - 1] = False  # an exit answers after a layer that ran
    return Forced(exit_layer, ~skips)


def made_up_examples(config: AdaptiveBertConfig, number: int, *, seed: int = 0) -> list[Example]:
    """Return inputs of random tokens, of lengths as short sentences have them."""
    rng = np.random.default_rng(seed)
    longest = min(64, config.max_tokens or config.positions, config.positions)
    low = min(1000, config.vocab_size // 2)  # above the special tokens
    return random_examples(number, min(8, longest), longest, rng, ids=(low, config.vocab_size))


def random_examples(
    number: int, shortest: int, longest: int, rng: np.random.Generator, *, ids: tuple[int, int]
) -> list[Example]:
    """Return inputs of random lengths, both ends included, and token ids from `ids[0]` to below
    `ids[1]`.
    """
    lengths = rng.integers(shortest, longest + 1, number)
    return [Example(rng.integers(*ids, n).tolist(), [0] * n) for n in lengths]
