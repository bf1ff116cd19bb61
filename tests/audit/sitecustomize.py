"""Notes every file that a script of the workflow opens for reading, where `AUDIT` names a log: put
this folder on PYTHONPATH. A test compares it with what the rules declare.
"""

import os
import sys

LOG = os.environ.get("AUDIT")


def note(event: str, args: tuple) -> None:
    """Write script and path of a file that is opened for reading."""
    if event != "open" or not isinstance(args[0], str) or args[0] == LOG:
        return
    path, mode, flags = args
    if (mode and mode != "r" and mode != "rb") or (flags or 0) & (os.O_WRONLY | os.O_RDWR):
        return
    words = sys.orig_argv
    script = next((w for w in words if w.startswith("workflow.scripts.")), None)
    if script:
        line = f"{script.rpartition('.')[2]}\t{os.path.realpath(path)}\n"
        handle = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line.encode())
        os.close(handle)


if LOG:
    sys.addaudithook(note)
