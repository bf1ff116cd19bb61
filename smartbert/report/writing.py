"""Writing: every table, figure and page of a run, from the files that its jobs made. No torch.

The functions here are what the workflow's scripts call; what they compute stands in `analysis`,
what it looks like in the other modules of this package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from smartbert.analysis import tables
from smartbert.analysis.ablation import ablation_table, sensitivity
from smartbert.analysis.choosing import choices
from smartbert.analysis.claims import claims_table
from smartbert.analysis.comparison import Comparison
from smartbert.analysis.comparison_tables import (
    auc_table,
    bands_table,
    cost_draws,
    differences_table,
    points_table,
)
from smartbert.analysis.evaluation import load_runs
from smartbert.analysis.evidence import Evidence
from smartbert.analysis.rates import rate_rows
from smartbert.analysis.usage import GATE_COLUMNS, gate_summary
from smartbert.files import write_csv, write_rows, write_text
from smartbert.manifest import SUBJECT, Look, Manifest, split_lines
from smartbert.points import DROP, HALF, MAIN, PER_LAYER, Tuned
from smartbert.report import curves, heatmaps, literature, literature_page, plots, table_pages
from smartbert.report.ablation_page import ablation_page
from smartbert.report.ablation_plots import ablation_figure, sensitivity_figure
from smartbert.report.choosing_page import choosing_page
from smartbert.report.claims_page import claims_markdown
from smartbert.report.latency_page import latency_page
from smartbert.report.page import Page
from smartbert.report.panels import save
from smartbert.report.rates_page import rates_page
from smartbert.results import Results, named
from smartbert.tasks import TaskSpec
from smartbert.trace.trace import Trace

POINT = HALF  # of the layer usage, and of cost by length


@dataclass(frozen=True)
class Sources:
    """The files that tables, figures and claims are made from, in the order of tables.

    Attributes:
        runs: the tables of every run.
        statistics: those of every task's comparison.
        ablations: those behind the claims of every task's ablation.
    """

    runs: Sequence[Path]
    statistics: Sequence[Path]
    ablations: Sequence[Path] = ()

    def of_runs(self, name: str) -> pd.DataFrame:
        """Return a table of all runs, below each other."""
        return tables.concat(pd.read_csv(path) for path in named(self.runs, name))

    def of_tasks(self, name: str) -> pd.DataFrame:
        """Return a table of all comparisons, below each other."""
        return tables.concat(pd.read_csv(path) for path in named(self.statistics, name))

    def compared(self, name: str) -> pd.DataFrame:
        """Return a table of all comparisons and ablations, below each other."""
        paths = [*named(self.statistics, name), *named(self.ablations, name)]
        return tables.concat(pd.read_csv(path) for path in paths)


def write_statistics(
    spec: TaskSpec,
    points: Sequence[Path],
    trials: Sequence[Path],
    traces: Sequence[Path],
    *,
    draws: int,
    seed: int,
    out: Path,
) -> None:
    """Write the tables of a task's comparison.

    Args:
        points: points.json files of the methods and seeds, in the order of tables.
        trials: what was tried for each of them, in the same order.
        traces: tune and test traces of all their members.
        draws, seed: of the bootstrap.
        out: folder to write to.
    """
    compared = comparisons(spec, points, trials, traces, draws=draws, seed=seed)
    for name, parts in {
        "points": [points_table(c) for c in compared],
        "auc": [auc_table(c) for c in compared],
        "bands": [bands_table(c) for c in compared],
        "differences": [differences_table(c) for c in compared],
        "draws": [cost_draws(c, DROP, seed=seed) for c in compared],
    }.items():
        write_csv(pd.concat(parts, ignore_index=True), out / f"{name}.csv")


def comparisons(
    spec: TaskSpec,
    points: Sequence[Path],
    trials: Sequence[Path],
    traces: Sequence[Path],
    *,
    draws: int,
    seed: int,
) -> list[Comparison]:
    """Return the comparison of some runs on every test subset of their task."""
    runs = load_runs(points, trials, traces)
    return [Comparison(runs, subset=name, draws=draws, seed=seed) for name, _ in spec.test]


def write_tables(
    sources: Sources,
    manifest: Manifest,
    *,
    caption: str,
    out: Results,
    lost: pd.DataFrame | None = None,
) -> None:
    """Write every table of a run.

    Args:
        lost: runs that did not finish, with columns task, method, title, seeds, status.
    """
    points, differences = sources.of_tasks("points"), sources.of_tasks("differences")
    titles = dict(zip(points["method"], points["title"], strict=True))
    scores = sources.of_runs("scores")
    glue, sweep = tables.glue_table(scores, points, lost), tables.sweep_table(scores)
    exits = tables.exits_table(sources.of_runs("exits"))
    gates, auc = tables.gates_table(sources.of_runs("gates")), sources.of_tasks("auc")
    bands = sources.of_tasks("bands")
    beside = manifest.beside
    page = table_pages.glue_page(glue, differences, caption=caption, beside=beside)
    write_page(glue, page, out)
    write_page(sweep, table_pages.sweep_page(sweep, caption=caption), out)
    page = table_pages.curves_page(bands, caption=caption, beside=beside)
    write_page(sources.of_runs("curve"), page, out)
    page = table_pages.auc_page(auc, differences, caption=caption, beside=beside)
    write_page(auc, page, out)
    page = table_pages.differences_page(differences, titles, caption=caption)
    write_page(differences, page, out)
    write_page(exits, table_pages.exits_page(exits, caption=caption), out)
    write_page(gates, table_pages.gates_page(gates, caption=caption), out)
    write_published(points, caption=caption, out=out)
    usage, lengths = sources.of_runs("usage"), sources.of_runs("lengths")
    tidy = {"points": points, "bands": bands, "usage": usage, "lengths": lengths}
    for name, table in tidy.items():
        write_csv(table, out.table(name))


def write_page(tidy: pd.DataFrame, page: Page, out: Results) -> None:
    """Write a page for reading, and the tidy table behind it."""
    write_csv(tidy, out.table(page.name))
    write_text(out.table(page.name, "md"), page.markdown())
    write_text(out.table(page.name, "tex"), page.latex())


def write_published(points: pd.DataFrame, *, caption: str, out: Results) -> None:
    """Write the page that sets our figures beside the literature's."""
    table = literature_page.published_table(points)
    markdown = literature_page.published_markdown(table, caption=caption)
    write_csv(literature.published(), out.table("published"))
    write_text(out.table("published", "md"), markdown)
    write_text(
        out.table("published", "tex"), literature_page.published_latex(table, caption=caption)
    )


