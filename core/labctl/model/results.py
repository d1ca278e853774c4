"""What came out of a run: results of jobs, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from labctl.model.charts import Chart
from labctl.model.plan import Job, Prediction

if TYPE_CHECKING:
    from pathlib import Path

JobState = Literal[
    "planned",
    "queued",
    "cached",
    "reused",
    "running",
    "succeeded",
    "failed",
    "timed out",
    "interrupted",
    "cancelled",
    "over budget",
    "skipped",
]
RunState = Literal["running", "succeeded", "partial", "failed", "interrupted", "cancelled", "over budget"]
DONE: frozenset[str] = frozenset({"succeeded", "cached", "reused"})
ENDED: frozenset[str] = DONE | {
    "failed", "timed out", "interrupted", "cancelled", "over budget", "skipped"
}  # fmt: skip


class Artifact(msgspec.Struct, frozen=True):
    """A file or folder that a job wrote: ``sha256`` of its content, ``size`` in bytes, its stores."""

    name: str
    sha256: str
    size: int
    folder: bool = False
    stores: tuple[str, ...] = ()


class JobFailure(msgspec.Struct, frozen=True):
    """Why a job has no result: the error's type and message, and the author's line it came from."""

    type: str
    message: str
    where: str = ""
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.type else self.message


class JobResult(msgspec.Struct, frozen=True):
    """How a job ended, what it returned, and what it wrote.

    ``paths`` is where the artifacts lie for the reader of this object.
    """

    id: str
    state: JobState
    value: Any = None
    artifacts: tuple[Artifact, ...] = ()
    error: JobFailure | None = None
    tags: tuple[str, ...] = ()
    seconds: float = 0.0
    paths: dict[str, str] = {}

    @property
    def ok(self) -> bool:
        return self.state in DONE

    def path(self, name: str) -> Path:
        """Where the artifact ``name`` lies, to be read only. Raises KeyError with the names there are."""
        from pathlib import Path  # not for help: it costs a third of an interpreter

        if name not in self.paths:
            have = ", ".join(sorted(self.paths)) or "none"
            raise KeyError(f"job {self.id} has no artifact {name!r}; it has: {have}")
        return Path(self.paths[name])


class Results(Mapping[str, JobResult]):
    """Results by job id, in the order of the plan."""

    def __init__(self, results: Mapping[str, JobResult]) -> None:
        self._results = dict(results)

    def __getitem__(self, job_id: str) -> JobResult:
        return self._results[job_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def tagged(self, tag: str) -> Results:
        """The results of jobs that carry ``tag``."""
        return Results({i: r for i, r in self._results.items() if tag in r.tags})

    def of(self, extension: str) -> Results:
        """The results of an extension's jobs: those named ``NAME`` or ``NAME/...``."""
        return Results(
            {i: r for i, r in self._results.items() if i == extension or i.startswith(extension + "/")}
        )

    def matching(self, pattern: str) -> Results:
        """The results whose ids match ``pattern`` (``*``, ``?`` as in file names)."""
        return Results({i: r for i, r in self._results.items() if fnmatchcase(i, pattern)})


class Baseline(msgspec.Struct, frozen=True):
    """The best cheap alternative, measured on the same units as the claim."""

    name: str
    estimate: float
    low: float | None = None
    high: float | None = None


class Evidence(msgspec.Struct, frozen=True):
    """What a section brings for one prediction. The host makes the verdict of it.

    ``status``: *ok*; *untestable*, the threshold is out of reach by design; *degenerate*, the measure
    cannot vary; *not judged*, data are missing. For all but *ok* ``note`` says why.
    ``low``, ``high``: 95 % interval. ``p``: one-sided p-value against the claim, if there is one.
    ``n``: independent units; ``events``: how many of them had the event.
    """

    prediction: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int = 0
    events: int | None = None
    baseline: Baseline | None = None
    status: Literal["ok", "untestable", "degenerate", "not judged"] = "ok"
    note: str = ""


Outcome = Literal["supported", "refuted", "inconclusive", "untestable", "degenerate", "not judged"]


class Verdict(msgspec.Struct, frozen=True):
    """What the host made of a prediction and its evidence.

    ``post_hoc``: the results it rests on are older than the registration.
    ``baseline_better``: the cheap baseline satisfies the claim's direction better than the estimate.
    """

    prediction: Prediction
    outcome: Outcome
    evidence: Evidence | None = None
    reason: str = ""
    post_hoc: bool = False
    baseline_better: bool = False
    p_adjusted: float | None = None


class Metric(msgspec.Struct, frozen=True):
    """A number with its basis."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    better: Literal["up", "down", ""] = ""
    n: int | None = None
    note: str = ""


class Table(msgspec.Struct, frozen=True):
    """Rows of cells (text, number, None). ``title`` says what it shows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | bool | None, ...], ...]
    note: str = ""


class Step(msgspec.Struct, frozen=True):
    """Something worth doing next, with the command that does it."""

    text: str
    command: str = ""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the report. ``headline`` is a sentence made by rule; ``text`` are plain paragraphs.

    ``rank`` orders sections (lower first). The headline of the first is that of the report.
    """

    title: str
    headline: str = ""
    text: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    next: tuple[Step, ...] = ()
    rank: int = 0


class Report(msgspec.Struct, frozen=True):
    """All that a run found. ``results`` are by job id, in the order of the plan."""

    run: str
    results: dict[str, JobResult]
    sections: tuple[Section, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


class Copy(msgspec.Struct, frozen=True, tag_field="action", tag="copy"):
    """Put a job's artifact at ``to``, a path inside the user's project.

    ``check`` is a job that is run at deploy time against what is in place then. It returns ``passes``,
    true or false, and for people ``text`` and ``verdict``; without true nothing is put there.
    """

    job: str
    artifact: str
    to: str
    check: Job | None = None


class Publish(msgspec.Struct, frozen=True, tag_field="action", tag="publish"):
    """Keep a service of the plan up where others can reach it."""

    service: str


Action = Copy | Publish
