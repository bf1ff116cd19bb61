"""Write a CSV file of made-up support tickets, to try a task of your own with."""

import argparse
from pathlib import Path

from smartbert.data.synthetic.tickets import write_tickets
from workflow.scripts.common import run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="csv to write")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    write_tickets(args.file, args.rows, seed=args.seed)
    print(f"{args.rows} tickets: {args.file}")


if __name__ == "__main__":
    run(main)
