"""Digests of the code that a rule depends on, for its params.

Snakemake does not see what a command imports. A digest of the syntax trees of a module and of all
project modules it imports, in the rule's params, re-runs the rule when that code changes, and not
when only comments, docstrings, formatting or the texts of errors do: none of them changes a number.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("smartbert", "baselines", "workflow")
# The registry names every method; a new line in it changes none of them.
IGNORED = {"baselines", "baselines.registry", "workflow", "workflow.scripts"}


@cache
def digest(*modules: str, ignored: tuple[str, ...] = ()) -> str:
    """Return a short digest of the given modules (dotted names or file paths) and what they import.

    Args:
        ignored: packages left out, though imported.
    """
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if (
            module in seen
            or module in IGNORED
            or (ignored and module.startswith(ignored))
            or path is None
        ):
            continue
        text, imports = _read(path)
        seen[module] = text
        waiting += imports
    joined = "\n".join(f"{name} {seen[name]}" for name in sorted(seen))
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


@cache
def _file(module: str) -> Path | None:
    if module.endswith(".py"):
        return Path(module)
    if module.split(".")[0] not in PACKAGES:
        return None
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


class _Running(ast.NodeTransformer):
    """Leaves out what is there for type checkers and readers alone."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        typing = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if typing else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Leave out the texts of an error; which error it is stays."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                inner.value = ""
            elif isinstance(inner, ast.JoinedStr):
                inner.values = []
        return node


@cache
def _read(path: Path) -> tuple[str, list[str]]:
    """Return a digest of a file's code without docstrings, and the modules it imports."""
    tree = _Running().visit(ast.parse(path.read_text()))
    imports = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports
