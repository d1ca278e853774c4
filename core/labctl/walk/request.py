"""What a user asks of a run, in the words of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from labctl.parameters.types import Given


class Request(NamedTuple):
    """What a user asks of ``labctl run``.

    ``budget``: US dollars that the worst case may come to; ``stop_at``: US dollars that the run may
    come to before it stops. ``service``: the service to run instead of the jobs, until nobody has used it
    for ``idle`` seconds. ``like``: a run whose parameters, seed, selection and overrides it takes.
    """

    plugin: str
    given: Given
    on: str = "local"
    jobs: int = 0
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    source: str | None = None
    like: str | None = None
    use_cache: bool = True
    seed: int | None = None
    overrides: Mapping[str, tuple[str, ...]] = {}
    tags: tuple[str, ...] = ()
    note: str = ""
    command: str = ""
    grace: float = 10.0
    budget: float | None = None
    stop_at: float | None = None
    executor_options: Any = None
    service: str | None = None
    idle: float = 0.0

    @classmethod
    def again(cls, plugin: str, seed: int, saved: Mapping[str, Any]) -> Request:
        """The request of a run as its plan keeps it."""
        return cls(plugin=plugin, given=Given(), seed=seed, **saved)
