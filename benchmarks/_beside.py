"""Commands of a lab beside an interpreter that does nothing: CPU seconds, in turns, as ratios."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping

from labctl.testing import Lab


def print_ratios(lab: Lab, script: str, limits: Mapping[str, float], rounds: int, what: str) -> None:
    """Run ``script`` with the words of each limit, ``rounds`` times in turn, and print the medians."""
    commands = {"python -c pass": [sys.executable, "-c", "pass"]}
    commands |= {words: [sys.executable, "-c", script, *words.split()] for words in limits}
    for command in commands.values():  # bytecode and file caches
        _cpu(lab, command)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(_cpu(lab, command))
    base = statistics.median(times["python -c pass"])
    print(f"{'command':28} {'CPU ms':>8} {'ratio':>7} {'hold':>6}   (median of {rounds}, {what})")
    for name, found in times.items():
        median = statistics.median(found)
        hold = f"{limits[name]:.1f}" if name in limits else ""
        print(f"{name:28} {median * 1000:8.1f} {median / base:7.2f} {hold:>6}")


def _cpu(lab: Lab, command: list[str]) -> float:
    """Seconds of CPU, user and system, of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, cwd=lab.folder, env=lab.environment(), check=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
