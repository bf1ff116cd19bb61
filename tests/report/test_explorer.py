"""The explorer page: what it is told, and, in a real browser, what it shows and how it is used."""

import base64
import gzip
import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import Browser, NoBrowser, browser, started
from conftest import ROOT
from made_up import RULES, made_up
from made_up_run import MANIFEST, MEMBERS, SEEDS, SPACES, TASKS, traces

from smartbert.cost import CONVENTIONS
from smartbert.criteria import CRITERIA
from smartbert.errors import UserError
from smartbert.manifest import Manifest
from smartbert.metrics import METRICS, Metric, measure
from smartbert.points import BUDGET_ROUNDING, BUDGETS, CURVE_BUDGETS, FIXED, Setting, Tuned
from smartbert.policies import Policy, exit_signals
from smartbert.report import explorer
from smartbert.report.explorer import write_explorer
from smartbert.report.explorer_task import Thinned, sample
from smartbert.report.packing import Arrays, Ladder, cost_parts
from smartbert.results import Results
from smartbert.tasks import TASKS as RECORDED
from smartbert.trace.keeping import keep
from smartbert.trace.replay import Replay, cost_model
from smartbert.trace.trace import Trace
from workflow.scripts import explorer as script
from workflow.scripts import reference

KEPT = Results(ROOT / "results" / "reference" / "minilm")
SEED = 3  # of samples
READY = "document.querySelector('main')?.getAttribute('aria-busy') === 'false'"
needs_browser = pytest.mark.skipif(
    browser() is None, reason="no chromium on this machine (apt-get install chromium)"
)


def every_rule():
    rules = {**CRITERIA, **RULES}
    given = {"confident_patience": (2.0,), "steady_entropy": (2.0,)}
    return [pytest.param(rule, given.get(name, ()), id=name) for name, rule in rules.items()]


@pytest.mark.parametrize(("rule", "parameters"), every_rule())
def test_positions_decide_as_the_signals_do_at_every_threshold(monkeypatch, rule, parameters):
    monkeypatch.setitem(CRITERIA, rule.name, rule)
    trace = made_up("mnli", "smartbert")
    certainty = np.random.default_rng(0).random(trace.exit_logits.shape[:2])
    signals = exit_signals(
        rule.name,
        trace.exit_logits,
        trace.executed,
        parameters=parameters,
        extras={"certainty": certainty},
    )
    at_signals = np.unique(signals[np.isfinite(signals)])[:20]  # where < and >= part
    tuned = [float(t) for t in at_signals] if not rule.whole else [2.0]
    ladder = Ladder.of(rule, signals, [*tuned, rule.off], classes=3)
    codes = ladder.codes(signals)
    stopped = 0
    for position, threshold in enumerate(ladder.thresholds):
        stops = rule.passes(signals, threshold) & rule.can_stop(threshold)
        assert ((codes <= position) & (position > 0) == stops).all()
        assert not rule.can_stop(threshold) or ladder.position(threshold) == position
        stopped += int(stops.any())
    assert ladder.position(rule.off) == 0 and stopped >= max(3, len(ladder.thresholds) - 3)
    assert (codes[np.isnan(signals)] == len(ladder.thresholds)).all()


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("rule", ["entropy", "certainty", "patience"])
def test_the_parts_add_up_to_what_a_setting_costs(convention, rule):
    trace = made_up("rte", "smartbert")
    architecture = replace(trace.meta.architecture, embedding=16)
    trace = replace(
        trace,
        meta=replace(trace.meta, architecture=architecture),
        extras={"certainty": np.full(trace.exit_logits.shape[:2], 0.5, dtype=np.float32)},
    )
    lengths, at = np.unique(trace.lengths, return_inverse=True)
    found = cost_parts(architecture, [(rule, ())], lengths)[convention]
    part = {name: np.broadcast_to(values, len(lengths))[at] for name, values in found.items()}
    model, middle = cost_model(trace, convention), {"entropy": 0.3, "certainty": 0.4, "patience": 2}
    for skip in (None, 0.5):
        for thresholds in ((middle[rule],) * 5, (CRITERIA[rule].off,) * 4 + (middle[rule],)):
            policy = Policy(rule, thresholds, skip)
            made = Replay(trace).decide(policy)
            tested = (made.executed & policy.tested(6)).sum(-1)
            total = part["base"] + made.executed.sum(-1) * part["layer0"]
            total += made.exit_layer * part["gate" if skip else "gate_off"]
            total += tested * part["exit0"] + ~made.exited * part["head"]
            assert (total == model.spent(made, policy, trace.lengths)).all()
    assert (part["dense"] == model.dense(trace.lengths)).all()