Drawing = tuple[str, Callable[..., Figure], tuple[object, ...], dict[str, object]]


def write_figures(
    sources: Sources, manifest: Manifest, *, caption: str, out: Results, cores: int = 1
) -> None:
    """Draw every figure of a run from the tables that lie there, and what its methods tried."""
    # Drawing takes longer than all the numbers behind it; each figure is independent.
    with ProcessPoolExecutor(cores, mp_context=get_context("fork")) as pool:
        waiting = [
            pool.submit(draw, out.figure(name), figure, words, look)
            for name, figure, words, look in drawings(
                sources, manifest, caption=caption, tables_of=out
            )
        ]
        for done in waiting:
            done.result()


def drawings(
    sources: Sources, manifest: Manifest, *, caption: str, tables_of: Results
) -> Iterable[Drawing]:
    """Yield every figure of a run: its name, and the function with its words that draws it."""

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(tables_of.table(name))

    bands, points, usage = table("bands"), table("points"), table("usage")
    tasks = [name for name in manifest.seeds if name in set(points["task"])]
    plain: dict[str, object] = {"caption": caption, "looks": manifest.looks}
    counted = {**plain, "convention": tables.one_convention(table("glue"))}
    main, others = split_lines(manifest.methods)
    figures = [("", MAIN, main), *([("-others", MAIN, others)] if others else [])]
    figures += [("-per-layer", PER_LAYER, main)] if PER_LAYER in manifest.spaces else []
    for end, space, methods in figures:
        look = {**counted, "space": space, "beside": {} if others else manifest.beside}
        kept = tuple(rows[rows["method"].isin(methods)] for rows in (bands, points))
        for name in tasks:
            yield f"{name}{end}", curves.task_figure, (*kept, name), look
        yield f"glue{end}", curves.all_tasks_figure, kept, look
    at = {"space": MAIN, "point": POINT}
    shown: dict[str, object] = {**at, "caption": caption}
    yield "exits", plots.exits_figure, (table("exits"),), plain
    yield "usage", heatmaps.usage_figure, (usage, SUBJECT), shown
    yield "lengths", plots.lengths_figure, (table("lengths"),), {**counted, **at}
    trials = sources.of_runs("trials")
    for name in tasks:
        yield f"{name}-usage", heatmaps.usage_by_class_figure, (usage, name, SUBJECT), shown
        own = trials[trials["task"] == name]
        own = own[own["seed"] == own.groupby("method")["seed"].transform("first")]
        yield f"{name}-trials", curves.trials_figure, (own, name), plain


def draw(
    path: Path,
    figure: Callable[..., Figure],
    words: tuple[object, ...],
    look: Mapping[str, object],
) -> None:
    """Draw a figure and save it."""
    save(figure(*words, **look), path)


