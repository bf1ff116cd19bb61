"""Two training steps and a trace of every registered method: the numbers that they have always
given.

`golden.json` was made by the code as it stood before it was sorted into packages. Make it anew, if
a method is meant to compute something else, with

    PYTHONPATH=.:tests python tests/methods/test_golden.py

Everything is seeded and small: a BERT of four layers with random weights, one batch, plain gradient
descent in float32 on one thread, dropout as in training.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import META
from transformers import BertConfig, BertModel, set_seed

from baselines.loading import load
from baselines.registry import METHODS
from smartbert.methods import Optimisation, Progress
from smartbert.model.batching import pad
from smartbert.model.configuration import architecture
from smartbert.model.folder import load_model
from smartbert.model.modeling import AdaptiveBert
from smartbert.tasks import task
from smartbert.trace.trace import Trace
from smartbert.train.recorder import record
from smartbert.train.stages import build, freeze

GOLDEN = Path(__file__).with_name("golden.json")
NEAR = 1e-4
OPTIMISATION = Optimisation(6, 6, 0.05, 0, 0.0, 1e-8, 1.0, "last")
EPOCHS = (1, 4)  # of the two steps: soft gates, then hard ones
LENGTHS = (9, 4, 12, 7, 5, 10)
GRID = np.array([0.48, 0.5, np.inf], dtype=np.float32)
SEED = 5


@dataclass(frozen=True)
class Entry:
    """A method as a config would name it."""

    method: str
    parent: str | None = None
    settings: dict[str, object] = field(default_factory=dict)
    teacher: str | None = None


ENTRIES = {
    "full_bert": Entry("full_bert"),
    "full_bert_attention": Entry("full_bert", None, {"head": "attention"}),
    "skip_only": Entry("skip_only"),
    "smartbert": Entry("smartbert", "skip_only"),
    "deebert": Entry("deebert", "full_bert"),
    "pabee": Entry("pabee"),
    "truncated_bert": Entry("truncated_bert", None, {"depth": 2}),
    "exit_only": Entry("exit_only", "full_bert_attention"),
    "random_skip": Entry("random_skip", "skip_only"),
    "constant_skip": Entry("constant_skip", "skip_only"),
    "fastbert": Entry("fastbert", "full_bert_attention"),
    "berxit": Entry("berxit"),
    "truncated_distilled": Entry("truncated_distilled", None, {"depth": 2}, "full_bert_attention"),
    "layerdrop": Entry("layerdrop"),
    "pruned": Entry("pruned", "layerdrop", {"depth": 2}),
    # Other heads than a method's own.
    "full_bert_mean": Entry("full_bert", None, {"head": "mean"}),
    "truncated_bert_mean": Entry("truncated_bert", None, {"depth": 2, "head": "mean"}),
    "truncated_bert_attention": Entry("truncated_bert", None, {"depth": 2, "head": "attention"}),
    "deebert_mean": Entry("deebert", "full_bert_mean", {"exits": "mean", "head": "mean"}),
    "deebert_attention": Entry(
        "deebert", "full_bert_attention", {"exits": "attention", "head": "attention"}
    ),
    "pabee_mean": Entry("pabee", None, {"exits": "mean", "head": "mean"}),
    "pabee_attention": Entry("pabee", None, {"exits": "attention", "head": "attention"}),
    "skip_only_first": Entry("skip_only", None, {"head": "first"}),
    "smartbert_first": Entry("smartbert", "skip_only", {"exits": "first", "eta": 0}),
    "exit_only_mean": Entry("exit_only", "full_bert_attention", {"exits": "mean", "eta": 0}),
    "random_skip_first": Entry("random_skip", "skip_only_first", {"head": "first"}),
}
READING = {"gates_off": "smartbert", "pcee_bert": "pabee"}  # these train nothing


def examples() -> dict[str, list]:
    """Return the columns of six examples of three classes."""
    rng = np.random.default_rng(SEED)
    return {
        "input_ids": [rng.integers(1, 100, n).tolist() for n in LENGTHS],
        "token_type_ids": [[0] * (n // 2) + [1] * (n - n // 2) for n in LENGTHS],
        "label": rng.integers(0, 3, len(LENGTHS)).tolist(),
        "length": list(LENGTHS),
        "idx": list(range(len(LENGTHS))),
        "subset": [0] * len(LENGTHS),
    }


def backbone(folder: Path) -> Path:
    """Write an encoder whose layers make examples differ; return its folder."""
    set_seed(SEED)
    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=64,
        vocab_size=100,
        max_position_embeddings=16,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def trained(name: str, folder: Path) -> tuple[AdaptiveBert, list[dict[str, float]]]:
    """Build an entry's model and take two steps of each stage; return it and the losses' parts."""
    entry, split = ENTRIES[name], examples()
    method = load(entry.method)
    settings = {**method.defaults, **entry.settings}
    model = build(
        method,
        settings,
        backbone=folder / "backbone",
        parent=folder / entry.parent if entry.parent else None,
        tune=split,
        task=task("mnli"),
        seed=SEED,
    )
    teacher = load_model(folder / entry.teacher) if entry.teacher else None
    batch = {**pad(split["input_ids"], split["token_type_ids"])}
    batch["labels"] = torch.tensor(split["label"])
    losses = []
    for stage in method.stages(settings, OPTIMISATION, layers=model.config.num_hidden_layers):
        freeze(model, stage)
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimiser = torch.optim.SGD(parameters, lr=stage.optimisation.learning_rate)
        set_seed(SEED)
        for step, epoch in enumerate(EPOCHS, 1):
            model.train()
            parts = stage.objective(model, batch, Progress(epoch, step, len(EPOCHS), teacher))
            parts["loss"].backward()
            optimiser.step()
            optimiser.zero_grad()
            losses.append({part: value.item() for part, value in parts.items()})
    model.save_pretrained(folder / name)
    return model, losses


def digest(trace: Trace) -> dict[str, list]:
    """Return what a trace says, flat, None where a layer did not run."""
    found: dict[str, list] = {"paths": [], "executed": []}
    for row in zip(trace.example, trace.low, trace.high, strict=True):
        found["paths"].append("{} {}-{}".format(*row))
    for row in trace.executed:
        found["executed"].append("".join("x" if ran else "." for ran in row))
    arrays = {name: getattr(trace, name) for name in ("gates", "exit_logits", "final_logits")}
    for name, array in {**arrays, **trace.extras}.items():
        values = array.astype(float).ravel().round(6).tolist()
        found[name] = [None if value != value else value for value in values]
    return found


def computed(folder: Path) -> dict[str, dict[str, list]]:
    """Return the losses and the trace of every entry."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        backbone(folder / "backbone")
        found, traces = {}, {}
        for name in ENTRIES:
            model, losses = trained(name, folder)
            meta = replace(META, architecture=architecture(model.config))
            traces[name] = record(model, examples(), grid=GRID, meta=meta)
            found[name] = {"losses": losses, **digest(traces[name])}
        for name, other in READING.items():
            read = traces[other].read_as(load(name).read(traces[other].meta))
            found[name] = {"losses": [], **digest(read)}
    finally:
        torch.set_num_threads(threads)
    return found


