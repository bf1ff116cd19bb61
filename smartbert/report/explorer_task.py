"""Explorer of one task: what the page is told of its tables, its settings and its thinned traces.

The page asks for a task when a reader does: each is a compressed string of its own. No torch.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from smartbert.errors import UserError
from smartbert.manifest import REFERENCE
from smartbert.metrics import score_title
from smartbert.points import FIXED, MAIN, SPACE_RECORDS, Tuned, TunedSetting, nearest
from smartbert.records import plain
from smartbert.report.packing import Arrays, Training, cost_parts
from smartbert.tasks import TaskSpec
from smartbert.trace.trace import Trace

DECIMALS = 4  # of points and shares from tables: more than the page shows
POINT = (
    *("point", "score", "score_low", "score_high", "cost_relative", "cost_low", "cost_high"),
    *("layers", "seeds", "status"),
)
Numbers = dict[tuple[str, int, str], list[dict[str, list[float]]]]


def sample(subset: np.ndarray, most: int, *, seed: int) -> np.ndarray:
    """Return positions (n,), ascending, of at most so many examples of each test subset; a smaller
    sample is a part of a larger one.

    Args:
        subset: (N,) of the whole test split, as in a trace.
    """
    order = np.random.default_rng(seed).permutation(len(subset))
    parts = [order[subset[order] == part][:most] for part in np.unique(subset)]
    return np.sort(np.concatenate(parts))


@dataclass(frozen=True)
class Thinned:
    """A test trace of a sample of its examples.

    Attributes:
        kept: (n,) their positions in the whole trace.
        subset: (N,) of the whole trace.
    """

    trace: Trace
    kept: np.ndarray
    subset: np.ndarray

    @classmethod
    def of(cls, trace: Trace, most: int, *, seed: int) -> Thinned:
        """Return the trace of at most so many examples of each test subset."""
        kept = sample(trace.subset, most, seed=seed)
        return cls(trace.part(kept), kept, trace.subset)

    def to(self, most: int, *, seed: int) -> Trace:
        """Return the trace of a smaller sample."""
        wanted = sample(self.subset, most, seed=seed)
        return self.trace.part(np.searchsorted(self.kept, wanted))


Traces = Mapping[tuple[str, str, int], Thinned]


def load_thinned(
    paths: Sequence[Path], most: int, *, seed: int
) -> dict[tuple[str, str, int], Thinned]:
    """Return test traces thinned to a sample, by task, entry and seed."""
    found = {}
    for path in paths:  # one at a time: all of a large run would not fit into memory
        trace = Trace.load(path)
        key = trace.meta.task, trace.meta.method, trace.meta.seed
        found[key] = Thinned.of(trace, most, seed=seed)
    return found


@dataclass(frozen=True)
class TaskTables:
    """What the page shows of a task's tables.

    Attributes:
        bands: by "method|space|subset" the curve: costs, scores, lower and upper ends.
        points: by the same the operating points, each with the columns `POINT`.
        shown: by search space the one in which each method is shown there.
        curves: by method, seed and space each setting's score, cost and layers, by test subset.
    """

    bands: dict[str, list[list[object]]]
    points: dict[str, list[dict[str, object]]]
    shown: dict[str, dict[str, str]]
    curves: Numbers

    @classmethod
    def of(
        cls, name: str, tuned: Sequence[Tuned], tables: Mapping[str, pd.DataFrame]
    ) -> TaskTables:
        """Return them from the run's tables bands, curves and glue."""
        own = {key: _texts(table[table["task"] == name]) for key, table in tables.items()}
        keys = ["method", "space", "subset"]
        ends = ["cost", "score", "low", "high"]
        bands = {
            _key(key): [[_cell(value) for value in rows[end]] for end in ends]
            for key, rows in own["bands"].dropna(subset="score").groupby(keys)
        }
        points = {
            _key(key): [
                dict(zip(POINT, map(_cell, row), strict=True))
                for row in rows[list(POINT)].itertuples(index=False)
            ]
            for key, rows in own["glue"].groupby(keys, sort=False)
        }
        spaces = {one.method: list(one.spaces) for one in tuned}
        shown = {
            space: {m: found for m, known in spaces.items() if (found := nearest(space, known))}
            for space in SPACE_RECORDS
        }
        for own_space in shown.values():  # dense BERT stands beside every space
            own_space.update({REFERENCE: MAIN} if MAIN in spaces.get(REFERENCE, ()) else {})
        return cls(bands, points, shown, _numbers(own["curves"]))

    def of_curve(self, one: Tuned, space: str) -> list[dict[str, list[float]]]:
        """Return the numbers of a training's curve, in the order of its settings.

        Raises:
            UserError: if the table and what was tuned are not of one tuning.
        """
        numbers, settings = self.curves.get((one.method, one.seed, space), []), one.spaces[space]
        if len(numbers) != len(settings.curve):
            raise UserError(
                f"the table curves has {len(numbers)} settings of {one.method} on {one.task}, seed"
                f" {one.seed}, space {space!r}, and points.json has {len(settings.curve)}; run"
                " again so that both are of one tuning"
            )
        return numbers


