"""``LABCTL_TRACE=1``: one line per hook, types only."""

from __future__ import annotations

import re

from labctl.testing import Lab

SECRET = "hunter2-hunter2"
PLUGIN = """
from labctl.api import *


class Options(Parameters):
    key: str = ""


class Safe:
    parameters = Options

    @hookimpl
    def provision(self, ctx):
        return Environment(name="here")

    @hookimpl
    def run(self, ctx, environments):
        yield Job("open", "safe_tasks:work", {"key": ctx.parameters.key})
        yield Job("shut", "safe_tasks:work", {"key": ctx.parameters.key})
        yield Prediction("P1", "claim", ("open",), "estimand", ">", 1.0)

    @hookimpl
    def collect(self, ctx, results):
        return Section(title=ctx.parameters.key)


plugin = Safe()
"""


def test_types_and_times_and_no_value(lab: Lab) -> None:
    lab.plugin("safe", PLUGIN, safe_tasks="def work(job, *, key): return key")
    lab.variables["LABCTL_TRACE"] = "1"
    done = lab("run", "safe", "--key", SECRET)
    assert done.code == 0, done.err
    lines = [line for line in done.err.splitlines() if line.startswith("trace:")]
    assert len(lines) == 2, done.err
    assert re.fullmatch(r"trace: labctl-safe 1.0, provision\(ctx\) -> 1 Environment  \d+\.\d ms", lines[0])
    assert re.fullmatch(
        r"trace: labctl-safe 1.0, run\(ctx, environments\[1\]\) -> 2 Job, 1 Prediction  \d+\.\d ms", lines[1]
    )
    assert SECRET not in done.err
    log = (lab.home / "runs" / "safe-1" / "collect.log").read_text()  # collect has a process of its own
    assert "collect(ctx, results[2]) -> 1 Section" in log
    assert SECRET not in log


def test_a_hook_that_raises_is_traced_without_its_words(lab: Lab) -> None:
    source = PLUGIN.replace(
        "        yield Prediction", "        raise ValueError(ctx.parameters.key)\n        yield Prediction"
    )
    lab.plugin("safe", source, safe_tasks="def work(job, *, key): return key")
    lab.variables["LABCTL_TRACE"] = "1"
    done = lab("run", "safe", "--plan", "--key", SECRET)
    assert done.code == 3
    traced = [line for line in done.err.splitlines() if line.startswith("trace:")]
    assert "run(ctx, environments[1]) -> no answer" in traced[-1]
    assert all(SECRET not in line for line in traced)


def test_without_it_nothing_is_said(lab: Lab) -> None:
    lab.plugin("safe", PLUGIN, safe_tasks="def work(job, *, key): return key")
    lab.variables["LABCTL_TRACE"] = "0"
    assert "trace:" not in lab("run", "safe", "--plan").err
