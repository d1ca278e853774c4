"""Who is told what happens in a run: the terminal, a pipe, JSON lines, observers."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from labctl.model.results import JobFailure


class Change(NamedTuple):
    """A job has come to a new state. ``tries`` made so far of ``of``; ``again`` in seconds, if it will."""

    job: str
    state: str
    seconds: float = 0.0
    reason: str = ""
    error: JobFailure | None = None
    tries: int = 0
    of: int = 1
    again: float | None = None
    origin: str = ""


class Listener(Protocol):
    def changed(self, change: Change) -> None: ...
    def progressed(self, job: str, data: dict[str, Any]) -> None: ...
    def measured(self, job: str, attempt: int, points: Any) -> None:
        """Metrics of a job: each [name, value, step, time, unit, better]."""

    def listening(self, job: str, data: dict[str, Any]) -> None:
        """A service answers; ``data``: port, path and perhaps url."""

    def stopping(self, jobs: list[str], grace: float) -> None: ...
    def warned(self, text: str) -> None: ...
    def tick(self) -> None:
        """Called about five times a second while jobs run."""
