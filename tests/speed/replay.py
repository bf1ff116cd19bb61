"""How long does replaying a published sweep take, from the trace's file to scores and costs?

PYTHONPATH=. python tests/speed/replay.py TRACE [TRACE ...]
"""

import sys
import time
from pathlib import Path

from smartbert.analysis.sweep import published_sweep, sweep_scores
from smartbert.trace.trace import Trace


def main() -> None:
    """Print seconds for the given traces."""
    for name in sys.argv[1:]:
        started = time.perf_counter()
        trace = Trace.load(Path(name))
        points = published_sweep(trace)
        sweep_scores(trace, points, convention="flops")
        spent = time.perf_counter() - started
        print(f"{name}: {len(points)} settings x {len(trace)} examples in {spent:.3f} s")


if __name__ == "__main__":
    main()
