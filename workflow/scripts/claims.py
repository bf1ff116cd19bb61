"""Measure the paper's claims from the comparison's tables."""

import argparse
import json
from pathlib import Path

import pandas as pd

from smartbert.claims import Evidence, claims_markdown, claims_table
from smartbert.files import write_text
from smartbert.tables import concat
from workflow.scripts.common import run, write_csv


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--manifest", type=json.loads, required=True, help="JSON: what it consists of"
    )
    parser.add_argument("--caption", default="", help="what the data are")
    args = parser.parse_args(argv)
    write_claims(args.results, args.manifest, caption=args.caption)


def write_claims(results: Path, manifest: dict, *, caption: str, out: Path | None = None) -> None:
    """Write claims.csv and claims.md of a run, into its own folder or into another one.

    Of the ablations those are read that are part of the run: claims 5 and 6 are measured by
    variants of SmartBERT.
    """
    base = out or results
    tasks, ablated = list(manifest["seeds"]), manifest["ablated"]
    folders = [results / "statistics" / task for task in tasks]
    folders += [results / "ablations" / task for task in ablated]
    tables = {
        name: concat(pd.read_csv(path / f"{name}.csv") for path in folders if path.is_dir())
        for name in ("points", "differences", "draws")
    }
    titles = dict(zip(tables["points"]["method"], tables["points"]["title"], strict=True))
    gates = [pd.read_csv(base / "tables" / "gates.csv")]
    gates += [pd.read_csv(results / "ablations" / task / "gates.csv") for task in ablated]
    evidence = Evidence(**tables, gates=ablation_gates(gates), titles=titles)
    table = claims_table(evidence)
    write_csv(table, base / "claims.csv")
    text = claims_markdown(table, caption=caption, seeds=manifest["seeds"])
    write_text(base / "claims.md", text)


def ablation_gates(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the gates of comparison and ablations as means over seeds, each method once a task."""
    rows = concat(tables)
    rows = rows.assign(seeds=rows.get("seeds", pd.Series(dtype=float)))
    if "seed" in rows:
        counted = rows.groupby(["task", "method", "layer"])["seed"].transform("nunique")
        rows["seeds"] = rows["seeds"].fillna(counted)
    groups = rows.groupby(["task", "method", "layer"], sort=False)
    return groups.agg(undecided=("undecided", "mean"), seeds=("seeds", "max")).reset_index()


if __name__ == "__main__":
    run(main)
