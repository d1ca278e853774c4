"""A run from its door to its end: register, drive, collect, judge, report."""

from __future__ import annotations

import queue
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple, Protocol

import msgspec

from labctl.errors import LabError
from labctl.model.results import JobResult, Section, Verdict
from labctl.planning.freeze import plan_record
from labctl.planning.plan import PlannedPrediction, at_point
from labctl.report.html_page import to_html
from labctl.report.view import to_json
from labctl.scheduler.listener import Listener
from labctl.scheduler.scheduler import Inbox, Scheduler, Signal
from labctl.scheduler.state import EXIT_CODES, run_state
from labctl.spi import Session
from labctl.store.database import transaction
from labctl.store.folder import write_json, write_whole
from labctl.store.objects import Objects
from labctl.store.queries import find_run
from labctl.store.runs import NewRun, Store, text
from labctl.store.shelf import Shelf
from labctl.verdicts import counts, judge
from labctl.walk.collect import collect_sections
from labctl.walk.prepare import Prepared
from labctl.walk.record import Ending, make_record, make_view


class Watcher(Listener, Protocol):
    """A listener that is also told of the run as a whole."""

    def began(self, run: str, prepared: Prepared, cached: dict[str, str]) -> None: ...
    def warned(self, text: str) -> None: ...


class Finished(NamedTuple):
    """How a run ended."""

    run: str
    state: str
    exit_code: int
    verdicts: tuple[Verdict, ...]
    headline: str
    report: Path
    seconds: float
    usd: float
    counts: dict[str, int]


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
            use_cache=prepared.request.use_cache,
            grace=prepared.request.grace,
        )
        _take_loans(prepared, scheduler, store, run)
        watcher.began(name, prepared, prepared.cached(shelf))
        session = Session(
            emit=inbox.put,
            home=store.home,
            folder=folder.root,
            slots=prepared.request.jobs,
            options=prepared.request.executor_options,
            environment=scheduler.environment,
            stopping=lambda: stops.count > 0,
        )
        with stops.heard():
            prepared.executor.open(session)
            try:
                scheduler.drive()
            finally:
                prepared.executor.close()
            return _finish(prepared, store, watcher, scheduler, run, name, first_seen)
    except BaseException as error:
        store.interrupt(run, f"the host could not go on: {error}")
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
                seconds=loan.result.seconds, origin=f"{loan.run}/{job_id}", made=loan.made,
            )  # fmt: skip


def _finish(
    prepared: Prepared,
    store: Store,
    watcher: Watcher,
    scheduler: Scheduler,
    run: int,
    name: str,
    first_seen: dict[str, float],
) -> Finished:
    folder = store.folder(name)
    results = {i: t.as_result() for i, t in scheduler.tracked.items()}
    states = [result.state for result in results.values()]
    state = run_state(states, bool(scheduler.stopped_by))
    code = 128 + scheduler.stopped_by if scheduler.stopped_by else EXIT_CODES[state]
    _show_artifacts(results, store, name)
    sections, notes = (
        _sections(prepared, store, watcher, results, name) if not scheduler.stopped_by else ((), ())
    )
    verdicts = _verdicts(prepared, store, run, results, sections, first_seen)
    row = find_run(store.db, name)._replace(spent_usd=scheduler.spent_usd)
    flat = tuple(section for _, section in sections)
    ending = Ending(prepared, row, state, code, flat, verdicts, notes, first_seen)
    ended = time.time()
    view = make_view(ending, store, ended)
    headline = flat[0].headline if flat else _headline(state, verdicts)
    write_whole(folder.report_data, to_json(view))
    write_whole(folder.report, to_html(view).encode("utf-8", "replace"))
    write_json(folder.record, make_record(ending, store, view))
    tally = view.job_counts()
    done = sum(tally.get(s, 0) for s in ("succeeded", "cached", "reused"))
    pairs = [[v.prediction.id, v.outcome] for v in verdicts]
    store.finish(
        run, state, jobs_done=done, headline=headline, verdicts=text(pairs), spent_usd=scheduler.spent_usd
    )
    seconds = ended - (row.started or ended)
    return Finished(name, state, code, verdicts, headline, folder.report, seconds, scheduler.spent_usd, tally)


def _show_artifacts(results: dict[str, JobResult], store: Store, name: str) -> None:
    """Give the run's folder names for what lies in the store."""
    objects = Objects(store.home / "objects")
    folder = store.folder(name)
    for result in results.values():
        for artifact in result.artifacts:
            if objects.has(artifact):
                objects.link(artifact, folder.artifacts(result.id) / artifact.name)


def _sections(
    prepared: Prepared, store: Store, watcher: Watcher, results: dict[str, JobResult], name: str
) -> tuple[tuple[tuple[str, Section], ...], tuple[str, ...]]:
    """The sections with their points, in order, and what went wrong."""
    log = store.folder(name).notices
    try:
        found = collect_sections(prepared, results, store, log)
    except LabError as error:
        watcher.warned(f"the results were not collected: {error.message}")
        return (), (error.message,)
    sections: list[tuple[str, Section]] = []
    notes: list[str] = []
    for label, collected in found.items():
        if collected.error:
            notes.append(f"{label + ': ' if label else ''}{collected.error}")
            watcher.warned(f"the results were not collected: {notes[-1]}")
        for section in collected.sections:
            titled = msgspec.structs.replace(section, title=at_point(section.title, label))
            sections.append((label, titled))
    sections.sort(key=lambda pair: pair[1].rank)
    return tuple(sections), tuple(notes)


def _verdicts(
    prepared: Prepared,
    store: Store,
    run: int,
    results: dict[str, JobResult],
    sections: tuple[tuple[str, Section], ...],
    first_seen: dict[str, float],
) -> tuple[Verdict, ...]:
    claims = prepared.frozen.plan.predictions
    evidence = {
        at_point(brought.prediction, label): msgspec.structs.replace(
            brought, prediction=at_point(brought.prediction, label)
        )
        for label, section in sections
        for brought in section.evidence
    }
    made = dict(store.db.execute("SELECT id, made FROM job WHERE run = ? AND made IS NOT NULL", (run,)))
    made |= {job_id: loan.made for job_id, loan in prepared.loans.items()}
    registered = {c.id: first_seen[prepared.frozen.registrations[c.id]] for c in claims}
    return judge(
        [msgspec.structs.replace(c.prediction, id=c.id) for c in claims],
        evidence,
        post_hoc={
            c.id: any(made.get(j, registered[c.id]) < registered[c.id] for j in c.jobs) for c in claims
        },
        missing={c.id: _why_missing(c, results) for c in claims},
    )


def _why_missing(claim: PlannedPrediction, results: dict[str, JobResult]) -> str:
    for job in claim.jobs:
        result = results.get(job)
        if result is not None and not result.ok:
            return f"job {job} {result.state}"
    return "no evidence was brought for it"


def _headline(state: str, verdicts: tuple[Verdict, ...]) -> str:
    if not verdicts:
        return f"The run {state}." if state != "partial" else "The run succeeded in part."
    return ", ".join(f"{number} {outcome}" for outcome, number in counts(verdicts).items())


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
