"""All that a report shows, as data: the page is drawn from it, and it is the report's JSON form."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from labctl.model.results import JobState, RunState, Section, Step, Verdict
from labctl.report.markup import clean

SCHEMA_VERSION = 1


class Cost(msgspec.Struct, frozen=True):
    """US dollars: what was expected and the most it could be before the start, and what it came to."""

    expected: float | None = None
    worst: float | None = None
    spent: float | None = None


class Registration(msgspec.Struct, frozen=True):
    """What the predictions were when they were first seen.

    ``first_seen``: epoch seconds. ``before_first_job``: None when no job of the run was executed.
    """

    digest: str
    first_seen: float | None = None
    before_first_job: bool | None = None
    note: str = ""


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """A job of the run. ``started`` and ``ended`` are epoch seconds.

    ``error``: type and message of the failure, ``where`` the author's line it came from. ``reason``:
    why it was skipped, cancelled or reused. ``log``: the last lines of its log, for a job that failed.
    ``cached_from``: the run whose result it is. ``lane``: the worker it ran on.
    """

    id: str
    state: JobState
    seconds: float = 0.0
    tries: int = 1
    error: str = ""
    where: str = ""
    reason: str = ""
    log: str = ""
    started: float | None = None
    ended: float | None = None
    lane: str = ""
    environment: str = ""
    cached_from: str = ""


class ParameterRow(msgspec.Struct, frozen=True):
    """A parameter as it was used, and where its value came from (``default``, ``--epochs``, a file)."""

    name: str
    value: str
    origin: str = "default"
    is_default: bool = True


class EnvironmentRow(msgspec.Struct, frozen=True):
    """What the jobs' machine had to have, in words (``python 3.12, torch, 1 cpu, 2 GiB``)."""

    name: str
    needs: str
    digest: str = ""


class LeftOut(msgspec.Struct, frozen=True):
    """An extension that the run went on without. ``command``: what mends it, if that is known."""

    extension: str
    reason: str
    distribution: str = ""
    command: str = ""


class SealRow(msgspec.Struct, frozen=True):
    """Sealed data of the run; ``opened`` in epoch seconds, None while it is shut."""

    name: str
    opened: float | None = None
    job: str = ""
    note: str = ""


class ArtifactRow(msgspec.Struct, frozen=True):
    """A file or folder that a job wrote; ``size`` in bytes."""

    name: str
    job: str
    size: int = 0
    sha256: str = ""


class Fact(msgspec.Struct, frozen=True):
    """A name and a value of the machine or of the record."""

    name: str
    value: str


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its report shows it.

    ``started``, ``ended``: epoch seconds; ``ended`` None while it runs. ``command``: the line that
    started it. ``executor``: where it ran, in words. ``wall_seconds``, ``cpu_seconds``: of the whole
    run. ``counts``: jobs by state, reckoned from ``jobs`` when empty. ``versions``: distribution ->
    version. ``schema_version`` changes when a field changes its meaning or goes.
    """

    run: str
    project: str
    state: RunState
    schema_version: int = SCHEMA_VERSION
    run_id: str = ""
    project_title: str = ""
    command: str = ""
    executor: str = ""
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    counts: dict[str, int] = {}
    cost: Cost = Cost()
    registration: Registration | None = None
    plan_digest: str = ""
    verdicts: tuple[Verdict, ...] = ()
    sections: tuple[Section, ...] = ()
    jobs: tuple[JobRow, ...] = ()
    next: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parameters: tuple[ParameterRow, ...] = ()
    environments: tuple[EnvironmentRow, ...] = ()
    versions: dict[str, str] = {}
    left_out: tuple[LeftOut, ...] = ()
    seals: tuple[SealRow, ...] = ()
    artifacts: tuple[ArtifactRow, ...] = ()
    machine: tuple[Fact, ...] = ()
    labctl_version: str = ""

    def job_counts(self) -> dict[str, int]:
        """Jobs by state, most first."""
        counts = dict(self.counts)
        if not counts:
            for job in self.jobs:
                counts[job.state] = counts.get(job.state, 0) + 1
        return dict(sorted(((k, n) for k, n in counts.items() if n), key=lambda item: -item[1]))

    def ordered_sections(self) -> list[Section]:
        """Sections by rank; those of one rank in the order they came in."""
        return sorted(self.sections, key=lambda section: section.rank)


def to_json(view: ReportView) -> bytes:
    """The view as JSON. What JSON cannot hold (NaN, infinities) is null, unfit characters are U+FFFD."""
    return msgspec.json.encode(_plain(msgspec.to_builtins(view)))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {clean(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
