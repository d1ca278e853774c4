"""The end of a run on paper: its record, complete by itself, and the view that the report shows."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from labctl.executors import machine
from labctl.model.canonical import digest
from labctl.model.machine import Environment
from labctl.model.results import Section, Step, Verdict
from labctl.parameters.types import Point
from labctl.plugins.scan import read, summary
from labctl.report.view import (
    ArtifactRow,
    Cost,
    EnvironmentRow,
    Fact,
    JobRow,
    LeftOut,
    ParameterRow,
    Registration,
    ReportView,
    SealRow,
)
from labctl.store.folder import RunFolder
from labctl.store.queries import JobRow as StoredJob
from labctl.store.queries import RunRow, openings_of
from labctl.store.runs import Store
from labctl.verdicts import encoded
from labctl.walk.prepare import Prepared

SCHEMA_VERSION = 1
LOG_TAIL, LOG_LINES = 4000, 12  # bytes and lines of a failed job's log that the report shows


class Ending(NamedTuple):
    """What is known at the end of a run, beside the database."""

    prepared: Prepared
    run: RunRow
    state: str
    exit_code: int
    sections: tuple[Section, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    first_seen: dict[str, float]
    jobs: list[StoredJob]
    attempts: list[dict[str, Any]]
    stop_at: float | None = None


def make_view(ending: Ending, store: Store) -> ReportView:
    """All that the report shows."""
    prepared, run = ending.prepared, ending.run
    stored, attempts = ending.jobs, ending.attempts
    by_job: dict[str, list[dict[str, Any]]] = {}
    for attempt in attempts:
        by_job.setdefault(attempt["job"], []).append(attempt)
    by_id = {job.id: job for job in prepared.frozen.plan.jobs}
    folder = store.folder(run.name)
    rows = tuple(_job_row(job, by_id, by_job.get(job.id, []), folder) for job in stored)
    return ReportView(
        run=run.name,
        run_id=run.uuid,
        project=run.plugin,
        project_title=prepared.loaded.title or summary(prepared.loaded.row.entry.distribution),
        command=run.command,
        executor=executor_words(prepared),
        state=ending.state,  # type: ignore[arg-type]
        exit_code=ending.exit_code,
        started=run.started,
        ended=run.ended,
        wall_seconds=(run.ended or 0.0) - (run.started or run.created),
        cpu_seconds=sum(a["cpu_seconds"] or 0.0 for a in attempts),
        cost=Cost(prepared.price.expected, prepared.price.worst, run.spent_usd),
        registration=_registration(ending, attempts),
        plan_digest=digest(prepared.frozen.plan.jobs),
        verdicts=ending.verdicts,
        sections=ending.sections,
        jobs=rows,
        next=next_steps(run, ending.state, rows, ending.sections),
        notes=((run.note,) if run.note else ()) + ending.notes,
        tags=tuple(run.tags),
        parameters=tuple(_parameters(prepared.resolved.points)),
        environments=tuple(
            EnvironmentRow(e.name, environment_words(e), digest(e)[:8])
            for e in prepared.frozen.plan.environments()
        ),
        versions=_versions(prepared),
        left_out=tuple(
            LeftOut(extension=name, reason=reason) for name, reason in prepared.loaded.extensions.left_out()
        ),
        seals=_seals(prepared, store),
        artifacts=tuple(
            ArtifactRow(name=a.name, job=job.id, size=a.size, sha256=a.sha256)
            for job in stored
            for a in job.artifacts
        ),
        machine=machine_facts(),
        labctl_version=prepared.catalogue.version,
    )


def make_record(ending: Ending, view: ReportView) -> dict[str, Any]:
    """Everything about the run as JSON: with it the folder can be read without the database."""
    prepared, run = ending.prepared, ending.run
    return {
        "schema_version": SCHEMA_VERSION,
        "labctl": prepared.catalogue.version,
        "run": {
            **run._asdict(),
            "id": None,
            "adopts": "adopt" in prepared.executor.can,
            "stop_at": ending.stop_at,
        },
        "jobs": [_plain_job(job) for job in ending.jobs],
        "attempts": ending.attempts,
        "points": [
            {
                "label": point.label,
                "parameters": point.record,
                "origins": {k: str(o) for k, o in point.origins.items()},
            }
            for point in prepared.resolved.points
        ],
        "registrations": {
            claim: {"sha256": sha256, "first_seen": ending.first_seen.get(sha256)}
            for claim, sha256 in prepared.frozen.registrations.items()
        },
        "verdicts": encoded(ending.verdicts),
        "provenance": provenance(prepared),
        "report": view,
    }


def provenance(prepared: Prepared) -> list[dict[str, Any]]:
    """The distributions whose code took part: version, digest of what is installed, source commit."""
    rows = {prepared.loaded.row.distribution: prepared.loaded.row}
    rows |= {e.row.distribution: e.row for e in prepared.loaded.extensions.every()}
    found: list[dict[str, Any]] = []
    for name, row in sorted(rows.items()):
        distribution = row.entry.distribution
        found.append(
            {
                "distribution": name,
                "version": row.version,
                "editable": row.editable,
                "record_sha256": digest(read(distribution, "RECORD")),
                "origin": _origin(read(distribution, "direct_url.json")),
            }
        )
    return found


def machine_facts() -> tuple[Fact, ...]:
    return (
        Fact("Python", platform.python_version()),
        Fact("System", f"{platform.system()} {platform.machine()}"),
        Fact("Cores", str(machine.cores())),
        Fact("Memory", f"{machine.memory_mib() / 1024:.1f} GiB"),
    )


def executor_words(prepared: Prepared) -> str:
    if prepared.executor.store != "local":
        return f"on {prepared.executor.name}"
    slots = 1 if prepared.executor.name == "inline" else (prepared.request.jobs or machine.cores())
    return f"on this machine, {slots} worker{'s' if slots != 1 else ''}"


def environment_words(environment: Environment) -> str:
    python = environment.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    gpu = environment.gpu or "no gpu"
    packages = ", ".join(environment.packages) or "no packages"
    tries = f"{environment.retries + 1} tries" if environment.retries else "1 try"
    return (
        f"python {python}; {packages}; {environment.cpu:g} cpu, {environment.memory_mib} MiB, {gpu};"
        f" {environment.timeout:g} s, {tries}"
    )


def next_steps(
    run: RunRow, state: str, jobs: tuple[JobRow, ...], sections: tuple[Section, ...]
) -> tuple[Step, ...]:
    """What is worth doing now: first what failed, then what the sections propose."""
    steps: list[Step] = []
    failed = [job for job in jobs if job.state in ("failed", "timed out")]
    if failed:
        first = failed[0].id
        command = f"labctl runs logs {run.name} {shlex.quote(first)}"
        steps.append(Step(f"Read why {first} {failed[0].state}.", command))
        steps.append(Step("Run what failed again.", f"labctl retry {run.name} --failed"))
    if state in ("interrupted", "cancelled"):
        steps.append(Step("Go on where it stopped.", f"labctl resume {run.name}"))
    if state == "over budget":
        steps.append(Step("Go on with more money.", f"labctl resume {run.name} --stop-at USD"))
    for section in sections:
        steps += [s for s in section.next if s not in steps]
    return tuple(steps[:6])


def _job_row(
    job: StoredJob, planned: Mapping[str, Any], mine: list[dict[str, Any]], folder: RunFolder
) -> JobRow:
    """``mine``: the job's attempts in the order in which they began."""
    error = job.error
    ran = job.state not in ("cached", "reused", "skipped", "planned")
    plan = planned.get(job.id)
    return JobRow(
        id=job.id,
        state=job.state,  # type: ignore[arg-type]
        seconds=job.seconds,
        tries=len(mine),
        error=str(error) if error else "",
        where=error.where if error else "",
        reason="" if error else job.reason,
        log=_last_lines(folder.logs(job.id)) if error else "",
        started=mine[-1]["started"] if mine and ran else None,
        ended=mine[-1]["ended"] if mine and ran else None,
        environment=plan.environment.name if plan else "",
        cached_from=(job.origin or "").partition("/")[0],
    )