def write_claims(sources: Sources, manifest: Manifest, *, caption: str, out: Results) -> None:
    """Write the claims of a run, from its comparisons and the ablations that are part of it."""
    points = sources.compared("points")
    gates = [pd.read_csv(out.table("gates"))]
    gates += [pd.read_csv(path) for path in named(sources.ablations, "gates")]
    evidence = Evidence(
        points=points,
        differences=sources.compared("differences"),
        draws=sources.compared("draws"),
        gates=tables.ablation_gates(gates),
        methods=manifest.methods,
        planned=Counter((task, method) for task, method, _ in manifest.runs),
        titles=dict(zip(points["method"], points["title"], strict=True)),
    )
    table = claims_table(evidence)
    write_csv(table, out.claims())
    write_text(out.claims("md"), claims_markdown(table, caption=caption, seeds=manifest.seeds))


def write_ablation(
    spec: TaskSpec,
    points: Sequence[Path],
    trials: Sequence[Path],
    traces: Sequence[Path],
    *,
    variants: Sequence[str],
    weights: Mapping[str, float],
    looks: Mapping[str, Look],
    caption: str,
    draws: int,
    seed: int,
    out: Results,
) -> None:
    """Write the ablation of a task: what each variant changes, and how lambda sets skipping.

    Args:
        points, trials, traces, draws, seed: see `write_statistics`.
        variants: methods to be shown.
        weights: lambda by method.
    """
    compared = comparisons(spec, points, trials, traces, draws=draws, seed=seed)
    first, task = compared[0], spec.name
    changes = [ablation_table(c, SUBJECT, list(variants)) for c in compared]
    table = pd.concat(changes, ignore_index=True)
    page = ablation_page(table, subject=first.title(SUBJECT), caption=caption)
    write_csv(table, out.ablation(task))
    write_text(out.ablation(task, "md"), page.markdown())
    write_text(out.ablation(task, "tex"), page.latex())
    for part, parts in {
        "points": [points_table(c) for c in compared],
        "differences": [differences_table(c) for c in compared],
        "draws": [cost_draws(c, DROP, seed=seed) for c in compared],
    }.items():
        write_csv(pd.concat(parts, ignore_index=True), out.ablation_part(task, part))
    gates = [
        {**layer, "method": method}
        for method, own in first.runs.items()
        for run in own.values()
        for layer in gate_summary(next(iter(run.traces.values())))
    ]
    write_rows(gates, out.ablation_part(task, "gates"), columns=GATE_COLUMNS)
    own = table[table["subset"] == first.subset]
    save(ablation_figure(own, caption=caption, looks=looks), out.ablation(task, "png"))
    lambdas = sensitivity(first, dict(weights))
    write_csv(lambdas, out.ablation(task, part="-lambda"))
    figure = sensitivity_figure(lambdas, caption=caption, looks=looks)
    save(figure, out.ablation(task, "png", part="-lambda"))


def write_choosing(
    points: Sequence[Path],
    trials: Sequence[Path],
    traces: Sequence[Path],
    *,
    methods: Sequence[str],
    caption: str,
    out: Results,
) -> None:
    """Write the page that sets rules of choosing side by side.

    Args:
        points, trials, traces: see `write_statistics`; of dense BERT and the methods, of all tasks.
        methods: whose thresholds are chosen.
    """
    tasks = {path: Tuned.read(path).task for path in points}
    loaded = {path: Trace.load(path).meta.task for path in traces}
    rows = []
    for task in dict.fromkeys(tasks.values()):
        own = [pair for pair in zip(points, trials, strict=True) if tasks[pair[0]] == task]
        runs = load_runs(
            [pair[0] for pair in own],
            [pair[1] for pair in own],
            [path for path, of in loaded.items() if of == task],
        )
        rows += choices(runs, methods)
    write_rows(rows, out.table("choosing"))
    page = choosing_page(pd.read_csv(out.table("choosing")), caption=caption)
    write_text(out.table("choosing", "md"), page.markdown())


def write_rates(
    traces: Sequence[Path],
    *,
    members: Mapping[str, Mapping[str, float]],
    caption: str,
    out: Results,
) -> None:
    """Write the page that compares the learning rates of heads.

    Args:
        traces: tune traces of all trainings, of all tasks.
        members: see `rate_rows`.
    """
    rows = rate_rows([Trace.load(path) for path in traces], members)
    exact = [{**row, "rate": repr(row["rate"])} for row in rows]  # not to the digits of scores
    write_rows(exact, out.table("rates"))
    page = rates_page(pd.DataFrame(rows), caption=caption)
    write_text(out.table("rates", "md"), page.markdown())


def write_latency(
    runs: Sequence[Path], *, looks: Mapping[str, Look], caption: str, out: Path
) -> None:
    """Write the timings of all runs: a table, a page, and time saved against FLOPs saved."""
    table = pd.concat([pd.read_csv(path) for path in runs], ignore_index=True)
    write_csv(table, out.with_suffix(".csv"))
    write_text(out.with_suffix(".md"), latency_page(table, caption=caption).markdown())
    save(plots.latency_figure(table, caption=caption, looks=looks), out)