def test_a_sample_is_seeded_of_each_test_set_and_holds_the_smaller_ones():
    subset = np.arange(300) % 3
    large, small = sample(subset, 40, seed=1), sample(subset, 7, seed=1)
    assert np.bincount(subset[large]).tolist() == [40] * 3 and set(small) < set(large)
    assert (large == sample(subset, 40, seed=1)).all()
    assert set(large) != set(sample(subset, 40, seed=2))
    assert sample(subset, 1000, seed=1).tolist() == list(range(300))


def test_arrays_of_any_width_are_read_back():
    arrays = Arrays()
    given = [np.arange(5), np.array([0, 300, 65535]), np.array([2**20, 7]), np.array([], int)]
    places = [arrays.add(one) for one in given]
    content = arrays.content()
    for one, place in zip(given, places, strict=True):
        assert read(content, place).tolist() == one.tolist()
    assert [place["width"] for place in places] == [1, 2, 4, 1]


def read(content: bytes, place: dict[str, int]) -> np.ndarray:
    begin, size, width = place["at"], place["size"], place["width"]
    planes = np.frombuffer(content[begin : begin + size * width], np.uint8).reshape(width, size)
    return (planes.astype(np.int64) << 8 * np.arange(width)[:, None]).sum(0)


@dataclass(frozen=True)
class Made:
    """A page, what it was made from, and how many examples of each test set it has at most."""

    page: Path
    folder: Path
    most: int

    def tuned(self, task: str, method: str, seed: int) -> Tuned:
        return Tuned.read(Results(self.folder).run(task, method, seed).points)

    def trace(self, task: str, member: str, seed: int, part: int) -> Trace:
        """The page's examples of a test set."""
        own = Results(self.folder).run(task, member, seed)
        packed = own.trace("test", packed=True)
        whole = Trace.load(packed if packed.exists() else own.trace("test"))
        thinned = Thinned.of(whole, 2 * self.most, seed=SEED if self.most < 1000 else 0)
        thin = thinned.to(self.most, seed=SEED if self.most < 1000 else 0)
        return thin.part(np.flatnonzero(thin.subset == part))

    def numbers(
        self, task: str, setting: Setting, seed: int, *, part: int = 0, cost: str = "flops"
    ) -> tuple[float, float, float]:
        """Score, cost and layers of a setting by the suite's own replay."""
        trace = self.trace(task, setting.member, seed, part)
        made = Replay(trace).decide(setting.policy)
        score = measure(RECORDED[task], made.predictions, trace.labels)["score"]
        spent = cost_model(trace, cost).relative(made, setting.policy, trace.lengths)
        return score, float(spent.mean()), float(made.layers.mean())


def inputs(run: Path, tasks=TASKS, *, without: tuple[str, str] = ("", "")):
    """Points and test traces of a made-up run; `without`: a task and a method that it lacks."""
    keys = [(t, m, s) for t in tasks for m in MEMBERS for s in SEEDS if (t, m) != without]
    points = [Results(run).run(*key).points for key in keys]
    tests = [p for t, m, s in keys for p in traces(run, t, MEMBERS[m], s, "test")]
    return points, tests


def copied(run: Path, folder: Path) -> Results:
    """A results folder with the run's tables alone."""
    shutil.copytree(run / "tables", folder / "tables")
    return Results(folder)


