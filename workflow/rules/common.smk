# The validated config, and what the rules ask of it. Nothing runs before this has passed.
import os
import sys

sys.path.insert(0, workflow.basedir)

from smartbert.errors import UserError
from workflow import settings
from workflow.code import digest

try:
    settings.validate(config)
    PARENTS = settings.parents(config)
except UserError as error:
    sys.exit(f"error: {error}")


wildcard_constraints:
    task="[a-z0-9]+",
    method="[a-z][a-z0-9_]*",
    seed=r"\d+",


def parent_weights(wildcards):
    parent = PARENTS[wildcards.method]
    return (
        f"<results>/runs/{wildcards.task}/{parent}/seed{wildcards.seed}/model.safetensors"
        if parent
        else []
    )


def run_files(config, name):
    return [
        f"<results>/runs/{task}/{method}/seed{seed}/{name}"
        for task in config["tasks"]
        for method in config["compare"]
        for seed in settings.seeds(config, task)
    ]
