"""A made-up folder of kept runs: the traces and provenance of what a config asks for."""

import copy
from dataclasses import replace
from pathlib import Path

from configs import merged
from made_up import made_up
from made_up_run import task_data

from smartbert.provenance import Origin, Provenance
from smartbert.results import TRACES, Results
from workflow.settings import entries, options, plan

NAMES = ["full_bert", "smartbert", "skip_only", "deebert"]


def config(folder: Path, **changes: object) -> dict:
    """Return a config of four entries on one task, with kept runs beside its results."""
    own = copy.deepcopy(merged("minilm"))
    own |= {"results": str(folder / "run"), "tasks": ["rte"], "seeds": {"default": [1]}}
    own |= {"compare": NAMES, "traces_from": str(folder / "kept")}
    own["ablations"]["tasks"] = []
    return set_in(own, **changes)


def set_in(config: dict, **changes: object) -> dict:
    """Return a config with values set, their keys joined by two underscores."""
    config = copy.deepcopy(config)
    for place, value in changes.items():
        *parts, last = place.split("__")
        node = config
        for part in parts:
            node = node.setdefault(part, {})
        node[last] = value
    return config


def weights(name: str) -> str:
    """Return the hash of an entry's weights."""
    return f"weights of {name}"


def provenance(config: dict, name: str, *, older: bool = False) -> Provenance:
    """Return what an entry's training was made of; an older record tells less."""
    parents = [entries.entry(config, name, key) for key in ("continues", "teacher")]
    before = [provenance(config, other) for other in parents if other]
    own = Provenance(
        task="rte",
        method=name,
        seed=1,
        settings=entries.method_settings(config, "rte", name),
        stages=(),
        data=task_data("rte").splits,
        seconds=1.0,
        commit=None,
        python="",
        versions={},
        device="cpu",
        threads=None,
        weights=weights(name),
        precision="bf16",
        backbone="backbone",
        origin=Origin(entries.registered(config, name), *parents),
        ancestors={key: value for one in before for key, value in one.line.items()},
    )
    if not older:
        return own
    settings = {**own.settings, "precision": "auto"}
    return replace(own, settings=settings, precision=None, backbone=None, origin=None, ancestors={})


def record(config: dict, name: str, results: Results, *, packed: bool) -> None:
    """Write an entry's traces, of its own weights or of those that it reads."""
    for split in TRACES:
        trace = made_up("rte", name, split=split)
        model = weights(plan.read_from(config, name) or name)
        own = replace(trace, meta=replace(trace.meta, model=model))
        (own.rounded() if packed else own).save(
            results.run("rte", name, 1).trace(split, packed=packed)
        )


def make_kept(config: dict, *, older: bool = False) -> Results:
    """Make the folder that a config's `traces_from` names."""
    kept = Results(Path(config["traces_from"]))
    data = replace(task_data("rte"), settings=options.data_settings(config, "rte"))
    data.write(kept.task("rte"))
    for name in NAMES:
        record(config, name, kept, packed=True)
        own = kept.run("rte", name, 1)
        provenance(config, name, older=older).write(own.provenance)
    return kept
