"""Read another entry's traces as an entry's own: under its rule, without gates, or without exits.
Nothing is trained or recorded; no torch.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from baselines.loading import load, title_of
from baselines.registry import METHODS
from smartbert.criteria import NEVER
from smartbert.results import Run
from smartbert.trace.schema import TraceMeta
from smartbert.trace.trace import Trace
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", required=True)
    parser.add_argument("--name", required=True, help="the config's name for it")
    parser.add_argument("--source", help="Python file of a method that is not registered")
    parser.add_argument("--traces", type=Path, nargs="+", required=True, help="that are read")
    parser.add_argument("--out", type=Path, required=True, help="folder of the traces")
    args = parser.parse_args(argv)
    for path in args.traces:
        trace = Trace.load(path)
        meta = read_by(args.method, args.source, trace.meta)
        title = title_of(args.method, args.source)
        own = trace.read_as(replace(meta, method=args.name, title=title))
        own.save(Run(args.out).trace(own.meta.split))


def read_by(method: str, source: str | None, meta: TraceMeta) -> TraceMeta:
    """Return what a trace of another entry says of itself when a method reads it."""
    if source is None and METHODS[method].rows_from is not None:
        # What continued this method's model added exits to it, and changed nothing else.
        bare = replace(meta.architecture, exits=None)
        return replace(meta, criterion=NEVER, sweep=(), architecture=bare)
    return load(method, source).read(meta)


if __name__ == "__main__":
    run(main)
