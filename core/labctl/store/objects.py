"""The local content store: each artifact once, by its sha256, read-only."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labctl.model.jobcontext import ArtifactError
from labctl.model.results import Artifact
from labctl.store.digests import digest_path

STORE = "local"


class CorruptObject(Exception):
    """An object's content is not what its name says."""


class Objects:
    """Files and folders under ``root/ab/<sha256>``.

    Put in by rename, so that a job that still holds the path cannot change what lies here by
    opening it again; written to disk before anyone is told. An object's mtime is when it was last
    put in or found whole: whoever means to name it in a run has an hour for that.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def find(self, sha256: str) -> Path:
        """Where an object lies. Raises FileNotFoundError."""
        path = self.path(sha256)
        if not path.exists():
            raise FileNotFoundError(f"object {sha256[:8]} is not in the store")
        return path

    def has(self, artifact: Artifact) -> bool:
        """Whether it is there, of the right kind and, for a file, the right size."""
        try:
            status = os.lstat(self.path(artifact.sha256))
        except OSError:
            return False
        if artifact.folder:
            return stat.S_ISDIR(status.st_mode)
        return stat.S_ISREG(status.st_mode) and status.st_size == artifact.size

    def put(self, path: Path, name: str) -> Artifact:
        """Take a file or a folder in; ``path`` is gone afterwards. Raises OSError, ArtifactError."""
        sha256, size, folder = digest_path(path)
        target = self.path(sha256)
        if not self._is_whole(sha256):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            moved = self._near(path, target)
            _settle(moved)
            try:
                os.rename(moved, target)
            except OSError:
                if not target.exists():  # else another writer of the same content was first
                    raise
            _sync(target.parent)
        _remove(path)
        return Artifact(name=name, sha256=sha256, size=size, folder=folder, stores=(STORE,))

    def copy_in(self, path: Path, sha256: str) -> None:
        """Copy a user's input file or folder in, unless it is there. Raises CorruptObject if it changed."""
        target = self.path(sha256)
        if self._is_whole(sha256):
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = target.parent / f".tmp-{os.urandom(8).hex()}"
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, temporary)
        if digest_path(temporary)[0] != sha256:
            _remove(temporary)
            raise CorruptObject(f"{path} has changed since it was digested")
        _settle(temporary)
        os.rename(temporary, target)
        _sync(target.parent)

    def copy_out(self, sha256: str, folder: Path) -> Path:
        """Copy an object into a folder, under its digest. Raises FileNotFoundError."""
        source, target = self.find(sha256), folder / sha256
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
        return target

    def _is_whole(self, sha256: str) -> bool:
        """Whether an object is there and what its name says; a damaged one makes room for a good one."""
        try:
            self.verify(sha256)
        except (FileNotFoundError, CorruptObject):
            return False
        return True

    def verify(self, sha256: str) -> None:
        """Read an object again, to use it: it is not swept for an hour.

        Raises FileNotFoundError or CorruptObject; a corrupt one is removed.
        """
        path = self.find(sha256)
        try:
            whole = digest_path(path)[0] == sha256
        except ArtifactError:  # it is a link by now, or there is one in it
            whole = False
        if not whole:
            _remove(path)
            raise CorruptObject(f"object {sha256[:8]} was damaged; it is removed")
        try:
            with self._guard(fcntl.LOCK_SH):
                os.utime(path)
        except FileNotFoundError:  # swept while it was read
            raise FileNotFoundError(f"object {sha256[:8]} is not in the store") from None
        except OSError:
            pass  # what cannot be written is not swept either

    def digests(self) -> Iterator[tuple[str, os.stat_result]]:
        """Every object's name and status, in no order."""
        for folder in _folders(self.root):
            with os.scandir(folder) as entries:
                for entry in entries:
                    if len(entry.name) == 64:
                        yield entry.name, entry.stat(follow_symlinks=False)

    def leftovers(self) -> Iterator[Path]:
        """What writers that died have left half written."""
        for folder in _folders(self.root):
            with os.scandir(folder) as entries:
                yield from (Path(entry.path) for entry in entries if entry.name.startswith(".tmp-"))

    def sweep(self, sha256: str, before: float) -> bool:
        """Remove an object unless it was put in or found whole since ``before`` (epoch seconds)."""
        path = self.path(sha256)
        away = path.parent / f".tmp-{os.urandom(8).hex()}"
        try:
            with self._guard(fcntl.LOCK_EX):
                if os.lstat(path).st_mtime >= before:
                    return False
                os.rename(path, away)
        except FileNotFoundError:
            return False
        _remove(away)
        return True

    @contextmanager
    def _guard(self, kind: int) -> Iterator[None]:
        """Keep "is it there" and "it is in use" together, against a sweep in another process."""
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, kind)
            yield
        finally:
            os.close(fd)

    def link(self, artifact: Artifact, target: Path) -> None:
        """Show an object under a name, by hard links where the file system has them."""
        source = self.find(artifact.sha256)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.exists():
            return
        if artifact.folder:
            shutil.copytree(source, target, copy_function=link_or_copy)
        else:
            link_or_copy(str(source), str(target))

    def _near(self, path: Path, target: Path) -> Path:
        temporary = target.parent / f".tmp-{os.urandom(8).hex()}"
        if _has_other_names(path):  # somebody's own file, linked into the artifact: it stays theirs
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, temporary)
            return temporary
        try:
            os.rename(path, temporary)
        except OSError:  # another file system
            shutil.move(path, temporary)
        return temporary


def _folders(root: Path) -> list[str]:
    try:
        with os.scandir(root) as entries:
            return [entry.path for entry in entries if len(entry.name) == 2]
    except FileNotFoundError:
        return []


def _has_other_names(path: Path) -> bool:
    if not path.is_dir():
        return os.lstat(path).st_nlink > 1
    files = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    return any(os.lstat(file).st_nlink > 1 for file in files)


def link_or_copy(source: str, target: str) -> None:
    """A second name for a file, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _settle(path: Path) -> None:
    """Make a file or tree read-only and durable."""
    if path.is_dir():
        for folder, _, files in os.walk(path):
            for file in files:
                _settle_file(os.path.join(folder, file))
            _sync(Path(folder))
    else:
        _settle_file(str(path))
    os.utime(path)  # a copy may have kept the time of what it was copied from


def _settle_file(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(fd)
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        os.fchmod(fd, 0o555 if mode & 0o100 else 0o444)
    finally:
        os.close(fd)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
