"""``--only`` and ``--skip``: which jobs of a plan run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import msgspec

from labctl.errors import UsageError
from labctl.planning.plan import Plan, PlannedJob


def select(plan: Plan, only: Iterable[str], skip: Iterable[str]) -> tuple[Plan, tuple[PlannedJob, ...]]:
    """The plan that is left, and the skipped jobs whose results it still needs.

    ``--only X`` keeps what X names, its needs, the claims that rest only on kept jobs or that X's
    jobs are part of, with the jobs those claims name, so that baselines stay. A tolerant job of
    another name stays if a kept claim rests on it; its needs are cut to what is kept.
    ``--skip Y`` takes out what Y names; results that others need must come from elsewhere. A job that
    is lent is always skipped.
    Raises UsageError for a name that fits no job.
    """
    only, skip = _names(only), _names(skip)
    _check(plan, [*only, *skip])
    skipped = {job.id for job in plan.jobs if job.lent or any(job.is_called(name) for name in skip)}
    kept = _kept_by(plan, only, skipped) if only else {job.id for job in plan.jobs}
    jobs = tuple(_cut(job, kept) for job in plan.jobs if job.id in kept - skipped)
    needed = {i for job in jobs for ids in job.needs.values() for i in ids}
    borrowed = tuple(job for job in plan.jobs if job.id in skipped and job.id in needed)
    available = (kept - skipped) | {job.id for job in borrowed}
    claims = tuple(p for p in plan.predictions if set(p.jobs) <= available)
    if not jobs:
        raise UsageError("nothing is left to run", hints=["labctl run PROJECT --plan shows all jobs"])
    return msgspec.structs.replace(plan, jobs=jobs, predictions=claims), borrowed


def _kept_by(plan: Plan, only: tuple[str, ...], skipped: set[str]) -> set[str]:
    by_id = {job.id: job for job in plan.jobs}
    named = {job.id for job in plan.jobs if any(job.is_called(name) for name in only)}
    kept = _with_needs(named, by_id, skipped)
    for prediction in plan.predictions:
        if named & set(prediction.jobs):
            # A tolerant judge that a claim rests on is kept without dragging in all that it can read.
            tolerant = {i for i in prediction.jobs if by_id[i].tolerant}
            kept |= tolerant | _with_needs(set(prediction.jobs) - tolerant, by_id, skipped)
    return kept


def _with_needs(ids: set[str], by_id: dict[str, PlannedJob], skipped: set[str]) -> set[str]:
    """The ids with all that they need; what is skipped is not run, so its own needs are not followed."""
    found: set[str] = set()
    todo = list(ids)
    while todo:
        job_id = todo.pop()
        if job_id in found:
            continue
        found.add(job_id)
        if job_id not in skipped:
            todo += [i for needs in by_id[job_id].needs.values() for i in needs]
    return found


def _cut(job: PlannedJob, kept: set[str]) -> PlannedJob:
    if not job.tolerant:
        return job
    needs = {role: tuple(i for i in ids if i in kept) for role, ids in job.needs.items()}
    return msgspec.structs.replace(job, needs=needs) if needs != job.needs else job


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())


def _check(plan: Plan, names: list[str]) -> None:
    for name in names:
        if any(job.is_called(name) for job in plan.jobs):
            continue
        known = sorted({job.family for job in plan.jobs} | {tag for job in plan.jobs for tag in job.tags})
        near = difflib.get_close_matches(name, known, 1, 0.5)
        raise UsageError(
            f"no job has the tag or the name {name}",
            details=["there are: " + ", ".join(known)],
            hints=[f"did you mean {near[0]}?"] if near else [],
        )
