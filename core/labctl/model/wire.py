"""What crosses to a worker and comes back. JSON lines; nothing is pickled."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from labctl.model.results import JobResult


class FileRef(msgspec.Struct, frozen=True):
    """An input file or folder by content: the executor puts it in place before the job starts."""

    sha256: str
    size: int
    name: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of one job, complete: the far side needs nothing else.

    ``environment`` is the digest of the environment. ``inputs``: role -> results of the needs.
    ``timeout`` in seconds. ``threads``: what the job may use. ``key``: the cache key. ``service``: it
    answers on a port, to those who bring ``token``, until it is stopped, until ``timeout``, or until
    nobody has used it for ``idle`` seconds (0: that does not end it).
    """

    run: str
    job: str
    attempt: int
    key: str
    function: str
    params: dict[str, Any] = {}
    environment: str = ""
    inputs: dict[str, tuple[JobResult, ...]] = {}
    files: dict[str, FileRef] = {}
    seed: int = 0
    threads: int = 1
    timeout: float = 3600.0
    fresh: bool = False
    service: bool = False
    token: str = ""
    idle: float = 0.0


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an attempt. ``time`` is seconds since the epoch.

    ``data`` of *ended*: state, value, artifacts, error, cpu_seconds, wall seconds, peak_mib, warm.
    Of *metric*: points, each [name, value, step, time, unit, better]. Of *progress*: done, total,
    text. Of *log*: text. Of *listening*: port, path; url where the way to it is not by the port.
    """

    run: str
    job: str
    attempt: int
    kind: Literal["started", "log", "metric", "progress", "listening", "ended"]
    time: float
    data: dict[str, Any] = {}
