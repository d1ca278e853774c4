"""How long a plan will take: by how long its jobs took before, and how fast they are today."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from labctl.planning.plan import PlannedJob

SMOOTH = 1.0  # seconds added above and below before today's pace is taken: short jobs say little


def makespan(
    jobs: Iterable[PlannedJob],
    seconds: Mapping[str, float],
    slots: int,
    running: Mapping[str, float] | None = None,
) -> float:
    """Seconds until the last of ``jobs`` has ended, if each starts as soon as it can, in their order.

    ``seconds``: of each job that is to be run; a need that is none of ``jobs`` is over. ``running``:
    seconds that those under way have run already. A job takes as many slots as it wants cores, or all.
    """
    listed = list(jobs)
    taken = {job.id: min(job.environment.cpu, slots) for job in listed}
    under_way = running or {}
    position = {job.id: index for index, job in enumerate(listed)}
    lacking: dict[str, int] = {}
    followers: dict[str, list[str]] = {}
    for job in listed:
        needs = {i for ids in job.needs.values() for i in ids if i in position}
        lacking[job.id] = len(needs)
        for need in needs:
            followers.setdefault(need, []).append(job.id)
    busy = [(max(0.0, seconds[i] - ran), i) for i, ran in under_way.items()]
    heapq.heapify(busy)
    ready = [position[i] for i, count in lacking.items() if not count and i not in under_way]
    heapq.heapify(ready)
    now, free = 0.0, slots - sum(taken[i] for _, i in busy)
    while busy or ready:
        while ready and (not busy or taken[listed[ready[0]].id] <= free):
            job_id = listed[heapq.heappop(ready)].id
            free -= taken[job_id]
            heapq.heappush(busy, (now + seconds[job_id], job_id))
        now, ended = heapq.heappop(busy)
        free += taken[ended]
        for follower in followers.get(ended, ()):
            lacking[follower] -= 1
            if not lacking[follower]:
                heapq.heappush(ready, position[follower])
    return now


class Forecast:
    """The time that is left of a run, told anew as its jobs end."""

    def __init__(self, jobs: Iterable[PlannedJob], seconds: Mapping[str, float], slots: int) -> None:
        self._jobs = list(jobs)
        self._expected = dict(seconds)
        self._slots = max(1, slots)
        self._over: set[str] = set()
        self._began: dict[str, float] = {}
        self._took: dict[str, float] = {}

    def started(self, job: str, now: float) -> None:
        self._began[job] = now

    def ended(self, job: str, took: float | None) -> None:
        """A job will not run any more; ``took`` seconds if it was run to its end."""
        self._over.add(job)
        self._began.pop(job, None)
        if took is not None:
            self._took[job] = took

    def waits(self, job: str) -> None:
        """A job is to be tried again."""
        self._began.pop(job, None)

    def left(self, now: float) -> float | None:
        """Seconds, or None where nothing is known of some job that is still to be run."""
        todo = [job for job in self._jobs if job.id not in self._over]
        pace = self._pace()
        guesses: dict[str, float] = {}
        for job in todo:
            guess = self._guess(job)
            if guess is None:
                return None
            guesses[job.id] = guess * (pace if job.id in self._expected else 1.0)
        running = {job: now - began for job, began in self._began.items() if job in guesses}
        return makespan(todo, guesses, self._slots, running)

    def _pace(self) -> float:
        """How today's times are to the expected ones."""
        both = [(self._took[job], self._expected[job]) for job in self._took if job in self._expected]
        return (sum(took for took, _ in both) + SMOOTH) / (sum(known for _, known in both) + SMOOTH)

    def _guess(self, job: PlannedJob) -> float | None:
        """As before, else as its siblings of today."""
        if job.id in self._expected:
            return self._expected[job.id]
        own = job.id.rpartition("/")[0]
        siblings = [took for other, took in self._took.items() if own and other.rpartition("/")[0] == own]
        return sum(siblings) / len(siblings) if siblings else None
