"""Train a method on a task with a seed: all its stages, from the backbone or from the model it
continues.

A killed training resumes from its last checkpoint in `<out>/checkpoints`, which is removed at the
end. Checkpoints of other settings, data, code or weights to start from are removed at the
beginning: an optimiser's state brings its old learning rate along.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

from smartbert.devices import take_one
from smartbert.files import PARTIAL, read_json, unwritable, whole_folder, write_text
from workflow.scripts.common import offline, read_columns, run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--method", required=True)
    parser.add_argument("--name", required=True, help="the config's name for it")
    parser.add_argument("--source", help="Python file of a method that is not registered")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of all settings")
    parser.add_argument("--data", type=Path, required=True, help="folder with fit and tune")
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--parent", type=Path, help="model folder that this method continues")
    parser.add_argument("--code", default="", help="digest of the code, of a resumed run's too")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    args = parser.parse_args(argv)
    take_one()
    offline()

    import pandas as pd
    from transformers import AutoTokenizer

    from baselines import load
    from smartbert.methods import Start
    from smartbert.precision import effective
    from smartbert.provenance import describe, of_model, sha256
    from smartbert.tasks import task
    from smartbert.training import build, stage_record, train_stage

    started = time.monotonic()
    parent = of_model(args.parent)["weights"] if args.parent else None  # refuses damaged weights
    data = read_json(args.data / "task.json")["splits"]
    spec, method = task(args.task), load(args.method, args.source)
    own, optimisation = method.split(args.settings)
    fit, tune = (read_columns(args.data / f"{name}.parquet") for name in ("fit", "tune"))
    start = Start(args.backbone, args.parent, tune)
    model = build(method, own, start, task=spec, seed=args.seed)
    stages = method.stages(own, optimisation, layers=model.config.num_hidden_layers)
    tokenizer = AutoTokenizer.from_pretrained(args.backbone)
    work, history = args.out / "checkpoints", []
    precision = effective(args.settings["precision"])  # on this hardware
    made_of = {
        "settings": args.settings,
        "data": {name: data[name]["sha256"] for name in ("fit", "tune")},
        "from": parent or sha256(args.backbone / "model.safetensors"),
        "code": args.code,
        "precision": precision,
    }
    shutil.rmtree(args.out / f"{PARTIAL}checkpoints", ignore_errors=True)
    with unwritable(args.out):  # by the checkpoints
        keep_only(work, made_of)
        for number, stage in enumerate(stages, 1):
            history += train_stage(
                model,
                stage,
                task=spec,
                fit=fit,
                tune=tune,
                tokenizer=tokenizer,
                folder=work / f"{number}-{stage.name}",
                seed=args.seed,
                precision=precision,
                title=f"{args.task} {args.name} seed {args.seed} ({stage.name})",
            )
    record = describe(
        task=args.task,
        method=args.name,
        seed=args.seed,
        settings=args.settings,
        stages=[stage_record(stage) for stage in stages],
        precision=precision,
        data=data,
        seconds=round(time.monotonic() - started, 1),
    )
    with whole_folder(args.out, last="model.safetensors") as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        write_csv(pd.DataFrame(history), folder / "history.csv")
        record["weights"] = sha256(folder / "model.safetensors")
        write_text(folder / "provenance.json", json.dumps(record, indent=2) + "\n")
    discard(work)


def keep_only(folder: Path, made_of: dict) -> None:
    """Keep a folder of checkpoints only if it says that they were made of the same; then, or for
    those to come, it says so.
    """
    record = folder / "made-of.json"
    if not (record.is_file() and read_json(record) == made_of):
        discard(folder)
        write_text(record, json.dumps(made_of) + "\n")


def discard(folder: Path) -> None:
    """Remove a folder of checkpoints. It loses its name first: killed half-way, this leaves nothing
    that a training would resume from.
    """
    if folder.is_dir():
        shutil.rmtree(folder.rename(folder.with_name(f"{PARTIAL}{folder.name}")))


if __name__ == "__main__":
    run(main)
