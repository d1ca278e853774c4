"""Why a job was run, or not: the parts of its key beside those of the nearest earlier one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from labctl.errors import UsageError
from labctl.planning.keys import Material, as_input, result_digest
from labctl.planning.plan import PlannedJob
from labctl.store.folder import RunFolder
from labctl.store.queries import JobRow, RunRow, find_run, jobs_of, runs_with
from labctl.walk.planfile import SavedPlan, read_plan

PARTS = ("function", "code", "parameters", "files", "seed", "environment", "inputs", "seal", "labctl")
SEARCHED = 200  # earlier runs that are looked through


class Difference(NamedTuple):
    """A part of two keys that differs: what of it, there and here."""

    part: str
    name: str
    there: str
    here: str


class Explanation(NamedTuple):
    """``other``: the run that the job is held against, '' if there is none; ``same``: parts that agree."""

    run: str
    job: str
    state: str
    reason: str
    origin: str
    other: str
    other_created: float
    differences: tuple[Difference, ...]
    same: tuple[str, ...]


def explain(db: sqlite3.Connection, home: Path, row: RunRow, job: str, against: str | None) -> Explanation:
    """Hold a job's key against that of another run, else of the nearest earlier run that has the job.

    Raises UsageError for a job that is not there or whose key was never known.
    """
    saved = read_plan(RunFolder(home / "runs" / row.name))
    rows = {found.id: found for found in jobs_of(db, row.id)}
    if job not in rows:
        import difflib

        near = difflib.get_close_matches(job, rows, 1, 0.5)
        hints = [f"did you mean {near[0]}?"] if near else []
        hints.append(f"labctl runs show {row.name}")
        raise UsageError(f"run {row.name} has no job named {job}", hints=hints)
    here = _parts(saved, rows, job)
    other, differences = None, tuple[Difference, ...]()
    if against is not None:
        other = find_run(db, against)
        there = _parts_of(db, home, other, job)
        if there is None:
            raise UsageError(f"run {other.name} has no job named {job}")
        differences = tuple(_differences(there, here))
    else:
        for candidate in runs_with(db, row.plugin, job, before=row.id, limit=SEARCHED):
            there = _parts_of(db, home, candidate, job)
            if there is None:
                continue
            found = tuple(_differences(there, here))
            if other is None or len(_named(found)) < len(_named(differences)):
                other, differences = candidate, found
            if not found:
                break
    return Explanation(
        row.name, job, rows[job].state, rows[job].reason, rows[job].origin or "",
        other.name if other else "", other.created if other else 0.0, differences,
        tuple(part for part in PARTS if part not in _named(differences)),
    )  # fmt: skip


def _named(differences: tuple[Difference, ...]) -> list[str]:
    return list(dict.fromkeys(difference.part for difference in differences))


def _parts_of(db: sqlite3.Connection, home: Path, row: RunRow, job: str) -> dict[str, dict[str, Any]] | None:
    try:
        saved = read_plan(RunFolder(home / "runs" / row.name))
    except UsageError:
        return None  # its folder is gone or of an older format: there is nothing to compare with
    rows = {found.id: found for found in jobs_of(db, row.id)}
    return _parts(saved, rows, job) if job in saved.frozen.materials and job in rows else None


def _parts(saved: SavedPlan, rows: dict[str, JobRow], job: str) -> dict[str, dict[str, Any]]:
    """A key, part by part, as names with values."""
    material: Material = saved.frozen.materials[job]
    planned: PlannedJob = saved.frozen.plan.job(job)
    needs = [(role, i) for role, ids in planned.needs.items() for i in ids]
    return {
        "function": {"": material.function},
        "code": {**material.code, **material.packages},
        "parameters": material.params,
        "files": dict(material.files),
        "seed": {"": material.seed},
        "environment": _environment(material.environment),
        "inputs": {f"{role}: {i}": _input(saved, rows, i) for role, i in needs},
        "seal": {"": material.seal},
        "labctl": {"contract": material.contract, "schema": material.schema},
    }


def _environment(fingerprint: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(fingerprint)
    except msgspec.DecodeError:
        return {"": fingerprint}
    packages = found.pop("packages", {}) if isinstance(found, dict) else {}
    return {**found, **packages} if isinstance(found, dict) else {"": fingerprint}


def _input(saved: SavedPlan, rows: dict[str, JobRow], need: str) -> Any:
    if need in rows:
        return result_digest(as_input(rows[need].result()))[1:]
    loan = saved.loans.get(need)
    return result_digest(as_input(loan.result))[1:] if loan else None


def _differences(there: dict[str, dict[str, Any]], here: dict[str, dict[str, Any]]) -> Iterator[Difference]:
    for part in PARTS:
        for name in dict.fromkeys([*there[part], *here[part]]):
            old, new = there[part].get(name), here[part].get(name)
            if old != new:
                yield Difference(part, name, _shown(old), _shown(new))


def _shown(value: Any) -> str:
    """A value in a line; of a digest the beginning."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if len(text) == 64 and all(c in "0123456789abcdef" for c in text):
        return text[:8]
    return text if len(text) <= 60 else text[:58] + ".."
