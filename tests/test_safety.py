"""Safety: what the code may not do, what the lock pins, what the licence page lists."""

import ast
import re

import pytest
import torch
from configs import pins
from conftest import ROOT
from transformers import BertConfig

from smartbert.data.backbones import fetch
from smartbert.errors import UserError
from smartbert.model.folder import load_model

OWN = [p for d in ("smartbert", "baselines", "workflow") for p in (ROOT / d).rglob("*.py")]
REFUSED_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "tarfile"}
REFUSED_CALLS = {"eval", "exec", "torch.load", "np.load", "yaml.load", "os.system"}


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_reads_what_could_run(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names]
            assert not REFUSED_MODULES & {name.split(".")[0] for name in names}
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in REFUSED_CALLS
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert "trust_remote_code" not in words and words.get("shell") != "True"
            if ast.unparse(node.func).endswith("Model.from_pretrained"):
                assert words.get("use_safetensors") == "True"


def test_pickled_weights_are_refused(tmp_path, tiny_model, tokenizer):
    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2)
    config.save_pretrained(tmp_path / "backbone")
    tokenizer.save(str(tmp_path / "backbone" / "tokenizer.json"))
    torch.save({}, tmp_path / "backbone" / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot load backbone"):
        fetch(str(tmp_path / "backbone"), tmp_path / "out")
    model = tiny_model(gates="learned")
    model.config.save_pretrained(tmp_path / "model")
    torch.save(model.state_dict(), tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot load the model"):
        load_model(tmp_path / "model")


def locked() -> dict[str, str]:
    """Packages of the lock, each with the lines that pin it."""
    text = (ROOT / "requirements.lock").read_text()
    parts = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    return {re.match(r"[A-Za-z0-9._-]+", part)[0]: part for part in parts}


def test_the_lock_pins_what_the_requirements_pin_and_hashes_everything():
    packages = locked()
    assert len(packages) > 100
    assert all("--hash=sha256:" in part for part in packages.values())
    same = {f"{name}=={part.split('==')[1].split()[0]}".lower() for name, part in packages.items()}
    assert {pin.lower() for pin in pins((ROOT / "requirements.txt").read_text())} <= same


def test_the_licence_page_lists_every_package():
    page = (ROOT / "docs" / "safety.md").read_text().replace("_", "-")
    listed = set(re.findall(r"[A-Za-z0-9.-]+", page))
    missing = [name for name in locked() if name not in listed and not name.startswith("nvidia-")]
    assert missing == []
