"""Which jobs may go on now: needs settled, not known already, room and money for an attempt."""

from __future__ import annotations

import subprocess
import time

from labctl.errors import LabError
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
    """Brings jobs as far as they can go."""

    def __init__(self, desk: Desk, outcomes: Outcomes) -> None:
        self._desk = desk
        self._outcomes = outcomes
        self._prepared = False

    def advance(self) -> None:
        """Skip, answer from the cache, refuse for want of money, or start, whatever is due."""
        desk = self._desk
        moved = True
        while moved and not desk.stopping:
            moved = False
            ready: list[Tracked] = []
            desk.room.reckon(desk.tracked.values())
            for tracked in desk.tracked.values():
                if tracked.state != "planned" or not self._settled(tracked):
                    continue
                if self._resolve(tracked):
                    moved = True
                elif self._may_start(tracked):
                    moved = self._begin(tracked, ready) or moved
            desk.settle()  # an attempt is on record before anybody can have heard of it
            for tracked in ready:
                self._submit(tracked)
            desk.settle()

    def _settled(self, tracked: Tracked) -> bool:
        borrowed = self._desk.task.borrowed
        return all(n in borrowed or self._desk.tracked[n].ended for n in tracked.needs)

    def _resolve(self, tracked: Tracked) -> bool:
        """Skip a job whose needs have ended, or answer it from the cache. True if it ended now."""
        if tracked.key:
            return False  # looked up before: it waits for room
        desk = self._desk
        missing = [n for n in tracked.needs if n not in desk.task.borrowed and not desk.tracked[n].done]
        if missing and not tracked.job.tolerant:
            self._skip(tracked, missing[0])
            return True
        key = key_of(desk.task.materials[tracked.job.id], desk.inputs(tracked))
        if tracked.job.cache and self._is_under_way(key):
            return False  # another point of the grid runs the very same job: its result serves both
        tracked.key = key
        return self._from_cache(tracked)

    def _is_under_way(self, key: str) -> bool:
        return any(other.key == key and not other.ended for other in self._desk.tracked.values())

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

    def _may_start(self, tracked: Tracked) -> bool:
        due = time.monotonic() >= tracked.not_before
        return bool(tracked.key) and due and self._desk.room.fits(tracked)

    def _begin(self, tracked: Tracked, ready: list[Tracked]) -> bool:
        """Put an attempt on record. True if the job ended instead: it is never to be had for the money."""
        desk = self._desk
        flying = desk.flying()
        if not desk.purse.admits(tracked, flying):
            if flying:
                return False  # those may cost less than they can
            self._over_budget(tracked)
            return True
        tracked.attempt += 1
        tracked.began = desk.ledger.now()
        desk.set(tracked, "queued", key=tracked.key, started=tracked.began)
        desk.ledger.begin(tracked.job.id, tracked.attempt, desk.executor.name)
        desk.room.reckon(desk.tracked.values())
        ready.append(tracked)
        return False

    def _over_budget(self, tracked: Tracked) -> None:
        purse = self._desk.purse
        reason = (
            f"${purse.spent:.2f} are spent and it may cost ${purse.most(tracked):.2f}; the run stops at"
            f" ${purse.stop_at or 0:.2f}"
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
