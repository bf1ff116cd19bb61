"""LaTeX tables: nothing that is special to LaTeX survives in a cell, rows and environments are
whole, and the document compiles where an engine is installed.
"""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smartbert.report.latex import COMMANDS, LONG, Bold, booktabs, escape, standalone

SPECIAL = "&%$#_{}~^\\<>|"
TEXTS = st.text(st.sampled_from([*COMMANDS, *"aZ9 -[]*\n\té"]), max_size=20) | st.text(max_size=20)
# Written out again, so that a slip in the module's table shows.
NAMES = {
    **{"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "dots": "…"},
    **{"textless": "<", "textgreater": ">", "textbar": "|", "nobreakspace": "\u00a0"},
}
TOKEN = re.compile(
    r"\\(?P<escaped>[&%$#_{}])|\\(?P<name>[a-z]+)\{(?P<argument>[^{}]*)\}|(?P<rest>.)"
)


def printed(latex: str) -> str:
    """Return the plain characters that LaTeX prints for an escaped text; formulas as "?"."""
    out = []
    for token in TOKEN.finditer(latex.replace("-{}-", "-\0-").replace("-{}-", "-\0-")):
        if token["escaped"]:
            out.append(token["escaped"])
        elif token["name"] == "ensuremath":
            out.append("?")
        elif token["name"]:
            assert token["argument"] == "", f"{token[0]!r} takes no argument"
            out.append(NAMES[token["name"]])
        else:
            assert token["rest"] not in SPECIAL, f"{token['rest']!r} bare in {latex!r}"
            out.append(token["rest"])
    return "".join(out).replace("\0", "")


def balanced(latex: str) -> bool:
    """Return whether every brace that is not escaped closes."""
    depth = 0
    for brace in re.sub(r"\\[{}]", "", latex):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


def formulas(text: str) -> str:
    """Return a text with the characters that LaTeX sets as formulas or ligatures made alike."""
    for character, command in COMMANDS.items():
        if "ensuremath" in command:
            text = text.replace(character, "?")
        elif not command.startswith("\\"):
            text = text.replace(character, command)
    return text


def environments(latex: str) -> list[tuple[str, str]]:
    return re.findall(r"\\(begin|end)\{(\w+)\}", latex)


def rows(latex: str) -> list[str]:
    return [line for line in latex.splitlines() if line.endswith(r" \\")]


@given(TEXTS)
@example(SPECIAL)
@example("--- a_b {c} \\d")
@example("0\x1f0\x850")
def test_nothing_special_survives(text):
    latex = escape(text)
    assert balanced(latex)
    assert "\n" not in latex and "\\\\" not in latex
    assert "--" not in latex or "–" in text or "—" in text
    plain = [c for c in text if c == "\u00a0" or c.isprintable() or c.isspace()]
    if len(plain) == len(text) and "--" not in latex:
        words = re.sub(r"[^\S\u00a0]+", " ", text).strip(" ")
        assert printed(latex) == formulas(words)


@given(TEXTS)
def test_bold_is_the_same_text_in_both_languages(text):
    inner = escape(text)
    assert escape(Bold(text)) == (rf"\textbf{{{inner}}}" if text else "")
    assert str(Bold(text)) == (f"**{text}**" if text else "")


def test_bold_survives_in_a_markdown_table():
    frame = pd.DataFrame({"score": [Bold("71.2"), "70.0"]})
    assert "| **71.2** " in frame.to_markdown(index=False, disable_numparse=True)
    assert r"\textbf{71.2} \\" in booktabs(frame, caption="", label="tab:a")


def test_known_characters_become_commands():
    assert escape("5 ± 1 % of 2×3, a–b") == (
        r"5 \ensuremath{\pm} 1 \% of 2\ensuremath{\times}3, a--b"
    )
    assert escape("--out a_b") == r"-{}-out a\_b"
    assert escape(None) == escape(float("nan")) == ""
    assert escape(3) == "3"


@given(st.lists(st.lists(TEXTS | st.none(), min_size=3, max_size=3), min_size=1, max_size=4))
@example([["[60, 64]", "a", "b"], ["*", "a", "b"], [" [x]", None, "&"]])
def test_every_row_has_every_column(cells):
    frame = pd.DataFrame(cells, columns=["a & b", "[c]", "d%"], dtype=object)
    latex = booktabs(frame, caption="x_y {", label="tab:x", groups="[c]")
    assert len(rows(latex)) == 1 + len(frame)
    for row in rows(latex):
        assert len(re.findall(r"(?<!\\)&", row)) == 2
        assert not row.lstrip().startswith(("[", "*"))
    assert balanced(latex)


@pytest.mark.parametrize(("number", "name"), [(LONG, "tabular"), (LONG + 1, "longtable")])
def test_long_tables_break_over_pages(number, name):
    latex = booktabs(pd.DataFrame({"n": range(number)}), caption="c", label="tab:n")
    opened = []
    for kind, environment in environments(latex):
        if kind == "begin":
            opened.append(environment)
        else:
            assert opened.pop() == environment
    assert not opened and rf"\begin{{{name}}}{{r}}" in latex
    assert latex.count(r"\caption{c}\label{tab:n}") == 1
    assert latex.count(r"\begingroup") == latex.count(r"\endgroup")


def test_rules_stand_between_groups():
    frame = pd.DataFrame({"task": ["a", "a", "b", "b", "c"], "x": list("12345")})
    body = booktabs(frame, caption="", label="l", groups="task").split(r"\midrule")
    assert [part.count(r"\\") for part in body] == [1, 2, 2, 1]
    assert booktabs(frame, caption="", label="l").count(r"\midrule") == 1


def test_figures_are_set_to_the_right():
    frame = pd.DataFrame(
        {"a": ["1.5x", "2"], "b": [Bold("62.1 [60, 64]"), ""], "c": ["x", "1"], "d": ["", None]}
    )
    assert r"\begin{tabular}{rrll}" in booktabs(frame, caption="", label="l")
    align = ["l", "p{3cm}", "r", "c"]
    assert r"\begin{tabular}{lp{3cm}rc}" in booktabs(frame, caption="", label="l", align=align)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"label": "a b"}, "label 'a b'"),
        ({"align": "ll"}, "2 alignments for 1 columns"),
        ({"groups": "y"}, "no column 'y'"),
        ({"size": "tiny"}, "none of normalsize"),
    ],
)
def test_a_wrong_setting_is_named(wrong, message):
    settings = {"caption": "", "label": "l"} | wrong
    with pytest.raises(ValueError, match=message):
        booktabs(pd.DataFrame({"x": ["1"]}), **settings)


def compile_latex(document: str, folder) -> None:
    """Set a document with pdflatex, or skip the test where it is not installed."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex: the tables were not compiled")
    (folder / "table.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    if ".sty' not found" in log:
        pytest.skip("pdflatex lacks booktabs, longtable or geometry: the tables were not compiled")
    assert done.returncode == 0, log[-2000:]
    assert (folder / "table.pdf").is_file()


def test_the_document_compiles(tmp_path):
    characters = [*COMMANDS, "é", "ü", "[x]", "*", '"', "--", "'", "`", "\t"]
    short = pd.DataFrame(
        {"[text]": characters[:LONG], "bold": [Bold(c) for c in characters[:LONG]]}
    )
    long = pd.DataFrame({"text": characters * 3, "n": range(3 * len(characters))})
    caption = "All of it: " + " ".join(COMMANDS)
    tables = [
        booktabs(short, caption=caption, label="tab:short"),
        booktabs(long, caption=caption, label="tab:long", groups="text"),
    ]
    compile_latex(standalone(tables), tmp_path)