@pytest.fixture(scope="module")
def made(run, tmp_path_factory) -> Made:
    """The page of the made-up run, by its script, of 40 examples of each test set."""
    folder = tmp_path_factory.mktemp("explorer")
    out = copied(run, folder / "results")
    for name, paths in zip(("points", "traces"), inputs(run), strict=True):
        (folder / name).write_text("".join(f"{path}\n" for path in paths))
    MANIFEST.write(folder / "manifest.json")
    words = ["--points", str(folder / "points"), "--traces", str(folder / "traces")]
    words += ["--manifest", str(folder / "manifest.json"), "--caption", "Made up </script>."]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explorer, "SAMPLES", ((80, None, 0), (40, None, 0)))
        script.main([*words, "--seed", str(SEED), "--out", str(out.folder)])
    return Made(out.explorer, run, 40)


def content(page: Path, task: str) -> bytes:
    """What a page has of a task."""
    (text,) = re.findall(rf'id="data-{task}">([^<]*)<', page.read_text())
    return gzip.decompress(base64.b64decode(text))


def unpacked(page: Path, task: str) -> dict:
    """What a page is told of a task."""
    found = content(page, task)
    size = int.from_bytes(found[:4], "little")
    return json.loads(found[4 : 4 + size])


def facts(page: Path) -> dict:
    """What a page is told of its run."""
    (text,) = re.findall(r'id="run">(.*?)</script>', page.read_text())
    return json.loads(text.replace("<\\/", "</"))


def test_a_page_that_does_not_fit_has_fewer_examples_and_says_so(made, run, tmp_path, monkeypatch):
    assert facts(made.page)["sample"] == {"examples": 40, "seeds": None, "seed": SEED}
    assert unpacked(made.page, "mnli")["label"]["size"] == 80 < 120
    out = copied(run, tmp_path)
    most = made.page.stat().st_size - 1
    monkeypatch.setattr(explorer, "SAMPLES", ((40, None, most), (40, 1, most), (20, 1, most)))
    write_explorer(*inputs(run), MANIFEST, caption="Made up </script>.", seed=SEED, out=out)
    one, all_ = unpacked(out.explorer, "rte"), unpacked(made.page, "rte")
    assert {r["seed"] for r in one["trainings"]} == {1} < {r["seed"] for r in all_["trainings"]}
    assert [r["seed"] for r in one["runs"]] == [r["seed"] for r in all_["runs"]]


def test_the_same_inputs_give_the_same_page(made, run, tmp_path, monkeypatch):
    out = copied(run, tmp_path)
    monkeypatch.setattr(explorer, "SAMPLES", ((40, None, 10**7), (20, None, 10**7)))
    write_explorer(*inputs(run), MANIFEST, caption="Made up </script>.", seed=SEED, out=out)
    assert out.explorer.read_bytes() == made.page.read_bytes()


def test_what_does_not_belong_together_is_refused(run, tmp_path):
    points, tests = inputs(run, ["rte"])
    out = copied(run, tmp_path)
    how = {"caption": "", "seed": 0, "out": out}
    with pytest.raises(UserError, match=r"full_bert on rte .* test trace is missing"):
        write_explorer(points, tests[1:], MANIFEST, **how)
    other = tmp_path / "other.safetensors"
    trace = Trace.load(tests[-1])
    replace(trace, meta=replace(trace.meta, data="others")).save(other)
    with pytest.raises(UserError, match="are of different data"):
        write_explorer(points, [*tests[:-1], other], MANIFEST, **how)
    curves = pd.read_csv(out.table("curves"))
    curves.drop(curves[curves["task"] == "rte"].index[-1]).to_csv(out.table("curves"), index=False)
    with pytest.raises(UserError, match="run again so that both are of one tuning"):
        write_explorer(points, tests, MANIFEST, **how)


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """One browser for all tests; each opens its own page in it."""
    try:
        found = started(tmp_path_factory.mktemp("browser"))
    except NoBrowser as error:
        pytest.skip(f"chromium does not start on this machine: {error}")
    with found:
        yield found


@pytest.fixture
def show(window):
    """Function: open a page at a state; nothing may be logged, thrown or asked of a network."""
    window.told.clear()
    window.asked.clear()
    window.size(1280, 900)

    def opened(page: Path, state: str = "") -> float:
        return window.open(f"file://{page}{state}", ready=READY)

    yield opened
    assert window.told == []
    assert {address.partition(":")[0] for address in window.asked} <= {"file", "data", "about"}


