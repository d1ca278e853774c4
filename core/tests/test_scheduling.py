"""Admission, retries, warm workers, threads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labctl.model.machine import Environment
from labctl.model.plan import Job
from labctl.planning.plan import PlannedJob
from labctl.scheduler.state import MAX_DELAY, Tracked, run_state
from labctl.testing import Lab

Make = Callable[..., Lab]

MANY = """
from labctl.api import *

class P:
    @hookimpl
    def provision(self, ctx):
        return Environment(cpu={cpu}, preload={preload!r})

    @hookimpl
    def run(self, ctx, environments):
        for i in range({n}):
            yield Job(f"w/{{i}}", "many_tasks:work", fresh={fresh})

plugin = P()
"""

REPORTING = """
import os, time

def work(job):
    began = time.time()
    time.sleep(0.4)
    return {"began": began, "ended": time.time(), "pid": os.getpid(), "threads": job.threads,
            "omp": os.environ["OMP_NUM_THREADS"]}
"""


def many(lab: Lab, n: int = 6, cpu: float = 1, fresh: bool = False, preload: tuple[str, ...] = ()) -> Lab:
    lab.plugin("many", MANY.format(n=n, cpu=cpu, fresh=fresh, preload=preload), many_tasks=REPORTING)
    return lab


def values(lab: Lab) -> list[dict[str, float]]:
    return [job["value"] for job in lab.record("many-1")["jobs"]]


def most_at_once(found: list[dict[str, float]]) -> int:
    marks = sorted([(v["began"], 1) for v in found] + [(v["ended"], -1) for v in found])
    most = now = 0
    for _, step in marks:
        now += step
        most = max(most, now)
    return most


@pytest.mark.parametrize(("jobs", "cpu", "expected"), [(1, 1, 1), (3, 1, 3), (4, 2, 2), (2, 8, 1)])
def test_jobs_are_admitted_by_cpu_tokens(lab: Lab, jobs: int, cpu: float, expected: int) -> None:
    assert many(lab, cpu=cpu)("run", "many", "--jobs", str(jobs)).code == 0
    assert most_at_once(values(lab)) == expected


def test_workers_are_warm_and_a_fresh_job_has_its_own(lab: Lab) -> None:
    assert many(lab)("run", "many", "--jobs", "2").code == 0
    assert len({v["pid"] for v in values(lab)}) == 2


def test_a_fresh_job_runs_in_a_process_that_has_run_nothing(lab: Lab) -> None:
    assert many(lab, fresh=True)("run", "many", "--jobs", "2").code == 0
    assert len({v["pid"] for v in values(lab)}) == 6


def test_a_fresh_job_sees_nothing_of_earlier_jobs_nor_of_a_template(lab: Lab) -> None:
    tasks = """
        import sys
        def work(job):
            before = [name for name in ("colorsys", "many_tasks_mark") if name in sys.modules]
            sys.modules["many_tasks_mark"] = sys
            return before
        """
    lab.plugin("many", MANY.format(n=3, cpu=1, fresh=True, preload=("colorsys",)), many_tasks=tasks)
    assert lab("run", "many", "--jobs", "1").code == 0
    assert [job["value"] for job in lab.record("many-1")["jobs"]] == [[], [], []]


def test_a_worker_gets_the_threads_of_its_environment(lab: Lab) -> None:
    assert many(lab, n=1, cpu=1.5)("run", "many").code == 0
    found = values(lab)[0]
    assert found["threads"] == int(found["omp"]) <= 2


def test_a_template_that_cannot_import_lets_the_job_say_so(lab: Lab) -> None:
    done = many(lab, n=1, preload=("nowhere_at_all",))("run", "many")
    assert done.code == 0, done.err  # the job itself does not need the module
    assert "could not preload nowhere_at_all" in done.err


def test_retries_back_off_with_jitter() -> None:
    tracked = Tracked(planned(Environment(retries=5, retry_delay=2.0, retry_backoff=3.0)))
    for failures, longest in ((1, 2.0), (2, 6.0), (3, 18.0)):
        tracked.failures = failures
        delays = [tracked.delay() for _ in range(50)]
        assert longest / 2 <= min(delays) < max(delays) <= longest
    tracked.failures = 30
    assert tracked.delay() <= MAX_DELAY


def test_the_state_of_a_run_is_derived() -> None:
    assert run_state(["succeeded", "cached", "reused"], False) == "succeeded"
    assert run_state(["succeeded", "failed", "skipped"], False) == "partial"
    assert run_state(["failed", "skipped"], False) == "failed"
    assert run_state(["succeeded", "planned"], True) == "interrupted"


def test_interruptions_are_no_failures(lab: Lab) -> None:
    entry = {"labctl.executors": {"fake-remote": "labctl.testing.remote:FakeRemote"}}
    lab.distribution("labctl-fake-remote", entry)
    many(lab, n=3)
    done = lab("run", "many", "--on", "fake-remote", "--lose", "2")
    assert done.code == 0, done.err
    assert "interrupted, again at once" in done.err
    jobs = lab.record("many-1")["jobs"]
    assert sum(job["interruptions"] for job in jobs) == 2
    assert sum(job["failures"] for job in jobs) == 0


def planned(environment: Environment) -> PlannedJob:
    job = Job("w", "many_tasks:work")
    return PlannedJob(
        id=job.id, local_id=job.id, point="", function=job.function, params={}, environment=environment,
        needs={}, files={}, file_paths={}, tolerant=False, tags=(), code=(), seed=1, cache=True, fresh=False,
        seal=None, timeout=1.0, estimate=None,
    )  # fmt: skip
