"""What differs between runs: what went in, what came out, and job by job how far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from labctl.archive.facts import PlanFacts, Wrong
from labctl.archive.intervals import Difference, paired, unpaired
from labctl.archive.numbers import metrics, numbers_in
from labctl.archive.telling import BROKEN, read_plain, read_plan
from labctl.model.results import DONE, Metric, Outcome, Table
from labctl.store.folder import RunFolder
from labctl.store.queries import JobRow, RunRow

SHORT = 8  # digits of a digest
RECORDED = ("version", "environment", "metric", "headline", "table", "verdict")
"""Parts that only a record tells of."""

T = TypeVar("T")


class _Point(msgspec.Struct):
    label: str
    parameters: dict[str, Any] = {}


class _Section(msgspec.Struct):
    title: str
    headline: str = ""
    metrics: tuple[Metric, ...] = ()
    tables: tuple[Table, ...] = ()


class _Named(msgspec.Struct):
    id: str


class _Estimate(msgspec.Struct):
    estimate: float | None = None
    low: float | None = None
    high: float | None = None


class _Verdict(msgspec.Struct):
    prediction: _Named
    outcome: Outcome
    evidence: _Estimate | None = None


class _Environment(msgspec.Struct):
    name: str
    needs: str


class _Report(msgspec.Struct, frozen=True):
    sections: tuple[_Section, ...] = ()
    environments: tuple[_Environment, ...] = ()
    versions: dict[str, str] = {}


class _Record(msgspec.Struct):
    points: tuple[_Point, ...] = ()
    verdicts: tuple[_Verdict, ...] = ()
    report: _Report = _Report()


class _Planned(msgspec.Struct):
    points: tuple[_Point, ...] = ()


class Side(NamedTuple):
    """A run with what its folder says of it. ``recorded``: it has come to an end, and has a record."""

    run: RunRow
    jobs: list[JobRow]
    plan: PlanFacts
    record: _Record
    recorded: bool
    numbers: dict[str, dict[str, float]]


class Row(NamedTuple):
    """Something that is not the same in all of the runs; None where a run has no such thing."""

    part: str
    name: str
    values: tuple[str | None, ...]


class Pair(NamedTuple):
    """A number of the jobs of one family in two runs, the second less the first."""

    jobs: str
    name: str
    first: float
    second: float
    difference: Difference


class Contrast(NamedTuple):
    """A run against the first. ``shared``: jobs of both with the same seed, of ``common`` jobs."""

    run: str
    common: int
    shared: int
    paired: bool
    same: int
    rows: tuple[Pair, ...]

    @property
    def method(self) -> str:
        return "paired t" if self.paired else "Welch's t, unpaired"


def read_side(run: RunRow, jobs: list[JobRow], folder: RunFolder) -> Side:
    """All that is compared of one run. What cannot be read is as if it were not there."""
    problems: list[str] = []
    plan = read_plan(folder, problems) or PlanFacts(jobs=())
    record = _read(folder.record, _Record)
    recorded = record is not None
    if record is None:
        planned = _read(folder.plan, _Planned) or _Planned()
        record = _Record(points=planned.points)
    numbers = {job.id: dict(numbers_in(job.value)) for job in jobs if job.state in DONE}
    for point in metrics(folder):
        if point.value is not None and point.job in numbers:
            numbers[point.job][f"metric {point.name}"] = point.value  # the last one counts
    return Side(run, jobs, plan, record, recorded, numbers)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(read_plain(path), type=kind)
    except (*BROKEN, OSError, Wrong):
        return None


def differences(sides: Sequence[Side]) -> list[Row]:
    """What is not the same in all runs, part by part.

    Of a run without a record nobody knows what came out, so it differs in none of that from the others.
    """
    parts = {
        "run": [_run(side) for side in sides],
        "parameter": [_parameters(side) for side in sides],
        "code": [_code(side) for side in sides],
        "version": [_versions(side) for side in sides],
        "environment": [{e.name: e.needs for e in side.record.report.environments} for side in sides],
        "metric": [_metrics(side) for side in sides],
        "headline": [{s.title: s.headline for s in side.record.report.sections} for side in sides],
        "table": [_tables(side) for side in sides],
        "verdict": [_verdicts(side) for side in sides],
    }
    return [
        Row(part, name, tuple(one.get(name) for one in found))
        for part, found in parts.items()
        for name in dict.fromkeys(name for one in found for name in one)
        if len({one.get(name) for one, side in zip(found, sides, strict=True) if _tells(side, part)}) > 1
    ]


def _tells(side: Side, part: str) -> bool:
    return side.recorded or part not in RECORDED


def contrast(first: Side, second: Side) -> Contrast:
    """Two runs number by number: in pairs if all jobs that both finished have the same seeds in both."""
    seeds = [{job: m.get("seed") for job, m in side.plan.keys.items()} for side in (first, second)]
    common = [job for job in first.numbers if job in second.numbers]
    shared = [job for job in common if job in seeds[0] and seeds[0][job] == seeds[1].get(job)]
    in_pairs = bool(common) and len(shared) == len(common)
    rows: list[Pair] = []
    for family in dict.fromkeys(_family(job) for job in (*first.numbers, *second.numbers)):
        left, right = _series(first, family), _series(second, family)
        for name in (name for name in left if name in right):
            pair = _pair(family, name, left[name], right[name], in_pairs)
            rows += [pair] if pair is not None else []
    differ = tuple(row for row in rows if {row.difference.mean, row.difference.low} - {0.0, None})
    return Contrast(second.run.name, len(common), len(shared), in_pairs, len(rows) - len(differ), differ)


def _pair(
    family: str, name: str, left: dict[str, float], right: dict[str, float], in_pairs: bool
) -> Pair | None:
    if in_pairs:
        both = [job for job in left if job in right]
        a, b = [left[job] for job in both], [right[job] for job in both]
    else:
        a, b = list(left.values()), list(right.values())
    if not a or not b:
        return None
    found = (paired if in_pairs else unpaired)(a, b)
    return Pair(family, name, sum(a) / len(a), sum(b) / len(b), found)


def _series(side: Side, family: str) -> dict[str, dict[str, float]]:
    """A family's numbers: by name, then by job."""
    found: dict[str, dict[str, float]] = {}
    for job, numbers in side.numbers.items():
        if _family(job) == family:
            for name, value in numbers.items():
                found.setdefault(name, {})[job] = value
    return found


