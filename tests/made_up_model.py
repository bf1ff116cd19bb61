"""A tiny model as publishing leaves it: random weights, a word tokenizer, made-up points."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
from conftest import DEPTH
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from smartbert.model.modeling import AdaptiveBert
from smartbert.points import (
    MAIN,
    Tuned,
    TunedMember,
    TunedSetting,
    TunedSpace,
    TuningSettings,
)
from smartbert.serve.publishing import CardFacts, publish

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "good",
    "bad",
    "film",
    "a",
    "very",
    "not",
    "plot",
    "it",
]


def setting(threshold: float, cost: float, score: float, skip: float | None = 0.5) -> TunedSetting:
    """A setting as tuning has it."""
    return TunedSetting(
        member="smartbert",
        criterion="entropy",
        skip_threshold=skip,
        thresholds=(threshold,) * (DEPTH - 1),
        tune_score=score,
        tune_cost=cost,
    )


def tuned(task: str) -> Tuned:
    """What tuning chose."""
    full = replace(setting(0, 1.04, 81.0, None), criterion="never", thresholds=())
    points = {
        "full": full,
        "b75": setting(0.4, 0.7, 80.5),
        "b50": setting(0.7, 0.45, 79.0),
        "drop1": setting(0.5, 0.6, 80.2),
    }
    missing = {"b33": "no setting within 33 %"}
    curve = (setting(0.9, 0.4, 77.0), setting(0.7, 0.45, 79.0), setting(0.4, 0.7, 80.5), full)
    return Tuned(
        task=task,
        method="smartbert",
        title="SmartBERT",
        seed=1,
        convention="flops",
        criterion="entropy",
        majority=0,
        settings=TuningSettings("nsga2", 0, (MAIN,), 4),
        members={"smartbert": TunedMember(task, 1, "weights", "data", "")},
        spaces={MAIN: TunedSpace(4, False, points, missing, curve)},
    )


FACTS = CardFacts(12, "some/bert", "nyu-mll/glue")


def made_up_model(model: AdaptiveBert, folder: Path, task: str, **facts: object) -> Path:
    """Publish a model of DEPTH layers from `run` to `published` in a folder; return the latter."""
    run = folder / "run"
    model.save_pretrained(run)
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(run)
    names = ["full", "b75", "b50", "drop1"]
    scores = pd.DataFrame({"point": names, "space": MAIN, "status": "ok"})
    scores = scores.assign(score=[80.0, 79.5, 78.0, 79.0], cost_relative=[1.04, 0.71, 0.46, 0.6])
    usage = pd.DataFrame(
        [
            {"space": MAIN, "point": name, "label": "all", "layer": layer}
            for name in names
            for layer in range(1, DEPTH + 1)
        ]
    ).assign(exit=1 / DEPTH, skipped=0.1)
    curve = pd.DataFrame({"cost": [0.41, 0.46, 0.71, 1.04], "score": [76.0, 78.0, 79.5, 80.0]})
    curve = curve.assign(space=MAIN, subset="", member="smartbert")
    out = folder / "published"
    publish(
        run, out, tuned=tuned(task), scores=scores, usage=usage, curve=curve,
        member="smartbert", facts=replace(FACTS, **facts), caption="Tiny data.",
    )  # fmt: skip
    return out
