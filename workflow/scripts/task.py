"""Compile one task's tables, figures and claims alone."""

import argparse
import json
from pathlib import Path

from workflow.scripts.claims import write_claims
from workflow.scripts.common import run
from workflow.scripts.figures import write_figures
from workflow.scripts.tables import write_tables


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--manifest", type=json.loads, required=True, help="JSON: its runs")
    parser.add_argument("--caption", default="", help="what the data are")
    args = parser.parse_args(argv)
    for write in (write_tables, write_figures, write_claims):
        write(args.results, args.manifest, caption=args.caption, out=args.out)


if __name__ == "__main__":
    run(main)
