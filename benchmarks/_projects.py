"""Labs to measure: projects of jobs that do nothing, beside distributions that are only there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labctl.testing import Lab

SCRIPT = "from labctl.__main__ import main; main()"  # what the installed command does
NOTHING = """
from labctl.api import Job, Parameters, hookimpl

class Options(Parameters):
    number: int = 1
    fresh: bool = False

class Nothing:
    parameters = Options

    @hookimpl
    def run(self, ctx, environments):
        for i in range(ctx.parameters.number):
            yield Job(f"noop/{i}", "PROJECT_tasks:noop", params={"i": i}, fresh=ctx.parameters.fresh)

plugin = Nothing()
"""
TASKS = "def noop(job, *, i): return i\n"


def nothing(lab: Lab, name: str = "nothing") -> None:
    """A project whose jobs return their number."""
    files = {f"{name}_plugin.py": NOTHING.replace("PROJECT", name), f"{name}_tasks.py": TASKS}
    entry = {"labctl.plugins": {name: f"{name}_plugin:plugin"}}
    lab.distribution(f"labctl-{name}", entry, files, requires=("labctl>=0.1,<1",))


def crowd(lab: Lab, plugins: int, others: int) -> None:
    """Further projects ``p0``, ``p1``, ..., and distributions that have nothing to do with labctl."""
    for i in range(plugins):
        nothing(lab, f"p{i}")
    for i in range(others):
        entry = {"console_scripts": {f"other{i}": f"other{i}:main"}} if i % 4 == 0 else {}
        lab.distribution(f"other-{i}", entry)


def labctl(*words: str) -> list[str]:
    """A command line of labctl by the interpreter that measures."""
    return [sys.executable, "-c", SCRIPT, *words]


def bare() -> list[str]:
    return [sys.executable, "-c", "pass"]


def variables(lab: Lab) -> dict[str, str]:
    """The lab's environment; bytecode is compiled and kept."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return lab.environment()


def make_lab(folder: Path, plugins: int = 0, others: int = 0) -> Lab:
    lab = Lab(folder)
    nothing(lab)
    crowd(lab, plugins, others)
    return lab
