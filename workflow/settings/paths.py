"""Paths: the config's, with `~` written out, so that every reader of one has the same folder."""

from smartbert.data.settings import home
from smartbert.errors import UserError

FILES = ("journal:", "sqlite:///")  # storages that are files


def expand_home(config: dict) -> None:
    """Write out `~` in every path of a config.

    Raises:
        UserError: naming the setting, if there is no such user here.
    """
    for section, key in (("data", "path"), ("backbone", "path"), ("tuning", "storage")):
        _expand(config[section], key, f"{section}.{key}")
    for key in ("results", "traces_from"):
        _expand(config, key, key)
    for name, own in config["own_tasks"].items():
        _expand(own, "path", f"own_tasks.{name}.path")
    for name, entry in config["methods"].items():
        _expand(entry, "source", f"methods.{name}.source")


def _expand(values: dict, key: str, setting: str) -> None:
    value = values.get(key)
    if not isinstance(value, str):
        return
    kind = next((kind for kind in FILES if value.startswith(kind)), "")
    try:
        values[key] = kind + home(value.removeprefix(kind))
    except UserError as error:
        raise UserError(f"config: {error}; set by `{setting}`") from None
