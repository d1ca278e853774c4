"""Bringing back what was in place before: after an undo, a failure, or a kill at any instant."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from labctl.errors import LabError
from labctl.store.deployments import Deployment, Placed
from labctl.walk.deploy.content import as_it_is, lay, remove
from labctl.walk.deploy.swap import ASIDE, put_new, swap
from labctl.walk.deploy.targets import Content, Parent, content_at, content_of, parent_of

BACK = "-back"
EDITED = "edited"


def edited(project: Path, deployment: Deployment) -> list[str]:
    """Files in place that are neither what was deployed nor what was there before."""
    found = []
    for action in deployment.written:
        try:
            now = _sha256(content_of(project, action.to))
        except LabError:
            now = "?"
        if now not in (action.sha256, action.before):
            found.append(action.to)
    return found


def restore(project: Path, folder: Path, deployment: Deployment, *, force: bool = False) -> tuple[str, ...]:
    """Bring former content back, as far as that is not done yet. The names of what was left as it is.

    ``folder`` is the deployment's. Left is what somebody has edited since; ``force``: it is restored, too,
    and the edited content is kept in ``edited/``. Raises OSError; called again it does the rest.
    """
    left = []
    for number, action in reversed(list(enumerate(deployment.written))):
        try:
            done = _restored(project, folder, number, action, force)
        except LabError:  # a link or the like is in its place
            done = False
        if not done:
            left.append(action.to)
    for name in reversed(deployment.made):
        with suppress(OSError, LabError), parent_of(project, name) as parent:
            os.rmdir(parent.name, dir_fd=parent.fd)  # only if nothing is in it
    return tuple(reversed(left))


def tidy(project: Path, deployment: Deployment) -> None:
    """Remove what a finished deployment has left beside its files."""
    for action in deployment.written:
        with suppress(FileNotFoundError, LabError), parent_of(project, action.to) as parent:
            _clear(parent, action)


def _restored(project: Path, folder: Path, number: int, action: Placed, force: bool) -> bool:
    try:
        with parent_of(project, action.to, make=bool(action.before)) as parent:
            return _in_parent(parent, folder, number, action, force)
    except FileNotFoundError:
        if not action.before:  # its folders were never made, or are gone with it
            return True
        raise


def _in_parent(parent: Parent, folder: Path, number: int, action: Placed, force: bool) -> bool:
    path, back = parent.path(), action.temporary + BACK
    now = content_at(path, action.to)
    sha256 = _sha256(now)
    if sha256 == action.before:
        _clear(parent, action)
        return True
    if now is not None and sha256 != action.sha256 and not force:
        _clear(parent, action)
        return False
    moved = _sha256(content_at(parent.path(action.temporary), action.to))
    if sha256 == action.sha256 and action.before and moved:
        # It is still beside its place. If somebody changed it in the instant of the exchange, it is theirs.
        swap(parent.fd, action.temporary, parent.name)
        os.fsync(parent.fd)
        _clear(parent, action)
        return moved == action.before
    remove(parent.path(back))
    if action.before:
        _lay_back(folder / action.former, parent.path(back), action)
        if now is None:
            put_new(parent.fd, back, parent.name)
        else:
            swap(parent.fd, back, parent.name)
    elif now is not None:
        put_new(parent.fd, parent.name, back)
    os.fsync(parent.fd)
    if _sha256(content_at(parent.path(back), action.to)) not in ("", action.sha256, action.before):
        kept = folder / EDITED
        kept.mkdir(mode=0o700, exist_ok=True)
        remove(kept / str(number))
        lay(parent.path(back), kept / str(number), as_it_is, times=True)
    _clear(parent, action)
    return True


def _lay_back(former: Path, target: Path, action: Placed) -> None:
    lay(former, target, as_it_is, times=True)
    os.chmod(target, action.mode)
    if _sha256(content_at(target, action.to)) != action.before:
        remove(target)
        raise OSError(f"the copy of {action.to} in {former.parent} is damaged")


def _clear(parent: Parent, action: Placed) -> None:
    for name in (action.temporary, action.temporary + BACK):
        for ending in ("", ASIDE):
            remove(parent.path(name + ending))
    os.fsync(parent.fd)


def _sha256(content: Content | None) -> str:
    return content.sha256 if content else ""
