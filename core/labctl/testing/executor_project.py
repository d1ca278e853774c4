"""The project that the executor contract runs, as text: small jobs that do what executors must stand."""

PLUGIN = """
from typing import Annotated

from labctl.api import Environment, Job, Param, Parameters, Service, hookimpl


class Options(Parameters):
    marks: Annotated[str, Param(description="folder for the marks")] = ""
    limit: Annotated[float, Param(gt=0, description="seconds of an attempt")] = 60.0
    tries: Annotated[int, Param(ge=1, description="tries of a job")] = 1
    delay: Annotated[float, Param(ge=0, description="seconds before the second try")] = 0.01
    names: Annotated[tuple[str, ...], Param(description="the jobs to plan")] = ("write",)


NEEDS = {"read": {"from": ("write",)}, "after": {"from": ("raise",)}}


class Contract:
    parameters = Options

    @hookimpl
    def provision(self, ctx):
        p = ctx.parameters
        tries = {"retries": p.tries - 1, "retry_delay": p.delay}
        return Environment(name="here", timeout=p.limit, memory_mib=64, **tries)

    @hookimpl
    def run(self, ctx, environments):
        p = ctx.parameters
        for name in p.names:
            function = f"contract_tasks:{name}_"
            yield Job(name, function, {"marks": p.marks}, needs=NEEDS.get(name, {}))
        yield Service("desk", "contract_tasks:desk_", {"marks": p.marks})


plugin = Contract()
"""

TASKS = """
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from labctl.api import Stopped


def mark(marks, text):
    fd = os.open(Path(marks) / "marks", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, f"{text}\\n".encode())
    os.close(fd)


def write_(job, *, marks):
    mark(marks, "write")
    job.artifact("draws.txt").write_text(repr([random.Random(job.seed).random() for _ in range(3)]))
    job.artifact("tree/leaf.bin").write_bytes(bytes(range(256)) * 100)
    job.metric("drawn", 3)
    return {"seed": job.seed, "draw": random.Random(job.seed).random()}


def read_(job, *, marks):
    mark(marks, "read")
    found = job.input("from")
    return {"text": found.path("draws.txt").read_text(), "size": found.path("tree/leaf.bin").stat().st_size}


def raise_(job, *, marks):
    mark(marks, "raise")
    raise ValueError("as it is planned")


def after_(job, *, marks):
    mark(marks, "after")


def say_(job, *, marks):
    for number in range(2000):
        print("out" if number % 2 else "err", number, file=sys.stderr if number % 2 == 0 else sys.stdout)


def hang_(job, *, marks):
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    mark(marks, f"child {child.pid}")
    time.sleep(1000)


def deaf_(job, *, marks):
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    mark(marks, "deaf")
    while True:
        time.sleep(0.05)


def save_(job, *, marks):
    saved = job.checkpoint.path / "saved"
    if saved.exists():
        mark(marks, "continued")
        return {"continued": True}
    mark(marks, "waits")
    end = time.monotonic() + 50
    while time.monotonic() < end:
        if job.should_stop():
            saved.write_text("yes")
            job.checkpoint.commit()
            mark(marks, "saved")
            raise Stopped
        time.sleep(0.02)


def hold_(job, *, marks):
    mark(marks, "hold")
    end = time.monotonic() + 50
    while not (Path(marks) / "go").exists() and time.monotonic() < end:
        time.sleep(0.02)
    mark(marks, "held")
    return {"held": True}


def die_(job, *, marks):
    mark(marks, "die")
    os.kill(os.getpid(), 9)


def desk_(job, *, marks):
    job.ready()
    while not job.should_stop():
        time.sleep(0.02)
    mark(marks, "desk closed")
"""
