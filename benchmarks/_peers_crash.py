"""The driver is killed while jobs run, and the work is taken up again: how much of it is done twice?

Twelve jobs of a second, two at a time. When five have begun the driver gets SIGKILL; two seconds later
what it has left alive is ended, too; then the system's own way to go on is taken.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from _measure import children
from _peers_cases import Workplace
from _projects import labctl, variables

from labctl.testing import Lab

JOBS, AT, WAIT = 12, 5, 2.0

LAB = """
from labctl.api import Job, Parameters, hookimpl

class Slow:
    parameters = Parameters

    @hookimpl
    def run(self, ctx, environments):
        for i in range(JOBS):
            yield Job(f"slow/{i}", "slow_tasks:slow", params={"log": LOG})

plugin = Slow()
"""
TASKS = """
import time

def slow(job, *, log):
    with open(log, "a") as file:
        file.write(job.id + "\\n")
    time.sleep(1)
"""
METAFLOW = """
import time
from metaflow import FlowSpec, step

class Slow(FlowSpec):
    @step
    def start(self):
        self.numbers = list(range(JOBS))
        self.next(self.slow, foreach="numbers")

    @step
    def slow(self):
        with open(LOG, "a") as file:
            file.write(f"{self.input}\\n")
        time.sleep(1)
        self.next(self.together)

    @step
    def together(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Slow()
"""


class Drill(NamedTuple):
    """``again``: what the user types to go on, one after another; all but the last may fail."""

    first: list[str]
    again: list[list[str]]
    folder: Path
    environment: Mapping[str, str]
    log: Path


class Outcome(NamedTuple):
    """``begun``: starts of jobs in both runs. ``left``: processes two seconds after the driver's death.

    ``steps``: how many commands it took to go on.
    """

    begun: int
    left: int
    steps: int
    finished: bool


def labctl_drill(root: Path) -> Drill:
    lab = Lab(root / "lab")
    log = lab.folder / "begun.log"
    source = LAB.replace("JOBS", str(JOBS)).replace("LOG", repr(str(log)))
    lab.plugin("slow", source, slow_tasks=TASKS)
    first = labctl("run", "slow", "--jobs", "2")
    return Drill(first, [labctl("resume", "last")], lab.folder, variables(lab), log)


def doit_drill(place: Workplace) -> Drill:
    place.emptied()
    place.write(
        "dodo.py",
        f"def task_slow():\n    for i in range({JOBS}):\n        yield {{'name': str(i), 'actions':"
        " ['echo %d >> begun.log; sleep 1; touch out/%d' % (i, i)], 'targets': ['out/%d' % i],"
        " 'uptodate': [True]}\n",
    )
    run = ["doit", "-n", "2"]
    return _drill(place, run, [run])


def dvc_drill(place: Workplace) -> Drill:
    subprocess.run(["git", "init", "-q", "."], cwd=place.folder, env=place.environment, check=True)
    place.once("dvc", "init", "-q")
    items = ", ".join(map(str, range(JOBS)))
    place.write(
        "dvc.yaml",
        f"stages:\n  slow:\n    foreach: [{items}]\n    do:\n      cmd: echo ${{item}} >> begun.log;"
        " sleep 1; echo x > out_${item}\n      outs:\n      - out_${item}\n",
    )
    return _drill(place, ["dvc", "repro"], [["dvc", "repro"]])


def snakemake_drill(place: Workplace) -> Drill:
    place.write(
        "Snakefile",
        f"rule everything:\n    input: ['out/%d' % i for i in range({JOBS})]\nrule slow:\n"
        '    output: "out/{i}"\n    shell: "echo {wildcards.i} >> begun.log; sleep 1; touch {output}"\n',
    )
    run = ["snakemake", "-c2", "-q", "all"]
    return _drill(place, run, [run, ["snakemake", "--unlock"], [*run, "--rerun-incomplete"]])


def metaflow_drill(place: Workplace) -> Drill:
    log = repr(str(place.folder / "begun.log"))
    place.write("slow.py", METAFLOW.replace("JOBS", str(JOBS)).replace("LOG", log))
    flow = ["python", "slow.py", "--quiet", "--no-pylint"]
    return _drill(place, [*flow, "run", "--max-workers", "2"], [[*flow, "resume", "--max-workers", "2"]])


DRILLS: dict[str, Callable[[Workplace], Drill]] = {
    "doit": doit_drill, "dvc": dvc_drill, "snakemake": snakemake_drill, "metaflow": metaflow_drill,
}  # fmt: skip


def drill(plan: Drill) -> Outcome:
    """Kill, wait, go on. Jobs are counted by the lines that they have written."""
    driver = _start(plan, plan.first)
    try:
        end = time.monotonic() + 120
        while _begun(plan.log) < AT and driver.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        driver.kill()
    driver.wait()
    time.sleep(WAIT)
    left = _end_all()
    steps, code = 0, 1
    for command in plan.again:
        again = _start(plan, command)
        code = again.wait(timeout=300)
        steps += 1
        _end_all()
        if code == 0 and _begun(plan.log) >= JOBS:
            break
    return Outcome(_begun(plan.log), left, steps, code == 0)


def _drill(place: Workplace, first: list[str], again: list[list[str]]) -> Drill:
    def whole(words: list[str]) -> list[str]:
        return [str(place.bin / words[0]), *words[1:]]

    log = place.folder / "begun.log"
    return Drill(whole(first), [whole(words) for words in again], place.folder, place.environment, log)


def _start(plan: Drill, command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, cwd=plan.folder, env=dict(plan.environment), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _begun(log: Path) -> int:
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


def _end_all() -> int:
    """End what commands have left: this process is its parent now. How many were alive."""
    alive = 0
    while found := _living(os.getpid()):
        alive = max(alive, len(found))
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    return alive


def _living(pid: int) -> list[int]:
    """All descendants that are not zombies; dead children are waited for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        pass
    found: list[int] = []
    todo = [pid]
    while todo:
        for child in children(todo.pop()):
            todo.append(child)
            found.append(child)
    return found
