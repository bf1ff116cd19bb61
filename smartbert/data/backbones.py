"""Backbones: any pre-trained BERT, from the hub, a local folder, or weights inside an installed
package.

`fetch` is the only place that may use the network for weights; it writes one plain folder (config,
safetensors, tokenizer) that everything else reads. Nothing falls back from one source to another.
"""

import importlib.util
from pathlib import Path
from typing import cast

from smartbert.data.settings import looks_local
from smartbert.errors import UserError, first_line
from smartbert.files import whole_folder
from smartbert.results import WEIGHTS

SETTING = "`backbone.path` in the config"
PACKAGE = "package:"


def source(path: str) -> str:
    """Return what `from_pretrained` takes for a backbone path, resolving `package:<module>`.

    Raises:
        UserError: if the package or the local folder is missing.
    """
    if path.startswith(PACKAGE):
        return str(_package_folder(path.removeprefix(PACKAGE)))
    if looks_local(path) and not Path(path).is_dir():
        raise UserError(f"backbone folder {path!r} does not exist; set {SETTING}")
    return path


def _package_folder(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise UserError(f"package {module!r} with backbone weights is not installed; set {SETTING}")
    folder = Path(spec.origin).parent
    found = sorted(config.parent for config in folder.rglob("config.json") if _has_weights(config))
    if not found:
        raise UserError(f"package {module!r} holds no model folder with safetensors; set {SETTING}")
    return found[0]


def _has_weights(config: Path) -> bool:
    return any(config.parent.glob("*.safetensors"))


def fetch(path: str, target: Path) -> None:
    """Write the backbone (BERT with pooler, float32) and its tokenizer to a folder.

    Raises:
        UserError: if it cannot be reached or read, or is no BERT.
    """
    from transformers import AutoConfig, AutoTokenizer, BertModel

    where = source(path)
    try:
        config = AutoConfig.from_pretrained(where)
        if config.model_type != "bert":
            raise UserError(
                f"backbone {path!r} is a {config.model_type!r}, not a 'bert'; set {SETTING}"
            )
        tokenizer = AutoTokenizer.from_pretrained(where)
        model, info = cast(
            "tuple[BertModel, dict[str, list[str]]]",  # what it returns with `output_loading_info`
            BertModel.from_pretrained(
                where, output_loading_info=True, dtype="float32", use_safetensors=True
            ),
        )
    except UserError:
        raise
    except Exception as error:  # the hub's client raises many unrelated types
        raise UserError(
            f"cannot load backbone {path!r}: {first_line(error)};"
            f" check the network or set {SETTING}"
        ) from None
    missing = [name for name in info["missing_keys"] if not name.startswith("pooler.")]
    if missing:
        raise UserError(f"backbone {path!r} lacks weights {missing[:3]}...; set {SETTING}")
    with whole_folder(target, last=WEIGHTS) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
