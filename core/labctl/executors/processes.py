"""What Linux offers to end a whole process tree: sub-reapers, death signals, process descriptors."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Container

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
ON_LINUX = sys.platform == "linux"
KEEPER = "labctl-keeper"
WORKER = "labctl-worker"

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if ON_LINUX:
        _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def become_subreaper() -> None:
    """Orphans among our descendants become our children, so that they can be found and ended."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def call_myself(name: str) -> None:
    """Give this process a name of at most 15 bytes. What it forks has it, too; what it executes has not."""
    if ON_LINUX:
        _libc.prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()), 0, 0, 0)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when ``parent`` ends. Exits at once if it has ended already."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def descendants(root: int) -> list[int]:
    """All living descendants of a process, by parent links; zombies are left out."""
    parents = _parents()
    found: list[int] = []
    layer = {root}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer}
        found += layer
    return found


def _parents() -> dict[int, int]:
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] != b"Z":
            parents[int(name)] = int(fields[1])
    return parents


def reap() -> dict[int, int]:
    """Collect all children that have ended: pid -> wait status."""
    found: dict[int, int] = {}
    _collect(found)
    return found


def _collect(found: dict[int, int]) -> bool:
    """Add the children that have ended. Whether any are left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        found[pid] = status


def sweep() -> dict[int, int]:
    """Kill every descendant of this sub-reaper until none is left; the statuses of those we waited for."""
    statuses: dict[int, int] = {}
    while _collect(statuses):  # without children it has no descendants: orphans would be its children
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.002)
    return statuses


def sweep_orphans(spare: Container[int]) -> None:
    """Kill what a keeper that was killed has left to this sub-reaper: its children but ``spare`` and keepers.

    A keeper whose template was killed has become a child of ours as well, and does its work on.
    """
    while left := _orphans(spare):
        for orphan in left:
            for pid in (orphan, *descendants(orphan)):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        time.sleep(0.002)


def _orphans(spare: Container[int]) -> list[int]:
    me = os.getpid()
    children = [pid for pid, parent in _parents().items() if parent == me and pid not in spare]
    return [pid for pid in children if _name(pid) not in (KEEPER, "")]


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""
