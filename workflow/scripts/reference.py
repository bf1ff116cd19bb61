"""Keep a run's numbers in the repository, go on from them elsewhere, check a replay against them.

    python -m workflow.scripts.reference save results/minilm results/reference/minilm
    python -m workflow.scripts.reference restore results/reference/minilm results/minilm
    python -m workflow.scripts.reference compare results/replay results/reference/minilm

`save` copies what tables, figures and thresholds can be recomputed from: traces, csv and json
files, tables, figures, claims, the record of the data; no model, no text, no log. Traces are kept
in half precision and compressed, a ninth of their size; `make replay` computes the kept tables from
them. Left out is what those say already: statistics, and figures as pdf. `restore` copies the
traces back, so that the workflow finds those runs done and trains only what is missing. It wants
the data of the restored tasks to be there first, since a trace that is older than its data counts
as out of date:

    snakemake results/minilm/data/{rte,mrpc}/task.json --cores 2 --configfile config/minilm.yaml

`compare` says whether every table of a run (csv files and thresholds) equals the kept one: texts to
the letter, numbers to six digits, since another processor may round the last bit otherwise.
"""

import argparse
import csv
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from smartbert.errors import UserError
from smartbert.files import read_json
from smartbert.results import (
    CONFIG,
    HISTORY,
    LATENCY,
    PROVENANCE,
    TOKENIZER,
    TRACES,
    TRIALS,
    WEIGHTS,
    Results,
    Run,
)
from smartbert.tasks import TaskData
from smartbert.trace.trace import Trace
from workflow.scripts.common import run

KEPT = ("*.csv", "*.json", "*.md", "*.tex", "*.png")
LEFT_OUT = (CONFIG, WEIGHTS, *TOKENIZER, TRIALS)


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["save", "restore", "compare"])
    parser.add_argument("source", type=Path, help="folder to copy from, or to check")
    parser.add_argument("target", type=Path, help="folder to copy to, or to check against")
    args = parser.parse_args(argv)
    if not args.source.is_dir():
        raise UserError(f"folder {str(args.source)!r} does not exist")
    if args.action == "compare":
        print(f"{compare(args.source, args.target)} files equal those in {args.target}")
        return
    copied = save(args.source, args.target) if args.action == "save" else restore(args)
    print(f"{len(copied)} files, {sum(p.stat().st_size for p in copied) / 1e6:.1f} MB")


def save(source: Path, target: Path) -> list[Path]:
    """Copy what is kept of a run, traces narrow and compressed; return the new files."""
    copied = copy(source, target, Results(source).kept_parts())
    for key, own in Results(source).every_run().items():
        for split in TRACES:
            if own.trace(split).exists():
                kept = Results(target).run(*key).trace(split, packed=True)
                Trace.load(own.trace(split)).rounded().save(kept)
                copied.append(kept)
    return copied


def copy(source: Path, target: Path, parts: list[Path]) -> list[Path]:
    """Copy what is kept of a run: the files beside its folders, and those in some of them; return
    the new files.
    """
    files = [path for kind in KEPT for path in source.glob(kind)]
    files += [path for part in parts for kind in KEPT for path in part.rglob(kind)]
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
    kept, results = Results(args.source), Results(args.target)
    found = {}
    for key, own in kept.every_run().items():
        for split in TRACES:
            path, data = own.trace(split, packed=True), results.task(key[0])
            if not path.exists():
                continue
            trace = Trace.load(path)
            if not data.exists():
                raise UserError(f"{data} is missing; make it first, or its traces count as old")
            if trace.meta.data != TaskData.read(data).splits[split].sha256:
                raise UserError(f"{path} was recorded on other data than {data.parent} holds")
            found[results.run(*key).trace(split)] = trace
    copied = copy(args.source, args.target, kept.kept_parts("runs"))
    for path in copied:
        if path.name not in (PROVENANCE, HISTORY):
            path.unlink()  # thresholds and scores are recomputed, which takes seconds
    for path, trace in found.items():
        trace.save(path)
    restored = [*(path for path in copied if path.exists()), *found]
    order = [PROVENANCE, HISTORY, *(Run(Path()).trace(split).name for split in TRACES)]
    for path in sorted(restored, key=lambda path: order.index(path.name)):
        os.utime(path)
    return restored


NOT_COMPARED = (HISTORY, TRIALS, LATENCY)  # of the training, or of the clock


def compare(source: Path, target: Path) -> int:
    """Return how many of a run's tables equal the kept ones.

    Raises:
        UserError: naming those that differ or are not kept, and where they first differ.
    """
    parts = Results(source).kept_parts("runs", "tables", "ablations")
    found_files = {*source.glob("*.csv"), *(path for part in parts for path in part.rglob("*.csv"))}
    found_files |= {own.points for own in Results(source).every_run().values()}
    files = sorted(path for path in found_files if path.name not in NOT_COMPARED and path.exists())
    if not files:
        raise UserError(f"{source} has no tables to compare")
    found = {p.relative_to(source): differ(p, target / p.relative_to(source)) for p in files}
    told = [f"{path}: {what}" for path, what in found.items() if what]
    if told:
        raise UserError(
            f"{len(told)} of {len(files)} files differ from {target}: {'; '.join(told[:5])}"
        )
    return len(files)


def differ(one: Path, other: Path) -> str | None:
    """Return where two csv or json files first differ, None if they are equal."""
    if not other.exists():
        return "not kept"
    rows = [list(values(path)) for path in (one, other)]
    if len(rows[0]) != len(rows[1]):
        return f"{len(rows[0])} values, kept are {len(rows[1])}"
    for (place, value), (_, kept) in zip(*rows, strict=True):
        if value != kept and not near(value, kept):
            return f"{place}: {value}, kept is {kept}"
    return None


def values(path: Path) -> Iterator[tuple[object, object]]:
    """Yield the places and values of a csv (line numbers) or json file."""
    if path.suffix == ".json":
        yield from leaves(read_json(path))
        return
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            for value in row:
                yield f"line {number}", value


def leaves(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Yield the places and values of a nested json value."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, f"{place}.{key}")
    else:
        yield place, value


def near(one: object, other: object) -> bool:
    """Return whether two values are numbers that agree to six digits."""
    if not (isinstance(one, str | int | float) and isinstance(other, str | int | float)):
        return False
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-6, abs_tol=1.5e-6)
    except ValueError:
        return False


if __name__ == "__main__":
    run(main)
