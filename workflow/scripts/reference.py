"""Keep a run's numbers in the repository, and go on from them elsewhere.

    python -m workflow.scripts.reference save results/minilm results/reference/minilm
    python -m workflow.scripts.reference restore results/reference/minilm results/minilm

`save` copies what tables, figures and thresholds can be recomputed from: traces, csv and json
files, tables, figures, claims; no model, no data, no log. `restore` copies the traces back, so that
the workflow finds those runs done and trains only what is missing. It wants the data of the
restored tasks to be there first, since a trace that is older than its data counts as out of date:

    snakemake results/minilm/data/{rte,mrpc}/task.json --cores 2 --configfile config/minilm.yaml
"""

import argparse
import json
import os
import shutil
from pathlib import Path

from smartbert.errors import UserError
from smartbert.trace import Trace
from workflow.scripts.common import run

KEPT = ("*.safetensors", "*.csv", "*.json", "*.md", "*.tex", "*.png", "*.pdf")
PARTS = ("runs", "statistics", "ablations", "tables", "figures")
LEFT_OUT = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "trials.csv",
)
ORDER = ("provenance.json", "history.csv", "trace-tune.safetensors", "trace-test.safetensors")


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["save", "restore"])
    parser.add_argument("source", type=Path, help="folder to copy from")
    parser.add_argument("target", type=Path, help="folder to copy to")
    args = parser.parse_args(argv)
    if not args.source.is_dir():
        raise UserError(f"folder {str(args.source)!r} does not exist")
    copied = copy(args.source, args.target) if args.action == "save" else restore(args)
    print(f"{len(copied)} files, {sum(p.stat().st_size for p in copied) / 1e6:.1f} MB")


def copy(source: Path, target: Path, parts: tuple[str, ...] = PARTS) -> list[Path]:
    """Copy what is kept of a run; return the new files."""
    files = [path for kind in KEPT for path in source.glob(kind)]
    files += [path for part in parts for kind in KEPT for path in (source / part).rglob(kind)]
    copied = []
    for path in sorted(files):
        if path.name in LEFT_OUT or "checkpoints" in path.parts:
            continue
        own = target / path.relative_to(source)
        own.parent.mkdir(parents=True, exist_ok=True)
        copied.append(Path(shutil.copyfile(path, own)))
    return copied


def restore(args: argparse.Namespace) -> list[Path]:
    """Copy the runs back, each file newer than what it was made from.

    Raises:
        UserError: if a task's data are missing, or are not those that its traces were recorded on.
    """
    for trace in sorted(args.source.glob("runs/*/*/seed*/trace-test.safetensors")):
        record = args.target / "data" / trace.parts[-4] / "task.json"
        if not record.exists():
            raise UserError(f"{record} is missing; make it first, or its traces count as old")
        known = json.loads(record.read_text())["splits"]["test"]["sha256"]
        if Trace.load(trace).meta["data"] != known:
            raise UserError(f"{trace} was recorded on other data than {record.parent} holds")
    copied = copy(args.source, args.target, ("runs",))
    for name in ORDER:
        for path in copied:
            if path.name == name:
                os.utime(path)
    for path in copied:
        if path.name not in ORDER:
            path.unlink()  # thresholds and scores are recomputed, which takes seconds
    return [path for path in copied if path.exists()]


if __name__ == "__main__":
    run(main)
