"""Somebody else's archive or run folder, laid out in a folder of ours. Nothing in it is believed.

What comes out are plain files and folders below ``run/`` and ``objects/``, with names that stay there;
links, devices, sparse files and whatever is larger than it says are refused.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import stat
import tarfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from labctl.archive.facts import DIGEST, JobFacts, Wrong
from labctl.archive.pack import FILES, FORMAT, LOGS, MANIFEST, Manifest
from labctl.store.deployments import FILE, FOLDER
from labctl.store.digests import inside
from labctl.store.folder import RunFolder
from labctl.store.plain import open_plain

MOST_MEMBERS = 500_000
LONGEST, DEEPEST = 1024, 40  # bytes of a member's name, parts of it
HEADERS = 1 << 20  # bytes of headers before one member: names and the like
SLACK = 64 * 1024  # bytes that are read ahead, and what fills the last block
SPARE = 64 << 20  # bytes that stay free on the disk
CHUNK = 1 << 20
DEPLOYMENT = re.compile(rf"{FOLDER}/[1-9][0-9]{{0,5}}/{re.escape(FILE)}")


class Unpacked(NamedTuple):
    """``left_out``: what was there and is not taken. ``openings``: as the manifest has them."""

    left_out: tuple[str, ...]
    openings: tuple[tuple[str, str, str, str, float], ...]


class _Budget:
    """A stream of which only so much may be read as was allowed: what a header claims costs no memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = 0

    def allow(self, size: int) -> None:
        self._left = size + SLACK

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise Wrong("it holds more than its headers say")
        return data


def unpack_archive(path: Path, target: Path) -> Unpacked:
    """Lay an archive out in ``target``. Raises Wrong for whatever ``labctl runs export`` does not write."""
    try:
        with open_plain(path) as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            stream: IO[bytes] = gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[assignment]
            return _read(_Budget(stream), target)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError, ValueError) as error:
        raise Wrong(f"it is no archive of a run, or damaged: {error}") from None


def _read(budget: _Budget, target: Path) -> Unpacked:
    budget.allow(HEADERS)
    names: set[str] = set()
    left_out: list[str] = []
    with tarfile.open(fileobj=budget, mode="r|", errorlevel=2) as tar:  # type: ignore[call-overload]
        manifest = _manifest(tar, budget, tar.next())
        check_room(target, manifest.bytes)
        used = count = 0
        while True:
            budget.allow(HEADERS)
            member = tar.next()
            if member is None:
                break
            count, used = count + 1, used + max(0, member.size)
            if count > manifest.members or used > manifest.bytes:
                raise Wrong("it holds more than its first member says")
            _check(member, names)
            budget.allow(member.size)
            if not _wanted(member.name):
                left_out.append(member.name)
                _copy(tar, member, None)
            elif member.isdir():
                _make_folder(target, member.name)
            else:
                _copy(tar, member, _create(target, member))
            tar.members = []  # else every header stays in memory
        if (count, used) != (manifest.members, manifest.bytes):
            raise Wrong("it is cut off: it holds less than its first member says")
    return Unpacked(tuple(left_out), manifest.openings)


def _manifest(tar: tarfile.TarFile, budget: _Budget, member: tarfile.TarInfo | None) -> Manifest:
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > 16 * HEADERS:
        raise Wrong("it is no archive of a run: it does not begin with a manifest")
    budget.allow(member.size)
    source = tar.extractfile(member)
    assert source is not None
    try:
        manifest = msgspec.json.decode(source.read(), type=Manifest)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Wrong(f"its manifest cannot be read: {error}") from None
    if manifest.format != FORMAT:
        raise Wrong(f"its format is {manifest.format}, this labctl knows {FORMAT}")
    if not 0 <= manifest.members <= MOST_MEMBERS:
        raise Wrong(f"it has {manifest.members:,} members, at most {MOST_MEMBERS:,} are taken")
    return manifest


def check_room(target: Path, size: int) -> None:
    """Raises Wrong if that much does not fit on the disk."""
    free = shutil.disk_usage(target).free - SPARE
    if not 0 <= size <= free:
        raise Wrong(f"it holds {size:,} bytes; there is room for {max(0, free):,}")


def _check(member: tarfile.TarInfo, names: set[str]) -> None:
    name = member.name
    kind = "link" if member.issym() or member.islnk() else "special file"
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or member.issparse():
        raise Wrong(f"{name!r:.120} is a {kind}; only files and folders are taken")
    if member.size < 0 or (member.isdir() and member.size):
        raise Wrong(f"{name!r:.120} has a size of {member.size}")
    check_name(name)
    tarfile.data_filter(member, "/nowhere/labctl")  # the library's own opinion on top of ours
    if name in names:
        raise Wrong(f"{name!r:.120} is in it twice")
    names.add(name)


