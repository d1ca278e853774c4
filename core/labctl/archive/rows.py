"""A run that was told by its folder, written into a database. Called inside a transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from labctl.archive.facts import JobFacts, PlannedFacts
from labctl.archive.telling import Told, read_plan
from labctl.model.canonical import digest
from labctl.model.results import DONE, Artifact, JobResult
from labctl.planning.keys import Material as KeyMaterial
from labctl.planning.keys import key_of
from labctl.store.folder import RunFolder
from labctl.store.known import text

LOCAL, IMPORTED, TRUSTED = 0, 1, 2
"""Values of run.imported: made here; brought from elsewhere; brought, and its results feed the cache."""


class CacheRow(NamedTuple):
    """A row of the table cache, in its order."""

    key: str
    run: str
    job: str
    made: float
    value: str
    artifacts: str
    seconds: float
    cpu_seconds: float
    material: str


class Opening(NamedTuple):
    """A row of the table opening, in its order."""

    seal: str
    key: str
    run: str
    job: str
    time: float


def insert_run(db: sqlite3.Connection, told: Told, name: str, imported: int) -> int:
    """Add a run with its jobs and attempts; its id."""
    run = told.run
    _insert(
        db, "run", name=name, uuid=run.uuid, plugin=run.plugin, distribution=run.distribution,
        version=run.version, state=run.state, created=run.created, started=run.started, ended=run.ended,
        command=run.command, executor=run.executor, tags=text(run.tags), note=run.note, seed=run.seed,
        registration=run.registration, expected_usd=run.expected_usd, worst_usd=run.worst_usd,
        spent_usd=run.spent_usd, jobs_total=run.jobs_total, jobs_done=run.jobs_done, headline=run.headline,
        verdicts=text(run.verdicts) if run.verdicts else None, imported=imported,
        adopts=run.adopts and not imported, stop_at=run.stop_at,
    )  # fmt: skip
    number = int(db.execute("SELECT id FROM run WHERE name = ?", (name,)).fetchone()[0])
    for position, job in enumerate(told.jobs):
        _insert(
            db, "job", run=number, position=position, id=job.id, key=job.key, state=job.state,
            reason=job.reason, tags=text(job.tags), value=text(job.value) if job.state in DONE else None,
            artifacts=text(job.artifacts) if job.state in DONE else None,
            error=text(job.error) if job.error else None, started=job.started, ended=job.ended,
            seconds=job.seconds or None, cpu_seconds=job.cpu_seconds or None, failures=job.failures,
            interruptions=job.interruptions, made=job.made,
            origin=None if imported else job.origin,  # the sender's runs are none of ours
        )  # fmt: skip
    for attempt in told.attempts:
        facts = msgspec.structs.asdict(attempt)
        if attempt.state == "running" and (imported or not run.adopts):
            facts |= {"state": "interrupted", "ended": attempt.ended or run.ended or attempt.started}
        _insert(db, "attempt", run=number, **facts)
    _insert(
        db, "event", run=number, seq=1, time=time.time(), kind="imported" if imported else "rebuilt",
        data=text({"source": told.source}),
    )  # fmt: skip
    return number


def openings(told: Told, name: str) -> Iterator[Opening]:
    """The openings of sealed data that a run's results stand for; a key counts once, in every home."""
    planned = _planned(told)
    for job in told.jobs:
        plan = planned.get(job.id)
        if plan is not None and plan.seal and job.key and job.state in DONE:
            yield Opening(plan.seal, job.key, name, job.id, made(told, job))


def cache_rows(told: Told, name: str, has: Callable[[Artifact], bool]) -> Iterator[CacheRow]:
    """What of a run the cache can hold: whole results of its own, whose keys are what its plan says."""
    planned = _planned(told)
    results = {job.id: _result(job) for job in told.jobs}
    materials = told.plan.keys if told.plan else {}
    for job in told.jobs:
        plan = planned.get(job.id)
        if job.state != "succeeded" or not job.key or plan is None or not plan.cache:
            continue
        if not all(has(artifact) for artifact in job.artifacts):
            continue
        if _key(materials.get(job.id), plan, results) != job.key:
            continue
        yield CacheRow(
            job.key, name, job.id, made(told, job), text(job.value), text(job.artifacts), job.seconds,
            job.cpu_seconds, text(materials[job.id]),
        )  # fmt: skip


def made(told: Told, job: JobFacts) -> float:
    """When a result was made, as far as anybody says; never in the future."""
    said = job.made or job.ended or told.run.ended or told.run.created
    return min(said, time.time())


def put_openings(db: sqlite3.Connection, rows: Iterator[Opening] | list[Opening]) -> None:
    db.executemany("INSERT OR IGNORE INTO opening VALUES (?, ?, ?, ?, ?)", list(rows))


def put_cache(db: sqlite3.Connection, rows: Iterator[CacheRow] | list[CacheRow]) -> int:
    """Add what the cache does not know. How many rows."""
    before = db.total_changes
    db.executemany("INSERT OR IGNORE INTO cache VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", list(rows))
    return db.total_changes - before


def put_claims(db: sqlite3.Connection, told: Told, first_seen: dict[str, float]) -> None:
    """Add the claims of a run that are not known, each with its time in ``first_seen``."""
    for claim in told.plan.predictions if told.plan else ():
        if claim.sha256 in first_seen:
            db.execute(
                "INSERT INTO registration VALUES (?, ?, ?, ?) ON CONFLICT (digest)"
                " DO UPDATE SET first_seen = min(first_seen, excluded.first_seen)",
                (claim.sha256, told.run.plugin, text(claim.prediction), first_seen[claim.sha256]),
            )


def false_claims(told: Told) -> list[str]:
    """Digests of claims that are not those of what the plan claims."""
    return [
        claim.sha256
        for claim in (told.plan.predictions if told.plan else ())
        if claim.sha256
        != digest({"project": told.run.plugin, "point": claim.point, "prediction": claim.prediction})
    ]


def _planned(told: Told) -> dict[str, PlannedFacts]:
    return {job.id: job for job in told.plan.jobs} if told.plan else {}


def _result(job: JobFacts) -> JobResult:
    return JobResult(id=job.id, state=job.state, value=job.value, artifacts=job.artifacts, error=job.error)


def _key(material: Any, plan: PlannedFacts, results: dict[str, JobResult]) -> str | None:
    try:
        inputs = {role: tuple(results[i] for i in ids) for role, ids in plan.needs.items()}
        return key_of(msgspec.convert(material, KeyMaterial), inputs)
    except (KeyError, msgspec.MsgspecError, ValueError, TypeError):
        return None


def _insert(db: sqlite3.Connection, table: str, **columns: Any) -> None:
    marks = ", ".join("?" * len(columns))
    db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values()))


def seals_of(db: sqlite3.Connection, folder: RunFolder) -> tuple[tuple[str, str, str, str, float], ...]:
    """All openings of the seals that a run's plan names, by whatever run: they travel with it."""
    problems: list[str] = []
    plan = read_plan(folder, problems)
    seals = sorted({job.seal for job in plan.jobs if job.seal}) if plan else []
    statement = "SELECT seal, key, run, job, time FROM opening WHERE seal = ? ORDER BY time, key"
    return tuple(row for seal in seals for row in db.execute(statement, (seal,)).fetchall())
