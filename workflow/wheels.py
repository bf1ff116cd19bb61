"""Wheels: the packages of the workflow that a machine with torch and transformers lacks.

The versions and their hashes are those of `requirements.lock`; who needs whom is read from the
packages that are installed here.
"""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from smartbert.errors import UserError

PYTHON = "3.12"
# Platforms whose wheels run there; pip takes each name as it is.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")
TAGS = re.compile(
    rf"cpython-{PYTHON.replace('.', '')}-|\.abi3\."
)  # of compiled code that runs there
WANTED = (
    *("snakemake", "datasets", "evaluate", "optuna", "accelerate"),
    *("jsonschema", "msgspec", "array-api-compat", "pyyaml", "tabulate"),
)
# What is there: torch and transformers with what they need, and the usual packages beside them.
THERE = {
    *("torch", "transformers", "tokenizers", "safetensors", "huggingface-hub", "accelerate"),
    *("regex", "numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "matplotlib", "attrs"),
    *("click", "filelock", "fsspec", "jinja2", "markupsafe", "packaging", "psutil", "pyyaml"),
    *("requests", "tabulate", "tqdm", "typing-extensions", "wrapt", "xxhash", "aiohttp"),
}
LEFT_OUT = {"pulp"}  # Snakemake's other scheduler: a run there takes the greedy one


def lacking(*also: str) -> list[str]:
    """Return the names of the packages that are brought along.

    Args:
        also: modules, each of a package that is wanted too.

    Raises:
        UserError: if one of them is not installed here.
    """
    found: dict[str, None] = {}
    waiting = [*WANTED, *(name for one in also for name in _packages(one))]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found or name in THERE or name in LEFT_OUT:
            continue
        found[name] = None
        try:
            needs = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            raise UserError(
                f"package {name!r} is not installed; `make check` installs it"
            ) from None
        there = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "extra": ""}
        waiting += [n.name for n in needs if n.marker is None or n.marker.evaluate(there)]
    return sorted(found)


def pinned(lock: str, names: list[str]) -> str:
    """Return the lines of a lock that pin some packages, with their hashes.

    Raises:
        UserError: if it lacks one.
    """
    parts = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    by_name: dict[str, str] = {canonicalize_name(part.partition("==")[0]): part for part in parts}
    if missing := sorted(set(names) - by_name.keys()):
        raise UserError(f"requirements.lock lacks {', '.join(missing)}; make it anew (its head)")
    return "".join(by_name[name] for name in names)


def install(requirements: Path, folder: Path) -> None:
    """Install pinned packages into a folder, as the other machine takes them.

    Raises:
        UserError: if one cannot be had as a wheel for it.
    """
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Some have no wheel; without compiled code one that is built here runs there, too.
    words += ["--no-deps", "--no-compile", "--prefer-binary", "--require-hashes"]
    words += ["--implementation", "cp", "--python-version", PYTHON]
    words += [word for platform in PLATFORMS for word in ("--platform", platform)]
    words += ["--target", str(folder), "--requirement", str(requirements)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise UserError(f"pip cannot install the packages: {'; '.join(said) or done.stderr[-300:]}")
    if strange := [path.name for path in folder.rglob("*.so") if not TAGS.search(path.name)]:
        raise UserError(f"{', '.join(strange)}: compiled for another Python than {PYTHON}")


def _packages(module: str) -> list[str]:
    found = packages_distributions().get(module)
    if not found:
        raise UserError(f"module {module!r} is in no installed package; set by `backbone.path`")
    return found
