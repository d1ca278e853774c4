"""Renames inside one open folder that lose nothing: to a name that is free, or exchanging two."""

from __future__ import annotations

import ctypes
import errno
import os
import stat

NOREPLACE, EXCHANGE = 1, 2
UNKNOWN = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
ASIDE = "~"
_libc = ctypes.CDLL(None, use_errno=True)


def put_new(folder: int, old: str, new: str) -> None:
    """Rename to a name that nothing has. Raises FileExistsError."""
    if _renameat2(folder, old, new, NOREPLACE):
        return
    if _is_file(folder, old):
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        os.unlink(old, dir_fd=folder)
        return
    try:
        os.stat(new, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)


def swap(folder: int, old: str, new: str) -> None:
    """Exchange what two names mean: at no instant does either mean nothing.

    A file system that cannot exchange leaves an instant for folders; what was at ``new`` then lies
    beside, under ``old~``.
    """
    if _renameat2(folder, old, new, EXCHANGE):
        return
    aside = old + ASIDE
    both = {"src_dir_fd": folder, "dst_dir_fd": folder}
    if _is_file(folder, old) and _is_file(folder, new):
        os.link(new, aside, follow_symlinks=False, **both)
    else:
        os.rename(new, aside, **both)
    os.rename(old, new, **both)
    os.rename(aside, old, **both)


def _renameat2(folder: int, old: str, new: str, how: int) -> bool:
    """False where the system or the file system has no such rename."""
    call = getattr(_libc, "renameat2", None)
    if call is None:
        return False
    if call(folder, os.fsencode(old), folder, os.fsencode(new), how) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), new)


def _is_file(folder: int, name: str) -> bool:
    return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
