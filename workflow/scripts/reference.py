"""Keep a run's numbers in the repository, and check a replay against them.

    python -m workflow.scripts.reference save results/minilm results/reference/minilm
    python -m workflow.scripts.reference compare results/replay results/reference/minilm
    python -m workflow.scripts.reference explore results/reference/minilm

`save` copies what tables, figures and thresholds can be recomputed from: traces, csv and json
files, tables, figures, claims, the explorer, the record of the data; no model, no text, no log.
Traces are kept in half precision and compressed, a ninth of their size; `make replay` computes the
kept tables from them. Left out is what those say already: statistics, and figures as pdf. In the
middle of a run it keeps the runs that have finished; what the folder holds from earlier calls stays
or is replaced. With `traces_from` the run is continued from there, on any machine.

`compare` says whether every table of a run (csv files and thresholds) equals the kept one: texts to
the letter, numbers to six digits, since another processor may round the last bit otherwise.

`explore` writes the kept explorer anew, from the kept tables and traces: where its own code has
changed and no number has.
"""

import argparse
import csv
import math
from collections.abc import Iterator
from pathlib import Path

import yaml

from smartbert.errors import UserError
from smartbert.files import read_json
from smartbert.results import DATA, HISTORY, LATENCY, TRIALS, Results
from smartbert.trace.keeping import keep_files, keep_runs
from workflow.scripts.common import run

CONFIG = Path(__file__).parents[2] / "config" / "config.yaml"
KEPT = ("*.csv", "*.json", "*.md", "*.tex", "*.png")


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["save", "compare", "explore"])
    parser.add_argument("source", type=Path, help="folder to copy from, to check, or to explore")
    parser.add_argument(
        "target", type=Path, nargs="?", help="folder to copy to, or to check against"
    )
    args = parser.parse_args(argv)
    if not args.source.is_dir():
        raise UserError(f"folder {str(args.source)!r} does not exist")
    if (args.target is None) != (args.action == "explore"):
        raise UserError(f"{args.action} takes {'one folder' if args.target else 'two folders'}")
    if args.action == "explore":
        print(explore(args.source))
        return
    if args.action == "compare":
        print(f"{compare(args.source, args.target)} files equal those in {args.target}")
        return
    kept = save(args.source, args.target)
    print(f"{len(kept)} files, {sum(p.stat().st_size for p in kept) / 1e6:.1f} MB")


def save(source: Path, target: Path) -> list[Path]:
    """Keep a run, or what has finished of it; return the kept files."""
    runs = keep_runs(Results(source), Results(target))
    files = [path for kind in KEPT for path in source.glob(kind)]
    files += [path for path in [Results(source).explorer] if path.exists()]
    for part in Results(source).kept_parts():
        files += [path for kind in KEPT for path in part.rglob(kind)]
    # Where nothing of a task has finished, what was kept of it before keeps its own record of data.
    begun = {Results(source).task(path.relative_to(target).parts[1]) for path in runs}
    files = [path for path in files if path.name != DATA or path in begun]
    return [*runs, *keep_files(source, target, files)]


def explore(kept: Path) -> Path:
    """Write the explorer of a kept run anew; return it."""
    # With notebooks' packages, which a machine that saves a run may lack.
    from smartbert.report.explorer import write_explorer
    from smartbert.report.notebook import Run

    results, run = Results(kept), Run(kept)
    runs = run.manifest.runs
    points = [results.run(*key).points for key in runs]
    traces = [
        results.run(task, member, seed).trace("test", packed=True)
        for task, method, seed in runs
        for member in run.manifest.methods[method].members
    ]
    seed = yaml.safe_load(CONFIG.read_text())["statistics"]["seed"]
    write_explorer(
        [path for path in points if path.exists()],
        [path for path in traces if path.exists()],
        run.manifest, caption=run.caption, seed=seed, out=results,
    )  # fmt: skip
    return results.explorer


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