def numbers(window: Browser) -> tuple[float, ...]:
    """Score, cost and layers as the page has them."""
    ids = "['score', 'spent', 'layers']"
    values = window.value(f"{ids}.map((id) => document.getElementById(id).dataset.value)")
    return tuple(float(value) for value in values)


def put(window: Browser, name: str, value: object, *, event: str = "change") -> None:
    """Set a control and tell the page, as a reader's hand does."""
    window.value(
        f"(() => {{ const control = document.getElementById({name!r});"
        f" control.value = {str(value)!r};"
        f" control.dispatchEvent(new Event({event!r}, {{ bubbles: true }})); }})()"
    )


def chosen(tuned: Tuned, space: str, budget: float) -> Setting | None:
    """The protocol's setting for a budget."""
    name = next((name for name, share in BUDGETS.items() if share == budget), None)
    found = tuned.spaces[space]
    if name:
        return found.points[name].setting if name in found.points else None
    able = [s for s in found.curve if s.tune_cost < budget + BUDGET_ROUNDING]
    return able[-1].setting if able else None


@needs_browser
def test_every_tuned_setting_is_replayed_as_python_does(made, window, show):
    show(made.page)
    window.value("Plotly.react = () => {}")  # the numbers alone
    budgets = sorted({*CURVE_BUDGETS, *BUDGETS.values()})
    compared = 0
    for task, part in (("rte", 0), ("mnli", 1)):
        put(window, "task", task)
        window.wait(f"state.task === {task!r}")
        put(window, "set", part)
        for method in MEMBERS:
            put(window, "method", method)
            for seed in SEEDS:
                put(window, "seed", seed)
                tuned = made.tuned(task, method, seed)
                for space in (*SPACES, FIXED):
                    if space not in tuned.spaces:
                        continue
                    put(window, "space", space)
                    for budget in (0.33, 0.675, 1.0):
                        put(window, "budget", budgets.index(budget), event="input")
                        setting = chosen(tuned, space, budget)
                        if setting is None:
                            continue
                        wanted = made.numbers(task, setting, seed, part=part)
                        assert numbers(window) == pytest.approx(wanted, abs=1e-9), (method, space)
                        compared += 1
                put(window, "space", "published")
    assert compared > 90


@needs_browser
@pytest.mark.parametrize("cost", CONVENTIONS)
def test_a_slider_moves_the_numbers_to_what_python_says(made, window, show, cost):
    show(made.page, f"#task=rte&cost={cost}&method=smartbert&seed=2")
    member = "task.trainings[current().training]"
    rule = f"{member}.rules[current().rule]"
    seen = set()
    for skip, position in ((0, 30), (1, 60), (2, 85), (2, 0)):
        put(window, "skip", skip, event="input")
        put(window, "exit-all", position, event="input")
        threshold = window.value(f"{rule}.thresholds[{position}]")
        skipped = window.value(f"{member}.skips[{skip}]")
        policy = Policy.uniform("entropy", threshold, depth=6, skip_threshold=skipped)
        wanted = made.numbers("rte", Setting("smartbert", policy), 2, cost=cost)
        assert numbers(window) == pytest.approx(wanted, abs=1e-9)
        seen.add(numbers(window))
    window.value("document.getElementById('same-box').click()")
    by_layer = [10, 0, 50, 80, 20]
    for layer, position in enumerate(by_layer):
        put(window, f"exit-{layer}", position, event="input")
    values = window.value(f"{json.dumps(by_layer)}.map((k) => {rule}.thresholds[k])")
    wanted = made.numbers(
        "rte", Setting("smartbert", Policy("entropy", tuple(values))), 2, cost=cost
    )
    assert numbers(window) == pytest.approx(wanted, abs=1e-9)
    assert len(seen) == 4
    put(window, "space", FIXED)
    for layer in (2, 6):
        put(window, "fixed", layer, event="input")
        setting = Setting("smartbert", Policy.fixed(layer, depth=6, classes=2))
        wanted = made.numbers("rte", setting, 2, cost=cost)
        assert numbers(window) == pytest.approx(wanted, abs=1e-9)


