"""What people ask of the database. Reading only, in short statements."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import msgspec

from labctl.errors import UsageError
from labctl.model.results import Artifact, JobResult
from labctl.store.listing import JOBS_DONE, Wanted, select
from labctl.store.runs import failure

decode = msgspec.json.decode


class RunRow(NamedTuple):
    """A run as listed. ``verdicts``: [[prediction id, outcome], ...] in order.

    ``imported``: 0, made here; 1, brought from elsewhere; 2, brought, and its results feed the cache.
    """

    id: int
    name: str
    uuid: str
    plugin: str
    distribution: str
    version: str
    state: str
    created: float
    started: float | None
    ended: float | None
    command: str
    executor: str
    tags: list[str]
    note: str
    seed: int
    registration: str
    expected_usd: float
    worst_usd: float
    spent_usd: float
    jobs_total: int
    jobs_done: int
    headline: str
    verdicts: list[list[str]]
    imported: int = 0


class JobRow(NamedTuple):
    """A job of a run. ``origin``: the run and job a cached or reused result was made by."""

    id: str
    position: int
    key: str | None
    state: str
    reason: str
    tags: list[str]
    value: Any
    artifacts: tuple[Artifact, ...]
    error: Any
    started: float | None
    ended: float | None
    seconds: float
    cpu_seconds: float
    failures: int
    interruptions: int
    origin: str | None
    made: float | None

    def result(self, paths: dict[str, str] | None = None) -> JobResult:
        return JobResult(
            id=self.id,
            state=self.state,  # type: ignore[arg-type]
            value=self.value,
            artifacts=self.artifacts,
            error=self.error,
            tags=tuple(self.tags),
            seconds=self.seconds,
            paths=paths or {},
        )


_RUN = (
    "id, name, uuid, plugin, distribution, version, state, created, started, ended, command, executor, tags,"
    " note, seed, registration, expected_usd, worst_usd, spent_usd, jobs_total,"
    f" {JOBS_DONE}, headline, verdicts, imported"
)
_JOB = (
    "id, position, key, state, reason, tags, value, artifacts, error, started, ended, seconds, cpu_seconds,"
    " failures, interruptions, origin, made"
)


def list_runs(db: sqlite3.Connection, wanted: Wanted | None = None, *, limit: int = 50) -> list[RunRow]:
    """The newest runs first, or those that are wanted in the order that is wanted."""
    return [_run(row) for row in select(db, wanted or Wanted(), limit, _RUN).fetchall()]


def find_run(db: sqlite3.Connection | None, name: str) -> RunRow:
    """A run by its name, ``last``, or a unique beginning of its uuid. Raises UsageError."""
    if db is None:
        raise UsageError("there are no runs here yet", hints=["labctl plugins list shows what can be run"])
    if name == "last":
        rows = db.execute(f"SELECT {_RUN} FROM run ORDER BY id DESC LIMIT 1").fetchall()
    else:
        rows = db.execute(f"SELECT {_RUN} FROM run WHERE name = ?", (name,)).fetchall()
        if not rows and len(name) >= 4:
            like = name.replace("%", "").replace("_", "") + "%"
            rows = db.execute(f"SELECT {_RUN} FROM run WHERE uuid LIKE ? LIMIT 2", (like,)).fetchall()
    if len(rows) == 1:
        return _run(rows[0])
    if rows:
        raise UsageError(f"{name} is the beginning of several runs", hints=["give more of it"])
    raise _no_run(db, name)


def jobs_of(db: sqlite3.Connection, run: int) -> list[JobRow]:
    """The jobs of a run in the order of its plan."""
    rows = db.execute(f"SELECT {_JOB} FROM job WHERE run = ? ORDER BY position", (run,))
    return [_job(row) for row in rows.fetchall()]


def job_of(db: sqlite3.Connection, run: int, job: str) -> JobRow:
    """One job of a run. Raises KeyError."""
    row = db.execute(f"SELECT {_JOB} FROM job WHERE run = ? AND id = ?", (run, job)).fetchone()
    if row is None:
        raise KeyError(job)
    return _job(row)


def events_of(
    db: sqlite3.Connection, run: int, *, after: int = 0
) -> list[tuple[int, float, str | None, int | None, str, Any]]:
    """What happened in a run: number, time, job, attempt, kind and data, in order."""
    rows = db.execute(
        "SELECT seq, time, job, attempt, kind, data FROM event WHERE run = ? AND seq > ? ORDER BY seq",
        (run, after),
    )
    return [(*row[:5], decode(row[5]) if row[5] else None) for row in rows.fetchall()]


def attempts_of(db: sqlite3.Connection, run: int, job: str | None = None) -> list[dict[str, Any]]:
    """The attempts of a run, or of one job of it, in the order in which they began."""
    names = "job n executor handle state started ended seconds cpu_seconds peak_mib usd".split()  # noqa: SIM905
    where, values = ("run = ?", [run]) if job is None else ("run = ? AND job = ?", [run, job])
    rows = db.execute(f"SELECT {', '.join(names)} FROM attempt WHERE {where} ORDER BY started", values)
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def runs_with_job(db: sqlite3.Connection, plugin: str, job: str) -> str | None:
    """The newest run of a project that has a finished result of a job; none that was brought untrusted."""
    row = db.execute(
        "SELECT run.name FROM job JOIN run ON run.id = job.run WHERE run.plugin = ? AND job.id = ?"
        " AND run.imported <> 1 AND job.state IN ('succeeded', 'cached', 'reused')"
        " ORDER BY run.id DESC LIMIT 1",
        (plugin, job),
    ).fetchone()
    return row[0] if row else None


def runs_with(db: sqlite3.Connection, plugin: str, job: str, *, before: int, limit: int) -> list[RunRow]:
    """Earlier runs of a project that have a job of that name with a key, the newest first."""
    rows = db.execute(
        f"SELECT {_RUN} FROM run WHERE plugin = ? AND id < ? AND EXISTS (SELECT 1 FROM job"
        " WHERE job.run = run.id AND job.id = ? AND job.key IS NOT NULL) ORDER BY id DESC LIMIT ?",
        (plugin, before, job, limit),
    )
    return [_run(row) for row in rows.fetchall()]


def usual_seconds(db: sqlite3.Connection, job: str, function: str, params: dict[str, Any]) -> float | None:
    """How long a job took when it was last run with these very parameters; None if it never was."""
    rows = db.execute("SELECT material, seconds FROM cache WHERE job = ? ORDER BY made DESC LIMIT 50", (job,))
    for material, seconds in rows.fetchall():
        known = decode(material)
        if known["function"] == function and known["params"] == params:
            return float(seconds)
    return None


def openings_of(db: sqlite3.Connection, seal: str) -> list[tuple[str, str, float]]:
    rows = db.execute("SELECT run, job, time FROM opening WHERE seal = ? ORDER BY time", (seal,))
    return [(row[0], row[1], row[2]) for row in rows.fetchall()]


def _run(row: tuple[Any, ...]) -> RunRow:
    run = RunRow(*row)
    return run._replace(
        tags=decode(row[12]),
        registration=run.registration or "",
        expected_usd=run.expected_usd or 0.0,
        worst_usd=run.worst_usd or 0.0,
        spent_usd=run.spent_usd or 0.0,
        headline=run.headline or "",
        verdicts=decode(row[22]) if row[22] else [],
    )


def _job(row: tuple[Any, ...]) -> JobRow:
    job = JobRow(*row)
    return job._replace(
        tags=decode(row[5]),
        value=decode(row[6]) if row[6] else None,
        artifacts=decode(row[7], type=tuple[Artifact, ...]) if row[7] else (),
        error=failure(row[8]),
        seconds=job.seconds or 0.0,
        cpu_seconds=job.cpu_seconds or 0.0,
    )


def _no_run(db: sqlite3.Connection, name: str) -> UsageError:
    import difflib

    known = [row[0] for row in db.execute("SELECT name FROM run ORDER BY id DESC LIMIT 500")]
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hints = [f"did you mean {near[0]}?"] if near else []
    return UsageError(f"there is no run named {name}", hints=[*hints, "all runs: labctl runs list"])
