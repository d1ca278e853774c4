"""Going on with a run: the same frozen plan, the finished jobs as they are, the rest to be run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from labctl.errors import UsageError
from labctl.model.canonical import canonical
from labctl.model.results import JobResult
from labctl.planning.freeze import Frozen
from labctl.planning.keys import Material
from labctl.planning.plan import PlannedJob
from labctl.plugins.catalogue import Catalogue
from labctl.scheduler.state import MAX_INTERRUPTIONS, Earlier
from labctl.store.queries import RunRow, attempts_of, jobs_of
from labctl.store.runs import Store
from labctl.store.shelf import Shelf
from labctl.walk.planfile import SavedPlan, contradiction, read_plan
from labctl.walk.prepare import Prepared, prepare, price_of
from labctl.walk.refusals import request_of

FAILED = ("failed", "timed out")
SHOWN = 8  # changed files or jobs that are named


class Resumption(NamedTuple):
    """A run that goes on. ``again``: jobs that are set back to planned; ``afresh``: with all tries."""

    row: RunRow
    earlier: dict[str, Earlier]
    again: tuple[str, ...]
    afresh: bool = False
    cancel: bool = False

    @property
    def done(self) -> int:
        return sum(known.result is not None for known in self.earlier.values())


class Wanted(NamedTuple):
    """What to do with an ended run. ``jobs``: names of jobs to retry, all that failed if empty.

    ``retry``: failed jobs, too. ``cancel``: call it off, with what still runs elsewhere.
    """

    retry: bool = False
    jobs: tuple[str, ...] = ()
    cancel: bool = False
    slots: int = 0
    grace: float | None = None
    stop_at: float | None = None
    budget: float | None = None


def take_up(
    row: RunRow, wanted: Wanted, catalogue: Catalogue, folder: str, home: str, store: Store
) -> tuple[Prepared, Resumption]:
    """Prepare to go on with an ended run. Raises UsageError where there is nothing to do or code changed."""
    saved = read_plan(store.folder(row.name))
    _refuse_other_jobs(row, saved, store)
    known = request_of(row, saved)
    request = known._replace(
        jobs=wanted.slots or known.jobs,
        grace=known.grace if wanted.grace is None else wanted.grace,
        stop_at=store.wishes(row.id)[1] if wanted.stop_at is None else wanted.stop_at,
        budget=known.budget if wanted.budget is None else wanted.budget,
    )
    prepared = prepare(request, catalogue, folder, home, store, saved)
    options = prepared.executor.options
    if options is not None:
        converted: Any = msgspec.convert(saved.options or {}, options)
        prepared = prepared._replace(request=prepared.request._replace(executor_options=converted))
    resumption = _resumption(row, wanted, saved, Shelf(store, prepared.executor), store)
    changes = list(_changes(saved, prepared.frozen, resumption.again))
    if changes and not wanted.cancel:
        raise _changed(row, request.on, changes)
    # Today's plan is driven, not the file's: what the file says of a job is only held against it.
    # The run's own bound holds, not today's configuration: it may have been moved or taken away.
    prepared = prepared._replace(request=prepared.request._replace(stop_at=request.stop_at))
    left = set(resumption.again)
    plan = msgspec.structs.replace(
        prepared.frozen.plan, jobs=tuple(job for job in prepared.frozen.plan.jobs if job.id in left)
    )
    price = price_of(prepared.frozen._replace(plan=plan), prepared.executor, prepared.seconds)
    return prepared._replace(families=saved.families, price=price), resumption


def _refuse_other_jobs(row: RunRow, saved: SavedPlan, store: Store) -> None:
    """The run's jobs are those of its plan, or one of the two is damaged."""
    planned = {job.id for job in saved.frozen.plan.jobs}
    if lacking := [job.id for job in jobs_of(store.db, row.id) if job.id not in planned]:
        name = os.path.relpath(store.folder(row.name).plan)
        raise contradiction(name, f"the run has a job {lacking[0]}, and its plan has none")


def _resumption(row: RunRow, wanted: Wanted, saved: SavedPlan, shelf: Shelf, store: Store) -> Resumption:
    attempts: dict[str, list[dict[str, Any]]] = {}
    for attempt in attempts_of(store.db, row.id):
        attempts.setdefault(attempt["job"], []).append(attempt)
    retried = _retried(row, wanted, saved, store) if wanted.retry else frozenset()
    needs = {j.id: {i for ids in j.needs.values() for i in ids} for j in saved.frozen.plan.jobs}
    earlier: dict[str, Earlier] = {}
    again: list[str] = []
    lost: set[str] = set()
    stale: set[str] = set()  # run again with what may come to another result
    for job in jobs_of(store.db, row.id):  # in an order in which needs come first
        mine = attempts.get(job.id, [])
        last = max(mine, key=lambda a: a["n"], default=None)
        result = job.result()
        ended = job.state in FAILED or (job.state == "skipped" and bool(needs[job.id] & lost))
        kept: JobResult | None = result
        if needs[job.id] & stale or not (result.ok or (ended and job.id not in retried)):
            kept = None
            stale.add(job.id)
        elif result.ok and not all(shelf.has(artifact) for artifact in job.artifacts):
            kept = None  # made again as it was: nobody else need notice
        elif not result.ok:
            lost.add(job.id)
        if kept is None:
            again.append(job.id)
        counted = job.id not in retried
        is_open = kept is None and last is not None and last["state"] == "running"
        earlier[job.id] = Earlier(
            result=kept,
            key=job.key or "",
            attempt=last["n"] if last else 0,
            failures=job.failures if counted else 0,
            # One that was given up after many begins to count anew: somebody has asked for it.
            interruptions=job.interruptions if counted and job.interruptions <= MAX_INTERRUPTIONS else 0,
            open_attempt=is_open,
            handle=(last["handle"] or "") if last and is_open else "",
            began=last["started"] if last and is_open else 0.0,
            cpu_seconds=sum(a["cpu_seconds"] or 0.0 for a in mine),
        )
    # All may be done and the host have ended before it had said what it means: that is left to do.
    if not again and row.state != "interrupted":
        raise _nothing(row, wanted, {job.id: job.state for job in jobs_of(store.db, row.id)})
    return Resumption(row, earlier, tuple(again), wanted.retry, wanted.cancel)


