"""Write a task's fit, tune and test splits. One of the two scripts that may use the network."""

import argparse
import json
from pathlib import Path

from smartbert.files import whole, write_text
from workflow.scripts.common import quiet, run


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument(
        "--settings", type=json.loads, required=True, help="JSON of the data settings"
    )
    parser.add_argument(
        "--tokenizer", type=Path, required=True, help="tokenizer.json of the backbone"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args(argv)
    quiet()

    from tokenizers import Tokenizer

    from smartbert.data import SPLITS, DataSettings, prepare, test_splits
    from smartbert.provenance import sha256
    from smartbert.tasks import task

    spec, settings = task(args.task), DataSettings.from_json(args.settings)
    frames = prepare(spec, settings, Tokenizer.from_file(str(args.tokenizer)))
    args.out.mkdir(parents=True, exist_ok=True)
    record = {"task": args.task, "settings": args.settings, "splits": {}}
    for name in SPLITS:
        path = args.out / f"{name}.parquet"
        with whole(path) as partial:
            frames[name].to_parquet(partial, index=False)
        record["splits"][name] = {
            "rows": len(frames[name]),
            "labels": frames[name]["label"].value_counts().sort_index().tolist(),
            "tokens": round(float(frames[name]["length"].mean()), 2),
            "truncated": int((frames[name]["length"] >= settings.max_length).sum()),
            "sha256": sha256(path),
        }
    record["subsets"] = [subset for subset, _ in test_splits(spec, settings)]
    write_text(args.out / "task.json", json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    run(main)
