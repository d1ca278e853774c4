"""Where something may be put: inside the project, by no link, and out of what belongs to others."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from labctl.errors import PluginError, UsageError
from labctl.model.jobcontext import ArtifactError, bad_name
from labctl.store.digests import digest_path

KEPT = (".labctl", ".git")
NOT_A_FOLDER = (errno.ELOOP, errno.ENOTDIR)


class Content(NamedTuple):
    """What lies at a path."""

    sha256: str
    folder: bool
    mode: int


class Parent(NamedTuple):
    """A target's folder, held open: whoever puts a link in its place later on leads us nowhere."""

    fd: int
    name: str

    def path(self, name: str = "") -> Path:
        """A path below the open folder, whatever became of the way to it."""
        return Path(f"/proc/self/fd/{self.fd}") / (name or self.name)


def refused(to: str) -> str:
    """Why nothing is put at ``to``, a path inside the project; empty if it may be."""
    problem = bad_name(to)
    if problem:
        return problem.replace("job's folder", "project")
    if not to.isprintable():
        return "a name can be read on a terminal"
    for part in to.split("/"):
        if part.casefold() in KEPT:  # .GIT is .git on some file systems
            return f"nothing is put into {part}"
    return ""


@contextmanager
def parent_of(project: Path, to: str, *, make: bool = False) -> Iterator[Parent]:
    """The folder of a target, opened part by part; ``make`` what is missing.

    Raises UsageError for a link or a file on the way, FileNotFoundError for a folder that is missing.
    """
    if problem := refused(to):  # also what a journal says, which somebody may have changed
        raise UsageError(f"{to!r:.80}: {problem}; nothing was changed")
    *folders, name = to.split("/")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    fd = os.open(project, flags)
    try:
        for part in folders:
            if make:
                try:
                    os.mkdir(part, dir_fd=fd)
                    os.fsync(fd)
                except FileExistsError:
                    pass
            try:
                below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=fd)
            except OSError as error:
                if error.errno in NOT_A_FOLDER:
                    raise UsageError(
                        f"{part} on the way to {name} is a link or a file; nothing was changed"
                    ) from None
                raise
            os.close(fd)
            fd = below
        yield Parent(fd, name)
    finally:
        os.close(fd)


def content_at(path: Path, to: str) -> Content | None:
    """What lies at a path, None if nothing does. Raises LabError for links, devices and the like."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise UsageError(f"{to} is a link; nothing was changed")
        sha256, _, folder = digest_path(path)
    except FileNotFoundError:
        return None
    except (ArtifactError, OSError) as error:
        said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise PluginError(f"{to} cannot be compared", details=[said, "nothing was changed"]) from None
    return Content(sha256, folder, stat.S_IMODE(status.st_mode))


def content_of(project: Path, to: str) -> Content | None:
    """What lies at a target, None if nothing does. Raises LabError."""
    try:
        with parent_of(project, to) as parent:
            return content_at(parent.path(), to)
    except FileNotFoundError:
        return None


def missing_folders(project: Path, to: str) -> list[str]:
    """The folders that have to be made for a target, from the outside in."""
    parts = to.split("/")[:-1]
    ways = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return [way for way in ways if not os.path.lexists(project / way)]
