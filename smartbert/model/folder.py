"""Model folders: load one, or say in one line why it cannot be."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError

from smartbert.errors import UserError, first_line
from smartbert.model.configuration import AdaptiveBertConfig
from smartbert.model.modeling import AdaptiveBert
from smartbert.results import CONFIG, TOKENIZER


def load_model(folder: Path) -> AdaptiveBert:
    """Load a saved model.

    Raises:
        UserError: if its weights are missing or truncated.
    """
    try:
        return AdaptiveBert.from_pretrained(folder, use_safetensors=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"cannot load the model in {folder}: {first_line(error)}; delete that folder and run"
            " again to train it anew"
        ) from None


def load_on_card(folder: Path) -> AdaptiveBert:
    """Load a saved model, onto a card where there is one.

    Raises:
        UserError: if its weights are missing or truncated.
    """
    model = load_model(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device=device)  # type: ignore[call-arg]  # the library's wrapper hides its types
    return model


def check_folder(folder: Path) -> None:
    """Raise UserError if a folder does not hold a model of this package."""
    path = folder / CONFIG
    try:
        kind = json.loads(path.read_text())["model_type"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{folder} is no model folder: it has no readable {CONFIG}; set by --model"
        ) from None
    known = AdaptiveBertConfig.model_type
    if kind != known:
        raise UserError(f"{folder} holds a model of type {kind!r}; known: {known}; set by --model")
    if not (folder / TOKENIZER[0]).is_file():
        raise UserError(f"{folder} has no {TOKENIZER[0]}; set by --model")