def _numbers(curves: pd.DataFrame) -> Numbers:
    found: Numbers = {}
    keys = ["method", "seed", "space", "subset"]
    for (method, seed, space, subset), rows in curves.groupby(keys, sort=False):
        values = rows[["score", "cost", "layers"]].round(DECIMALS).to_numpy().tolist()
        key = str(method), int(str(seed)), str(space)
        own = found.setdefault(key, [{} for _ in values])
        for setting, numbers in zip(own, values, strict=True):
            setting[str(subset)] = numbers
    return found


def _key(key: object) -> str:
    return "|".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(subset=table["subset"].fillna(""))


def _cell(value: object) -> object:
    """Return a cell of a table as JSON has it, None where it is empty."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return round(value, DECIMALS) if np.isfinite(value) else None
    return value


def pack_task(
    spec: TaskSpec,
    tuned: Sequence[Tuned],
    thinned: Traces,
    tables: TaskTables,
    *,
    examples: int,
    seeds: int | None,
    seed: int,
) -> bytes:
    """Return all that the page has of a task: a JSON text, its length before it, and arrays after
    it, compressed.

    Args:
        tuned: of its methods and seeds, in the order of tables.
        examples: of each test subset at most.
        seeds: trainings of each method that can be replayed, the first ones; None: all.
        seed: of the sample.

    Raises:
        UserError: if a trace is missing, of other examples, or of another tuning than the tables.
    """
    arrays, costs = Arrays(), list[object]()
    trainings, runs = list[object](), list[object]()
    shared: Trace | None = None
    sizes: list[int] = []
    for one in tuned:
        members: dict[str, tuple[int, Training]] = {}
        among = sorted(other.seed for other in tuned if other.method == one.method)
        for member in one.members if one.seed in among[:seeds] else ():
            whole = _trace(thinned, one, member)
            trace = whole.to(examples, seed=seed)
            sizes, shared = np.bincount(whole.subset).tolist(), shared or trace
            _same_examples(shared, trace)
            training = Training(trace, [s.setting for s in _tuned(one) if s.member == member])
            facts = training.pack(arrays)
            parts = cost_parts(
                trace.meta.architecture, list(training.ladders), np.unique(trace.lengths)
            )
            if parts not in costs:
                costs.append(parts)
            members[member] = len(trainings), training
            label = one.members[member].label
            trainings.append({**facts, "label": label, "cost": costs.index(parts)})
        places = [number for number, _ in members.values()]
        spaces = {space: _space(one, space, members, tables) for space in one.spaces}
        runs.append({"method": one.method, "seed": one.seed, "members": places, "spaces": spaces})
    if shared is None:
        raise UserError(f"no run of {spec.name} has finished, there is nothing to explore")
    about = {
        **{"name": spec.name, "title": spec.title, "labels": spec.labels},
        **{"score": spec.score, "scoreTitle": score_title(spec)},
        **{"subsets": [name for name, _ in spec.test], "whole": sizes},
        **{"bands": tables.bands, "points": tables.points, "shown": tables.shown},
        "label": arrays.add(shared.labels),
        "subset": arrays.add(shared.subset),
        "length": arrays.add(np.unique(shared.lengths, return_inverse=True)[1]),
        **{"costs": costs, "trainings": trainings, "runs": runs},
    }
    text = json.dumps(plain(about), allow_nan=False, separators=(",", ":")).encode()
    content = len(text).to_bytes(4, "little") + text + arrays.content()
    return gzip.compress(content, mtime=0)


def _tuned(one: Tuned) -> list[TunedSetting]:
    """Return the settings with thresholds that tuning chose anywhere."""
    spaces = [space for name, space in one.spaces.items() if name != FIXED]
    return [s for space in spaces for s in (*space.points.values(), *space.curve)]


def _space(
    one: Tuned, space: str, members: Mapping[str, tuple[int, Training]], tables: TaskTables
) -> dict[str, object]:
    """Return a run's operating points and curve as the page replays them, with their numbers on the
    whole of test; of a training that cannot be replayed the numbers alone.
    """

    def told(setting: TunedSetting) -> dict[str, object]:
        budgeted: dict[str, object] = {"tune": round(setting.tune_cost, 6)}
        if setting.member not in members:
            return budgeted
        number, training = members[setting.member]
        own = training.place(setting.setting, space=space)
        return {**budgeted, "training": number, **own}

    found, numbers = one.spaces[space], tables.of_curve(one, space)
    return {
        "points": {name: told(setting) for name, setting in found.points.items()},
        "curve": [
            {**told(setting), "test": test}
            for setting, test in zip(found.curve, numbers, strict=True)
        ],
    }


def _trace(thinned: Traces, one: Tuned, member: str) -> Thinned:
    key = one.task, member, one.seed
    if key not in thinned:
        raise UserError(
            f"{one.method} on {one.task} was tuned on {member!r} with seed {one.seed}, whose test"
            " trace is missing; run again to record it"
        )
    return thinned[key]


def _same_examples(first: Trace, other: Trace) -> None:
    if first.meta.data != other.meta.data:
        raise UserError(
            f"the test traces of {first.meta.method} and {other.meta.method} on {first.meta.task}"
            " are of different data; delete the older one and run again"
        )
