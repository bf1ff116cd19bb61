"""What recording a trace costs, and where the time goes.

    PYTHONPATH=. python tests/speed/recording.py [--model base] [--threads 1]

Random weights; a split of examples of 64 tokens is recorded in float32 from a model with gates and
exits, for grids of skip thresholds of growing size. Paths that decide alike are shared, so the cost
depends on how decided the gates are: the more of them lie away from the thresholds, the fewer paths
there are. For each grid: paths an example, layers run an example, examples a second, the share of
time in layers, gates and exits, and the layers' speed as a share of what float32 products of their
shapes reach alone.
"""

import argparse
import time
from collections import defaultdict

import numpy as np
import torch
from transformers import BertConfig

from smartbert.model.configuration import AdaptiveBertConfig, adaptive_config, architecture
from smartbert.model.modeling import AdaptiveBert
from smartbert.trace.schema import TraceMeta
from smartbert.train.recorder import own_path, record, skip_grid

SIZES = {"base": (768, 3072, 12), "minilm": (384, 1536, 6)}
EXAMPLES, TOKENS = 64, 64
SPREAD = 3.0  # of the gates, in logits


def model(sizes: BertConfig) -> AdaptiveBert:
    """A model whose gates differ between examples, as trained ones do."""
    torch.manual_seed(0)
    built = AdaptiveBert(
        adaptive_config(sizes, gates="learned", exits="attention", head="attention", gate_bias=-0.5)
    )
    with torch.no_grad():
        for parameter_name, parameter in built.named_parameters():
            if "encoder" in parameter_name and parameter.ndim == 2:
                parameter.mul_(3)  # make examples differ, as trained weights do
        for gate in built.gates:
            gate.score.weight.mul_(SPREAD)
    return built.eval()


def meta_of(config: AdaptiveBertConfig) -> TraceMeta:
    """What a recorded trace says of itself."""
    return TraceMeta(
        task="sst2", method="smartbert", seed=1, split="tune", title="SmartBERT",
        criterion="entropy", sweep=(), skip_threshold=0.5,
        architecture=architecture(config), data="random", model="random",
    )  # fmt: skip


class Clock:
    """Seconds spent in some functions of a model, by name."""

    def __init__(self, subject: AdaptiveBert):
        self.seconds: dict[str, float] = defaultdict(float)
        self.layers = 0
        subject.layer = self.timed("layers", subject.layer)
        subject.gate = self.timed("gates", subject.gate)
        for head in subject.exits:
            head.forward = self.timed("exits", head.forward)

    def timed(self, name, function):
        """Return a function that adds the time of each call."""

        def call(*args):
            started = time.perf_counter()
            found = function(*args)
            self.seconds[name] += time.perf_counter() - started
            self.layers += len(args[1]) if name == "layers" else 0
            return found

        return call


def products(name: str) -> float:
    """Return GFLOP/s of the float32 products of a layer's linear maps."""
    hidden, inner, _ = SIZES[name]
    rows = EXAMPLES * TOKENS
    operands = [
        (torch.randn(rows, i), torch.randn(o, i))
        for i, o in [(hidden, hidden)] * 4 + [(hidden, inner), (inner, hidden)]
    ]
    times = []
    for _ in range(5):
        started = time.perf_counter()
        for x, weight in operands:
            torch.mm(x, weight.t())
        times.append(time.perf_counter() - started)
    return sum(2 * x.numel() * len(weight) for x, weight in operands) / min(times) / 1e9


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=SIZES, default="minilm")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    hidden, inner, depth = SIZES[args.model]
    subject = model(
        BertConfig(
            hidden_size=hidden, intermediate_size=inner, num_hidden_layers=depth,
            num_attention_heads=12,
        )
    )  # fmt: skip
    rng = np.random.default_rng(0)
    split = {
        "input_ids": rng.integers(1000, 30000, (EXAMPLES, TOKENS)).tolist(),
        "token_type_ids": [[0] * TOKENS] * EXAMPLES,
        "length": [TOKENS] * EXAMPLES,
        "label": [0] * EXAMPLES,
        "idx": list(range(EXAMPLES)),
        "subset": [0] * EXAMPLES,
    }
    meta = meta_of(subject.config)
    gates, alone = own_path(subject, split).gates, products(args.model)
    work = TOKENS * (2 * (4 * hidden**2 + 2 * hidden * inner) + 4 * TOKENS * hidden)
    clock = Clock(subject)
    for quantiles in (None, 0, 4, 15):
        grid = np.array([np.inf], dtype=np.float32)
        if quantiles is not None:
            grid = skip_grid(gates, quantiles=quantiles, extra=[0.5])
        clock.seconds.clear()
        clock.layers = 0
        started = time.perf_counter()
        trace = record(subject, split, grid=grid, meta=meta)
        took = time.perf_counter() - started
        shares = " ".join(f"{k} {100 * v / took:.0f} %" for k, v in clock.seconds.items())
        reached = work * clock.layers / clock.seconds["layers"] / 1e9
        print(
            f"{args.model}, {len(grid)} threshold(s): {len(trace.example) / EXAMPLES:.1f} paths,"
            f" {clock.layers / EXAMPLES:.1f} layers an example, {EXAMPLES / took:.2f} examples/s;"
            f" {shares}; layers at {reached:.0f} GFLOP/s, {100 * reached / alone:.0f} % of the"
            f" products alone"
        )


if __name__ == "__main__":
    main()
