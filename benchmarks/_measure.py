"""Whole commands, measured side by side: wall time, CPU time and peak memory, medians over rounds.

The process that measures is a sub-reaper: what a command leaves behind is waited for, too, so its CPU
time is counted. Not counted is only what the system reaps by itself (a parent that ignores SIGCHLD).
"""

from __future__ import annotations

import ctypes
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

PR_SET_CHILD_SUBREAPER = 36
LINGER = 15.0  # seconds that what a command leaves behind has to end by itself


class Cost(NamedTuple):
    """Of one command: seconds to its own end, CPU seconds of all its processes, MiB of its largest."""

    wall: float
    cpu: float
    peak: float


class Case(NamedTuple):
    """A command to measure. ``before`` is called ahead of every time, and not measured.

    ``codes``: exit codes that are well.
    """

    name: str
    command: list[str]
    folder: Path
    environment: Mapping[str, str]
    before: Callable[[], object] = lambda: None
    codes: tuple[int, ...] = (0,)
    timeout: float = 300.0


class Failed(Exception):
    """A command that did not end as it should."""


def become_subreaper() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def side_by_side(cases: Iterable[Case], rounds: int, warm: int = 1) -> dict[str, list[Cost]]:
    """Every case once in each round, so that a drift of the machine's speed meets all of them."""
    cases = list(cases)
    for _ in range(warm):  # bytecode and file caches
        for case in cases:
            once(case)
    found: dict[str, list[Cost]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            found[case.name].append(once(case))
    return found


def once(case: Case) -> Cost:
    """Run a command to the end of all its processes. Raises Failed."""
    case.before()
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(
            case.command, cwd=case.folder, env=dict(case.environment), stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        deadline = began + case.timeout
        status, cpu, peak = _wait(process.pid, deadline)
        wall = time.monotonic() - began
        process.returncode = 0 if status is None else os.waitstatus_to_exitcode(status)
        cpu += _wait_for_the_rest(peak_of=process.pid)
        if status is None or process.returncode not in case.codes:
            output.seek(0)
            words = output.read().decode("utf-8", "replace")[-2000:]
            how = "did not end" if status is None else f"ended with {process.returncode}"
            raise Failed(f"{case.name}: {' '.join(case.command)} {how}\n{words}")
    return Cost(wall, cpu, peak)


def _wait(pid: int, deadline: float) -> tuple[int | None, float, float]:
    """Wait for one process, and meanwhile for orphans: its status, CPU seconds, peak MiB."""
    cpu = 0.0
    descriptor = os.pidfd_open(pid)
    try:
        if not _readable(descriptor, deadline - time.monotonic()):
            os.killpg(pid, signal.SIGKILL)
            os.wait4(pid, 0)
            return None, cpu, 0.0
    finally:
        os.close(descriptor)
    _, status, usage = os.wait4(pid, 0)
    return status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _readable(descriptor: int, seconds: float) -> bool:
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _wait_for_the_rest(peak_of: int) -> float:
    """CPU seconds of what a command left behind, and of what that had waited for."""
    cpu, killed = 0.0, False
    end = time.monotonic() + LINGER
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
        elif time.monotonic() < end:
            time.sleep(0.005)
        else:
            _kill_children()
            if killed:
                time.sleep(0.05)
            killed = True


def _kill_children() -> None:
    """End what is left: children of this process are only what it started itself, or their orphans."""
    for child in children(os.getpid()):
        os.kill(child, signal.SIGKILL)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


def median(costs: Iterable[Cost], field: str = "cpu") -> float:
    return statistics.median(getattr(cost, field) for cost in costs)


def ratio(costs: list[Cost], base: list[Cost], field: str = "cpu") -> float:
    """The median of one over the median of the other."""
    return median(costs, field) / median(base, field)


def lines(rows: Iterable[tuple[str, ...]], right: Iterable[int] = ()) -> list[str]:
    """A table of text; ``right``: columns that are aligned to the right."""
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    ends = set(right)
    return [
        "  ".join(
            cell.rjust(width) if i in ends else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
