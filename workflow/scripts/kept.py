"""Hold kept traces against the data and the backbone of the run that takes them. No torch."""

import argparse
from pathlib import Path

from smartbert.errors import UserError
from smartbert.provenance import Provenance, sha256
from smartbert.tasks import TaskData
from smartbert.trace.trace import Trace
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=Path, nargs="+", required=True, help="as they are kept")
    parser.add_argument("--provenance", type=Path, required=True, help="of their training")
    parser.add_argument("--data", type=Path, required=True, help="task.json of the run")
    parser.add_argument(
        "--backbone", type=Path, required=True, help="weights of the run's backbone"
    )
    args = parser.parse_args(argv)
    own, record = TaskData.read(args.data), Provenance.read(args.provenance)
    if record.backbone and record.backbone != sha256(args.backbone):
        raise UserError(_other(args.provenance, "began with another backbone than", args.backbone))
    splits = {name: split.sha256 for name, split in own.splits.items()}
    if splits != {name: split.sha256 for name, split in record.data.items()}:
        raise UserError(_other(args.provenance, "is of a training on other data than", args.data))
    for path in args.traces:
        meta = Trace.load(path).meta
        if meta.data != splits[meta.split]:
            raise UserError(_other(path, "was recorded on other data than", args.data))


def _other(path: Path, what: str, own: Path) -> str:
    return f"{path} {what} {own.parent} holds: such runs do not count; call again to train them"


if __name__ == "__main__":
    run(main)
