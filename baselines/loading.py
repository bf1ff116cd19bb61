"""Load a method by its registered name, or from a user's own file."""

import importlib.util
import sys
from pathlib import Path

from baselines.registry import METHODS, source_file
from smartbert.criteria import CRITERIA, NEVER
from smartbert.errors import UserError, unknown
from smartbert.manifest import MethodRecord
from smartbert.methods.contract import Method


def load(name: str, source: str | None = None) -> Method:
    """Return a method by its registered name, or from a Python file that defines one `Method`
    subclass.

    Raises:
        UserError: for an unknown name, a file without exactly one method of its own, or a method
            under an unknown exit rule.
    """
    if source is not None:
        method = _from_file(name, source_file(name, source))
        if method.criterion not in (*CRITERIA, NEVER):
            setting = f"`criterion` in {source}"
            raise unknown("exit criterion", method.criterion, [*CRITERIA, NEVER], setting=setting)
        return method
    module, _, attribute = _record(name).path.partition(":")
    return getattr(importlib.import_module(module), attribute)()


def title_of(name: str, source: str | None = None) -> str:
    """Return how tables and figures call a method: as its record says, or the class of the file;
    a class without a title is called by the method's name.
    """
    if source is not None:
        return load(name, source).title or name
    return _record(name).title


def _record(name: str) -> MethodRecord:
    if name not in METHODS:
        raise unknown(
            "method", name, METHODS, setting="`methods` in the config (or give it a `source` file)"
        )
    return METHODS[name]


def _from_file(name: str, path: Path) -> Method:
    spec = importlib.util.spec_from_file_location(f"method_{name}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"method {name!r}: {path} is no Python file; set `methods.{name}.source`")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        raise UserError(f"method {name!r}: {path} cannot be loaded: {error}") from error
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Method) and value.__module__ == spec.name
    ]
    if len(own) != 1:
        raise UserError(
            f"method {name!r}: {path} must define exactly one subclass of smartbert.methods.Method,"
            f" found {len(own)}"
        )
    return own[0]()
