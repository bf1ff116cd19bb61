"""The process that loads packages once; every job that is handed to it runs in a copy of it.

    python -P -m workflow.preload.server NUMBER

NUMBER is that of an open file, the socket on which it is to listen. It ends when its standard input
does: when the Snakemake that started it has ended, however it did.
A job ends when its client does.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import socketserver
import sys
import threading
import traceback

from workflow.preload.client import LENGTH
from workflow.scripts.common import offline

# What the jobs import, much of it when they need it.
PACKAGES = (
    "baselines.loading",
    "pandas",
    "sklearn.metrics",
    "smartbert.analysis.sweep",
    "smartbert.model.folder",
    "smartbert.report.writing",
    "smartbert.train.checkpoints",
    "smartbert.train.recorder",
    "smartbert.train.stages",
    "smartbert.train.states",
    "smartbert.tune.study",
    "transformers.models.bert.modeling_bert",
)
SECONDS = 1.0  # between looks at which jobs have ended


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Copies itself for each job."""

    max_children = 1000  # Snakemake says how many jobs run at once
    block_on_close = False


class Job(socketserver.BaseRequestHandler):
    """A job, in the copy that is its own."""

    request: socket.socket
    server: Server
    over = False

    def handle(self) -> None:
        """Run the job as its client was to run it, and tell it the exit status."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.server.socket.close()  # a client of a server that has ended is not to wait for this
        start, files, *_ = socket.recv_fds(self.request, LENGTH.size, 3)
        with self.request.makefile("rb") as stream:
            asked = json.loads(stream.read(LENGTH.unpack(start)[0]))
        self.request.sendall(b"+")  # begun
        for own, given in enumerate(files):
            os.dup2(given, own)
            os.close(given)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        threading.Thread(target=self.end_with_client, daemon=True).start()
        status = run(asked["words"])
        self.over = True
        self.request.sendall(bytes([status]))

    def end_with_client(self) -> None:
        """End this process, whatever it does, when its client ends before the job."""
        self.request.recv(1)  # nothing is sent: this returns at the end
        if not self.over:
            os.kill(os.getpid(), signal.SIGKILL)


def load() -> None:
    """Import what jobs import."""
    offline()
    for name in PACKAGES:
        importlib.import_module(name)
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    get_checkpoint_conversion_mapping("bert")  # compiles a thousand patterns the first time
    gc.collect()
    gc.freeze()  # what is loaded stays: copies need not look through it again


def run(words: list[str]) -> int:
    """Run `-P -m MODULE ...` in this process as Python does; return the exit status."""
    _, _, module, *rest = words
    sys.orig_argv, sys.argv = ["python", *words], [module, *rest]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        status: object = 0
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    if not isinstance(status, int | None):
        print(status, file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return int(status or 0) & 0xFF


def main() -> None:
    """Run from the command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the jobs end, then Snakemake, then this
    load()  # beside the first jobs, which fetch the backbone
    with Server("", Job, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = socket.socket(fileno=int(sys.argv[1]))
        while sys.stdin not in (ready := select.select([server, sys.stdin], [], [], SECONDS)[0]):
            if ready:
                server.handle_request()
            server.service_actions()  # sees which jobs have ended


if __name__ == "__main__":
    main()
