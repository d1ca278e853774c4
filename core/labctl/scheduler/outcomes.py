"""What the events of an executor mean for the jobs of a run."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from labctl.model.results import Artifact, JobFailure, JobResult, JobState
from labctl.model.wire import Event
from labctl.scheduler.desk import Desk
from labctl.scheduler.listener import Change
from labctl.scheduler.state import MAX_INTERRUPTIONS, Tracked, outcome
from labctl.store.folder import RunFolder, append_whole
from labctl.store.known import text


class Outcomes:
    """Turns events into states. What is late, or told twice, changes nothing."""

    def __init__(self, desk: Desk, folder: RunFolder) -> None:
        self._desk = desk
        self._metrics = folder.metrics
        self._told_of_code: set[str] = set()

    def note(self, event: Event) -> None:
        """Something happened to an attempt that goes on."""
        tracked = self._current(event)
        if tracked is None:
            return
        if event.kind == "started":
            self._started(tracked)
        elif event.kind == "progress":
            self._desk.listener.progressed(event.job, event.data)
        elif event.kind == "listening":
            self._desk.listener.listening(event.job, event.data)
        elif event.kind == "metric":
            self._write_metric(event)
        elif event.kind == "log":
            self._desk.listener.warned(f"{event.job}: {event.data.get('text', '')}")

    def ended(self, event: Event) -> None:
        """An attempt is over."""
        tracked = self._current(event)
        if tracked is None:
            return
        data = event.data
        state = outcome(data)
        error = msgspec.convert(data["error"], JobFailure) if data.get("error") else None
        seconds = max(0.0, float(data.get("seconds") or 0.0))
        cpu = float(data.get("cpu_seconds") or 0.0)
        tracked.cpu_seconds += cpu
        # Of an attempt that was lost nobody knows how long it ran: what it can have cost is counted.
        known = seconds or min(tracked.job.timeout, max(0.0, self._desk.ledger.now() - tracked.began))
        self._desk.ledger.end(
            event.job, event.attempt, state, seconds=seconds, cpu_seconds=cpu,
            usd=self._desk.purse.pay(tracked, known), peak_mib=data.get("peak_mib"),
            error=text(error) if error else None,
        )  # fmt: skip
        if state == "succeeded":
            self._succeeded(tracked, data, seconds)
        else:
            self._unfinished(tracked, state, error, seconds)

    def lost(self, tracked: Tracked, message: str) -> None:
        """An attempt of an earlier host that nobody will tell us of. It is counted once, here."""
        data = {"state": "interrupted", "error": {"type": "", "message": message}}
        self.ended(
            Event(
                run=self._desk.task.name, job=tracked.job.id, attempt=tracked.attempt, kind="ended",
                time=time.time(), data=data,
            )
        )  # fmt: skip

    def count_opening(self, tracked: Tracked) -> None:
        """A job that opens sealed data has a result: that is when an opening counts."""
        if tracked.job.seal:
            self._desk.ledger.open_seal(tracked.job.seal, tracked.key, tracked.job.id)

    def _current(self, event: Event) -> Tracked | None:
        """The job of an event, unless the event is late: of an attempt that is over."""
        tracked = self._desk.tracked.get(event.job)
        if tracked is None or event.attempt != tracked.attempt or not tracked.in_flight:
            return None
        return tracked

    def _started(self, tracked: Tracked) -> None:
        if tracked.state == "running" and not tracked.adopted:
            # The platform took its machine away and began the same attempt anew: nobody's failure.
            tracked.interruptions += 1
            self._desk.ledger.event("started again", tracked.job.id, tracked.attempt)
        tracked.adopted = False
        self._desk.set(tracked, "running", interruptions=tracked.interruptions)
        self._desk.tell(Change(tracked.job.id, "running", tries=tracked.attempt, of=tracked.tries))

    def _succeeded(self, tracked: Tracked, data: dict[str, Any], seconds: float) -> None:
        desk, job = self._desk, tracked.job
        artifacts = msgspec.convert(data.get("artifacts") or [], tuple[Artifact, ...])
        tracked.result = JobResult(
            id=job.id, state="succeeded", value=data.get("value"), artifacts=artifacts, tags=job.tags,
            seconds=seconds,
        )  # fmt: skip
        truly = not self._code_has_changed(tracked)
        desk.set(
            tracked, "succeeded", key=tracked.key if truly else None, value=text(data.get("value")),
            artifacts=text(artifacts), seconds=seconds,
            cpu_seconds=tracked.cpu_seconds, ended=desk.ledger.now(), made=desk.ledger.now(), error=None,
        )  # fmt: skip
        self.count_opening(tracked)
        desk.shelf.trust(artifacts)
        if job.cache and truly:
            desk.ledger.remember(
                tracked.key, tracked.result, tracked.cpu_seconds, desk.task.materials[job.id]
            )
        desk.tell(Change(job.id, "succeeded", seconds, tries=tracked.attempt, of=tracked.tries))

    def _unfinished(
        self, tracked: Tracked, state: JobState, error: JobFailure | None, seconds: float
    ) -> None:
        """An attempt ended without a result: try again, or end the job."""
        desk, job = self._desk, tracked.job.id
        if state == "interrupted":
            tracked.interruptions += 1
            again = tracked.pause() if tracked.interruptions <= MAX_INTERRUPTIONS else None
        else:
            tracked.failures += 1
            again = tracked.delay() if tracked.may_retry() else None
        if desk.stopping:
            again = None
            state = "cancelled" if desk.cancelled else state
        counts = {"failures": tracked.failures, "interruptions": tracked.interruptions}
        reason = str(error or state)
        if again is not None:
            tracked.not_before = time.monotonic() + again
            desk.set(tracked, "planned", reason=reason, **counts)
        else:
            tracked.result = JobResult(
                id=job, state=state, error=error, tags=tracked.job.tags, seconds=seconds
            )
            desk.set(
                tracked, state, reason=reason, error=text(error) if error else None, seconds=seconds,
                cpu_seconds=tracked.cpu_seconds, ended=desk.ledger.now(), **counts,
            )  # fmt: skip
        desk.tell(
            Change(job, state, seconds, str(error or ""), error, tracked.failures, tracked.tries, again)
        )

    def _code_has_changed(self, tracked: Tracked) -> bool:
        """A worker may have imported code that is not the one the key names: such a result is not cached."""
        path = self._desk.task.code_changed(tracked.job.modules)
        if path and path not in self._told_of_code:
            self._told_of_code.add(path)
            self._desk.listener.warned(f"{path} has changed since the run began: what it made is not cached")
        return bool(path)

    def _write_metric(self, event: Event) -> None:
        points = event.data.get("points")
        self._desk.listener.measured(event.job, event.attempt, points)
        line = {"job": event.job, "attempt": event.attempt, "points": points}
        try:
            append_whole(self._metrics, msgspec.json.encode(line) + b"\n")
        except OSError:
            pass  # metrics are a view; the result is what is kept
