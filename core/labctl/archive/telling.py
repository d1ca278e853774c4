"""Reading a run out of its folder alone: the record, else the plan and the journal."""

from __future__ import annotations

import mmap
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from labctl.archive.facts import (
    AttemptFacts,
    JobFacts,
    PlanFacts,
    RecordFacts,
    Registered,
    RunFacts,
    Wrong,
    check_attempts,
    check_jobs,
    check_run,
)
from labctl.model.results import DONE
from labctl.store.folder import RunFolder

MARK = "imported.json"
HEX = re.compile(r"[0-9a-f]{64}")
LARGEST = 512 << 20  # bytes of a file that is read into memory
BROKEN = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError)

T = TypeVar("T")


class Mark(msgspec.Struct, kw_only=True):
    """What an import leaves in the folder: whence and when, and since when its claims are known here."""

    time: float
    source: str = ""
    name: str = ""
    trusted: bool = False
    first_seen: dict[str, float] = {}


class Told(NamedTuple):
    """A run as its folder tells it. ``problems``: what could not be read; ``first_seen``: by digest.

    ``source``: *record* or *journal*. ``mark``: set for a run that was imported.
    """

    run: RunFacts
    jobs: tuple[JobFacts, ...]
    attempts: tuple[AttemptFacts, ...]
    plan: PlanFacts | None
    first_seen: dict[str, float]
    source: str
    problems: tuple[str, ...]
    mark: Mark | None


class _Line(msgspec.Struct):
    run: RunFacts | None = None
    job: JobFacts | None = None
    attempt: AttemptFacts | None = None


def read_told(folder: RunFolder, *, strict: bool = False) -> Told:
    """What a folder tells of its run. Raises Wrong if that is nothing, or nothing to be believed.

    ``strict``: a record or plan that is there and cannot be read is Wrong, too; else the journal is used.
    """
    problems: list[str] = []
    plan = read_plan(folder, problems)
    record = _file(folder.record, RecordFacts, problems)
    if strict and problems:
        raise Wrong("; ".join(problems))
    try:
        if record is not None:
            check_run(record.run)
            check_jobs(record.jobs)
            check_attempts(record.attempts, {job.id for job in record.jobs})
    except Wrong as error:
        if strict:
            raise
        problems.append(f"record.json: {error}")
        record = None
    run, jobs, attempts = _journal(folder, problems)
    if record is None and run is None:
        said = f": {'; '.join(problems)}" if problems else ""
        raise Wrong(f"neither a record nor a journal of a run can be read{said}")
    if record is None:
        assert run is not None
        record = RecordFacts(run=run, jobs=_planned(plan), registrations=_claims(plan, run))
        source = "journal"
    else:
        source = "record"
    told = _together(record, jobs, attempts, source)
    check_run(told.run)
    check_jobs(told.jobs)
    check_attempts(told.attempts, {job.id for job in told.jobs})
    first_seen = {r.sha256: r.first_seen for r in record.registrations.values() if r.first_seen is not None}
    mark = _file(folder.root / MARK, Mark, problems)
    return told._replace(plan=plan, first_seen=first_seen, problems=tuple(problems), mark=mark)


def read_plan(folder: RunFolder, problems: list[str]) -> PlanFacts | None:
    """The plan of a folder; None, and why, if it cannot be read."""
    return _file(folder.plan, PlanFacts, problems)


