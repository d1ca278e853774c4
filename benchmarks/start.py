"""What it costs to start: CPU time of commands as ratios to an empty interpreter, side by side.

    python benchmarks/start.py [ROUNDS]

The environment it measures has ten plugins and about 150 distributions, written as text. Each round
runs every command once, so that a drift of the machine's speed meets all of them.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from labctl.testing import Lab

PLUGINS, OTHERS = 10, 140
PLUGIN = """
from labctl.api import Job, Parameters, hookimpl

class Options(Parameters):
    epochs: int = 3
    lr: float = 1e-3

class P:
    parameters = Options

    @hookimpl
    def run(self, ctx, environments):
        yield Job("work", "p{i}_tasks:work")

plugin = P()
"""
SCRIPT = "from labctl.__main__ import main; main()"  # what the installed command does
LIMITS = {"plugins list": 2.0, "--help": 6.0, "run p0 --help": 8.0}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        lab = make_lab(Path(folder))
        commands = {"python -c pass": [sys.executable, "-c", "pass"]}
        commands |= {words: [sys.executable, "-c", SCRIPT, *words.split()] for words in LIMITS}
        for command in commands.values():  # bytecode and file caches
            cpu(lab, command)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(cpu(lab, command))
    base = statistics.median(times["python -c pass"])
    print(f"{'command':24} {'CPU ms':>8} {'ratio':>7} {'hold':>6}   (median of {rounds}, {PLUGINS} plugins)")
    for name, found in times.items():
        median = statistics.median(found)
        hold = f"{LIMITS[name]:.1f}" if name in LIMITS else ""
        print(f"{name:24} {median * 1000:8.1f} {median / base:7.2f} {hold:>6}")


def make_lab(folder: Path) -> Lab:
    lab = Lab(folder / "lab")
    for i in range(PLUGINS):
        entry = {"labctl.plugins": {f"p{i}": f"p{i}_plugin:plugin"}}
        files = {f"p{i}_plugin.py": PLUGIN.format(i=i), f"p{i}_tasks.py": "def work(job): return 1\n"}
        lab.distribution(f"labctl-p{i}", entry, files, requires=("labctl>=0.1,<1",))
    for i in range(OTHERS):
        entry = {"console_scripts": {f"other{i}": f"other{i}:main"}} if i % 4 == 0 else {}
        lab.distribution(f"other-{i}", entry)
    return lab


def cpu(lab: Lab, command: list[str]) -> float:
    """Seconds of CPU, user and system, of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, cwd=lab.folder, env=lab.environment(), check=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
