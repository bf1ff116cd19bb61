"""Search: what can be set of a trained method, and how Optuna looks for the best of it (protocol:
"Tuning").

The search is multi-objective, score up and cost down. Every trial is a replay of a trace; no model
runs. No torch.

What is searched:

- the member, where several trainings appear as one method (truncated BERT's depths, several
  lambdas),
- the skip threshold, one of the trace's grid, never-skip included,
- the exit thresholds: in the "global" space one for all layers, as published; in the "per_layer"
  space one per layer. A threshold is searched as the share of tune examples whose signal it lets
  stop, since signals of different methods, tasks and layers live on different scales. Patience is a
  small whole number and always one for all layers.

No pandas: its import would be a sixth of the time that tuning takes.
"""

import math
import random
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import optuna

from smartbert.cost import CostModel, cost_model
from smartbert.errors import UserError, unknown
from smartbert.points import GLOBAL, PER_LAYER, SPACES, Setting
from smartbert.policies import CRITERIA, NEVER, Policy
from smartbert.replay import Replay
from smartbert.scoring import confusion, from_counts
from smartbert.tasks import TaskSpec, task
from smartbert.trace import Trace

# Workers that open an empty database at the same moment all make its tables; those that come second
# find them made.
MADE_MEANWHILE = ("UniqueViolation", "already exists", "UNIQUE constraint failed")
OPENINGS = 10
OPENING_PAUSE = 0.5  # seconds, at most
ABOVE = 0.01  # an entropy threshold this far above log C lets everything stop


@dataclass
class Member:
    """One training's trace, ready for many replays: each takes well under 2 ms at 10,000 examples.

    Attributes:
        trace: a recorded split.
        convention: name of the cost convention.
    """

    trace: Trace
    convention: str
    replay: Replay = field(init=False)
    _costs: CostModel = field(init=False)
    _dense: np.ndarray = field(init=False)
    _shares: dict = field(init=False, default_factory=dict)

    def __post_init__(self):
        self.replay = Replay(self.trace)
        self._costs = cost_model(self.trace, self.convention)
        self._dense = self._costs.dense(self.trace.lengths)

    @property
    def spec(self) -> TaskSpec:
        """The trace's task."""
        return task(self.trace.meta["task"])

    @cached_property
    def skips(self) -> list[float | None]:
        """Skip thresholds of the grid, never-skip (None) first."""
        finite = self.trace.grid[np.isfinite(self.trace.grid)]
        return [None, *(float(value) for value in finite)]

    def outcome(self, policy: Policy) -> tuple[np.ndarray, np.ndarray]:
        """Return each example's prediction (N,) and cost relative to dense BERT's on it (N,)."""
        decisions = self.replay.decide(policy)
        spent = self._costs.spent(decisions, policy, self.trace.lengths)
        return decisions.predictions, spent / self._dense

    def measure(self, policy: Policy) -> tuple[float, float]:
        """Return score in points and mean relative cost."""
        predictions, cost = self.outcome(policy)
        counts = confusion(self.trace.labels, predictions, classes=len(self.spec.labels))
        return float(from_counts(self.spec, counts)["score"]), float(cost.mean())

    def threshold(self, share: float, *, skip: float | None, layer: int | None) -> float:
        """Return the exit threshold that lets a share of the signals stop.

        Args:
            share: 0 (the exit is off) to 1 (whoever runs the layer stops).
            skip: skip threshold of the path.
            layer: 0-based, or None for the signals of all layers together.

        Returns:
            a value halfway between two neighbouring signals, so that it decides alike on tune
            whatever the rounding.
        """
        rule = CRITERIA[self.trace.meta["criterion"]]
        key = (skip, layer)
        if key not in self._shares:
            signals = self.replay.signals(skip, rule.name)
            signals = signals if layer is None else signals[:, layer]
            known = np.sort(signals[np.isfinite(signals)])
            self._shares[key] = known if rule.below else known[::-1]
        known = self._shares[key]
        off, all_stop = (0.0, math.log(len(self.spec.labels)) + ABOVE) if rule.below else (2.0, 0.0)
        stopping = round(share * len(known))
        if not len(known) or stopping == 0:
            return off
        if stopping == len(known):
            return all_stop
        return float((known[stopping - 1] + known[stopping]) / 2)

    def share(self, threshold: float, *, skip: float | None, layer: int) -> float:
        """Return the share of a layer's signals that a threshold lets stop."""
        rule = CRITERIA[self.trace.meta["criterion"]]
        if not rule.can_stop(threshold):
            return 0.0
        signals = self.replay.signals(skip, rule.name)[:, layer]
        known = signals[np.isfinite(signals)]
        return float(rule.passes(known, threshold).mean()) if len(known) else 0.0


