"""How long would a run take on this machine, and how much disk? Asked before it is started.

    python -m workflow.scripts.estimate                                  the full reproduction
    python -m workflow.scripts.estimate --configfile config/minilm.yaml
    python -m workflow.scripts.estimate --teraflops 99 --step 0.03       another machine

Half a minute of training steps of dense BERT with random weights at the backbone's size gives the
time of a step as a constant and a part per token; the config gives the steps of every training;
what a method's step takes relative to dense BERT's comes from the trainings behind
`results/reference`. With --teraflops nothing is measured: the steps' FLOPs are divided by it, and
--step, the least time of a step (launches, data), is added.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from smartbert.backbones import source
from smartbert.cost import CONVENTIONS, Architecture, CostModel
from smartbert.errors import UserError
from smartbert.files import read_json
from smartbert.methods import REFERENCE
from workflow import settings
from workflow.scripts.common import run

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "results" / "reference" / "minilm"
SIZES = {  # GLUE: rows of train and of the labelled test splits, mean tokens of a pair or sentence
    "cola": (8_551, 1_043, 11),
    "sst2": (67_349, 872, 13),
    "mrpc": (3_668, 408, 53),
    "qqp": (363_846, 40_430, 31),
    "mnli": (392_702, 19_647, 40),
    "qnli": (104_743, 5_463, 50),
    "rte": (2_490, 277, 67),
    "wnli": (635, 71, 37),
}
BERT_BASE = {"hidden": 768, "intermediate": 3072, "layers": 12}
VOCABULARY = 30_522
PASSES = 3  # a training step's FLOPs in forward passes: one forward, two backward
PATHS = {False: 1.0, True: 3.0}  # of a recording, in forward passes per example: gates or none
EXAMPLES = 16, 32, 128  # of a timed batch: its size, and two lengths in tokens
GIB = 2**30


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step of dense BERT: constant + per token of the batch; and of a
    forward pass per token.
    """

    step: float
    token: float
    forward: float


@dataclass(frozen=True)
class Training:
    """One training of the plan: task, entry of the config, steps, tokens in a step."""

    task: str
    entry: str
    steps: int
    tokens: float


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configfile", type=Path, nargs="*", default=[], help="as for snakemake")
    parser.add_argument("--teraflops", type=float, help="sustained in training; measures nothing")
    parser.add_argument("--step", type=float, default=0.0, help="seconds, beside --teraflops")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    args = parser.parse_args(argv)
    config = merged(args.configfile)
    sizes = backbone_sizes(config["backbone"]["path"])
    if args.teraflops:
        pace = arithmetic(sizes, args.teraflops, args.step)
    else:
        pace = measured(sizes, config["training"]["precision"])
    report(config, sizes, plan(config), pace, jobs=args.jobs)


def backbone_sizes(path: str) -> dict[str, int]:
    """Return width, inner width and depth of a backbone at hand; BERT-base's for one on the hub."""
    folder = Path(source(path))
    if not folder.is_dir():
        return BERT_BASE
    found = read_json(folder / "config.json")
    return {
        "hidden": found["hidden_size"],
        "intermediate": found["intermediate_size"],
        "layers": found["num_hidden_layers"],
    }


def merged(files: list[Path]) -> dict:
    """Return the config as Snakemake would merge it."""
    from snakemake.utils import update_config

    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    for file in files:
        update_config(config, yaml.safe_load(file.read_text()))
    settings.validate(config)
    return config


def fit_rows(config: dict, task: str) -> int:
    """Return how many examples are trained on."""
    tune = config["data"]["tune"]
    rows = SIZES[task][0]
    rows -= min(max(round(rows * tune["fraction"]), tune["min"]), tune["max"])
    return min(rows, config["data"]["max_fit"] or rows)


