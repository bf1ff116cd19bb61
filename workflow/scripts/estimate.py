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
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from baselines.registry import METHODS
from smartbert.data.backbones import source
from smartbert.encoders.record import encoder
from smartbert.errors import UserError
from smartbert.files import read_json
from smartbert.manifest import REFERENCE
from smartbert.provenance import Provenance
from smartbert.results import CONFIG, SPLITS, Results
from smartbert.tasks import TASKS, Sizes, TaskData, adopt
from smartbert.train.pace import VOCABULARY, Pace, arithmetic, measured
from workflow.scripts.common import run
from workflow.settings.entries import by_task, entry, method_settings, registered
from workflow.settings.files import ROOT, merged
from workflow.settings.kept import Kept, decide
from workflow.settings.plan import frozen_pass

KEPT = Results(ROOT / "results" / "reference" / "minilm")
BERT_BASE = {"hidden": 768, "intermediate": 3072, "layers": 12}
GATED = ("skip_only", "smartbert", "random_skip", "constant_skip")  # recorded on several paths
TRUNCATED = {"truncated_bert": 0.0, "truncated_distilled": 1 / 3}  # and what the teacher takes
HELD = 0.04  # of a dense step: one of heads from held states (tests/speed/training.py --heads)
PATHS = {False: 1.0, True: 3.0}  # of a recording, in forward passes per example: gates or none
GIB = 2**30


@dataclass(frozen=True)
class Training:
    """One training of the plan: task, entry of the config, steps, tokens in a step.

    Attributes:
        recorded: whether its traces are recorded.
        holds: examples whose frozen states are held for it and for those that share them; None
            where its layers run in every step.
    """

    task: str
    entry: str
    steps: int
    tokens: float
    recorded: bool
    holds: int | None = None


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
    for name in config["own_tasks"]:
        measure_own(config, name)
    kept = decide(config)
    if kept.folder:
        print(kept.told())
    sizes = backbone_sizes(config["backbone"]["path"])
    if args.teraflops:
        pace = arithmetic(sizes, args.teraflops, args.step)
    else:
        threads = config["resources"]["threads"]
        pace = measured(sizes, config["training"]["precision"], threads=threads)
    trainings = plan(config, kept, layers=sizes["layers"], width=sizes["hidden"])
    report(config, sizes, trainings, pace, jobs=args.jobs)


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


def measure_own(config: dict, name: str) -> None:
    """Complete the record of a config's own task with how large it is, where its data are made."""
    path = Results(Path(config["results"])).task(name)
    if path.exists():
        splits = TaskData.read(path).splits
        fit, tune, test = (splits[split] for split in SPLITS)
        sizes = Sizes(fit.rows + tune.rows, test.rows, round(fit.tokens))
        adopt(replace(TASKS[name], sizes=sizes))


def sizes_of(name: str) -> Sizes:
    """Return how large a task is.

    Raises:
        UserError: if its record does not say.
    """
    sizes = TASKS[name].sizes
    if sizes is None and TASKS[name].own:
        raise UserError(
            f"how large task {name!r} is, is known once its data are made: call snakemake with the"
            f" target <results>/data/{name}/task.json first"
        )
    if sizes is None:
        raise UserError(
            f"the record of task {name!r} does not say how large it is; set its `sizes`"
        )
    return sizes


def tune_rows(config: dict, name: str) -> int:
    """Return how many examples thresholds are chosen on."""
    tune = config["data"]["tune"]
    found: int = min(max(round(sizes_of(name).train * tune["fraction"]), tune["min"]), tune["max"])
    return found


def fit_rows(config: dict, name: str) -> int:
    """Return how many examples are trained on."""
    rows = sizes_of(name).train - tune_rows(config, name)
    most = by_task(config["data"]["max_fit"], name)
    return min(rows, most) if isinstance(most, int) else rows


def test_rows(config: dict, name: str) -> int:
    """Return how many examples are tested on, in all subsets."""
    rows = sizes_of(name).test
    most = by_task(config["data"]["max_test"], name)
    return min(rows, most * len(TASKS[name].test)) if isinstance(most, int) else rows


def plan(config: dict, kept: Kept, *, layers: int, width: int) -> list[Training]:
    """Return every training of a run: what is compared, the ablations, and what those come of,
    without what is kept.

    Args:
        layers, width: of the backbone, which the disk for held states depends on.
    """
    found, held = [], set()
    for key in kept.trained:
        task, name, seed = key
        own = method_settings(config, task, name)
        batch = own["batch_size"]
        steps = -(-fit_rows(config, task) // batch) * own["epochs"]
        if not trains(config, name):
            steps = 0
        tokens = batch * sizes_of(task).tokens
        holds = None
        size = 2 * layers * width * sizes_of(task).tokens * fit_rows(config, task)
        gating = frozen_pass(config, task, name)
        if gating and size <= 1e9 * config["resources"]["states_gb"]:
            states = (task, entry(config, name, "continues"), gating, seed)
            holds = 0 if states in held else fit_rows(config, task)
            held.add(states)
        recorded = key not in kept.taken
        found.append(Training(task, name, steps, tokens, recorded=recorded, holds=holds))
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


def report(config: dict, sizes: dict, trainings: list[Training], pace: Pace, *, jobs: int) -> None:
    """Print hours by task and in all, and the disk that the run needs."""
    ratios = relative()
    hours: dict[str, float] = defaultdict(float)
    recording: dict[str, float] = defaultdict(float)
    for one in trainings:
        method = registered(config, one.entry)
        depth = method_settings(config, one.task, one.entry).get("depth", sizes["layers"])
        ratio = ratios.get(one.entry, ratios.get(method, 1.0))
        if method in TRUNCATED:
            ratio = depth / sizes["layers"] + TRUNCATED[method]
        if one.holds is not None:
            ratio = HELD
            hours[one.task] += one.holds * sizes_of(one.task).tokens * pace.forward / 3600
        hours[one.task] += one.steps * (pace.step + pace.token * one.tokens) * ratio / 3600
        gated = method in GATED
        if not one.recorded:
            continue
        rows = test_rows(config, one.task) + tune_rows(config, one.task)
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
    # Weights, an optimizer's two moments and the best epoch's weights, twice while the next
    # checkpoint is written.
    passing = jobs * 2 * 4 * weights
    print(
        f"disk: models {kept / GIB:.0f} GiB, checkpoints under way {passing / GIB:.0f} GiB;"
        " traces and tables are a few GiB at most"
        + ("; keep_models: false leaves no models" if config["keep_models"] else "")
    )


if __name__ == "__main__":
    run(main)
