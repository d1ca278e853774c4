"""One drill: a run of sixty jobs whose host is killed at some instant, then resumed, then examined."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

PARTS = 60
SLOTS = 2
OPTIONS = ("--parts", str(PARTS), "--steps", "2", "--jobs", str(SLOTS), "--json")

FAULT = '''
"""Ends the host with SIGKILL at the n-th write of a transaction, the n-th rename of an artifact, or the
n-th file that it makes durable."""

import os
import signal
import sys
import time

where, _, number = os.environ.get("DRILL", "").partition(":")
if where:
    from labctl.store import objects, runs

    left = [int(number)]

    def strike():
        left[0] -= 1
        if left[0] == 0:
            os.kill(HOST, signal.SIGKILL)
            time.sleep(5)  # a worker is ended here, too, before it goes on

    HOST = os.getpid()  # what is forked from it keeps this
    if where == "transaction":
        event = runs.Store.event

        def struck(self, *arguments, **named):
            event(self, *arguments, **named)
            strike()

        runs.Store.event = struck
    elif where == "rename":
        settle = objects._settle

        def settled(path):
            settle(path)  # the content is on the disk; its name is not yet
            strike()

        objects._settle = settled
    elif where == "file":
        fsync = os.fsync

        def synced(fd):
            fsync(fd)  # its content is on the disk; its name is not yet
            strike()

        os.fsync = synced
'''


class Outcome(NamedTuple):
    """What was found after a drill. ``repeated``: jobs that were begun again after the resume."""

    killed_at: str
    acknowledged: int
    repeated: int


def begins(marks: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for mark in marks:
        word, name, *_ = mark.split()
        if word == "begin":
            found[name] = found.get(name, 0) + 1
    return found


def length(mill: Any) -> float:
    """Seconds that the run takes when nobody ends it."""
    began = time.monotonic()
    done = mill.run(*OPTIONS)
    assert done.code == 0, done.err
    return time.monotonic() - began


def drill(mill: Any, *, after: float | None = None, fault: str = "") -> Outcome:
    """Kill a fresh run ``after`` seconds, or by a ``fault`` such as ``transaction:40``; then examine it."""
    lab = mill.lab
    lab.variables["DRILL"] = fault
    (lab.site / "sitecustomize.py").write_text(FAULT)
    process = mill.start(*OPTIONS, "--seed", str(abs(hash((after, fault))) % 10**6))
    if after is not None:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    out, _ = process.communicate(timeout=120)
    lab.variables["DRILL"] = ""
    killed_at = fault or f"{after:.2f} s"
    acknowledged = {
        event["job"]
        for event in (json.loads(line) for line in out.splitlines() if line.endswith("}"))
        if event.get("event") == "job" and event["state"] == "succeeded"
    }
    database = lab.home / "labctl.db"
    if not database.exists() or not lab("runs", "list", "--json").json["runs"]:
        assert not acknowledged
        return Outcome(killed_at, 0, 0)
    check(database)
    states = mill.states()
    for job in acknowledged:
        assert states[job] == "succeeded", f"{killed_at}: {job} was told to be done and is {states[job]}"
    finished = {job for job, state in states.items() if state == "succeeded"}
    before = begins(mill.marks)
    if mill.show()["run"]["state"] != "succeeded":
        resumed = lab("resume", "last")
        assert resumed.code == 0, f"{killed_at}: {resumed.err}"
    check(database)
    after_all = begins(mill.marks)
    for job in finished:
        assert after_all.get(job) == before.get(job), f"{killed_at}: {job} was finished and ran again"
    repeated = sum(after_all.values()) - (PARTS + 1)
    assert 0 <= repeated <= SLOTS, f"{killed_at}: {repeated} jobs were repeated"
    examine(mill, killed_at)
    return Outcome(killed_at, len(acknowledged), repeated)


def examine(mill: Any, killed_at: str) -> None:
    """All results are there, readable, and what an undisturbed run finds."""
    record = mill.lab.record(mill.show()["run"]["name"])
    assert {job["state"] for job in record["jobs"]} == {"succeeded"}, killed_at
    total = next(job for job in record["jobs"] if job["id"] == "sum")["value"]
    assert total == {"total": PARTS, "ids": [f"grind/{i}" for i in range(PARTS)]}, killed_at
    verified = mill.lab("runs", "verify", "last")
    assert verified.code == 0, f"{killed_at}: {verified.out}{verified.err}"


def check(database: Path) -> None:
    db = sqlite3.connect(database)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        db.close()
