"""Publishing: a trained run as a folder for users, with its tuned thresholds and a model card.

The folder loads with `AutoModelForSequenceClassification.from_pretrained` (after `import
smartbert.modeling`) and answers at one of its operating points. Its tokenizer cuts texts where
training cut them. The weights are linked where the file system can, so publishing costs no disk.
What `pushing` sends to the hub is this folder as it is. No torch.
"""

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from smartbert.cost import CONVENTIONS
from smartbert.errors import UserError
from smartbert.files import read_json, write_text
from smartbert.metrics import score_title
from smartbert.points import (
    BUDGETS,
    CERTIFIED,
    DEFAULT_POINTS,
    DROP,
    FULL,
    MAIN,
    MOST_DROPPED,
    MOST_HARMED,
    POINTS,
    PublishedPoint,
    Tuned,
)
from smartbert.policies import Policy
from smartbert.records import Record
from smartbert.results import CARD, CONFIG, CURVE_FIGURE, TOKENIZER, WEIGHTS
from smartbert.tasks import ALL, task

CUTTING = "CuttingTokenizer"  # of `smartbert.model.tokenizer`, by the name that the library knows
HOW_TO_LOAD = """\
## How to load

With the package `smartbert` (`pip install .` in a checkout of the SmartBERT suite), from this
folder, or by this repository's name on the hub; no code is fetched from there:

```python
import smartbert.modeling  # makes this architecture known to transformers
from transformers import pipeline

classify = pipeline("text-classification", model="path/to/this/folder")
```

It answers at {}.
Faster, and at any point or budget, from a folder (`hf download` makes one of a repository):

```sh
smartbert predict --model path/to/this/folder --budget 0.5 texts.txt
```
"""


@dataclass(frozen=True)
class CardFacts(Record):
    """What a card says of how a model was made.

    Attributes:
        max_tokens: longest input, special tokens included.
        backbone, data: as in the config; named on the card where they are public.
    """

    max_tokens: int
    backbone: str
    data: str


def publish(
    run: Path,
    out: Path,
    *,
    tuned: Tuned,
    scores: pd.DataFrame,
    usage: pd.DataFrame,
    curve: pd.DataFrame,
    member: str,
    facts: CardFacts,
    caption: str = "",
) -> None:
    """Write the folder of one trained model.

    Args:
        run: the folder that training wrote.
        tuned: what tuning chose for the method that the training belongs to.
        scores, usage, curve: `scores.csv`, `usage.csv` and `curve.csv` of the same.
        member: name of the training; points that chose another one are left out.
        facts: what the card says of how it was made.
        caption: what the data are.

    Raises:
        UserError: if the run's folder lacks a file.
    """
    missing = [n for n in (WEIGHTS, *TOKENIZER, CONFIG) if not (run / n).is_file()]
    if missing:
        raise UserError(f"{run} has no {missing[0]}; run again to train the model anew")
    from smartbert.serve.card_figure import draw_card_figure  # by matplotlib, which users lack

    config = read_json(run / CONFIG)
    if not isinstance(config, dict):
        raise UserError(f"{run / CONFIG} is no model's config; run again to train the model anew")
    points = operating_points(tuned, scores, usage, member)
    first = next((name for name in DEFAULT_POINTS if name in points), None)
    front = [s.published() for s in tuned.spaces[MAIN].curve if s.member == member]
    config |= {
        "task": tuned.task,
        "columns": list(task(tuned.task).columns),
        "max_tokens": facts.max_tokens,
        "operating_points": {name: point.to_json() for name, point in points.items()},
        "front": [setting.to_json() for setting in front],
        **_thresholds(points[first].policy if first else Policy()),
    }
    tokenizer, settings = TOKENIZER
    own = read_json(run / settings)
    if not isinstance(own, dict):
        raise UserError(f"{run / settings} is no tokenizer's; run again to train the model anew")
    own |= {"model_max_length": facts.max_tokens, "tokenizer_class": CUTTING}
    out.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, tokenizer):
        link(run / name, out / name)
    write_text(out / settings, json.dumps(own, indent=1, sort_keys=True) + "\n")
    write_text(out / CONFIG, json.dumps(config, indent=1, sort_keys=True) + "\n")
    draw_card_figure(curve_on_test(curve, member), points, task(tuned.task), out / CURVE_FIGURE)
    write_text(out / CARD, card(tuned, points, first, facts, caption))


def _thresholds(policy: Policy) -> dict[str, object]:
    """Return the keys of a model's config that say which policy it is run with."""
    found: dict[str, object] = {
        "criterion": policy.criterion,
        "skip_threshold": policy.skip_threshold,
        "exit_thresholds": list(policy.thresholds) or None,
    }
    return {**found, "parameters": list(policy.parameters)} if policy.parameters else found


