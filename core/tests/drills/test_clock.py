"""A clock that is set back: in the middle of a run, between a run and what follows, and while one sweeps."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from labctl.store.clock import Clock

DAY = 86400.0
BACK = """
import os, time

real = time.time
moved = float(os.environ.get("MOVED") or 0)
at = os.environ.get("MOVED_AT", "")

def shifted():
    return real() + (moved if not at or os.path.exists(at) else 0)

if moved:
    time.time = shifted
"""


@pytest.fixture
def shifted(mill: Any) -> Any:
    """``MOVED`` seconds are added to the clock of every process, once the file ``MOVED_AT`` is there."""
    mill.lab.distribution("shift", {}, {"sitecustomize.py": BACK})
    return mill


def events(home: Path, run: str) -> list[tuple[float, str, str | None]]:
    db = sqlite3.connect(home / "labctl.db")
    rows = db.execute(
        "SELECT time, kind, event.job FROM event JOIN run ON run.id = run WHERE name = ? ORDER BY seq", (run,)
    ).fetchall()
    db.close()
    return rows


def in_order(home: Path, run: str) -> None:
    times = [row[0] for row in events(home, run)]
    assert all(a <= b for a, b in itertools.pairwise(times)), [round(t - times[0], 2) for t in times]


def honest(record: Any) -> None:
    """No duration is negative, and nothing ends before it begins."""
    run = record["run"]
    assert run["ended"] >= run["started"] >= run["created"]
    for thing in (*record["jobs"], *record["attempts"]):
        assert (thing["seconds"] or 0.0) >= 0.0, thing
        assert thing["ended"] is None or thing["started"] is None or thing["ended"] >= thing["started"], thing
    assert record["report"]["wall_seconds"] >= 0.0
    assert record["report"]["wall_seconds"] < 3600


def test_set_back_in_the_middle_of_a_run(shifted: Any) -> None:
    shifted.lab.variables |= {"MOVED": str(-DAY), "MOVED_AT": str(shifted.folder / "go")}
    host = shifted.start("--jobs", "1", "--hold", "grind/1")
    shifted.wait("begin grind/1")
    shifted.touch("go")  # the clock is set back, and the held job goes on
    _, err = host.communicate(timeout=60)
    assert host.returncode == 0, err
    record = shifted.lab.record("grind-1")
    honest(record)
    in_order(shifted.lab.home, "grind-1")
    verdict = record["verdicts"][0]
    assert verdict["outcome"] == "supported"
    assert not verdict["post_hoc"], "its data were made after the claim was registered"
    assert record["report"]["registration"]["before_first_job"]
    del shifted.lab.variables[
        "MOVED_AT"
    ]  # still a day behind: the cached results are no older than they were
    assert shifted.run("--hold", "grind/1").code == 0
    again = shifted.lab.record("grind-2")
    assert {job["state"] for job in again["jobs"]} == {"cached"}
    assert not again["verdicts"][0]["post_hoc"]


def test_set_back_between_a_run_and_its_resumption(shifted: Any) -> None:
    host = shifted.start("--jobs", "1", "--hold", "grind/2")
    shifted.wait("begin grind/2")
    host.send_signal(signal.SIGKILL)
    host.communicate()
    shifted.lab.variables["MOVED"] = str(-DAY)
    listed = shifted.lab("runs", "list", "--json").json["runs"][0]
    assert listed["state"] == "interrupted"
    assert listed["ended"] >= listed["started"]
    shifted.touch("go")
    done = shifted.lab("resume", "last")
    assert done.code == 0, done.err
    record = shifted.lab.record("grind-1")
    honest(record)
    in_order(shifted.lab.home, "grind-1")
    assert not record["verdicts"][0]["post_hoc"]
    tries = [a["n"] for a in record["attempts"] if a["job"] == "grind/2"]
    assert tries == [1, 2]


def test_a_claim_on_results_from_the_future_is_post_hoc(shifted: Any) -> None:
    """The clock was ahead when they were made: a claim that is registered after them is still after them."""
    shifted.lab.variables["MOVED"] = str(DAY)
    assert shifted.run().code == 0
    shifted.lab.variables["MOVED"] = ""
    plugin = shifted.lab.site / "grind_plugin.py"
    plugin.write_text(
        plugin.read_text().replace('">", 0.0)', '">", 0.25)')
    )  # of another length: bytecode is told by it
    done = shifted.run()
    assert done.code == 0, done.err
    assert "h behind what this home knows" in done.err
    record = shifted.lab.record("grind-2")
    honest(record)
    assert {job["state"] for job in record["jobs"]} == {"cached"}
    assert record["verdicts"][0]["post_hoc"]


def test_gc_takes_nothing_of_the_living_when_the_clock_was_set_back(shifted: Any) -> None:
    shifted.lab.variables["MOVED"] = str(DAY)
    host = shifted.start("--jobs", "1", "--hold", "grind/2")
    shifted.wait("begin grind/2")
    objects = shifted.lab.home / "objects"
    loose = objects / "aa" / ("aa" * 32)  # put in by a worker whose host has not yet written its name
    loose.parent.mkdir(exist_ok=True)
    loose.write_text("x")
    made = time.time() - 2 * 3600
    os.utime(loose, (made, made))
    shifted.lab.variables["MOVED"] = ""
    swept = shifted.lab("db", "gc", "--json")
    assert swept.code == 0, swept.err
    assert loose.exists()
    shifted.touch("go")
    _, err = host.communicate(timeout=60)
    assert host.returncode == 0, err
    assert shifted.lab("runs", "verify", "last").code == 0


def test_a_clock_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([100.0, 101.0, 50.0, 51.0, 120.0, 121.0, 10.0, 10.0])
    monkeypatch.setattr(time, "time", lambda: next(readings))
    clock = Clock()
    assert [clock() for _ in range(6)] == [100.0, 101.0, 101.0, 102.0, 120.0, 121.0]
    clock.not_before(90.0)
    assert clock() == 121.0