@needs_browser
def test_a_rule_of_the_users_own_needs_no_javascript(run, window, show, tmp_path, monkeypatch):
    """Its record in `CRITERIA` is enough: here with a parameter, on a scale of its own."""
    rule = RULES["steady_entropy"]
    monkeypatch.setitem(CRITERIA, rule.name, rule)
    points, tests = inputs(run, ["rte"])
    out = copied(run, tmp_path / "results")
    place = next(path for path in points if "deebert/seed1" in str(path))
    tuned = Tuned.read(place)
    main = tuned.spaces["published"]

    def ruled(setting, number):
        # The first exit is off, and evaluated all the same: later ones depend on it.
        thresholds = (rule.off, *(0.25 + number / 100 + layer / 10 for layer in range(4)))
        changes = {"criterion": rule.name, "thresholds": thresholds}
        return replace(setting, **changes, parameters=(2.0,))

    spaces = {"published": replace(main, curve=tuple(map(ruled, main.curve, range(99))))}
    replace(tuned, spaces=spaces).write(tmp_path / "points.json")
    points[points.index(place)] = tmp_path / "points.json"
    write_explorer(points, tests, MANIFEST, caption="", seed=SEED, out=out)
    show(out.explorer, "#task=rte&method=deebert&budget=0.6")
    policy = chosen(Tuned.read(tmp_path / "points.json"), "published", 0.6).policy
    assert policy.criterion == rule.name
    wanted = Made(out.explorer, run, 1000).numbers("rte", Setting("deebert", policy), 1)
    assert numbers(window) == pytest.approx(wanted, abs=1e-9)
    label = window.value("document.querySelector('#thresholds label[for=exit-1]').textContent")
    assert label == "Layer 2: steady entropy (window 2) <"


@needs_browser
@pytest.mark.parametrize("score", [("mcc",), ("macro_f1",), ("accuracy", "macro_f1"), ("odd",)])
def test_a_tasks_own_metrics_are_the_suites(run, window, show, tmp_path, monkeypatch, score):
    odd = Metric("odd", "odd one", lambda counts: counts.hits[..., 0])
    monkeypatch.setitem(METRICS, "odd", odd)
    spec = replace(RECORDED["mnli"], score=score)
    manifest = replace(MANIFEST, tasks={"mnli": spec})
    out = copied(run, tmp_path)
    write_explorer(*inputs(run, ["mnli"]), manifest, caption="", seed=SEED, out=out)
    show(out.explorer, "#method=exit_only&budget=0.5")
    trace = Trace.load(traces(run, "mnli", ["exit_only"], 1, "test")[0])
    trace = trace.part(np.flatnonzero(trace.subset == 0))
    tuned = Tuned.read(Results(run).run("mnli", "exit_only", 1).points)
    setting = chosen(tuned, "published", 0.5)
    assert setting is not None
    predicted = Replay(trace).decide(setting.policy).predictions
    name = "accuracy" if score == ("odd",) else "score"
    wanted = measure(spec, predicted, trace.labels)[name]
    assert numbers(window)[0] == pytest.approx(wanted, abs=1e-9)
    note = window.value("document.getElementById('basis').textContent")
    assert ("does not know odd: accuracy" in note) == (score == ("odd",))


@needs_browser
def test_the_table_has_the_numbers_and_intervals_of_the_tables(made, window, show):
    show(made.page, "#task=rte&budget=0.5")
    glue = pd.read_csv(made.folder / "tables" / "glue.csv")
    main = glue[(glue["task"] == "rte") & (glue["space"] == "published")]
    rows = main[(main["point"] == "b50") & (main["status"] == "ok")]
    text = window.value("document.getElementById('methods-table').textContent")
    assert len(rows) >= 3
    for row in rows.itertuples():
        cells = f"{row.title}{row.score:.1f}[{row.score_low:.1f}, {row.score_high:.1f}]"
        assert cells in text, (cells, text)
    put(window, "budget", 20, event="input")  # one without a name
    assert "no interval" in window.value("document.getElementById('methods-table').textContent")
    put(window, "cost", "layers")
    note = window.value("document.getElementById('table-note').textContent")
    assert note == "No number here has an interval."


