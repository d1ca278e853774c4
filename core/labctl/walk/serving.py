"""A plan whose one job is a service: what it needs comes from earlier runs."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from labctl.errors import UsageError
from labctl.planning.plan import Plan, PlannedJob
from labctl.spi import Executor
from labctl.store.folder import RunFolder, write_whole
from labctl.store.lock import is_owned


class ServiceNote(msgspec.Struct, frozen=True):
    """How to reach a service that runs: in a file of its owner alone, never in a record."""

    run: str
    plugin: str
    service: str
    url: str
    token: str
    since: float
    until: float

    @property
    def address(self) -> str:
        """The address with the token, for its owner's eyes."""
        return f"{self.url}{'&' if '?' in self.url else '?'}token={self.token}"


def serving(
    plan: Plan, name: str, executor: Executor, project: str
) -> tuple[Plan, Plan, tuple[PlannedJob, ...]]:
    """The plan with the service among its jobs, the plan to drive, and what the service needs.

    Raises UsageError for a name that is no service, and for an executor that runs none.
    """
    known = [service.id for service in plan.services]
    found = [service for service in plan.services if name in (service.id, service.local_id)]
    if len(found) != 1:
        details = ["there are: " + ", ".join(known)] if known else ["the project has none"]
        what = "several services are" if found else "there is no service"
        hints = [f"labctl serve {project} {service}" for service in known[:3]]
        raise UsageError(
            f"{what} named {name}", details=details, hints=hints or [f"labctl run {project} --plan"]
        )
    if "service" not in executor.can:
        raise UsageError(f"the executor {executor.name} runs no services", hints=["leave out --on"])
    service = msgspec.structs.replace(found[0], cache=False)
    needs = {i for ids in service.needs.values() for i in ids}
    whole = msgspec.structs.replace(plan, jobs=(*plan.jobs, service))
    selected = Plan(jobs=(service,))
    return whole, selected, tuple(job for job in plan.jobs if job.id in needs)


def url_of(data: Mapping[str, Any]) -> str:
    """The address that a *listening* event tells of. What a job says as its path stays a path.

    An ``@`` that followed the port would make the host a password, and a ``#`` would keep the token back.
    """
    from urllib.parse import quote

    if data.get("url"):  # the executor's word
        return quote(str(data["url"]), safe=":/?&=%[]@,+~")
    path = quote(str(data.get("path") or "/"), safe="/?&=%:,+~@")
    port = data.get("port")
    return f"http://127.0.0.1:{port if isinstance(port, int) else 0}/{path.removeprefix('/')}"


def new_token() -> str:
    return secrets.token_urlsafe(24)


def carry_over(source: RunFolder, target: RunFolder, service: str) -> bool:
    """Begin where an earlier run of a service has stopped. False if it has left nothing."""
    saved = source.checkpoint(service)
    if not saved.is_dir() or not any(saved.iterdir()):
        return False
    shutil.copytree(saved, target.checkpoint(service), dirs_exist_ok=True, symlinks=True)
    return True


def note_path(home: Path, run: str) -> Path:
    return home / "services" / f"{run}.json"


def write_note(home: Path, note: ServiceNote) -> None:
    path = note_path(home, note.run)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    former = os.umask(0o077)
    try:
        write_whole(path, msgspec.json.encode(note))
    finally:
        os.umask(former)


def services(home: Path) -> list[ServiceNote]:
    """The services that run now. The notes of those whose host is gone are removed."""
    found: list[ServiceNote] = []
    for path in sorted((home / "services").glob("*.json")):
        try:
            note: Any = msgspec.json.decode(path.read_bytes(), type=ServiceNote)
        except (OSError, msgspec.MsgspecError):
            continue
        if is_owned(RunFolder(home / "runs" / note.run).lock):
            found.append(note)
        elif os.access(path.parent, os.W_OK):
            path.unlink(missing_ok=True)
    return found
