"""Putting files in place: each written beside its target, noted in the journal, then exchanged for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from labctl.errors import InfrastructureError, LabError
from labctl.store.deployments import (
    FOLDER,
    Deployment,
    Placed,
    Pointer,
    save_deployment,
    save_pointer,
    sync_folder,
    way,
)
from labctl.walk.deploy.content import as_it_is, as_usual, lay, remove
from labctl.walk.deploy.planned import Planned, Wanted
from labctl.walk.deploy.restoring import restore, tidy
from labctl.walk.deploy.swap import put_new, swap
from labctl.walk.deploy.targets import content_at, missing_folders, parent_of


def put_in_place(planned: Planned, root: Path, number: int, now: float, command: str) -> Deployment:
    """Do what is planned, all of it or nothing. ``root``: the run's folder. Raises LabError."""
    deployment = _deployment(planned, number, now, command)
    contents = {w.action.to: w.content for w in planned.writes if w.content is not None}
    folder = root / FOLDER / str(number)
    try:
        _keep_former(planned.project, folder, deployment)
        save_pointer(planned.home, Pointer(planned.row.name, number))
        save_deployment(root, deployment)
    except BaseException as error:
        with suppress(OSError):
            remove(folder)
            save_pointer(planned.home, None)
        if isinstance(error, OSError):
            raise _unwritable(os.path.relpath(folder), error) from None
        raise
    try:
        mode = as_usual()
        for action in deployment.written:
            _step(action, lambda a: _lay_beside(planned, a, contents[a.to], mode))
        for action in deployment.written:
            _step(action, lambda a: _exchange(planned.project, a))
        deployment = msgspec.structs.replace(deployment, state="done")
        save_deployment(root, deployment)
    except BaseException as error:  # also Ctrl-C: what is not done as a whole is not done at all
        _give_up(planned, root, folder, deployment, error)
        raise
    with suppress(OSError):  # the next deployment does it
        tidy(planned.project, deployment)
        save_pointer(planned.home, None)
    return deployment


def _deployment(planned: Planned, number: int, now: float, command: str) -> Deployment:
    actions = tuple(_placed(wanted, index) for index, wanted in enumerate(planned.wanted))
    made = {way: None for a in actions if a.temporary for way in missing_folders(planned.project, a.to)}
    return Deployment(
        run=planned.row.name, number=number, time=now, command=command, state="writing", actions=actions,
        made=tuple(made), forced=any(action.forced for action in actions),
        project=way(planned.home, planned.project),
    )  # fmt: skip


def _placed(wanted: Wanted, index: int) -> Placed:
    action, before, artifact = wanted.action, wanted.before, wanted.artifact
    placed = Placed(action.change, action.to, action.source, check=action.check)
    if artifact is None or not wanted.writes:
        return placed
    placed = msgspec.structs.replace(
        placed, sha256=artifact.sha256, folder=artifact.folder, temporary=f".labctl-{os.urandom(8).hex()}",
        forced=action.check is not None and not action.check.passes,
    )  # fmt: skip
    if before is None:
        return placed
    return msgspec.structs.replace(
        placed, before=before.sha256, before_folder=before.folder, mode=before.mode, former=f"former/{index}"
    )


def _keep_former(project: Path, folder: Path, deployment: Deployment) -> None:
    """Copy what is in place, before anything else is done."""
    former = folder / "former"
    former.mkdir(mode=0o700, parents=True)
    for action in deployment.written:
        if action.before:
            with parent_of(project, action.to) as parent:
                lay(parent.path(), folder / action.former, as_it_is, times=True)
            copy = content_at(folder / action.former, action.to)
            if copy is None or copy.sha256 != action.before:
                raise _changed(action.to)
    sync_folder(former)
    for path in (folder, folder.parent, folder.parent.parent):
        sync_folder(path)


def _step(action: Placed, step: Callable[[Placed], None]) -> None:
    try:
        step(action)
    except OSError as error:
        raise _unwritable(action.to, error) from None


def _lay_beside(
    planned: Planned, action: Placed, content: Path, mode: Callable[[os.stat_result], int]
) -> None:
    with parent_of(planned.project, action.to, make=True) as parent:
        new = parent.path(action.temporary)
        lay(content, new, mode)
        if action.before and action.before_folder == action.folder:
            os.chmod(new, action.mode)
        copy = content_at(new, action.to)
        if copy is None or copy.sha256 != action.sha256:
            raise LabError(
                f"object {action.sha256[:8]}, {action.source}, is damaged",
                details=["nothing was changed"],
                hints=[f"labctl runs verify {planned.row.name}"],
            )
        os.fsync(parent.fd)


def _exchange(project: Path, action: Placed) -> None:
    """Give the new content its name, if what is there is still what it was compared with."""
    with parent_of(project, action.to) as parent:
        now = content_at(parent.path(), action.to)
        if (now.sha256 if now else "") != action.before:
            raise _changed(action.to)
        if now is None:
            try:
                put_new(parent.fd, action.temporary, parent.name)
            except FileExistsError:
                raise _changed(action.to) from None
        else:
            swap(parent.fd, action.temporary, parent.name)
            moved = content_at(parent.path(action.temporary), action.to)
            if moved is None or moved.sha256 != action.before:  # in this very instant
                swap(parent.fd, action.temporary, parent.name)
                raise _changed(action.to)
        os.fsync(parent.fd)


def _give_up(
    planned: Planned, root: Path, folder: Path, deployment: Deployment, error: BaseException
) -> None:
    """Take back what was done so far. If that fails, the next command does it."""
    why = error.message if isinstance(error, LabError) else type(error).__name__
    try:
        left = restore(planned.project, folder, deployment)
        save_deployment(root, msgspec.structs.replace(deployment, state="reverted", note=why, left=left))
        save_pointer(planned.home, None)
    except OSError as second:
        raise InfrastructureError(
            f"{planned.row.name} could not be deployed, and not all of it could be taken back",
            details=[
                why,
                f"{second.strerror or second}",
                f"what was in place is kept in {os.path.relpath(folder)}",
            ],
            hints=[f"labctl deploy {planned.row.name} takes it back first, once that is mended"],
        ) from error


def _unwritable(to: str, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"{to} could not be written", details=[error.strerror or str(error), "nothing was changed"]
    )


def _changed(to: str) -> InfrastructureError:
    return InfrastructureError(
        f"{to} has changed since it was compared",
        details=["nothing was changed by this command"],
        hints=["run it again"],
    )
