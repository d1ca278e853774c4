"""Results that a run takes from elsewhere: for what it skips, and with ``--from RUN``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from labctl.errors import UsageError
from labctl.model.results import JobResult
from labctl.planning.keys import Material, key_of
from labctl.planning.plan import Plan, PlannedJob
from labctl.store.queries import JobRow, RunRow, find_run, jobs_of, runs_with_job
from labctl.store.runs import Store
from labctl.store.shelf import Shelf


class Loan(NamedTuple):
    """A result, the run it is taken from, and when it was made.

    ``maker``: the run that made it. ``differs``: how it was made otherwise than is asked now.
    """

    result: JobResult
    run: str
    made: float
    differs: str = ""
    maker: str = ""


def nothing(job: PlannedJob) -> Loan:
    """What stands for the result of a job that would be lent, where there is none."""
    return Loan(JobResult(id=job.id, state="skipped", tags=job.tags), "", 0.0)


class Lender:
    """Looks for results in a named run, the cache, and the newest run of the project that has them."""

    def __init__(
        self, store: Store, shelf: Shelf, plugin: str, source: str | None, materials: Mapping[str, Material]
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._plugin = plugin
        self._materials = materials
        self._source: RunRow | None = None
        self._rows: dict[str, dict[str, JobRow]] = {}
        self._plans: dict[str, dict[str, Any]] = {}
        if source is not None:
            self._source = find_run(store.db, source)
            if self._source.plugin != plugin:
                raise UsageError(f"{self._source.name} is a run of {self._source.plugin}, not of {plugin}")

    def for_skipped(self, plan: Plan, skipped: Iterable[PlannedJob]) -> dict[str, Loan]:
        """A result for each skipped job that is still needed. Raises UsageError, naming all that lack one.

        One that is lent may lack one: those that need it are told that it was skipped.
        """
        found: dict[str, Loan] = {}
        lacking: list[PlannedJob] = []
        for job in skipped:
            loan = self._from_source(job) or self._from_cache(plan, job) or self._from_newest(job)
            if loan is not None:
                found[job.id] = loan
            elif job.lent:
                found[job.id] = nothing(job)
            else:
                lacking.append(job)
        if lacking:
            names = ", ".join(job.id for job in lacking)
            where = f"run {self._source.name}, " if self._source else ""
            raise UsageError(
                f"results are needed of what is skipped, and there are none: {names}",
                details=[f"looked in: {where}the cache, the runs of {self._plugin}", "nothing was started"],
                hints=["run them too: leave out --skip", "or name a run that has them: --from RUN"],
            )
        return found

    def finished(self, jobs: Iterable[PlannedJob]) -> dict[str, Loan]:
        """Results of the ``--from`` run for those of ``jobs`` that it has."""
        loans = ((job.id, self._from_source(job)) for job in jobs)
        return {job_id: loan for job_id, loan in loans if loan is not None}

    def _from_source(self, job: PlannedJob) -> Loan | None:
        return self._from_run(self._source, job) if self._source else None

    def _from_newest(self, job: PlannedJob) -> Loan | None:
        name = runs_with_job(self._store.db, self._plugin, job.id)
        return self._from_run(find_run(self._store.db, name), job) if name else None

    def _from_run(self, run: RunRow, job: PlannedJob) -> Loan | None:
        if run.name not in self._rows:
            self._rows[run.name] = {row.id: row for row in jobs_of(self._store.db, run.id)}
        row = self._rows[run.name].get(job.id)
        if row is None or not row.result().ok or not all(self._shelf.has(a) for a in row.artifacts):
            return None
        made = row.made or row.ended or run.created
        maker = row.origin.partition("/")[0] if row.origin else run.name
        return Loan(row.result(), run.name, made, self._differs(maker, job), maker)

    def _differs(self, run: str, job: PlannedJob) -> str:
        """How a run made a job's result otherwise than this plan would; its code may differ unsaid."""
        if run not in self._plans:
            self._plans[run] = _keys_of(self._store.folder(run).plan)
        then = self._plans[run].get(job.id)
        now = msgspec.to_builtins(self._materials[job.id])
        if then is None:
            return ""
        parts = [
            f"{name} {then['params'].get(name)!r} instead of {now['params'].get(name)!r}"
            for name in {**now["params"], **then["params"]}
            if then["params"].get(name) != now["params"].get(name)
        ]
        parts += [part for part in ("seed", "files") if then[part] != now[part]]
        return f"{job.id} of {run} was made with another {', '.join(parts)}"[:300] if parts else ""

    def _from_cache(self, plan: Plan, job: PlannedJob) -> Loan | None:
        inputs: dict[str, tuple[JobResult, ...]] = {}
        for role, ids in job.needs.items():
            loans = [self._from_cache(plan, plan.job(i)) for i in ids]
            if any(loan is None for loan in loans):
                return None
            inputs[role] = tuple(loan.result for loan in loans if loan)
        found = self._shelf.cached(key_of(self._materials[job.id], inputs))
        if found is None:
            return None
        result = JobResult(
            id=job.id, state="cached", value=found.value, artifacts=found.artifacts, tags=job.tags,
            seconds=found.seconds,
        )  # fmt: skip
        return Loan(result, found.run, found.made)


class _Keys(msgspec.Struct):
    keys: dict[str, Material] = {}


def _keys_of(plan: Path) -> dict[str, Any]:
    """The materials of a run's plan; none where it cannot be read: it may be somebody else's."""
    try:
        found = msgspec.json.decode(plan.read_bytes(), type=_Keys)
    except (OSError, msgspec.MsgspecError):
        return {}
    return {job: msgspec.to_builtins(material) for job, material in found.keys.items()}
