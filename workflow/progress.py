"""How far a call of Snakemake is, and about how long it still takes: a line now and then, from what
its logger is told of jobs.
"""

import logging
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable

from snakemake_interface_logger_plugins.common import LogEvent

SECONDS = 15.0  # between two lines
# What jobs of a rule take beside a training, until the first of them has ended.
LONGEST = "train"
SHARES = {"record": 0.3, "states": 0.2, "backbone": 0.5}
OTHERS = 0.05
LAST, LAST_SECONDS = "figures", 30.0  # drawn when nothing else is left, however long trainings are


class Progress(logging.Handler):
    """Counts jobs and their seconds, and says how many are done and about when the last one is.

    Jobs that have not begun are taken to be as long as the mean of their rule's that have ended.

    Args:
        say: called with each line.
        clock: gives seconds.
    """

    def __init__(
        self,
        say: Callable[[str], object] = lambda line: print(line, file=sys.stderr, flush=True),
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self.say, self.clock = say, clock
        self.began = self.last = clock()
        self.waiting: Counter[str] = Counter()  # jobs that have not begun, by rule
        self.running: dict[int, tuple[str, float]] = {}  # job: rule, when it began
        self.took: defaultdict[str, list[float]] = defaultdict(list)  # seconds, by rule

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of what is logged of the call or of a job."""
        event, now = getattr(record, "event", None), self.clock()
        if event == LogEvent.RUN_INFO:
            counts = {rule: n for rule, n in vars(record)["stats"].items() if rule != "total"}
            self.waiting, self.began = Counter(counts), now
        elif event == LogEvent.JOB_INFO:
            rule = vars(record)["rule_name"]
            self.waiting[rule] -= 1
            self.running[vars(record)["jobid"]] = rule, now
        elif event == LogEvent.JOB_FINISHED:
            rule, began = self.running.pop(vars(record)["job_id"], ("", now))
            self.took[rule].append(now - began)
        elif event == LogEvent.PROGRESS and now - self.last >= SECONDS:
            done, total = vars(record)["done"], vars(record)["total"]
            left = self.left()
            if left is not None:
                self.last = now
                self.say(f"about {clock(left)} left ({done} of {total} jobs done)")

    def left(self) -> float | None:
        """Return the seconds that the rest takes, None before a training has ended where any is to
        come.
        """
        now = self.clock()
        trains = self.waiting[LONGEST] > 0 or any(r == LONGEST for r, _ in self.running.values())
        ended = [seconds for taken in self.took.values() for seconds in taken]
        if not ended or (trains and not self.took[LONGEST]):
            return None
        training = statistics.mean(self.took[LONGEST]) if trains else statistics.mean(ended)

        def expected(rule: str) -> float:
            known = self.took.get(rule)
            share = SHARES.get(rule, OTHERS) if trains else 1.0
            return statistics.mean(known) if known else share * training

        waiting = {rule: count for rule, count in self.waiting.items() if count > 0}
        last = LAST_SECONDS if waiting.pop(LAST, 0) else 0.0
        work = sum(count * expected(rule) for rule, count in waiting.items())
        under_way = [(expected(rule), now - began) for rule, began in self.running.values()]
        work += sum(max(0.0, whole - spent) for whole, spent in under_way)
        busy = sum(ended) + sum(spent for _, spent in under_way)
        at_once = max(1.0, busy / max(1e-9, now - self.began))
        return work / at_once + last


def clock(seconds: float) -> str:
    """Return a duration that is known roughly, as people say it."""
    if seconds < 90:
        return f"{max(10, 10 * round(seconds / 10))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"
