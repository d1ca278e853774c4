"""One deployment at a time: the locks, what an earlier one has left unfinished, doing and undoing."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from labctl.errors import InfrastructureError, UsageError
from labctl.store.deployments import (
    FOLDER,
    Deployment,
    Pointer,
    Undone,
    clear_unborn,
    deployments_of,
    next_number,
    read_deployment,
    read_pointer,
    save_deployment,
    save_pointer,
    way,
)
from labctl.store.folder import RunFolder
from labctl.store.lock import OwnerLock
from labctl.store.queries import RunRow
from labctl.terminal import plain
from labctl.walk.deploy.planned import Planned
from labctl.walk.deploy.putting import put_in_place
from labctl.walk.deploy.restoring import edited, restore, tidy
from labctl.walk.refusals import owned

LOCK = "deploy.lock"
UNFINISHED = ("writing", "undoing")


class Recovered(NamedTuple):
    """An unfinished deployment that was taken back. ``left``: files that somebody had edited since."""

    run: str
    left: tuple[str, ...]


class Deploying:
    """The right to change what is in place. Made by ``deploying``."""

    def __init__(self, row: RunRow, home: Path, project: Path) -> None:
        self.row = row
        self.home = home
        self.project = project
        self.root = home / "runs" / row.name
        self.command = shlex.join(["labctl", *sys.argv[1:]]).encode("utf-8", "replace").decode()
        self.recovered = self._recover()

    def put(self, planned: Planned) -> Deployment:
        """Put in place what is planned, all of it or nothing. Raises LabError."""
        clear_unborn(self.root)
        number = next_number(self.root)
        return put_in_place(planned, self.root, number, time.time(), self.command)

    def undo(self, *, force: bool) -> Deployment:
        """Restore what was in place before the newest deployment that is not undone. Raises LabError."""
        deployment = to_undo(self.row, self.home)
        check_unedited(self.project, self.home, deployment, force=force)
        undone = Undone(time.time(), self.command, force)
        begun = msgspec.structs.replace(deployment, state="undoing", undone=undone)
        try:
            save_pointer(self.home, Pointer(self.row.name, deployment.number))
            save_deployment(self.root, begun)
        except OSError as error:
            raise InfrastructureError(
                "the undoing could not be noted",
                details=[error.strerror or str(error), "nothing was changed"],
            ) from None
        return self._take_back(begun)

    def _recover(self) -> Recovered | None:
        """Take back what a command that was killed has left half done. Raises LabError."""
        pointer = read_pointer(self.home)
        if pointer is None:
            return None
        root = self.home / "runs" / pointer.run
        deployment = read_deployment(root, pointer.number) if root.parent == self.home / "runs" else None
        if deployment is not None and deployment.state in UNFINISHED:
            check_here(self.project, self.home, deployment)
            return Recovered(pointer.run, self._take_back(deployment).left)
        if deployment is not None:
            tidy(self.project, deployment)
        save_pointer(self.home, None)
        return None

    def _take_back(self, deployment: Deployment) -> Deployment:
        root = self.home / "runs" / deployment.run
        folder = root / FOLDER / str(deployment.number)
        undone = deployment.undone
        try:
            left = restore(self.project, folder, deployment, force=undone is not None and undone.forced)
            state, note = ("undone", "") if undone is not None else ("reverted", "it was interrupted")
            ended = msgspec.structs.replace(deployment, state=state, note=note, left=left)
            save_deployment(root, ended)
            save_pointer(self.home, None)
        except OSError as error:
            raise InfrastructureError(
                f"not all that was in place before {deployment.run} could be restored",
                details=[error.strerror or str(error), f"it is kept in {os.path.relpath(folder)}"],
                hints=["the same command again does the rest, once that is mended"],
            ) from None
        return ended


@contextmanager
def deploying(row: RunRow, home: Path, project: Path) -> Iterator[Deploying]:
    """Hold the locks of deploying and of the run, and take back first what was left unfinished.

    Raises InfrastructureError if another process holds one of them.
    """
    with ExitStack() as stack:
        try:
            _take(home / LOCK, stack, InfrastructureError(
                "another labctl is deploying",
                details=["nothing was changed"],
                hints=["try again when it has ended"],
            ))  # fmt: skip
            _take(RunFolder(home / "runs" / row.name).lock, stack, owned(row))
        except OSError as error:
            raise InfrastructureError(
                f"{row.name} cannot be deployed from here",
                details=[f"{os.path.relpath(home)}: {error.strerror or error}", "nothing was changed"],
            ) from None
        yield Deploying(row, home, project)


def unfinished(home: Path) -> str:
    """The run whose deployment was interrupted and is not taken back yet; empty if there is none."""
    pointer = read_pointer(home)
    lock = OwnerLock(home / LOCK)
    if pointer is None:
        return ""
    try:
        if not lock.take():
            return ""  # it is under way
        return pointer.run
    except OSError:
        return pointer.run
    finally:
        lock.release()


def to_undo(row: RunRow, home: Path) -> Deployment:
    """The newest deployment of a run that is in place. Raises UsageError if there is none."""
    found = [d for d in deployments_of(home / "runs" / row.name) if d.state == "done"]
    if not found:
        raise UsageError(
            f"nothing of {row.name} is in place that could be undone",
            details=["nothing was changed"],
            hints=[f"labctl runs show {row.name}"],
        )
    return found[-1]


def check_here(project: Path, home: Path, deployment: Deployment) -> None:
    """Raise UsageError if it was put into another project than the one of this folder."""
    if deployment.project == way(home, project):
        return
    state = "was interrupted" if deployment.state in UNFINISHED else "is of another folder than this"
    raise UsageError(
        f"a deployment of {deployment.run} {state}",
        details=[f"it is of {plain(os.path.normpath(home / deployment.project))}", "nothing was changed"],
        hints=[f"there: labctl deploy {deployment.run} --undo"],
    )


def check_unedited(project: Path, home: Path, deployment: Deployment, *, force: bool) -> None:
    """Raise UsageError if somebody has edited what was deployed, or if that is of another folder."""
    check_here(project, home, deployment)
    run = deployment.run
    names = edited(project, deployment)
    if names and not force:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise UsageError(
            f"{names[0]}{more}: what is in place is not what {run} put there",
            details=["somebody has edited it since; nothing was changed"],
            hints=[f"labctl deploy {run} --undo --force restores what was there before, and keeps a copy"],
        )


def _take(path: Path, stack: ExitStack, error: InfrastructureError) -> None:
    lock = OwnerLock(path)
    if not lock.take():
        raise error
    stack.callback(lock.release)
