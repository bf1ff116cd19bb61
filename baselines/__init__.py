"""The registry of methods: name -> "module:Class", loaded when asked for.

A new method is one file with a subclass of `smartbert.methods.Method`: add its line here, or name
the file in the config (`methods.<name>.source`), and give it an entry under `methods` in the
config.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

from smartbert.errors import UserError, unknown
from smartbert.methods import Method

METHODS = {
    "full_bert": "baselines.full_bert:FullBert",
    "truncated_bert": "baselines.truncated_bert:TruncatedBert",
    "deebert": "baselines.deebert:DeeBert",
    "pabee": "baselines.pabee:Pabee",
    "skip_only": "baselines.skip_only:SkipOnly",
    "smartbert": "smartbert.method:SmartBert",
    "exit_only": "baselines.exit_only:ExitOnly",
    "gates_off": "baselines.gates_off:GatesOff",
    "random_skip": "baselines.random_skip:RandomSkip",
    "constant_skip": "baselines.constant_skip:ConstantSkip",
}


def load(name: str, source: str | None = None) -> Method:
    """Return a method by its registered name, or from a Python file that defines one `Method`
    subclass.

    Raises:
        UserError: for an unknown name, or a file without exactly one method of its own.
    """
    if source is not None:
        return _from_file(name, source_file(name, source))
    if name not in METHODS:
        raise unknown(
            "method", name, METHODS, setting="`methods` in the config (or give it a `source` file)"
        )
    module, _, attribute = METHODS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)()


def source_file(name: str, source: str) -> Path:
    """Return the file that defines a method.

    Raises:
        UserError: if there is none.
    """
    path = Path(source)
    if not path.is_file():
        raise UserError(
            f"method {name!r}: source {source!r} does not exist; set `methods.{name}.source`"
        )
    return path


def _from_file(name: str, path: Path) -> Method:
    spec = importlib.util.spec_from_file_location(f"method_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
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
