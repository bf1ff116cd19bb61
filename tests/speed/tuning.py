"""How long do 1,000 trials of tuning take, how long choosing among them in 1,000 draws of tune,
and how many times dearer would running the model be?

    PYTHONPATH=. python tests/speed/tuning.py

A made-up trace of 10,000 examples and 12 layers with gates and exits at BERT-base sizes; processor
seconds of one core. The model's side is dense BERT-base with random weights on a few batches of 37
tokens, which is what one trial would cost at least if each ran the model.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

import numpy as np

from smartbert.cost import Architecture
from smartbert.points import SPACES, Setting
from smartbert.policies import Policy
from smartbert.trace.schema import TraceMeta
from smartbert.trace.trace import Trace
from smartbert.tune.choice import Candidates
from smartbert.tune.member import Member
from smartbert.tune.study import tune_method

EXAMPLES, DEPTH, CLASSES, TRIALS, TOKENS, BATCH = 10_000, 12, 2, 1000, 37, 32
DRAWS = 1000


def trace() -> Trace:
    """Return a made-up trace: one path per example, skipping a fifth of the layers."""
    rng = np.random.default_rng(0)
    executed = rng.random((EXAMPLES, DEPTH)) < 0.8
    growth = np.arange(1, DEPTH)[None, :, None] * 0.5
    logits = rng.normal(size=(EXAMPLES, DEPTH - 1, CLASSES)) * growth
    sizes = {"hidden": 768, "intermediate": 3072, "layers": DEPTH, "reference_layers": DEPTH}
    heads = {"exits": "attention", "head": "attention", "gates": True}
    architecture = Architecture(**sizes, classes=CLASSES, **heads)
    return Trace(
        labels=rng.integers(0, CLASSES, EXAMPLES),
        lengths=rng.integers(8, 80, EXAMPLES),
        index=np.arange(EXAMPLES),
        subset=np.zeros(EXAMPLES, dtype=np.int64),
        grid=np.array([0.5, np.inf], dtype=np.float32),
        example=np.arange(EXAMPLES),
        low=np.zeros(EXAMPLES, dtype=np.int64),
        high=np.full(EXAMPLES, 2),
        gates=rng.random((EXAMPLES, DEPTH)).astype(np.float32),
        executed=executed,
        exit_logits=np.where(executed[:, :-1, None], logits, np.nan).astype(np.float32),
        final_logits=rng.normal(size=(EXAMPLES, CLASSES)).astype(np.float32),
        meta=TraceMeta(
            task="sst2",
            method="smartbert",
            seed=1,
            split="tune",
            title="SmartBERT",
            criterion="entropy",
            sweep=(),
            skip_threshold=0.5,
            architecture=architecture,
            data="random",
            model="random",
        ),
    )


def one_replay(own: Trace) -> float:
    """Return processor seconds of one trial's replay, score and cost."""
    member = Member(own, "flops")
    policy = Policy.uniform("entropy", 0.3, depth=DEPTH, skip_threshold=0.5)
    member.measure(policy)
    started = time.process_time()
    for _ in range(100):
        member.measure(policy)
    return (time.process_time() - started) / 100


def choosing_again(own: Trace, tried: list[Setting]) -> float:
    """Return processor seconds of measuring settings and choosing again in every draw."""
    shares = np.full(EXAMPLES, 1 / EXAMPLES)
    weights = np.random.default_rng(0).multinomial(EXAMPLES, shares, size=DRAWS)
    started = time.process_time()
    given = Candidates({"smartbert": own}, tried, space=SPACES[-1], dense=own, convention="flops")
    given.choose(weights.astype(np.float32))
    return time.process_time() - started


def one_model_run() -> float:
    """Return the seconds that dense BERT-base takes for as many examples, bf16 where it pays."""
    import torch
    from transformers import BertConfig, BertModel

    from smartbert.train.precision import effective

    torch.set_num_threads(1)
    model = BertModel(BertConfig()).eval()
    ids = torch.randint(1000, 2000, (BATCH, TOKENS))
    bf16 = effective("auto") == "bf16"
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        model(ids)
        started = time.process_time()
        for _ in range(3):
            model(ids)
    return (time.process_time() - started) / 3 * EXAMPLES / BATCH


def main() -> None:
    """Print seconds per study and its choices, milliseconds per replay, and the model's ratio."""
    own = trace()
    replay = one_replay(own)
    print(f"one replay of {EXAMPLES} examples x {DEPTH} layers: {1000 * replay:.2f} ms")
    for sampler in ("nsga2", "tpe"):
        for space in SPACES:
            started = time.process_time()
            _, rows = tune_method(
                {"smartbert": own},
                convention="flops",
                spaces=[space],
                trials=TRIALS,
                sampler=sampler,
                seed=0,
                dense=own,
            )
            spent = time.process_time() - started
            print(f"{TRIALS} trials, {sampler}, {space}: {spent:.1f} s, Optuna included")
    tried = list(dict.fromkeys(Setting(row["member"], Policy.of_columns(row)) for row in rows))
    spent = choosing_again(own, tried)
    print(f"choosing among {len(tried)} settings in {DRAWS} draws: {spent:.1f} s")
    model = one_model_run()
    print(
        f"running dense BERT-base instead: {model:.0f} s a trial, {model / replay:,.0f} times more"
    )


if __name__ == "__main__":
    main()
