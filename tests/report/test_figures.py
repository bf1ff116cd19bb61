"""Figures from made-up tables: what is drawn, that it is the data, and that it can be read."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from conftest import loads
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from baselines.registry import METHODS as OPERATING_POINTS
from smartbert.manifest import REFERENCE, SPARE_LOOKS, complete_looks, split_lines
from smartbert.points import FIXED, GLOBAL, MAIN, PER_LAYER, SETTLED
from smartbert.report.curves import all_tasks_figure, task_figure, trials_figure
from smartbert.report.heatmaps import usage_by_class_figure, usage_figure
from smartbert.report.latency_page import latency_page
from smartbert.report.panels import save
from smartbert.report.plots import exits_figure, latency_figure, lengths_figure
from smartbert.report.style import ORDER, SHARES, luminance, style
from smartbert.tasks import TASKS

LOOKS = {name: record.look for name, record in OPERATING_POINTS.items()}
TITLES = {name: name.replace("_", " ").title() for name in LOOKS} | {"mine": "A Method of My Own"}
METHODS = ("full_bert", "smartbert", "deebert", "truncated_bert", "mine")
SPACES = {
    "smartbert": (MAIN, GLOBAL, PER_LAYER, FIXED),
    "deebert": (MAIN, PER_LAYER, FIXED),
    "mine": (MAIN, FIXED),
}  # the others: only the main one
POINTS = ("full", "b75", "b50", "b33", "drop1", "ltt")
LAYERS = 6
PLAIN = {"caption": "Made up.", "looks": LOOKS}
HOW = {**PLAIN, "space": MAIN, "convention": "flops"}
BESIDE = {**HOW, "beside": {"deebert": (PER_LAYER,)}}
COSTS = np.round(np.arange(25, 101) / 100, 2)


def runs(methods=METHODS, tasks=TASKS):
    """Yield the columns that all tables begin with."""
    for task, method in product(tasks, methods):
        for space in SPACES.get(method, (MAIN,)):
            yield {"task": task, "method": method, "title": TITLES[method], "space": space}


RTE = list(runs(tasks=["rte"]))


def subsets(rows) -> list[dict]:
    return [{**r, "subset": subset or None} for r in rows for subset, _ in TASKS[r["task"]].test]


def some_bands(rows=None, seeds: int = 3) -> pd.DataFrame:
    """Curves that rise by straight lines; those of other spaces lie beside them."""
    frames = []
    for row in subsets(rows or runs()):
        score = 60 + 20 * COSTS + {PER_LAYER: 1, FIXED: -2}.get(row["space"], 0)
        values = {"cost": COSTS, "score": score, "low": score - 2, "high": score + 2}
        frames.append(pd.DataFrame({**row, **values, "seeds": seeds}))
    return pd.concat(frames, ignore_index=True)


def some_points(rows=None) -> pd.DataFrame:
    costs = {"full": 1.02, "b75": 0.73, "b50": 0.48, "b33": np.nan, "drop1": 0.91}
    table = pd.DataFrame([{**r, "point": p} for r in subsets(rows or runs()) for p in POINTS])
    dense = table["method"] == REFERENCE
    table = table[~dense | (table["point"] == "full")].reset_index(drop=True)
    table["cost"] = table["point"].map(costs).where(table["method"] != REFERENCE, 1.0)
    table["score"] = (60 + 20 * table["cost"]).where(table["method"] != REFERENCE, 80.0)
    table["status"] = np.where(table["cost"].isna(), "no setting within 33 %", "ok")
    ends = {f"{v}_{e}": table[v] for v in ("score", "cost") for e in ("low", "high")}
    return table.assign(**ends, seeds=3, examples=100)


def some_usage(rows=None) -> pd.DataFrame:
    table = pd.DataFrame(
        {**r, "seed": seed, "point": point, "label": label, "layer": layer}
        for r in rows or runs()
        for seed, point, layer in product((1, 2), ("full", "b50"), range(1, LAYERS + 1))
        for label in ("all", *TASKS[r["task"]].labels)
    )
    values = np.random.default_rng(0).uniform(size=(3, len(table)))
    return table.assign(exit=values[0], ran=values[1], skipped=values[2] / 4)


def some_lengths(rows=None) -> pd.DataFrame:
    table = pd.DataFrame(
        {**r, "seed": seed, "point": point, "low": low, "high": low + 16, "length": low + 7.5}
        for r in rows or runs()
        for seed, point, low in product((1, 2), ("full", "b50"), (0, 16, 32))
        if point == "full" or r["method"] != REFERENCE
    )
    dense = table["length"] * 1.7e8
    return table.assign(examples=9, cost=0.5, flops=dense / 2, dense=dense)


def some_trials(rows=None, count: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {**r, "seed": seed, "number": number, "member": "", "cost_relative": rng.uniform(0.3, 1)}
        for r in rows or runs()
        for seed, number in product((1, 2), range(count))
        if r["method"] != REFERENCE and r["space"] != FIXED
    )
    table["score"] = 60 + 20 * table["cost_relative"] + rng.normal(size=len(table))
    table = table.sort_values("cost_relative", ignore_index=True)
    best = table.groupby(["task", "method", "space", "seed"])["score"].cummax()
    return table.assign(skip_threshold=0.5, thresholds="[]", front=table["score"] >= best)


def some_exits(rows=None) -> pd.DataFrame:
    return pd.DataFrame(
        {**r, "seed": 1, "layer": layer, "score": 50 + 5 * layer, "accuracy": 50.0}
        for r in subsets(rows or runs())
        for layer in ([LAYERS] if r["method"] == REFERENCE else range(1, LAYERS + 1))
    )


FIGURES = {
    "all": lambda rows=None: all_tasks_figure(some_bands(rows), some_points(rows), **BESIDE),
    "task": lambda rows=None: task_figure(some_bands(rows), some_points(rows), "rte", **BESIDE),
    "exits": lambda rows=None: exits_figure(some_exits(rows), **PLAIN),
    "usage": lambda rows=None: usage_figure(
        some_usage(rows), "smartbert", space=MAIN, point="b50", caption="Made up."
    ),
    "classes": lambda rows=None: usage_by_class_figure(
        some_usage(rows), "rte", "smartbert", space=MAIN, point="b50", caption="Made up."
    ),
    "lengths": lambda rows=None: lengths_figure(some_lengths(rows), point="b50", **HOW),
    "trials": lambda rows=None: trials_figure(some_trials(rows), "rte", **PLAIN),
}


def panel(figure: Figure, title: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_title() == title)


def lines(axes: Axes, color: str) -> list:
    """Return the lines of a colour that hold data."""
    return [n for n in axes.lines if to_hex(n.get_color()) == color.lower() and len(n.get_xdata())]


def curve(axes: Axes, method: str):
    """Return the line of a method's scores."""
    color = complete_looks(LOOKS, METHODS)[method].color
    return next(n for n in lines(axes, color) if n.get_marker() == "None")


