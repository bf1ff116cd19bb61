"""How long would a run take on this machine, and how much disk? Asked before it is started.

    python -m workflow.scripts.estimate                                  the full reproduction
    python -m workflow.scripts.estimate --configfile config/minilm.yaml
    python -m workflow.scripts.estimate --teraflops 99 --step 0.03       another machine
    python -m workflow.scripts.estimate --traces-from FOLDER             what is not kept there

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
from snakemake.utils import update_config

from baselines.registry import METHODS
from smartbert.cost import CONVENTIONS, Architecture, CostModel
from smartbert.data.backbones import source
from smartbert.encoders.record import encoder
from smartbert.errors import UserError
from smartbert.files import read_json
from smartbert.manifest import REFERENCE
from smartbert.provenance import Provenance
from smartbert.results import CONFIG, Results
from smartbert.tasks import TASKS, Sizes
from workflow.scripts.common import run
from workflow.settings.entries import (
    by_task,
    method_settings,
    registered,
)
from workflow.settings.kept import Kept, decide
from workflow.settings.options import complete
from workflow.settings.validation import validate

ROOT = Path(__file__).parents[2]
KEPT = Results(ROOT / "results" / "reference" / "minilm")
BERT_BASE = {"hidden": 768, "intermediate": 3072, "layers": 12}
VOCABULARY = 30_522
GATED = ("skip_only", "smartbert", "random_skip", "constant_skip")  # recorded on several paths
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
    """One training of the plan: task, entry of the config, steps, tokens in a step; and whether
    its traces are recorded.
    """

    task: str
    entry: str
    steps: int
    tokens: float
    recorded: bool


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configfile", type=Path, nargs="*", default=[], help="as for snakemake")
    parser.add_argument("--traces-from", help="folder of kept runs, as `traces_from` names it")
    parser.add_argument("--teraflops", type=float, help="sustained in training; measures nothing")
    parser.add_argument("--step", type=float, default=0.0, help="seconds, beside --teraflops")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    args = parser.parse_args(argv)
    config = merged(args.configfile, args.traces_from)
    kept = decide(config)
    if kept.folder:
        print(kept.told())
    sizes = backbone_sizes(config["backbone"]["path"])
    if args.teraflops:
        pace = arithmetic(sizes, args.teraflops, args.step)
    else:
        pace = measured(sizes, config["training"]["precision"])
    report(config, sizes, plan(config, kept), pace, jobs=args.jobs)


def backbone_sizes(path: str) -> dict[str, int]:
    """Return width, inner width and depth of a backbone at hand; BERT-base's for one on the hub."""
    folder = Path(source(path))
    if not folder.is_dir():
        return BERT_BASE
    found = read_json(folder / CONFIG)
    assert isinstance(found, dict)  # a model's config is an object
    found = encoder(found.get("model_type", "bert"), setting="`backbone.path`").ours(found)
    return {
        "hidden": found["hidden_size"],
        "intermediate": found["intermediate_size"],
        "layers": found["num_hidden_layers"],
    }


def merged(files: list[Path], traces_from: str | None = None) -> dict:
    """Return the config as Snakemake would merge it."""
    config = complete({}, ROOT / "config" / "config.yaml")
    for file in files:
        update_config(config, yaml.safe_load(file.read_text()))
    if traces_from is not None:
        config["traces_from"] = traces_from
    validate(config)
    return config


def sizes_of(name: str) -> Sizes:
    """Return how large a task is.

    Raises:
        UserError: if its record does not say.
    """
    sizes = TASKS[name].sizes
    if sizes is None:
        raise UserError(
            f"the record of task {name!r} does not say how large it is; set its `sizes`"
        )
    return sizes


def fit_rows(config: dict, name: str) -> int:
    """Return how many examples are trained on."""
    tune = config["data"]["tune"]
    rows = sizes_of(name).train
    rows -= min(max(round(rows * tune["fraction"]), tune["min"]), tune["max"])
    most = by_task(config["data"]["max_fit"], name)
    return min(rows, most) if isinstance(most, int) else rows


def test_rows(config: dict, name: str) -> int:
    """Return how many examples are tested on, in all subsets."""
    rows = sizes_of(name).test
    most = by_task(config["data"]["max_test"], name)
    return min(rows, most * len(TASKS[name].test)) if isinstance(most, int) else rows


def plan(config: dict, kept: Kept) -> list[Training]:
    """Return every training of a run: what is compared, the ablations, and what those come of,
    without what is kept.
    """
    found = []
    for key in kept.trained:
        task, name, _ = key
        own = method_settings(config, task, name)
        batch = own["batch_size"]
        steps = -(-fit_rows(config, task) // batch) * own["epochs"]
        if not trains(config, name):
            steps = 0
        tokens = batch * sizes_of(task).tokens
        found.append(Training(task, name, steps, tokens, recorded=key not in kept.taken))
    return found


def trains(config: dict, name: str) -> bool:
    """Return whether an entry has stages of its own."""
    record = METHODS.get(registered(config, name))
    return record is None or record.trains


def relative() -> dict[str, float]:
    """Return what a step of each method takes, relative to dense BERT's on the same task and the
    same hardware, as the trainings behind the kept results took.
    """
    seconds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for own in KEPT.every_run().values():
        if not own.provenance.exists():
            continue
        record = Provenance.read(own.provenance)
        if epochs := sum(stage.epochs for stage in record.stages):
            where = f"{record.device}, {record.precision}"
            seconds[record.task, where, record.method].append(record.seconds / epochs)
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

    from smartbert.train.precision import effective, products

    device = "cuda" if torch.cuda.is_available() else "cpu"
    backbone = BertConfig(
        vocab_size=VOCABULARY, hidden_size=sizes["hidden"], num_hidden_layers=sizes["layers"],
        num_attention_heads=12, intermediate_size=sizes["intermediate"],
    )  # fmt: skip
    model = BertForSequenceClassification(backbone)
    model.to(device=device)  # type: ignore[call-arg]  # the library's wrapper hides its types
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
        method = registered(config, one.entry)
        depth = method_settings(config, one.task, one.entry).get("depth", sizes["layers"])
        ratio = ratios.get(one.entry, ratios.get(method, 1.0))
        if method == "truncated_bert":
            ratio = depth / sizes["layers"]
        hours[one.task] += one.steps * (pace.step + pace.token * one.tokens) * ratio / 3600
        gated = method in GATED
        if not one.recorded:
            continue
        rows = test_rows(config, one.task) + config["data"]["tune"]["max"]
        recording[one.task] += rows * sizes_of(one.task).tokens * pace.forward * PATHS[gated] / 3600
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
