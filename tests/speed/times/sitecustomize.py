"""Notes the processor time of every Python process at its end, where `TIMES` names a log: put this
folder on PYTHONPATH. Copies of a process count on their own.
"""

import atexit
import os
import re
import resource
import sys

LOG = os.environ.get("TIMES")
PACKAGE = re.compile(r"workflow\.(?:scripts\.)?(\w+)")


def note() -> None:
    """Write what this process is, and its seconds."""
    named = next(filter(None, (PACKAGE.match(word) for word in sys.orig_argv)), None)
    used = resource.getrusage(resource.RUSAGE_SELF)
    line = f"{named[1] if named else 'snakemake'}\t{used.ru_utime + used.ru_stime:.3f}\n"
    handle = os.open(LOG or "", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line.encode())
    os.close(handle)


def exit_noted(status: int, leave=os._exit) -> None:
    """End a copy of a process, which runs nothing that is registered for the end."""
    note()
    leave(status)


if LOG:
    atexit.register(note)
    os._exit = exit_noted
