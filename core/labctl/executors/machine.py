"""This machine, as an executor: what it has, what environments lack here, what decides results."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from labctl.model.canonical import canonical
from labctl.model.machine import Environment, Problem
from labctl.model.wire import Order
from labctl.plugins.scan import Distribution, distributions, normalised
from labctl.plugins.versions import satisfies, split_requirement
from labctl.spi import Session
from labctl.store.folder import RunFolder, flat
from labctl.worker.place import Layout

# fmt: off
PASSED_ON = frozenset({
    "HOME", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "TERM", "VIRTUAL_ENV",
    "PYTHONPATH", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "HF_HOME", "HF_HUB_OFFLINE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
})
# fmt: on
PASSED_ON_BEGINNINGS = ("LC_", "XDG_", "CUDA_", "NVIDIA_")


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def gpu_indices() -> tuple[str, ...]:
    """The CUDA devices that the user lets us have, by their device files; Apple's counts as one."""
    if sys.platform == "darwin":
        return ("0",) if platform.machine() == "arm64" else ()
    found = sorted(int(p.name[6:]) for p in Path("/dev").glob("nvidia[0-9]*") if p.name[6:].isdigit())
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return tuple(map(str, found))
    return tuple(part.strip() for part in allowed.split(",") if part.strip())[: len(found)]


def gpus() -> int:
    return len(gpu_indices())


def gpu_count(gpu: str | None) -> int:
    """``"A100:2"`` asks for 2. Raises ValueError."""
    if gpu is None:
        return 0
    name, colon, count = gpu.partition(":")
    if not name or (colon and not count.isdigit()):
        raise ValueError(f"{gpu!r} is no GPU; write NAME or NAME:COUNT")
    return int(count) if colon else 1


def threads(environment: Environment) -> int:
    """The threads of one job: its cpu, rounded up, at most the cores there are."""
    return max(1, min(cores(), -int(-environment.cpu // 1)))


def fingerprint(environment: Environment, known: Mapping[str, Distribution] | None = None) -> str:
    """Python and the installed versions of the environment's packages, as canonical JSON."""
    known = distributions() if known is None else known
    versions = {}
    for requirement in environment.packages:
        name = normalised(split_requirement(requirement)[0])
        versions[name] = known[name].version if name in known else None
    python = environment.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    return canonical({"python": python, "packages": versions}).decode()


def check(environments: Iterable[Environment]) -> Iterator[Problem]:
    """What environments ask for and this machine has not."""
    known = distributions()
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for environment in environments:
        where = f"environment {environment.name}"
        if environment.python and environment.python != here:
            yield Problem(
                f"{where} wants python {environment.python}; this is {here}",
                where,
                f"run labctl with python {environment.python}",
            )
        yield from _packages(environment, known)
        for secret in environment.secrets:
            lacking = [key for key in secret.keys if key not in os.environ]
            if lacking:
                yield Problem(
                    f"secret {secret.name} is not there: {', '.join(lacking)} is not set",
                    where,
                    f"export {lacking[0]}=...",
                    4,
                )
        if environment.memory_mib > memory_mib():
            yield Problem(
                f"{where} wants {environment.memory_mib} MiB; this machine has {memory_mib()} MiB",
                where,
                f"--memory {environment.name}={memory_mib()}MiB",
            )
        try:
            wanted = gpu_count(environment.gpu)
        except ValueError as error:
            yield Problem(str(error), where, f"--gpu {environment.name}=L40S")
            continue
        if wanted > gpus():
            have = f"this machine has {gpus()}" if gpus() else "there is none here"
            hint = f"--gpu {environment.name}=none runs it without"
            yield Problem(f"{where} wants {wanted} GPU ({environment.gpu}); {have}", where, hint)


def variables(environment: Environment) -> dict[str, str]:
    """The environment variables of a job: an allow-list, and the secrets that it declares."""
    wanted = {key for secret in environment.secrets for key in secret.keys}
    found = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON or name in wanted or name.startswith(PASSED_ON_BEGINNINGS)
    }
    return {**found, "PYTHONUNBUFFERED": "1"}


def layout(session: Session, order: Order) -> Layout:
    """Where the folders of an attempt are on this machine."""
    folder = RunFolder(session.folder)
    volumes = session.environment(order.environment).volumes
    name = f"{flat(order.job)}.{order.attempt}"
    return Layout(
        work=str(session.home / "work" / order.run / name),
        checkpoint=str(folder.checkpoint(order.job)),
        objects=str(session.objects),
        volumes={volume: str(session.home / "volumes" / volume) for volume in volumes},
    )


def secret_values(environment: Environment) -> list[str]:
    keys = {key for secret in environment.secrets for key in secret.keys}
    return [os.environ[key] for key in keys if os.environ.get(key)]


def _packages(environment: Environment, known: Mapping[str, Distribution]) -> Iterator[Problem]:
    for requirement in environment.packages:
        name, bounds, _ = split_requirement(requirement)
        found = known.get(normalised(name))
        where = f"environment {environment.name}"
        if found is None:
            yield Problem(f"{name} is not installed", where, f'pip install "{requirement}"', 3)
        elif not satisfies(found.version, bounds):
            what = f"{name} is {found.version}; {where} wants {bounds}"
            yield Problem(what, where, f'pip install "{requirement}"', 3)
