"""Detached runs, following them, calling them off, and what is to be known of them from elsewhere."""

from __future__ import annotations

import signal
from typing import Any


def test_a_detached_run_goes_on_without_its_terminal(mill: Any, wait_until: Any) -> None:
    started = mill.run("--detach", "--hold", "grind/0")
    assert started.code == 0, started.err
    assert started.out == "grind-1\n"
    assert "labctl runs watch grind-1" in started.err
    mill.wait("holds grind/0")
    assert mill.show()["run"]["state"] == "running"
    watcher = mill.lab.start("runs", "watch", "grind-1")
    mill.touch("go")
    out, err = watcher.communicate(timeout=30)
    assert watcher.returncode == 0, err
    assert "grind/0 started" in err
    assert "sum done" in err
    assert "grind-1  succeeded: 5 of 5 jobs done" in err
    assert "Report: .labctl/runs/grind-1/report.html" in out
    assert "sum done" in (mill.lab.home / "runs" / "grind-1" / "console.log").read_text()
    assert not list(mill.lab.home.glob(".console-*"))


def test_a_detached_run_is_named_as_json(mill: Any) -> None:
    started = mill.run("--detach", "--json")
    assert started.code == 0, started.err
    (event,) = started.events
    assert (event["event"], event["run"]) == ("detached", "grind-1")
    assert len(started.out.splitlines()) == 1
    assert mill.lab("runs", "watch", "grind-1").code == 0


def test_a_detached_run_that_cannot_start_says_so_here(mill: Any) -> None:
    refused = mill.run("--detach", "--steps", "none")
    assert refused.code == 2
    assert "steps" in refused.err
    assert not list(mill.lab.home.glob(".console-*")) if mill.lab.home.exists() else True


def test_watch_gives_the_exit_code_of_the_run(mill: Any) -> None:
    assert mill.run("--fail", "grind/0").code == 6
    assert mill.lab("runs", "watch", "last").code == 6


def test_watch_as_json(mill: Any) -> None:
    assert mill.run().code == 0
    events = mill.lab("runs", "watch", "last", "--json").events
    assert events[0]["event"] == "planned"
    assert events[-1]["event"] == "ended"
    assert [e["event"] for e in events if e["job"] == "sum"] == ["queued", "running", "succeeded"]


def test_ctrl_c_of_a_watcher_leaves_the_run_alone(mill: Any) -> None:
    assert mill.run("--detach", "--hold", "grind/0").code == 0
    mill.wait("holds grind/0")
    watcher = mill.lab.start("runs", "watch", "last")
    line = watcher.stderr.readline()
    assert line
    watcher.send_signal(signal.SIGINT)
    watcher.communicate(timeout=30)
    assert watcher.returncode == 130
    assert mill.show()["run"]["state"] == "running"
    mill.touch("go")
    assert mill.lab("runs", "watch", "last").code == 0


def test_a_watcher_sees_that_the_host_died(mill: Any) -> None:
    process = mill.start("--hold", "grind/0")
    mill.wait("holds grind/0")
    watcher = mill.lab.start("runs", "watch", "last")
    assert watcher.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _, err = watcher.communicate(timeout=30)
    assert watcher.returncode == 130
    assert "interrupted" in err
    assert "labctl resume grind-1" in err


def test_a_running_run_is_cancelled_from_elsewhere(mill: Any) -> None:
    process = mill.start("--hold", "grind/0", "--jobs", "1")
    mill.wait("holds grind/0")
    cancelled = mill.lab("runs", "cancel", "last")
    assert cancelled.code == 0, cancelled.err
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "saved grind/0 3" in mill.marks
    assert mill.states() == {
        "grind/0": "cancelled", "grind/1": "cancelled", "grind/2": "cancelled", "grind/3": "cancelled",
        "sum": "cancelled",
    }  # fmt: skip
    assert mill.show()["run"]["state"] == "cancelled"
    refused = mill.lab("runs", "cancel", "last")
    assert refused.code == 2
    mill.touch("go")
    assert mill.lab("resume", "last").code == 0
    assert "continue grind/0 3" in mill.marks


def test_note_and_tags_of_a_run_can_be_set(mill: Any) -> None:
    assert mill.run("--tag", "a").code == 0
    assert mill.lab("runs", "set", "last", "--note", "the good one", "--tag", "b", "--tag", "a").code == 0
    shown = mill.lab("runs", "list", "--json").json["runs"][0]
    assert shown["note"] == "the good one"
    assert shown["tags"] == ["a", "b"]
    assert mill.lab("runs", "set", "last").code == 2


def test_explain_names_the_part_that_differs(mill: Any) -> None:
    assert mill.run().code == 0
    alone = mill.lab("explain", "last", "sum")
    assert "No earlier run has this job." in alone.out
    assert mill.run("--steps", "2").code == 0
    found = mill.lab("explain", "last", "grind/0")
    assert found.code == 0, found.err
    assert "It differs in 1 of 9 parts" in found.out
    assert "parameters" in found.out
    assert "steps: 3" in found.out
    summed = mill.lab("explain", "last", "sum", "--json").json
    assert {d["part"] for d in summed["differences"]} == {"inputs"}
    path = mill.lab.site / "grind_tasks.py"
    path.write_text(path.read_text() + "\n# a remark\n")
    assert mill.run("--seed", "3").code == 0
    third = mill.lab("explain", "last", "grind/0", "--json").json
    assert third["other"] == "grind-1"
    assert {d["part"] for d in third["differences"]} == {"code", "seed"}
    held = mill.lab("explain", "grind-3", "grind/0", "--against", "grind-2", "--json").json
    assert {d["part"] for d in held["differences"]} == {"code", "seed", "parameters"}


def test_explain_of_what_was_cached_skipped_and_not_there(mill: Any) -> None:
    assert mill.run("--fail", "grind/1").code == 6
    skipped = mill.lab("explain", "last", "sum")
    assert "needs grind/1, which failed" in skipped.out
    assert mill.run("--fail", "grind/1").code == 6
    cached = mill.lab("explain", "last", "grind/0")
    assert "grind/0 was taken from grind-1 in grind-2." in cached.out
    assert "all 9 parts of its key are the same" in cached.out
    missing = mill.lab("explain", "last", "grnd/0")
    assert missing.code == 2
    assert "did you mean grind/0?" in missing.err


def test_a_watched_run_is_removed(mill: Any, wait_until: Any) -> None:
    """What the watcher reads is of one instant, and the next run is not the one that it watches."""
    mill.run("--parts", "2")
    code = f"""
        import os, time
        from pathlib import Path
        if os.environ.get("SLOW"):
            from labctl.cli import following
            events_of = following.events_of
            def slow(db, run, *, after=0):
                found = events_of(db, run, after=after)
                Path({str(mill.folder / "asked")!r}).touch()
                while not Path({str(mill.folder / "removed")!r}).exists():
                    time.sleep(0.01)
                return found
            following.events_of = slow
            following.is_owned = lambda lock: True
        """
    mill.lab.distribution("slow", {}, {"sitecustomize.py": code})
    mill.lab.variables["SLOW"] = "1"
    watcher = mill.lab.start("runs", "watch", "last")
    mill.lab.variables["SLOW"] = ""
    wait_until(lambda: (mill.folder / "asked").exists(), "nobody watches")
    assert mill.lab("runs", "rm", "grind-1", "--yes").code == 0
    assert mill.run("--parts", "2").code == 0
    mill.touch("removed")
    _, err = watcher.communicate(timeout=30)
    assert "grind/1 done" in err
    assert watcher.returncode == 2
    assert "error: there is no run named grind-1" in err
