"""Checks: what does not pass is held, and so is what cannot be told."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest


def test_a_check_that_passes(put: Any) -> None:
    put.furnish()
    name = put.run("--check", "pass")
    shown = put("deploy", name, "--dry-run")
    assert "Checked against what is in place" in shown.out
    assert "'old\\n' to 'new\\n'" in shown.out.replace("\\\\", "\\")
    assert "better" in shown.out
    assert "Checking check/it: data/weights.toml" in shown.err
    first, second = (put("deploy", name, "--dry-run", "--json").json["actions"][0]["check"] for _ in range(2))
    assert first["text"] == second["text"], "the same check on the same files says the same"
    assert first["seed"] == second["seed"] > 0
    other = put.run("--check", "pass", "--seed", "7")
    assert put("deploy", other, "--dry-run", "--json").json["actions"][0]["check"]["seed"] != first["seed"]
    assert put("deploy", name, "--yes").code == 0
    recorded = put.deployments(name)[0]["actions"][0]["check"]
    assert recorded["text"] == first["text"]
    assert recorded["passes"] is True


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("fail", "to 'new"),
        ("raise", "failed: RuntimeError: it broke (put_tasks.py:"),
        ("hang", "timed out: still running after 2 s"),
        ("silent", "it does not say whether it passes"),
        ("die", "failed: its process was killed by SIGKILL"),
    ],
)
def test_what_does_not_pass_is_held(put: Any, how: str, said: str) -> None:
    put.furnish()
    before = put.tree()
    name = put.run("--check", how)
    done = put("deploy", name, "--yes")
    assert done.code == 0, done.err
    assert "held     data/weights.toml  check/it: " in done.out
    assert said in done.out
    assert "1 file is in place." in done.out
    assert put.file.read_text() == "old\n"
    assert (put.out / "a.txt").read_text() == "new"
    assert "1 file, 1 held" in put("runs", "show", name).out
    assert put("deploy", name, "--undo").code == 0
    assert put.tree() == before


@pytest.mark.parametrize("how", ["fail", "raise"])
def test_all_held(put: Any, how: str) -> None:
    put.furnish()
    before = put.tree()
    name = put.run("--check", how, "--no-folder")
    shown = put("deploy", name, "--dry-run")
    assert shown.code == 0
    assert "held" in shown.out
    done = put("deploy", name, "--yes")
    assert done.code == 1
    assert "error: the one file was held: no check passed" in done.err
    assert "--force" in done.err
    assert put.tree() == before
    assert put.deployments(name) == []
    forced = put("deploy", name, "--yes", "--force")
    assert forced.code == 0, forced.err
    assert put.file.read_text() == "new\n"
    recorded = put.deployments(name)[0]
    assert recorded["forced"] is True
    assert recorded["actions"][0]["forced"] is True
    assert recorded["actions"][0]["check"]["passes"] is False
    assert "1 file, forced" in put("runs", "show", name).out


def test_each_point_of_a_grid_has_its_own_check(put: Any) -> None:
    name = put.run("--grid", "to=a/x,b/x", "--check", "pass", "--no-folder")
    done = put("deploy", name, "--yes", "--json")
    assert done.code == 0, done.err
    assert [(a["change"], a["to"], a["check"]["passes"]) for a in done.json["actions"]] == [
        ("new", "a/x", True), ("new", "b/x", True),
    ]  # fmt: skip
    assert (put.folder / "a" / "x").read_text() == (put.folder / "b" / "x").read_text() == "new\n"


def test_what_is_the_same_is_not_checked(put: Any, marks: Path) -> None:
    name = put.run("--check", "pass")
    assert put("deploy", name, "--yes").code == 0
    marks.write_text("")
    assert put("deploy", name, "--yes").code == 0
    assert "check" not in marks.read_text()


def test_a_check_sees_an_allow_list_of_variables(put: Any) -> None:
    put.lab.variables["LAB_SECRET"] = "hunter2"
    done = put("deploy", put.run("--check", "secret"), "--yes")
    assert done.code == 0, done.err
    assert put.file.exists()


def test_nothing_of_a_check_is_left(put: Any) -> None:
    name = put.run("--check", "pass")
    put("deploy", name, "--dry-run")
    assert list((put.lab.home / "work").iterdir()) == []


def test_ctrl_c_during_a_check(put: Any, marks: Path) -> None:
    put.furnish()
    name = put.run("--check", "wait")
    before = put.tree()
    process = put.lab.start("deploy", name, "--yes")
    wait_for(marks, "check")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert put.tree() == before
    assert put.deployments(name) == []
    assert put("deploy", name, "--undo").code == 2


def test_two_at_once(put: Any, marks: Path) -> None:
    name = put.run("--check", "wait")
    other = put.run("--text", "other")
    first = put.lab.start("deploy", name, "--yes")
    wait_for(marks, "check")
    for words in ((other, "--yes"), (name, "--yes"), (name, "--undo")):
        second = put("deploy", *words)
        assert second.code == 5
        assert "another labctl is deploying" in second.err
    assert put("deploy", other, "--dry-run").code == 0, "looking is free"
    removed = put("runs", "rm", name, "--yes")
    assert removed.code == 2, "its run is in use"
    first.kill()
    first.communicate()
    assert put("deploy", other, "--yes").code == 0
    assert put.file.read_text() == "other\n"


def test_a_killed_deploy_leaves_no_check_running(put: Any, marks: Path) -> None:
    name = put.run("--check", "wait")
    process = put.lab.start("deploy", name, "--yes")
    wait_for(marks, "check")
    assert _alive(str(put.lab.home / "work"))
    process.kill()
    process.communicate()
    end = time.monotonic() + 10
    while _alive(str(put.lab.home / "work")):
        assert time.monotonic() < end, "the check lives on"
        time.sleep(0.05)


def _alive(folder: str) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and str((process / "cwd").readlink()).startswith(folder):
                found.append(process.name)
        except OSError:
            continue
    return found


def wait_for(path: Path, word: str) -> None:
    end = time.monotonic() + 30
    while word not in path.read_text().split():
        assert time.monotonic() < end, f"never {word}"
        time.sleep(0.02)


def test_a_check_that_needs_what_failed(put: Any) -> None:
    (put.lab.site / "put_plugin.py").write_text(
        (put.lab.site / "put_plugin.py")
        .read_text()
        .replace('{"new": "make"}, files)', '{"new": "nobody"}, files)')
    )
    done = put("deploy", put.run("--check", "pass"), "--yes")
    assert done.code == 3
    assert "job check/it needs nobody as new; no job has that id" in done.err
