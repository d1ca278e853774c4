"""The database made anew from the folders: what was finished stays finished, whatever is torn."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from labctl.archive.facts import Wrong
from labctl.archive.telling import read_told
from labctl.store.folder import RunFolder
from labctl.store.lock import OwnerLock
from labctl.store.runs import Store
from labctl.testing import Lab

TABLES = {
    "run": "name, uuid, plugin, distribution, version, state, created, started, command, executor, tags,"
    " note, seed, registration, expected_usd, worst_usd, spent_usd, jobs_total, jobs_done, headline,"
    " verdicts",
    "job": "position, id, key, state, tags, value, artifacts, error, ended, seconds, failures, origin, made",
    "attempt": "job, n, executor, state, started, ended, seconds, cpu_seconds",
    "registration": "digest, plugin, prediction, first_seen",
    "cache": "key, run, job, value, artifacts, seconds, material",
}


def told_by(lab: Lab) -> dict[str, list[Any]]:
    db = sqlite3.connect(lab.home / "labctl.db")
    found = {t: sorted(db.execute(f"SELECT {c} FROM {t}").fetchall(), key=repr) for t, c in TABLES.items()}
    db.close()
    return found


def lose(lab: Lab) -> None:
    for end in ("", "-wal", "-shm"):
        (lab.home / f"labctl.db{end}").unlink(missing_ok=True)


def garble(lab: Lab) -> None:
    lose(lab)
    (lab.home / "labctl.db").write_bytes(os.urandom(50_000))


@pytest.mark.parametrize("harm", [lose, garble, lambda lab: None])
def test_a_rebuilt_database_says_what_the_old_one_said(dice: Lab, harm: Any) -> None:
    dice("run", "dice", "--note", "the first", "--tag", "a")
    dice("run", "dice", "--fail", "--rolls", "60")
    dice("run", "dice")
    before = told_by(dice)
    harm(dice)
    done = dice("db", "rebuild", "--json")
    assert done.code == 0, done.err
    assert done.json["runs"] == 3
    after = told_by(dice)
    for table in TABLES:
        assert after[table] == before[table], table
    dice("run", "dice")
    assert {job["state"] for job in dice.record("dice-4")["jobs"]} == {"cached"}


def test_the_old_database_is_kept_under_another_name(dice: Lab) -> None:
    dice("run", "dice")
    content = (dice.home / "labctl.db").read_bytes()
    for number in (1, 2):
        assert dice("db", "rebuild").code == 0
        assert (dice.home / f"labctl.db.old-{number}").exists()
    garble(dice)
    rubbish = (dice.home / "labctl.db").read_bytes()
    assert dice("db", "rebuild", "--json").json["kept_as"] == "labctl.db.old-3"
    assert (dice.home / "labctl.db.old-3").read_bytes() == rubbish
    assert len((dice.home / "labctl.db").read_bytes()) >= len(content) // 2
    assert not list(dice.home.glob(".rebuild-*"))


def test_rebuild_refuses_while_a_run_is_alive(dice: Lab) -> None:
    dice("run", "dice")
    lose(dice)
    lock = OwnerLock(dice.home / "runs" / "dice-1" / "owner.lock")
    assert lock.take()
    done = dice("db", "rebuild")
    lock.release()
    assert done.code == 2
    assert "dice-1" in done.err
    assert not (dice.home / "labctl.db").exists()
    assert dice("db", "rebuild").code == 0


def test_rebuild_refuses_while_somebody_is_about_to_make_a_run(dice: Lab) -> None:
    dice("run", "dice")
    store = Store(str(dice.home))  # as a host has it while it plans
    store.db.execute("SELECT * FROM run").fetchall()
    done = dice("db", "rebuild")
    assert done.code == 5
    assert store.db.execute("SELECT count(*) FROM run").fetchone()[0] == 1
    store.close()
    assert dice("db", "rebuild").code == 0


def test_a_folder_that_is_no_run_is_said_and_left_alone(dice: Lab) -> None:
    dice("run", "dice")
    stranger = dice.home / "runs" / "stranger"
    stranger.mkdir()
    (stranger / "notes.txt").write_text("mine")
    shutil.copytree(dice.home / "runs" / "dice-1", dice.home / "runs" / "dice-8")
    done = dice("db", "rebuild")
    assert done.code == 0
    assert "stranger" in done.err
    assert "dice-8: left alone: it is the same run as dice-1" in done.err
    assert (stranger / "notes.txt").read_text() == "mine"


def test_a_run_that_was_killed_comes_back_from_its_plan_and_journal(lab: Lab, projects: Any) -> None:
    lab.plugin(
        "slow",
        """
        from labctl.api import Job, Prediction, hookimpl
        class P:
            @hookimpl
            def run(self, ctx, environments):
                yield Job("quick", "slow_tasks:quick")
                yield Job("long", "slow_tasks:long", needs={"a": ("quick",)})
                yield Prediction("P1", "it is high", ("quick",), "mean", ">", 0.5)
        plugin = P()
        """,
        slow_tasks="""
        import time
        def quick(job):
            job.artifact("a.txt").write_text("made")
            return 7
        def long(job):
            time.sleep(600)
        """,
    )
    run = lab.start("run", "slow")
    journal = lab.home / "runs" / "slow-1" / "journal.jsonl"
    end = time.monotonic() + 60
    while not (journal.exists() and b'"quick"' in journal.read_bytes()) and time.monotonic() < end:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    store = Store(str(lab.home))
    seen = store.db.execute("SELECT digest FROM registration").fetchall()
    store.close()
    with open(journal, "ab") as file:
        file.write(b'{"job": {"id": "long", "sta')  # torn
    lose(lab)
    done = lab("db", "rebuild")
    assert done.code == 0, done.err
    row = lab("runs", "list", "--json").json["runs"][0]
    assert (row["name"], row["state"], row["jobs_done"], row["jobs_total"]) == ("slow-1", "interrupted", 1, 2)
    assert lab("runs", "verify", "slow-1").code == 0
    store = Store(str(lab.home))
    assert store.db.execute("SELECT digest FROM registration").fetchall() == seen
    assert store.db.execute("SELECT job FROM cache").fetchall() == [("quick",)]
    store.close()


@pytest.fixture
def ended(one: Any) -> RunFolder:
    """The folder of a small run that has ended."""
    lab = one("def work(job):\n    job.artifact('a.txt').write_text('x')\n    return 3\n")
    assert lab("run", "one").code == 0
    return RunFolder(lab.home / "runs" / "one-1")


def test_a_record_that_is_cut_at_any_byte_falls_back_to_the_journal(ended: RunFolder) -> None:
    whole = ended.record.read_bytes()
    full = read_told(ended)
    assert (full.source, full.problems) == ("record", ())
    end = len(whole.rstrip())
    for cut in range(end):
        ended.record.write_bytes(whole[:cut])
        told = read_told(ended)
        assert told.source == "journal", cut
        assert told.problems, cut
        assert told.run.uuid == full.run.uuid
        assert [(job.id, job.state, job.value) for job in told.jobs] == [("work", "succeeded", 3)]


def test_a_journal_that_is_cut_at_any_byte_never_crashes(ended: RunFolder) -> None:
    ended.record.unlink()
    whole = ended.journal.read_bytes()
    first = whole.index(b"\n")
    for cut in range(len(whole)):
        ended.journal.write_bytes(whole[:cut])
        try:
            told = read_told(ended)
        except Wrong:
            assert cut < first
        else:
            assert told.run.name == "one-1"
            assert [job.id for job in told.jobs] == ["work"]


def test_a_record_of_random_bytes_never_crashes(ended: RunFolder) -> None:
    import random

    source = random.Random(1)
    whole = ended.record.read_bytes()
    for _ in range(400):
        broken = bytearray(whole)
        for _ in range(source.randint(1, 6)):
            broken[source.randrange(len(broken))] = source.randrange(256)
        ended.record.write_bytes(bytes(broken))
        told = read_told(ended)
        assert told.source in ("record", "journal")


def test_rebuild_says_that_it_fell_back(dice: Lab) -> None:
    dice("run", "dice")
    record = dice.home / "runs" / "dice-1" / "record.json"
    record.write_bytes(record.read_bytes()[:500])
    lose(dice)
    done = dice("db", "rebuild")
    assert done.code == 0
    assert "dice-1: record.json cannot be read" in done.err
    assert "journal" in done.err
    row = dice("runs", "list", "--json").json["runs"][0]
    assert (row["jobs_done"], row["jobs_total"]) == (6, 6)


def test_what_the_journal_knows_later_than_the_record_counts(ended: RunFolder) -> None:
    record = msgspec.json.decode(ended.record.read_bytes())
    job = record["jobs"][0]
    failed = {**job, "state": "failed", "value": None, "artifacts": [], "ended": job["ended"] - 5}
    record["jobs"], record["run"]["state"] = [failed], "failed"
    ended.record.write_bytes(msgspec.json.encode(record))
    told = read_told(ended)
    assert [(j.state, j.value) for j in told.jobs] == [("succeeded", 3)]
    assert told.run.state == "interrupted"


def test_a_finished_job_is_not_undone_by_a_journal(ended: RunFolder) -> None:
    job = msgspec.json.decode(ended.record.read_bytes())["jobs"][0]
    late = {"job": {**job, "state": "interrupted", "value": None, "ended": job["ended"] + 9}}
    with open(ended.journal, "ab") as file:
        file.write(msgspec.json.encode(late) + b"\n")
    assert [(j.state, j.value) for j in read_told(ended).jobs] == [("succeeded", 3)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("run", "name"), "../../x-1"),
        (("run", "name"), "one-99999999999999999999"),
        (("run", "uuid"), "1' OR 1"),
        (("run", "created"), 1e300),
        (("run", "created"), "now"),
        (("run", "state"), "glorious"),
        (("run", "seed"), 2**80),
        (("run", "verdicts"), [["P1"]]),
        (("jobs", 0, "id"), "../../etc"),
        (("jobs", 0, "id"), "work@a/../../b"),
        (("jobs", 0, "state"), "done"),
        (("jobs", 0, "key"), "zz"),
        (("jobs", 0, "value"), {"big": "x" * 70_000}),
        (("jobs", 0, "artifacts", 0, "name"), "../a.txt"),
        (("jobs", 0, "artifacts", 0, "name"), "/a.txt"),
        (("jobs", 0, "artifacts", 0, "sha256"), "../../../../etc/passwd"),
        (("jobs", 0, "artifacts", 0, "size"), -1),
        (("jobs", 0, "error"), "no"),
        (("attempts", 0, "n"), -1),
    ],
)
def test_a_record_is_checked_type_by_type(ended: RunFolder, path: tuple[Any, ...], value: Any) -> None:
    record = msgspec.json.decode(ended.record.read_bytes())
    place = record
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    ended.record.write_bytes(msgspec.json.encode(record))
    with pytest.raises(Wrong):
        read_told(ended, strict=True)
    assert read_told(ended).source == "journal"


def test_a_record_that_is_a_link_is_not_followed(ended: RunFolder, tmp_path: Path) -> None:
    shutil.move(ended.record, tmp_path / "elsewhere.json")
    ended.record.symlink_to(tmp_path / "elsewhere.json")
    assert read_told(ended).source == "journal"


def test_who_had_opened_the_old_database_cannot_write_into_it_afterwards(dice: Lab) -> None:
    dice("run", "dice")
    early = sqlite3.connect(dice.home / "labctl.db", isolation_level=None, timeout=1)  # and not a word yet
    assert dice("db", "rebuild").code == 0
    with pytest.raises(sqlite3.OperationalError):
        early.execute("UPDATE run SET note = 'lost'")
    early.close()
    assert dice("run", "dice").code == 0
    assert [run["name"] for run in dice("runs", "list", "--json").json["runs"]] == ["dice-2", "dice-1"]


def test_two_rebuilds_at_once_leave_one_whole_database(dice: Lab) -> None:
    dice("run", "dice")
    both = [dice.start("db", "rebuild") for _ in range(2)]
    codes = []
    for process in both:
        process.communicate()
        codes.append(process.returncode)
    assert 0 in codes
    assert set(codes) <= {0, 5}
    assert [run["name"] for run in dice("runs", "list", "--json").json["runs"]] == ["dice-1"]
    dice("run", "dice")
    assert {job["state"] for job in dice.record("dice-2")["jobs"]} == {"cached"}
