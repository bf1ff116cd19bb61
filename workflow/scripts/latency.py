"""Time a method's operating points against dense BERT on test examples, live, in turns."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from smartbert.data.columns import read_columns
from smartbert.files import write_csv
from smartbert.points import DENSE, MAIN, Tuned
from smartbert.provenance import of_model
from smartbert.results import Run
from workflow.scripts.common import offline, run, same_weights


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=Path, required=True, help="points.json of the method")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="its model folders")
    parser.add_argument(
        "--read", type=Path, nargs="*", default=[], help="provenance of what was recorded for them"
    )
    parser.add_argument("--test", type=Path, required=True, help="test.parquet")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `latency`")
    parser.add_argument("--out", type=Path, required=True, help="csv to write")
    args = parser.parse_args(argv)
    offline()

    from smartbert.model.folder import load_model
    from smartbert.serve.classifier import pick_device
    from smartbert.serve.engine import Engine, Example
    from smartbert.serve.latency import Contender, dense_engine, machine, measure

    tuned, settings = Tuned.read(args.points), args.settings
    device, dtype = pick_device(settings["device"]), settings["dtype"]
    models = {}
    for path in args.models:
        provenance = of_model(Run(path))  # refuses damaged weights
        entry = provenance.method
        same_weights(tuned, entry, provenance, args.read)
        models[entry] = load_model(path)
        models[entry].to(device=device)  # type: ignore[call-arg]  # the library hides its types
    contenders = {DENSE: Contender(dense_engine(next(iter(models.values())), dtype=dtype))}
    for name, setting in tuned.spaces[MAIN].points.items():
        engine = Engine(models[setting.member], setting.policy, dtype=dtype)
        contenders[name] = Contender(engine)
    columns = read_columns(args.test)
    order = np.random.default_rng(0).permutation(len(columns["label"]))[: settings["examples"]]
    examples = [Example(columns["input_ids"][i], columns["token_type_ids"][i]) for i in order]
    tables = []
    for size in settings["batch_sizes"]:
        title = f"{tuned.task} {tuned.method} seed {tuned.seed}, batch {size}"

        def progress(done: int, rounds: int, title: str = title) -> None:
            print(f"{title}: round {done} of {rounds}", flush=True)

        found = measure(
            contenders, examples, batch_size=size, repeats=settings["repeats"], progress=progress
        )
        tables.append(found)
    table = pd.concat(tables).rename(columns={"contender": "point"})
    table.insert(0, "task", tuned.task)
    table.insert(1, "method", tuned.method)
    table.insert(2, "title", tuned.title)
    table.insert(3, "seed", tuned.seed)
    about = machine(device)
    own = {"device": about.device, "cores": about.cores, "threads": about.threads}
    write_csv(table.assign(dtype=dtype, **own, torch=about.torch), args.out)


if __name__ == "__main__":
    run(main)
