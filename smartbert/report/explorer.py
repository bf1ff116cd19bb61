"""Explorer: one page in which a reader moves budgets and thresholds, without server or network.

Curves, points and their intervals are those of the tables; free thresholds are replayed in the page
from test traces, thinned where they would not fit (`packing`). What it looks like and what it does
stand in `explorer_parts`, its library in `vendor`. No torch.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.colors import to_hex

from smartbert.analysis.tables import one_convention
from smartbert.cost import CONVENTIONS
from smartbert.files import write_text
from smartbert.manifest import REFERENCE, SUBJECT, Manifest, split_lines
from smartbert.points import (
    BUDGET_ROUNDING,
    BUDGETS,
    CURVE_BUDGETS,
    FIXED,
    HALF,
    OPERATING_POINTS,
    SETTLED,
    SPACE_RECORDS,
    Tuned,
)
from smartbert.records import plain
from smartbert.report.explorer_task import TaskTables, load_thinned, pack_task
from smartbert.results import Results

HERE = Path(__file__).parent
PARTS = HERE / "explorer_parts"
LIBRARY = HERE / "vendor" / "plotly-basic.min.js"
SCRIPTS = ("replay", "settings", "charts", "tables", "free", "page")  # in the order of their use
MOST_BYTES = 5_000_000
# Inside a report the page is an address of its own, and some browsers read none above two million
# letters, four for three bytes.
REPORT_BYTES = 1_570_000
# Examples of each test set, trainings of each method (None: all), bytes: the first that fits.
SAMPLES = (
    *((2000, None, REPORT_BYTES), (1000, None, REPORT_BYTES), (500, None, REPORT_BYTES)),
    *((2000, None, MOST_BYTES), (1000, None, MOST_BYTES), (500, None, MOST_BYTES)),
    *((250, None, MOST_BYTES), (500, 1, MOST_BYTES), (250, 1, MOST_BYTES), (100, 1, MOST_BYTES)),
)
DASHES = {"-": "solid", "--": "dash", "-.": "dashdot", ":": "dot"}
SYMBOLS = {
    **{"o": "circle", "s": "square", "^": "triangle-up", "v": "triangle-down", "D": "diamond"},
    **{"X": "x", "P": "cross", "h": "hexagon", "*": "star", "p": "pentagon", ".": "circle"},
    **{"<": "triangle-left", ">": "triangle-right"},
}
UNREACHED = "each leaves where its answer no longer changes, which no rule can know"


def write_explorer(
    points: Sequence[Path],
    traces: Sequence[Path],
    manifest: Manifest,
    *,
    caption: str,
    seed: int,
    out: Results,
) -> None:
    """Write the page of a run from its tables, and from what was tuned and recorded.

    Args:
        points: the `points.json` of every task, method and seed, in the order of tables.
        traces: test traces of all the trainings behind them, in any order.
        caption: what the data are.
        seed: of the sample of test examples.
        out: results folder with the tables.

    Raises:
        UserError: if a trace is missing, of other examples, or of another tuning than the tables.
    """
    every = [Tuned.read(path) for path in points]
    tuned = {name: [one for one in every if one.task == name] for name in manifest.tasks}
    tuned = {name: own for name, own in tuned.items() if own}
    tables = {name: pd.read_csv(out.table(name)) for name in ("glue", "bands", "curves")}
    shown = {name: TaskTables.of(name, own, tables) for name, own in tuned.items()}
    thinned = load_thinned(traces, SAMPLES[0][0], seed=seed)
    facts = run_facts(manifest, tables["glue"], list(tuned), caption=caption)
    made: dict[tuple[int, int | None], str] = {}
    for examples, seeds, most in SAMPLES:
        if (examples, seeds) not in made:
            how = {"examples": examples, "seeds": seeds, "seed": seed}
            packed = {
                name: pack_task(
                    manifest.tasks[name], own, thinned, shown[name],
                    examples=examples, seeds=seeds, seed=seed,
                )
                for name, own in tuned.items()
            }  # fmt: skip
            made[examples, seeds] = whole_page({**facts, "sample": how}, packed)
        page = made[examples, seeds]
        if len(page.encode()) <= most:
            break
    write_text(out.explorer, page)


def run_facts(
    manifest: Manifest, glue: pd.DataFrame, tasks: Sequence[str], *, caption: str
) -> dict[str, object]:
    """Return what the page is told of the run: its tasks, methods, spaces, points, conventions."""
    titles = dict(zip(glue["method"], glue["title"], strict=True))
    methods = {name: own for name, own in manifest.methods.items() if name in titles}
    begin, _ = split_lines(methods)
    spaces = {*manifest.spaces, FIXED} & set(glue["space"])
    return {
        "caption": caption,
        "convention": one_convention(glue),
        "conventions": {name: [own.text, own.unit] for name, own in CONVENTIONS.items()},
        **{"reference": REFERENCE, "subject": SUBJECT},
        "tasks": {name: manifest.tasks[name].title for name in tasks},
        "methods": {
            name: {
                "title": titles[name],
                "color": to_hex(own.look.color),
                "dash": DASHES.get(own.look.line, "solid"),
                "symbol": SYMBOLS.get(own.look.marker, "circle"),
                "on": name in begin,
            }
            for name, own in methods.items()
        },
        "spaces": {name: own.text for name, own in SPACE_RECORDS.items() if name in spaces},
        "fixed": FIXED,
        "points": {**{n: own.text for n, own in OPERATING_POINTS.items()}, SETTLED: UNREACHED},
        "budgets": sorted({*CURVE_BUDGETS, *BUDGETS.values()}),
        "named": {f"{budget:g}": name for name, budget in BUDGETS.items()},
        "begin": BUDGETS[HALF],
        "rounding": BUDGET_ROUNDING,
    }


def whole_page(facts: Mapping[str, object], packed: Mapping[str, bytes]) -> str:
    """Return the page: its shell with style, library, script and data in their places."""
    text = json.dumps(plain(facts), allow_nan=False, separators=(",", ":"))
    parts = {
        "style": (PARTS / "page.css").read_text(),
        "library": _letters(gzip.compress(LIBRARY.read_bytes(), mtime=0)),
        "script": "\n".join((PARTS / f"{name}.js").read_text() for name in SCRIPTS),
        "run": text.replace("</", "<\\/"),  # no caption can end the element
        "data": "\n".join(
            f'<script type="text/plain" id="data-{name}">{_letters(content)}</script>'
            for name, content in packed.items()
        ),
    }
    shell = (PARTS / "page.html").read_text()
    return re.sub(r"<!--(\w+)-->", lambda found: parts[found[1]], shell)


def _letters(content: bytes) -> str:
    return base64.b64encode(content).decode()
