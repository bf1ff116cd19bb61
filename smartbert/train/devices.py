"""One GPU for each job of the workflow, where a machine has several. No torch: it must not have
looked for GPUs before one is chosen.
"""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import TextIO

VISIBLE = "CUDA_VISIBLE_DEVICES"
DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder per card
SLOTS = 64  # jobs on one card

# Open files; the system takes their locks back when the process ends, however it ends.
_held: list[TextIO] = []


def visible() -> list[str]:
    """Return the GPUs that this process may use: those named in CUDA_VISIBLE_DEVICES, or all."""
    if VISIBLE in os.environ:
        return [name for name in os.environ[VISIBLE].split(",") if name]
    return [str(n) for n in range(len(list(DRIVER.iterdir())))] if DRIVER.is_dir() else []


def take_one() -> str | None:
    """Leave one GPU visible to this process: the one with the fewest jobs of this user so far.

    A training on several cards at once would split batches of 16; several trainings side by side
    use them better. Where a scheduler has chosen already, or there is no choice, nothing changes.

    Returns:
        its name, None where nothing was chosen.
    """
    names = visible()
    if len(names) < 2:
        return None
    folder = Path(tempfile.gettempdir()) / f"smartbert-gpus-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for slot in range(SLOTS):
        for position, name in enumerate(names):
            file = (folder / f"{position}-{slot}").open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                continue
            _held.append(file)
            os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
            os.environ[VISIBLE] = name
            return name
    return None
