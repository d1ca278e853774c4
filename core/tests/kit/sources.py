"""A good plugin as a source folder, and what is changed in it to make it a bad one."""

from __future__ import annotations

import textwrap
from pathlib import Path

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "labctl-tides"
version = "1.1.0"
description = "high and low"
license = "MIT"
dependencies = ["labctl>=0.1,<1"]

[project.entry-points."labctl.plugins"]
tides = "labctl_tides.plugin:plugin"
"""

PLUGIN = """
from labctl.api import Copy, Environment, Evidence, Job, Param, Parameters, Prediction, Section, hookimpl
from typing import Annotated


class Options(Parameters):
    days: Annotated[int, Param(ge=1, description="days")] = 3


class Tides:
    parameters = Options
    presets = {"quick": {"days": 1}}

    @hookimpl
    def provision(self, ctx):
        return Environment(name="sea")

    @hookimpl
    def run(self, ctx, environments):
        for day in range(ctx.parameters.days):
            yield Job(f"day/{day}", "labctl_tides.tasks:day", {"day": day})
        yield Job("all", "labctl_tides.tasks:whole", needs={"days": ["day/0"]})
        yield Prediction("P1", "it rises", ("all",), "height in m", ">", 0.0)

    @hookimpl
    def collect(self, ctx, results):
        done = [r.value for r in results.values() if r.ok]
        return Section(title="Tides", headline=f"{len(done)} jobs")

    @hookimpl
    def deploy(self, ctx, report):
        return [Copy("all", "table.json", "results/table.json")]


plugin = Tides()
"""

TASKS = """
def day(job, *, day):
    return {"height": day}


def whole(job):
    job.artifact("table.json").write_text("{}")
    return {}
"""


def source(folder: Path, changes: dict[str, tuple[str, str]] | None = None, **files: str) -> Path:
    """Write the good plugin with changes: file -> (text, what stands for it). ``files``: modules."""
    root = folder / "labctl-tides"
    package = root / "src" / "labctl_tides"
    package.mkdir(parents=True)
    texts = {"pyproject": PYPROJECT, "plugin": PLUGIN, "tasks": TASKS, "__init__": "", **files}
    for name, (old, new) in (changes or {}).items():
        assert texts[name].count(old) == 1, f"{name}: {old!r} is there {texts[name].count(old)} times"
        texts[name] = texts[name].replace(old, new)
    (root / "pyproject.toml").write_text(texts.pop("pyproject"), encoding="utf-8")
    (root / "src" / "pandas.py").touch()  # what is heavy need not be installed to be found
    for name, text in texts.items():
        (package / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return root
