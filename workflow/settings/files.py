"""Config files, merged as Snakemake merges them, for scripts that are called by hand."""

from pathlib import Path

import yaml
from snakemake.utils import update_config

from workflow.settings.options import complete
from workflow.settings.validation import validate

ROOT = Path(__file__).parents[2]


def merged(files: list[Path], traces_from: str | None = None) -> dict:
    """Return the config as Snakemake would merge it, validated.

    Raises:
        UserError: naming a value that it may not have.
    """
    config = complete({}, ROOT / "config" / "config.yaml")
    for file in files:
        update_config(config, yaml.safe_load(file.read_text()))
    if traces_from is not None:
        config["traces_from"] = traces_from
    validate(config)
    return config