@needs_browser
def test_a_link_carries_the_state(made, window, show):
    show(made.page, "#task=mnli&set=mismatched")
    put(window, "space", "per_layer")
    put(window, "method", "exit_only")
    put(window, "seed", 2)
    put(window, "budget", 12, event="input")
    window.value("document.querySelector('#methods input[value=pabee]').click()")
    if not window.value("Boolean(document.getElementById('exit-2'))"):
        window.value("document.getElementById('same-box').click()")
    put(window, "exit-2", 40, event="input")
    window.wait("location.hash === stateText()")
    before, link = numbers(window), window.value("location.hash")
    shown = "document.querySelector('main').innerText"
    text = window.value(shown)
    show(made.page)
    assert window.value("location.hash") != link and numbers(window) != before
    show(made.page, link)
    assert numbers(window) == before and window.value("location.hash") == link
    assert window.value(shown) == text
    assert not window.value("document.querySelector('#methods input[value=pabee]').checked")
    # The back button, and a link that somebody has cut or written by hand.
    window.value("location.hash = '#task=rte&budget=0.75'")
    window.wait("state.task === 'rte'")
    assert window.value("document.getElementById('budget-value').textContent") == "75\xa0%"
    show(made.page, "#task=none&budget=x&method=&seed=-1&methods=a,b&skip=2&rule=no&at=,,9&set=7")
    assert window.value("document.getElementById('task').value") == "rte"


@needs_browser
def test_it_begins_with_the_first_task_at_half_of_the_cost(made, window, show):
    show(made.page)
    state = "[state.task, state.budget, state.method, state.cost, state.space]"
    assert window.value(state) == ["rte", 0.5, "smartbert", "flops", "published"]
    on = set(window.value("[...state.on]"))
    assert {"full_bert", "smartbert", "deebert", "pabee"} <= on
    lines = window.value("document.querySelectorAll('#curves .scatterlayer .trace').length")
    window.value("document.querySelector('#methods input[value=deebert]').click()")
    fewer = window.value("document.querySelectorAll('#curves .scatterlayer .trace').length")
    assert fewer == lines - 3  # its line, its settings, its operating points
    assert window.value("document.getElementById('caption').textContent") == "Made up </script>."


@needs_browser
def test_pointing_at_a_mark_names_its_setting(made, window, show):
    show(made.page, "#task=rte")
    told = "document.getElementById('curves').data.flatMap((trace) => trace.text || [])"
    texts = window.value(told)
    dots = [text for text in texts if "<b>DeeBERT, seed 1</b>" in text or "deebert, seed 1" in text]
    assert dots and all("entropy" in text or "no exits" in text for text in dots)
    assert any("skip where the gate ≥ 0.5; entropy &lt;" in t.replace("<br>", " ") for t in texts)


@needs_browser
def test_it_works_from_the_keyboard(made, window, show):
    show(made.page)
    controls = "[...document.querySelectorAll('select, input, button')]"
    named = "(c) => c.labels?.length || c.textContent || c.getAttribute('aria-label')"
    assert window.value(f"{controls}.every({named})") and window.value(f"{controls}.length") > 12
    images = "[...document.querySelectorAll('[role=img]')].map((c) => c.ariaLabel)"
    assert all(window.value(images)) and len(window.value(images)) == 2
    reached = set()
    for _ in range(40):
        window.press("Tab", 9)
        reached.add(window.value("document.activeElement.id"))
        if window.value("document.activeElement.id") == "budget":
            outline = window.value("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid"
            table = "document.getElementById('methods-table').textContent"
            before = window.value(table)
            for _ in range(8):
                window.press("ArrowLeft", 37)
            assert window.value("state.budget") < 0.4 and window.value(table) != before
            spoken = window.value("document.getElementById('budget').ariaValueText")
            assert spoken.endswith("of dense BERT's cost")
    assert {"task", "space", "cost", "budget", "method", "seed", "exit-all"} <= reached
    assert window.value("document.getElementById('numbers').ariaLive") == "polite"


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_the_screen_in_letters_that_can_be_read(made, window, show, width):
    window.size(width, 844)
    for state in ("", "#task=mnli&space=per_layer&method=exit_only", "#cost=layers&space=fixed"):
        show(made.page, state)
        assert window.value("document.documentElement.scrollWidth") <= width
        sizes = window.value(
            "[...document.querySelectorAll('body *')]"
            ".filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))"
            ".filter((e) => !['SCRIPT', 'STYLE'].includes(e.tagName) && e.getClientRects().length)"
            ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
        )
        assert len(sizes) > 50 and min(sizes) >= 12
        outside = window.value(
            "[...document.querySelectorAll('main > * > :not(.scroll) *, header *')]"
            ".filter((e) => !e.closest('.scroll') && !e.closest('svg'))"
            ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).length"
        )
        assert outside == 0


