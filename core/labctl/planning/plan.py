"""The plan of a run: what hooks returned, checked as a whole, for every point of the grid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from typing import Any

import msgspec

from labctl.model.canonical import derive_seed
from labctl.model.machine import Environment
from labctl.model.plan import Job, Prediction, Service
from labctl.model.wire import FileRef
from labctl.planning.closure import Closures
from labctl.plugins.facade import Project

JOB_ID = re.compile(r"[A-Za-z0-9][\w.=+-]*(/[A-Za-z0-9][\w.=+-]*)*", re.ASCII)
FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
NAME_LIMIT = 120


class PlannedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a plan with all that is bound to it: its environment, its seed, its point of the grid.

    ``id`` is unique in the run, ``local_id`` is what the plugin called it at its point.
    """

    id: str
    local_id: str
    point: str
    function: str
    params: dict[str, Any]
    environment: Environment
    needs: dict[str, tuple[str, ...]]
    files: dict[str, FileRef]
    file_paths: dict[str, str]
    tolerant: bool
    tags: tuple[str, ...]
    code: tuple[str, ...]
    seed: int
    cache: bool
    fresh: bool
    seal: str | None
    timeout: float
    estimate: float | None
    service: bool = False
    counts: dict[str, int] = {}
    lent: bool = False

    @property
    def family(self) -> str:
        """The first part of its id."""
        return self.local_id.partition("/")[0]

    @property
    def modules(self) -> tuple[str, ...]:
        return (self.function.partition(":")[0], *self.code)

    def is_called(self, name: str) -> bool:
        """Whether ``--only NAME`` means this job: a tag, its id, or a beginning of its id."""
        ids = (self.id, self.local_id)
        return name in self.tags or any(i == name or i.startswith(name + "/") for i in ids)


class PlannedPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction at a point of the grid; ``jobs`` are ids of the run, patterns resolved."""

    prediction: Prediction
    point: str
    jobs: tuple[str, ...]

    @property
    def id(self) -> str:
        return at_point(self.prediction.id, self.point)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs in an order in which each comes after its needs, services, and claims."""

    jobs: tuple[PlannedJob, ...]
    services: tuple[PlannedJob, ...] = ()
    predictions: tuple[PlannedPrediction, ...] = ()

    def environments(self) -> tuple[Environment, ...]:
        """The environments that jobs use, each once."""
        found: list[Environment] = []
        for job in self.jobs:
            if job.environment not in found:
                found.append(job.environment)
        return tuple(found)

    def job(self, job_id: str) -> PlannedJob:
        return next(job for job in self.jobs if job.id == job_id)


def at_point(name: str, point: str) -> str:
    return f"{name}@{point}" if point else name


def local_name(job_id: str) -> str:
    """What the plugin called a job: its id without the point of the grid."""
    return job_id.partition("@")[0]


def plan_point(
    project: Project,
    items: Iterable[Job | Prediction],
    environments: Mapping[str, Environment],
    *,
    point: str,
    seed: int,
    own: Mapping[str, Environment] | None = None,
) -> Plan:
    """Check what the hook ``run`` returned at one point, and bind it. Raises PluginError.

    Refused are ids that are no ids or are given twice, unknown environments and needs, cycles, and
    timeouts beyond the environment's. ``own``: the environments before the user overrode them.
    """
    builder = _Builder(project, environments, own or environments, point, seed)
    listed = list(items)
    jobs = [item for item in listed if isinstance(item, Job)]
    predictions = [item for item in listed if isinstance(item, Prediction)]
    builder.check_ids(jobs, predictions)
    planned = [builder.bind(job) for job in jobs]
    ordered = builder.ordered([job for job in planned if not job.service])
    claims = tuple(builder.claim(p, ordered) for p in predictions)
    services = tuple(job for job in planned if job.service)
    return Plan(jobs=tuple(ordered), services=services, predictions=claims)


def plan_check(
    project: Project,
    check: Job,
    environments: Mapping[str, Environment],
    *,
    point: str,
    seed: int,
    own: Mapping[str, Environment],
    known: Iterable[str],
) -> PlannedJob:
    """Bind the check of a Copy like a job of the run; ``known``: the run's jobs. Raises PluginError."""
    builder = _Builder(project, environments, own, point, seed, "deploy")
    builder.check_id(check)
    builder.known |= {local_name(job_id) for job_id in known}
    bound = builder.bind(check)
    for need in (i for ids in bound.needs.values() for i in ids if i not in set(known)):
        raise builder.wrong(f"check {check.id} needs {need}, which the run does not have")
    if bound.service:
        raise builder.wrong(f"check {check.id} is a service")
    return bound


def check_functions(project: Project, plan: Plan, closures: Closures) -> None:
    """Refuse a plan that names functions which cannot be imported, by looking at files only."""
    for job in (*plan.jobs, *plan.services):
        module, _, attribute = job.function.partition(":")
        if not closures.exists(module):
            raise project.wrong("run", f"job {job.id}: there is no module {module}")
        if not closures.defines(module, attribute.split(".")[0]):
            raise project.wrong("run", f"job {job.id}: module {module} has no function {attribute}")
        for extra in job.code:
            if not closures.exists(extra):
                raise project.wrong("run", f"job {job.id}: there is no module {extra} (named by its code)")


