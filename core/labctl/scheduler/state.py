"""What the scheduler knows of a job while the run lasts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from labctl.model.results import DONE, ENDED, JobResult, JobState, RunState
from labctl.planning.plan import PlannedJob

MAX_INTERRUPTIONS = 8
MAX_DELAY = 600.0  # seconds


class Earlier(NamedTuple):
    """What an earlier host of the run has left of a job.

    ``result``: of a job that is done. ``open_attempt``: it was under way when the host ended, since
    ``began``.
    """

    result: JobResult | None = None
    key: str = ""
    attempt: int = 0
    failures: int = 0
    interruptions: int = 0
    open_attempt: bool = False
    handle: str = ""
    began: float = 0.0
    cpu_seconds: float = 0.0


class Tracked:
    """A job, its state, and what was tried. ``adopted``: its attempt is about to tell its story again."""

    __slots__ = (
        "adopted", "attempt", "began", "cpu_seconds", "failures", "handle", "interruptions", "job", "key",
        "not_before", "open_attempt", "reason", "result", "state",
    )  # fmt: skip

    def __init__(self, job: PlannedJob) -> None:
        self.job = job
        self.state: JobState = "planned"
        self.key = ""
        self.result: JobResult | None = None
        self.reason = ""
        self.attempt = 0
        self.failures = 0
        self.interruptions = 0
        self.not_before = 0.0
        self.handle = ""
        self.began = 0.0
        self.cpu_seconds = 0.0
        self.open_attempt = False
        self.adopted = False

    def restore(self, earlier: Earlier) -> None:
        """Stand where an earlier host of the run has stood."""
        self.key = earlier.key if earlier.result else ""
        self.result = earlier.result
        self.state = earlier.result.state if earlier.result else "planned"
        self.attempt = earlier.attempt
        self.failures, self.interruptions = earlier.failures, earlier.interruptions
        self.open_attempt, self.handle, self.began = earlier.open_attempt, earlier.handle, earlier.began
        self.cpu_seconds = earlier.cpu_seconds

    @property
    def done(self) -> bool:
        return self.state in DONE

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def in_flight(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def tries(self) -> int:
        return self.job.environment.retries + 1

    @property
    def needs(self) -> list[str]:
        return [i for ids in self.job.needs.values() for i in ids]

    def may_retry(self) -> bool:
        return self.failures < self.tries

    def pause(self) -> float:
        """Seconds until an interrupted job is tried again: longer when it happens again and again.

        A machine without room, memory or descriptors needs time more than it needs tries.
        """
        return 0.0 if self.interruptions <= 2 else 0.5 * 2.0 ** (self.interruptions - 3)

    def delay(self) -> float:
        """Seconds until the next try: exponential, with jitter so that followers do not march in step."""
        environment = self.job.environment
        base = environment.retry_delay * environment.retry_backoff ** max(0, self.failures - 1)
        return min(MAX_DELAY, base) * random.uniform(0.5, 1.0)

    def as_result(self) -> JobResult:
        """The result as followers and ``collect`` see it, also when there is none."""
        return self.result or JobResult(id=self.job.id, state=self.state, tags=self.job.tags)


def run_state(states: Sequence[str], stopped: bool, cancelled: bool = False) -> RunState:
    """The state of a run, derived from its jobs'."""
    done = sum(state in DONE for state in states)
    if cancelled and done < len(states):
        return "cancelled"
    if stopped and done < len(states):
        return "interrupted"
    if any(state == "over budget" for state in states):
        return "over budget"
    if "interrupted" in states and not {"failed", "timed out"} & set(states):
        return "interrupted"  # given up after many: nothing failed, and it can go on
    if done == len(states):
        return "succeeded"
    return "partial" if done else "failed"


EXIT_CODES: dict[str, int] = {
    "succeeded": 0, "partial": 6, "failed": 1, "interrupted": 130, "cancelled": 130, "over budget": 7,
}  # fmt: skip


def outcome(data: dict[str, Any]) -> JobState:
    """The state that an *ended* event reports; anything else than we know is a failure."""
    state = data.get("state")
    return state if state in ("succeeded", "failed", "timed out", "interrupted", "cancelled") else "failed"