@dataclass(frozen=True)
class Tried:
    """A trial: the setting, its score on tune (points) and its mean cost relative to dense BERT.

    Attributes:
        number: of the trial in its study.
        front: whether no other trial beats it.
    """

    number: int
    setting: Setting
    score: float
    cost: float
    front: bool


class Search:
    """What can be set of one method, in one space, and how a trial's parameters become a setting.

    Raises:
        UserError: for an unknown space.
    """

    def __init__(self, members: dict[str, Member], space: str):
        if space not in SPACES:
            raise unknown("search space", space, SPACES, setting="`tuning.spaces`")
        self.members = members
        self.space = space
        first = next(iter(members.values())).trace
        self.criterion = first.meta["criterion"]
        self.exits = first.depth - 1 if self.criterion != NEVER else 0

    @property
    def counted(self) -> bool:
        """Whether the exit threshold is a whole number."""
        return self.criterion == "patience"

    @property
    def differs(self) -> bool:
        """Whether this space holds more than the global one."""
        return self.space == GLOBAL or (self.exits > 1 and not self.counted)

    def knobs(self, member: Member) -> dict[str, optuna.distributions.BaseDistribution]:
        """Return the search space of one member."""
        knobs = {}
        if len(member.skips) > 1:
            knobs["skip"] = optuna.distributions.IntDistribution(0, len(member.skips) - 1)
        if self.counted:
            knobs["exit"] = optuna.distributions.IntDistribution(0, self.exits)
        elif self.exits:
            share = optuna.distributions.FloatDistribution(0, 1)
            layers = [""] if self.space == GLOBAL else [f"_{n}" for n in range(1, self.exits + 1)]
            knobs |= {f"exit{layer}": share for layer in layers}
        return knobs

    def suggest(self, trial: optuna.Trial) -> Setting:
        """Return the setting of a trial."""
        name = next(iter(self.members))
        if len(self.members) > 1:
            name = trial.suggest_categorical("member", list(self.members))
        values = {}
        for knob, values_of in self.knobs(self.members[name]).items():
            # Depths and grids differ between members, and Optuna wants one range per name.
            label = f"{name}.{knob}" if len(self.members) > 1 else knob
            suggest = (
                trial.suggest_int
                if isinstance(values_of, optuna.distributions.IntDistribution)
                else trial.suggest_float
            )
            values[knob] = suggest(label, values_of.low, values_of.high)
        return self.setting(name, values)

    def setting(self, name: str, values: dict[str, float]) -> Setting:
        """Return the setting of a member that parameters describe."""
        member = self.members[name]
        skip = member.skips[int(values.get("skip", 0))]
        if self.counted:
            thresholds = [float(values["exit"])] * self.exits
        elif self.space == GLOBAL:
            shared = member.threshold(values["exit"], skip=skip, layer=None) if self.exits else 0
            thresholds = [shared] * self.exits
        else:
            thresholds = [
                member.threshold(values[f"exit_{n + 1}"], skip=skip, layer=n)
                for n in range(self.exits)
            ]
        rule = CRITERIA.get(self.criterion)
        if rule is None or not any(rule.can_stop(t) for t in thresholds):
            return Setting(name, Policy(NEVER, (), skip))
        return Setting(name, Policy(self.criterion, tuple(thresholds), skip))

    def parameters(self, setting: Setting) -> dict[str, float]:
        """Return parameters that give a setting back with the same decisions on tune."""
        member, policy = self.members[setting.member], setting.policy
        values: dict[str, float] = {}
        if len(member.skips) > 1:
            values["skip"] = member.skips.index(policy.skip_threshold)
        given = policy.thresholds or (0.0,) * self.exits
        if self.counted:
            values["exit"] = int(given[0])
        elif self.exits and self.space == PER_LAYER:
            off = not policy.thresholds
            for layer, threshold in enumerate(given):
                share = (
                    0.0 if off else member.share(threshold, skip=policy.skip_threshold, layer=layer)
                )
                values[f"exit_{layer + 1}"] = share
        elif self.exits:
            values["exit"] = 0.0
        if len(self.members) == 1:
            return values
        named = {f"{setting.member}.{knob}": value for knob, value in values.items()}
        return {"member": setting.member, **named}

    def without_exits(self) -> list[Setting]:
        """Return full depth of every member, and skipping alone at every threshold of its grid."""
        return [
            Setting(name, Policy(NEVER, (), skip))
            for name, member in self.members.items()
            for skip in member.skips
        ]

    def size(self) -> float:
        """Return the number of settings in the space; infinite unless all knobs are whole
        numbers.
        """
        if self.exits and not self.counted:
            return math.inf
        knobs = [self.knobs(member).values() for member in self.members.values()]
        return sum(math.prod(k.high - k.low + 1 for k in own) for own in knobs)


SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(
        seed=seed, multivariate=True, n_startup_trials=50
    ),
    "all": lambda seed: optuna.samplers.BruteForceSampler(seed=seed),
}