def _last_lines(logs: list[Path]) -> str:
    """The end of a failed job's last log."""
    if not logs:
        return ""
    with open(logs[-1], "rb") as file:
        file.seek(max(0, logs[-1].stat().st_size - LOG_TAIL))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-LOG_LINES:])


def _registration(ending: Ending, attempts: list[dict[str, Any]]) -> Registration | None:
    frozen = ending.prepared.frozen
    if not frozen.registrations:
        return None
    seen = max(ending.first_seen.values(), default=None)
    started = min((a["started"] for a in attempts), default=None)
    before = None if started is None or seen is None else seen < started
    return Registration(digest=frozen.registration, first_seen=seen, before_first_job=before)


def _parameters(points: tuple[Point, ...]) -> list[ParameterRow]:
    rows: list[ParameterRow] = []
    for name in points[0].record:
        values = list(dict.fromkeys(_shown(point.record[name]) for point in points))
        origin = points[0].origins[name]
        rows.append(ParameterRow(name, ", ".join(values), str(origin), origin.layer == "default"))
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _versions(prepared: Prepared) -> dict[str, str]:
    found = {
        "labctl": prepared.catalogue.version,
        prepared.loaded.row.distribution: prepared.loaded.row.version,
    }
    for extension in prepared.loaded.extensions.every():
        if not extension.failed:
            found[extension.distribution] = extension.version
    for material in prepared.frozen.materials.values():
        found |= {k: v for k, v in material.packages.items() if k not in found}
    return found


def _seals(prepared: Prepared, store: Store) -> tuple[SealRow, ...]:
    rows: list[SealRow] = []
    for seal in dict.fromkeys(job.seal for job in prepared.frozen.plan.jobs if job.seal):
        openings = openings_of(store.db, seal)
        rows += [SealRow(name=seal, opened=time, job=f"{run}/{job}") for run, job, time in openings]
        if not openings:
            rows.append(SealRow(name=seal))
    return tuple(rows)


def _plain_job(job: StoredJob) -> dict[str, Any]:
    return job._asdict()


def _origin(direct_url: str) -> Any:
    """The commit a distribution was installed from. The address itself may hold a password."""
    if not direct_url:
        return None
    try:
        return msgspec.json.decode(direct_url).get("vcs_info")
    except (msgspec.DecodeError, AttributeError):
        return None
