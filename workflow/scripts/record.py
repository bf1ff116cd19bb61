"""Record a trained model's traces of tune and test; the grid of skip thresholds comes from tune."""

import argparse
import json
from pathlib import Path
from typing import Literal

from smartbert.data.columns import read_columns
from smartbert.provenance import of_model
from smartbert.results import Run
from smartbert.train.devices import take_one
from workflow.scripts.common import offline, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--method", required=True)
    parser.add_argument("--name", required=True, help="the config's name for it")
    parser.add_argument("--source", help="Python file of a method that is not registered")
    parser.add_argument("--tune", type=Path, required=True, help="tune.parquet")
    parser.add_argument("--test", type=Path, required=True, help="test.parquet")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `recording`")
    parser.add_argument("--out", type=Path, required=True, help="folder of the traces")
    args = parser.parse_args(argv)
    take_one()
    offline()

    import torch

    from baselines.loading import load, title_of
    from smartbert.model.folder import load_on_card
    from smartbert.train.callbacks import Countdown
    from smartbert.train.recorder import grid_from_tune, record, trace_meta

    method, title = load(args.method, args.source), title_of(args.method, args.source)
    provenance, model = of_model(Run(args.model)), load_on_card(args.model)
    tune = read_columns(args.tune)
    # A fixed number, so that the last bits do not depend on what else runs. In single precision on
    # a card, too: gates lie within hundredths of their threshold.
    torch.set_num_threads(args.settings.pop("threads"))
    job = f"{provenance.task} {args.name} seed {provenance.seed}"
    grid = grid_from_tune(model, tune, **args.settings, progress=Countdown(f"{job} (gates)"))
    splits: tuple[Literal["tune", "test"], ...] = ("tune", "test")
    for split in splits:
        columns = tune if split == "tune" else read_columns(args.test)
        meta = trace_meta(
            model.config, title=title, criterion=method.criterion, sweep=method.sweep,
            provenance=provenance, split=split,
        )  # fmt: skip
        trace = record(
            model, columns, grid=grid, meta=meta, progress=Countdown(f"{job} ({split} trace)")
        )
        trace.save(Run(args.out).trace(split))


if __name__ == "__main__":
    run(main)