@pytest.fixture(scope="module")
def now(tmp_path_factory) -> dict[str, dict[str, list]]:
    return computed(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def golden() -> dict[str, dict[str, list]]:
    return json.loads(GOLDEN.read_text())


def numbers(values: list) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values])


def test_every_registered_method_is_held(golden):
    held = {entry.method for entry in ENTRIES.values()} | {*READING}
    assert held == set(METHODS)
    assert set(golden) == {*ENTRIES, *READING}


@pytest.mark.parametrize("name", [*ENTRIES, *READING])
def test_losses_and_trace_are_the_kept_ones(name, now, golden):
    own, kept = now[name], golden[name]
    assert [list(step) for step in own["losses"]] == [list(step) for step in kept["losses"]]
    for step, known in zip(own["losses"], kept["losses"], strict=True):
        assert step == pytest.approx(known, abs=NEAR)
    assert own["paths"] == kept["paths"] and own["executed"] == kept["executed"]
    assert own.keys() == kept.keys()
    for array in own.keys() - {"losses", "paths", "executed"}:
        np.testing.assert_allclose(numbers(own[array]), numbers(kept[array]), atol=NEAR, rtol=0)


def test_the_kept_numbers_say_something(golden):
    """Layers are skipped and run, exits differ, and no gate lies where rounding could decide."""
    for name in ("skip_only", "smartbert", "random_skip"):
        executed = "".join(golden[name]["executed"])
        assert "x" in executed and "." in executed
        gates = numbers(golden[name]["gates"])
        assert min(np.nanmin(np.abs(gates - threshold)) for threshold in GRID[:-1]) > NEAR
    exits = [name for name in golden if any(v is not None for v in golden[name]["exit_logits"])]
    assert {"smartbert", "deebert", "pabee_mean", "fastbert", "berxit"} <= set(exits)
    for name in exits:
        assert np.nanstd(numbers(golden[name]["exit_logits"])) > 0.05


def write(found: dict[str, dict[str, list]], path: Path) -> None:
    """Write the numbers, an array to a line."""
    entries = []
    for name, values in found.items():
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()]
        entries.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    path.write_text("{\n" + ",\n".join(entries) + "\n}\n")


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        write(computed(Path(folder)), GOLDEN)
