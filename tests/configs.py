"""The shipped configs, merged and changed, and the pins of the environment."""

import copy
import re

import yaml
from conftest import ROOT
from snakemake.utils import update_config


def merged(name: str = "config") -> dict:
    """Return config.yaml with another file on top, merged as the workflow merges them."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    if name != "config":
        update_config(config, yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text()))
    return config


def changed(path: str, value: object) -> dict:
    config = copy.deepcopy(merged())
    *parents, last = path.split(".")
    node = config
    for part in parents:
        node = node.setdefault(part, {})
    node[last] = value
    return config


def pins(text: str) -> set[str]:
    """Return the pinned packages in a list of them."""
    return set(re.findall(r"^[ \-]*([A-Za-z0-9_.-]+==[^\s#]+)", text, re.MULTILINE))
