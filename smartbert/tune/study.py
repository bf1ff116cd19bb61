"""Studies: how Optuna looks for the best settings of a method on its tune traces (protocol:
"Tuning").

The search is multi-objective, score up and cost down. Every trial is a replay of a trace; no model
runs. No torch; no pandas, whose import would be a sixth of the time that tuning takes.
"""

import random
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from smartbert.errors import UserError, unknown
from smartbert.points import FIXED, Setting, TunedSpace
from smartbert.trace.trace import Trace
from smartbert.tune.choice import Candidates, Tried, fixed_depths
from smartbert.tune.member import Member
from smartbert.tune.rules import on_front
from smartbert.tune.space import Search

# Workers that open an empty database at the same moment all make its tables; those that come second
# find them made.
MADE_MEANWHILE = ("UniqueViolation", "already exists", "UNIQUE constraint failed")
OPENINGS = 10
OPENING_PAUSE = 0.5  # seconds, at most

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

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Draw anew for this trial."""
        own = np.random.SeedSequence([self.seed, trial.number]).generate_state(1)
        self.sampler = self.make(int(own[0]))
        self.sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the knobs that all trials so far share."""
        shared = self.space.calculate(study)
        return {knob: values for knob, values in shared.items() if not values.single()}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, object]:
        """Return what the sampler returns."""
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> object:
        """Return what the sampler returns."""
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the sampler."""
        self.sampler.after_trial(study, trial, state, values)


def run_study(
    search: Search,
    *,
    trials: int,
    sampler: str,
    seed: int,
    start: Sequence[Setting] = (),
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

    complete = (TrialState.COMPLETE,)
    done = len(study.get_trials(deepcopy=False, states=complete))
    if done < trials:
        enough = optuna.study.MaxTrialsCallback(trials, states=complete)
        study.optimize(objective, n_trials=trials - done, callbacks=[enough])
    # Of several workers each may have one trial more under way when the last one is in.
    finished = study.get_trials(deepcopy=False, states=complete)[:trials]
    values = np.array([t.values for t in finished], dtype=float).reshape(-1, 2)
    front = on_front(values[:, 0], values[:, 1])
    return [
        Tried(
            t.number,
            own.get(t.number) or search.suggest(optuna.trial.FixedTrial(t.params)),
            float(score),
            float(cost),
            front=bool(on),
        )
        for t, (score, cost), on in zip(finished, values, front, strict=True)
    ]


def open_storage(storage: str | None) -> optuna.storages.BaseStorage | None:
    """Return what Optuna takes as storage.

    Raises:
        UserError: if the database cannot be reached.
    """
    if storage is None:
        return None
    open_one = open_journal if storage.startswith("journal:") else optuna.storages.get_storage
    left = OPENINGS
    while True:
        left -= 1
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
    backend = JournalFileBackend(storage.removeprefix("journal:"))
    return optuna.storages.JournalStorage(backend)


def tune_method(
    traces: dict[str, Trace],
    *,
    convention: str,
    spaces: Sequence[str],
    trials: int,
    sampler: str,
    seed: int,
    dense: Trace | None,
    storage: str | None = None,
    study: str = "tuning",
) -> tuple[dict[str, TunedSpace], list[dict[str, object]]]:
    """Tune one method on one task and seed in every space.

    Args:
        traces: tune traces of its members.
        dense: dense BERT's tune trace of the same seed.
        study: name of the study in the storage; the space is added.

    Returns:
        what was found by space, where a space that holds nothing beyond the one before it is left
        out, and one of fixed depths stands where there are exits; and all trials as rows with
        space, number, member, what the setting is (`Policy.exact_columns`), score, cost_relative,
        front.
    """
    members = {name: Member(trace, convention) for name, trace in traces.items()}
    found: dict[str, TunedSpace] = {}
    rows: list[dict[str, object]] = []
    begin: list[Setting] = []
    for space in spaces:
        search = Search(members, space)
        if not search.differs:
            continue
        tried = run_study(
            search,
            trials=trials,
            sampler=sampler,
            seed=seed,
            start=list(dict.fromkeys([*begin, *search.without_exits()])),
            storage=storage,
            name=f"{study}/{space}",
        )
        front = sorted((t for t in tried if t.front), key=lambda t: t.cost)
        begin = [t.setting for t in front]  # the next, larger space starts from this one's front
        settings = list(dict.fromkeys(t.setting for t in tried))
        own = Candidates(traces, settings, space=space, dense=dense, convention=convention)
        found[space] = chosen_space(own, trials=len(tried), exhaustive=search.size() <= trials)
        rows += [_row(t, space) for t in tried]
    if fixed := fixed_depths(traces):
        own = Candidates(traces, fixed, space=FIXED, dense=dense, convention=convention)
        found[FIXED] = chosen_space(own, trials=len(fixed), exhaustive=True)
    return found, rows


def chosen_space(own: Candidates, *, trials: int, exhaustive: bool) -> TunedSpace:
    """Return what is chosen in a space, on tune as it is.

    Args:
        trials: how many settings were tried.
        exhaustive: whether these are all that there are.
    """
    chosen = own.choose()
    places = {name: int(position[0]) for name, position in chosen.points.items()}
    curve = dict.fromkeys(int(position) for position in chosen.curve[0] if position >= 0)
    return TunedSpace(
        trials=trials,
        exhaustive=exhaustive,
        points={name: own.tuned(at) for name, at in places.items() if at >= 0},
        missing={name: own.reason(name) for name, at in places.items() if at < 0},
        curve=tuple(sorted(map(own.tuned, curve), key=lambda setting: setting.tune_cost)),
    )


def _row(trial: Tried, space: str) -> dict[str, object]:
    """Return a trial with its setting as plain values."""
    policy = trial.setting.policy
    return {
        "space": space,
        "number": trial.number,
        "member": trial.setting.member,
        **policy.exact_columns(),
        "score": trial.score,
        "cost_relative": trial.cost,
        "front": trial.front,
    }
