"""What the Snakefile does about preloading: start the server, and send jobs its way."""

import atexit
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from smartbert.train.devices import visible

# Those of most jobs; none of them uses the network.
SERVED = (
    *("train", "states", "record", "read", "tune", "evaluate"),
    *("compare", "tables", "claims", "explorer"),
)
PATIENCE = 5  # seconds for the server to see that its input has ended


def possible() -> bool:
    """Return whether a process can be copied here: it cannot where it has looked for GPUs, and
    elsewhere than on Linux some libraries do not allow it.
    """
    return sys.platform == "linux" and not visible()


def start(path: str, environment: dict[str, str]) -> None:
    """Start the server; it ends with this process.

    Args:
        path: socket to listen on, in the folder that jobs run in.
        environment: of jobs, beside this process's own.
    """
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).unlink(missing_ok=True)  # of a process long gone
    with socket.socket(socket.AF_UNIX) as listening:  # now, so that the first job need not wait
        listening.bind(path)
        listening.listen()
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "workflow.preload.server", str(listening.fileno())],
            stdin=subprocess.PIPE,
            env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
            pass_fds=[listening.fileno()],
        )

    def end() -> None:
        try:
            server.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:  # it is still loading
            server.kill()
            server.wait()
        Path(path).unlink(missing_ok=True)

    atexit.register(end)


def shell_function(path: str) -> str:
    """Return what makes `python` in a shell line hand jobs to the server."""
    client = shlex.quote(str(Path(__file__).with_name("client.py")))
    served = "|".join(f"workflow.scripts.{name}" for name in SERVED)
    return (  # without braces, which Snakemake would fill in
        f'python() case "$3" in {served}) command python -I -S {client} {shlex.quote(path)} "$@";;'
        ' *) command python "$@";; esac; '
    )