class PerTrial(optuna.samplers.BaseSampler):
    """A sampler whose random numbers depend on the seed and the number of the trial alone.

    Workers that share a study then never draw the same settings side by side, and a study that is
    continued goes on as if it had never stopped. The trials themselves are the samplers' memory.

    Args:
        make: returns the sampler for a seed.
        seed: of the study.
    """

    def __init__(self, make: Callable[[int], optuna.samplers.BaseSampler], seed: int):
        self.make, self.seed = make, seed
        self.sampler = make(seed)
        # Kept here, since it remembers which trials it has seen: looking at all of them for every
        # trial takes most of the time.
        self.space = optuna.search_space.IntersectionSearchSpace()

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        """Draw anew for this trial."""
        own = np.random.SeedSequence([self.seed, trial.number]).generate_state(1)
        self.sampler = self.make(int(own[0]))
        self.sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study, trial):
        """Return the knobs that all trials so far share."""
        shared = self.space.calculate(study)
        return {knob: values for knob, values in shared.items() if not values.single()}

    def sample_relative(self, study, trial, search_space):
        """Return what the sampler returns."""
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(self, study, trial, param_name, param_distribution):
        """Return what the sampler returns."""
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study, trial, state, values) -> None:
        """Tell the sampler."""
        self.sampler.after_trial(study, trial, state, values)


def run_study(
    search: Search,
    *,
    trials: int,
    sampler: str,
    seed: int,
    start: list[Setting] = (),
    storage: str | None = None,
    name: str = "tuning",
) -> list[Tried]:
    """Search with Optuna and return the trials, by number.

    A space with no more settings than trials is searched whole instead. With a storage, several
    workers may run the same study: each goes on until the study as a whole has the trials asked
    for.

    Args:
        start: settings tried first.
        storage: where the study is kept: a database URL, or "journal:<file>"; None for memory.
        name: of the study in its storage.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS, setting="`tuning.sampler`")
    # The samplers that matter here are called experimental; their behaviour is under test.
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    whole = search.size() <= trials
    study = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=SAMPLERS["all"](seed) if whole else PerTrial(SAMPLERS[sampler], seed),
        storage=open_storage(storage),
        study_name=name,
        load_if_exists=True,
    )
    if not whole and len(study.get_trials(deepcopy=False)) < len(start[:trials]):
        for setting in start[:trials]:
            study.enqueue_trial(search.parameters(setting), skip_if_exists=True)
    seen: dict[Setting, tuple[float, float]] = {}
    own: dict[int, Setting] = {}  # by number; other workers' trials are not among them

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        setting = own[trial.number] = search.suggest(trial)
        if setting not in seen:
            seen[setting] = search.members[setting.member].measure(setting.policy)
        return seen[setting]

    complete = (optuna.trial.TrialState.COMPLETE,)
    done = len(study.get_trials(deepcopy=False, states=complete))
    if done < trials:
        enough = optuna.study.MaxTrialsCallback(trials, states=complete)
        study.optimize(objective, n_trials=trials - done, callbacks=[enough])
    # Of several workers each may have one trial more under way when the last one is in.
    finished = study.get_trials(deepcopy=False, states=complete)[:trials]
    front = on_front(*np.array([t.values for t in finished], dtype=float).reshape(-1, 2).T)
    return [
        Tried(
            t.number,
            own.get(t.number) or search.suggest(optuna.trial.FixedTrial(t.params)),
            *t.values,
            front=bool(on),
        )
        for t, on in zip(finished, front, strict=True)
    ]


def open_storage(storage: str | None) -> optuna.storages.BaseStorage | str | None:
    """Return what Optuna takes as storage.

    Raises:
        UserError: if the database cannot be reached.
    """
    if storage is None:
        return None
    open_one = open_journal if storage.startswith("journal:") else optuna.storages.get_storage
    for left in reversed(range(OPENINGS)):
        try:
            return open_one(storage)
        except Exception as error:  # each database driver has its own errors
            reason = str(error).strip().splitlines()[0]
            if not left or not any(words in reason for words in MADE_MEANWHILE):
                raise UserError(
                    f"tuning storage {storage!r} cannot be opened: {reason}; set `tuning.storage`"
                    " (null, journal:FILE, sqlite:///FILE or postgresql://...)"
                ) from None
            time.sleep(random.uniform(0, OPENING_PAUSE))


def open_journal(storage: str) -> optuna.storages.JournalStorage:
    """Return the storage kept in the file that "journal:<file>" names."""
    backend = optuna.storages.journal.JournalFileBackend(storage.removeprefix("journal:"))
    return optuna.storages.JournalStorage(backend)


def on_front(score: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return which settings no other one beats, (n,) bool; of equal ones the first counts."""
    front = np.zeros(len(score), dtype=bool)
    best = -math.inf
    for row in np.lexsort((np.arange(len(score)), -score, cost)):
        if score[row] > best:
            front[row], best = True, score[row]
    return front
