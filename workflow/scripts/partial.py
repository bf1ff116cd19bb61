"""Compile tables, figures and claims from the runs that did finish, when others failed.

Called at the end of a workflow that met errors; a later, complete call writes them anew.
"""

import argparse
import json
import shutil
from pathlib import Path

from smartbert.errors import UserError
from workflow.scripts import compare
from workflow.scripts.claims import write_claims
from workflow.scripts.common import run
from workflow.scripts.figures import write_figures
from workflow.scripts.tables import write_tables


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    parser.add_argument("--manifest", type=json.loads, required=True, help="JSON: its runs")
    parser.add_argument("--settings", required=True, help="JSON of `statistics`")
    parser.add_argument("--caption", default="", help="what the data are")
    args = parser.parse_args(argv)
    results, manifest = args.results, args.manifest
    for task, seeds in manifest["seeds"].items():
        out = results / "statistics" / task
        out.mkdir(parents=True, exist_ok=True)
        words = ["--task", task, "--runs", str(results / "runs"), "--settings", args.settings]
        words += ["--methods", json.dumps(manifest["methods"]), "--out", str(out), "--partial"]
        try:
            compare.main([*words, "--seeds", *map(str, seeds)])
        except UserError as error:  # a task of which nothing has finished
            print(error)
            shutil.rmtree(out)
    try:
        write_tables(results, manifest, caption=args.caption, partial=True)
    except UserError as error:  # not even one
        print(error)
        return
    write_figures(results, manifest, caption=args.caption)
    write_claims(results, manifest, caption=args.caption)
    print(
        f"Tables of what did finish: {results}/tables/glue.md (the `status` column says the rest)"
    )


if __name__ == "__main__":
    run(main)
