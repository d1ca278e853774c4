"""Process trees, signals and two hosts at once: real processes, real signals."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import sqlite3
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labctl.executors.processes import descendants
from labctl.testing import Lab

pytestmark = pytest.mark.xdist_group("processes")
Make = Callable[..., Lab]

SLOW = """
import os, subprocess, sys, time

def work(job):
    marks = {marks!r}
    session = {{"start_new_session": True}}
    for i, options in enumerate([{{}}, session, {{**session, "env": {{}}}}]):
        child = subprocess.Popen(["sleep", "300"], stdout=subprocess.DEVNULL, **options)
        open(f"{{marks}}/pid{{i}}", "w").write(str(child.pid))
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:      # nobody's child
            open(f"{{marks}}/pid3", "w").write(str(os.getpid()))
            time.sleep(300)
        os._exit(0)
    open(f"{{marks}}/worker", "w").write(str(os.getpid()))
    step = 0
    while True:
        if {polite} and job.should_stop():
            (job.checkpoint.path / "step").write_text(str(step))
            job.checkpoint.commit()
            from labctl.api import Stopped
            raise Stopped
        try:
            time.sleep(0.05)
        except BaseException:
            pass
        step += 1
"""


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture
def started(one: Make, marks: Path) -> Iterator[Callable[..., tuple[Lab, subprocess.Popen[str]]]]:
    """Start a run whose job forks all kinds of children, and wait until it has."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: str, polite: bool = True, **options: object) -> tuple[Lab, subprocess.Popen[str]]:
        lab = one(SLOW.format(marks=str(marks), polite=polite))
        process = lab.start("run", "one", *words, **options)
        running.append(process)
        wait(lambda: sum(path.read_text() != "" for path in marks.iterdir()) == 5)
        return lab, process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_killing_the_host_ends_every_descendant(started, marks: Path) -> None:  # type: ignore[no-untyped-def]
    lab, host = started()
    family = descendants(host.pid)
    children = [int(path.read_text()) for path in marks.iterdir()]
    assert len(children) == 5
    assert len(family) >= 6  # the zygote, the keeper, the worker and its children
    host.kill()
    wait(lambda: not any(alive(pid) for pid in {*family, *children}))
    listed = lab("runs", "list", "--json").json["runs"]
    assert listed[0]["state"] == "interrupted"
    jobs = lab("runs", "show", "one-1", "--json").json["jobs"]
    assert jobs[0]["state"] == "interrupted"


def test_killing_a_keeper_ends_its_worker(started, marks: Path) -> None:  # type: ignore[no-untyped-def]
    _, host = started()
    worker = int((marks / "worker").read_text())
    keeper = parent_of(worker)
    os.kill(keeper, signal.SIGKILL)
    wait(lambda: not alive(worker))
    assert host.wait(20) == 1


def test_killing_the_worker_fails_the_job_and_ends_its_tree(started, marks: Path) -> None:  # type: ignore[no-untyped-def]
    lab, host = started()
    children = [int(path.read_text()) for path in marks.iterdir()]
    os.kill(int((marks / "worker").read_text()), signal.SIGKILL)
    _, err = host.communicate(timeout=20)
    assert host.returncode == 1
    assert "killed by SIGKILL" in err
    assert not any(alive(pid) for pid in children)
    assert lab.record("one-1")["jobs"][0]["state"] == "failed"


def test_a_worker_holds_neither_lock_nor_database(started, marks: Path) -> None:  # type: ignore[no-untyped-def]
    lab, host = started()
    for pid in descendants(host.pid):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(fd) if fd.is_symlink() else ""
            assert "owner.lock" not in target, pid
            assert "labctl.db" not in target, pid
    lock = lab.home / "runs" / "one-1" / "owner.lock"
    with open(lock) as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    assert lab("runs", "list", "--json").json["runs"][0]["state"] == "running"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_once_saves_and_stops(started, number: signal.Signals) -> None:  # type: ignore[no-untyped-def]
    lab, host = started()
    host.send_signal(number)
    out, err = host.communicate(timeout=20)
    assert host.returncode == 128 + number
    assert "interrupted" in err
    assert "Report: .labctl/runs/one-1/report.html" in out
    assert int((lab.home / "runs" / "one-1" / "checkpoints" / "work" / "step").read_text()) >= 0
    record = lab.record("one-1")
    assert record["run"]["state"] == "interrupted"
    assert record["jobs"][0]["state"] == "interrupted"
    assert record["jobs"][0]["failures"] == 0


