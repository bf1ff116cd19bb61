"""Random input: config, data files, traces, command lines. A mistake ends in a message of one
line, whatever it is; never in a traceback. More than a thousand inputs a run, the same ones each
time.
"""

import contextlib
import copy
import io
import json
import shlex
import string
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from configs import merged
from conftest import ROOT
from glue_like import pairs, write_task
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import made_up
from made_up_run import TUNING, record, task_data, tune_words

import smartbert.__main__ as command_line
from smartbert.data.preparation import prepare
from smartbert.data.settings import DataSettings
from smartbert.errors import UserError
from smartbert.files import write_rows
from smartbert.points import GLOBAL
from smartbert.policies import Policy
from smartbert.results import Results
from smartbert.tasks import task
from smartbert.trace.trace import Trace
from smartbert.tune.choice import read_trials
from smartbert.tune.member import Member
from smartbert.tune.space import Search
from smartbert.tune.study import run_study
from workflow.scripts import tune
from workflow.settings import entries, options, plan, validation

SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)


def inputs(count: int):
    """As many examples, the same ones on every machine and run."""
    return settings(
        max_examples=count, derandomize=True, deadline=None, database=None,
        suppress_health_check=SLOW,
    )  # fmt: skip


@contextlib.contextmanager
def one_line():
    """Whatever is raised within is a message of one line."""
    try:
        yield
    except UserError as error:
        message = str(error)
        assert message and "\n" not in message and len(message) < 2000, message


