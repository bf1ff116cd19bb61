"""What choosing again does to the kept MiniLM traces: four intervals, and scores of fixed exits."""

import numpy as np
import pytest
from conftest import ROOT

from smartbert.metrics import measure
from smartbert.points import DROP, GLOBAL, PUBLISHED, Setting
from smartbert.policies import Policy
from smartbert.tasks import TASKS
from smartbert.trace.outcomes import outcomes
from smartbert.trace.replay import Replay
from smartbert.trace.trace import Trace
from smartbert.tune.choice import Candidates, measure_all
from smartbert.tune.rules import LUCKIEST
from smartbert.tune.study import tune_method

pytestmark = pytest.mark.slow

RUNS = ROOT / "results" / "reference" / "minilm" / "runs"
DRAWS = 1000


def kept(task: str, method: str, split: str, *, seed: int = 1) -> Trace:
    """A kept trace; of several test subsets the first."""
    trace = Trace.load(RUNS / task / method / f"seed{seed}" / f"trace-{split}.safetensors.gz")
    return trace.part(np.flatnonzero(trace.subset == 0))


def resampled(n: int, stream: int) -> np.ndarray:
    """How often each of n examples counts in every draw."""
    rng = np.random.default_rng([0, stream])
    return rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float32)


@pytest.mark.parametrize(
    ("task", "ends", "none"),
    [
        ("qnli", (2.26, 3.08), 0.0),
        ("sst2", (3.33, 5.52), 0.0),
        ("qqp", (1.42, 2.52), 0.16),
        ("mnli", (1.16, 1.97), 0.34),
    ],
)
def test_choosing_again_makes_the_reduction_at_drop1_as_uncertain_as_it_is(task, ends, none):
    """The old rule of choosing: the cheapest setting within a point of dense BERT on tune."""
    members, dense = {"smartbert": kept(task, "smartbert", "tune")}, kept(task, "full_bert", "tune")
    _, rows = tune_method(
        members, convention="flops", spaces=[PUBLISHED, GLOBAL], trials=1000, sampler="nsga2",
        seed=0, dense=dense,
    )  # fmt: skip
    tried = [Setting(r["member"], Policy.of_columns(r)) for r in rows if r["space"] == GLOBAL]
    own = Candidates(
        members, list(dict.fromkeys(tried)), space=GLOBAL, dense=dense, convention="flops"
    )
    chosen = own.choose(resampled(len(dense), 0), rule=LUCKIEST).points[DROP]
    test, found = kept(task, "smartbert", "test"), np.flatnonzero(chosen >= 0)
    used, place = np.unique(chosen[found], return_inverse=True)
    _, costs = measure_all({"smartbert": test}, [own.settings[i] for i in used], convention="flops")
    drawn = resampled(len(test), 1)[found] @ costs.T.astype(np.float32) / len(test)
    low, high = np.quantile(1 / drawn[np.arange(len(found)), place], [0.025, 0.975])
    assert high - low == pytest.approx(ends[1] - ends[0], rel=0.15)
    assert (low, high) == pytest.approx(ends, rel=0.07)  # an end moves by 3 % with the draws
    assert (chosen < 0).mean() == pytest.approx(none, abs=0.04)


@pytest.mark.parametrize(
    ("task", "score"),
    [
        ("cola", 21.7),
        ("sst2", 83.6),
        ("mrpc", 81.9),
        ("qqp", 79.3),
        ("mnli", 61.4),
        ("qnli", 77.4),
        ("rte", 56.9),
    ],
)
def test_the_third_exit_of_smartbert_scores_as_known(task, score):
    """Mean over seeds, everybody leaving at layer 3; the cost is half and a head."""
    scores = []
    for folder in sorted((RUNS / task / "smartbert").glob("seed*")):
        trace = kept(task, "smartbert", "test", seed=int(folder.name.removeprefix("seed")))
        answers, costs = outcomes(Replay(trace), trace.fixed_depths()[2:3], convention="flops")
        scores.append(measure(TASKS[task], answers[0], trace.labels)["score"])
        assert costs.mean() == pytest.approx(0.51, abs=0.01)
    assert np.mean(scores) == pytest.approx(score, abs=0.051)  # known to a tenth
