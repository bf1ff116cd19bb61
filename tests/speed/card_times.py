"""How long does a batch take? The engine at given patterns of exits and skips beside transformers'
BERT, padded: as it is, compiled, and captured by hand as a CUDA graph.

Random weights and tokens, lengths as MRPC's. DeeBERT and SmartBERT have the heads and gates of the
suite's matched rows.
"""

import copy
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from speed.card_decisions import bert, joined
from speed.card_library import Library, captured, compiled
from speed.card_setting import (
    CAPTURED,
    COMPILED,
    ENGINE,
    FIRST_WORD,
    FULL,
    LIBRARY,
    SPREAD,
    Report,
    Setting,
    Size,
    lengths_like_mrpc,
)
from speed.engine import TESTS_ALL, skips
from transformers import BertForSequenceClassification

from baselines.loading import load
from smartbert.errors import first_line
from smartbert.model.batching import ENGINE_TOKENS, length_batches
from smartbert.model.modeling import AdaptiveBert
from smartbert.points import DENSE
from smartbert.policies import Decisions, Policy
from smartbert.serve.engine import DTYPES, Engine, Example, Forced
from smartbert.serve.latency import Contender, dense_engine, measure

BATCHES = {1: 16, 8: 8}  # of so many rows; else FEW
FEW = 4
LEAST = 3  # rounds, though time be over
COMPILING = 0.35  # of the time that another cell has
RUNS = 0.7  # of the layers, where some are skipped
MATCHED = {"exits": "attention", "head": "attention"}  # as config/config.yaml's matched rows


class Streamed:
    """An engine, or a library, to which a whole stream is one batch.

    Args:
        rows: of the batches that it makes of the stream, by length.
    """

    def __init__(self, engine: Engine | Library, rows: int):
        self.engine, self.rows = engine, rows
        self.device, self.policy, self.config = engine.device, engine.policy, engine.config

    @torch.inference_mode()
    def run(self, examples: Sequence[Example], forced: Forced | None = None) -> Decisions:
        """Classify the stream, longest first."""
        lengths = [len(example.ids) for example in examples]
        plan = length_batches(lengths, tokens=ENGINE_TOKENS, rows=self.rows)
        device = getattr(self.engine, "on_device", None)
        if device is not None:
            return device.run(plan, examples, forced)
        parts = [
            self.engine.run(
                [examples[i] for i in rows],
                forced and Forced(forced.exit_layer[rows], forced.executed[rows]),
            )
            for rows in plan
        ]
        back = np.argsort(np.concatenate(plan))
        found = joined(parts)
        return Decisions(
            found.logits[back], found.exit_layer[back], found.exited[back], found.executed[back]
        )


