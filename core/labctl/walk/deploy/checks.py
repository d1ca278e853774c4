"""Checks before something is put in place: jobs that the host runs here, now, against what is there."""

from __future__ import annotations

import os
import queue
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from labctl.errors import UsageError
from labctl.executors import machine
from labctl.executors.local import LocalExecutor
from labctl.model.canonical import digest
from labctl.model.machine import Environment
from labctl.model.results import JobFailure, JobResult
from labctl.model.wire import Event, Order
from labctl.planning.keys import as_input
from labctl.planning.overrides import override
from labctl.planning.plan import PlannedJob, plan_check
from labctl.plugins.loaded import point_from_record
from labctl.spi import Session
from labctl.store.deployments import CheckResult
from labctl.store.folder import RunFolder
from labctl.store.objects import CorruptObject, Objects
from labctl.walk.deploy.planned import Planned, Wanted
from labctl.walk.fetching import artifacts_of
from labctl.walk.planfile import read_plan

LONGEST = 500  # characters of what a check says that are shown and kept


def with_checks(planned: Planned, *, force: bool, say: Callable[[str], None]) -> Planned:
    """Run the checks of what is new or changed. What does not pass is held; ``force``: all the same not.

    Each runs like any other job of this machine: in a process of its own, with its timeout, an allow-list
    of variables, and a seed from the run's seed and its id. Raises LabError for a check that is no job.
    """
    jobs = {index: _bound(planned, w) for index, w in enumerate(planned.wanted) if w.writes and w.check}
    if not jobs:
        return planned
    checked = list(planned.wanted)
    with _executor(planned, [job.environment for job in jobs.values()]) as run:
        for index, job in jobs.items():
            wanted = checked[index]
            say(f"{job.id}: {wanted.action.to}")
            result = run(job)
            change = wanted.action.change if result.passes or force else "held"
            shown = msgspec.structs.replace(wanted.action, change=change, check=result)
            checked[index] = wanted._replace(action=shown)
    return planned._replace(wanted=tuple(checked))


def _bound(planned: Planned, wanted: Wanted) -> PlannedJob:
    """The check as a job of this run. Raises PluginError for one that names what there is not."""
    loaded, label = planned.loaded, wanted.point
    assert wanted.check is not None
    point = point_from_record(loaded, label, planned.points[label])
    ctx = loaded.context(point, planned.row.seed, str(planned.project))
    own = {environment.name: environment for environment in loaded.project.provision(ctx)}
    environments = override(own.values(), _overrides(planned))
    return plan_check(
        loaded.project, wanted.check, environments, point=label, seed=planned.row.seed, own=own,
        known=planned.results,
    )  # fmt: skip


def _overrides(planned: Planned) -> Mapping[str, tuple[str, ...]]:
    """``--cpu``, ``--timeout`` and their like, as they were given to the run."""
    try:
        saved = read_plan(RunFolder(planned.home / "runs" / planned.row.name))
    except UsageError:  # a run without a readable plan still has its results
        return {}
    return saved.request.overrides if saved.request else {}


@contextmanager
def _executor(
    planned: Planned, environments: list[Environment]
) -> Iterator[Callable[[PlannedJob], CheckResult]]:
    """The local executor, in a home of its own that is gone afterwards; only the content is the home's."""
    known = {digest(environment): environment for environment in environments}
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    place = planned.home / "work" / f"deploy-{os.urandom(8).hex()}"
    folder = RunFolder(place / "run")
    folder.make()
    volumes = planned.home / "volumes"
    volumes.mkdir(mode=0o700, exist_ok=True)
    (place / "volumes").symlink_to(volumes)
    session = Session(
        emit=events.put, home=place, folder=folder.root, slots=1, environment=lambda sha256: known[sha256]
    )
    session.objects = planned.home / "objects"
    executor = LocalExecutor()
    try:
        executor.open(session)
        with artifacts_of(planned.row, str(planned.home)) as take:
            yield lambda job: _checked(planned, job, executor, events, take)
    finally:
        executor.close()
        shutil.rmtree(place, ignore_errors=True)


def _checked(
    planned: Planned, job: PlannedJob, executor: LocalExecutor, events: queue.SimpleQueue[Event], take: Any
) -> CheckResult:
    """Run one check to its end. What it cannot say, for whatever reason, it does not pass."""
    said = CheckResult(job.local_id, False, seed=job.seed)
    for problem in machine.check([job.environment]):
        return msgspec.structs.replace(said, reason=f"it cannot be run here: {problem.what}")
    needs = {role: [planned.results[i] for i in ids] for role, ids in job.needs.items()}
    for result in (r for found in needs.values() for r in found):
        if not (result.ok or job.tolerant):
            return msgspec.structs.replace(said, reason=f"it needs {result.id}, which {result.state}")
    objects = Objects(planned.home / "objects")
    try:
        for result in (r for found in needs.values() for r in found):
            for artifact in result.artifacts:
                take(artifact)
        for name, file in job.files.items():
            objects.copy_in(Path(os.path.realpath(job.file_paths[name])), file.sha256)
    except (OSError, CorruptObject) as error:
        return msgspec.structs.replace(said, reason=str(error))
    executor.submit(_order(planned, job, needs))
    while (event := events.get()).kind != "ended":
        pass
    return _result(said, event.data)


def _order(planned: Planned, job: PlannedJob, needs: Mapping[str, list[JobResult]]) -> Order:
    return Order(
        run=planned.row.name,
        job=job.id,
        attempt=1,
        key="",
        function=job.function,
        params=job.params,
        environment=digest(job.environment),
        inputs={role: tuple(as_input(result) for result in found) for role, found in needs.items()},
        files=job.files,
        seed=job.seed,
        threads=machine.threads(job.environment),
        timeout=job.timeout,
        fresh=True,
    )


def _result(said: CheckResult, end: Mapping[str, Any]) -> CheckResult:
    """What a check has found, by its end."""
    said = msgspec.structs.replace(said, seconds=float(end.get("seconds", 0.0)))
    if end["state"] != "succeeded":
        failure = msgspec.convert(end.get("error") or {"type": "", "message": ""}, JobFailure)
        why = str(failure) or str(end["state"])
        where = f" ({failure.where.rpartition('/')[2]})" if failure.where else ""
        return msgspec.structs.replace(said, reason=f"{end['state']}: {why}{where}"[:LONGEST])
    value = end.get("value")
    if not isinstance(value, dict) or not isinstance(value.get("passes"), bool):
        return msgspec.structs.replace(said, reason="it does not say whether it passes")
    text, verdict = (_words(value.get(name)) for name in ("text", "verdict"))
    return msgspec.structs.replace(said, passes=value["passes"], text=text, verdict=verdict)


def _words(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""
