"""The layout of a results folder: what its owner says and what the rules declare are the same."""

import os
import re

import pytest
from conftest import ROOT

from smartbert.results import (
    ABLATION_PARTS,
    PAGES,
    RUN_TABLES,
    STATISTICS,
    TIDY,
    TRACES,
    Results,
    in_order,
    knows,
    listed,
    named,
)

WHOLE = ("config.json", "model.safetensors", "provenance.json", "points.json", "scores.csv")
NAMES = {  # what a wildcard of the rules stands for, by the folder it stands in
    ("statistics", "name"): STATISTICS,
    ("ablations", "name"): ABLATION_PARTS,
    ("tables", "name"): (*PAGES, *TIDY),
    ("tables", "kind"): ("csv",),
    ("figures", "name"): ("glue", "rte-usage"),
    ("figures", "kind"): ("png", "pdf"),
    ("ablations", "kind"): ("csv",),
    ("latency", "kind"): ("csv", "md"),
}
ANY = {"task": "rte", "method": "pabee", "seed": "1", "scope": "all", "split": "tune"}


def declared() -> list[tuple[str, str]]:
    """Every pattern below the results folder in the rules, by file."""
    return [
        (path.name, pattern)
        for path in sorted((ROOT / "workflow" / "rules").glob("*.smk"))
        for pattern in re.findall(r'"<results>/([^"]*)"', path.read_text())
    ]


def meant(pattern: str) -> list[str]:
    """Return paths that a pattern of a rule stands for."""
    pattern = re.sub(r"\{+[^{}]*?(\w+)(\[[^]]*\]|\([^)]*\)(\[0\])?)?\}+", r"{\1}", pattern)
    folder, found = pattern.split("/")[0], [pattern]
    for name in re.findall(r"\{(\w+)\}", pattern):
        if pattern.startswith("runs") and name in ("file", "name"):
            choices: tuple[str, ...] = WHOLE if not pattern.endswith(".csv") else RUN_TABLES
        elif name == "run":
            choices = ("rte/pabee/seed1",)
        else:
            choices = NAMES.get((folder, name)) or (ANY.get(name, "pabee"),)
        found = [path.replace(f"{{{name}}}", choice) for path in found for choice in choices]
    return found


@pytest.mark.parametrize(("file", "pattern"), declared())
def test_the_owner_knows_every_pattern_of_the_rules(file, pattern):
    for path in meant(pattern):
        path = path.replace("seedpabee", "seed1")
        folder = any(knows(f"{path}/{name}") for name in WHOLE)  # to which the rule adds names
        assert knows(path) or folder, f"{file}: {path}"


def test_many_patterns_are_looked_at():
    assert len(declared()) > 60


def test_the_owners_paths_are_of_its_layout(tmp_path):
    results = Results(tmp_path)
    run = results.run("rte", "smartbert", 1)
    paths = [
        *(run.weights, run.provenance, run.points, run.trials),
        *(run.trace(split, packed=packed) for split in TRACES for packed in (True, False)),
        *(run.table(name) for name in RUN_TABLES),
        *(results.statistics("rte", name) for name in STATISTICS),
        *(results.table(name, kind) for name in PAGES for kind in ("csv", "md", "tex")),
        *(results.table(name) for name in TIDY),
        *(results.ablation("rte"), results.ablation("rte", "png", part="-lambda")),
        *(results.ablation_part("rte", name) for name in ABLATION_PARTS),
        *(
            results.claims(),
            results.claims("md"),
            results.explorer,
            results.manifest,
            results.task("rte"),
        ),
        results.figure("glue").with_suffix(".png"),
    ]
    for path in paths:
        assert knows(str(path.relative_to(tmp_path))), path
    for path in ("runs/rte/x/points.json", "tables/glue.txt", "run/rte/x/seed1/points.json"):
        assert not knows(path), path


def test_runs_are_found_by_entry_and_seed(tmp_path):
    results = Results(tmp_path)
    for entry, seed in (("pabee", 2), ("pabee", 10), ("deebert", 1)):
        results.run("rte", entry, seed).folder.mkdir(parents=True)
    assert set(results.runs("rte")) == {("pabee", 2), ("pabee", 10), ("deebert", 1)}
    assert set(results.every_run()) == {("rte", *key) for key in results.runs("rte")}


def test_a_list_file_holds_more_paths_than_a_shell_line(tmp_path):
    many = [f"{tmp_path}/runs/rte/entry{n}/seed1/scores.csv" for n in range(5000)]
    (tmp_path / "list").write_text("".join(f"{path}\n" for path in many))
    assert [str(path) for path in listed(tmp_path / "list")] == many
    assert not named(listed(tmp_path / "list"), "usage")
    assert len(named(listed(tmp_path / "list"), "scores")) == 5000


def test_files_are_in_order_if_none_is_older_than_what_it_comes_from(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for path, date in ((one, 100), (two, 200)):
        path.touch()
        os.utime(path, (date, date))
    assert in_order([[one], [two]]) and not in_order([[two], [one]])
    assert not in_order([[one], [tmp_path / "three"]])
