"""Take traces that another code base wrote as an entry's own. No model runs, no torch."""

import argparse
from pathlib import Path

from smartbert.results import Run
from smartbert.trace.foreign import adopt
from smartbert.trace.trace import Trace
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="the config's name for it")
    parser.add_argument("--title", help="how tables call it")
    parser.add_argument("--traces", type=Path, nargs="+", required=True, help="tune, test")
    parser.add_argument("--reference", type=Path, nargs="+", required=True, help="dense BERT's")
    parser.add_argument("--out", type=Path, required=True, help="folder of the traces")
    args = parser.parse_args(argv)
    for path, dense in zip(args.traces, args.reference, strict=True):
        own = adopt(path, Trace.load(dense), name=args.name, title=args.title)
        own.save(Run(args.out).trace(own.meta.split))


if __name__ == "__main__":
    run(main)
