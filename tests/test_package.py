"""The package: what its wheel holds, that it works outside the checkout, what it says it needs."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from configs import pins
from conftest import ROOT, SMARTBERT
from made_up_model import made_up_model
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES = ("smartbert", "baselines")
OTHERS = ("workflow", "tests", "config", "notebooks", "docs")  # beside them, and not to be packed
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pip(*words: str) -> None:
    """Run pip without a network; its own output says why it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, "--no-deps", "--no-index", "--quiet"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of the sources, since building writes among them."""
    pytest.importorskip("setuptools", "77", reason="building the wheel takes setuptools >= 77")
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for folder in PACKAGES + OTHERS:
        shutil.copytree(
            ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(out), str(copy))
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with the wheel's content and command, nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--target", str(folder), str(wheel))
    return folder


def away(installed: Path, *words: str, code: int = 0) -> str:
    """Run a command in an empty folder that sees the installed package alone; return its stdout."""
    elsewhere = installed / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    known = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(words, cwd=elsewhere, env=known, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout


def needs(*extras: str) -> list[Requirement]:
    """What some extras add to what the package always takes."""
    return [Requirement(line) for name in extras for line in PROJECT["optional-dependencies"][name]]


def test_the_wheel_holds_both_packages_with_their_data_and_nothing_else(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name[0] != "."
    }
    assert held == ours
    assert {"smartbert/report/literature.csv", "smartbert/py.typed", "baselines/py.typed"} < held
    assert "smartbert/report/vendor/plotly-LICENSE.txt" in held


def test_an_installed_package_reads_its_data_elsewhere(installed):
    code = (
        "import smartbert, baselines\n"
        "from baselines.registry import METHODS\n"
        "from smartbert.report.literature import published, published_exits\n"
        "print(smartbert.__file__, baselines.__file__)\n"
        "print(len(METHODS), len(published()), len(published_exits()))"
    )
    files, counts = away(installed, sys.executable, "-c", code).splitlines()
    assert files.split() == [str(installed / name / "__init__.py") for name in PACKAGES]
    assert all(int(count) > 5 for count in counts.split())


def test_the_command_calls_itself_as_it_was_called(installed):
    python = away(installed, sys.executable, "-m", "smartbert", "--help")
    assert python.startswith("usage: python -m smartbert [-h] {predict,bench,push,check-trace}")
    command = away(installed, sys.executable, str(installed / "bin" / "smartbert"), "--help")
    assert command.startswith("usage: smartbert [-h] {predict,bench,push,check-trace}")


def test_a_published_model_predicts_elsewhere_without_the_extras(installed, tiny_model, tmp_path):
    extras = {canonicalize_name(one.name) for one in needs(*PROJECT["optional-dependencies"])}
    extras.remove("pyyaml")  # transformers brings it
    hidden = [
        module
        for module, owners in packages_distributions().items()
        if extras & {canonicalize_name(owner) for owner in owners}
    ]
    assert {"datasets", "optuna", "matplotlib", "sklearn", "snakemake"} <= set(hidden)
    folder = made_up_model(tiny_model(**SMARTBERT), tmp_path, "sst2")
    (tmp_path / "texts.txt").write_text("a very good film\nnot good\n")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}))\n"  # None: not installed
        "from smartbert.__main__ import main; sys.exit(main())"
    )
    words = ["--model", str(folder), "--budget", "0.5", str(tmp_path / "texts.txt")]
    answers = away(installed, sys.executable, "-c", code, "predict", *words).splitlines()
    assert [json.loads(answer)["line"] for answer in answers] == [1, 2]
    assert all(json.loads(answer)["exit_layer"] >= 1 for answer in answers)


def test_an_installed_copy_claims_no_commit_of_the_repository_around_it(installed):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for words in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run(["git", "-C", str(installed), *words], check=True)
    code = "from smartbert.provenance import commit; print(commit())"
    assert away(installed, sys.executable, "-c", code) == "None\n"


def test_the_package_takes_what_the_requirements_pin():
    pinned = dict(pin.split("==") for pin in pins((ROOT / "requirements.txt").read_text()))
    always = [Requirement(line) for line in PROJECT["dependencies"]]
    taken = [*always, *needs("workflow", "dev")]
    assert sorted(one.name for one in taken) == sorted(pinned)
    for one in taken:
        assert {part.operator for part in one.specifier} == {">="}, one
        assert one.specifier.contains(pinned[one.name]), one


def test_hooks_run_the_tools_of_the_environment():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    names = {pin.split("==")[0] for pin in pins((ROOT / "requirements.txt").read_text())}
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["entry"].split()[0] for hook in hooks} == {"ruff", "snakefmt", "mypy"} & names
