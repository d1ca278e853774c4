"""Projects whose jobs leave a mark each time they really run, so that a repetition is seen."""

GRIND = """
from typing import Annotated

from labctl.api import Environment, Evidence, Job, Param, Parameters, Prediction, Section, hookimpl


class Options(Parameters):
    marks: Annotated[str, Param(description="folder for the marks")] = ""
    parts: Annotated[int, Param(ge=1, description="how many")] = 4
    steps: Annotated[int, Param(ge=1, description="steps of each")] = 3
    pause: Annotated[float, Param(ge=0, description="seconds of a step")] = 0.0
    hold: Annotated[str, Param(description="a job that waits for the file go")] = ""
    fail: Annotated[str, Param(description="a job that fails unless there is the file mended")] = ""
    sealed: Annotated[bool, Param(description="the last one opens sealed data")] = False


class Grind:
    parameters = Options

    @hookimpl
    def provision(self, ctx):
        return Environment(name="mill", timeout=60, retries=0, retry_delay=0.01)

    @hookimpl
    def run(self, ctx, environments):
        p = ctx.parameters
        given = {"marks": p.marks, "steps": p.steps, "pause": p.pause, "hold": p.hold, "fail": p.fail}
        ids = [f"grind/{i}" for i in range(p.parts)]
        for name in ids:
            yield Job(name, "grind_tasks:grind", given)
        seal = "grain-2026" if p.sealed else None
        yield Job("sum", "grind_tasks:total", {"marks": p.marks}, needs={"parts": ids}, seal=seal)
        yield Prediction("P1", "the sum is positive", ("sum",), "sum of the parts", ">", 0.0)

    @hookimpl
    def collect(self, ctx, results):
        found = results.get("sum")
        if found is None or not found.ok:
            return Section(title="Mill", headline="nothing was summed")
        v = float(found.value["total"])
        evidence = Evidence("P1", v, v - 1, v + 1, n=9)
        return Section(title="Mill", headline=f"total {v:g}", evidence=(evidence,))


plugin = Grind()
"""

GRIND_TASKS = """
import json
import os
import time
from pathlib import Path

from labctl.api import Stopped


def mark(folder, text):
    fd = os.open(Path(folder) / "marks", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (text + "\\n").encode())
    os.close(fd)


def grind(job, *, marks, steps, pause, hold, fail):
    name = job.id
    mark(marks, f"begin {name}")
    saved = job.checkpoint.path / "step"
    done = int(saved.read_text()) if saved.exists() else 0
    if done:
        mark(marks, f"continue {name} {done}")
    for step in range(done, steps):
        time.sleep(pause)
        job.metric("step", step, step=step)
        temporary = saved.with_suffix(".new")
        temporary.write_text(str(step + 1))
        os.replace(temporary, saved)
        job.checkpoint.commit()
        if job.should_stop():
            mark(marks, f"saved {name} {step + 1}")
            raise Stopped
    if name == hold:
        mark(marks, f"holds {name}")
    while name == hold and not (Path(marks) / "go").exists():
        time.sleep(0.01)
        if job.should_stop():
            mark(marks, f"saved {name} {steps}")
            raise Stopped
    if name == fail and not (Path(marks) / "mended").exists():
        raise ValueError("the millstone broke")
    job.artifact("flour.json").write_text(json.dumps([job.id, job.seed] + list(range(steps))))
    mark(marks, f"end {name}")
    return {"steps": steps}


def total(job, *, marks):
    mark(marks, "begin sum")
    parts = [json.loads(r.path("flour.json").read_text()) for r in job.inputs("parts")]
    return {"total": sum(sum(p[2:]) for p in parts), "ids": [p[0] for p in parts]}
"""

TOLERANT = """
from typing import Annotated

from labctl.api import Environment, Job, Param, Parameters, hookimpl


class Options(Parameters):
    marks: Annotated[str, Param(description="folder")] = ""


class Tolerant:
    parameters = Options

    @hookimpl
    def provision(self, ctx):
        return Environment(name="here", timeout=60, retries=0)

    @hookimpl
    def run(self, ctx, environments):
        yield Job("first", "tolerant_tasks:first", {"marks": ctx.parameters.marks})
        yield Job("judge", "tolerant_tasks:judge", needs={"from": ("first",)}, tolerant=True)
        yield Job("summary", "tolerant_tasks:summary", needs={"from": ("judge",)})


plugin = Tolerant()
"""

TOLERANT_TASKS = """
from pathlib import Path


def first(job, *, marks):
    if not (Path(marks) / "mended").exists():
        raise ValueError("not yet")
    return 7


def judge(job):
    found = job.input("from")
    return {"ok": found.ok, "value": found.value}


def summary(job):
    return job.input("from").value
"""
