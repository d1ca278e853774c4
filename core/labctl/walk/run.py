"""A run from its door to its end: register, drive, collect, judge, report."""

from __future__ import annotations

import queue
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from labctl.config import load_configuration
from labctl.scheduler.desk import Desk, Task
from labctl.scheduler.ledger import begin_journal
from labctl.scheduler.listener import Change
from labctl.scheduler.scheduler import Inbox, Scheduler, Signal
from labctl.spi import ObservedRun, Session
from labctl.store.folder import RunFolder, write_json
from labctl.store.known import text
from labctl.store.lock import OwnerLock
from labctl.store.queries import find_run
from labctl.store.runs import NewRun, Store
from labctl.store.shelf import Shelf
from labctl.walk.ending import Finished, Watcher, borrowed_words, finish
from labctl.walk.observers import check_observers, named_observers, observe
from labctl.walk.prepare import Prepared
from labctl.walk.refusals import owned
from labctl.walk.resume import Resumption

SLOW_CLOCK = 60.0  # seconds that a clock may be behind before it is said


def drive(
    prepared: Prepared,
    store: Store,
    watcher: Watcher,
    resumption: Resumption | None = None,
    announce: Callable[[str], None] = lambda name: None,
    token: str = "",
) -> Finished:
    """Run what was prepared, to its end. Raises LabError only before the first job starts.

    ``resumption``: go on with that run. ``announce`` is told the run's name once it is on record.
    ``token``: of a service, for those who may use it; it is on no record.
    """
    inbox: Inbox = queue.SimpleQueue()
    wanted = named_observers(load_configuration(prepared.folder))
    check_observers(wanted, prepared.catalogue, prepared.folder)
    stops = _Stops(inbox.put, immediate=prepared.executor.name == "inline")
    run, name, lock = _created(prepared, store) if resumption is None else _reopened(store, resumption)
    folder = store.folder(name)
    shelf = Shelf(store, prepared.executor)
    try:
        if resumption is not None and prepared.request.stop_at is not None:
            store.set_stop_at(run, prepared.request.stop_at)
        announce(name)
        watcher = observed = observe(watcher, wanted, _observed_run(prepared, name, folder.root))
        first_seen = _register(prepared, store)
        task = _task(prepared, run, name, store.spent(run), token)
        scheduler = Scheduler(task, store, shelf, inbox, watcher, patient=lambda: stops.count < 2)
        if resumption is None:
            _take_loans(prepared, scheduler.desk)
        watcher.began(name, prepared, known_results(prepared, shelf, resumption))
        if store.clock.ahead > SLOW_CLOCK:
            watcher.warned(slow_clock(store.clock.ahead))
        for words in borrowed_words(prepared):
            watcher.warned(words)
        scheduler.desk.settle()
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
                if resumption is not None:
                    scheduler.resume(resumption.earlier)
                    _take_loans(prepared, scheduler.desk)  # its host may have ended before it took them
                    if resumption.cancel:
                        scheduler.cancel()
                scheduler.drive()
            # Still open: what is collected may have to be fetched.
            finished = finish(prepared, store, watcher, scheduler, run, name, first_seen)
            observed.close(finished.state)
            return finished
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


def slow_clock(seconds: float) -> str:
    return (
        f"the clock of this machine is {seconds / 3600:.1f} h behind what this home knows: times are counted"
        " on from there, so that what came first stays first"
    )


def _observed_run(prepared: Prepared, name: str, folder: Path) -> ObservedRun:
    return ObservedRun(name, prepared.request.plugin, str(folder), prepared.folder)


def _created(prepared: Prepared, store: Store) -> tuple[int, str, OwnerLock]:
    new = _new_run(prepared)

    def fill(folder: RunFolder) -> None:
        write_json(folder.plan, prepared.as_file())
        row = find_run(store.db, folder.root.name)
        begin_journal(folder, row, adopts=new.adopts, stop_at=new.stop_at)

    return store.create(new, fill)


def _reopened(store: Store, resumption: Resumption) -> tuple[int, str, OwnerLock]:
    row = resumption.row
    lock = store.reopen(row.id, row.name, resumption.again, afresh=resumption.afresh, ended=row.ended)
    if lock is None:
        raise owned(row)
    return row.id, row.name, lock


def _task(prepared: Prepared, run: int, name: str, spent: float, token: str) -> Task:
    return Task(
        run=run,
        name=name,
        plan=prepared.frozen.plan,
        materials=prepared.frozen.materials,
        borrowed={i: loan.result for i, loan in prepared.loans.items()},
        executor=prepared.executor,
        use_cache=prepared.request.use_cache,
        grace=prepared.request.grace,
        stop_at=prepared.request.stop_at,
        spent=spent,
        token=token,
        idle=prepared.request.idle,
        code_changed=prepared.closures.changed,
    )


def known_results(prepared: Prepared, shelf: Shelf, resumption: Resumption | None) -> dict[str, str]:
    """Jobs that need not run: id -> the run that made their result."""
    if resumption is None:
        return prepared.cached(shelf)
    return {i: resumption.row.name for i, known in resumption.earlier.items() if known.result is not None}


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
        adopts="adopt" in prepared.executor.can,
        stop_at=request.stop_at,
        jobs=tuple((job.id, job.tags) for job in prepared.frozen.plan.jobs),
    )


def _register(prepared: Prepared, store: Store) -> dict[str, float]:
    """Give every claim its first-seen time, before any job starts."""
    frozen = prepared.frozen
    claims = [(frozen.registrations[c.id], c.prediction) for c in frozen.plan.predictions]
    return store.known.register(prepared.request.plugin, claims)


def _take_loans(prepared: Prepared, desk: Desk) -> None:
    """Jobs of the plan that ``--from`` answers are over before they begin."""
    for job_id, loan in prepared.loans.items():
        tracked = desk.tracked.get(job_id)
        if tracked is None or tracked.ended:
            continue  # skipped: it is no job of this run; or taken by an earlier host of the run
        if not all(desk.shelf.has(artifact) for artifact in loan.result.artifacts):
            continue  # it has gone since: it is made anew
        tracked.result = msgspec.structs.replace(loan.result, state="reused")
        desk.set(
            tracked, "reused", value=text(loan.result.value), artifacts=text(loan.result.artifacts),
            seconds=loan.result.seconds, origin=f"{loan.maker or loan.run}/{job_id}", made=loan.made,
        )  # fmt: skip
        desk.tell(Change(job_id, "reused", origin=loan.run))


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
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup, --detach
            numbers.append(signal.SIGHUP)
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
