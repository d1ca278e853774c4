"""The end of `labctl run`: a project that deploys asks, and leaves everything where nobody can be asked."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from pathlib import Path
from typing import Any

import pytest


def test_without_a_terminal_everything_is_left(put: Any, marks: Path) -> None:
    before = put.tree()
    done = put("run", "put", "--check", "pass")
    assert done.code == 0, done.err
    assert "Nothing was put in place: nobody can be asked. To do it: labctl deploy put-1" in done.err
    assert put.tree() == before
    assert marks.read_text() == "", "neither the hook nor a check was asked"
    done = put("run", "put", "--json")
    assert done.events[-1] == {"event": "not deployed", "run": "put-2", "step": "labctl deploy put-2"}


def test_yes_does_it(put: Any) -> None:
    done = put("run", "put", "--check", "pass", "--yes")
    assert done.code == 0, done.err
    assert "2 files are in place." in done.out
    assert put.file.read_text() == "new\n"
    assert put("deploy", "last", "--undo").code == 0


def test_no_deploy_leaves_it(put: Any, marks: Path) -> None:
    done = put("run", "put", "--yes", "--no-deploy")
    assert done.code == 0, done.err
    assert not put.file.exists()
    assert "in place" not in done.out + done.err
    assert marks.read_text() == ""


def test_a_run_that_failed_deploys_nothing(put: Any, marks: Path) -> None:
    done = put("run", "put", "--yes", "--fail")
    assert done.code == 1
    assert marks.read_text() == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "../x"), "put could not say what to deploy"),
        (("--check", "fail", "--no-folder"), "was held"),
    ],
)
def test_a_deploy_that_fails_costs_no_run(put: Any, words: tuple[str, ...], said: str) -> None:
    done = put("run", "put", "--yes", *words)
    assert done.code == 0, done.err
    assert said in done.err
    assert "The run has succeeded all the same. To deploy it: labctl deploy put-1" in done.err
    assert put.lab.record("put-1")["run"]["state"] == "succeeded"
    assert not put.file.exists()


def test_other_projects_take_no_deploy(dice: Any) -> None:
    done = dice("run", "dice", "--yes")
    assert done.code == 0, done.err
    assert not (dice.folder / "data").exists()
    assert "in place" not in done.err
    assert dice("run", "dice", "--no-deploy").code == 0


@pytest.mark.parametrize("words", [("--yes",), (), ("--no-deploy", "--yes")])
def test_resume_deploys_too(put: Any, tmp_path: Path, words: tuple[str, ...]) -> None:
    gate = tmp_path / "gate"
    tasks = put.lab.site / "put_tasks.py"
    wait = f"    while not os.path.exists({str(gate)!r}):\\n        time.sleep(0.05)\\n    if fail:".replace(
        "\\n", "\n"
    )
    tasks.write_text(tasks.read_text().replace("    if fail:", wait, 1))
    process = put.lab.start("run", "put", "--yes", "--grace", "1s")
    end = time.monotonic() + 20
    while "running" not in put("runs", "show", "last").out:
        assert time.monotonic() < end
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert not put.file.exists()
    gate.touch()
    resumed = put("resume", "last", *words)
    assert resumed.code == 0, resumed.err
    assert put.file.exists() == (words == ("--yes",))
    assert ("nobody can be asked" in resumed.err) == (words == ())


def terminal(lab: Any, *words: str, answer: str) -> tuple[int, str]:
    """A command on a terminal of its own, which is given one answer when it asks for one.

    Ctrl-C is pressed again after five seconds, as anybody would: one that comes in the instant between the
    interpreter's look at its signals and its waiting for a line is noticed with the next key only.
    """
    master, slave = pty.openpty()

    def take() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        lab.command(*words), cwd=lab.folder, env=lab.environment(), stdin=slave, stdout=slave, stderr=slave,
        preexec_fn=take,
    )  # fmt: skip
    os.close(slave)
    text, answered, end = "", 0.0, time.monotonic() + 60
    while time.monotonic() < end:
        if answer == "\x03" and answered and time.monotonic() > answered + 5:
            os.write(master, answer.encode())
            answered = time.monotonic()
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        text += data.decode(errors="replace")
        if not answered and "[y/N]" in text:
            os.write(master, answer.encode())
            answered = time.monotonic()
    code = process.wait(20)
    os.close(master)
    return code, text


@pytest.mark.parametrize(
    ("answer", "code"), [("y\n", 0), ("n\n", 2), ("\n", 2), ("\x03", 130), ("\x04", 130)]
)
def test_the_question(put: Any, answer: str, code: int) -> None:
    name = put.run("--check", "pass")
    before = put.tree()
    found, text = terminal(put.lab, "deploy", name, answer=answer)
    assert "Put these 2 files in place? [y/N]" in text
    assert found == code, text
    assert "Traceback" not in text
    if code == 0:
        assert put.file.read_text() == "new\n"
    else:
        assert put.tree() == before
        assert put.deployments(name) == []


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\x03"])
def test_the_question_after_a_run(put: Any, answer: str) -> None:
    before = put.tree()
    found, text = terminal(put.lab, "run", "put", "--check", "pass", answer=answer)
    assert "Put these 2 files in place? [y/N]" in text
    assert "Traceback" not in text
    assert found == 0, text
    assert (put.tree() == before) == (answer != "y\n")