def beside(axes: Axes) -> dict[str, list[float]]:
    """Return the scores of the thin lines of other spaces, by title."""
    return {
        line.get_label(): list(line.get_ydata())
        for line in axes.lines
        if ", " in str(line.get_label())
    }


def caption_of(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text() for text in figure.texts).split())


def boxes(figure: Figure) -> dict[str, list]:
    """Return the extents of all that is drawn, in pixels: panels with labels, and free texts."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    free = [figure._suptitle] if figure._suptitle else []
    return {
        "panels": [a.get_tightbbox(renderer) for a in figure.axes if a.get_visible()],
        "legends": [legend.get_window_extent(renderer) for legend in figure.legends],
        "texts": [t.get_window_extent(renderer) for t in {*free, *figure.texts}],
    }


@pytest.mark.parametrize("kind", ["all", "exits", "lengths"])
def test_every_task_has_its_panel(kind):
    titles = [axes.get_title() for axes in FIGURES[kind]().axes]
    matched = "" if kind == "lengths" else " (matched)"
    assert titles == [TASKS[n].title + matched * (n == "mnli") for n in TASKS]


def test_dense_bert_is_a_star_at_cost_1_and_a_level():
    for axes in FIGURES["all"]().axes:
        black = [line for line in axes.lines if line.get_color() == LOOKS[REFERENCE].color]
        star = next(line for line in black if line.get_marker() == "*")
        assert (star.get_xdata()[0], star.get_ydata()[0]) == (1.0, 80.0)
        assert any(set(line.get_ydata()) == {80.0} and line is not star for line in black)


def test_curves_are_straight_lines_between_the_readings():
    axes = panel(FIGURES["all"](RTE), "RTE")
    for method in METHODS[1:]:
        line = curve(axes, method)
        bands = some_bands(RTE)
        drawn = bands[(bands["method"] == method) & (bands["space"] == MAIN)]
        assert line.get_drawstyle() == "default"  # no steps
        assert list(line.get_xdata()) == list(COSTS)
        assert list(line.get_ydata()) == drawn["score"].tolist()


def test_beside_the_main_curves_stand_fixed_exits_and_what_a_method_names():
    axes = panel(FIGURES["all"](RTE), "RTE")
    fixed, layered = (
        f"{TITLES['smartbert']}, fixed exit",
        f"{TITLES['deebert']}, thresholds per layer",
    )
    found, bands = beside(axes), some_bands(RTE)
    assert list(found) == [fixed, layered]
    for title, method, space in ((fixed, "smartbert", FIXED), (layered, "deebert", PER_LAYER)):
        own = bands[(bands["method"] == method) & (bands["space"] == space)]
        assert found[title] == own["score"].tolist()
    figure = FIGURES["task"](RTE)
    shown = [text.get_text() for text in figure.legends[0].findobj(Text)]
    assert {fixed, layered} <= set(shown)
    assert "Fixed exit: everybody leaves Smartbert at the same layer" in caption_of(figure)
    # Nobody asked for DeeBERT's; in other spaces nothing stands beside.
    alone = all_tasks_figure(some_bands(RTE), some_points(RTE), **HOW)
    assert list(beside(panel(alone, "RTE"))) == [fixed]
    layers = task_figure(some_bands(RTE), some_points(RTE), "rte", **{**BESIDE, "space": PER_LAYER})
    assert beside(layers.axes[0]) == {} and "Fixed exit" not in caption_of(layers)


def test_a_curve_of_fixed_exits_is_no_method_of_its_own():
    few = list(runs(("full_bert", "smartbert", "deebert"), ["rte"]))
    figure = FIGURES["task"](few)
    assert len(figure.axes[0].collections) == 2  # their intervals, none of the fixed exits'
    main = [line for line in figure.axes[0].lines if line.get_linewidth() > 1.2]
    firsts = [line.get_ydata()[0] for line in main if len(line.get_ydata()) > 2]
    assert firsts == [65, 65]  # of the main space


def test_points_without_a_setting_have_no_mark():
    axes = panel(FIGURES["all"](RTE), "RTE")
    marks = [n for n in lines(axes, LOOKS["deebert"].color) if n.get_marker() == "^"]
    filled, opened = marks
    assert list(filled.get_xdata()) == [0.73, 0.48]  # none for b33
    assert list(opened.get_xdata()) == [0.91] and opened.get_markerfacecolor() == "white"


def test_a_method_of_one_space_is_drawn_in_both_and_one_of_two_in_its_own():
    bands, points = some_bands(RTE), some_points(RTE)
    both = [
        panel(all_tasks_figure(bands, points, **{**HOW, "space": space}), "RTE")
        for space in (MAIN, PER_LAYER)
    ]
    for method, difference in (
        ("mine", 0),
        ("truncated_bert", 0),
        ("deebert", 1),
        ("smartbert", 1),
    ):
        first, second = (curve(axes, method).get_ydata() for axes in both)
        assert list(second - first) == [difference] * len(first)


def test_intervals_are_drawn_where_they_can_be_told_apart():
    few = list(runs(("full_bert", "pabee", "truncated_bert", "skip_only"), ["rte"]))
    assert len(FIGURES["task"](few).axes[0].collections) == 3
    assert len(FIGURES["task"](RTE).axes[0].collections) == 2  # SmartBERT's and DeeBERT's


def test_the_caption_says_what_the_intervals_are_over():
    def caption(bands: pd.DataFrame) -> str:
        return caption_of(task_figure(bands, some_points(RTE), "rte", **HOW))

    over = "intervals over seeds, test examples and the choice on tune."
    assert "Made up." in caption(some_bands(RTE)) and over in caption(some_bands(RTE))
    one = "intervals over test examples and the choice on tune, with one training."
    assert one in caption(some_bands(RTE, seeds=1))
    mixed = some_bands(RTE).assign(seeds=lambda t: np.where(t["method"] == "smartbert", 1, 3))
    assert "not over training seeds where there is one" in caption(mixed)
    assert "to the majority class at no cost" in caption(mixed)


def test_heat_maps_hold_the_means_over_seeds():
    usage = some_usage()
    figure = usage_figure(usage, "smartbert", space=PER_LAYER, point="b50", caption="")
    chosen = usage.query("method == 'smartbert' and space == @PER_LAYER and point == 'b50'")
    means = chosen[chosen["label"] == "all"].groupby(["task", "layer"])[["exit", "skipped"]].mean()
    for axes, column in zip(figure.axes, ("exit", "skipped"), strict=False):
        expected = 100 * means[column].unstack("layer").loc[list(TASKS)].to_numpy()
        assert np.allclose(axes.images[0].get_array(), expected)
        texts = [text.get_text() for text in axes.texts]
        assert texts == [f"{value:.0f}" for value in expected.ravel()]
        assert [t.get_text() for t in axes.get_yticklabels()] == [t.title for t in TASKS.values()]


def test_heat_maps_by_class_have_a_row_per_class():
    labels = [text.get_text() for text in FIGURES["classes"]().axes[0].get_yticklabels()]
    assert labels == ["all", "entailment", "not entailment"]


def test_figures_of_one_training_speak_of_no_mean_over_seeds():
    how = {"space": MAIN, "point": "b50", "caption": ""}
    usage, lengths = some_usage(), some_lengths(RTE)
    for several, said in ((True, "means over seeds"), (False, "one training each")):
        usage, lengths = (t if several else t[t["seed"] == 1] for t in (usage, lengths))
        figures = [
            usage_figure(usage, "smartbert", **how),
            usage_by_class_figure(usage, "rte", "smartbert", **how),
            lengths_figure(lengths, point="b50", **HOW),
        ]
        for figure in figures:
            text = " ".join(one.get_text() for one in figure.texts).replace("\n", " ")
            assert said in text


def test_a_task_of_fewer_layers_has_blank_cells():
    usage = some_usage()
    shallow = (usage["task"] == "cola") & (usage["layer"] > 4)
    figure = usage_figure(usage[~shallow], "smartbert", space=MAIN, point="b50", caption="Made up.")
    assert len(figure.axes[0].texts) == LAYERS * len(TASKS) - 2


def test_cost_by_length_is_absolute_with_dense_bert_as_reference():
    axes = panel(FIGURES["lengths"](RTE), "RTE")
    dense, smart = (next(iter(lines(axes, LOOKS[m].color))) for m in (REFERENCE, "smartbert"))
    assert list(dense.get_xdata()) == [7.5, 23.5, 39.5]
    assert list(dense.get_ydata()) == pytest.approx([1.275, 3.995, 6.715])
    assert list(smart.get_ydata()) == pytest.approx([0.6375, 1.9975, 3.3575])
    assert axes.get_ylabel() == "GFLOPs per example"
    layers = lengths_figure(some_lengths(RTE), point="b50", **{**HOW, "convention": "layers"})
    assert layers.axes[0].get_ylabel() == "layers per example"


def test_the_search_shows_all_trials_and_each_seeds_front():
    trials = some_trials(RTE)
    figure = trials_figure(trials, "rte", looks=LOOKS, caption="")
    own = trials.query("task == 'rte' and method == 'smartbert' and space == @PER_LAYER")
    axes = panel(figure, "Smartbert, per layer")
    assert len(axes.collections[0].get_offsets()) == len(own)
    for line, (_, front) in zip(axes.lines, own[own["front"]].groupby("seed"), strict=True):
        assert list(line.get_ydata()) == sorted(front["score"])
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    spaces = ["global", "per layer", "published"]
    assert titles[:3] == [f"Smartbert, {space}" for space in spaces]
    assert titles[3:5] == [f"{TITLES['deebert']}, {space}" for space in spaces[1:]]
    assert set(titles[5:]) == {TITLES[m] for m in METHODS[3:]}


@pytest.mark.parametrize("kind", ["all", "task", "lengths", "exits", "trials"])
def test_a_method_has_one_colour_in_all_figures(kind):
    for axes in (axes for axes in FIGURES[kind](RTE).axes if axes.get_title()):
        used = {to_hex(line.get_color()) for line in axes.lines}
        drawn = complete_looks(LOOKS, METHODS)
        palette = {drawn[m].color.lower() for m in METHODS}
        assert used - {"#cccccc"} <= palette  # light grey: the line at cost 1


def test_settled_is_a_mark_of_the_subject_told_in_the_caption():
    own = {"task": "rte", "method": "smartbert", "title": "SmartBERT", "space": FIXED}
    row = {**own, "subset": None, "point": SETTLED, "score": 77.0, "cost": 0.31, "status": "ok"}
    rival = {**row, "method": "deebert", "cost": 0.2}  # it is drawn for the subject alone
    points = pd.concat([some_points(RTE), pd.DataFrame([row, rival])], ignore_index=True)
    figure = task_figure(some_bands(RTE), points, "rte", **HOW)
    (mark,) = [line for line in figure.axes[0].lines if line.get_label() == "SmartBERT, settled"]
    assert list(mark.get_xdata()) == [0.31] and list(mark.get_ydata()) == [77.0]
    assert to_hex(mark.get_color()) == LOOKS["smartbert"].color.lower()
    assert "no rule can know" in " ".join(figure.texts[0].get_text().split())
    without = task_figure(some_bands(RTE), some_points(RTE), "rte", **HOW)
    assert "no rule can know" not in " ".join(without.texts[0].get_text().split())


def test_the_main_figure_has_few_lines_and_a_second_one_the_others():
    few = [REFERENCE, "smartbert", *"abcdef"]
    assert split_lines(few) == (few, [])
    main, others = split_lines([*few, "g", "h"])
    assert main == few and others == [REFERENCE, "smartbert", "g", "h"]


def test_methods_are_told_apart_in_grey():
    # What is read from another's traces stands beside the others in ablations alone.
    compared = {name: look for name, look in LOOKS.items() if not OPERATING_POINTS[name].reads}
    looks = [*compared.values(), *SPARE_LOOKS]
    assert len({look.marker for look in looks}) == len(looks)
    for one, other in combinations(compared.values(), 2):
        apart = abs(luminance(one.color) - luminance(other.color))
        assert one.line != other.line or apart > 0.05
    for colours in (SHARES, ORDER):
        steps = [luminance(colours(x)[:3]) for x in np.linspace(0, 1, 50)]
        assert (np.diff(steps) < 0).all()


def test_spare_styles_go_to_the_users_methods_in_order():
    own = complete_looks(LOOKS, ["full_bert", "other", "mine"])
    assert (own["mine"], own["other"]) == SPARE_LOOKS[:2]
    assert style("mine", own) != style("other", own)
    look = LOOKS["smartbert"]
    assert style("smartbert", own) == {
        "color": look.color,
        "marker": look.marker,
        "linestyle": look.line,
    }


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize(
    ("tasks", "methods"),
    [
        (["rte"], ["full_bert", "smartbert"]),
        (["rte"], list(TITLES)),
        (["mrpc", "rte"], list(TITLES)),
        (list(TASKS), list(TITLES)),
    ],
    ids=["small", "one task", "two tasks", "all"],
)
def test_nothing_is_cut_off_or_overlaps(kind, tasks, methods):
    figure = FIGURES[kind](list(runs(methods, tasks)))
    parts = boxes(figure)
    page = figure.bbox
    for box in (box for part in parts.values() for box in part):
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1
        assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1
    apart = [*combinations(parts["panels"], 2), *product(parts["panels"], parts["legends"])]
    apart += product(parts["texts"], parts["panels"] + parts["legends"])
    for one, other in apart:
        assert not one.padded(-1).overlaps(other.padded(-1))


@pytest.mark.parametrize("kind", FIGURES)
def test_empty_tables_give_an_empty_figure(kind, tmp_path, monkeypatch):
    for name in ("bands", "points", "usage", "lengths", "trials", "exits"):
        full = globals()[f"some_{name}"]
        monkeypatch.setitem(globals(), f"some_{name}", lambda rows=None, full=full: full()[:0])
    figure = FIGURES[kind]()
    save(figure, tmp_path / kind)
    assert not any(axes.images or axes.collections for axes in figure.axes)


def test_a_method_without_rows_is_not_drawn():
    bands = some_bands(RTE).assign(score=lambda t: t["score"].where(t["method"] != "deebert"))
    points = some_points(RTE).query("method != 'deebert'")
    figure = task_figure(bands, points, "rte", **HOW)
    shown = [text.get_text() for text in figure.legends[0].findobj(Text) if text.get_text()]
    assert TITLES["deebert"] not in shown and TITLES["smartbert"] in shown


@pytest.mark.parametrize("kind", FIGURES)
def test_the_same_figure_is_written_byte_for_byte(kind, tmp_path):
    for name in ("a", "b"):
        save(FIGURES[kind](RTE), tmp_path / name)
    for suffix in ("png", "pdf"):
        first, second = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
        assert first == second


def latency_table() -> pd.DataFrame:
    """Timings of two methods at two batch sizes."""
    rows = [
        {
            "method": method,
            "title": title,
            "point": point,
            "batch_size": size,
            "cost_relative": cost,
        }
        for method, title in (("smartbert", "SmartBERT"), ("deebert", "DeeBERT"))
        for size in (1, 32)
        for point, cost in (("dense", 1.0), ("b50", 0.48), ("full", 1.04))
    ]
    table = pd.DataFrame(rows).assign(task="rte", seed=1, examples=256, repeats=5, dtype="fp32")
    table["time_relative"] = table["cost_relative"] + 0.02
    table["time_low"], table["time_high"] = table["time_relative"] - 0.01, table["time_relative"]
    return table.assign(milliseconds=3.5, device="A processor", threads=2, cores=2, torch="2.13.0")


def test_latency_has_a_panel_per_batch_size_with_the_diagonal_and_no_dense_marks():
    figure = latency_figure(latency_table(), **PLAIN)
    assert [axes.get_title() for axes in figure.axes] == ["batch size 1", "batch size 32"]
    for axes in figure.axes:
        diagonal, *marks = axes.lines
        assert (diagonal.get_xdata() == diagonal.get_ydata()).all()
        points = [tuple(xy) for line in marks for xy in line.get_xydata()]
        assert (0.48, 0.5) in [tuple(np.round(xy, 9)) for xy in points] and len(points) == 4
    assert "A processor, 2 threads, fp32" in figure.texts[-1].get_text().replace("\n", " ")


def test_the_latency_page_names_the_machine_and_has_a_column_per_batch_size():
    page = latency_page(latency_table(), caption="Made up.").markdown()
    assert "A processor with 2 threads, torch 2.13.0, fp32, 256 test examples" in page
    assert "time, batch 1" in page and "time, batch 32" in page
    assert "50% [49%, 50%] 3.50 ms" in page


def test_figures_choose_no_backend_and_need_no_notebook():
    modules = "smartbert.report.curves smartbert.report.plots smartbert.report.ablation_plots"
    assert not loads(modules, "matplotlib.pyplot", "IPython", "torch", "optuna")
