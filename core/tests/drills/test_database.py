"""A database of a newer labctl, of rubbish, damaged in the middle; a home that cannot be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

READING = (
    ("runs", "list"), ("runs", "show", "last"), ("runs", "show", "grind-1", "--json"),
    ("runs", "logs", "last", "grind/0"), ("report", "last", "--markdown"), ("report", "last", "--json"),
    ("runs", "compare", "grind-1", "grind-2"), ("explain", "last", "grind/0"),
    ("runs", "verify", "last"), ("runs", "metrics", "last"), ("deploy", "last", "--dry-run"),
)  # fmt: skip
WRITING = (
    ("run", "grind"), ("resume", "last"), ("retry", "last"), ("runs", "cancel", "last"),
    ("runs", "set", "last", "--note", "x"), ("runs", "rm", "last", "--yes"), ("db", "gc"),
)  # fmt: skip


@pytest.fixture
def two(mill: Any) -> Any:
    for seed in ("1", "2"):
        assert mill.run("--parts", "2", "--seed", seed).code == 0
    return mill


def snapshot(home: Path) -> dict[str, tuple[int, bytes]]:
    """Name, mode and content of all files; SQLite's own and traces of faults apart."""
    found = {}
    for folder, _, names in os.walk(home):
        for name in names:
            path = Path(folder, name)
            if not name.startswith("labctl.db-") and "errors" not in path.parts:
                found[str(path.relative_to(home))] = (path.stat().st_mode, path.read_bytes())
    return found


def test_a_newer_database_is_said_and_left_alone(two: Any) -> None:
    lab = two.lab
    db = sqlite3.connect(lab.home / "labctl.db")
    db.execute("PRAGMA user_version=99")
    db.execute("ALTER TABLE run ADD COLUMN wonder TEXT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    before = snapshot(lab.home)
    for words in (*READING, *WRITING, ("db", "rebuild")):
        done = lab(*words)
        assert done.code == 2, (words, done.out, done.err)
        assert "was written by a newer labctl" in done.err, words
        assert "Traceback" not in done.err
    assert lab("plugins", "list").code == 0
    assert lab("doctor").code in (0, 2, 5)
    assert snapshot(lab.home) == before


def test_rubbish_in_place_of_the_database(two: Any) -> None:
    lab = two.lab
    path = lab.home / "labctl.db"
    for name in ("labctl.db-wal", "labctl.db-shm"):
        (lab.home / name).unlink(missing_ok=True)
    path.write_bytes(os.urandom(path.stat().st_size))
    before = snapshot(lab.home)
    for words in (*READING, *WRITING):
        done = lab(*words)
        assert done.code == 5, (words, done.out, done.err)
        assert "labctl.db is damaged" in done.err, (words, done.err)
        assert "hint: labctl db rebuild" in done.err
    assert snapshot(lab.home) == before
    assert lab("db", "rebuild").code == 0
    assert {run["name"] for run in lab("runs", "list", "--json").json["runs"]} == {"grind-1", "grind-2"}
    assert two.run("--parts", "2", "--seed", "1").code == 0


def test_a_database_that_is_damaged_in_the_middle(two: Any) -> None:
    """Its head is whole, so that it opens; what it holds is not."""
    lab = two.lab
    path = lab.home / "labctl.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    for words in (*READING, *WRITING):
        done = lab(*words)
        assert done.code == 5, (words, done.out, done.err)
        assert "labctl.db is damaged" in done.err, (words, done.err)
        assert "Traceback" not in done.err
    done = lab("db", "rebuild")
    assert done.code == 0, done.err
    assert len(lab("runs", "list", "--json").json["runs"]) == 2


def test_an_empty_database_and_none(two: Any) -> None:
    lab = two.lab
    path = lab.home / "labctl.db"
    for make in (lambda: path.write_bytes(b""), path.unlink):
        make()
        for words in READING:
            done = lab(*words)
            assert done.code in (0, 2), (words, done.err)
            assert "Traceback" not in done.err
            assert "could not go on" not in done.err
    assert lab("db", "rebuild").code == 0
    assert len(lab("runs", "list", "--json").json["runs"]) == 2


@pytest.fixture
def read_only(two: Any, tool: Any) -> Iterator[Any]:
    """Run commands where the home is on a read-only mount: root, too, can write nothing there."""
    tool.need_unshare("--user", "--map-root-user", "--mount")

    def call(*words: str) -> tuple[int, str, str]:
        home = two.lab.home
        script = (
            f'mount --bind {home} {home} && mount -o remount,ro,bind {home} || exit 77; cd . && exec "$@"'
        )
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh",
             *two.lab.command(*words)],
            cwd=two.lab.folder, env=two.lab.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 77:
            pytest.skip("no rights to mount here")
        return done.returncode, done.stdout, done.stderr

    yield call
    shutil.rmtree(two.lab.folder / "out", ignore_errors=True)


def test_a_read_only_home_is_read_and_never_written(two: Any, read_only: Any) -> None:
    before = snapshot(two.lab.home)
    for words in (*READING, ("collect", "last", "-o", "out"), ("runs", "export", "last", "-o", "a.tar"),
                  ("doctor",), ("plugins", "list"), ("run", "grind", "--plan"), ("services", "list"),
                  ("runs", "watch", "last")):  # fmt: skip
        code, out, err = read_only(*words)
        assert code == 0, (words, out, err)
        assert "Traceback" not in err
    for words in (*WRITING, ("db", "rebuild")):
        code, out, err = read_only(*words)
        assert code in (2, 5), (words, out, err)
        assert "Traceback" not in err
        assert "could not go on" not in err, (words, err)
        if code == 5:
            assert "read-only" in err.lower() or "readonly" in err.lower(), (words, err)
    assert snapshot(two.lab.home) == before


def test_a_read_only_home_of_a_host_that_was_killed(two: Any, read_only: Any) -> None:
    """What it left in the write-ahead log is read as well, and its run said to be what it is."""
    host = two.start("--jobs", "1", "--parts", "3", "--hold", "grind/2")
    two.wait("begin grind/2")
    host.kill()
    host.communicate()
    code, out, err = read_only("runs", "list")
    assert code == 0, err
    assert "grind-3" in out
    code, out, err = read_only("runs", "show", "grind-3")
    assert code == 0, err


def test_a_database_that_somebody_holds(tmp_path: Path) -> None:
    """Longer than SQLite waits: the host says so and goes on when it is free; what it wrote is there."""
    import threading
    import time

    from labctl.scheduler.ledger import Ledger
    from labctl.store.runs import NewRun, Store

    store = Store(str(tmp_path / "home"))
    new = NewRun(
        plugin="p", distribution="d", version="1", command="", executor="local", tags=(), note="", seed=0,
        registration="", expected_usd=0.0, worst_usd=0.0, jobs=(("a", ()),),
    )  # fmt: skip
    run, name, lock = store.create(new, lambda folder: None)
    said: list[str] = []
    ledger = Ledger(store, run, name, said.append)
    other = sqlite3.connect(tmp_path / "home" / "labctl.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    store.db.execute("PRAGMA busy_timeout=50")
    timer = threading.Timer(0.5, lambda: other.execute("ROLLBACK"))
    timer.start()
    began = time.monotonic()
    ledger.job("a", "running", 1, "")
    ledger.flush()
    timer.join()
    assert time.monotonic() > began
    assert said == [
        "another process holds the database: no new job starts until it lets go",
        "the database is free again: the run goes on",
    ]
    assert store.db.execute("SELECT state FROM job").fetchall() == [("running",)]
    lock.release()
    store.close()
