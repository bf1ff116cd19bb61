"""Parts: a folder as one compressed archive, cut into parts that a transfer takes, and back again.

The usual tools do it, so that a machine takes a folder out before it has any of this code. The
checksums that lie beside the parts name them in their order.
"""

import shlex
import subprocess
from pathlib import Path

from smartbert.errors import UserError

SUMS = "SHA256SUMS"
PREFIX = "part-"
TAKE_OUT = (
    f"sha256sum --check --quiet {SUMS} && cut -c 67- {SUMS} | xargs cat"
    " | tar --extract --gzip --no-same-owner --directory {folder}"
)


def take_out(folder: str) -> str:
    """Return the command that takes a folder out, where its parts lie."""
    return TAKE_OUT.format(folder=shlex.quote(folder))


def write_parts(folder: Path, out: Path, *, megabytes: float) -> list[Path]:
    """Write a folder, with what links in it point to, as parts of a size; return these and the file
    of their checksums.

    Raises:
        UserError: if the system's tools cannot.
    """
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob(f"{PREFIX}*"):
        old.unlink()
    pack = "tar --create --gzip --dereference --mode=u+w --directory {folder} ."
    cut = "split --bytes={size} --suffix-length=3 --numeric-suffixes=1 - {prefix}"
    words = {"folder": shlex.quote(str(folder.absolute())), "size": round(megabytes * 1e6)}
    command = f"{pack} | {cut} && sha256sum {{prefix}}* > {{sums}}"
    _run(command.format(**words, prefix=PREFIX, sums=SUMS), out)
    return [*sorted(out.glob(f"{PREFIX}*")), out / SUMS]


def read_parts(parts: Path, folder: Path) -> None:
    """Take a folder out of its parts.

    Raises:
        UserError: naming the parts that are missing or damaged.
    """
    _run(take_out(str(folder.absolute())), parts)


def _run(command: str, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        said = [line for line in [*done.stdout.splitlines(), *done.stderr.splitlines()] if line]
        raise UserError(f"{folder}: {'; '.join(said[:5])}; bring what is named there again")
