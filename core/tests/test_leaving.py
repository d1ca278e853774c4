"""The quick end of a process: nothing that anybody could notice is left out."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from labctl.model.canonical import digest
from labctl.model.sha import sha256
from labctl.testing import Lab

LIGHT = """
import atexit, threading, time
from labctl.api import Job, hookimpl

def slow():
    time.sleep(0.3)
    open("thread.txt", "w").write("done")

class P:
    @hookimpl
    def run(self, ctx, environments):
        atexit.register(lambda: open("atexit.txt", "w").write("called"))
        threading.Thread(target=slow).start()
        yield Job("work", "odd_tasks:work")

plugin = P()
"""
JOB = """
kept = None

def work(job):
    global kept
    kept = open("{path}", "w")
    kept.write("written")
"""
COMMAND = """
import click

@click.command()
def group():
    global kept
    kept = open("kept.txt", "w")
    kept.write("written")
    raise SystemExit(4)
"""


def test_threads_and_exit_handlers_of_a_plugin_have_their_turn(lab: Lab) -> None:
    lab.plugin("odd", LIGHT, odd_tasks="def work(job): return 1")
    assert lab("run", "odd").code == 0
    assert (lab.folder / "atexit.txt").read_text() == "called"
    assert (lab.folder / "thread.txt").read_text() == "done"


def test_what_an_inline_job_leaves_open_is_written(lab: Lab) -> None:
    path = lab.folder / "kept.txt"
    lab.plugin("odd", LIGHT, odd_tasks=JOB.format(path=path))
    assert lab("run", "odd", "--on", "inline").code == 0
    assert path.read_text() == "written"


def test_a_plugins_command_ends_in_its_own_way(lab: Lab) -> None:
    lab.distribution("odd", {"labctl.commands": {"odd": "odd_command:group"}}, {"odd_command.py": COMMAND})
    assert lab("odd").code == 4
    assert (lab.folder / "kept.txt").read_text() == "written"


def test_the_exit_code_stays_and_a_closed_pipe_harms_nobody(lab: Lab) -> None:
    assert lab("run", "--nowhere").code == 2
    words = " ".join(lab.command("plugins", "list"))
    done = subprocess.run(
        ["bash", "-c", f"{words} | true; echo ${{PIPESTATUS[0]}}"], cwd=lab.folder, env=lab.environment(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "0"
    assert "Traceback" not in done.stderr


def test_short_digests_are_sha256() -> None:
    for text in (b"", b"labctl", b"x" * 1000):
        assert sha256(text).hexdigest() == hashlib.sha256(text).hexdigest()
    assert digest({"b": [1.5], "a": None}) == hashlib.sha256(b'{"a":null,"b":[1.5]}').hexdigest()
    with pytest.raises(TypeError):
        digest({"a": [{1: "a key that is no text"}]})
    with pytest.raises(ValueError):
        digest({"a": [{"b": float("nan")}]})
