"""Publishing: a trained run as a folder for users, with its tuned thresholds and a model card.

The folder loads with `AutoModelForSequenceClassification.from_pretrained` (after `import
smartbert.modeling`) and answers at one of its operating points. The weights are linked where the
file system can, so publishing costs no disk. No torch.
"""

import json
import os
import shutil
from pathlib import Path

import pandas as pd

from smartbert.cost import CONVENTIONS
from smartbert.errors import UserError
from smartbert.files import read_json, write_text
from smartbert.points import DEFAULT_POINTS, FULL, GLOBAL, POINTS
from smartbert.policies import NEVER
from smartbert.tasks import TaskSpec, task

WEIGHTS = "model.safetensors"
COPIED = ("tokenizer.json", "tokenizer_config.json")
FULL_DEPTH = {"criterion": NEVER, "skip_threshold": None, "thresholds": []}
METRICS = {"accuracy": "accuracy", "f1": "f1", "mcc": "matthews_correlation"}


def publish(
    run: Path,
    out: Path,
    *,
    tuned: dict,
    scores: pd.DataFrame,
    usage: pd.DataFrame,
    member: str,
    record: dict,
    caption: str = "",
) -> None:
    """Write the folder of one trained model.

    Args:
        run: the folder that training wrote.
        tuned: the contents of `points.json` of the method that the training belongs to.
        scores, usage: `scores.csv` and `usage.csv` of the same.
        member: name of the training; points that chose another one are left out.
        record: `max_tokens`, `backbone` and `data` (as in the config), for the card.
        caption: what the data are.

    Raises:
        UserError: if the run's folder lacks a file.
    """
    missing = [n for n in (WEIGHTS, *COPIED, "config.json") if not (run / n).is_file()]
    if missing:
        raise UserError(f"{run} has no {missing[0]}; run again to train the model anew")
    config = read_json(run / "config.json")
    points = operating_points(tuned, scores, usage, member)
    first = next((name for name in DEFAULT_POINTS if name in points), None)
    chosen = points.get(first, FULL_DEPTH)
    config |= {
        "task": tuned["task"],
        "max_tokens": record["max_tokens"],
        "operating_points": points,
        "front": [
            own_values(setting)
            for setting in tuned["spaces"][GLOBAL]["front"]
            if setting["member"] == member
        ],
        "criterion": chosen["criterion"],
        "skip_threshold": chosen["skip_threshold"],
        "exit_thresholds": chosen["thresholds"] or None,
    }
    out.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, *COPIED):
        link(run / name, out / name)
    write_text(out / "config.json", json.dumps(config, indent=1, sort_keys=True) + "\n")
    write_text(out / "README.md", card(tuned, points, first, record, caption))


def link(source: Path, target: Path) -> None:
    """Make a file appear under another name, by a hard link where the file system can."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def operating_points(
    tuned: dict, scores: pd.DataFrame, usage: pd.DataFrame, member: str
) -> dict[str, dict]:
    """Return a training's operating points by name: thresholds, score and cost on tune and test,
    and for every layer the shares of test examples that exit there and that skip it.

    Those of the global space; of several test subsets, the first.
    """
    layers = usage[(usage["space"] == GLOBAL) & (usage["label"] == "all")].sort_values("layer")
    own = scores[(scores["space"] == GLOBAL) & (scores["status"] == "ok")]
    tests = own.drop_duplicates("point").set_index("point")
    return {
        name: {
            **own_values(setting),
            "test_score": float(tests.loc[name, "score"]),
            "test_cost": float(tests.loc[name, "cost_relative"]),
            "exits": layers.loc[layers["point"] == name, "exit"].tolist(),
            "skipped": layers.loc[layers["point"] == name, "skipped"].tolist(),
        }
        for name, setting in tuned["spaces"][GLOBAL]["points"].items()
        if setting.get("member") == member and name in tests.index
    }


def own_values(setting: dict) -> dict:
    """Return a tuned setting's values without the training that it chose."""
    return {key: value for key, value in setting.items() if key != "member"}


def card(
    tuned: dict, points: dict[str, dict], first: str | None, record: dict, caption: str
) -> str:
    """Return a model card: the hub's metadata, then task, operating points, cost, how to load."""
    from huggingface_hub import ModelCardData

    spec = task(tuned["task"])
    data = ModelCardData(
        language="en",
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["adaptive-depth", "early-exit", tuned["method"]],
        **_metadata(record),
    )
    rows = [
        f"| {name} | {points[name]['test_score']:.1f} |"
        f" {points[name]['test_cost']:.0%} | {points[name]['tune_score']:.1f} |"
        f" {points[name]['tune_cost']:.0%} |"
        for name in POINTS
        if name in points
    ]
    fields = " and ".join(f"`{column}`" for column in spec.columns)
    lines = [
        "---",
        data.to_yaml(),
        "---",
        "",
        f"# {tuned['title']} on {spec.title}, seed {tuned['seed']}",
        "",
        f"A BERT whose depth adapts to each example. It reads {fields}, of at most"
        f" {record['max_tokens']} tokens, and answers {', '.join(spec.labels)}.",
        *([caption] if caption else []),
        "",
        "## Operating points",
        "",
        "| point | score on test | cost on test | score on tune | cost on tune |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"Scores are {_score(spec)}, in points. Cost is {CONVENTIONS[tuned['convention']].text}."
        f" `{FULL}` skips no layer and takes no exit; `b75`, `b50` and `b33` have the best score on"
        " tune within that share of dense BERT's cost; `drop1` costs least within one point of"
        " dense BERT on tune.",
        "",
        "## How to load",
        "",
        "```python",
        "import smartbert.modeling  # makes this architecture known to transformers",
        "from transformers import pipeline",
        "",
        'classify = pipeline("text-classification", model="path/to/this/folder")',
        "```",
        "",
        "It answers at full depth." if first is None else f"It answers at `{first}`.",
        "Faster, and at any point or budget:",
        "",
        "```sh",
        "python -m smartbert predict --model path/to/this/folder --budget 0.5 texts.txt",
        "```",
        "",
    ]
    return "\n".join(lines)


def _metadata(record: dict) -> dict:
    """Return what the hub's metadata say of backbone and data, where both are public."""
    found = {}
    if not Path(record["backbone"]).exists() and ":" not in record["backbone"]:
        found["base_model"] = record["backbone"]
    if not Path(record["data"]).exists() and "/" in record["data"]:
        found["datasets"] = [record["data"]]
    return found


def _score(spec: TaskSpec) -> str:
    names = [METRICS[metric].replace("_", " ") for metric in spec.score]
    return names[0] if len(names) == 1 else "means of " + " and ".join(names)