def test_a_deaf_job_is_ended_after_the_grace(started, marks: Path) -> None:  # type: ignore[no-untyped-def]
    _, host = started("--grace", "1s", polite=False)
    began = time.monotonic()
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=20)
    assert host.returncode == 130
    assert time.monotonic() - began >= 0.9
    assert not any(alive(int(path.read_text())) for path in marks.iterdir())


def test_a_second_signal_stops_at_once(started) -> None:  # type: ignore[no-untyped-def]
    _, host = started("--grace", "100s", polite=False)
    host.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert host.poll() is None
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=20)
    assert host.returncode == 130


def test_ctrl_c_on_a_terminal(started) -> None:  # type: ignore[no-untyped-def]
    """In a real terminal the whole foreground group gets SIGINT; only the host is to act on it."""
    master, slave = pty.openpty()
    lab, host = started(
        stdout=slave, stderr=slave, start_new_session=True, preexec_fn=lambda: take_terminal(slave)
    )
    os.close(slave)
    time.sleep(0.5)
    os.write(master, b"\x03")
    text = read_all(master)
    host.wait(20)
    assert host.returncode == 130
    assert "Saving." in text
    assert "one-1" in text
    assert lab.record("one-1")["run"]["state"] == "interrupted"


def test_a_closed_terminal_saves_and_stops(started) -> None:  # type: ignore[no-untyped-def]
    master, slave = pty.openpty()
    lab, host = started(
        stdout=slave, stderr=slave, start_new_session=True, preexec_fn=lambda: take_terminal(slave)
    )
    os.close(slave)
    os.close(master)
    host.wait(20)
    assert host.returncode == 128 + signal.SIGHUP
    assert lab.record("one-1")["run"]["state"] == "interrupted"


def test_inline_a_signal_reaches_the_job(one: Make, tmp_path: Path) -> None:
    work = f"""
        import time

        def work(job):
            open({str(tmp_path / "began")!r}, "w").close()
            end = time.time() + 60
            while time.time() < end and not job.should_stop():
                time.sleep(0.05)
            open({str(tmp_path / "asked")!r}, "w").close()
            time.sleep(60)
        """
    host = one(work).start("run", "one", "--on", "inline")
    wait(lambda: (tmp_path / "began").exists())
    host.send_signal(signal.SIGINT)
    wait(lambda: (tmp_path / "asked").exists())
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=20)
    assert host.returncode == 130


def test_what_was_finished_stays_finished(dice: Lab) -> None:
    tasks = dice.site / "dice_tasks.py"
    slow = "def mean(job):\n    import time; time.sleep(1.5)\n"
    tasks.write_text(tasks.read_text().replace("def mean(job):\n", slow))
    host = dice.start("run", "dice")
    finished = "SELECT count(*) FROM job WHERE state = 'succeeded'"
    wait(lambda: (dice.home / "labctl.db").exists() and query(dice, finished) == 4)
    host.kill()
    host.communicate()
    done = dice("run", "dice", "--json")
    assert done.code == 0
    states = {e["job"]: e["state"] for e in done.events if e["event"] == "job"}
    assert [states[f"roll/{i}"] for i in range(4)] == ["cached"] * 4
    assert states["mean"] == "succeeded"
    with sqlite3.connect(dice.home / "labctl.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_hosts_that_begin_together_share_a_home(dice: Lab) -> None:
    hosts = [dice.start("run", "dice", "--seed", str(i)) for i in range(4)]
    for host in hosts:
        _, err = host.communicate(timeout=60)
        assert host.returncode == 0, err
    listed = dice("runs", "list", "--json").json["runs"]
    assert sorted(run["name"] for run in listed) == [f"dice-{i}" for i in range(1, 5)]
    assert {run["state"] for run in listed} == {"succeeded"}


def test_a_pipe_that_is_closed_stops_nothing(dice: Lab) -> None:
    command = " ".join(dice.command("run", "dice")) + " 2>&1 | head -n 1"
    subprocess.run(
        ["sh", "-c", command], cwd=dice.folder, env=dice.environment(), check=True, capture_output=True
    )
    wait(lambda: dice("runs", "list", "--json").json["runs"][0]["state"] == "succeeded")


def wait(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def query(lab: Lab, statement: str) -> int:
    try:
        with sqlite3.connect(f"file:{lab.home / 'labctl.db'}?mode=ro", uri=True) as db:
            return int(db.execute(statement).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def take_terminal(slave: int) -> None:
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def read_all(master: int) -> str:
    found = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            return found.decode()
        if not piece:
            return found.decode()
        found += piece
