"""Examples a second of a training, and its share of what the matrix products alone would reach.

    PYTHONPATH=. python tests/speed/training.py --model base --threads 1
    PYTHONPATH=. python tests/speed/training.py --model minilm --threads 1 --plain
    PYTHONPATH=. python tests/speed/training.py --model base --heads held

Dense BERT of the model's size with random weights trains in bf16 on batches of 16 examples of 64
tokens, through the same code as a run's trainings. In every fifth step the matrix products of a
layer, forward and backward and at their own shapes, are timed alone. --heads trains SmartBERT's
exits on frozen layers instead, which run in each step (run) or whose states are held (held).
--plain has the library's attention and dropout in place of the suite's. The workflow's jobs keep
their memory (`workflow/rules/common.smk`); to see what that is worth, export GLIBC_TUNABLES as it
does.
"""

import argparse
import statistics
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from baselines.exit_only import ExitOnly
from baselines.full_bert import FullBert
from smartbert.methods import Optimisation
from smartbert.tasks import task
from smartbert.train import stages
from smartbert.train.stages import build, train_stage
from smartbert.train.states import HeldStates, StatesRecord, hold

SIZES = {"base": (768, 3072, 12), "minilm": (384, 1536, 6)}
BATCH, TOKENS, WORDS = 16, 64, 30_522
WARM = 3  # steps that are not counted
EVERY = 5  # steps, the products are timed in between


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=SIZES, default="base")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--heads", choices=["run", "held"], help="exits on frozen layers")
    parser.add_argument("--plain", action="store_true", help="the library's attention and dropout")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.plain:
        stages.quick = lambda model: nullcontext()
    hidden, inner, depth = SIZES[args.model]
    products = Products(hidden, inner)
    steps, alone = measured(hidden, inner, depth, products, steps=args.steps, heads=args.heads)
    if args.heads:
        print(f"{args.model}, exits, layers {args.heads}: {BATCH / steps:.2f} examples/s")
        return
    work = depth * products.work
    attention = 3 * depth * 4 * BATCH * TOKENS**2 * hidden
    reached = (work + attention) / steps / 1e9
    peak = products.work / alone / 1e9
    print(
        f"{args.model}, {args.threads} thread(s), {'plain' if args.plain else 'quick'}:"
        f" {BATCH / steps:.2f} examples/s, {reached:.0f} GFLOP/s,"
        f" {100 * reached / peak:.0f} % of the products alone ({peak:.0f} GFLOP/s)"
    )


class Products:
    """The matrix products of one layer, forward and backward, in bf16."""

    def __init__(self, hidden: int, inner: int):
        rows = BATCH * TOKENS
        shapes = [(hidden, hidden)] * 4 + [(hidden, inner), (inner, hidden)]
        kind = torch.bfloat16
        self.operands = [
            (torch.randn(rows, i, dtype=kind), torch.randn(o, i, dtype=kind),
             torch.randn(rows, o, dtype=kind))
            for i, o in shapes
        ]  # fmt: skip
        self.work = 3 * sum(2 * rows * i * o for i, o in shapes)

    def seconds(self) -> float:
        """Return how long they take."""
        began = time.perf_counter()
        for x, weight, gradient in self.operands:
            torch.mm(x, weight.t())
            torch.mm(gradient, weight)
            torch.mm(gradient.t(), x)
        return time.perf_counter() - began


def word_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer that a training pads with."""
    words = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1}, unk_token="[UNK]"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]")


def measured(
    hidden: int, inner: int, depth: int, products: Products, *, steps: int, heads: str | None
) -> tuple[float, float]:
    """Return the median seconds of a training step, and of a layer's products alone."""
    folder = Path(tempfile.mkdtemp(prefix="speed-"))
    sizes = BertConfig(
        vocab_size=WORDS, hidden_size=hidden, intermediate_size=inner, num_hidden_layers=depth,
        num_attention_heads=12,
    )  # fmt: skip
    BertModel(sizes).save_pretrained(folder)
    generator = torch.Generator().manual_seed(0)
    rows = BATCH * (steps + WARM + 1)
    ids = torch.randint(1000, WORDS, (rows, TOKENS), generator=generator).tolist()
    split = {
        "input_ids": ids, "token_type_ids": [[0] * TOKENS] * rows, "length": [TOKENS] * rows,
        "label": [i % 2 for i in range(rows)],
    }  # fmt: skip
    method = ExitOnly() if heads else FullBert()
    own = {**method.defaults, **(HEADS if heads else {})}
    model = build(method, own, backbone=folder, parent=None, tune=split, task=task("rte"), seed=1)
    (stage,) = method.stages(own, OPTIMISATION, layers=depth)
    states = None
    if heads == "held":
        record = StatesRecord("", "", "off", "bf16", depth, hidden, rows * TOKENS, held=True)
        began_at = time.perf_counter()
        hold(model, split, record, folder / "states.bin")
        seconds = time.perf_counter() - began_at
        print(f"held {record.size / 1e9:.2f} GB, {rows / seconds:.2f} examples/s")
        states = HeldStates(folder / "states.bin", record, split["length"])
    began, alone = [], []

    def timed(model, batch, progress):
        began.append(time.perf_counter())
        if progress.step % EVERY == 0:  # the step that they are in is not counted
            alone.append(min(products.seconds() for _ in range(3)))
        return stage.objective(model, batch, progress)

    train_stage(
        model, replace(stage, objective=timed), task=task("rte"), fit=split, tune=split,
        tokenizer=word_tokenizer(),
        folder=folder / "checkpoints", seed=1, precision="bf16", title="speed", save_seconds=3600.0,
        states=states,
    )  # fmt: skip
    took = [
        after - before
        for number, (before, after) in enumerate(pairwise(began), 1)
        if number > WARM and number % EVERY
    ]
    return statistics.median(took), statistics.median(alone)


HEADS = {"frozen_dropout": False, "mask_padding": True}
OPTIMISATION = Optimisation(1, BATCH, 2e-5, 0, 0.01, 1e-8, 1.0, "last")

if __name__ == "__main__":
    main()
