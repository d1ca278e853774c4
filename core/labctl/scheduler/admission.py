"""Which jobs may go on now: needs settled, not known already, room and money for an attempt."""

from __future__ import annotations

import heapq
import subprocess
import time

from labctl.errors import LabError
from labctl.model.machine import dollars
from labctl.model.results import JobFailure, JobResult
from labctl.model.wire import Event
from labctl.planning.keys import key_of
from labctl.scheduler.desk import Desk
from labctl.scheduler.listener import Change
from labctl.scheduler.outcomes import Outcomes
from labctl.scheduler.state import Tracked
from labctl.spi import Code
from labctl.store.known import text


class Admission:
    """Brings jobs as far as they can go, in the order of the plan.

    A turn looks at what has changed and at what is ready, not at every job: a plan may have thousands.
    """

    def __init__(self, desk: Desk, outcomes: Outcomes) -> None:
        self._desk = desk
        self._outcomes = outcomes
        self._prepared = False
        self._place = {job_id: place for place, job_id in enumerate(desk.tracked)}
        self._lacking: dict[str, int] | None = None
        self._followers: dict[str, list[str]] = {}
        self._settled: list[Tracked] = []
        self._ready: list[tuple[int, Tracked]] = []
        self._keys: dict[str, Tracked] = {}
        self._twins: dict[str, list[Tracked]] = {}

    def advance(self) -> None:
        """Skip, answer from the cache, refuse for want of money, or start, whatever is due."""
        desk = self._desk
        if self._lacking is None:
            self._index()
        while not desk.stopping:
            self._take_in_news()
            settled, self._settled = self._settled, []
            for tracked in sorted(settled, key=lambda t: self._place[t.job.id]):
                self._resolve(tracked)
            starting = self._admit()
            desk.settle()  # an attempt is on record before anybody can have heard of it
            for tracked in starting:
                self._submit(tracked)
            desk.settle()
            if not desk.news:
                return

    def due(self) -> list[float]:
        """When jobs that wait for another try may start, by the monotonic clock."""
        return [tracked.not_before for _, tracked in self._ready if tracked.not_before]

    def _index(self) -> None:
        """Who waits for whom."""
        self._lacking = {}
        for tracked in self._desk.tracked.values():
            needs = [n for n in dict.fromkeys(tracked.needs) if n not in self._desk.task.borrowed]
            open_needs = [n for n in needs if not self._desk.tracked[n].ended]
            self._lacking[tracked.job.id] = len(open_needs)
            for need in open_needs:
                self._followers.setdefault(need, []).append(tracked.job.id)
            if tracked.state == "planned" and not open_needs:
                self._settled.append(tracked)
            if tracked.in_flight:
                self._keys[tracked.key] = tracked
        self._desk.news.clear()

    def _take_in_news(self) -> None:
        """Jobs that have ended settle their followers and free their twins; others wait again."""
        assert self._lacking is not None
        news, self._desk.news = self._desk.news, []
        for tracked in news:
            if tracked.state == "planned":
                heapq.heappush(self._ready, (self._place[tracked.job.id], tracked))
            elif tracked.ended:
                for follower in self._followers.pop(tracked.job.id, ()):
                    self._lacking[follower] -= 1
                    if not self._lacking[follower] and not self._desk.tracked[follower].ended:
                        self._settled.append(self._desk.tracked[follower])
                if self._keys.get(tracked.key) is tracked:
                    del self._keys[tracked.key]
                self._settled += self._twins.pop(tracked.key, [])

    def _resolve(self, tracked: Tracked) -> None:
        """A job whose needs have ended: skip it, answer it from the cache, or make it ready."""
        desk = self._desk
        missing = [n for n in tracked.needs if n not in desk.task.borrowed and not desk.tracked[n].done]
        if missing and not tracked.job.tolerant:
            self._skip(tracked, missing[0])
            return
        key = key_of(desk.task.materials[tracked.job.id], desk.inputs(tracked))
        if tracked.job.cache and key in self._keys:
            # Another point of the grid runs the very same job: its result serves both.
            self._twins.setdefault(key, []).append(tracked)
            return
        tracked.key = key
        if not self._from_cache(tracked):
            self._keys.setdefault(key, tracked)
            heapq.heappush(self._ready, (self._place[tracked.job.id], tracked))

    def _admit(self) -> list[Tracked]:
        """Those of the ready jobs that may start now: the first in the plan that there is room for."""
        desk, starting, kept = self._desk, list[Tracked](), list[tuple[int, Tracked]]()
        desk.room.reckon(desk.flying())
        while self._ready and not desk.room.full:
            place, tracked = heapq.heappop(self._ready)
            if time.monotonic() < tracked.not_before or not desk.room.fits(tracked):
                kept.append((place, tracked))
            elif desk.purse.admits(tracked, desk.flying()):
                self._begin(tracked)
                starting.append(tracked)
            elif desk.flying():
                kept.append((place, tracked))  # those in flight may cost less than they can
            else:
                self._over_budget(tracked)
        for item in kept:
            heapq.heappush(self._ready, item)
        return starting

    def _skip(self, tracked: Tracked, need: str) -> None:
        other = self._desk.tracked[need]
        how = {"skipped": "was skipped", "over budget": "is over budget", "interrupted": "was interrupted"}
        reason = f"needs {need}, which {how.get(other.state, other.state)}"
        self._desk.set(tracked, "skipped", reason=reason)
        self._desk.tell(Change(tracked.job.id, "skipped", reason=reason))

    def _from_cache(self, tracked: Tracked) -> bool:
        desk, job = self._desk, tracked.job
        found = desk.shelf.cached(tracked.key) if desk.task.use_cache and job.cache else None
        if found is None:
            return False
        tracked.result = JobResult(
            id=job.id, state="cached", value=found.value, artifacts=found.artifacts, tags=job.tags,
            seconds=found.seconds,
        )  # fmt: skip
        desk.set(
            tracked, "cached", key=tracked.key, value=text(found.value), artifacts=text(found.artifacts),
            seconds=found.seconds, origin=f"{found.run}/{found.job}", made=found.made,
        )  # fmt: skip
        self._outcomes.count_opening(tracked)
        desk.tell(Change(job.id, "cached", found.seconds, origin=found.run))
        return True

    def _begin(self, tracked: Tracked) -> None:
        """Put an attempt on record."""
        desk = self._desk
        tracked.attempt += 1
        tracked.began = time.time()
        tracked.not_before = 0.0
        desk.set(tracked, "queued", key=tracked.key, started=tracked.began)
        desk.ledger.begin(tracked.job.id, tracked.attempt, desk.executor.name)
        desk.room.reckon(desk.flying())

    def _over_budget(self, tracked: Tracked) -> None:
        purse = self._desk.purse
        reason = (
            f"{dollars(purse.spent)} are spent and it may cost {dollars(purse.most(tracked))}; the run stops"
            f" at {dollars(purse.stop_at or 0.0)}"
        )
        self._desk.set(tracked, "over budget", reason=reason, ended=self._desk.ledger.now())
        self._desk.tell(Change(tracked.job.id, "over budget", reason=reason))

    def _submit(self, tracked: Tracked) -> None:
        desk, job = self._desk, tracked.job
        if not self._prepared:
            files = {name: sha for m in desk.task.materials.values() for name, sha in m.code.items()}
            desk.executor.prepare(desk.task.plan.environments(), Code(files))
            self._prepared = True
        try:
            for results in desk.inputs(tracked).values():
                desk.shelf.bring(a for result in results for a in result.artifacts)
            for name, file in job.files.items():
                desk.shelf.bring_file(file.sha256, job.file_paths[name])
        except (LabError, OSError) as error:
            self._lacks_input(tracked, error)
            return
        try:
            tracked.handle = desk.executor.submit(desk.order(tracked))
        except (LabError, OSError, subprocess.SubprocessError) as error:
            self._not_started(tracked, error)
            return
        desk.ledger.handle(job.id, tracked.attempt, tracked.handle)

    def _lacks_input(self, tracked: Tracked, error: Exception) -> None:
        """What a job reads has changed or is gone: it fails, and it alone."""
        failure = JobFailure("", str(error))
        tracked.result = JobResult(id=tracked.job.id, state="failed", error=failure, tags=tracked.job.tags)
        self._desk.ledger.end(tracked.job.id, tracked.attempt, "failed", error=text(failure))
        self._desk.set(
            tracked, "failed", reason=str(error), error=text(failure), ended=self._desk.ledger.now()
        )
        self._desk.tell(Change(tracked.job.id, "failed", 0.0, str(error), failure, 1, 1))

    def _not_started(self, tracked: Tracked, error: Exception) -> None:
        """The executor could not take an order: nobody's failure, tried again like any interruption."""
        data = {"state": "interrupted", "error": {"type": "", "message": f"it could not be started: {error}"}}
        self._outcomes.ended(
            Event(
                run=self._desk.task.name, job=tracked.job.id, attempt=tracked.attempt, kind="ended",
                time=time.time(), data=data,
            )
        )  # fmt: skip
