"""How long a plan will take: floors that hold for any schedule, and numbers done by hand."""

from __future__ import annotations

from typing import Any

from labctl.api import Environment
from labctl.planning.forecast import Forecast, makespan


class Job:
    def __init__(self, name: str, *needs: str, cpu: float = 1.0) -> None:
        self.id = name
        self.environment = Environment(cpu=cpu)
        self.needs = {"from": needs} if needs else {}


def plan(*jobs: Job) -> Any:
    return list(jobs)


def test_jobs_of_many_cores_run_one_after_another() -> None:
    jobs = plan(Job("a", cpu=16), Job("b", cpu=16), Job("c", cpu=1))
    assert makespan(jobs, {"a": 4, "b": 2, "c": 1}, 2) == 7
    assert makespan(jobs, {"a": 4, "b": 2, "c": 1}, 40) == 4


def test_jobs_side_by_side() -> None:
    jobs = plan(Job("a"), Job("b"), Job("c"))
    assert makespan(jobs, {"a": 4, "b": 2, "c": 2}, 2) == 4
    assert makespan(jobs, {"a": 4, "b": 2, "c": 2}, 1) == 8
    assert makespan(jobs, {"a": 4, "b": 2, "c": 2}, 9) == 4
    assert makespan([], {}, 2) == 0


def test_jobs_wait_for_what_they_need() -> None:
    jobs = plan(Job("a"), Job("b", "a"), Job("c", "b"), Job("d", "over"))
    assert makespan(jobs, {"a": 1, "b": 2, "c": 3, "d": 1}, 4) == 6


def test_what_runs_has_done_a_part() -> None:
    jobs = plan(Job("a"), Job("b", "a"))
    assert makespan(jobs, {"a": 5, "b": 1}, 1, {"a": 3}) == 3
    assert makespan(jobs, {"a": 5, "b": 1}, 1, {"a": 9}) == 1, "it is overdue: it may end any time"


def test_nothing_is_said_while_a_job_is_unknown() -> None:
    forecast = Forecast(plan(Job("x/1"), Job("x/2"), Job("y")), {"y": 4.0}, 1)
    assert forecast.left(0.0) is None
    forecast.ended("x/1", 6.0)
    assert forecast.left(0.0) == 10.0, "x/2 will take what x/1 took"


def test_the_pace_of_today_counts() -> None:
    jobs = plan(*(Job(f"a/{i}") for i in range(4)))
    forecast = Forecast(jobs, {f"a/{i}": 10.0 for i in range(4)}, 1)
    assert forecast.left(0.0) == 40.0
    forecast.started("a/0", 0.0)
    assert forecast.left(4.0) == 36.0
    forecast.ended("a/0", 21.0)
    assert forecast.left(21.0) == 60.0, "(21 + 1) / (10 + 1) times 30"


def test_a_job_that_is_tried_again_begins_anew() -> None:
    forecast = Forecast(plan(Job("a")), {"a": 10.0}, 1)
    forecast.started("a", 0.0)
    assert forecast.left(8.0) == 2.0
    forecast.waits("a")
    assert forecast.left(8.0) == 10.0


def test_a_job_that_failed_holds_nobody_up() -> None:
    forecast = Forecast(plan(Job("a"), Job("b", "a")), {"a": 10.0, "b": 1.0}, 1)
    forecast.ended("a", None)
    assert forecast.left(0.0) == 1.0
