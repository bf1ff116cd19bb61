"""What the parts of card.py share: how large everything is, examples, names, how rows are told. No
torch.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MEAN, DEVIATION, SHORTEST, LONGEST = 53, 17, 10, 110  # tokens of an example, as MRPC's have them
FIRST_WORD = 1000  # ids below are of special tokens, in BERT's vocabulary

# Columns of each part's csv; a row that says what failed has `failed` and what is known beside.
COLUMNS = {
    "decisions": (
        *("dtype", "rule", "skipping", "way", "examples", "layers", "early", "skipped"),
        *("differ", "share", "apart", "failed"),
    ),
    "times": (
        *("dtype", "batch", "contender", "examples", "rounds", "milliseconds", "flops", "failed"),
    ),
    "training": (
        *("method", "path", "captured", "steps", "rate", "warm_up", "processes", "slowest"),
        "failed",
    ),
    "recording": (*("model", "thresholds", "examples", "paths", "seconds", "rate", "failed"),),
}
PARTS = tuple(COLUMNS)
# Contenders that the page knows by name.
LIBRARY, CAPTURED, COMPILED = "transformers", "transformers, captured", "transformers, compiled"
ENGINE, SPREAD = "engine, dense", "DeeBERT, exits spread"
FULL = "SmartBERT, nothing skipped, nobody exits"
BERT = "dense BERT"  # where it trains


@dataclass(frozen=True)
class Size:
    """How large a model is, and how much is measured of it.

    Attributes:
        examples: whose decisions are compared.
        batches, streams: rows of a batch that is timed, by itself or in a stream.
        window: batches of a stream; of others at most as many are timed.
        rounds: of a contender, at most.
        fit: examples that are trained on.
        processes: trainings side by side.
        seconds: of a stretch in which steps are counted.
        recorded: examples.
    """

    hidden: int
    inner: int
    layers: int
    heads: int
    words: int
    examples: int
    batches: tuple[int, ...]
    streams: tuple[int, ...]
    window: int
    rounds: int
    fit: int
    processes: tuple[int, ...]
    seconds: float
    recorded: int


SIZES = {
    "base": Size(
        *(768, 3072, 12, 12, 30522),
        examples=2000, batches=(1, 8, 32, 128), streams=(32, 128), window=16,
        rounds=10, fit=800, processes=(1, 2, 4, 8, 16), seconds=2.5, recorded=512,
    ),
    "minilm": Size(
        *(384, 1536, 6, 12, 30522),
        examples=500, batches=(1, 8, 32), streams=(32,), window=16,
        rounds=5, fit=160, processes=(1, 2), seconds=3.0, recorded=64,
    ),
    "tiny": Size(
        *(32, 64, 4, 4, 2000),
        examples=60, batches=(1, 4), streams=(4,), window=2,
        rounds=2, fit=32, processes=(1, 2), seconds=0.3, recorded=16,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What is measured, and where: "cuda" or "cpu"."""

    size: Size
    device: str

    @property
    def card(self) -> bool:
        """Whether the device is a card."""
        return self.device == "cuda"


@dataclass(frozen=True)
class Report:
    """Tells what a part found, as it goes: ("row", cells by column) and ("say", a line)."""

    send: Callable[[tuple[str, object]], None]

    def row(self, **cells: object) -> None:
        """Tell a row."""
        self.send(("row", cells))

    def say(self, line: str) -> None:
        """Tell what is going on."""
        self.send(("say", line))


def lengths_like_mrpc(number: int, rng: np.random.Generator) -> np.ndarray:
    """Return the tokens of some examples, (N,)."""
    drawn = np.rint(rng.normal(MEAN, DEVIATION, number)).astype(int)
    return np.clip(drawn, SHORTEST, LONGEST)


def columns_like_mrpc(number: int, words: int, rng: np.random.Generator) -> dict[str, list]:
    """Return a split of made-up examples of two classes."""
    lengths = lengths_like_mrpc(number, rng)
    return {
        "input_ids": [
            rng.integers(min(FIRST_WORD, words // 2), words, n).tolist() for n in lengths
        ],
        "token_type_ids": [[0] * (n // 2) + [1] * (n - n // 2) for n in lengths.tolist()],
        "label": rng.integers(0, 2, number).tolist(),
        "length": lengths.tolist(),
        "idx": list(range(number)),
        "subset": [0] * number,
    }


def silent() -> None:
    """Keep what libraries and trainings print from a process's output, which is the parts' own."""
    from workflow.scripts.common import offline

    offline()
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  # until the process ends
