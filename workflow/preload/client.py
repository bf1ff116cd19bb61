"""Hand a job to the server that has loaded its packages, and end as it does; where there is none,
run the job.

    python -I -S client.py SOCKET <the words that follow `python`>

It imports little and nothing of the project: it starts for every job that is handed over.
"""

import json
import os
import socket
import struct
import sys

LENGTH = struct.Struct("!Q")  # of a request, before it
KILLED = 128 + 9  # a shell's word for it


def hand_over(path: str, words: list[str]) -> int | None:
    """Return the exit status of a job that the server ran, None where none has begun it."""
    folder = os.getcwd()  # noqa: PTH109  # to import pathlib would take longer than all of this
    asked = {"words": words, "folder": folder, "environment": dict(os.environ)}
    request = json.dumps(asked).encode()
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
        socket.send_fds(connection, [LENGTH.pack(len(request))], [0, 1, 2])
        connection.sendall(request)
        begun = connection.recv(1)
    except OSError:
        return None
    if not begun:
        return None
    status = connection.recv(1)
    return status[0] if status else KILLED


def main() -> None:
    """Run from the command line."""
    path, *words = sys.argv[1:]
    # The server's arithmetic is set to one thread, and numbers depend on it.
    status = hand_over(path, words) if os.environ.get("OMP_NUM_THREADS") == "1" else None
    if status is None:
        os.execvp("python", ["python", *words])
    sys.exit(status)


if __name__ == "__main__":
    main()