def plan(config: dict) -> list[Training]:
    """Return every training of a run: what is compared, the ablations, and what those continue."""
    parents = settings.parents(config)
    found = []
    for task in config["tasks"]:
        names = list(config["compare"])
        if task in config["ablations"]["tasks"]:
            names += settings.ablation_entries(config, task)
        names += [parent for name in names for parent in settings.ancestors(parents, name)]
        for name in dict.fromkeys(names):
            own = settings.method_settings(config, task, name)
            batch = own["batch_size"]
            steps = -(-fit_rows(config, task) // batch) * own["epochs"]
            if settings.registered(config, name) in settings.TRAINLESS:
                steps = 0
            one = Training(task, name, steps, batch * SIZES[task][2])
            found += [one] * len(settings.seeds(config, task))
    return found


def relative() -> dict[str, float]:
    """Return what a step of each method takes, relative to dense BERT's on the same task and the
    same hardware, as the trainings behind the kept results took.
    """
    seconds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for path in sorted(KEPT.glob("runs/*/*/seed*/provenance.json")):
        record = read_json(path)
        epochs = sum(stage["epochs"] for stage in record["stages"])
        if epochs:
            where = f"{record['device']}, {record.get('precision')}"
            seconds[record["task"], where, record["method"]].append(record["seconds"] / epochs)
    ratios = defaultdict(list)
    for (task, where, name), values in seconds.items():
        if dense := seconds.get((task, where, REFERENCE)):
            ratios[name].append(statistics.median(values) / statistics.median(dense))
    return {name: statistics.median(values) for name, values in ratios.items()}


def forward_flops(sizes: dict) -> float:
    """Return FLOPs per token of dense BERT's forward pass at 40 tokens."""
    architecture = Architecture(**sizes, classes=2, reference_layers=sizes["layers"])
    return float(CostModel(architecture, CONVENTIONS["flops"]).dense(np.array([40]))[0] / 40)


def arithmetic(sizes: dict, teraflops: float, step: float) -> Pace:
    """Return the pace of a machine that sustains so many FLOPs and needs so long for any step."""
    token = forward_flops(sizes) / (teraflops * 1e12)
    return Pace(step, PASSES * token, token)


def measured(sizes: dict, precision: str) -> Pace:
    """Return this machine's pace, from training steps of dense BERT with random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from smartbert.precision import effective, products

    device = "cuda" if torch.cuda.is_available() else "cpu"
    backbone = BertConfig(
        vocab_size=VOCABULARY, hidden_size=sizes["hidden"], num_hidden_layers=sizes["layers"],
        num_attention_heads=12, intermediate_size=sizes["intermediate"],
    )  # fmt: skip
    model = BertForSequenceClassification(backbone).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    precision = effective(precision)
    size, short, long = EXAMPLES

    def step(tokens: int, train: bool) -> float:
        batch = {
            "input_ids": torch.randint(1000, VOCABULARY, (size, tokens), device=device),
            "labels": torch.zeros(size, dtype=torch.long, device=device),
        }
        began = time.perf_counter()
        mixed = torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")
        with products(precision):
            with torch.set_grad_enabled(train), mixed:
                loss = model(**batch).loss
            if train:
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
        loss.item()  # waits for a GPU
        return time.perf_counter() - began

    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    print(f"measured on: {name}{threads}, {precision}", file=sys.stderr)
    # What else runs only adds to a time. In turn, so that a busy spell falls on all of them.
    rounds = [(step(short, True), step(long, True), step(long, False)) for _ in range(6)][1:]
    one, two, forward = map(min, zip(*rounds, strict=True))
    if two <= one:
        raise UserError(
            f"this machine is too busy to be measured: a step with {long} tokens took no longer"
            f" than one with {short}; run again when nothing else does"
        )
    token = (two - one) / (size * (long - short))
    return Pace(max(0.0, one - token * size * short), token, forward / (size * long))


def report(config: dict, sizes: dict, trainings: list[Training], pace: Pace, *, jobs: int) -> None:
    """Print hours by task and in all, and the disk that the run needs."""
    ratios = relative()
    hours: dict[str, float] = defaultdict(float)
    recording: dict[str, float] = defaultdict(float)
    for one in trainings:
        method = settings.registered(config, one.entry)
        depth = settings.method_settings(config, one.task, one.entry).get("depth", sizes["layers"])
        ratio = ratios.get(one.entry, ratios.get(method, 1.0))
        if method == "truncated_bert":
            ratio = depth / sizes["layers"]
        hours[one.task] += one.steps * (pace.step + pace.token * one.tokens) * ratio / 3600
        gated = method in ("skip_only", "smartbert", *settings.TRAINLESS)
        rows, tokens = SIZES[one.task][1:]
        rows += config["data"]["tune"]["max"]
        recording[one.task] += rows * tokens * pace.forward * PATHS[gated] / 3600
    print(f"{'task':6} {'trainings':>9} {'hours':>8} {'recording':>9}")
    for task in config["tasks"]:
        count = sum(one.task == task for one in trainings)
        print(f"{task:6} {count:9} {hours[task]:8.1f} {recording[task]:9.1f}")
    whole = sum(hours.values()) + sum(recording.values())
    print(f"in all {len(trainings)} trainings, {whole:.1f} hours", end="")
    print(f" ({whole / jobs:.1f} with {jobs} side by side)" if jobs > 1 else "")
    weights = 4 * (VOCABULARY + 512 + 12 * sizes["hidden"] * sizes["layers"]) * sizes["hidden"]
    kept = len(trainings) * weights if config["keep_models"] else 0
    # Weights and an optimizer's two moments, twice while the next checkpoint is written.
    passing = jobs * 2 * 3 * weights
    print(
        f"disk: models {kept / GIB:.0f} GiB, checkpoints under way {passing / GIB:.0f} GiB;"
        " traces and tables are a few GiB at most"
        + ("; keep_models: false leaves no models" if config["keep_models"] else "")
    )


if __name__ == "__main__":
    run(main)
