"""A Slurm of one node on this machine, from its installed packages (Debian: slurm-wlm, munge), with
keys, state and ports of its own. Needs root, as slurmd does.
"""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
# Job steps forget SLURM_CONF, so that the files have to be where Slurm looks for them.
SYSTEM = Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf", "cgroup.conf")
CONFIG = """\
ClusterName=tests
SlurmctldHost={host}
SlurmctldAddr=127.0.0.1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Return why no Slurm can be started here, None if one can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    if absent:
        return f"Slurm is not installed: no {absent[0]} (Debian: apt install slurm-wlm munge)"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "Snakemake's executor is not installed (pip install snakemake-executor-plugin-slurm)"
    if os.geteuid() != 0:
        return "a Slurm daemon can be started by root alone"
    if any((SYSTEM / name).exists() for name in FILES):
        return f"this machine has a Slurm of its own ({SYSTEM})"
    return None


def search_path() -> str:
    """Return the path on which Debian's daemons are found, too."""
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


@contextlib.contextmanager
def cluster(*, gpus: int = 2, cpus: int = 8, memory: int = 60_000) -> Iterator[dict[str, str]]:
    """Yield the environment in which Slurm's commands reach the node.

    Args:
        gpus: how many it says it has (nothing looks for them).
        memory: MB that jobs may ask for.
    """
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    ports = [free_port() for _ in range(2)]
    host = socket.gethostname().partition(".")[0]
    values = {"folder": folder, "host": host, "ports": ports, "cpus": cpus}
    (folder / "slurm.conf").write_text(CONFIG.format(**values, memory=memory, gpus=gpus))
    for number in range(gpus):  # a card is a file to Slurm
        (folder / f"gpu{number}").touch()
    (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File={folder}/gpu[0-{gpus - 1}]\n")
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    env = {**os.environ, "PATH": search_path()}
    daemons = [
        ["munged", "--foreground", "--force", f"--key-file={key}",
         f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid",
         f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"],
        ["slurmctld", "-D"],
        ["slurmd", "-D", "-N", host],
    ]  # fmt: skip
    started = []
    SYSTEM.mkdir(exist_ok=True)
    try:
        for name in FILES:
            (SYSTEM / name).symlink_to(folder / name)
        with (folder / "daemons.log").open("wb") as log:
            for words in daemons:
                started.append(subprocess.Popen(words, env=env, stdout=log, stderr=log))
                time.sleep(1)
        wait_until_idle(env, folder)
        yield env
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(timeout=30)
        for name in FILES:
            (SYSTEM / name).unlink(missing_ok=True)
        shutil.rmtree(folder)


def wait_until_idle(env: dict[str, str], folder: Path, *, seconds: int = 60) -> None:
    """Wait for the node to take jobs.

    Raises:
        RuntimeError: with the daemons' last lines if it does not.
    """
    for _ in range(seconds):
        done = subprocess.run(["sinfo", "-h", "-o", "%T"], env=env, capture_output=True, text=True)
        if done.stdout.strip() in ("idle", "mixed"):
            return
        time.sleep(1)
    logs = "\n".join(path.read_text()[-1500:] for path in sorted(folder.glob("*.log")))
    raise RuntimeError(f"the node is {done.stdout.strip() or done.stderr.strip()}:\n{logs}")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
