"""A whole made-up run: two tasks, two seeds, all methods, from traces to claims. It is made by the
workflow's own scripts and what they call; nothing trains.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from made_up import METHODS, made_up

from baselines.registry import METHODS as RECORDS
from smartbert.analysis.evidence import Evidence
from smartbert.analysis.tables import concat
from smartbert.manifest import Manifest, ShownMethod
from smartbert.report.writing import (
    Sources,
    write_claims,
    write_statistics,
    write_tables,
)
from smartbert.results import ABLATION_PARTS, RUN_TABLES, STATISTICS, TRACES, Results
from smartbert.tasks import TASKS as RECORDED
from smartbert.tasks import SplitRecord, TaskData
from workflow.scripts import evaluate, tune

MEMBERS = {m: (m,) for m in METHODS} | {"truncated_bert": ("truncated_bert_2", "truncated_bert_4")}
FAMILY = dict.fromkeys(("smartbert", "deebert", "pabee"), "released")
SEEDS = (1, 2)
TASKS = ("rte", "mnli")
SPACES = ("published", "global", "per_layer")
MANIFEST = Manifest(
    tasks={t: RECORDED[t] for t in TASKS},
    seeds={t: SEEDS for t in TASKS},
    methods={
        name: ShownMethod(
            members,
            None,
            RECORDS[name].role,
            RECORDS[name].look,
            FAMILY.get(name),
            RECORDS[name].beside,
        )
        for name, members in MEMBERS.items()
    },
    spaces=SPACES,
    trainings=None,
    ablated=(),
)
TUNING = {"trials": 40, "sampler": "nsga2", "seed": 0, "spaces": list(SPACES), "storage": None}
DRAWS = {"draws": 200, "seed": 0}


def alone(*tasks: str) -> Manifest:
    """Return the manifest of some tasks."""
    own = {t: SEEDS for t in tasks}
    return replace(MANIFEST, tasks={t: RECORDED[t] for t in tasks}, seeds=own)


def task_data(task: str, **hashes: str) -> TaskData:
    """Return a task's record of data whose splits have the hashes of the made-up traces."""
    found = {split: f"data of {task} {split}" for split in ("fit", "tune", "test")} | hashes
    splits = {name: SplitRecord(120, (60, 60), 33.0, 0, value) for name, value in found.items()}
    subsets = tuple(name for name, _ in RECORDED[task].test)
    return TaskData(task, {}, splits, subsets)


def record(folder: Path, task: str, member: str, seed: int, **changes: int) -> None:
    depth = int(member[-1]) if member[-1].isdigit() else 6
    own = Results(folder).run(task, member, seed)
    for split in ("tune", "test"):
        trace = made_up(task, member, seed=seed, split=split, depth=depth, **changes)
        trace.save(own.trace(split))


def traces(folder: Path, task: str, members: Sequence[str], seed: int, split: str) -> list[Path]:
    return [Results(folder).run(task, member, seed).trace(split) for member in members]


def tune_words(folder: Path, task: str, method: str, seed: int) -> list[str]:
    members, results = MEMBERS[method], Results(folder)
    own = results.run(task, method, seed)
    labels = [f"{m[-1]} layers" if len(members) > 1 else "" for m in members]
    dense = traces(folder, task, ["full_bert"], seed, "tune")
    return [
        *("--method", method, "--seed", str(seed), "--run", "made-up"),
        *("--members", *members, "--labels", *labels),
        *("--traces", *map(str, traces(folder, task, members, seed, "tune"))),
        *("--dense", *map(str, dense), "--data", str(results.task(task))),
        *("--convention", "flops", "--settings", json.dumps(TUNING)),
        *("--points", str(own.points), "--trials", str(own.trials)),
    ]


def made_files(folder: Path, task: str) -> tuple[list[Path], list[Path], list[Path]]:
    """Return a task's points.json files, what was tried for each, and traces, in the order of the
    methods.
    """
    keys = [(method, seed) for method in MEMBERS for seed in SEEDS]
    recorded = [
        path
        for split in TRACES
        for m, seed in keys
        for path in traces(folder, task, MEMBERS[m], seed, split)
    ]
    runs = [Results(folder).run(task, *key) for key in keys]
    return [run.points for run in runs], [run.trials for run in runs], recorded


def compared(folder: Path, task: str) -> None:
    """Write the statistics of a task."""
    out = Results(folder).statistics(task, "points").parent
    write_statistics(RECORDED[task], *made_files(folder, task), **DRAWS, out=out)


def sources(folder: Path, manifest: Manifest = MANIFEST) -> Sources:
    """Return the files of a run that is whole."""
    results = Results(folder)
    names = (*RUN_TABLES, "trials")
    return Sources(
        runs=[results.run(*key).table(name) for name in names for key in manifest.runs],
        statistics=[results.statistics(t, name) for t in manifest.tasks for name in STATISTICS],
        ablations=[
            results.ablation_part(t, name) for t in manifest.ablated for name in ABLATION_PARTS
        ],
    )


def make_run(folder: Path) -> Path:
    """Make the run in a folder."""
    for task in TASKS:
        results = Results(folder)
        task_data(task).write(results.task(task))
        for seed in SEEDS:
            for members in MEMBERS.values():
                for member in members:
                    record(folder, task, member, seed)
            for method, members in MEMBERS.items():
                own = results.run(task, method, seed)
                tune.main(tune_words(folder, task, method, seed))
                test = map(str, traces(folder, task, members, seed, "test"))
                words = ["--data", str(results.task(task)), "--points", str(own.points)]
                evaluate.main([*words, "--traces", *test, "--out", str(own.folder)])
        compared(folder, task)
    write_tables(sources(folder), MANIFEST, caption="Made up.", out=Results(folder))
    write_claims(sources(folder), MANIFEST, caption="Made up.", out=Results(folder))
    return folder


def statistics(run: Path, name: str) -> pd.DataFrame:
    """Return a table of the comparisons of all tasks."""
    return concat(pd.read_csv(Results(run).statistics(t, name)) for t in TASKS)


def evidence(run: Path) -> Evidence:
    """Return what the claims of the run are read from."""
    points = statistics(run, "points")
    return Evidence(
        points=points,
        differences=statistics(run, "differences"),
        draws=statistics(run, "draws"),
        gates=pd.read_csv(Results(run).table("gates")),
        methods=MANIFEST.methods,
        titles=dict(zip(points["method"], points["title"], strict=True)),
    )
