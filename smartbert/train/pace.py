"""The pace of a machine in training: measured for half a minute, or worked out of a given one."""

import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from smartbert.cost import CONVENTIONS, Architecture, CostModel
from smartbert.errors import UserError

VOCABULARY = 30_522
PASSES = 3  # a training step's FLOPs in forward passes: one forward, two backward
EXAMPLES = 16, 32, 128  # of a timed batch: its size, and two lengths in tokens


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step of dense BERT: constant + per token of the batch; and of a
    forward pass per token.
    """

    step: float
    token: float
    forward: float


def forward_flops(sizes: dict) -> float:
    """Return FLOPs per token of dense BERT's forward pass at 40 tokens."""
    architecture = Architecture(**sizes, classes=2, reference_layers=sizes["layers"])
    return float(CostModel(architecture, CONVENTIONS["flops"]).dense(np.array([40]))[0] / 40)


def arithmetic(sizes: dict, teraflops: float, step: float) -> Pace:
    """Return the pace of a machine that sustains so many FLOPs and needs so long for any step."""
    token = forward_flops(sizes) / (teraflops * 1e12)
    return Pace(step, PASSES * token, token)


def measured(sizes: dict, precision: str, *, threads: int) -> Pace:
    """Return this machine's pace, from training steps of dense BERT with random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from smartbert.train.precision import effective, products

    torch.set_num_threads(min(threads, torch.get_num_threads()))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    backbone = BertConfig(
        vocab_size=VOCABULARY, hidden_size=sizes["hidden"], num_hidden_layers=sizes["layers"],
        num_attention_heads=12, intermediate_size=sizes["intermediate"],
    )  # fmt: skip
    model = BertForSequenceClassification(backbone)
    model.to(device=device)  # type: ignore[call-arg]  # the library's wrapper hides its types
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    precision = effective(precision)
    size, short, long = EXAMPLES

    def step(tokens: int, train: bool) -> float:
        batch = {
            "input_ids": torch.randint(1000, VOCABULARY, (size, tokens), device=device),
            "labels": torch.zeros(size, dtype=torch.long, device=device),
        }
        began = time.perf_counter()
        mixed = torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")
        with products(precision):
            # Recording is in float32, whatever training is in.
            with torch.set_grad_enabled(train), mixed if train else nullcontext():
                loss = model(**batch).loss
            if train:
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
        loss.item()  # waits for a GPU
        return time.perf_counter() - began

    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    cores = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    print(f"measured on: {name}{cores}, {precision}", file=sys.stderr)
    # What else runs only adds to a time. In turn, so that a busy spell falls on all of them.
    rounds = [(step(short, True), step(long, True), step(long, False)) for _ in range(6)][1:]
    one, two, forward = map(min, zip(*rounds, strict=True))
    if two <= one:
        raise UserError(
            f"this machine is too busy to be measured: a step with {long} tokens took no longer"
            f" than one with {short}; run again when nothing else does"
        )
    token = (two - one) / (size * (long - short))
    return Pace(max(0.0, one - token * size * short), token, forward / (size * long))