def link(source: Path, target: Path) -> None:
    """Make a file appear under another name, by a hard link where the file system can."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def operating_points(
    tuned: Tuned, scores: pd.DataFrame, usage: pd.DataFrame, member: str
) -> dict[str, PublishedPoint]:
    """Return a training's operating points by name: thresholds, score and cost on tune and test,
    and for every layer the shares of test examples that exit there and that skip it.

    Those of the main space; of several test subsets, the first.
    """
    layers = usage[(usage["space"] == MAIN) & (usage["label"] == ALL)].sort_values("layer")
    own = scores[(scores["space"] == MAIN) & (scores["status"] == "ok")]
    tests = own.drop_duplicates("point").set_index("point")
    return {
        name: replace(
            setting.published(),
            test_score=float(tests["score"][name]),
            test_cost=float(tests["cost_relative"][name]),
            exits=tuple(layers.loc[layers["point"] == name, "exit"].tolist()),
            skipped=tuple(layers.loc[layers["point"] == name, "skipped"].tolist()),
        )
        for name, setting in tuned.spaces[MAIN].points.items()
        if setting.member == member and name in tests.index
    }


def curve_on_test(curve: pd.DataFrame, member: str) -> pd.DataFrame:
    """Return `cost` and `score` on test of the settings that tune chose of a training for budgets,
    by rising cost there.

    Those of the main space; of several test subsets, the first.
    """
    own = curve[(curve["space"] == MAIN) & (curve["member"] == member)]
    subsets = own["subset"].fillna("")  # the name of a task's only one is empty
    first = own[subsets == next(iter(subsets), "")]
    return first[["cost", "score"]].sort_values("cost")


def card(
    tuned: Tuned,
    points: dict[str, PublishedPoint],
    first: str | None,
    facts: CardFacts,
    caption: str,
) -> str:
    """Return a model card: the hub's metadata, then task, operating points, cost, how to load."""
    from huggingface_hub import ModelCardData

    spec = task(tuned.task)
    data = ModelCardData(
        language=None if spec.own else "en",
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["adaptive-depth", "early-exit", tuned.method],
        base_model=_public_backbone(facts),
        datasets=_public_data(facts),
    )
    rows = [
        f"| {name} | {points[name].test_score:.1f} | {points[name].test_cost:.0%} |"
        f" {points[name].tune_score:.1f} | {points[name].tune_cost:.0%} |"
        for name in POINTS
        if name in points
    ]
    fields = " and ".join(f"`{column}`" for column in spec.columns)
    lines = [
        "---",
        data.to_yaml(),
        "---",
        "",
        f"# {tuned.title} on {spec.title}, seed {tuned.seed}",
        "",
        f"An encoder whose depth adapts to each example. It reads {fields}, of at most"
        f" {facts.max_tokens} tokens, and answers {', '.join(spec.labels)}.",
        *([caption] if caption else []),
        "",
        "## Operating points",
        "",
        "| point | score on test | cost on test | score on tune | cost on tune |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"Scores are {score_title(spec, mean='means of ').lower()}, in points. Cost is"
        f" {CONVENTIONS[tuned.convention].text}. {meanings()}",
        "",
        f"![Score on test against cost, with the operating points]({CURVE_FIGURE})",
        "",
        HOW_TO_LOAD.format("full depth" if first is None else f"`{first}`"),
    ]
    return "\n".join(lines)


def meanings() -> str:
    """Return what the operating points' names mean."""
    *names, last = (f"`{name}`" for name in BUDGETS)
    lost = "one point" if MOST_DROPPED == 1 else f"{MOST_DROPPED:g} points"
    return (
        f"`{FULL}` skips no layer and takes no exit; {', '.join(names)} and {last} are the dearest"
        " within that share of dense BERT's cost that tune cannot tell from the best one there;"
        f" `{DROP}` costs least within {lost} of dense BERT on tune, with a standard error to"
        f" spare; `{CERTIFIED}` is certified on tune to harm at most {MOST_HARMED:.0%} of the"
        " examples."
    )


def _public_backbone(facts: CardFacts) -> str | None:
    """Return the backbone's name on the hub, None where it is a folder's or package's."""
    local = Path(facts.backbone).exists() or ":" in facts.backbone
    return None if local else facts.backbone


def _public_data(facts: CardFacts) -> list[str] | None:
    """Return the data's name on the hub, None where they are not from there."""
    local = Path(facts.data).exists() or "/" not in facts.data
    return None if local else [facts.data]
