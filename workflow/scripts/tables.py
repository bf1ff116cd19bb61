"""Compile the csv files of all runs and their comparison into the tables."""

import argparse
import json
from pathlib import Path

import pandas as pd

from smartbert import literature, pages, tables
from smartbert.errors import UserError
from smartbert.files import write_text
from smartbert.tables import concat
from workflow.scripts.common import run, write_csv
from workflow.scripts.compare import finished

STATISTICS = ("points", "auc", "bands", "differences")


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--manifest", type=json.loads, required=True, help="JSON: what it consists of"
    )
    parser.add_argument("--caption", default="", help="what the data are")
    parser.add_argument("--partial", action="store_true", help="say what is missing and go on")
    args = parser.parse_args(argv)
    write_tables(args.results, args.manifest, caption=args.caption, partial=args.partial)


def write_tables(
    results: Path, manifest: dict, *, caption: str, partial: bool = False, out: Path | None = None
) -> None:
    """Write every table of a run, into its own folder or into another one.

    Raises:
        UserError: if nothing has finished.
    """
    runs = [
        (task, method, seed)
        for task, seeds in manifest["seeds"].items()
        for method in manifest["methods"]
        for seed in seeds
    ]
    there = {key: folder(results, *key) for key in runs}
    if partial:
        there = {
            key: path
            for key, path in there.items()
            if finished_run(results, manifest, *key)
            and (results / "statistics" / key[0] / "draws.csv").exists()
        }
    if not there:
        raise UserError(f"no run in {results} has finished, there is nothing to compile")

    def collected(name: str) -> pd.DataFrame:
        return concat(pd.read_csv(path / f"{name}.csv") for path in there.values())

    tasks = dict.fromkeys(task for task, _, _ in there)
    compared = {
        name: concat(pd.read_csv(results / "statistics" / task / f"{name}.csv") for task in tasks)
        for name in STATISTICS
    }
    lost = missing(results, manifest, [key for key in runs if key not in there])
    titles = dict(zip(compared["points"]["method"], compared["points"]["title"], strict=True))
    scores, differences = collected("scores"), compared["differences"]
    glue = tables.glue_table(scores, compared["points"], lost)
    sweep = tables.sweep_table(scores)
    exits, gates = tables.exits_table(collected("exits")), tables.gates_table(collected("gates"))
    shown = {
        "glue": (glue, pages.glue_page(glue, differences, caption=caption)),
        "sweep": (sweep, pages.sweep_page(sweep, caption=caption)),
        "curves": (collected("curve"), pages.curves_page(compared["bands"], caption=caption)),
        "auc": (
            compared["auc"],
            pages.auc_page(compared["auc"], differences, caption=caption),
        ),
        "differences": (
            differences,
            pages.differences_page(differences, titles, caption=caption),
        ),
        "exits": (exits, pages.exits_page(exits, caption=caption)),
        "gates": (gates, pages.gates_page(gates, caption=caption)),
    }
    out = (out or results) / "tables"
    out.mkdir(parents=True, exist_ok=True)
    for name, (tidy, page) in shown.items():
        write_csv(tidy, out / f"{name}.csv")
        write_text(out / f"{name}.md", page.markdown())
        write_text(out / f"{name}.tex", page.latex())
    published = literature.published_table(compared["points"])
    write_csv(literature.published(), out / "published.csv")
    write_text(out / "published.md", literature.published_markdown(published, caption=caption))
    write_text(out / "published.tex", literature.published_latex(published, caption=caption))
    for name, tidy in {
        "points": compared["points"],
        "bands": compared["bands"],
        "usage": collected("usage"),
        "lengths": collected("lengths"),
    }.items():
        write_csv(tidy, out / f"{name}.csv")


def finished_run(results: Path, manifest: dict, task: str, method: str, seed: int) -> bool:
    """Return whether a run of the manifest is there as a whole."""
    runs, members = results / "runs" / task, manifest["methods"][method]
    return finished(runs, method, members, seed, manifest["ancestors"])


def folder(results: Path, task: str, method: str, seed: int) -> Path:
    """Return the folder of a run."""
    return results / "runs" / task / method / f"seed{seed}"


def missing(results: Path, manifest: dict, runs: list[tuple[str, str, int]]) -> pd.DataFrame:
    """Return a row for every run that did not finish: task, method, title, seeds, status."""
    rows = []
    for task, method, seed in runs:
        names = [method, *manifest["methods"][method]]
        reason = next(filter(None, (failure(results, task, name, seed) for name in names)), None)
        status = f"seed {seed}: {reason or 'did not run'}"
        title = manifest["titles"].get(method) or method
        rows.append({"task": task, "method": method, "title": title, "seeds": 0, "status": status})
    return pd.DataFrame(rows)


def failure(results: Path, task: str, name: str, seed: int) -> str | None:
    """Return the error that a run's last job told, None if there is none in its logs."""
    for rule in ("train", "record", "tune", "evaluate"):
        log = results / "logs" / rule / f"{task}-{name}-{seed}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        told = [line for line in lines if line.startswith("error: ")]
        if told:
            return told[-1].removeprefix("error: ")
    return None


if __name__ == "__main__":
    run(main)
