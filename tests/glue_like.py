"""Small local data folders in the layout of GLUE's."""

from pathlib import Path

import pandas as pd
import yaml


def write_task(
    folder: Path, frames: pd.DataFrame | dict[str, pd.DataFrame], name: str = "rte"
) -> Path:
    """Write a GLUE-like folder with one task, in the hub's layout: a card that names the files.

    One frame is both train and validation.
    """
    if isinstance(frames, pd.DataFrame):
        frames = dict.fromkeys(("train", "validation"), frames)
    (folder / name).mkdir(parents=True)
    for split, frame in frames.items():
        frame.to_parquet(folder / name / f"{split}-00000-of-00001.parquet", index=False)
    files = [{"split": s, "path": f"{name}/{s}-*"} for s in frames]
    card = yaml.safe_dump({"configs": [{"config_name": name, "data_files": files}]})
    (folder / "README.md").write_text(f"---\n{card}---\n")
    return folder


def pairs(rows: int = 6) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sentence1": [f"premise {i}" for i in range(rows)],
            "sentence2": [f"hypothesis {i}" for i in range(rows)],
            "label": [i % 2 for i in range(rows)],
            "idx": range(rows),
        }
    )
