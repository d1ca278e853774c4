"""Many commands on one run at once, in an order that a seed decides: one outcome, nothing torn."""

from __future__ import annotations

import random
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("processes")
ROUNDS = 6
COMMANDS = (
    ("resume", "grind-1"), ("resume", "grind-1"), ("retry", "grind-1"), ("runs", "cancel", "grind-1"),
    ("runs", "rm", "grind-1", "--yes"), ("db", "gc"), ("runs", "verify", "grind-1"),
    ("runs", "watch", "grind-1"), ("runs", "list"), ("runs", "show", "grind-1"),
    ("runs", "set", "grind-1", "--note", "x"), ("run", "grind", "--like", "grind-1"),
)  # fmt: skip


def check(home: Path) -> None:
    db = sqlite3.connect(home / "labctl.db")
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("SELECT count(*) FROM attempt WHERE state = 'running'").fetchone() == (0,)
        left = db.execute("SELECT name, state FROM run WHERE state = 'running'").fetchall()
        assert left == []
    finally:
        db.close()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_many_commands_on_one_run(mill: Any, seed: int) -> None:
    source = random.Random(20261121 + seed)
    host = mill.start("--jobs", "2", "--parts", "8", "--pause", "0.02", "--hold", "grind/5")
    mill.wait("begin grind/5")
    if seed % 3 != 2:  # else they meet a living one
        host.send_signal(signal.SIGKILL)
        host.communicate()
    mill.touch("go")
    chosen = source.sample(COMMANDS, 7)
    processes = [(words, mill.lab.start(*words)) for words in chosen]
    for words, process in processes:
        out, err = process.communicate(timeout=60)
        known = (0, 1, 2, 5, 6, 130)
        assert process.returncode in known, (words, process.returncode, out, err)
        assert "Traceback" not in err, (words, err)
        assert "could not go on" not in err or "was removed while it ran" in err, (words, err)
    if seed % 3 == 2:
        host.communicate(timeout=60)
    listed = {run["name"]: run["state"] for run in mill.lab("runs", "list", "--json").json["runs"]}
    check(mill.lab.home)
    for name, state in listed.items():
        if state in ("interrupted", "cancelled"):
            done = mill.lab("resume", name)
            assert done.code == 0, (name, done.err)
        done = mill.lab("runs", "verify", name)
        assert done.code == 0, (name, state, done.out, done.err)
    done = mill.run("--parts", "8", "--pause", "0.02", "--hold", "grind/5")
    assert done.code == 0, done.err
    check(mill.lab.home)


def test_whoever_lists_never_interrupts_a_run_that_is_being_resumed(mill: Any, tmp_path: Path) -> None:
    """The one who found its host dead is slow; meanwhile another command has resumed it."""
    host = mill.start("--jobs", "1", "--hold", "grind/1")
    mill.wait("begin grind/1")
    host.kill()
    host.communicate()
    slow = f"""
        import os, time
        from labctl.store import runs
        from pathlib import Path
        if os.environ.get("SLOW"):
            asked = runs.is_owned
            def is_owned(path):
                found = asked(path)
                Path({str(tmp_path / "asked")!r}).touch()
                while not Path({str(tmp_path / "go")!r}).exists():
                    time.sleep(0.01)
                return found
            runs.is_owned = is_owned
        """
    mill.lab.distribution("slow", {}, {"sitecustomize.py": slow})
    mill.lab.variables["SLOW"] = "1"
    lister = mill.lab.start("runs", "list")
    import time

    end = time.monotonic() + 30
    while not (tmp_path / "asked").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    mill.lab.variables["SLOW"] = ""
    resumed = mill.lab.start("resume", "last")
    while mill.count("begin grind/1") < 2:
        assert time.monotonic() < end
        assert resumed.poll() is None, resumed.communicate()
        time.sleep(0.01)
    work = mill.lab.home / "work" / "grind-1"
    assert work.exists()
    (tmp_path / "go").touch()
    out, _ = lister.communicate(timeout=20)
    assert lister.returncode == 0
    assert "running" in out
    assert work.exists(), "the folders of its jobs are still there"
    mill.touch("go")
    _, err = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, err
    attempts = [(a["job"], a["state"]) for a in mill.lab.record("grind-1")["attempts"]]
    assert attempts.count(("grind/1", "interrupted")) == 1
    assert attempts.count(("grind/1", "succeeded")) == 1
