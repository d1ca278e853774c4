"""A run from its door to its end: register, drive, collect, judge, report."""

from __future__ import annotations

import queue
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import msgspec

from labctl.planning.freeze import plan_record
from labctl.scheduler.listener import Change
from labctl.scheduler.scheduler import Inbox, Scheduler, Signal
from labctl.spi import Session
from labctl.store.database import transaction
from labctl.store.folder import write_json
from labctl.store.runs import NewRun, Store, text
from labctl.store.shelf import Shelf
from labctl.walk.ending import Finished, Watcher, borrowed_words, finish
from labctl.walk.prepare import Prepared


def drive(prepared: Prepared, store: Store, watcher: Watcher) -> Finished:
    """Run what was prepared, to its end. Raises LabError only before the first job starts."""
    inbox: Inbox = queue.SimpleQueue()
    stops = _Stops(inbox.put, immediate=prepared.executor.name == "inline")
    run, name, lock = store.create(_new_run(prepared))
    folder = store.folder(name)
    shelf = Shelf(store, prepared.executor)
    try:
        write_json(folder.plan, plan_record(prepared.frozen))
        first_seen = _register(prepared, store)
        scheduler = Scheduler(
            store=store,
            shelf=shelf,
            run=run,
            name=name,
            plan=prepared.frozen.plan,
            materials=prepared.frozen.materials,
            borrowed={i: loan.result for i, loan in prepared.loans.items()},
            executor=prepared.executor,
            inbox=inbox,
            listener=watcher,
            code_changed=prepared.closures.changed,
            use_cache=prepared.request.use_cache,
            grace=prepared.request.grace,
        )
        _take_loans(prepared, scheduler, store, run)
        watcher.began(name, prepared, prepared.cached(shelf))
        for words in borrowed_words(prepared):
            watcher.warned(words)
        for job_id, tracked in scheduler.tracked.items():
            if tracked.state == "reused":
                watcher.changed(Change(job_id, "reused", origin=prepared.loans[job_id].run))
        session = Session(
            emit=inbox.put,
            home=store.home,
            folder=folder.root,
            slots=prepared.request.jobs,
            options=prepared.request.executor_options,
            environment=scheduler.environment,
            stopping=lambda: stops.count > 0,
        )
        prepared.executor.open(session)
        try:
            with stops.heard():
                scheduler.drive()
            # Still open: what is collected may have to be fetched.
            return finish(prepared, store, watcher, scheduler, run, name, first_seen)
        finally:
            prepared.executor.close()
    except BaseException as error:
        try:
            store.interrupt(run, f"the host could not go on: {error}")
        except sqlite3.Error:
            pass  # the disk may be full: the next command that can write will say so in its place
        raise
    finally:
        shutil.rmtree(store.home / "work" / name, ignore_errors=True)
        lock.release()


def _new_run(prepared: Prepared) -> NewRun:
    request = prepared.request
    return NewRun(
        plugin=request.plugin,
        distribution=prepared.loaded.row.distribution,
        version=prepared.loaded.row.version,
        command=request.command,
        executor=prepared.executor.name,
        tags=request.tags,
        note=request.note,
        seed=prepared.seed,
        registration=prepared.frozen.registration,
        expected_usd=prepared.price.expected,
        worst_usd=prepared.price.worst,
        jobs=tuple((job.id, job.tags) for job in prepared.frozen.plan.jobs),
    )


def _register(prepared: Prepared, store: Store) -> dict[str, float]:
    """Give every claim its first-seen time, before any job starts."""
    frozen = prepared.frozen
    claims = [(frozen.registrations[c.id], c.prediction) for c in frozen.plan.predictions]
    return store.register(prepared.request.plugin, claims)


def _take_loans(prepared: Prepared, scheduler: Scheduler, store: Store, run: int) -> None:
    """Jobs of the plan that ``--from`` answers are over before they begin."""
    for job_id, loan in prepared.loans.items():
        tracked = scheduler.tracked.get(job_id)
        if tracked is None:
            continue  # skipped: it is no job of this run
        tracked.state = "reused"
        tracked.result = msgspec.structs.replace(loan.result, state="reused")
        with transaction(store.db):
            store.transition(
                run, job_id, "reused", value=text(loan.result.value), artifacts=text(loan.result.artifacts),
                seconds=loan.result.seconds, origin=f"{loan.maker or loan.run}/{job_id}", made=loan.made,
            )  # fmt: skip


class _Stops:
    """Ctrl-C and its like as messages. SimpleQueue.put is safe in a handler.

    ``immediate``: jobs run in this thread, so that from the second signal on only an exception
    reaches them.
    """

    def __init__(self, tell: Callable[[Signal], None], *, immediate: bool) -> None:
        self.count = 0
        self._tell = tell
        self._immediate = immediate

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Handle the signals that stop a run while the block lasts."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        former = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self._tell(Signal(number))
        if self._immediate and self.count > 1:
            raise KeyboardInterrupt
