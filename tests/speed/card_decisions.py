"""Does a card decide as a CPU does? Decisions taken on the device beside those of one look from the
host after every layer.

Random weights, made so that gates and exits tell examples apart as those of tests/conftest.py do;
thresholds at which about equally many examples leave after every layer, and three layers of ten
are skipped.
"""

import copy
import gc
import math
import time

import numpy as np
import torch
from speed.card_setting import Report, Setting, Size, columns_like_mrpc
from transformers import BertConfig

from smartbert.model.configuration import adaptive_config
from smartbert.model.modeling import AdaptiveBert
from smartbert.policies import Decisions, Policy, exit_signals
from smartbert.serve.engine import DTYPES, Engine, Example
from smartbert.train.recorder import own_path

BATCH = 125
LOOKED_AT = 64  # examples that thresholds are taken from
SKIPPED = 0.3
SHARE = 0.6  # of the time, the CPU's
TINY, FACTORS = 32, {"gates.": 6, "exits.": 4, "head.": 4, "encoder.": 5}  # at a width of 32


def bert(size: Size) -> BertConfig:
    """Return the config of a BERT of some size."""
    return BertConfig(
        hidden_size=size.hidden, intermediate_size=size.inner, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, vocab_size=size.words,
    )  # fmt: skip


def decisive(size: Size) -> AdaptiveBert:
    """Return a model whose gates and exits tell examples apart: random weights, as much larger than
    new ones as a width of 32 takes; a map of more inputs adds up more by itself.
    """
    torch.manual_seed(0)
    heads = {"gates": "learned", "exits": "attention", "head": "attention"}
    config = adaptive_config(bert(size), skip_threshold=2.0, small_width=128, **heads)
    model = AdaptiveBert(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            part = next((part for part in FACTORS if name.startswith(part)), None)
            if part and parameter.ndim == 2 and "embeddings" not in name:
                wide = parameter.shape[1] >= size.hidden
                parameter.mul_(FACTORS[part] * (math.sqrt(TINY / size.hidden) if wide else 1))
    return model.eval()


def rules(model: AdaptiveBert, split: dict[str, list]) -> dict[tuple[str, bool], Policy]:
    """Return policies by rule and whether layers are skipped, with thresholds from a split."""
    depth = model.config.num_hidden_layers
    seen = own_path(model, split)
    entropies = exit_signals("entropy", seen.exit_logits, seen.executed)
    thresholds = tuple(
        float(np.quantile(entropies[:, index], 1 / (depth - index))) for index in range(depth - 1)
    )
    skip = float(np.quantile(seen.gates, 1 - SKIPPED))
    found = {}
    for skipping in (False, True):
        threshold = skip if skipping else None
        found["entropy", skipping] = Policy("entropy", thresholds, threshold)
        own = Policy.uniform("patience", depth // 3, depth=depth, skip_threshold=threshold)
        found["patience", skipping] = own
    return found


def joined(parts: list[Decisions]) -> Decisions:
    """Return the decisions on several batches as one."""
    names = ("logits", "exit_layer", "exited", "executed")
    return Decisions(*(np.concatenate([getattr(one, name) for one in parts]) for name in names))


def compared(host: Decisions, device: Decisions) -> dict[str, object]:
    """Return how far two decide alike.

    Returns:
        layers that ran, and shares of examples that left early and of layers that were skipped, on
        the host; examples that differ in the layer they leave after or in those that ran, and
        their share; the largest distance of a logit among the others.
    """
    same = (host.exit_layer == device.exit_layer) & (host.exited == device.exited)
    same &= (host.executed == device.executed).all(-1)
    apart = np.abs(host.logits - device.logits)[same]
    return {
        "examples": len(same),
        "layers": host.layers.mean(),
        "early": host.exited.mean(),
        "skipped": 1 - host.layers.sum() / host.exit_layer.sum(),
        "differ": int((~same).sum()),
        "share": (~same).mean(),
        "apart": apart.max() if len(apart) else None,
    }


def decisions(setting: Setting, report: Report, end: float) -> None:
    """Compare the device's decisions with those of the CPU's host engine in float32.

    Args:
        end: of `time.monotonic`; the CPU takes as many examples as its share of the time allows.

    Raises:
        TimeoutError: if it allows none.
    """
    size = setting.size
    split = columns_like_mrpc(size.examples, size.words, np.random.default_rng(0))
    model = decisive(size)
    policies = rules(model, {name: values[:LOOKED_AT] for name, values in split.items()})
    texts = zip(split["input_ids"], split["token_type_ids"], strict=True)
    examples = [Example(ids, types) for ids, types in texts]
    engines = {rule: Engine(model, policy, decide="host") for rule, policy in policies.items()}
    host: dict[tuple[str, bool], list[Decisions]] = {rule: [] for rule in policies}
    began = time.monotonic()
    batches = [examples[start : start + BATCH] for start in range(0, len(examples), BATCH)]
    for number, batch in enumerate(batches):
        if time.monotonic() > began + SHARE * (end - began):
            batches = batches[:number]
            break
        for rule, engine in engines.items():
            host[rule].append(engine.run(batch))
        done = min((number + 1) * BATCH, size.examples)
        report.say(f"decisions: the CPU has taken {done} of {size.examples}")
    if not batches:
        raise TimeoutError("no time for a batch on the CPU")
    taken = [example for batch in batches for example in batch]
    there = copy.deepcopy(model).to(setting.device)
    for (rule, skipping), policy in policies.items():
        expected = joined(host[rule, skipping])
        for dtype in DTYPES:
            engine = Engine(there, policy, dtype=dtype, decide="device")
            found = {"batches": joined([engine.run(batch) for batch in batches])}
            answers = list(engine.stream(taken, batch_size=BATCH))
            names = ("logits", "exit_layer", "exited", "executed")
            stacked = (np.array([getattr(answer, name) for answer in answers]) for name in names)
            found["stream"] = Decisions(*stacked)
            # An engine and what decides for it hold each other, and all that was captured.
            del engine
            gc.collect()
            for way, decided in found.items():
                told = {"dtype": dtype, "rule": rule, "skipping": skipping, "way": way}
                report.row(**told, **compared(expected, decided))
        report.say(f"decisions: {rule}{', skipping' if skipping else ''} is compared")
