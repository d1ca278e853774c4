"""Plugins as text, for the labs of the tests."""

DICE = """
from typing import Annotated, Literal

from labctl.api import (
    Bar, Bars, Baseline, Copy, Environment, Evidence, InputFile, Job, Param, Parameters, Prediction, Section,
    hookimpl,
)


class Options(Parameters):
    sides: Annotated[int, Param(ge=2, description="sides of the die")] = 6
    rolls: Annotated[int, Param(ge=1, description="rolls of each")] = 200
    fail: Annotated[bool, Param(description="let one job fail")] = False
    mode: Annotated[Literal["fair", "loaded"], Param(description="kind of die")] = "fair"
    table: Annotated[InputFile | None, Param(description="a table of faces")] = None
    threshold: Annotated[float, Param(description="what the mean is to exceed")] = 3.0


class Dice:
    title = "is the die fair?"
    parameters = Options
    presets = {"quick": {"rolls": 10}}

    @hookimpl
    def provision(self, ctx):
        return Environment(name="table", retries=1, retry_delay=0.05)

    @hookimpl
    def run(self, ctx, environments):
        p = ctx.parameters
        ids = [f"roll/{i}" for i in range(4)]
        files = {"table": p.table} if p.table else {}
        for i, name in enumerate(ids):
            params = {"sides": p.sides, "rolls": p.rolls, "fail": p.fail and i == 2}
            yield Job(name, "dice_tasks:roll", params, tags=("throw",), files=files)
        yield Job("mean", "dice_tasks:mean", needs={"rolls": ids}, tolerant=True)
        yield Job("strict", "dice_tasks:mean", needs={"rolls": ids})
        yield Prediction("P1", "the mean is high", ("mean",), "mean of all rolls", ">", p.threshold)

    @hookimpl
    def collect(self, ctx, results):
        found = results["mean"] if "mean" in results else None
        if found is None or not found.ok:
            return Section(title="Rolls", headline="Nothing was rolled")
        v = found.value
        evidence = Evidence(
            "P1", v["mean"], v["mean"] - v["half"], v["mean"] + v["half"], n=v["n"],
            baseline=Baseline("fair die", 3.5),
        )
        chart = Bars(title="means", rows=tuple(Bar(str(i), x) for i, x in enumerate(v["means"])))
        return Section(
            title="Rolls", headline=f"The mean is {v['mean']:.2f}", evidence=(evidence,), charts=(chart,)
        )

    @hookimpl
    def deploy(self, ctx, report):
        yield Copy("roll/0", "rolls.json", "data/rolls.json")


plugin = Dice()
"""

DICE_TASKS = """
import json
import random


def roll(job, *, sides, rolls, fail):
    print("rolling", job.id)
    if fail:
        raise ValueError("the die fell off the table")
    source = random.Random(job.seed)
    faces = [source.randint(1, sides) for _ in range(rolls)]
    job.artifact("rolls.json").write_text(json.dumps(faces))
    job.metric("mean", sum(faces) / len(faces))
    text = job.file("table").read_text() if "table" in job.files else ""
    return {"n": len(faces), "table": text}


def mean(job):
    faces, means = [], []
    for result in job.inputs("rolls"):
        if result.ok:
            found = json.loads(result.path("rolls.json").read_text())
            faces += found
            means.append(sum(found) / len(found))
    m = sum(faces) / len(faces)
    sd = (sum((x - m) ** 2 for x in faces) / len(faces)) ** 0.5
    return {"mean": m, "half": 1.96 * sd / len(faces) ** 0.5, "n": len(faces), "means": means}
"""

ONE_JOB = """
from labctl.api import Environment, Job, hookimpl


class One:
    @hookimpl
    def provision(self, ctx):
        return Environment(name="here", timeout={timeout}, retries={retries}, retry_delay=0.01)

    @hookimpl
    def run(self, ctx, environments):
        yield Job("work", "one_tasks:work")


plugin = One()
"""


def one_job(timeout: float = 60.0, retries: int = 0) -> str:
    """A project of one job, ``one_tasks:work``."""
    return ONE_JOB.format(timeout=timeout, retries=retries)
