"""What the traces of conftest's tiny models say of themselves, for tests that record them."""

from conftest import CLASSES, DEPTH

from smartbert.cost import Architecture
from smartbert.trace.schema import TraceMeta

META = TraceMeta(
    task="mnli",
    method="tiny",
    seed=1,
    split="tune",
    title="Tiny",
    criterion="entropy",
    sweep=(),
    skip_threshold=0.5,
    architecture=Architecture(hidden=32, intermediate=64, layers=DEPTH, classes=CLASSES),
    data="data",
    model="weights",
)
