"""Compile tables, figures and claims from the runs that did finish, when others failed.

Called at the end of a workflow that met errors; a later, complete call writes them anew.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

from smartbert.errors import UserError
from smartbert.files import dated
from workflow.scripts import compare
from workflow.scripts.claims import write_claims
from workflow.scripts.common import run
from workflow.scripts.figures import write_figures
from workflow.scripts.tables import write_tables

OLD = 1e9  # seconds: September 2001


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    parser.add_argument("--manifest", type=json.loads, required=True, help="JSON: its runs")
    parser.add_argument("--settings", required=True, help="JSON of `statistics`")
    parser.add_argument("--caption", default="", help="what the data are")
    args = parser.parse_args(argv)
    results, manifest = args.results, args.manifest
    # What is compiled here must be older than all that it comes from, at any moment: the workflow
    # would take it for its own, and leave it there for good.
    date_as_old(results)
    with dated(OLD):
        compile_rest(results, manifest, json_settings=args.settings, caption=args.caption)


def compile_rest(results: Path, manifest: dict, *, json_settings: str, caption: str) -> None:
    """Write statistics, tables, figures and claims of the runs that are there."""
    for task, seeds in manifest["seeds"].items():
        out = results / "statistics" / task
        out.mkdir(parents=True, exist_ok=True)
        words = ["--task", task, "--runs", str(results / "runs"), "--settings", json_settings]
        words += ["--methods", json.dumps(manifest["methods"]), "--out", str(out), "--partial"]
        words += ["--ancestors", json.dumps(manifest["ancestors"])]
        try:
            compare.main([*words, "--seeds", *map(str, seeds)])
        except UserError as error:  # a task of which nothing has finished
            print(error)
            shutil.rmtree(out)
    try:
        write_tables(results, manifest, caption=caption, partial=True)
    except UserError as error:  # not even one
        print(error)
        return
    write_figures(results, manifest, caption=caption)
    ablated = [task for task in manifest["ablated"] if ablation_is_new(results, task)]
    write_claims(results, {**manifest, "ablated": ablated}, caption=caption)
    print(
        f"Tables of what did finish: {results}/tables/glue.md (the `status` column says the rest)"
    )


def ablation_is_new(results: Path, task: str) -> bool:
    """Return whether a task's ablation is there, and nothing that it could come from is newer."""
    made = results / "ablations" / task / "gates.csv"
    points = (results / "runs" / task).glob("*/seed*/points.json")
    return made.exists() and all(
        path.stat().st_mtime_ns <= made.stat().st_mtime_ns for path in points
    )


def date_as_old(results: Path) -> None:
    """Make what earlier calls compiled older than all that it came from."""
    folders = [results / name for name in ("statistics", "tables", "figures")]
    for path in [*results.glob("claims.*"), *(p for f in folders for p in f.rglob("*.*"))]:
        os.utime(path, (OLD, OLD))


if __name__ == "__main__":
    run(main)
