"""Comparing as the workflow calls it, on a made-up run: what scripts take, and what they miss."""

import json
from pathlib import Path

import pytest
from made_up_run import DRAWS, MANIFEST, made_files

from smartbert.errors import UserError
from smartbert.results import ABLATION_PARTS, STATISTICS, Results
from workflow.scripts import ablate, compare


def words(run: Path, folder: Path, *, without: str = "") -> list[str]:
    """The words that hand a task's files over, as lists in files; of traces without one split."""
    found = zip(("points", "trials", "traces"), made_files(run, "rte"), strict=True)
    options = ["--data", str(Results(run).task("rte"))]
    for name, paths in found:
        kept = [path for path in paths if not without or without not in path.name]
        (folder / name).write_text("\n".join(map(str, kept)) + "\n")
        options += [f"--{name}", str(folder / name)]
    return [*options, "--settings", json.dumps(DRAWS)]


def test_a_comparison_from_words_is_the_runs_own(run, tmp_path):
    out = tmp_path / "out"
    compare.main([*words(run, tmp_path), "--out", str(out)])
    for name in STATISTICS:
        kept = Results(run).statistics("rte", name)
        assert (out / kept.name).read_bytes() == kept.read_bytes()


@pytest.mark.parametrize("split", ["tune", "test"])
def test_a_comparison_needs_the_traces_of_both_splits(run, tmp_path, split):
    options = words(run, tmp_path, without=f"trace-{split}")
    with pytest.raises(UserError, match=rf"{split} trace.* missing|no {split} trace"):
        compare.main([*options, "--out", str(tmp_path / "out")])


@pytest.mark.parametrize("script", [compare, ablate])
def test_what_was_tried_must_be_given(run, tmp_path, script, capsys):
    options = words(run, tmp_path)
    at = options.index("--trials")
    with pytest.raises(SystemExit):
        script.main([*options[:at], *options[at + 2 :], "--out", str(tmp_path / "out")])
    assert "--trials" in capsys.readouterr().err


def test_an_ablation_from_words_has_all_its_parts(run, tmp_path):
    MANIFEST.write(tmp_path / "manifest.json")
    more = ["--variants", "exit_only", "skip_only", "--weights", '{"skip_only": 0.04}']
    more += ["--manifest", str(tmp_path / "manifest.json"), "--out", str(tmp_path / "out")]
    ablate.main([*words(run, tmp_path), *more])
    out = Results(tmp_path / "out")
    assert out.ablation("rte").is_file()
    assert all(out.ablation_part("rte", name).is_file() for name in ABLATION_PARTS)
