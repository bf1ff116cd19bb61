"""Hold what a trained model's layers give on fit, for the trainings of heads that continue it."""

import argparse
from pathlib import Path

from smartbert.data.columns import read_columns
from smartbert.provenance import of_model
from smartbert.results import Run
from smartbert.tasks import adopt_from
from smartbert.train.devices import take_one
from workflow.scripts.common import offline, run

GIGABYTE = 1e9


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--gating", choices=["off", "hard"], required=True)
    parser.add_argument("--precision", required=True, help="of the trainings that read them")
    parser.add_argument("--data", type=Path, required=True, help="task.json")
    parser.add_argument("--fit", type=Path, required=True, help="fit.parquet")
    parser.add_argument("--limit", type=float, required=True, help="GB; larger ones are not held")
    parser.add_argument("--states", type=Path, required=True, help="file to write")
    parser.add_argument("--record", type=Path, required=True, help="json to write")
    args = parser.parse_args(argv)
    take_one()
    offline()

    from smartbert.model.folder import load_on_card
    from smartbert.train.callbacks import Countdown, say
    from smartbert.train.precision import effective
    from smartbert.train.states import StatesRecord, hold

    provenance, model = of_model(Run(args.model)), load_on_card(args.model)
    data, fit = adopt_from(args.data), read_columns(args.fit)
    record = StatesRecord(
        weights=provenance.weights or "",
        data=data.splits["fit"].sha256,
        gating=args.gating,
        precision=effective(args.precision),
        layers=model.config.num_hidden_layers,
        width=model.config.hidden_size,
        tokens=sum(fit["length"]),
        held=True,
    )
    gigabytes = record.size / GIGABYTE
    if gigabytes > args.limit:
        record = record.without()
        say(
            f"states of {data.task} {provenance.method} would take {gigabytes:.1f} GB, more than"
            f" `resources.states_gb` ({args.limit:g}): its layers run in every epoch"
        )
    title = f"{data.task} {provenance.method} seed {provenance.seed} (states)"
    hold(model, fit, record, args.states, progress=Countdown(title))
    record.write(args.record)


if __name__ == "__main__":
    run(main)
