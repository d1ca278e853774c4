"""A disk that runs full in the middle of a run, on a small file system of our own; a home on another one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("processes")
MIB = 1 << 20


class Small:
    """A small file system in a mount namespace of its own; commands enter it by the process that keeps it."""

    def __init__(self, mill: Any, size: int) -> None:
        self.mill = mill
        self.lab = mill.lab
        self.lab.home.mkdir()
        script = (
            f"mount -t tmpfs -o size={size},mode=700 tmpfs {self.lab.home} && echo there && exec sleep 600"
        )
        self.keeper = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.keeper.stdout is not None
        assert self.keeper.stdout.readline() == "there\n"
        # What the keeper sees, seen from outside.
        self.home = Path(f"/proc/{self.keeper.pid}/root{self.lab.home}")

    def start(self, *words: str) -> subprocess.Popen[str]:
        enter = ["nsenter", "--target", str(self.keeper.pid), "--user", "--mount", "--preserve-credentials"]
        inside = ["sh", "-c", f'cd {self.lab.folder} && exec "$@"', "sh", *self.lab.command(*words)]
        return subprocess.Popen(
            [*enter, *inside], env=self.lab.environment(), text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def fill(self) -> Path:
        """Leave no byte free."""
        filler = self.home / "filler"
        with open(filler, "ab", buffering=0) as file:
            for piece in (1 << 16, 1 << 12):
                while True:
                    try:
                        if file.write(b"\0" * piece) < piece:
                            break
                    except OSError:
                        break
        return filler


@pytest.fixture
def small(mill: Any, tool: Any) -> Iterator[Small]:
    tool.need_unshare("--user", "--map-root-user", "--mount")
    found = Small(mill, 3 * MIB)
    yield found
    found.keeper.kill()
    found.keeper.communicate()


def line(process: subprocess.Popen[str], word: str) -> str:
    """Read what it says up to a line that holds a word."""
    assert process.stderr is not None
    said = []
    while text := process.stderr.readline():
        said.append(text)
        if word in text:
            return "".join(said)
    raise AssertionError(f"it never said {word!r}: {said}")


def held(small: Small, *words: str) -> subprocess.Popen[str]:
    """A run whose second job waits: the first has ended by then."""
    options = small.mill.options("--jobs", "1", "--parts", "3", "--hold", "grind/1", *words)
    host = small.start("run", "grind", *options)
    small.mill.wait("begin grind/1")
    return host


def test_a_run_waits_for_room_and_goes_on(small: Small) -> None:
    host = held(small)
    filler = small.fill()
    small.mill.touch("go")
    line(host, "the disk is full")
    for words in (("runs", "list"), ("runs", "show", "last"), ("runs", "logs", "last"), ("plugins", "list")):
        code, out, err = small(*words)
        assert code == 0, (words, err)
        assert "Traceback" not in err
        assert "grind" in out
    code, _, err = small("run", "grind", *small.mill.options())
    assert code == 5, err
    assert "Traceback" not in err
    os.unlink(filler)
    _, err = host.communicate(timeout=60)
    assert host.returncode in (0, 6), err
    assert "there is room again" in err
    assert err.count("the disk is full: ") == 0, "it was said once"
    assert small.mill.count("begin grind/0") == 1
    if host.returncode == 6:  # a job that met the full disk itself has failed; what was done stays done
        assert small("retry", "last")[0] == 0
    code, out, err = small("runs", "verify", "last")
    assert code == 0, out + err
    copy = small.lab.folder / "copy.db"  # SQLite opens nothing by way of /proc
    copy.write_bytes((small.home / "labctl.db").read_bytes())
    db = sqlite3.connect(copy)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


def test_ctrl_c_while_it_waits_for_room(small: Small) -> None:
    host = held(small)
    filler = small.fill()
    small.mill.touch("go")
    line(host, "the disk is full")
    pid = host_of(host)
    os.kill(pid, signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        host.wait(1.5)  # once: it would still like to write down what was found
    os.kill(pid, signal.SIGINT)
    _, err = host.communicate(timeout=30)
    assert host.returncode in (5, 130), err
    assert "Traceback" not in err
    assert "the disk is full" in err
    os.unlink(filler)
    code, out, _ = small("runs", "show", "last", "--json")
    assert code == 0
    assert '"state":"interrupted"' in out
    code, _, err = small("resume", "last")
    assert code == 0, err
    assert small.mill.count("begin grind/0") == 1


def host_of(process: subprocess.Popen[str]) -> int:
    """The host itself: nsenter and sh have become it."""
    return process.pid


def test_a_job_that_fills_the_disk_costs_no_other_result(small: Small, tool: Any) -> None:
    tasks = """
        import os
        def good(job):
            job.artifact("good.txt").write_text("x" * 1000)
            return 1
        def greedy(job):
            with open("filler", "wb", buffering=0) as file:
                for _ in range(100):
                    file.write(b"x" * (1 << 20))
        """
    body = """
        yield Job('a', 'odd_tasks:good')
        yield Job('greedy', 'odd_tasks:greedy', needs={'x': 'a'})
        yield Job('b', 'odd_tasks:good', needs={'x': 'greedy'}, tolerant=True)
        """
    small.lab.plugin("odd", tool.plan(body, "Environment(name='here')"), odd_tasks=tasks)
    code, _, err = small("run", "odd", "--jobs", "1")
    assert code == 6, err
    assert "No space left on device" in err
    code, out, err = small("runs", "show", "last", "--json")
    assert code == 0, err
    states = {job["id"]: job["state"] for job in json.loads(out)["jobs"]}
    assert states == {"a": "succeeded", "greedy": "failed", "b": "succeeded"}
    code, out, err = small("runs", "verify", "last")
    assert code == 0, out + err


def test_a_home_on_another_file_system(mill: Any, tool: Any) -> None:
    """Artifacts written elsewhere (a volume, a link) cross a border: they are copied, not renamed."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == mill.lab.folder.stat().st_dev:
        pytest.skip("no second file system here")
    home = shm / f"labctl-drill-{os.getpid()}"
    mill.lab.variables["LABCTL_HOME"] = str(home)
    tasks = """
        import os, shutil, tempfile
        def work(job):
            elsewhere = tempfile.mkdtemp()
            with open(os.path.join(elsewhere, "f"), "w") as file:
                file.write(job.id)
            shutil.move(elsewhere, job.artifact("folder"))
            job.artifact("file.txt").write_text(job.id)
            return 1
        def read(job):
            a = job.input("x")
            return a.path("file.txt").read_text() + (a.path("folder") / "f").read_text()
        """
    body = """
        yield Job('a', 'odd_tasks:work')
        yield Job('b', 'odd_tasks:read', needs={'x': 'a'})
        """
    mill.lab.plugin("odd", tool.plan(body, "Environment(name='here')"), odd_tasks=tasks)
    try:
        done = mill.lab("run", "odd")
        assert done.code == 0, done.err
        assert mill.lab("runs", "verify", "last").code == 0
        assert mill.lab("collect", "last", "-o", "out").code == 0
        assert (mill.lab.folder / "out" / "a" / "folder" / "f").read_text() == "a"
        assert mill.lab("runs", "export", "last", "-o", "last.tar").code in (0, 2)
        assert mill.lab("runs", "rm", "last", "--yes").code == 0
    finally:
        import shutil

        shutil.rmtree(home)
