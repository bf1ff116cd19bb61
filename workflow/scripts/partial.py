"""Compile tables, figures and claims of the runs that did finish, when others failed.

Called at the end of a workflow that met errors. They lie in `<results>/partial`, apart from the
run's own, which a later, complete call writes.
"""

import argparse
import json
from pathlib import Path

from smartbert.errors import UserError
from smartbert.report.partial import write_partial
from smartbert.results import Results
from workflow.scripts.common import manifest, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    parser.add_argument("--manifest", type=manifest, required=True, help="json file: its runs")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON of `statistics`")
    parser.add_argument("--caption", default="", help="what the data are")
    args = parser.parse_args(argv)
    results = Results(args.results)
    try:
        write_partial(results, args.manifest, caption=args.caption, **args.settings)
    except UserError as error:  # not even one has finished; the errors above say why
        print(error)
        return
    page = results.partial.table("glue", "md")
    print(f"Tables of what did finish: {page} (the `status` column says the rest)")


if __name__ == "__main__":
    run(main)