def patterns(number: int, depth: int, rng: np.random.Generator) -> dict[str, tuple[str, Forced]]:
    """Return contenders' methods and decisions, by name."""

    def leave(layers: np.ndarray) -> Forced:
        return Forced(layers, np.ones((number, depth), dtype=bool))

    nobody = leave(np.full(number, depth))
    spread = leave(rng.permutation(np.arange(number) % depth) + 1)
    half = leave(np.full(number, depth // 2))
    return {
        "DeeBERT, nobody exits": ("deebert", nobody),
        f"DeeBERT, all exit at {depth // 2}": ("deebert", half),
        SPREAD: ("deebert", spread),
        FULL: ("smartbert", nobody),
        "SmartBERT, 30 % skipped": ("smartbert", skips(number, depth, RUNS, rng)),
        "SmartBERT, exits spread": ("smartbert", spread),
    }


class Models:
    """Models with random weights on the device, in float32; an adaptive one with its policy."""

    def __init__(self, setting: Setting):
        backbone = bert(setting.size)
        torch.manual_seed(0)
        self.bert = BertForSequenceClassification(backbone).eval().to(setting.device)
        self.adaptive: dict[str, tuple[AdaptiveBert, Policy]] = {}
        for name, skip in (("deebert", None), ("smartbert", 2.0)):
            method = load(name)
            fields = {**method.defaults, **MATCHED}
            config = method.configure(backbone, fields, labels=("no", "yes"))
            model = AdaptiveBert(config).to(setting.device)
            depth = setting.size.layers
            policy = Policy.uniform("entropy", TESTS_ALL, depth=depth, skip_threshold=skip)
            self.adaptive[name] = model, policy


class Contenders:
    """All that are timed in one dtype.

    Args:
        models: adaptive ones by method, in float32 on the device, and transformers' BERT.
    """

    def __init__(self, models: Models, setting: Setting, dtype: str):
        self.depth = setting.size.layers
        self.engines = {
            name: Engine(model, policy, dtype=dtype)
            for name, (model, policy) in models.adaptive.items()
        }
        self.dense = dense_engine(models.adaptive["smartbert"][0], dtype=dtype)
        model = copy.deepcopy(models.bert).to(DTYPES[dtype])
        self.libraries = {LIBRARY: Library(model)}
        self.compiled: dict[str, Engine | Library] = {}
        if setting.card:
            self.libraries[CAPTURED] = Library(model, captured(model))
            self.compiled = {DENSE: self.dense, COMPILED: Library(model, compiled(model))}

    def some(
        self, number: int, *, stream: int | None, compiling: bool = False
    ) -> dict[str, Contender]:
        """Return contenders for some examples.

        Args:
            stream: rows of the batches of a stream, None for batches by themselves.
            compiling: the compiled library, beside the dense engine; else all but it.
        """

        def way(engine: Engine | Library) -> Engine | Library | Streamed:
            return Streamed(engine, stream) if stream else engine

        if compiling:
            return {name: Contender(way(own)) for name, own in self.compiled.items()}
        found = {name: Contender(way(own)) for name, own in self.libraries.items()}
        found[DENSE] = Contender(way(self.dense))
        forced = patterns(number, self.depth, np.random.default_rng(1))
        for name, (method, pattern) in forced.items():
            found[name] = Contender(way(self.engines[method]), pattern)
        return found


def examples_for(size: Size, rows: int, *, stream: bool) -> list[Example]:
    """Return what is timed in batches of so many rows."""
    rng = np.random.default_rng(2)
    number = rows * (size.window if stream else min(size.window, BATCHES.get(rows, FEW)))
    low = min(FIRST_WORD, size.words // 2)
    lengths = lengths_like_mrpc(number, rng)
    return [Example(rng.integers(low, size.words, n).tolist(), [0] * n) for n in lengths]


def times(setting: Setting, report: Report, end: float) -> None:
    """Time batches and streams of all contenders, in turns.

    What is compiled comes last: it may take longer than there is time.

    Args:
        end: of `time.monotonic`.
    """
    size = setting.size
    cells = [(rows, False) for rows in reversed(size.batches)]
    cells += [(rows, True) for rows in reversed(size.streams)]
    models = Models(setting)
    own = {dtype: Contenders(models, setting, dtype) for dtype in reversed(DTYPES)}
    waiting = [(dtype, *cell, False) for dtype in own for cell in cells]
    if setting.card:
        waiting += [(dtype, *cell, True) for dtype in own for cell in cells]
    for number, (dtype, rows, stream, compiling) in enumerate(waiting):
        report.say(f"times: {dtype}, {batch_name(rows, stream=stream)}{', compiled' * compiling}")
        examples = examples_for(size, rows, stream=stream)
        told = {"dtype": dtype, "batch": batch_name(rows, stream=stream)}
        parts = sum(COMPILING if later else 1 for *_, later in waiting[number:])
        share = (COMPILING if compiling else 1) / parts
        until = time.monotonic() + share * (end - time.monotonic())
        try:
            chosen = own[dtype].some(
                len(examples), stream=rows if stream else None, compiling=compiling
            )
            found = timed(
                chosen, examples, rows=rows, stream=stream, rounds=size.rounds, until=until,
                failed=lambda name, why, told=told: report.row(**told, contender=name, failed=why),
            )  # fmt: skip
        except Exception as error:
            report.row(**told, failed=f"{type(error).__name__}: {first_line(error)}")
            continue
        for row in found:
            if not compiling or row["contender"] == COMPILED:
                report.row(**told, **row)


def batch_name(rows: int, *, stream: bool) -> str:
    """Return how batches of so many rows are called."""
    return f"stream of {rows}" if stream else str(rows)


def timed(
    contenders: dict[str, Contender],
    examples: list[Example],
    *,
    rows: int,
    stream: bool,
    rounds: int,
    until: float,
    failed: Callable[[str, str], None],
) -> list[dict[str, object]]:
    """Return milliseconds a batch of every contender that runs, and its FLOPs beside dense BERT's.

    Args:
        rounds: at most; some are taken whatever the time.
        failed: told of the others, with the reason.
        until: of `time.monotonic`, about.
    """
    whole = {"batch_size": len(examples) if stream else rows, "tokens": ENGINE_TOKENS}
    if stream:
        whole["tokens"] = len(examples) * max(len(example.ids) for example in examples)
    for name, contender in list(contenders.items()):
        few = np.arange(min(rows, len(examples)))
        own = contender.forced
        own = own and Forced(own.exit_layer[few], own.executed[few])
        try:
            contender.engine.run([examples[i] for i in few], own)
        except Exception as error:
            if name == DENSE:
                raise
            failed(name, f"{type(error).__name__}: {first_line(error)}")
            del contenders[name]
    turns: list[float] = []
    noted = {"progress": lambda done, total: turns.append(time.monotonic())}
    measure(contenders, examples, repeats=1, **whole, **noted)
    in_time = int((until - turns[1]) / (turns[1] - turns[0])) - 1
    repeats = min(rounds, max(LEAST, in_time))
    found = measure(contenders, examples, repeats=repeats, **whole)
    lengths = [len(example.ids) for example in examples]
    batches = len(length_batches(lengths, tokens=ENGINE_TOKENS, rows=rows))
    return [
        {
            "contender": ENGINE if row["contender"] == DENSE else row["contender"],
            "examples": len(examples),
            "rounds": row["repeats"],
            "milliseconds": row["milliseconds"] * len(examples) / batches,
            "flops": row["cost_relative"],
        }
        for row in found.to_dict("records")
    ]
