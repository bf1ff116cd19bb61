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
from dataclasses import replace
from pathlib import Path

from smartbert.data.columns import read_columns
from smartbert.errors import UserError
from smartbert.files import PARTIAL, unwritable, whole_folder, write_csv
from smartbert.provenance import Provenance, of_model, of_training, sha256
from smartbert.results import HISTORY, PROVENANCE, WEIGHTS, Run
from smartbert.tasks import adopt_from
from smartbert.train.devices import take_one
from workflow.scripts.common import offline, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", required=True)
    parser.add_argument("--name", required=True, help="the config's name for it")
    parser.add_argument("--source", help="Python file of a method that is not registered")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of all settings")
    parser.add_argument("--data", type=Path, required=True, help="task.json")
    parser.add_argument("--fit", type=Path, required=True, help="fit.parquet")
    parser.add_argument("--tune", type=Path, required=True, help="tune.parquet")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the backbone")
    parser.add_argument("--states", type=Path, help="json of held states of that model's layers")
    parser.add_argument("--parent", type=Path, help="model folder that this method continues")
    parser.add_argument("--teacher", type=Path, help="model folder that this method learns from")
    parser.add_argument(
        "--checkpoint-minutes",
        type=float,
        default=10.0,
        help="age of a checkpoint at which the next one is written",
    )
    parser.add_argument("--code", default="", help="digest of the code, of a resumed run's too")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    args = parser.parse_args(argv)
    take_one()
    offline()
    train(args)


def train(args: argparse.Namespace) -> None:
    """Train all stages and write the model folder.

    Raises:
        UserError: if what it starts from is damaged, or a teacher is given that no stage has.
    """
    import pandas as pd
    from transformers import AutoTokenizer

    from baselines.loading import load
    from smartbert.model.folder import load_model
    from smartbert.train.checkpoints import discard, keep_only
    from smartbert.train.precision import effective, hardware
    from smartbert.train.stages import build, stage_record, train_stage
    from smartbert.train.states import read_states

    started = time.monotonic()
    parent, teacher = trained(args.parent), trained(args.teacher)  # refuses damaged ones
    backbone = sha256(args.backbone / WEIGHTS)
    data = adopt_from(args.data)
    method, fit, tune = (
        load(args.method, args.source),
        read_columns(args.fit),
        read_columns(args.tune),
    )
    own, optimisation = method.split(args.settings)
    precision = effective(args.settings["precision"])  # on this hardware
    model = build(
        method, own, backbone=args.backbone, parent=args.parent, tune=tune, task=data.spec,
        seed=args.seed,
    )  # fmt: skip
    stages = method.stages(own, optimisation, layers=model.config.num_hidden_layers)
    states, frozen = None, next((stage.frozen for stage in stages if stage.frozen), None)
    if args.states and frozen:
        states = read_states(
            args.states,
            lengths=fit["length"],
            weights=parent.weights if parent else None,
            data=data.splits["fit"].sha256,
            precision=precision,
            gating=frozen,
        )
    if args.teacher and not any(stage.teacher for stage in stages):
        raise UserError(
            f"no stage of {args.name} learns from a teacher; take `methods.{args.name}.teacher` out"
        )
    tokenizer = AutoTokenizer.from_pretrained(args.backbone)
    mentor = load_model(args.teacher) if args.teacher else None
    work, history = Run(args.out).checkpoints, []
    made_of = {
        "settings": args.settings,
        "data": {name: data.splits[name].sha256 for name in ("fit", "tune")},
        "from": parent.weights if parent else backbone,
        "teacher": teacher.weights if teacher else None,
        "code": args.code,
        "precision": precision,
        "states": states is not None,
    }
    shutil.rmtree(args.out / f"{PARTIAL}checkpoints", ignore_errors=True)
    with unwritable(args.out):  # by the checkpoints
        keep_only(work, made_of)
        for number, stage in enumerate(stages, 1):
            history += train_stage(
                model,
                stage,
                task=data.spec,
                fit=fit,
                tune=tune,
                tokenizer=tokenizer,
                folder=work / f"{number}-{stage.name}",
                seed=args.seed,
                precision=precision,
                teacher=mentor,
                states=states,
                save_seconds=60 * args.checkpoint_minutes,
                last=number == len(stages),
                title=f"{data.task} {args.name} seed {args.seed} ({stage.name})",
            )
    record = of_training(
        task=data.task,
        method=args.name,
        seed=args.seed,
        settings=args.settings,
        stages=tuple(stage_record(stage, held=states is not None) for stage in stages),
        data=data.splits,
        seconds=time.monotonic() - started,
        device=hardware(),
        precision=precision,
        backbone=backbone,
        registered=args.method,
        parent=parent,
        teacher=teacher,
    )
    with whole_folder(args.out, last=WEIGHTS) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        write_csv(pd.DataFrame(history), folder / HISTORY)
        replace(record, weights=sha256(folder / WEIGHTS)).write(folder / PROVENANCE)
    discard(work)


def trained(folder: Path | None) -> Provenance | None:
    """Return the provenance of a trained model, after a look at its weights; None for no folder."""
    return None if folder is None else of_model(Run(folder))


if __name__ == "__main__":
    run(main)
