"""Hostile names, and secrets that come near every file there is."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from labctl.testing import Lab

SECRET = "s3cr3t-0123456789-of-the-hub"
KEY = "-----BEGIN KEY-----\nTWFueSBoYW5kcyBtYWtl\nbGlnaHQgd29yayBvZiBpdA\n-----END KEY-----"
OTHER = "undeclared-9876543210-value"

TASKS = """
import os, sys, time

def work(job):
    token, key = os.environ["HUB_TOKEN"], os.environ["HUB_KEY"]
    assert "OTHER" not in os.environ
    print("the token is", token)
    for line in key.splitlines():
        print(line, flush=True)
        time.sleep(0.02)
    sys.stdout.write("x" * (65536 - len(token) // 2))
    sys.stdout.flush()
    time.sleep(0.1)
    sys.stdout.write(token + "y" * 70000 + "\\n")
    for c in token:
        sys.stdout.write(c)
        sys.stdout.flush()
    print()
    job.metric("loss", 1.0)
    if job.attempt == 1:
        raise RuntimeError(f"refused {token} and {key}")
    return 1
"""
PROVISION = """Environment(name='here', retries=1, retry_delay=0.01,
            secrets=(Secret('hub', ('HUB_TOKEN', 'HUB_KEY')),))"""
OBSERVER = """
class Watches:
    options = None
    def open(self, run, options):
        self.file = open(run.folder + "/watched.txt", "w")
    def tell(self, event):
        print(event, file=self.file)
    def close(self):
        self.file.close()
"""


@pytest.mark.parametrize("detached", [False, True])
def test_no_file_holds_a_secret(project: Any, tool: Any, detached: bool, tmp_path: Path) -> None:
    lab = project("yield Job('work', 'odd_tasks:work')", provision=PROVISION, odd_tasks=TASKS)
    lab.variables |= {"HUB_TOKEN": SECRET, "HUB_KEY": KEY, "OTHER": OTHER, "LABCTL_TRACE": "1"}
    points = {"labctl.observers": {"watches": "watching:Watches"}}
    lab.distribution("labctl-watching", points, {"watching.py": OBSERVER})
    (lab.folder / "labctl.toml").write_text('[observers]\nuse = ["watches"]\n')
    said = ""
    if detached:
        done = lab("run", "odd", "--detach")
        assert done.code == 0, done.err
        said += done.out + done.err
        done = lab("runs", "watch", "last")
        said += done.out + done.err
        tool.until(lambda: (lab.home / "runs" / "odd-1" / "report.html").exists())
    else:
        done = lab("run", "odd", "--json")
        assert done.code == 0, done.err
        said += done.out + done.err
    assert tool.states(lab, "odd-1") == {"work": "succeeded"}
    archive = tmp_path / "a.tar.gz"
    for words in (
        ("runs", "logs", "last", "work"), ("runs", "logs", "last", "work", "--attempt", "1"),
        ("runs", "show", "last", "--json"), ("report", "last", "--markdown"), ("doctor",),
        ("config", "show", "--origins"), ("runs", "export", "last", "-o", str(archive)),
    ):  # fmt: skip
        done = lab(*words)
        said += done.out + done.err
    for word in (SECRET, *(line for line in KEY.splitlines() if "-" not in line), OTHER):
        assert word not in said
        for path in tool.files(lab.folder):
            assert word.encode() not in path.read_bytes(), (word, path)
    assert "refused" in (lab.home / "runs" / "odd-1" / "watched.txt").read_text()
    opened = tmp_path / "opened"
    with tarfile.open(archive) as packed:
        packed.extractall(opened, filter="data")
    for path in tool.files(opened):
        assert SECRET.encode() not in path.read_bytes(), path
    assert "[secret]" in (lab.home / "runs" / "odd-1" / "logs" / "work.1.log").read_text()


def test_a_plugin_that_dies_with_a_secret_in_its_frames(lab: Lab, tool: Any) -> None:
    source = """
        import os
        token = os.environ["HUB_TOKEN"]
        def inner(token):
            raise ValueError("no")
        inner(token)
        """
    lab.plugin("bad", source)
    lab.home.mkdir()
    lab.variables |= {"HUB_TOKEN": SECRET}
    done = lab("run", "bad")
    assert done.code == 3
    assert SECRET not in done.out + done.err
    kept = tool.files(lab.home)
    assert any("errors" in path.parts for path in kept), "its traceback is kept"
    for path in kept:
        assert SECRET.encode() not in path.read_bytes(), path


NAMES = ("</script><b>", "a\u202eb\x1b[2J", "'; DROP TABLE run; --", "$(touch pwned)`touch pwned`")


def test_hostile_words_in_parameters_notes_and_tags(lab: Lab) -> None:
    source = """
        from labctl.api import *
        class O(Parameters):
            text: str = ""
        class P:
            parameters = O
            @hookimpl
            def run(self, ctx, environments):
                yield Job("a", "odd_tasks:work", {"text": ctx.parameters.text})
            @hookimpl
            def collect(self, ctx, results):
                t = ctx.parameters.text
                return Section(title=t, headline=t, text=t)
        plugin = P()
        """
    lab.plugin("odd", source, odd_tasks="def work(job, *, text): print(text); return {'v': text}")
    runs = 0
    for name in NAMES:
        done = lab("run", "odd", f"--text={name}", f"--note={name}", f"--tag={name}")
        assert done.code == 0, (name, done.err)
        runs += 1
        for words in (("runs", "show", "last"), ("runs", "show", "last", "--parameters"), ("runs", "list"),
                      ("report", "last", "--markdown"), ("runs", "logs", "last", "a")):  # fmt: skip
            shown = lab(*words)
            assert shown.code == 0, (words, shown.err)
            assert "\u202e" not in shown.out or words[0] == "report", (words, name)
        page = (lab.home / "runs" / f"odd-{runs}" / "report.html").read_text()
        assert "<b>" not in page.partition("</script><b>")[2]
        assert not (lab.folder / "pwned").exists()
    assert len(lab("runs", "list", "--all", "--json").json["runs"]) == runs


@pytest.mark.parametrize(
    "name", ["a" * 300, "x/" * 200 + "y", "con/../..", "~/x", ".", "..", "a//b", "a/./b", "\ud800"]
)
def test_names_of_artifacts_that_no_file_system_should_see(one: Any, name: str) -> None:
    lab = one(f"def work(job):\n    p = job.artifact({name!r})\n    p.write_text('x')\n    return str(p)")
    done = lab("run", "one")
    assert "Traceback" not in done.err.replace("runs logs", "")
    state = lab.record("one-1")["jobs"][0]["state"]
    assert state in ("failed", "succeeded")
    if state == "succeeded":
        assert lab("runs", "verify", "last").code == 0
        assert lab("collect", "last", "-o", "out").code == 0
        assert {p.resolve().is_relative_to(lab.folder / "out") for p in (lab.folder / "out").rglob("*")} == {
            True
        }
