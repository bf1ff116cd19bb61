"""Made-up traces with the properties that matter: exits get better with depth, some examples are
easy, gates differ a little between examples; and exit rules as a user would write them. Nothing
here trains or runs a model.
"""

import numpy as np
from array_api_compat import array_namespace

from smartbert.cost import Architecture
from smartbert.criteria import CRITERIA, LARGEST, Criterion, Parameter, Seen, State, entropy
from smartbert.tasks import TASKS
from smartbert.trace.schema import TraceMeta
from smartbert.trace.trace import Trace

DEPTH = 6
SIZES = {"hidden": 384, "intermediate": 1536, "layers": DEPTH, "reference_layers": DEPTH}
METHODS = {
    # exits, head, gates, criterion
    "full_bert": (None, "first", False, "never"),
    "smartbert": ("attention", "attention", True, "entropy"),
    "skip_only": (None, "attention", True, "never"),
    "deebert": ("first", "first", False, "entropy"),
    "pabee": ("first", "first", False, "patience"),
    "exit_only": ("attention", "attention", False, "entropy"),
}
SWEEPS = {"entropy": [0, 0.1, 0.3, 0.5], "patience": [1, 2, 3, 4], "never": []}
TITLES = {"full_bert": "BERT", "smartbert": "SmartBERT", "skip_only": "Skip-only"}


def made_up(
    task: str, method: str, *, seed: int = 1, split: str = "test", n: int = 120, depth: int = DEPTH
) -> Trace:
    """Return a trace; the labels of a task and split are the same for every method and seed."""
    spec = TASKS[task]
    classes = len(spec.labels)
    shared = np.random.default_rng([sum(map(ord, task + split)), n])
    labels = shared.integers(0, classes, n)
    easy = shared.random(n)
    lengths = shared.integers(6, 60, n)
    kind = method.rstrip("_0123456789")
    exits, head, gated, criterion = METHODS.get(kind, METHODS["full_bert"])
    rng = np.random.default_rng([seed, sum(map(ord, task + split + method))])
    grid = np.array([0.4, 0.5, np.inf] if gated else [np.inf], dtype=np.float32)
    paths = [
        _path(rng, labels, easy, threshold, depth, classes, exits, gated) for threshold in grid
    ]
    steps = np.arange(len(grid))
    arrays = {name: np.concatenate([path[name] for path in paths]) for name in paths[0]}
    architecture = Architecture(
        **{**SIZES, "layers": depth}, classes=classes, exits=exits, head=head, gates=gated
    )
    subsets = len(spec.test) if split == "test" else 1
    return Trace(
        labels=labels,
        lengths=lengths,
        index=np.arange(n),
        subset=np.arange(n) % subsets,
        grid=grid,
        example=np.tile(np.arange(n), len(grid)),
        low=np.repeat(steps, n),
        high=np.repeat(steps + 1, n),
        **arrays,
        meta=TraceMeta(
            task=task,
            method=method,
            seed=seed,
            split=split,
            title=TITLES.get(kind, kind),
            criterion=criterion,
            sweep=tuple(SWEEPS[criterion]),
            skip_threshold=0.5 if gated else None,
            architecture=architecture,
            data=f"data of {task} {split}",
            model=f"weights of {task} {method} {seed}",
        ),
    )


def _path(rng, labels, easy, threshold, depth, classes, exits, gated) -> dict[str, np.ndarray]:
    """Return one path per example at a skip threshold."""
    n = len(labels)
    gates = np.full((n, depth), np.nan, dtype=np.float32)
    if gated:
        gates = np.clip(rng.normal(0.42, 0.06, (n, depth)), 0, 1).astype(np.float32)
    executed = ~(gates >= threshold) if gated else np.ones((n, depth), dtype=bool)
    truth = np.eye(classes)[labels]
    ran = np.cumsum(executed, 1)
    # Signal grows with the layers run, faster for easy examples.
    strength = ran[:, :, None] * (0.2 + easy)[:, None, None]
    logits = truth[:, None] * strength + rng.normal(0, 1.2, (n, depth, classes))
    exit_logits = np.full((n, depth - 1, classes), np.nan)
    if exits:
        exit_logits = np.where(executed[:, :-1, None], logits[:, :-1], np.nan)
    return {
        "gates": gates,
        "executed": executed,
        "exit_logits": exit_logits.astype(np.float32),
        "final_logits": logits[:, -1].astype(np.float32),
    }


def margin(state: State, seen: Seen):
    """Largest logit less the second largest: 0 upwards, high stops."""
    ordered = np.sort(seen.logits.astype(np.float64), axis=-1)
    return ordered[:, -1] - ordered[:, -2]


def negative_energy(state: State, seen: Seen):
    """Minus log-sum-exp of the logits: any number, low stops."""
    z = seen.logits.astype(np.float64)
    top = z.max(-1)
    return -(top + np.log(np.exp(z - top[:, None]).sum(-1)))


def steady_entropy(state: State, seen: Seen):
    """Largest entropy of the last `window` executed layers; before there are so many, infinite."""
    xp = array_namespace(seen.logits)
    signal = entropy(seen.logits)
    window = int(seen.parameters[0])
    for back in range(1, window):
        past = state.memory(f"past{back}", seen, start=np.inf)
        signal = xp.maximum(signal, past[seen.rows])
    for back in range(window - 1, 1, -1):
        older, newer = (state.memory(f"past{b}", seen, start=np.inf) for b in (back, back - 1))
        older[seen.rows] = newer[seen.rows]
    if window > 1:
        state.memory("past1", seen, start=np.inf)[seen.rows] = entropy(seen.logits)
    return signal


RULES = {
    "margin": Criterion("margin", margin, below=False, off=LARGEST, everybody=lambda classes: 0.0),
    "negative_energy": Criterion(
        "negative_energy", negative_energy, below=True, off=-LARGEST, everybody=lambda _: LARGEST
    ),
    "steady_entropy": Criterion(
        "steady_entropy",
        steady_entropy,
        below=True,
        off=0.0,
        everybody=CRITERIA["entropy"].everybody,
        running=True,
        parameters=(Parameter("window", lambda depth: tuple(range(1, depth - 1))),),
    ),
    "certain": Criterion(
        "certain",
        lambda state, seen: seen.extras["certainty"],
        below=False,
        off=1.5,
        everybody=lambda classes: -0.5,
        needs=("certainty",),
    ),
}