def _retried(row: RunRow, wanted: Wanted, saved: SavedPlan, store: Store) -> frozenset[str]:
    """The failed jobs that are meant."""
    states = {job.id: job.state for job in jobs_of(store.db, row.id)}
    plan = saved.frozen.plan
    for name in wanted.jobs:
        if not any(job.is_called(name) for job in plan.jobs):
            raise UsageError(f"{row.name} has no job named {name}", hints=[f"labctl runs show {row.name}"])
    return frozenset(
        job.id
        for job in plan.jobs
        if states.get(job.id) in FAILED
        and (not wanted.jobs or any(job.is_called(name) for name in wanted.jobs))
    )


def _changes(saved: SavedPlan, now: Frozen, again: Iterable[str]) -> Iterator[str]:
    """How the plan of today differs from the frozen one, in what is still to be done."""
    planned = {job.id: job for job in now.plan.jobs}
    jobs = {job.id: job for job in saved.frozen.plan.jobs}
    if list(planned) != list(jobs):
        more, fewer = sorted(set(planned) - set(jobs)), sorted(set(jobs) - set(planned))
        yield "the plan has other jobs now: " + ", ".join([f"+{i}" for i in more] + [f"-{i}" for i in fewer])
        return
    for claim, digest in saved.frozen.registrations.items():
        if now.registrations.get(claim) != digest:
            yield f"claim {claim} is another now: an edited claim is a new registration"
    for claim in now.registrations:
        if claim not in saved.frozen.registrations:
            yield f"claim {claim} is new: it was not registered when the run began"
    said: set[str] = set()
    for job in again:
        for line in _job_changes(jobs[job], planned[job], saved.frozen.materials[job], now.materials[job]):
            if line not in said:
                said.add(line)
                yield line


def _job_changes(then: PlannedJob, now: PlannedJob, old: Material, new: Material) -> Iterator[str]:
    for name in sorted({*old.code, *new.code}):
        if old.code.get(name) != new.code.get(name):
            how = (
                "changed" if name in old.code and name in new.code else "new" if name in new.code else "gone"
            )
            yield f"{name}   {how}"
    for name in sorted({*old.packages, *new.packages}):
        if old.packages.get(name) != new.packages.get(name):
            yield f"{name} {old.packages.get(name, 'none')}   is {new.packages.get(name, 'gone')} now"
    if old.environment != new.environment:
        yield f"environment {then.environment.name}   {old.environment} is {new.environment} now"
    for part in ("function", "params", "files", "seed", "seal", "contract", "schema"):
        if canonical(getattr(old, part)) != canonical(getattr(new, part)):
            yield f"{part} of {then.id}   {getattr(old, part)} is {getattr(new, part)} now"
    if then.needs != now.needs:
        yield f"needs of {then.id}   changed"


def _changed(row: RunRow, on: str, changes: list[str]) -> UsageError:
    what = "code" if any("   changed" in line for line in changes) else "plan"
    more = [f"and {len(changes) - SHOWN} more"] if len(changes) > SHOWN else []
    where = "" if on == "local" else f" --on {on}"
    return UsageError(
        f"{row.name} cannot go on: its {what} has changed since it began",
        details=[*(line[:300] for line in changes[:SHOWN]), *more, "nothing was started"],
        hints=[
            f"to run what has changed and keep the rest: labctl run {row.plugin} --like {row.name}{where}"
        ],
    )


def _nothing(row: RunRow, wanted: Wanted, states: Mapping[str, str]) -> UsageError:
    """The error for a run of which nothing is left, or nothing of what was meant."""
    failed = [job for job, state in states.items() if state in FAILED]
    if wanted.retry and wanted.jobs and failed:
        return UsageError(
            f"none of what was named has failed in {row.name}",
            details=["failed: " + ", ".join(failed[:SHOWN])],
            hints=[f"labctl retry {row.name} --failed also runs what was skipped because of them"],
        )
    if wanted.retry:
        return UsageError(f"no job of {row.name} has failed", hints=[f"labctl runs show {row.name}"])
    hints = [f"labctl retry {row.name} --failed runs failed jobs again"] if failed else []
    ended = {"partial": "succeeded in part"}.get(row.state, row.state)
    return UsageError(f"{row.name} has nothing left to run: it {ended}", hints=hints)
