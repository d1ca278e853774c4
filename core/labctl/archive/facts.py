"""What a run's folder may say, type by type: a folder may come from anywhere, so all of it is checked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from labctl.model.jobcontext import bad_name
from labctl.model.plainjson import BadResult, checked
from labctl.model.results import Artifact, JobFailure, JobState, Outcome, RunState
from labctl.planning.plan import JOB_ID

RUN_NAME = re.compile(r"([A-Za-z0-9][\w.+-]{0,99})-([1-9][0-9]{0,8})", re.ASCII)
DIGEST = re.compile(r"[0-9a-f]{64}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONGEST_ID = 600  # bytes of a job's id with its point of the grid
MOST_JOBS = 200_000

Time = Annotated[float, Meta(ge=0, le=1e11)]  # epoch seconds that every calendar can show
Amount = Annotated[float, Meta(ge=-1e15, le=1e15)]
Count = Annotated[int, Meta(ge=0, le=10**9)]
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Words = Annotated[str, Meta(max_length=100_000)]
Word = Annotated[str, Meta(max_length=1000)]


class Wrong(Exception):
    """A folder or an archive says what no run of labctl says."""


class RunFacts(msgspec.Struct, kw_only=True):
    """A run, as its record has it."""

    name: Word
    uuid: Word
    plugin: Word
    distribution: Word
    version: Word
    state: RunState
    created: Time
    started: Time | None = None
    ended: Time | None = None
    command: Words = ""
    executor: Word = ""
    tags: tuple[Word, ...] = ()
    note: Words = ""
    seed: Integer = 0
    registration: Word | None = None
    expected_usd: Amount | None = None
    worst_usd: Amount | None = None
    spent_usd: Amount | None = None
    jobs_total: Count = 0
    jobs_done: Count = 0
    headline: Words | None = None
    verdicts: tuple[tuple[Word, Outcome], ...] = ()
    adopts: bool = False
    stop_at: Amount | None = None


class JobFacts(msgspec.Struct, kw_only=True):
    """A job, as a record or a line of a journal has it."""

    id: Word
    position: Count = 0
    key: Digest | None = None
    state: JobState
    reason: Words = ""
    tags: tuple[Word, ...] = ()
    value: Any = None
    artifacts: tuple[Artifact, ...] = ()
    error: JobFailure | None = None
    started: Time | None = None
    ended: Time | None = None
    seconds: Amount = 0.0
    cpu_seconds: Amount = 0.0
    failures: Count = 0
    interruptions: Count = 0
    origin: Word | None = None
    made: Time | None = None


class AttemptFacts(msgspec.Struct, kw_only=True):
    """One try of a job."""

    job: Word
    n: Count
    executor: Word
    state: Word
    started: Time
    handle: Words | None = None
    ended: Time | None = None
    seconds: Amount | None = None
    cpu_seconds: Amount | None = None
    peak_mib: Amount | None = None
    usd: Amount | None = None


class Registered(msgspec.Struct):
    sha256: Digest
    first_seen: Time | None = None


class RecordFacts(msgspec.Struct, kw_only=True):
    """The parts of ``record.json`` that the database is made of."""

    run: RunFacts
    jobs: tuple[JobFacts, ...]
    attempts: tuple[AttemptFacts, ...] = ()
    registrations: dict[str, Registered] = {}


class FileFacts(msgspec.Struct):
    sha256: Digest
    size: Count | Integer = 0


class PlannedFacts(msgspec.Struct, kw_only=True):
    """A job of ``plan.json``."""

    id: Word
    function: Word
    needs: dict[str, tuple[Word, ...]] = {}
    files: dict[str, FileFacts] = {}
    tags: tuple[Word, ...] = ()
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    cache: bool = True
    seal: Word | None = None
    environment: dict[str, Any] = {}


class ClaimFacts(msgspec.Struct, kw_only=True):
    prediction: dict[str, Any]
    point: str
    sha256: Digest


class PlanFacts(msgspec.Struct, kw_only=True):
    """The parts of ``plan.json`` that are read here. ``keys``: the material of each job's key."""

    jobs: tuple[PlannedFacts, ...]
    predictions: tuple[ClaimFacts, ...] = ()
    keys: dict[str, dict[str, Any]] = {}


def check_run(run: RunFacts) -> None:
    """Raises Wrong for a name, id or project that labctl gives to nothing."""
    named = RUN_NAME.fullmatch(run.name)
    if not named or named[1] != run.plugin:
        raise Wrong(f"{run.name!r:.80} is no name of a run of {run.plugin!r:.80}")
    if not UUID.fullmatch(run.uuid):
        raise Wrong(f"{run.uuid!r:.80} is no id of a run")
    if run.registration and not DIGEST.fullmatch(run.registration):
        raise Wrong("the digest of its claims is none")


def check_jobs(jobs: Iterable[JobFacts]) -> None:
    """Raises Wrong for ids, names and values that no job has: some of them become paths."""
    seen: set[str] = set()
    for job in jobs:
        check_id(job.id)
        if job.id in seen:
            raise Wrong(f"two jobs have the id {job.id}")
        seen.add(job.id)
        if len(seen) > MOST_JOBS:
            raise Wrong(f"it has more than {MOST_JOBS:,} jobs")
        for problem in _artifact_problems(job.artifacts):
            raise Wrong(f"job {job.id}: {problem}")
        try:
            checked(job.value)
        except BadResult as error:
            raise Wrong(f"job {job.id}: {error}") from None


def check_attempts(attempts: Iterable[AttemptFacts], jobs: set[str]) -> None:
    """Raises Wrong for a try of no job, and for one that is told twice."""
    seen: set[tuple[str, int]] = set()
    for attempt in attempts:
        if attempt.job not in jobs:
            raise Wrong(f"an attempt is of {attempt.job!r:.80}, which is no job of it")
        if (attempt.job, attempt.n) in seen:
            raise Wrong(f"attempt {attempt.n} of {attempt.job} is told twice")
        seen.add((attempt.job, attempt.n))


def check_id(text: str) -> None:
    """Raises Wrong for what is no id of a job, alone or with its point of the grid."""
    name, _, point = text.partition("@")
    parts = text.split("/")
    if (
        not JOB_ID.fullmatch(name)
        or len(text.encode("utf-8", "replace")) > LONGEST_ID
        or not point.isprintable()
        or "\\" in point
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise Wrong(f"{text!r:.80} is no id of a job")


def _artifact_problems(artifacts: tuple[Artifact, ...]) -> Iterator[str]:
    names: set[str] = set()
    for artifact in artifacts:
        if problem := bad_name(artifact.name):
            yield f"artifact {artifact.name!r:.80}: {problem}"
        if not DIGEST.fullmatch(artifact.sha256):
            yield f"artifact {artifact.name}: {artifact.sha256!r:.80} is no sha256"
        if not 0 <= artifact.size < 2**63:
            yield f"artifact {artifact.name}: its size is {artifact.size}"
        if artifact.name in names:
            yield f"two artifacts have the name {artifact.name}"
        if any(f"{artifact.name}/".startswith(f"{n}/") or n.startswith(f"{artifact.name}/") for n in names):
            yield f"artifact {artifact.name} overlaps with another"
        names.add(artifact.name)
        if len(artifact.stores) > 8 or any(len(s) > 100 or not s.isprintable() for s in artifact.stores):
            yield f"artifact {artifact.name}: its stores have no such names"


def finite(value: Any) -> bool:
    """Whether a value is a number to reckon with; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
