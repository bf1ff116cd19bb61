"""How much faster is an epoch of a second stage, on frozen layers, than one of full training?

    PYTHONPATH=. python tests/speed/stages.py

Times training steps of dense BERT, of SmartBERT's stage 1 and of the second stages of SmartBERT and
DeeBERT, on a model of MiniLM's size with random weights. Prints examples per second and the ratio
to dense training.
"""

import time

import torch
from transformers import BertConfig

from baselines.loading import load
from smartbert.methods import Optimisation, Progress
from smartbert.model.modeling import AdaptiveBert
from smartbert.train.precision import effective
from smartbert.train.stages import freeze

EXAMPLES, TOKENS, STEPS = 32, 48, 4
ONE_EPOCH = Optimisation(1, EXAMPLES, 5e-5, 0, 0.01, 1e-8, 1.0, "last")


def examples_per_second(method: str, backbone: BertConfig, batch: dict) -> float:
    """Return the pace of a method's (only) stage, optimiser included, after one step of warm-up."""
    subject = load(method)
    settings = {**subject.defaults, "soft_epochs": 0} if subject.defaults else {}
    torch.manual_seed(0)
    model = AdaptiveBert(subject.configure(backbone, settings, labels=("no", "yes"))).train()
    (stage,) = subject.stages(settings, ONE_EPOCH, layers=backbone.num_hidden_layers)
    freeze(model, stage)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=5e-5, fused=True)
    for step in range(STEPS + 1):
        if step == 1:
            started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=effective("auto") == "bf16"):
            loss = stage.objective(model, batch, Progress(1, step + 1, STEPS + 1))["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()
    return STEPS * EXAMPLES / (time.perf_counter() - started)


def main() -> None:
    """Print a line per method."""
    backbone = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    shape = (EXAMPLES, TOKENS)
    batch = {
        "input_ids": torch.randint(1000, 20000, shape),
        "attention_mask": torch.ones(shape, dtype=torch.long),
        "token_type_ids": torch.zeros(shape, dtype=torch.long),
        "labels": torch.randint(0, 2, (EXAMPLES,)),
    }
    pace = {
        name: examples_per_second(name, backbone, batch)
        for name in ("full_bert", "skip_only", "smartbert", "deebert", "pabee")
    }
    for name, value in pace.items():
        print(
            f"{name:10} {value:7.1f} examples/s, x{value / pace['full_bert']:.2f} of full training"
        )


if __name__ == "__main__":
    main()