def _family(job: str) -> str:
    """Jobs that are compared together: the first part of the id, at one point of the grid."""
    name, _, point = job.partition("@")
    return name.partition("/")[0] + (f"@{point}" if point else "")


def _run(side: Side) -> dict[str, str]:
    run = side.run
    jobs = f"{run.jobs_done}/{run.jobs_total}"
    return {"state": run.state, "executor": run.executor, "seed": str(run.seed), "jobs done": jobs}


def _parameters(side: Side) -> dict[str, str]:
    return {
        f"{name}{f' at {point.label}' if point.label else ''}": msgspec.json.encode(value).decode()
        for point in side.record.points
        for name, value in point.parameters.items()
    }


def _code(side: Side) -> dict[str, str]:
    materials: Iterable[dict[str, Any]] = side.plan.keys.values()
    return {file: str(sha256)[:SHORT] for m in materials for file, sha256 in _table(m, "code").items()}


def _versions(side: Side) -> dict[str, str]:
    found = {side.run.distribution: side.run.version, **side.record.report.versions}
    return found | {n: str(v) for m in side.plan.keys.values() for n, v in _table(m, "packages").items()}


def _table(material: dict[str, Any], name: str) -> dict[str, Any]:
    value = material.get(name)
    return value if isinstance(value, dict) else {}


def _metrics(side: Side) -> dict[str, str]:
    return {
        f"{section.title}: {m.name}": _interval(m.value, m.low, m.high) + (f" {m.unit}" if m.unit else "")
        for section in side.record.report.sections
        for m in section.metrics
    }


def _tables(side: Side) -> dict[str, str]:
    """A table as its size and a digest: whether it differs, not how."""
    from labctl.model.canonical import digest

    return {
        f"{section.title}: {table.title}": f"{len(table.rows)} rows, {digest(table.rows)[:SHORT]}"
        for section in side.record.report.sections
        for table in section.tables
    }


def _verdicts(side: Side) -> dict[str, str]:
    found = {}
    for verdict in side.record.verdicts:
        e = verdict.evidence
        said = f" {_interval(e.estimate, e.low, e.high)}" if e and e.estimate is not None else ""
        found[verdict.prediction.id] = verdict.outcome + said
    return found


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    return _short(value) + (
        f" [{_short(low)}, {_short(high)}]" if low is not None or high is not None else ""
    )


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
