"""The one object that a job's function gets for all that it needs of the world."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from labctl.model.results import Artifact, JobResult
from labctl.model.wire import Event, Order

if TYPE_CHECKING:
    from pathlib import Path

METRIC_EVERY = 0.2  # seconds between two batches: a job that measures in a loop must not fill the pipe


class Stopped(BaseException):
    """Raise it once the work is saved after ``job.should_stop()`` turned true.

    Not an Exception, so that a job's own ``except Exception`` does not swallow it.
    """


class Place(Protocol):
    """Where an attempt runs, as its executor lays it out.

    ``folder`` is this attempt's own and empty, ``checkpoint`` is shared by all attempts of the job.
    """

    @property
    def folder(self) -> Path: ...
    @property
    def checkpoint(self) -> Path: ...
    @property
    def volumes(self) -> Mapping[str, Path]: ...

    def find(self, sha256: str) -> Path:
        """Where the content lies here, read-only. Raises FileNotFoundError."""

    def keep(self, path: Path, name: str) -> Artifact:
        """Take a finished file or folder into the store."""

    def commit(self) -> None:
        """Make the checkpoint folder durable."""

    def emit(self, event: Event) -> None: ...


class Checkpoint:
    """A folder that survives a retry: write, then commit."""

    __slots__ = ("_commit", "path")

    def __init__(self, path: Path, commit: Callable[[], None]) -> None:
        self.path = path
        self._commit = commit

    def commit(self) -> None:
        """Make what was written durable: after this it is there for the next attempt."""
        self._commit()


class ArtifactError(Exception):
    """A job named or wrote an artifact as it may not."""


class JobContext:
    """A job's view of the world: its seed, its inputs, where to write, whom to tell.

    ``id`` is what the plugin called the job. ``run`` and ``attempt`` are for logs: they are in no key.
    ``seed``: 63 bits, from the run's seed and the job's id. ``threads``: how many it may use.
    ``port`` and ``token`` are set for services only: a service listens on that port of 127.0.0.1 and
    answers to nobody who does not bring the token.
    """

    def __init__(self, order: Order, place: Place, stopping: Callable[[], bool]) -> None:
        self.id = order.job.partition("@")[0]
        self.run = order.run
        self.attempt = order.attempt
        self.seed = order.seed
        self.threads = order.threads
        self.token = order.token
        self.port = 0
        self.used = time.monotonic()
        self._order = order
        self._place = place
        self._stopping = stopping
        self._names: list[str] = []
        self._points: list[list[Any]] = []
        self._flushed = time.monotonic()
        self._progressed = 0.0
        self.checkpoint = Checkpoint(place.checkpoint, place.commit)
        self.volumes: Mapping[str, Path] = place.volumes

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the job's needs."""
        return tuple(self._order.inputs)

    def inputs(self, role: str) -> tuple[JobResult, ...]:
        """Results of the needs in a role, in the order of the plan, with ``.path(name)`` of artifacts."""
        if role not in self._order.inputs:
            have = ", ".join(self._order.inputs) or "none"
            raise KeyError(f"job {self.id} has no role {role!r} among its needs; it has: {have}")
        return tuple(self._resolved(result) for result in self._order.inputs[role])

    def input(self, role: str) -> JobResult:
        """The one result of a role. Raises ValueError if there are several."""
        found = self.inputs(role)
        if len(found) != 1:
            raise ValueError(f"role {role!r} of job {self.id} has {len(found)} results; use inputs()")
        return found[0]

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the job's input files."""
        return tuple(self._order.files)

    def file(self, name: str) -> Path:
        """Where an input file lies, read-only."""
        if name not in self._order.files:
            have = ", ".join(self._order.files) or "none"
            raise KeyError(f"job {self.id} has no file {name!r}; it has: {have}")
        return self._place.find(self._order.files[name].sha256)

    def artifact(self, name: str) -> Path:
        """Where to write the artifact ``name`` (``a/b.json`` makes the folder). It is kept at the end.

        Raises ArtifactError for a name that leaves the job's folder.
        """
        problem = bad_name(name) or self._overlap(name)
        if problem:
            raise ArtifactError(f"artifact {name!r}: {problem}")
        path = self._place.folder / "artifacts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name not in self._names:
            self._names.append(name)
        return path

    def _overlap(self, name: str) -> str:
        """Why a name cannot stand beside those there are: one artifact is not part of another."""
        for other in self._names:
            if other != name and (f"{name}/".startswith(f"{other}/") or f"{other}/".startswith(f"{name}/")):
                return f"it overlaps with artifact {other!r}; declare the folder or its files, not both"
        return ""

    def metric(
        self,
        name: str,
        value: float,
        *,
        step: int | None = None,
        unit: str = "",
        better: Literal["up", "down", ""] = "",
    ) -> None:
        """Record a number of this job, at a step if it is a series.

        Raises TypeError for a step that is no whole number or a name that is no text, ValueError for a
        step of more than 64 bits or another ``better``: one bad point must not cost those beside it.
        """
        for what, text in (("name", name), ("unit", unit)):
            if not isinstance(text, str):
                raise TypeError(f"the {what} of metric {name!r} is {type(text).__name__}, not str")
        if better not in ("up", "down", ""):
            raise ValueError(f"metric {name!r}: better is 'up', 'down' or '', not {better!r}")
        at = None if step is None else _whole(name, step)
        self._points.append([name, float(value), at, time.time(), unit, better])
        if time.monotonic() - self._flushed > METRIC_EVERY:
            self.flush()

    def progress(self, done: float, total: float, text: str = "") -> None:
        """Say how far the job is. Called as often as you like: at most five a second are sent."""
        now = time.monotonic()
        if now - self._progressed < METRIC_EVERY and done < total:
            return
        self._progressed = now
        self._emit("progress", {"done": float(done), "total": float(total), "text": str(text)})

    def should_stop(self) -> bool:
        """True once the run is being stopped: save to the checkpoint, then raise Stopped."""
        return self._stopping()

    def ready(self, path: str = "/") -> None:
        """A service answers now on its port of 127.0.0.1; ``path`` is where its users begin.

        Raises ValueError for a path that does not begin with ``/`` or has control characters in it.
        """
        if not path.startswith("/") or not path.isprintable():
            raise ValueError(f"{path!r:.80} is no path of a service: it begins with /")
        self.touch()
        self._emit("listening", {"port": self.port, "path": str(path)})

    def touch(self) -> None:
        """Somebody uses the service: what counts how long it was idle begins anew."""
        self.used = time.monotonic()

    # What follows is the worker's side.

    def flush(self) -> None:
        self._flushed = time.monotonic()
        if self._points:
            points, self._points = self._points, []
            self._emit("metric", {"points": points})

    @property
    def declared(self) -> tuple[str, ...]:
        return tuple(self._names)

    def _resolved(self, result: JobResult) -> JobResult:
        import msgspec

        paths = {a.name: str(self._place.find(a.sha256)) for a in result.artifacts}
        return msgspec.structs.replace(result, paths=paths)

    def _emit(self, kind: Any, data: dict[str, Any]) -> None:
        self._place.emit(
            Event(
                run=self.run,
                job=self._order.job,
                attempt=self.attempt,
                kind=kind,
                time=time.time(),
                data=data,
            )
        )


def _whole(name: str, step: Any) -> int:
    """A step as the int it is, whatever library's integer it comes as."""
    try:
        found = operator.index(step)
    except TypeError:
        kind = type(step).__name__
        raise TypeError(f"the step of metric {name!r} is {kind}, not a whole number") from None
    if not -(2**63) <= found < 2**63:
        raise ValueError(f"the step of metric {name!r} has more than 64 bits")
    return found


def bad_name(name: str) -> str:
    """Why a relative path is no name of an artifact, or an empty string."""
    if not isinstance(name, str) or not name:
        return "a name is a non-empty text"
    if name.startswith("/") or "\\" in name or (len(name) > 1 and name[1] == ":"):
        return "a name is relative to the job's folder, with / between its parts"
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        return "a name has no control characters"
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "a name is UTF-8"
    if len(encoded) > 200:
        return "a name has at most 200 bytes"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "a name stays inside the job's folder"
    return ""
