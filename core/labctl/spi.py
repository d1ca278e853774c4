"""All that an executor author imports: the protocol, and what crosses it.

An executor says where jobs run. It is registered under the entry-point group ``labctl.executors``
as a class that is made without arguments. The host owns states, retries, budgets and the cache; the
executor carries orders out and tells what happened, through one thread-safe queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from labctl.model.machine import Environment, Problem, Rate, Secret
from labctl.model.results import Artifact, JobResult
from labctl.model.wire import Event, FileRef, Order


class Session:
    """What an executor is given when it is opened.

    ``emit`` may be called from any thread. ``folder`` is the run's; ``objects`` the local store's
    root. ``slots`` is how many jobs the user allows at a time (0: as many as the executor has).
    ``environment(digest)`` is the environment of an order. ``options`` is an instance of the
    executor's own ``options`` type, or None. ``stopping()`` turns true once the user wants to stop,
    for an executor that runs jobs in the host's own thread.
    """

    def __init__(
        self,
        *,
        emit: Callable[[Event], None],
        home: Path,
        folder: Path,
        slots: int = 0,
        options: Any = None,
        environment: Callable[[str], Environment] | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.emit = emit
        self.home = home
        self.folder = folder
        self.objects = home / "objects"
        self.slots = slots
        self.options = options
        self.stopping = stopping
        self.environment = environment or (lambda _: Environment())


class ObservedRun(msgspec.Struct, frozen=True):
    """The run that an observer is told of: its name and project, its folder, the user's folder."""

    name: str
    plugin: str
    folder: str
    project: str


class Observer(Protocol):
    """Who is told of a run while it lasts, in a process of its own (group ``labctl.observers``).

    A class that is made without arguments. ``options``: a frozen type of what ``[observers.NAME]``
    of the configuration says to it, or None. What it raises ends it and touches no run.
    """

    options: type | None

    def open(self, run: ObservedRun, options: Any) -> None:
        """Get ready. A LabError is said to the user in one line."""

    def tell(self, event: dict[str, Any]) -> None:
        """Something happened. ``event["event"]``: planned, job, metric, progress, warning, stopping, ended.

        Of *metric*: job, attempt, points, each [name, value, step, time, unit, better].
        """

    def close(self) -> None:
        """The run is over."""


class Code:
    """The code that jobs reach: files of plugins by module name, to be shipped where it runs."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)


class Executor(Protocol):
    """Where jobs run. ``can``: of timeout, adopt, service, publish, isolate.

    ``store``: the name of its content store; ``local`` is the one in the home.
    ``gpus``: how many GPUs its jobs share out among them, None where each gets what it asks for.
    ``slots``: how many cpu tokens there are, once open. ``options``: a frozen type of its own
    command-line options, or None.
    """

    name: str
    store: str
    gpus: int | None
    slots: int
    can: frozenset[str]
    options: type | None

    def open(self, session: Session) -> None:
        """Get ready. Raises LabError."""

    def fingerprint(self, env: Environment) -> str:
        """What of the environment decides results, offline: resolved versions of its packages."""

    def check(self, envs: Iterable[Environment]) -> Iterable[Problem]:
        """What would fail, before anything is uploaded or started."""

    def rate(self, env: Environment) -> Rate:
        """What an hour of it costs."""

    def prepare(self, envs: Iterable[Environment], code: Code) -> None:
        """Make the environments. Called at the first submit; idempotent."""

    def submit(self, order: Order) -> str:
        """Start an attempt; its events follow. Returns a handle that survives the host."""

    def adopt(self, handle: str, order: Order) -> bool:
        """Take over an attempt that an earlier host submitted; False if it is gone.

        Its events follow, all of them, from its beginning. ``handle`` is empty if that host ended
        before it had noted it: the attempt may still be found by the order's run, job and attempt.
        """

    def stop(self, handle: str, grace: float) -> None:
        """Ask an attempt to save and stop; end it after ``grace`` seconds. Its *ended* follows."""

    def put(self, sha256: str, path: Path) -> None:
        """Bring content into this executor's store."""

    def fetch(self, sha256: str, folder: Path) -> Path:
        """Copy content out of this executor's store. Raises FileNotFoundError."""

    def publish(self, order: Order) -> str:
        """Keep a service up; its address."""

    def unpublish(self, name: str) -> None: ...

    def close(self) -> None:
        """Give everything back. No event follows."""


__all__ = [
    "Artifact",
    "Code",
    "Environment",
    "Event",
    "Executor",
    "FileRef",
    "JobResult",
    "ObservedRun",
    "Observer",
    "Order",
    "Problem",
    "Rate",
    "Secret",
    "Session",
]