class _Builder:
    def __init__(
        self,
        project: Project,
        environments: Mapping[str, Environment],
        own: Mapping[str, Environment],
        point: str,
        seed: int,
        hook: str = "run",
    ) -> None:
        self.hook = hook
        self.project = project
        self.own = own
        self.environments = environments
        self.point = point
        self.seed = seed
        self.known: set[str] = set()
        self.lent: set[str] = set()

    def wrong(self, detail: str) -> Exception:
        return self.project.wrong(self.hook, detail)

    def check_ids(self, jobs: list[Job], predictions: list[Prediction]) -> None:
        if not jobs:
            raise self.wrong("it plans no job")
        for job in jobs:
            if job.id in self.known:
                raise self.wrong(f"two jobs have the id {job.id}")
            self.check_id(job)
            self.known.add(job.id)
            if job.lent:
                self.lent.add(job.id)
        seen: set[str] = set()
        for prediction in predictions:
            if not JOB_ID.fullmatch(prediction.id):
                raise self.wrong(f"{prediction.id!r:.80} is no id of a prediction")
            if prediction.id in seen:
                raise self.wrong(f"two predictions have the id {prediction.id}")
            if not prediction.jobs:
                raise self.wrong(f"prediction {prediction.id} rests on no job")
            if prediction.margin < 0:
                raise self.wrong(f"prediction {prediction.id}: margin is at least 0")
            seen.add(prediction.id)

    def check_id(self, job: Job) -> None:
        if not JOB_ID.fullmatch(job.id) or len(job.id) > NAME_LIMIT:
            raise self.wrong(f"{job.id!r:.80} is no id of a job: words joined by /, at most {NAME_LIMIT}")
        if not FUNCTION.fullmatch(job.function):
            raise self.wrong(f"job {job.id}: function {job.function!r:.80} is not module:function")

    def bind(self, job: Job) -> PlannedJob:
        environment = self._environment(job)
        longest = self.own[environment.name].timeout
        if job.timeout is not None and not 0 < job.timeout <= longest:
            raise self.wrong(
                f"job {job.id}: its timeout of {job.timeout:g} s is not within the {longest:g} s"
                f" of environment {environment.name}"
            )
        for role, ids in job.needs.items():
            for need in ids:
                if need not in self.known:
                    raise self.wrong(f"job {job.id} needs {need} as {role}; no job has that id")
                if need in self.lent and not job.tolerant:
                    raise self.wrong(f"job {job.id} needs {need}, which is lent, and so has to be tolerant")
        seed = derive_seed(self.seed, job.id) if job.seed is None else job.seed
        files = {
            n: FileRef(sha256=f.sha256, size=f.size, name=f.path.rpartition("/")[2])
            for n, f in job.files.items()
        }
        return PlannedJob(
            id=at_point(job.id, self.point),
            local_id=job.id,
            point=self.point,
            function=job.function,
            params=job.params,
            environment=environment,
            needs={r: tuple(at_point(i, self.point) for i in ids) for r, ids in job.needs.items()},
            files=files,
            file_paths={name: file.path for name, file in job.files.items()},
            tolerant=job.tolerant,
            tags=job.tags,
            code=job.code,
            seed=seed,
            cache=job.cache,
            fresh=job.fresh,
            seal=job.seal,
            timeout=min(job.timeout or environment.timeout, environment.timeout),
            estimate=job.estimate,
            service=isinstance(job, Service),
            counts=job.counts,
            lent=job.lent,
        )

    def ordered(self, jobs: list[PlannedJob]) -> list[PlannedJob]:
        graph = {job.id: {i for ids in job.needs.values() for i in ids} for job in jobs}
        position = {job.id: index for index, job in enumerate(jobs)}
        try:
            sorter = TopologicalSorter(graph)
            sorter.prepare()
        except CycleError as error:
            raise self.wrong("its jobs need each other in a circle: " + " -> ".join(error.args[1])) from None
        by_id = {job.id: job for job in jobs}
        result: list[PlannedJob] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=lambda i: position.get(i, 0))
            for job_id in ready:
                if job_id not in by_id:
                    raise self.wrong(f"a job needs the service {job_id}; services are not results")
            result += [by_id[job_id] for job_id in ready]
            sorter.done(*ready)
        return result

    def claim(self, prediction: Prediction, jobs: list[PlannedJob]) -> PlannedPrediction:
        ids: list[str] = []
        for pattern in prediction.jobs:
            found = [job.id for job in jobs if fnmatchcase(job.local_id, pattern)]
            if not found:
                raise self.wrong(f"prediction {prediction.id} rests on {pattern}; no job has that id")
            ids += [i for i in found if i not in ids]
        return PlannedPrediction(prediction=prediction, point=self.point, jobs=tuple(ids))

    def _environment(self, job: Job) -> Environment:
        if not job.environment:
            if len(self.environments) == 1:
                return next(iter(self.environments.values()))
            names = ", ".join(self.environments)
            raise self.wrong(f"job {job.id} names no environment, and there are several: {names}")
        if job.environment not in self.environments:
            names = ", ".join(self.environments)
            raise self.wrong(f"job {job.id}: there is no environment {job.environment!r}; there are: {names}")
        return self.environments[job.environment]
