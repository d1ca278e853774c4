"""What the drills share: waiting, processes by /proc, other namespaces, projects as text."""

from __future__ import annotations

import os
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

PLAN = """
from labctl.api import *


class Odd:
    @hookimpl
    def provision(self, ctx):
        return {provision}

    @hookimpl
    def run(self, ctx, environments):
{body}


plugin = Odd()
"""


def plan(body: str, provision: str) -> str:
    """A project whose hooks are these expressions and statements."""
    return PLAN.format(body=textwrap.indent(textwrap.dedent(body).strip(), " " * 8), provision=provision)


def until(check: Callable[[], Any], message: str = "it did not happen", timeout: float = 20.0) -> Any:
    """Wait until something is so; what it is."""
    end = time.monotonic() + timeout
    while not (found := check()):
        assert time.monotonic() < end, message
        time.sleep(0.01)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def named(root: int, name: str) -> list[int]:
    """Living descendants of a process that have a name."""
    from labctl.executors.processes import descendants

    return [pid for pid in descendants(root) if comm(pid) == name]


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def numbers(folder: Path, names: Iterable[str]) -> list[int] | None:
    """The process ids that jobs have written into files, once all of them are there."""
    found = [(folder / name).read_text() if (folder / name).exists() else "" for name in names]
    return [int(text) for text in found] if all(found) else None


def may_unshare(*options: str) -> bool:
    """Whether this machine lets us have namespaces of our own."""
    done = subprocess.run(["unshare", *options, "true"], capture_output=True, check=False)
    return done.returncode == 0


def need_unshare(*options: str) -> None:
    try:
        granted = may_unshare(*options)
    except FileNotFoundError:
        granted = False
    if not granted:
        pytest.skip(f"no rights for unshare {' '.join(options)} here")


def states(lab: Any, run: str) -> dict[str, str]:
    return {job["id"]: job["state"] for job in lab.record(run)["jobs"]}


def shown(lab: Any, run: str = "last") -> dict[str, str]:
    """The states of a run's jobs, also of one without a record."""
    return {job["id"]: job["state"] for job in lab("runs", "show", run, "--json").json["jobs"]}


def files(root: Path) -> list[Path]:
    return [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
