"""Models of every kind, examples and policies that the engine's tests run."""

import numpy as np
import torch
from conftest import DEPTH, SMARTBERT

from smartbert.model.batching import pad
from smartbert.policies import Policy
from smartbert.serve.engine import Example

N = 70
METHODS = {
    "smartbert": SMARTBERT,
    "small queries": {**SMARTBERT, "small_queries": "first"},
    "deebert": {"exits": "first", "head": "first"},
    "pabee": {"exits": "first", "head": "first", "shared_pooler": True},
    "skip_only": {"gates": "learned", "head": "attention"},
    "random_skip": {"gates": "random", "head": "attention"},
    "constant_skip": {"gates": "constant", "head": "attention"},
    "full_bert": {"head": "first"},
    "full_bert, mean": {"head": "mean"},
    "deebert, mean": {"exits": "mean", "head": "mean"},
    "deebert, attention": {"exits": "attention", "head": "attention"},
    "pabee, mean": {"exits": "mean", "head": "mean", "shared_pooler": True},
    "smartbert, first": {"gates": "learned", "exits": "first", "head": "attention"},
    "smartbert, mean": {"gates": "learned", "exits": "mean", "head": "mean"},
}


def some_examples() -> list[Example]:
    """Seventy examples of 2 to 30 tokens."""
    rng = np.random.default_rng(3)
    lengths = rng.integers(2, 31, N)
    return [
        Example(rng.integers(1, 120, n).tolist(), (np.arange(n) > n // 2).astype(int).tolist())
        for n in lengths
    ]


def make(tiny_model, method: str):
    model = tiny_model(**METHODS[method])
    if METHODS[method].get("gates") in ("random", "constant"):
        for index, gate in enumerate(model.gates):
            gate.values.copy_(torch.linspace(0.3 + 0.05 * index, 0.7, gate.VALUES))
    return model


def one_by_one(model, examples, policy):
    """The specified inference on each example alone."""
    outputs = [model.infer(pad([e.ids], [e.types]), policy) for e in examples]
    return {
        name: np.concatenate([getattr(output, name).numpy() for output in outputs])
        for name in ("logits", "exit_layer", "executed")
    }


def policies(model):
    """A policy of every criterion that stops some examples, with and without skipping."""
    skips = (None, 0.5) if model.gates is not None else (None,)
    kinds = {"entropy": 0.6, "confidence": 0.6, "patience": 1} if model.exits is not None else {}
    for skip in skips:
        yield Policy("never", (), skip)
        for criterion, threshold in kinds.items():
            yield Policy.uniform(criterion, threshold, depth=DEPTH, skip_threshold=skip)