numbers = st.floats() | st.sampled_from([float("nan"), float("inf"), 0, -1, 1, 2, 0.5])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | numbers
    | st.text(max_size=12)
    | st.sampled_from(["rte", "smartbert", "/", "..", "a/../b", "~", "package:", "journal:", "%s"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(node: object, path: tuple = ()) -> list[tuple]:
    """Paths of all values in a nested config."""
    found = [path]
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            found += places(child, (*path, key))
    return found


CONFIGS = {name: merged(name) for name in ("config", "quick")}
PLACES = {name: [p for p in places(config) if p] for name, config in CONFIGS.items()}


@st.composite
def configs(draw) -> dict:
    """A shipped config with one to three values replaced, removed or added anywhere."""
    name = draw(st.sampled_from(sorted(CONFIGS)))
    config = copy.deepcopy(CONFIGS[name])
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(PLACES[name]))
        node = config
        with contextlib.suppress(KeyError, IndexError, TypeError):  # changed away before
            for key in path:
                node = node[key]
            kind = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
            if kind == "remove":
                del node[last]
            elif kind == "replace":
                same = numbers if isinstance(node[last], int | float) else values
                node[last] = draw(same | values | st.dates() | st.binary(max_size=3))
            elif isinstance(node, dict):
                node[draw(st.text(max_size=8))] = draw(values)
    return config


@inputs(800)
@given(configs())
def test_any_config_is_valid_or_refused_in_one_line(config):
    with one_line():
        validation.validate(config)
        entries.parents(config)
        # What a valid config says, the rules can ask.
        for name in config["tasks"]:
            options.data_settings(config, name)
            for method in config["methods"]:
                own = entries.method_settings(config, name, method)
                assert np.isfinite(own["learning_rate"]) and own["learning_rate"] > 0
                options.method_options(config, method)
            plan.ablation_entries(config, name)
        json.dumps(plan.manifest(config).to_json(), allow_nan=False)
        plan.figures(config)


TRACE = made_up("rte", "smartbert", split="tune", n=40)


@inputs(150)
@given(data=st.data())
def test_a_damaged_file_of_trials_is_refused_in_one_line(data, tmp_path):
    path = tmp_path / "trials.csv"
    policies = [Policy(), Policy.uniform("entropy", 0.3, depth=6, skip_threshold=0.5)]
    rows = [{"space": "published", "member": "a", **p.exact_columns()} for p in policies]
    write_rows(rows, path)
    content = bytearray(path.read_bytes())
    kind = data.draw(st.sampled_from(["cut", "anything", "noise"]))
    if kind == "cut":
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    elif kind == "noise":
        content = data.draw(st.binary(max_size=200))
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with one_line():
        read_trials(path)


def used(path: Path) -> None:
    """Read a trace as tuning does, and search a little."""
    trace = Trace.load(path)
    search = Search({"smartbert": Member(trace, "flops")}, GLOBAL)
    run_study(search, trials=20, sampler="nsga2", seed=0)


@inputs(150)
@given(data=st.data())
def test_a_damaged_trace_is_refused_in_one_line(data, tmp_path):
    path = tmp_path / "trace.safetensors"
    TRACE.save(path)
    content = bytearray(path.read_bytes())
    head = 8 + int.from_bytes(content[:8], "little")
    kind = data.draw(st.sampled_from(["cut", "head", "anything", "noise"]))
    if kind == "cut":
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    elif kind == "noise":
        content = data.draw(st.binary(max_size=200))
    else:
        end = head if kind == "head" else len(content)
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with one_line():
        used(path)


META = TRACE.meta.to_json()
meta_values = scalars | st.dictionaries(st.text(max_size=4), scalars, max_size=2)


@inputs(150)
@given(
    key=st.sampled_from(sorted(META)),
    inner=st.sampled_from(sorted(META["architecture"])),
    value=meta_values,
)
def test_a_trace_that_says_something_else_of_itself_is_refused_in_one_line(
    key, inner, value, tmp_path
):
    changed = {**META, key: value}
    if key == "architecture":
        changed["architecture"] = {**META["architecture"], inner: value}
    path = tmp_path / "trace.safetensors"

    class Said:
        """What a trace writes of itself, whatever that is."""

        def to_json(self) -> dict:
            return changed

    try:
        replace(TRACE, meta=Said()).save(path)
    except ValueError:  # not a number that a file may hold
        return
    with one_line():
        used(path)


@st.composite
def frames(draw) -> pd.DataFrame:
    """Pairs of sentences with something wrong, or only odd, about them."""
    frame = pairs(30).astype({"label": object, "idx": object})
    kind = draw(st.sampled_from(["drop", "rename", "fill", "cell", "cell", "rows"]))
    name = draw(st.sampled_from(list(frame.columns)))
    if kind == "drop":
        return frame.drop(columns=name)
    if kind == "rename":
        return frame.rename(columns={name: draw(st.text(min_size=1, max_size=8))})
    if kind == "rows":
        return frame.head(draw(st.integers(0, 10)))
    cells = scalars.filter(lambda v: v is None or not isinstance(v, int) or abs(v) < 2**62)
    if kind == "fill":
        frame[name] = [draw(cells)] * len(frame)
    else:
        frame[name] = frame[name].astype(str)
        frame.loc[draw(st.integers(0, 29)), name] = draw(st.text(max_size=300))
    return frame


@inputs(40)
@given(frame=frames(), number=st.integers(0, 10**9))
def test_odd_data_files_are_read_or_refused_in_one_line(frame, number, tmp_path, tokenizer):
    folder = tmp_path / f"data{number}-{len(list(tmp_path.iterdir()))}"
    try:
        write_task(folder, frame)
    except Exception:  # parquet cannot hold it, so no file can
        return
    with one_line():
        found = prepare(task("rte"), data_of(folder), tokenizer).frames
        assert all(set(part["label"]) <= {0, 1} for part in found.values())


def data_of(folder: Path) -> DataSettings:
    return DataSettings(str(folder), 0, 32, None, 0.2, 5, 10)


@inputs(15)
@given(data=st.data())
def test_damaged_data_files_are_refused_in_one_line(data, tmp_path, tokenizer):
    folder = tmp_path / f"data{len(list(tmp_path.iterdir()))}"
    write_task(folder, pairs(30))
    path = next((folder / "rte").glob("validation*"))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with one_line():
        prepare(task("rte"), data_of(folder), tokenizer)


words = st.text(string.printable.strip(), max_size=10) | st.sampled_from(
    ["--model", "--budget", "--point", "--device", "--dtype", "bf16", "--batch-size", "--window",
     "-1", "0", "1", "nan", "1e9", "inf", "-", "b50", "/", ".", "--jsonl", "cuda:99", "--help"]
)  # fmt: skip


def status(main, argv: list[str]) -> int | str | None:
    """Call a command; return its status. What it prints is one line, or argparse's usage."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            return main(argv)
        except SystemExit as left:
            return left.code
        finally:
            text = errors.getvalue()
            assert "Traceback" not in text
            said = [line for line in text.splitlines() if line.startswith("error:")]
            assert len(said) <= 1, text


@inputs(200)
@given(
    st.sampled_from(["predict", "bench", "predic", "--help"]),
    st.lists(words, max_size=6),
    st.booleans(),
)
def test_any_command_line_ends_with_a_status(command, options, named):
    argv = [command, *(["--model", "/nowhere/at/all"] if named else []), *options]
    assert status(command_line.main, argv) in (0, 1, 2)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> tuple[Path, list[str]]:
    """A run's folder with made-up traces, and the words that tune it."""
    folder = tmp_path_factory.mktemp("tuned")
    task_data("rte").write(Results(folder).task("rte"))
    for method in ("full_bert", "smartbert"):
        record(folder, "rte", method, 1)
    return folder, tune_words(folder, "rte", "smartbert", 1)


@inputs(100)
@given(data=st.data())
def test_any_words_of_a_script_end_with_a_message(data, tuned):
    argv = list(tuned[1])
    small = json.dumps({**TUNING, "trials": 20, "spaces": ["global"]})
    argv[argv.index("--settings") + 1] = small
    place = data.draw(st.integers(0, len(argv) - 1))
    kept = {"--points", "--trials"}  # written to: any path would do, and be written
    if place and argv[place - 1] in kept:
        return
    argv[place] = data.draw(words)
    with one_line():
        assert status(tune.main, argv) in (None, 0, 2)


def test_scripts_print_one_line_and_no_traceback(tuned):
    """The same through a real process, where `run` turns the mistake into a line and a status."""
    folder, argv = tuned
    wrong = [w.replace(str(folder), "/nowhere") for w in argv]
    command = [sys.executable, "-m", "workflow.scripts.tune", *wrong]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, shlex.join(command)
