"""How much dearer is a trace for a grid of skip thresholds than one for a single threshold?

    PYTHONPATH=. python tests/speed/recording.py

Paths that decide alike are shared, so the answer depends on how decided the gates are: the more
gates lie away from the grid's thresholds, the fewer paths there are. Random weights; prints the
ratio of rows and of seconds for gates of growing spread.
"""

import time

import numpy as np
import torch
from transformers import BertConfig

from smartbert.model.configuration import adaptive_config, architecture
from smartbert.model.modeling import AdaptiveBert
from smartbert.trace.schema import TraceMeta
from smartbert.train.recorder import record, skip_grid

EXAMPLES, TOKENS, THRESHOLDS, REPEATS = 128, 32, 9, 3
SIZES = BertConfig(
    hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
)
CONFIG = adaptive_config(SIZES, gates="learned", exits="attention", head="attention")
META = TraceMeta(
    task="sst2",
    method="smartbert",
    seed=1,
    split="tune",
    title="SmartBERT",
    criterion="entropy",
    sweep=(),
    skip_threshold=0.5,
    architecture=architecture(CONFIG),
    data="random",
    model="random",
)


def model(spread: float) -> AdaptiveBert:
    """A MiniLM-sized model whose gates differ between examples by about `spread` in logits."""
    torch.manual_seed(0)
    built = AdaptiveBert(CONFIG)
    with torch.no_grad():
        for name, parameter in built.named_parameters():
            if "encoder" in name and parameter.ndim == 2:
                parameter.mul_(3)  # make examples differ, as trained weights do
        for gate in built.gates:
            gate.score.weight.mul_(spread)
    return built


def seconds(subject: AdaptiveBert, split: dict, grid: np.ndarray) -> tuple[float, int]:
    """Return the least of a few timings, and the number of rows recorded."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        trace = record(subject, split, grid=grid, meta=META)
        times.append(time.perf_counter() - started)
    return min(times), len(trace.example)


def main() -> None:
    """Print a line per spread."""
    rng = np.random.default_rng(0)
    split = {
        "input_ids": rng.integers(1000, 20000, (EXAMPLES, TOKENS)).tolist(),
        "token_type_ids": np.zeros((EXAMPLES, TOKENS), dtype=int).tolist(),
        "label": [0] * EXAMPLES,
        "length": [TOKENS] * EXAMPLES,
        "idx": list(range(EXAMPLES)),
        "subset": [0] * EXAMPLES,
    }
    even = np.linspace(0.1, 0.9, THRESHOLDS).astype(np.float32)
    print(f"{THRESHOLDS} thresholds and never-skip against one, {EXAMPLES} x {TOKENS} tokens")
    for spread in (1, 10, 100, 1000):
        subject = model(spread)
        one, rows_one = seconds(subject, split, np.array([0.5], dtype=np.float32))
        gates = record(subject, split, grid=np.array([0.5]), meta=META).gates
        for name, grid in (
            ("even grid", np.append(even, np.float32(np.inf))),
            ("quantiles", skip_grid(gates, quantiles=THRESHOLDS, extra=[0.5])),
        ):
            many, rows = seconds(subject, split, grid)
            print(
                f"gate spread {np.std(gates):.3f}, {name}: rows x{rows / rows_one:.2f},"
                f" seconds x{many / one:.2f}"
            )


if __name__ == "__main__":
    main()
