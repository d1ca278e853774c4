"""One job, run in this process, for the tests of its author."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from labctl.model.results import Artifact, JobFailure, JobResult
from labctl.model.wire import Event, FileRef, Order
from labctl.store.digests import digest_path
from labctl.worker.execute import execute


class FolderPlace:
    """A place in a plain folder: ``work``, ``checkpoints/JOB``, ``volumes`` and ``objects`` below it."""

    def __init__(self, root: Path, job: str, volumes: Sequence[str] = ()) -> None:
        self.folder = root / "work"
        self.checkpoint = root / "checkpoints" / job
        self.objects = root / "objects"
        self.volumes: Mapping[str, Path] = {name: root / "volumes" / name for name in volumes}
        self.events: list[Event] = []
        shutil.rmtree(self.folder, ignore_errors=True)
        for path in (self.folder, self.checkpoint, self.objects, *self.volumes.values()):
            path.mkdir(parents=True, exist_ok=True)

    def find(self, sha256: str) -> Path:
        path = self.objects / sha256
        if not path.exists():
            raise FileNotFoundError(sha256)
        return path

    def keep(self, path: Path, name: str) -> Artifact:
        sha256, size, folder = digest_path(path)
        if not (self.objects / sha256).exists():
            shutil.move(path, self.objects / sha256)
        return Artifact(name=name, sha256=sha256, size=size, folder=folder, stores=("test",))

    def commit(self) -> None:
        pass

    def emit(self, event: Event) -> None:
        self.events.append(event)


def run_job(
    function: str,
    folder: Path,
    *,
    id: str = "job",
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Sequence[JobResult]] | None = None,
    files: Mapping[str, Path] | None = None,
    volumes: Sequence[str] = (),
    seed: int = 0,
    timeout: float = 3600.0,
    stopping: Callable[[], bool] = lambda: False,
) -> JobResult:
    """Run ``module:function`` as a worker would and return its result.

    ``folder`` is the world of a test: jobs that are given the same one can read each other's
    artifacts, by passing the result of one among the ``inputs`` of the next, and a job that is run
    again under its ``id`` finds its checkpoint. ``stopping`` is what ``job.should_stop()`` answers.
    Artifacts are at ``result.path(name)``. A job that fails returns a result with ``ok`` False and
    its ``error``.
    """
    place = FolderPlace(folder, id, volumes)
    refs: dict[str, FileRef] = {}
    for name, path in (files or {}).items():
        sha256, size, _ = digest_path(path)
        if not (place.objects / sha256).exists():
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, place.objects / sha256)
        refs[name] = FileRef(sha256=sha256, size=size, name=path.name)
    order = Order(
        run="test-1",
        job=id,
        attempt=1,
        key="",
        function=function,
        params=dict(params or {}),
        inputs={role: tuple(results) for role, results in (inputs or {}).items()},
        files=refs,
        seed=seed,
        timeout=timeout,
    )
    end = execute(order, place, stopping).data
    artifacts = msgspec.convert(end.get("artifacts", []), tuple[Artifact, ...])
    error = end.get("error")
    return JobResult(
        id=id,
        state=end["state"],
        value=end.get("value"),
        artifacts=artifacts,
        error=msgspec.convert(error, JobFailure) if error else None,
        seconds=end["seconds"],
        paths={a.name: str(place.find(a.sha256)) for a in artifacts},
    )
