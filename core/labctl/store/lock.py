"""The owner's lock: free means that the owner is dead. The kernel frees it at once, whatever kills it."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

PATIENCE = 0.05  # seconds: somebody who only asks holds the lock for an instant
NO_LOCK = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # a lock of ours is never a link


class OwnerLock:
    """An exclusive lock on a run's folder. Take it only after the zygote was forked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def take(self) -> bool:
        """Take it; False if another process owns the run."""
        end = time.monotonic() + PATIENCE
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                if time.monotonic() > end:
                    return False
                time.sleep(0.005)
                continue
            if _same(fd, self.path):
                self._fd = fd
                return True
            os.close(fd)  # somebody replaced the file

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_owned(path: Path) -> bool:
    """Whether some living process owns the run. Asking disturbs nobody who asks beside us.

    A lock that cannot be looked at (no rights, no descriptors) says of nobody that he is dead.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return error.errno not in NO_LOCK
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _same(fd: int, path: Path) -> bool:
    try:
        return os.fstat(fd).st_ino == os.stat(path).st_ino
    except FileNotFoundError:
        return False
