# The validated config, and what the rules ask of it. Nothing runs before this has passed.
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, ROOT)

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from smartbert.data.backbones import kind_of
from smartbert.errors import UserError
from smartbert.files import check_writable, write_text
from smartbert.leaderboard import SHEETS
from smartbert.manifest import REFERENCE
from smartbert.results import ABLATION_PARTS, PAGES, RUN_TABLES, STATISTICS, TIDY, TRACES
from smartbert.results import Results, in_order
from smartbert.tasks import TASKS
from workflow.code import digest
from workflow.preload import start
from workflow.progress import Progress
from workflow.settings import entries, options, order, plan, rates, submission, validation

# Scripts are found from any folder; -P keeps that folder's own files out of their way.
PATHS = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
# A job keeps the memory that it has freed: to give it back and get it again takes a tenth of a
# training's time on a CPU (tests/speed/training.py).
MEMORY = (
    "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456"
)
MEMORY = os.environ.get("GLIBC_TUNABLES", MEMORY)
JOBS = {"PYTHONPATH": PATHS, "GLIBC_TUNABLES": MEMORY}  # what the environment of jobs says

# What a module's `config` does not say holds as config.yaml says it.
config.update(options.complete(config, Path(ROOT, "config", "config.yaml")))
try:
    KEPT_RUNS = validation.validate(config)  # what of this run is taken from `traces_from`
except UserError as error:
    sys.exit(f"error: {error}")

PRELOADED = f".snakemake/preloaded-{os.getpid()}"  # the socket of this call's server
here = workflow.is_main_process and workflow.local_exec  # where jobs run
PRELOAD = config["resources"]["preload"] and here and start.possible()
shell.prefix(
    f"set -euo pipefail; export {' '.join(f'{k}={shlex.quote(v)}' for k, v in JOBS.items())}; "
    + (start.shell_function(PRELOADED) if PRELOAD else "")
)

if workflow.is_main_process and Quietness.ALL not in (workflow.output_settings.quiet or ()):
    logger.addHandler(Progress())

if KEPT_RUNS.folder and workflow.is_main_process:
    print(KEPT_RUNS.told(), file=sys.stderr)

# The record of the backbone's type, which is found by name.
ENCODER = f"smartbert.encoders.{kind_of(config['backbone']['path'])}"
# Threads of a job that nothing may run beside; Snakemake scales them down to what --cores gives.
# (`workflow.cores` would need --cores even where nothing runs, as for a report.)
EVERY_CORE = 1024
# Methods as they are tuned, scored and shown, with their trainings: see `group` in the config.
GROUPS = plan.groups_of(config, list(config["methods"]))
AS_ONE = "|".join(GROUPS)
# Entries whose rows are another's traces, read under their own rule: nothing of theirs is recorded.
READ = {name: other for name in config["methods"] if (other := plan.read_from(config, name))}
FOREIGN = "|".join(name for name in config["methods"] if entries.traces(config, name)) or "(?!)"
RECORDED = "|".join(
    name for name in config["methods"] if name not in READ and not entries.traces(config, name)
)
TRAINED = "|".join(name for name in config["methods"] if not entries.is_read(config, name))
# Whose turn it is to train: what says most for its time. Whatever else is ready goes before (10).
TURNS = order.turns(config)
# The pattern of the wildcard `task` looks ahead, at method and seed: kept runs are not recorded here.
TAKEN = "|".join(f"{task}/{name}/seed{seed}" for task, name, seed in KEPT_RUNS.taken) or "(?!)"
KEPT_TASK = rf"(?=(?:{TAKEN})/)\w+"
OWN_TASK = rf"(?!(?:{TAKEN})/)(?:{'|'.join(TASKS)})"


wildcard_constraints:
    task="|".join(TASKS),
    method="|".join(config["methods"]),
    seed=r"\d+",
    sheet="|".join(SHEETS),


def turn(wildcards):
    """Return the priority of a training; 0 where no row asks for it."""
    return TURNS.get((wildcards.task, wildcards.method, int(wildcards.seed)), 0)


def drop_partial():
    """Remove the tables of a call that failed, once the run's own are newer."""
    results = Results(Path(config["results"]))
    partial, own = results.partial.table("glue"), results.table("glue")
    if partial.exists() and in_order([[partial], [own]]):
        shutil.rmtree(results.partial.folder)
