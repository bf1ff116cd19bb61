"""The house rules: who may import whom, no circles, no torch where NumPy will do, prose in every
`__init__`.
"""

import ast
from pathlib import Path

import pytest
from conftest import ROOT, loads

VOCABULARY = "smartbert"
MAY_IMPORT = {
    "smartbert.model": (),
    "smartbert.data": (),
    "smartbert.trace": (),
    "smartbert.methods": ("smartbert.model",),
    "smartbert.train": ("smartbert.model", "smartbert.methods", "smartbert.trace"),
    "smartbert.tune": ("smartbert.trace",),
    "smartbert.analysis": ("smartbert.trace", "smartbert.tune"),
    "smartbert.report": ("smartbert.trace", "smartbert.analysis"),
    "smartbert.serve": ("smartbert.model",),
    "baselines": ("smartbert.methods", "smartbert.model"),
}
DOORS = {  # modules beside the packages that open one of them, and are imported by none
    "smartbert.__main__": ("smartbert.serve", "smartbert.trace"),
    "smartbert.modeling": ("smartbert.model",),
}
LIGHT = (
    *("smartbert.data.settings", "smartbert.data.columns", "smartbert.data.preparation"),
    *("smartbert.trace.replay", "smartbert.trace.outcomes", "smartbert.methods.contract"),
    *("smartbert.tune.study", "smartbert.tune.choice", "smartbert.tune.rules"),
    *("smartbert.report.writing", "smartbert.report.partial", "smartbert.report.notebook"),
    *("smartbert.serve.inputs", "smartbert.serve.publishing", "smartbert.serve.pushing"),
    *("smartbert.data.hidden", "baselines.registry"),
    *("workflow.settings.validation", "workflow.scripts.read", "workflow.scripts.tables"),
)


def modules() -> dict[str, Path]:
    """Every module of the library by dotted name; a package by its own."""
    found = {}
    for top in ("smartbert", "baselines", "workflow"):
        for path in (ROOT / top).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def package(module: str) -> str:
    """The package of a module: "smartbert.tune", or "smartbert" for the vocabulary."""
    parts = module.split(".")
    if parts[0] != "smartbert" or len(parts) == 1:
        return parts[0]
    own = ".".join(parts[:2])
    return own if own in MAY_IMPORT else VOCABULARY


def imports(module: str, *, typing: bool = True) -> set[str]:
    """The project's modules that a module imports, anywhere in it.

    Args:
        typing: those for type checkers, too.
    """
    tree = ast.parse(MODULES[module].read_text())
    hidden = set()
    if not typing:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                hidden |= {id(inner) for inner in ast.walk(node)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return {name for name in found if name in MODULES and name != module}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module):
    own = package(module)
    for other in imports(module, typing=False):
        there = package(other)
        if own == "workflow" or there == own:
            continue
        allowed = (*MAY_IMPORT.get(own, ()), *DOORS.get(module, ()), VOCABULARY)
        assert there in allowed, f"{module} imports {other}"
        assert other not in DOORS, f"{module} imports the door {other}"
    if own == "baselines" and module.endswith(("registry", "loading")):
        return
    if own == "baselines":
        assert not any(m.startswith("baselines.reg") for m in imports(module)), module


def test_analysis_chooses_again_without_optuna():
    for module in MODULES:
        if package(module) == "smartbert.analysis":
            own = {m for m in imports(module) if package(m) == "smartbert.tune"}
            assert own <= {"smartbert.tune.choice", "smartbert.tune.rules"}, module
    assert not loads("smartbert.tune.choice smartbert.tune.rules", "optuna", "pandas")


def test_modules_form_no_circle():
    waiting = {name: imports(name, typing=False) for name in MODULES}
    while waiting:
        free = [name for name, needs in waiting.items() if not needs & waiting.keys()]
        assert free, f"a circle among {sorted(waiting)}"
        for name in free:
            del waiting[name]


def test_packages_form_no_circle():
    waiting: dict[str, set[str]] = {}
    for module in MODULES:
        if module not in DOORS:
            others = {package(m) for m in imports(module, typing=False)} - {package(module)}
            waiting.setdefault(package(module), set()).update(others)
    while waiting:
        free = [name for name, needs in waiting.items() if not needs & waiting.keys()]
        assert free, f"a circle among {waiting}"
        for name in free:
            del waiting[name]


@pytest.mark.parametrize("module", LIGHT)
def test_what_reads_records_and_traces_loads_no_torch(module):
    assert not loads(module, "torch")


def test_the_vocabulary_loads_neither_torch_nor_pandas():
    names = [m for m in MODULES if package(m) == VOCABULARY and m not in DOORS]
    assert not loads(" ".join(names), "torch", "transformers", "pandas", "optuna", "matplotlib")


def test_packages_open_with_prose_and_import_nothing():
    for name, path in MODULES.items():
        if path.name != "__init__.py" or name in ("workflow", "workflow.scripts"):
            continue
        tree = ast.parse(path.read_text())
        assert len(ast.get_docstring(tree) or "") > 100, name
        if name != "smartbert.methods":  # hands the contract to users' files
            assert not imports(name), name


def test_no_module_but_its_owner_spells_a_path_below_a_results_folder():
    """Names of folders and files of a run stand in `smartbert.results` alone."""
    own = {"runs", "statistics", "ablations", "tables", "figures", "claims.csv", "claims.md",
           "points.json", "trials.csv", "scores.csv", "provenance.json", "model.safetensors",
           "history.csv", "task.json", "config.json", "tokenizer.json"}  # fmt: skip
    for name, path in MODULES.items():
        if name == "smartbert.results" or name.startswith("workflow.notebooks"):
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                words = {n.value for n in (node.left, node.right) if isinstance(n, ast.Constant)}
                assert not words & own, f"{name}, line {node.lineno}: {words & own}"
