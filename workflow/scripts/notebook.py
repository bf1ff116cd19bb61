"""Make a result notebook: cells from a template, executed, and free of paths and times.

A template is a Python file in which `# %%` begins a cell of code and `# %% [markdown]` one of text.
"""

import argparse
import re
from pathlib import Path

from smartbert.errors import UserError
from smartbert.files import write_text
from workflow.scripts.common import run

TIMEOUT = 300  # seconds for a cell
MARK = "# %%"


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="notebook to write")
    args = parser.parse_args(argv)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_text(args.out, executed(args.template.read_text(), args.out.parent, args.template.name))


def executed(source: str, folder: Path, name: str) -> str:
    """Return the executed notebook as JSON; cells run in `folder`.

    Raises:
        UserError: if a cell fails, with its last line.
    """
    import nbformat
    from nbclient.exceptions import CellExecutionError
    from nbconvert.preprocessors import ExecutePreprocessor

    notebook = nbformat.v4.new_notebook(cells=cells(source), metadata=METADATA)
    execute = ExecutePreprocessor(
        timeout=TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        execute.preprocess(notebook, {"metadata": {"path": str(folder)}})
    except CellExecutionError as error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
        last = [line for line in plain.splitlines() if line.strip()][-1]
        raise UserError(f"notebook {name}: a cell failed: {last}") from None
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        for output in cell.get("outputs", []):
            for kind, text in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output["data"][kind] = same_names(text, number)
    return nbformat.writes(notebook, indent=1) + "\n"


def same_names(text: str, number: int) -> str:
    """Return an output without what is drawn anew each time: a styled table's id, an address."""
    text = re.sub(r"T_[0-9a-f]{5}", f"T_{number:05d}", text)
    return re.sub(r" at 0x[0-9a-f]+", "", text)


METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cells(source: str) -> list:
    """Return the cells of a template."""
    import nbformat

    found = []
    for part in re.split(rf"^{MARK}", source, flags=re.MULTILINE)[1:]:
        kind, _, body = part.partition("\n")
        body = body.strip("\n")
        if kind.strip() == "[markdown]":
            lines = (line.removeprefix("#").removeprefix(" ") for line in body.splitlines())
            found.append(nbformat.v4.new_markdown_cell("\n".join(lines)))
        else:
            found.append(nbformat.v4.new_code_cell(body))
    return found


if __name__ == "__main__":
    run(main)
