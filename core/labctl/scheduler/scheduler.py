"""The scheduler: jobs with their needs, each failing alone, admitted by cpu tokens.

One thread. All that happens, events of the executor and signals of the user, comes through one
queue; a turn of the loop handles what is there and writes it in one transaction.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from labctl.errors import LabError
from labctl.executors.machine import threads
from labctl.model.canonical import digest
from labctl.model.machine import Environment
from labctl.model.results import Artifact, JobFailure, JobResult
from labctl.model.wire import Event, Order
from labctl.planning.keys import Material, as_input, key_of
from labctl.planning.plan import Plan
from labctl.scheduler.listener import Change, Listener
from labctl.scheduler.room import Room
from labctl.scheduler.state import MAX_INTERRUPTIONS, Tracked, outcome
from labctl.spi import Code, Executor
from labctl.store.database import transaction
from labctl.store.folder import RunFolder
from labctl.store.runs import Store, text
from labctl.store.shelf import Shelf

TICK = 0.2  # seconds between two updates of what a user sees


class Signal:
    """The user wants the run to stop; a second one: at once."""

    def __init__(self, number: int) -> None:
        self.number = number


Inbox = queue.SimpleQueue[Event | Signal]


class Scheduler:
    """Drives one plan to its end on one executor."""

    def __init__(
        self,
        *,
        store: Store,
        shelf: Shelf,
        run: int,
        name: str,
        plan: Plan,
        materials: Mapping[str, Material],
        borrowed: Mapping[str, JobResult],
        executor: Executor,
        inbox: Inbox,
        listener: Listener,
        code_changed: Callable[[Iterable[str]], str] = lambda modules: "",
        use_cache: bool = True,
        grace: float = 10.0,
    ) -> None:
        self.tracked = {job.id: Tracked(job) for job in plan.jobs}
        self.borrowed = dict(borrowed)
        self.stopped_by = 0
        self.spent_usd = 0.0
        self._store = store
        self._run = run
        self._name = name
        self._plan = plan
        self._materials = materials
        self._executor = executor
        self._inbox = inbox
        self._listener = listener
        self._use_cache = use_cache
        self._code_changed = code_changed
        self._told_of_code: set[str] = set()
        self._grace = grace
        self._shelf = shelf
        self._room = Room(executor)
        self._prepared = False
        self._ticked = 0.0
        self._environments = {digest(e): e for e in plan.environments()}
        self._metrics = RunFolder(store.folder(name).root).metrics

    def environment(self, sha256: str) -> Environment:
        return self._environments[sha256]

    def drive(self) -> None:
        """Run until every job has ended, or the user has stopped it and nothing is in flight."""
        while True:
            self._advance()
            if all(t.ended for t in self.tracked.values()):
                return
            if self.stopped_by and not any(t.in_flight for t in self.tracked.values()):
                return
            self._handle(self._wait())

    # --- admission ---

    def _advance(self) -> None:
        """Bring every job as far as it can go now."""
        moved = True
        while moved and not self.stopped_by:
            moved = False
            self._room.reckon(self.tracked.values())
            for tracked in self.tracked.values():
                if tracked.state != "planned" or not self._settled(tracked):
                    continue
                if self._resolve(tracked):
                    moved = True
                elif tracked.key and self._room.fits(tracked) and time.monotonic() >= tracked.not_before:
                    self._submit(tracked, self._inputs(tracked))
                    self._room.reckon(self.tracked.values())

    def _settled(self, tracked: Tracked) -> bool:
        return all(n in self.borrowed or self.tracked[n].ended for n in tracked.needs)

    def _resolve(self, tracked: Tracked) -> bool:
        """Skip a job whose needs have ended, or answer it from the cache. True if it ended now."""
        if tracked.key:
            return False  # looked up before: it waits for room
        missing = [n for n in tracked.needs if n not in self.borrowed and not self.tracked[n].done]
        if missing and not tracked.job.tolerant:
            self._skip(tracked, missing[0])
            return True
        key = key_of(self._materials[tracked.job.id], self._inputs(tracked))
        if tracked.job.cache and self._is_under_way(key):
            return False  # another point of the grid runs the very same job: its result serves both
        tracked.key = key
        return self._from_cache(tracked)

    def _is_under_way(self, key: str) -> bool:
        return any(other.key == key and not other.ended for other in self.tracked.values())

    def _inputs(self, tracked: Tracked) -> dict[str, tuple[JobResult, ...]]:
        """Results of the needs as a job may see them: what its key holds, and no more."""
        return {
            role: tuple(as_input(self.borrowed.get(i) or self.tracked[i].as_result()) for i in ids)
            for role, ids in tracked.job.needs.items()
        }

    def _skip(self, tracked: Tracked, need: str) -> None:
        other = self.tracked[need]
        how = "was skipped" if other.state == "skipped" else other.state
        reason = f"needs {need}, which {how}"
        with transaction(self._store.db):
            self._set(tracked, "skipped", reason=reason)
        self._listener.changed(Change(tracked.job.id, "skipped", reason=reason))

    def _from_cache(self, tracked: Tracked) -> bool:
        if not (self._use_cache and tracked.job.cache):
            return False
        found = self._shelf.cached(tracked.key)
        if found is None:
            return False
        tracked.result = JobResult(
            id=tracked.job.id,
            state="cached",
            value=found.value,
            artifacts=found.artifacts,
            tags=tracked.job.tags,
            seconds=found.seconds,
        )
        with transaction(self._store.db):
            self._set(
                tracked,
                "cached",
                key=tracked.key,
                value=text(found.value),
                artifacts=text(found.artifacts),
                seconds=found.seconds,
                origin=f"{found.run}/{found.job}",
                made=found.made,
            )
            self._count_opening(tracked)
        self._listener.changed(Change(tracked.job.id, "cached", found.seconds, origin=found.run))
        return True

    def _submit(self, tracked: Tracked, inputs: dict[str, tuple[JobResult, ...]]) -> None:
        job = tracked.job
        if not self._prepared:
            files = {name: sha for m in self._materials.values() for name, sha in m.code.items()}
            self._executor.prepare(self._plan.environments(), Code(files))
            self._prepared = True
        tracked.attempt += 1
        tracked.began = time.time()
        try:
            for results in inputs.values():
                self._shelf.bring(a for result in results for a in result.artifacts)
            for name, file in job.files.items():
                self._shelf.bring_file(file.sha256, job.file_paths[name])
        except (LabError, OSError) as error:
            self._lacks_input(tracked, error)
            return
        order = Order(
            run=self._name,
            job=job.id,
            attempt=tracked.attempt,
            key=tracked.key,
            function=job.function,
            params=job.params,
            environment=digest(job.environment),
            inputs=inputs,
            files=job.files,
            seed=job.seed,
            threads=threads(job.environment),
            timeout=job.timeout,
            fresh=job.fresh,
        )
        with transaction(self._store.db):
            self._set(tracked, "queued", key=tracked.key, started=tracked.began)
            self._store.start_attempt(self._run, job.id, tracked.attempt, self._executor.name)
        tracked.handle = self._executor.submit(order)
        with transaction(self._store.db):
            self._store.set_handle(self._run, job.id, tracked.attempt, tracked.handle)

    def _lacks_input(self, tracked: Tracked, error: Exception) -> None:
        """What a job reads has changed or is gone: it fails, and it alone."""
        failure = JobFailure("", str(error))
        tracked.result = JobResult(id=tracked.job.id, state="failed", error=failure, tags=tracked.job.tags)
        with transaction(self._store.db):
            self._set(tracked, "failed", reason=str(error), error=text(failure), ended=time.time())
        self._listener.changed(Change(tracked.job.id, "failed", 0.0, str(error), failure, 1, 1))

    # --- what happens ---

    def _wait(self) -> list[Event | Signal]:
        """What has come in; at the latest when a retry is due or the user's view is stale."""
        due = [t.not_before - time.monotonic() for t in self.tracked.values() if t.state == "planned"]
        waits = [d for d in due if d > 0] + [TICK]
        try:
            found = [self._inbox.get(timeout=max(0.0, min(waits)))]
        except queue.Empty:
            found = []
        while not self._inbox.empty():
            found.append(self._inbox.get())
        if time.monotonic() - self._ticked > TICK:
            self._ticked = time.monotonic()
            self._listener.tick()
        return found

    def _handle(self, messages: list[Event | Signal]) -> None:
        ends = [m for m in messages if isinstance(m, Event) and m.kind == "ended"]
        for message in messages:
            if isinstance(message, Signal):
                self._stop(message.number)
            elif message.kind != "ended":
                self._note(message)
        if ends:
            changes: list[Change] = []
            with transaction(self._store.db, durable=True):
                for event in ends:
                    changes += self._ended(event)
            for change in changes:
                self._listener.changed(change)

    def _note(self, event: Event) -> None:
        tracked = self.tracked.get(event.job)
        if tracked is None or event.attempt != tracked.attempt or not tracked.in_flight:
            return  # late: of an attempt that is over
        if event.kind == "started":
            with transaction(self._store.db):
                self._set(tracked, "running")
            self._listener.changed(Change(event.job, "running", tries=tracked.attempt, of=tracked.tries))
        elif event.kind == "progress":
            self._listener.progressed(event.job, event.data)
        elif event.kind == "metric":
            self._write_metric(event)
        elif event.kind == "log":
            self._listener.warned(f"{event.job}: {event.data.get('text', '')}")

    def _ended(self, event: Event) -> list[Change]:
        tracked = self.tracked.get(event.job)
        if tracked is None or event.attempt != tracked.attempt or not tracked.in_flight:
            return []
        data = event.data
        state = outcome(data)
        error = msgspec.convert(data["error"], JobFailure) if data.get("error") else None
        seconds = float(data.get("seconds") or 0.0)
        cpu = float(data.get("cpu_seconds") or 0.0)
        tracked.cpu_seconds += cpu
        usd = self._executor.rate(tracked.job.environment).total * seconds / 3600
        known = self._store.end_attempt(
            self._run, event.job, event.attempt, state, seconds=seconds, cpu_seconds=cpu, usd=usd,
            peak_mib=data.get("peak_mib"), error=text(error) if error else None,
        )  # fmt: skip
        self.spent_usd += usd
        if not known:
            return []
        if state == "succeeded":
            return [self._succeeded(tracked, data, seconds)]
        return [self._unfinished(tracked, state, error, seconds)]

    def _succeeded(self, tracked: Tracked, data: dict[str, Any], seconds: float) -> Change:
        artifacts = msgspec.convert(data.get("artifacts") or [], tuple[Artifact, ...])
        tracked.result = JobResult(
            id=tracked.job.id,
            state="succeeded",
            value=data.get("value"),
            artifacts=artifacts,
            tags=tracked.job.tags,
            seconds=seconds,
        )
        self._set(
            tracked, "succeeded", value=text(data.get("value")), artifacts=text(artifacts), seconds=seconds,
            cpu_seconds=tracked.cpu_seconds, ended=time.time(), made=time.time(), error=None,
        )  # fmt: skip
        self._count_opening(tracked)
        self._shelf.trust(artifacts)
        if tracked.job.cache and not self._code_has_changed(tracked):
            material = self._materials[tracked.job.id]
            self._store.remember(tracked.key, self._name, tracked.result, tracked.cpu_seconds, material)
        return Change(tracked.job.id, "succeeded", seconds, tries=tracked.attempt, of=tracked.tries)

    def _unfinished(self, tracked: Tracked, state: Any, error: JobFailure | None, seconds: float) -> Change:
        """An attempt ended without a result: try again, or end the job."""
        job = tracked.job.id
        if state == "interrupted":
            tracked.interruptions += 1
            again = 0.0 if not self.stopped_by and tracked.interruptions <= MAX_INTERRUPTIONS else None
        else:
            tracked.failures += 1
            again = tracked.delay() if tracked.may_retry() and not self.stopped_by else None
        counts = {"failures": tracked.failures, "interruptions": tracked.interruptions}
        if again is not None:
            tracked.not_before = time.monotonic() + again
            self._set(tracked, "planned", reason=str(error or state), **counts)
        else:
            tracked.result = JobResult(
                id=job, state=state, error=error, tags=tracked.job.tags, seconds=seconds
            )
            self._set(
                tracked, state, reason=str(error or state), error=text(error) if error else None,
                seconds=seconds, cpu_seconds=tracked.cpu_seconds, ended=time.time(), **counts,
            )  # fmt: skip
        return Change(job, state, seconds, str(error or ""), error, tracked.failures, tracked.tries, again)

    def _stop(self, number: int) -> None:
        first = not self.stopped_by
        self.stopped_by = self.stopped_by or number
        flying = [t for t in self.tracked.values() if t.in_flight]
        grace = self._grace if first else 0.0
        self._listener.stopping([t.job.id for t in flying], grace)
        for tracked in flying:
            self._executor.stop(tracked.handle, grace)

    def _set(self, tracked: Tracked, state: Any, reason: str = "", **columns: Any) -> None:
        tracked.state = state
        tracked.reason = reason
        attempt = tracked.attempt or None
        self._store.transition(self._run, tracked.job.id, state, attempt=attempt, reason=reason, **columns)

    def _code_has_changed(self, tracked: Tracked) -> bool:
        """A worker may have imported code that is not the one the key names: such a result is not cached."""
        path = self._code_changed(tracked.job.modules)
        if path and path not in self._told_of_code:
            self._told_of_code.add(path)
            self._listener.warned(f"{path} has changed since the run began: what it made is not cached")
        return bool(path)

    def _count_opening(self, tracked: Tracked) -> None:
        if tracked.job.seal:
            self._store.open_seal(tracked.job.seal, tracked.key, self._name, tracked.job.id)

    def _write_metric(self, event: Event) -> None:
        line = {"job": event.job, "attempt": event.attempt, "points": event.data.get("points")}
        try:
            with open(self._metrics, "ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError:
            pass  # metrics are a view; the result is what is kept
