"""Provenance: the versions, commit, device and settings behind a number, written beside it."""

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from smartbert.errors import UserError
from smartbert.files import read_json

PACKAGES = ("torch", "transformers", "datasets", "numpy", "scikit-learn", "optuna", "snakemake")


def describe(**facts: object) -> dict:
    """Return the given facts with the versions, commit and device that they were made with."""
    return {
        **facts,
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in PACKAGES},
        "device": device(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }


def installed(package: str) -> str | None:
    """Return a package's version, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def commit() -> str | None:
    """Return the project's git commit, "+" after it if files differ; None outside a checkout."""
    root = Path(__file__).resolve().parents[1]

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def device() -> str:
    """Return the accelerator's name, or the processor's instruction set; with bf16 if it computes
    in it, which the set's name does not say.
    """
    import torch

    from smartbert.precision import has_bf16

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    bf16 = " bf16" if has_bf16() else ""
    return f"cpu {platform.machine()} {torch.backends.cpu.get_cpu_capability()}{bf16}"


def sha256(path: Path) -> str:
    """Return the hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_model(folder: Path) -> dict:
    """Return the provenance of a trained model, after a look at its weights.

    Raises:
        UserError: if they are missing, truncated or not what the training wrote.
    """
    weights, record = folder / "model.safetensors", read_json(folder / "provenance.json")
    found = sha256(weights) if weights.is_file() else None
    if found is None or found != record.get("weights"):
        what = "are missing" if found is None else "are not those that its training wrote"
        raise UserError(
            f"the weights in {folder} {what}; delete that folder and run again to train it anew"
        )
    return record