def read_plain(path: Path, largest: int = LARGEST) -> bytes:
    """A plain file's content. Raises FileNotFoundError, OSError, or Wrong for a link and the like."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise Wrong(f"{path.name} is not a plain file")
        if status.st_size > largest:
            raise Wrong(f"{path.name} is too large: {status.st_size:,} bytes")
        return file.read(largest + 1)


def digests_in(path: Path) -> set[str]:
    """Every sha256 that a file of a run's folder names, also one that is torn; none if it is not there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return set()
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        os.close(fd)
        return set()
    with open(fd, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {found.decode() for found in re.findall(HEX.pattern.encode(), content)}


def _file(path: Path, kind: type[T], problems: list[str]) -> T | None:
    try:
        return msgspec.json.decode(read_plain(path), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Wrong as error:
        problems.append(str(error))
    except OSError as error:
        problems.append(f"{path.name} cannot be read: {error.strerror}")
    except BROKEN as error:
        problems.append(f"{path.name} cannot be read: {error}")
    return None


def _journal(
    folder: RunFolder, problems: list[str]
) -> tuple[RunFacts | None, dict[str, JobFacts], dict[tuple[str, int], AttemptFacts]]:
    """The journal's run, and its last word on every job and attempt."""
    run: RunFacts | None = None
    jobs: dict[str, JobFacts] = {}
    attempts: dict[tuple[str, int], AttemptFacts] = {}
    for line in _lines(folder.journal, problems):
        run = line.run or run
        if line.job is not None:
            jobs[line.job.id] = line.job
        if line.attempt is not None:
            attempts[line.attempt.job, line.attempt.n] = line.attempt
    return run, jobs, attempts


def _lines(path: Path, problems: list[str]) -> Iterator[_Line]:
    try:
        lines = read_plain(path).split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, Wrong) as error:
        problems.append(f"{path.name} cannot be read: {error}")
        return
    bad = 0
    for number, text in enumerate(lines):
        if not text:
            continue
        try:
            line = msgspec.json.decode(text, type=_Line)
            check_run(line.run) if line.run else None
            check_jobs([line.job] if line.job else [])
        except (*BROKEN, Wrong):
            bad += number < len(lines) - 1  # the last one may be torn
            continue
        yield line
    if bad:
        problems.append(f"{path.name}: {bad} of its lines cannot be read")


def _planned(plan: PlanFacts | None) -> tuple[JobFacts, ...]:
    jobs = plan.jobs if plan else ()
    return tuple(
        JobFacts(id=job.id, position=n, state="planned", tags=job.tags) for n, job in enumerate(jobs)
    )


def _claims(plan: PlanFacts | None, run: RunFacts) -> dict[str, Registered]:
    """Without a record nobody says when claims were seen: after the run was made, before it did a thing."""
    claims = plan.predictions if plan else ()
    return {claim.sha256: Registered(claim.sha256, run.created) for claim in claims}


def _together(
    record: RecordFacts,
    jobs: dict[str, JobFacts],
    attempts: dict[tuple[str, int], AttemptFacts],
    source: str,
) -> Told:
    """The record with what the journal knows later: the record of a run resumed and then killed is old."""
    listed = {job.id: job for job in record.jobs}
    later = [job for job in jobs.values() if job.id not in listed or _is_later(job, listed[job.id])]
    listed |= {job.id: job for job in later}
    tries = {(a.job, a.n): a for a in record.attempts}
    for key, attempt in attempts.items():
        if attempt.job in listed and (key not in tries or (attempt.ended or 0.0) > (tries[key].ended or 0.0)):
            tries[key] = attempt
    run = record.run
    if later or run.state == "running":
        ends = [job.ended for job in listed.values() if job.ended is not None]
        run = msgspec.structs.replace(run, state="interrupted", ended=max([*ends, run.ended or run.created]))
    done = sum(job.state in DONE for job in listed.values())
    run = msgspec.structs.replace(run, jobs_done=done, jobs_total=max(run.jobs_total, len(listed)))
    ordered = tuple(sorted((_closed(job) for job in listed.values()), key=lambda job: job.position))
    return Told(run, ordered, tuple(tries.values()), None, {}, source, (), None)


def _is_later(journal: JobFacts, record: JobFacts) -> bool:
    if (journal.state in DONE) != (record.state in DONE):
        return journal.state in DONE  # what is finished stays finished
    return (journal.ended or 0.0) > (record.ended or 0.0)


def _closed(job: JobFacts) -> JobFacts:
    if job.state not in ("running", "queued"):
        return job
    return msgspec.structs.replace(job, state="interrupted", reason="its host ended")