@needs_browser
def test_a_method_that_a_task_lacks_is_left_out_there(run, window, show, tmp_path):
    out = copied(run, tmp_path)
    for name in ("glue", "bands", "curves"):
        table = pd.read_csv(out.table(name))
        lacking = (table["task"] == "rte") & (table["method"] == "smartbert")
        table[~lacking].to_csv(out.table(name), index=False)
    points, tests = inputs(run, without=("rte", "smartbert"))
    write_explorer(points, tests, MANIFEST, caption="", seed=SEED, out=out)
    show(out.explorer)
    box = "document.querySelector('#methods input[value=smartbert]')"
    assert window.value(f"{box}.disabled") and window.value("state.method") == "full_bert"
    put(window, "method", "deebert")
    put(window, "task", "mnli")
    window.wait("state.task === 'mnli'")
    assert not window.value(f"{box}.disabled") and window.value("state.method") == "deebert"


# ---------------------------------------------------------------- the kept page


def test_the_kept_page_is_small_and_of_all_its_tasks():
    assert KEPT.explorer.stat().st_size <= explorer.REPORT_BYTES
    manifest = Manifest.read(KEPT.manifest)
    assert list(facts(KEPT.explorer)["tasks"]) == list(manifest.tasks)
    assert facts(KEPT.explorer)["sample"] == {"examples": 1000, "seeds": None, "seed": 0}


def test_the_kept_page_is_what_its_code_makes_of_its_tables_and_traces(tmp_path):
    page = KEPT.explorer.read_text()
    for part in sorted(explorer.PARTS.glob("*.[cj]s*")):
        assert part.read_text() in page, f"{part.name}: `reference explore` writes it anew"
    kept = Results(tmp_path)
    for source in (KEPT.manifest, *KEPT.folder.glob("tables/*.csv"), KEPT.table("glue", "md")):
        keep(source, tmp_path / source.relative_to(KEPT.folder))
    shutil.copytree(KEPT.folder / "runs" / "rte", tmp_path / "runs" / "rte")
    reference.main(["explore", str(tmp_path)])
    assert content(kept.explorer, "rte") == content(KEPT.explorer, "rte")
    assert facts(kept.explorer)["methods"] == facts(KEPT.explorer)["methods"]


@needs_browser
def test_a_report_can_show_the_page(made, window, show):
    """Snakemake's report has it as an address of its own."""
    address = base64.b64encode(made.page.read_bytes()).decode()
    window.open(f"data:text/html;charset=utf8;base64,{address}", ready=READY)
    before = numbers(window)
    put(window, "exit-all", 5, event="input")
    assert numbers(window) != before
    show(made.page)


@needs_browser
def test_the_kept_page_loads_within_two_seconds_and_says_what_its_traces_say(window, show):
    # Once is enough: the machine may be busy.
    assert any(show(KEPT.explorer) < 2 for _ in range(5))
    manifest = Manifest.read(KEPT.manifest).adopt()
    kept = Made(KEPT.explorer, KEPT.folder, 1000)
    for task in ("cola", "mrpc", "qnli"):  # Matthews correlation; accuracy and F1; a sample
        for method in ("smartbert", "pabee", "truncated_bert"):
            show(KEPT.explorer, f"#task={task}&method={method}&budget=0.5&space=published")
            tuned = kept.tuned(task, method, 1)
            wanted = kept.numbers(task, chosen(tuned, "published", 0.5), 1)
            assert numbers(window) == pytest.approx(wanted, abs=1e-9)
    assert {"mcc", "f1"} <= {name for spec in manifest.tasks.values() for name in spec.score}
