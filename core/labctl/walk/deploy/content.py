"""Copies of files and folders that are whole and on the disk before anybody relies on them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from labctl.store.deployments import sync_folder

FILE, PROGRAM = 0o644, 0o755


def as_it_is(status: os.stat_result) -> int:
    """The permissions of what is copied."""
    return stat.S_IMODE(status.st_mode)


def as_usual() -> Callable[[os.stat_result], int]:
    """The permissions of new files: 0644 or, for programs and folders, 0755, less the umask."""
    mask = os.umask(0o077)
    os.umask(mask)

    def mode(status: os.stat_result) -> int:
        program = stat.S_ISDIR(status.st_mode) or status.st_mode & 0o100
        return (PROGRAM if program else FILE) & ~mask

    return mode


def lay(source: Path, target: Path, mode: Callable[[os.stat_result], int], *, times: bool = False) -> None:
    """Copy a file or a folder to where nothing is, durably. ``times``: with its times. Raises OSError."""
    status = os.lstat(source)
    if stat.S_ISDIR(status.st_mode):
        os.mkdir(target, 0o700)
        for name in sorted(os.listdir(source), key=os.fsencode):
            lay(source / name, target / name, mode, times=times)
        os.chmod(target, mode(status) | 0o500)  # without, it could not be synced
        sync_folder(target)
        os.chmod(target, mode(status))
    else:
        _lay_file(source, target, mode(status))
    if times:
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _lay_file(source: Path, target: Path, mode: int) -> None:
    read = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(read, "rb") as file:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(target, flags, 0o600), "wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            os.fchmod(copy.fileno(), mode)
            os.fsync(copy.fileno())


def remove(path: Path) -> None:
    """Remove a file or a folder, also one that cannot be written into. Raises OSError."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(path)
        return
    for folder, _, _ in os.walk(path):  # from the top: each before what is in it
        os.chmod(folder, 0o700)
    shutil.rmtree(path)