def check_name(name: str) -> None:
    """Raises Wrong for a name that leaves its folder, or that a terminal or a file system could not bear."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise Wrong(f"{name!r:.120}: a name is UTF-8") from None
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in parts):
        raise Wrong(f"{name!r:.120} is no name inside an archive")
    if len(encoded) > LONGEST or len(parts) > DEEPEST or any(len(part.encode()) > 255 for part in parts):
        raise Wrong(f"{name!r:.120} is too long")
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise Wrong(f"{name!r:.120}: a name has no control characters")


def _wanted(name: str) -> bool:
    """What is taken: the files of a run that we know, and objects. A page is drawn anew, never taken."""
    top, _, rest = name.partition("/")
    if top == "objects":
        return bool(DIGEST.fullmatch(rest.partition("/")[0]))
    if top == "run" and DEPLOYMENT.fullmatch(rest):
        return True
    folder, _, log = rest.partition("/")
    return top == "run" and (rest in TAKEN or (folder == LOGS and bool(log) and "/" not in log))


TAKEN = frozenset(FILES) - {"report.html"}


def _make_folder(target: Path, name: str) -> None:
    try:
        (target / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Wrong(f"{name!r:.120} is both a file and a folder") from None


def _create(target: Path, member: tarfile.TarInfo) -> int:
    path = target / member.name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # There are no links in the target: we made all that is in it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(path, flags, 0o700 if member.mode & 0o100 else 0o600)
    except (FileExistsError, NotADirectoryError):
        raise Wrong(f"{member.name!r:.120} is both a file and a folder") from None


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, fd: int | None) -> None:
    """Write a member's content to ``fd``, or read over it; exactly as much as its header says."""
    source = tar.extractfile(member) if member.isreg() else None
    left = member.size
    with open(fd if fd is not None else os.devnull, "wb") as file:
        while source is not None and left:
            data = source.read(min(left, CHUNK))
            if not data:
                raise Wrong(f"{member.name!r:.120} is cut off")
            file.write(data)
            left -= len(data)


def take_folder(source: Path, target: Path) -> Unpacked:
    """Copy the files that tell of a run out of somebody's run folder."""
    if source.is_symlink():
        raise Wrong("it is a link")
    for name in sorted(TAKEN):
        _take_file(source / name, target / "run" / name)
    deployments = source / FOLDER
    if deployments.is_dir() and not deployments.is_symlink():
        for entry in sorted(os.listdir(deployments)):
            name = f"{FOLDER}/{entry}/{FILE}"
            if DEPLOYMENT.fullmatch(name) and not (deployments / entry).is_symlink():
                _take_file(source / name, target / "run" / name)
    logs = source / LOGS
    if logs.is_dir() and not logs.is_symlink():
        for entry in sorted(os.listdir(logs)):
            check_name(entry)
            _take_file(logs / entry, target / "run" / LOGS / entry)
    return Unpacked((), ())


def take_artifacts(source: Path, target: Path, jobs: tuple[JobFacts, ...]) -> None:
    """Copy what a run folder shows of its artifacts; whoever reads them digests them."""
    folder = RunFolder(source)
    for job in jobs:
        for artifact in job.artifacts:
            to = target / "objects" / artifact.sha256
            shown = folder.artifacts(job.id)
            if to.exists() or not os.path.lexists(shown / artifact.name):
                continue
            root = inside(source, f"artifacts/{shown.name}")  # neither is a link
            _take_tree(inside(root, artifact.name), to, 0)


def _take_tree(source: Path, target: Path, depth: int) -> None:
    status = os.lstat(source)
    if stat.S_ISDIR(status.st_mode) and depth < DEEPEST:
        target.mkdir(mode=0o700, parents=True)
        for entry in sorted(os.listdir(source)):
            check_name(entry)
            _take_tree(source / entry, target / entry, depth + 1)
    elif not _take_file(source, target):
        raise Wrong(f"{source.name!r:.120} is a link or a device; only files and folders are taken")


def _take_file(source: Path, target: Path) -> bool:
    """Copy a plain file, byte for byte as long as it was when it was opened. False if it is none."""
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return False
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_room(target.parent, status.st_size)
        mode = 0o700 if status.st_mode & 0o100 else 0o600
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as copy:
            left = status.st_size
            while left and (data := file.read(min(left, CHUNK))):
                copy.write(data)
                left -= len(data)
    return True
