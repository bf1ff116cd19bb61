"""Small local data folders in the layout of GLUE's."""

from pathlib import Path

import pandas as pd
import yaml


def write_task(
    folder: Path, frames: pd.DataFrame | dict[str, pd.DataFrame], name: str = "rte"
) -> Path:
    """Write a GLUE-like folder with one task, in the hub's layout: a card that names the files.

    One frame is train, and validation with other texts.
    """
    if isinstance(frames, pd.DataFrame):
        frames = {"train": frames, "validation": elsewhere(frames)}
    (folder / name).mkdir(parents=True)
    for split, frame in frames.items():
        frame.to_parquet(folder / name / f"{split}-00000-of-00001.parquet", index=False)
    files = [{"split": s, "path": f"{name}/{s}-*"} for s in frames]
    card = yaml.safe_dump({"configs": [{"config_name": name, "data_files": files}]})
    (folder / "README.md").write_text(f"---\n{card}---\n")
    return folder


def elsewhere(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose second texts, where there are any, are other ones."""
    if "sentence2" not in frame:
        return frame
    second = frame["sentence2"].map(lambda text: f"{text} again" if isinstance(text, str) else text)
    return frame.assign(sentence2=second)


def pairs(rows: int = 6) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sentence1": [f"premise {i}" for i in range(rows)],
            "sentence2": [f"hypothesis {i}" for i in range(rows)],
            "label": [i % 2 for i in range(rows)],
            "idx": range(rows),
        }
    )
