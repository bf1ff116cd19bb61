"""Is the time saved as large as the FLOPs saved? The engine against dense BERT at given patterns.

    PYTHONPATH=. python tests/speed/engine.py [--model base] [--batch 1 32 128] [--dtype fp32 bf16]

Random weights and tokens; exits and skips are given beforehand, so nothing is trained and it runs
anywhere. Dense BERT runs in the same engine on the same batches, without padding; the last column
has dense BERT by the transformers library, padded, as most people run it. A ratio of time to dense
BERT's should be at most 0.05 above the ratio of FLOPs at batch 32 and more, 0.10 at batch 1.
"""

import argparse
import time

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification

from smartbert.model.batching import ENGINE_TOKENS, length_batches, pad
from smartbert.model.configuration import adaptive_config
from smartbert.model.modeling import AdaptiveBert
from smartbert.points import DENSE
from smartbert.policies import Policy
from smartbert.serve.engine import DTYPES, Engine, Example, Forced
from smartbert.serve.latency import Contender, dense_engine, machine, measure, random_examples

SIZES = {
    "base": BertConfig(),
    "minilm": BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    ),
}
LENGTHS = {"128": (128, 128), "10-60": (10, 60)}
IDS = (1000, 30000)  # of tokens, above the special ones
BUDGETS = (0.33, 0.5, 0.75)
TESTS_ALL = 1e-9  # an entropy threshold at which every exit is computed; decisions are given


def exits(number: int, depth: int, share: float, rng: np.random.Generator) -> Forced:
    """Return exits spread over a third of the depth around `share` of it; no layer is skipped."""
    middle, spread = share * depth, depth / 6
    layers = np.clip(np.rint(rng.uniform(middle - spread, middle + spread, number)), 1, depth)
    return Forced(layers.astype(int), np.ones((number, depth), dtype=bool))


def skips(number: int, depth: int, share: float, rng: np.random.Generator) -> Forced:
    """Return no exits and `share` of the layers run, drawn for each example."""
    order = rng.random((number, depth)).argsort(1).argsort(1)
    return Forced(np.full(number, depth), order < round(share * depth))


def both(number: int, depth: int, share: float, rng: np.random.Generator) -> Forced:
    """Return half of the saving by exits and half by skips."""
    part = share**0.5
    left, run = exits(number, depth, part, rng), skips(number, depth, part, rng).executed.copy()
    run[np.arange(number), left.exit_layer - 1] = True  # an exit answers after a layer that ran
    return Forced(left.exit_layer, run)


def library_seconds(config: BertConfig, batch: list[Example], dtype: str, repeats: int) -> float:
    """Return the median seconds of transformers' BERT on one padded batch."""
    model = BertForSequenceClassification(config).eval().to(DTYPES[dtype])
    inputs = pad([e.ids for e in batch], [e.types for e in batch])
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            started = time.perf_counter()
            model(**inputs)
            times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))


def main() -> None:
    """Print a table per model, dtype and batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 32, 128])
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=["fp32"])
    parser.add_argument("--lengths", nargs="+", choices=LENGTHS, default=list(LENGTHS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    print(machine(torch.device(args.device)))
    for size in args.model:
        backbone = SIZES[size]
        depth = backbone.num_hidden_layers
        torch.manual_seed(0)
        fields = {"gates": "learned", "exits": "attention", "head": "attention"}
        model = AdaptiveBert(adaptive_config(backbone, small_queries="first", **fields))
        model = model.to(args.device)
        policy = Policy.uniform("entropy", TESTS_ALL, depth=depth, skip_threshold=2.0)
        for dtype in args.dtype:
            engine, dense = Engine(model, policy, dtype=dtype), dense_engine(model, dtype=dtype)
            for lengths in args.lengths:
                for batch_size in args.batch:
                    rng = np.random.default_rng(0)
                    rows = random_examples(max(batch_size, 8), *LENGTHS[lengths], rng, ids=IDS)
                    patterns = {"all layers": exits(len(rows), depth, 2.0, rng)}
                    for budget in BUDGETS:
                        for kind in (exits, skips, both):
                            pattern = kind(len(rows), depth, budget, rng)
                            patterns[f"{kind.__name__} {budget:g}"] = pattern
                    contenders = {DENSE: Contender(dense)} | {
                        name: Contender(engine, forced) for name, forced in patterns.items()
                    }
                    found = measure(contenders, rows, batch_size=batch_size, repeats=args.repeats)
                    found["above"] = found["time_relative"] - found["cost_relative"]
                    plan = length_batches(
                        [len(e.ids) for e in rows], tokens=ENGINE_TOKENS, rows=batch_size
                    )
                    one = [rows[i] for i in plan[0]]
                    print(f"\n{size}, {dtype}, {lengths} tokens, batch {batch_size}")
                    if args.device == "cpu":
                        library = library_seconds(backbone, one, dtype, args.repeats)
                        own = found["milliseconds"][0] / 1000 * len(one)
                        print(f"transformers' padded BERT takes {library / own:.2f} of our dense")
                    columns = ["contender", "milliseconds", "cost_relative", "time_relative"]
                    shown = found[[*columns, "time_low", "time_high", "above"]]
                    print(shown.to_string(index=False, float_format="%.3f"), flush=True)


if __name__ == "__main__":
    main()
