"""Record a trained model's traces of tune and test; the grid of skip thresholds comes from tune."""

import argparse
import json
from pathlib import Path

from smartbert.devices import take_one
from workflow.scripts.common import offline, read_columns, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--method", required=True)
    parser.add_argument("--name", required=True, help="the config's name for it")
    parser.add_argument("--source", help="Python file of a method that is not registered")
    parser.add_argument("--data", type=Path, required=True, help="folder with tune and test")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `recording`")
    parser.add_argument("--out", type=Path, required=True, help="folder of the traces")
    args = parser.parse_args(argv)
    take_one()
    offline()

    from baselines import load
    from smartbert.provenance import of_model
    from smartbert.recording import grid_from_tune, load_model, record, trace_meta

    method = load(args.method, args.source)
    provenance = of_model(args.model)
    model = load_model(args.model)
    tune = read_columns(args.data / "tune.parquet")
    grid = grid_from_tune(model, tune, **args.settings)
    for split in ("tune", "test"):
        columns = tune if split == "tune" else read_columns(args.data / "test.parquet")
        meta = trace_meta(model, method, provenance, split=split)
        trace = record(model, columns, grid=grid, meta=meta)
        trace.save(args.out / f"trace-{split}.safetensors")


if __name__ == "__main__":
    run(main)
