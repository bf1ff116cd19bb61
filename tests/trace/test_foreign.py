"""Traces from elsewhere: the format in the docs is what is taken, and each fault is a line."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from made_up import made_up
from safetensors.numpy import load_file, save_file

from smartbert.__main__ import main
from smartbert.errors import UserError
from smartbert.trace.foreign import adopt, contradictions, inspect
from smartbert.trace.trace import FORMAT, Trace

DOCS = (ROOT / "docs" / "traces.md").read_text()
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The docs' own example, run in a folder with a run's data: path of what it wrote."""
    monkeypatch.chdir(tmp_path)
    reference = dense()
    data = tmp_path / "results" / "quick" / "data" / "rte"
    data.mkdir(parents=True)
    columns = {"label": "labels", "idx": "index", "subset": "subset", "length": "lengths"}
    frame = pd.DataFrame({name: getattr(reference, own) for name, own in columns.items()})
    frame.to_parquet(data / "tune.parquet")
    names: dict = {}
    exec(EXAMPLE, names)
    rng = np.random.default_rng(0)
    names["write"]("tune", rng.normal(size=(60, 5, 2)), rng.normal(size=(60, 2)))
    return tmp_path / "theirs" / "rte" / "seed1" / "trace-tune.safetensors"


def dense() -> Trace:
    trace = made_up("rte", "full_bert", n=60, split="tune")
    sizes = replace(trace.meta.architecture, hidden=384, intermediate=1536)  # the docs' example's
    return replace(trace, meta=replace(trace.meta, architecture=sizes))


def changed(path, *, meta=None, **arrays):
    """Write the file again with other arrays (None: without) or other words about itself."""
    own = {
        name: value for name, value in {**load_file(path), **arrays}.items() if value is not None
    }
    said = Trace.load(path).meta.to_json() | (meta or {})
    save_file(own, path, metadata={"format": FORMAT, "meta": json.dumps(said)})
    return path


def test_the_docs_example_is_taken_as_it_is(written, capsys):
    assert inspect(written) == []
    assert main(["check-trace", str(written), str(written)]) == 0
    said = capsys.readouterr().out
    assert said.count("can be used: theirs on rte, seed 1, tune; 60 examples, 6 layers") == 2
    own = adopt(written, dense(), name="mine", title="Mine")
    assert (own.meta.method, own.meta.title) == ("mine", "Mine")
    assert own.meta.data == dense().meta.data
    np.testing.assert_array_equal(own.exit_logits, Trace.load(written).exit_logits)


def test_the_docs_name_every_array_and_word_of_the_format(written):
    for name in [*load_file(written), *Trace.load(written).meta.to_json(), FORMAT]:
        assert f"`{name}`" in DOCS, name


def test_every_fault_is_a_line(written, capsys):
    arrays = load_file(written)
    changed(
        written, lengths=arrays["lengths"].astype(np.float32), gates=None,
        executed=arrays["executed"][:, :4], colour=arrays["labels"],
    )  # fmt: skip
    told = inspect(written)
    assert len(told) == 4 and all("\n" not in line for line in told)
    text = " ".join(told)
    for part in ("lack gates", "colour, which is none of", "lengths is of type float32", "(60, 6)"):
        assert part in text
    assert main(["check-trace", str(written)]) == 1
    assert capsys.readouterr().out.splitlines() == [f"{written}: {line}" for line in told]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no safetensors file"), (b"PAR1" * 9, "no safetensors file")],
)
def test_another_file_is_no_trace(tmp_path, content, message):
    path = tmp_path / "trace-tune.safetensors"
    path.write_bytes(content)
    (told,) = inspect(path)
    assert message in told
    with pytest.raises(UserError, match="No such file"):
        inspect(tmp_path / "nothing")


def test_a_file_of_another_format_is_told_the_expected_one(tmp_path):
    path = tmp_path / "trace-tune.safetensors"
    save_file({"labels": np.zeros(2)}, path)
    assert inspect(path) == [f"its metadata have format None; expected is '{FORMAT}'"]
    save_file({"labels": np.zeros(2)}, path, metadata={"format": FORMAT, "meta": "{"})
    assert "is no JSON" in inspect(path)[0]


def words(trace: Trace, **meta: object) -> list[str]:
    return contradictions(replace(trace, meta=replace(trace.meta, **meta)))


