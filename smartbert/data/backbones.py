"""Backbones: any pre-trained encoder of a known type, from the hub, a local folder, or weights
inside an installed package.

`fetch` is the only place that may use the network for weights; it writes one plain folder (config,
safetensors, tokenizer) that everything else reads. Nothing falls back from one source to another.
"""

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from smartbert.data.settings import home, looks_local
from smartbert.encoders.record import Encoder, encoder, encoders
from smartbert.errors import UserError, first_line
from smartbert.files import whole_folder
from smartbert.results import CONFIG, WEIGHTS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SETTING = "`backbone.path` in the config"
PACKAGE = "package:"


def source(path: str) -> str:
    """Return what `from_pretrained` takes for a backbone path, resolving `package:<module>`.

    Raises:
        UserError: if the package or the local folder is missing.
    """
    if path.startswith(PACKAGE):
        return str(_package_folder(path.removeprefix(PACKAGE)))
    if looks_local(path) and not Path(home(path)).is_dir():
        raise UserError(f"backbone folder {path!r} does not exist; set {SETTING}")
    return home(path)


def _package_folder(module: str) -> Path:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # of a parent that is not there, of a name that none can have
        spec = None
    if spec is None or spec.origin is None or not spec.has_location:
        raise UserError(f"package {module!r} with backbone weights is not installed; set {SETTING}")
    folder = Path(spec.origin).parent
    found = sorted(config.parent for config in folder.rglob("config.json") if _has_weights(config))
    if not found:
        raise UserError(f"package {module!r} holds no model folder with safetensors; set {SETTING}")
    return found[0]


def _has_weights(config: Path) -> bool:
    return any(config.parent.glob("*.safetensors"))


def kind_of(path: str) -> str:
    """Return the type of a backbone at hand, as its config.json says; BERT's for one on the hub."""
    return str(_at_hand(path).get("model_type", "bert"))


def _at_hand(path: str) -> dict[str, object]:
    """Return the fields of a backbone's config.json; none where it is on the hub or unreadable."""
    try:
        fields = json.loads((Path(source(path)) / CONFIG).read_text())
    except (OSError, ValueError, UserError):
        return {}
    return fields if isinstance(fields, dict) else {}


def check_positions(path: str, max_length: int) -> None:
    """Raise UserError if a backbone at hand has fewer positions than examples have tokens; of one
    on the hub, or one that cannot be read, nothing is said yet.
    """
    fields = _at_hand(path)
    record = encoders().get(str(fields.get("model_type")))
    if record is not None:
        _check_positions(record, fields, path, max_length)


def _check_positions(
    record: Encoder, fields: Mapping[str, object], path: str, max_length: int
) -> None:
    positions = record.ours(fields).get("max_position_embeddings")
    if isinstance(positions, int) and positions - record.reserved < max_length:
        raise UserError(
            f"backbone {path!r} has {positions - record.reserved} positions, fewer than"
            f" `data.max_length`, which is {max_length}; set that to"
            f" {positions - record.reserved} or less, or {SETTING}"
        )


def fetch(path: str, target: Path, *, max_length: int = 1) -> None:
    """Write the backbone (float32, with a pooler that is used) and its tokenizer to a folder.

    Args:
        max_length: tokens of the longest example.

    Raises:
        UserError: if it cannot be reached or read, its type is not known here, or it has fewer
            positions than `max_length`; if its tokenizer is missing or another model's.
    """
    import transformers

    where = source(path)
    try:
        record = _record(where, path)
        fields = transformers.AutoConfig.from_pretrained(where).to_dict()
        _check_positions(record, fields, path, max_length)
        tokenizer = transformers.AutoTokenizer.from_pretrained(where)
        _check_words(tokenizer, fields, path)
        kind: type[transformers.PreTrainedModel] = getattr(transformers, record.model)
        model, info = cast(
            "tuple[transformers.PreTrainedModel, dict[str, list[str]]]",  # with the loading info
            kind.from_pretrained(
                where,
                output_loading_info=True,
                dtype="float32",
                use_safetensors=True,
                **record.loading,
            ),
        )
    except UserError:
        raise
    except Exception as error:  # the hub's client raises many unrelated types
        raise UserError(
            f"cannot load backbone {path!r}: {first_line(error)}; {_remedy(path, where)}"
        ) from None
    missing = [name for name in info["missing_keys"] if not name.startswith(record.left_out)]
    if missing:
        raise UserError(f"backbone {path!r} lacks weights {missing[:3]}...; set {SETTING}")
    with whole_folder(target, last=WEIGHTS) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _check_words(
    tokenizer: "PreTrainedTokenizerBase", fields: Mapping[str, object], path: str
) -> None:
    """Raise UserError if a tokenizer has no words, which the library makes up where its files are
    missing, or more tokens than the encoder has embeddings for.
    """
    words, rows = tokenizer.get_vocab(), fields.get("vocab_size")
    if not set(words) - set(tokenizer.all_special_tokens):
        raise UserError(
            f"backbone {path!r} has no tokenizer: tokenizer.json, or its type's file of words, is"
            f" missing; put it beside {CONFIG}, or set {SETTING}"
        )
    if isinstance(rows, int) and max(words.values()) >= rows:
        raise UserError(
            f"backbone {path!r}: its tokenizer has {max(words.values()) + 1} tokens, its encoder"
            f" embeddings for {rows}; put its own tokenizer beside {CONFIG}, or set {SETTING}"
        )


def _remedy(path: str, where: str) -> str:
    """Return what to do about a backbone that cannot be loaded."""
    if not Path(where).is_dir():
        return (
            "there is no folder of that name, so it was looked for on the hub: check name and"
            f" network, or set {SETTING}"
        )
    if path.startswith(PACKAGE):
        return f"install the package again or set {SETTING}"
    return (
        f"the folder needs {CONFIG}, weights as safetensors and a tokenizer, all whole; or set"
        f" {SETTING}"
    )


def _record(where: str, path: str) -> Encoder:
    """Return the record of a backbone's type, as its config.json says it; no weights are read."""
    from transformers import AutoConfig, PreTrainedConfig

    fields, _ = PreTrainedConfig.get_config_dict(where)
    # Old configs do not say their type; the library then guesses it from the backbone's name.
    model_type = fields.get("model_type") or AutoConfig.from_pretrained(where).model_type
    found = encoder(model_type, setting=f"{SETTING}, now {path!r}")
    found.check(fields, setting=f"{SETTING}, now {path!r},")
    return found
