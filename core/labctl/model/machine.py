"""What a job's machine must have."""

from __future__ import annotations

import math

import msgspec


class Secret(msgspec.Struct, frozen=True):
    """A named secret and the environment variables that it must bring.

    Only names appear here, in plans and in records; values never do.
    """

    name: str
    keys: tuple[str, ...] = ()


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that jobs need. Jobs name it; the executor provides it.

    ``python``: ``"3.12"``, or None for the host's own version.
    ``packages``: requirements such as ``"torch>=2.4"``; ``system``: Debian package names.
    ``cpu``: physical cores, above 0; a worker gets that many threads, rounded up.
    ``memory_mib``: MiB. ``gpu``: a GPU's name, ``"L40S"`` or ``"A100-80GB:2"``.
    ``volumes``: names of cache or scratch folders (``job.volumes[name]``); never part of a key.
    ``timeout``: seconds of one attempt. ``retries``: further attempts after a failure, delayed by
    ``retry_delay`` seconds, times ``retry_backoff`` for each one more.
    ``preload``: modules that a warm template imports before it forks workers.
    """

    name: str = "default"
    python: str | None = None
    packages: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    cpu: float = 1.0
    memory_mib: int = 1024
    gpu: str | None = None
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[str, ...] = ()
    timeout: float = 3600.0
    retries: int = 0
    retry_delay: float = 1.0
    retry_backoff: float = 2.0
    preload: tuple[str, ...] = ()


def dollars(usd: float) -> str:
    """``$1.20``; below a cent as much as counts, ``$0.0004``: a bound is shown as what it is."""
    if not 0 < abs(usd) < 0.01:
        return f"${usd:.2f}"
    places = min(12, 1 - math.floor(math.log10(abs(usd))))
    whole, _, cents = f"{usd:.{places}f}".rstrip("0").partition(".")
    return f"${whole}.{cents:0<2}"


class Rate(msgspec.Struct, frozen=True):
    """What a machine costs: dollars per hour by resource, where that is said, and of which day."""

    usd_per_hour: dict[str, float] = {}
    source: str = "this machine"
    date: str = ""

    @property
    def total(self) -> float:
        return sum(self.usd_per_hour.values())


class Problem(msgspec.Struct, frozen=True):
    """Something that would make a run fail, found before anything starts."""

    what: str
    where: str = ""
    hint: str = ""
    exit_code: int = 2
