"""The workflow from other folders: called with --directory, and as a module of another workflow."""

import subprocess

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from flow import command, environment

pytestmark = pytest.mark.slow

SMALLEST = {
    "tasks": ["rte"],
    "compare": ["full_bert"],
    "methods": {"full_bert": {"epochs": 1}},
    "data": {"synthetic": {"train": 120, "test": 40}, "tune": {"min": 40}},
    "tuning": {"trials": 20},
    "statistics": {"draws": 100},
}


def call(folder, *words: str) -> str:
    """Run Snakemake in a folder that is not the project's; return what it printed."""
    done = subprocess.run(
        command(*words, "--cores", "2"), cwd=folder, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def decoy(folder) -> None:
    """Give a folder modules of its own with the names of ours."""
    (folder / "workflow" / "scripts").mkdir(parents=True)
    for name in ("__init__.py", "code.py", "scripts/__init__.py", "scripts/train.py"):
        (folder / "workflow" / name).write_text("raise SystemExit('the wrong module')\n")


def scores(results) -> pd.DataFrame:
    table = pd.read_csv(results / "tables" / "glue.csv")
    assert (table.loc[table["point"] == "full", "status"] == "ok").all()
    return table


def test_it_runs_in_any_folder_and_as_a_module_with_the_same_numbers(tmp_path):
    folder, other = tmp_path / "folder", tmp_path / "other"
    for place in (folder, other):
        place.mkdir()
        decoy(place)
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"results": "here/any", **SMALLEST}))
    words = ["--directory", str(folder), "--configfile", str(ROOT / "config" / "quick.yaml")]
    call(tmp_path, "-s", str(ROOT / "Snakefile"), *words, str(tmp_path / "own.yaml"))
    found = scores(folder / "here" / "any")
    # A module's config says only what differs from config.yaml; here, the quick run's and this.
    quick = yaml.safe_load((ROOT / "config" / "quick.yaml").read_text())
    own = {**quick, **SMALLEST, "results": str(tmp_path / "elsewhere")}
    own["data"] = {**quick["data"], **SMALLEST["data"]}
    own["methods"] = {**quick["methods"], **SMALLEST["methods"]}
    (other / "Snakefile").write_text(
        f"module suite:\n    snakefile: {str(ROOT / 'Snakefile')!r}\n    config: {own!r}\n"
        "use rule * from suite\n"
    )
    call(other, "all")
    pd.testing.assert_frame_equal(scores(tmp_path / "elsewhere"), found)
    assert "Nothing to be done" in call(other, "all")
