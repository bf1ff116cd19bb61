"""Time a method's operating points against dense BERT on test examples, live, in turns."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from smartbert.files import read_json
from workflow.scripts.common import offline, read_columns, run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=Path, required=True, help="points.json of the method")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="its model folders")
    parser.add_argument("--test", type=Path, required=True, help="test.parquet")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `latency`")
    parser.add_argument("--out", type=Path, required=True, help="csv to write")
    args = parser.parse_args(argv)
    offline()

    from smartbert.classifier import pick_device
    from smartbert.inference import Engine, Example
    from smartbert.latency import Contender, dense_engine, machine, measure
    from smartbert.points import DENSE, GLOBAL, Setting
    from smartbert.provenance import of_model
    from smartbert.recording import load_model

    tuned, settings = read_json(args.points), args.settings
    device, dtype = pick_device(settings["device"]), settings["dtype"]
    for path in args.models:
        of_model(path)  # refuses damaged weights
    models = {path.parent.name: load_model(path).to(device) for path in args.models}
    contenders = {DENSE: Contender(dense_engine(next(iter(models.values())), dtype=dtype))}
    for name, values in tuned["spaces"][GLOBAL]["points"].items():
        if "status" not in values:
            setting = Setting.from_dict(values)
            contenders[name] = Contender(
                Engine(models[setting.member], setting.policy, dtype=dtype)
            )
    columns = read_columns(args.test)
    order = np.random.default_rng(0).permutation(len(columns["label"]))[: settings["examples"]]
    examples = [Example(columns["input_ids"][i], columns["token_type_ids"][i]) for i in order]
    tables = []
    for size in settings["batch_sizes"]:
        title = f"{tuned['task']} {tuned['method']} seed {tuned['seed']}, batch {size}"

        def progress(done: int, rounds: int, title: str = title) -> None:
            print(f"{title}: round {done} of {rounds}", flush=True)

        found = measure(
            contenders, examples, batch_size=size, repeats=settings["repeats"], progress=progress
        )
        tables.append(found)
    table = pd.concat(tables).rename(columns={"contender": "point"})
    head = {key: tuned[key] for key in ("task", "method", "title", "seed")}
    for place, (key, value) in enumerate(head.items()):
        table.insert(place, key, value)
    write_csv(table.assign(dtype=dtype, **machine(device)), args.out)


if __name__ == "__main__":
    run(main)
