"""A project that deploys a file, a program and a folder, with a check of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labctl.testing import Lab

PLUGIN = """
import json
import os
from typing import Annotated

from labctl.api import Copy, Environment, Job, Param, Parameters, Publish, hookimpl


class Options(Parameters):
    text: Annotated[str, Param(description="content of the file")] = "new"
    check: Annotated[str, Param(description="what its check does; empty: it has none")] = ""
    folder: Annotated[bool, Param(description="a folder, too")] = True
    to: Annotated[str, Param(description="where the file goes")] = "data/weights.toml"
    publish: Annotated[bool, Param(description="a service, too")] = False
    copies: Annotated[bool, Param(description="files at all")] = True
    fail: Annotated[bool, Param(description="let the job fail")] = False


class Put:
    title = "puts things in place"
    parameters = Options
    deploys = True

    @hookimpl
    def provision(self, ctx):
        return [Environment(name="here"), Environment(name="short", timeout=2.0)]

    @hookimpl
    def run(self, ctx, environments):
        p = ctx.parameters
        yield Job("make", "put_tasks:make", {"text": p.text, "fail": p.fail}, "here")

    @hookimpl
    def deploy(self, ctx, report):
        p = ctx.parameters
        if "PUT_MARKS" in os.environ:
            open(os.environ["PUT_MARKS"], "a").write("hook\\n")
        if p.publish:
            yield Publish("api")
        if not p.copies:
            return
        check = None
        if p.check:
            current = ctx.file(p.to)
            files = {"current": current} if current else {}
            environment = "short" if p.check == "hang" else "here"
            params = {"how": p.check, "marks": os.environ.get("PUT_MARKS", "")}
            check = Job("check/it", "put_tasks:check", params, environment, {"new": "make"}, files)
        yield Copy("make", "weights.toml", p.to, check=check)
        if p.folder:
            yield Copy("make", "validation", "out/validation")


plugin = Put()
"""

TASKS = """
import os
import signal
import time


def make(job, *, text, fail):
    if fail:
        raise ValueError("no")
    job.artifact("weights.toml").write_text(text + "\\n")
    folder = job.artifact("validation")
    (folder / "deep" / "empty").mkdir(parents=True)
    (folder / "a.txt").write_text(text)
    (folder / "run.sh").write_text("#!/bin/sh\\n")
    os.chmod(folder / "run.sh", 0o755)
    return {"text": text[:100]}


def check(job, *, how, marks):
    if marks:
        with open(marks, "a") as file:
            file.write("check\\n")
    new = job.input("new").path("weights.toml").read_text()
    assert job.input("new").value["text"] == new.strip()[:100]
    current = job.file("current").read_text() if "current" in job.files else None
    if how == "raise":
        raise RuntimeError("it broke")
    if how in ("hang", "wait"):
        time.sleep(60)
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "silent":
        return {"text": "hm"}
    if how == "secret":
        return {"passes": "LAB_SECRET" not in os.environ, "text": str("LAB_SECRET" in os.environ)}
    text = f"{current!r} to {new!r}, seed {job.seed}"
    return {"passes": how == "pass", "text": text, "verdict": "better" if how == "pass" else "worse"}
"""


class Put:
    """The lab with the project put. ``tree``: all that is in the project but the home."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.folder = lab.folder
        self.file = lab.folder / "data" / "weights.toml"
        self.out = lab.folder / "out" / "validation"

    def __call__(self, *words: str) -> Any:
        return self.lab(*words)

    def run(self, *words: str) -> str:
        done = self.lab("run", "put", "--no-deploy", *words)
        assert done.code == 0, done.err
        return self.lab("runs", "list", "--json").json["runs"][0]["name"]

    def tree(self) -> dict[str, tuple[int, bytes | None]]:
        """Path -> mode and content of everything in the project."""
        found: dict[str, tuple[int, bytes | None]] = {}
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if name.split("/")[0] != ".labctl":
                status = path.lstat()
                content = path.read_bytes() if path.is_file() else None
                found[name] = (status.st_mode, content)
        return found

    def deployments(self, run: str) -> list[dict[str, Any]]:
        return self.lab("runs", "show", run, "--json").json["deployments"]

    def furnish(self) -> None:
        """Something of the user's where the project puts its own."""
        self.file.parent.mkdir()
        self.file.write_text("old\n")
        self.file.chmod(0o640)
        (self.out / "sub").mkdir(parents=True)
        (self.out / "sub" / "mine.txt").write_text("mine")
        (self.out / "sub" / "mine.txt").chmod(0o600)
        self.out.chmod(0o750)


@pytest.fixture
def put(lab: Lab) -> Put:
    lab.plugin("put", PLUGIN, put_tasks=TASKS)
    return Put(lab)


@pytest.fixture
def marks(put: Put, tmp_path: Path) -> Path:
    """A file that tells which hooks and checks were run."""
    path = tmp_path / "marks"
    path.touch()
    put.lab.variables["PUT_MARKS"] = str(path)
    return path
