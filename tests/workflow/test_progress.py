"""The line that says how long a call still takes, from made-up records of Snakemake's logger."""

import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from workflow.progress import SECONDS, Progress, clock


class Call:
    """A call of Snakemake on a clock of its own."""

    def __init__(self, **jobs: int):
        self.now, self.lines, self.done = 0.0, [], 0
        self.progress = Progress(self.lines.append, lambda: self.now)
        self.total = sum(jobs.values())
        self.log(LogEvent.RUN_INFO, stats={**jobs, "total": self.total})

    def log(self, event: LogEvent, **fields: object) -> None:
        self.progress.handle(logging.makeLogRecord({"event": event, **fields}))

    def start(self, job: int, rule: str) -> None:
        self.log(LogEvent.JOB_INFO, jobid=job, rule_name=rule)

    def end(self, *jobs: int) -> None:
        for job in jobs:
            self.done += 1
            self.log(LogEvent.JOB_FINISHED, job_id=job)
        self.log(LogEvent.PROGRESS, done=self.done, total=self.total)


def test_jobs_that_wait_are_as_long_as_their_rule_s_so_far():
    call = Call(train=5, tune=5)
    call.start(1, "train")
    call.now = 100
    call.end(1)
    call.start(2, "tune")
    call.now = 120
    call.end(2)
    # One at a time: four trainings of 100 s, and four tunings of 20.
    assert call.lines[-1] == "about 8 min left (2 of 10 jobs done)"


def test_jobs_side_by_side_share_the_time():
    call = Call(train=12)
    call.start(1, "train")
    call.start(2, "train")
    call.now = 60
    call.end(1, 2)
    assert call.lines == ["about 5 min left (2 of 12 jobs done)"]


def test_nothing_is_said_of_time_before_a_training_has_ended():
    call = Call(backbone=1, train=4)
    call.start(1, "backbone")
    call.now = 40
    call.end(1)
    assert call.lines == []


def test_a_call_that_trains_nothing_goes_by_all_its_jobs():
    call = Call(tune=3, tables=1)
    call.start(1, "tune")
    call.now = 20
    call.end(1)
    assert call.lines == ["about 60 s left (1 of 4 jobs done)"]


def test_figures_come_last_and_alone():
    call = Call(tune=5, figures=1)
    call.start(1, "tune")
    call.start(2, "tune")
    call.now = 20
    call.end(1, 2)
    # Three of 20 s, two at a time; then the figures.
    assert call.lines == ["about 60 s left (2 of 6 jobs done)"]


def test_lines_come_now_and_then():
    call = Call(tune=50)
    for job in range(40):
        call.start(job, "tune")
        call.now += 1
        call.end(job)
    assert len(call.lines) == 40 // SECONDS


def test_other_records_are_passed_over():
    call = Call(tune=1)
    call.progress.handle(logging.makeLogRecord({"msg": "Select jobs to execute..."}))
    assert call.lines == []


@pytest.mark.parametrize(
    ("seconds", "said"), [(3, "10 s"), (44, "40 s"), (95, "2 min"), (5300, "88 min"), (9000, "2 h")]
)
def test_a_duration_is_rounded_as_people_say_it(seconds, said):
    assert clock(seconds) == said