def test_what_does_not_go_together_is_told(written):
    plain, gated = Trace.load(written), made_up("rte", "smartbert", n=60)
    assert not contradictions(plain) and not contradictions(gated)
    logits = plain.exit_logits.copy()
    logits[3, 2] = np.nan
    (told,) = contradictions(replace(plain, exit_logits=logits))
    assert "no answer (row 3, layer 3)" in told
    assert "a rule needs exits" in words(plain, criterion="never")[0]
    assert "gates have a threshold" in words(plain, skip_threshold=0.5)[0]
    assert "not in the grid" in words(gated, skip_threshold=0.123)[0]
    assert "never skip" in contradictions(replace(plain, grid=np.array([0.5], np.float32)))[0]
    bare = replace(plain.meta.architecture, exits=None)
    assert "exits is null" in words(plain, architecture=bare, criterion="never")[0]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"reference_layers": 0}, "lacks reference_layers, the depth of the dense model"),
        ({"refrence_layers": 6}, "has refrence_layers, which is none of hidden, intermediate"),
        ({"exits": "linear"}, "exits 'linear' is no kind of head; known: first, mean, attention"),
        ({"head": "mlp"}, "head 'mlp' is no kind of head; known: first, mean, attention"),
    ],
)
def test_sizes_that_cost_cannot_be_counted_from_are_told(written, sizes, message):
    own = {**Trace.load(written).meta.architecture.to_json(), **sizes}
    (told,) = inspect(changed(written, meta={"architecture": own}))
    assert f"meta.architecture {message}" in told or f"meta.architecture.{message}" in told


def test_what_the_exit_rule_reads_is_there(written):
    (told,) = inspect(changed(written, meta={"criterion": "certainty"}))
    assert "'certainty' reads extra.certainty, which is missing" in told
    sure = {"extra.certainty": np.full((60, 5), np.nan, np.float32)}
    (told,) = inspect(changed(written, meta={"criterion": "certainty"}, **sure))
    assert "extra.certainty is not finite" in told
    meta = {"criterion": "confident_patience", "sweep": [0.1, [0.1, 2], []]}
    told = inspect(changed(written, meta=meta, **{"extra.certainty": None}))
    assert [line.partition(";")[0] for line in told] == ["meta.sweep has 0.1", "meta.sweep has []"]
    assert "an entry is threshold and patience" in told[0]


def test_logits_too_large_for_single_precision_are_told(written):
    large = load_file(written)["final_logits"].astype(np.float64) * 1e300
    (told,) = inspect(changed(written, final_logits=large))
    assert "not finite in single precision" in told


def test_layers_run_as_their_gates_say(written):
    gated = made_up("rte", "smartbert", n=60)
    executed = gated.executed.copy()
    row, layer = np.argwhere(~executed)[0]
    executed[row, layer] = True
    told = contradictions(replace(gated, executed=executed))
    assert any(f"row {row}, layer {layer + 1} ran at a gate of" in line for line in told)


def test_kept_traces_of_gates_are_as_good_as_they_were():
    gated = made_up("rte", "smartbert", n=60)
    half = np.float32(0.5)
    at_half = gated.grid[gated.low] == half
    row, layer = np.argwhere(gated.executed & at_half[:, None])[0]
    gates = gated.gates.copy()
    gates[row, layer] = np.nextafter(half, np.float32(0))  # it ran, just so
    close = replace(gated, gates=gates)
    assert close.rounded().gates[row, layer] == half
    assert contradictions(close) == contradictions(close.rounded()) == []


@pytest.mark.parametrize(
    ("arrays", "meta", "message"),
    [
        ({}, {"task": "mrpc"}, "meta.task is 'mrpc', at its place 'rte' is expected"),
        ({}, {"split": "test"}, "meta.split is 'test', at its place 'tune'"),
        ({}, {"seed": 2}, "meta.seed is 2, at its place 1"),
        ({"labels": 1}, {}, "labels of example 0 is"),
        ({"index": 1}, {}, "index of example 0 is"),
    ],
)
def test_a_trace_of_other_examples_is_refused(written, arrays, meta, message):
    own = load_file(written)
    turned = {"labels": 1 - own["labels"], "index": own["index"] + 1}
    changed(written, meta=meta, **{name: turned[name] for name in arrays})
    with pytest.raises(UserError) as error:
        adopt(written, dense(), name="mine", title=None)
    assert message in str(error.value) and str(written) in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"), [("hidden", 312), ("intermediate", 1200), ("reference_layers", 12)]
)
def test_shares_of_another_dense_model_are_refused(written, key, value):
    sizes = Trace.load(written).meta.to_json()["architecture"]
    changed(written, meta={"architecture": {**sizes, key: value}})
    with pytest.raises(UserError, match=f"{key} is {value}, this run's dense BERT has"):
        adopt(written, dense(), name="mine", title=None)


def test_what_is_wrong_is_told_before_a_run_takes_it(written):
    changed(written, gates=None)
    with pytest.raises(UserError, match=r"lack gates; `smartbert check-trace .*` tells all of it"):
        adopt(written, dense(), name="mine", title=None)


def test_compressed_is_as_good(written):
    Trace.load(written).save(written.with_name(written.name + ".gz"))
    assert inspect(written.with_name(written.name + ".gz")) == []
