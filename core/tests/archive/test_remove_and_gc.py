"""Removing runs and sweeping the store: nothing that anything still names is ever lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from labctl.archive.garbage import HOUR, Swept, sweep
from labctl.store.lock import OwnerLock
from labctl.store.objects import Objects
from labctl.store.queries import find_run, jobs_of
from labctl.store.runs import Store
from labctl.testing import Lab

LATER = 2 * HOUR


def objects_of(lab: Lab) -> set[str]:
    return {sha256 for sha256, _ in Objects(lab.home / "objects").digests()}


def swept(lab: Lab, later: float = LATER) -> Swept:
    """A sweep, as if some time had gone by."""
    store = Store(str(lab.home))
    try:
        return sweep(store, now=time.time() + later)
    finally:
        store.close()


def whole(lab: Lab, run: str) -> bool:
    return lab("runs", "verify", run).code == 0


def names(lab: Lab) -> list[str]:
    return [run["name"] for run in lab("runs", "list", "--all", "--json").json["runs"]]


def test_a_removed_run_is_gone_and_its_name_is_never_given_again(dice: Lab) -> None:
    for _ in range(3):
        dice("run", "dice", "--no-cache")
    done = dice("runs", "rm", "dice-2", "dice-3", "--yes")
    assert done.code == 0, done.err
    assert done.out.split() == ["dice-2", "dice-3"]
    assert names(dice) == ["dice-1"]
    assert not (dice.home / "runs" / "dice-3").is_dir()
    dice("run", "dice")
    assert names(dice) == ["dice-4", "dice-1"]
    dice("runs", "rm", "dice-4", "dice-1", "--yes")
    dice("run", "dice")
    assert names(dice) == ["dice-5"]


def test_rm_asks_and_does_nothing_without_yes(dice: Lab) -> None:
    dice("run", "dice")
    done = dice("runs", "rm", "dice-1")
    assert done.code == 2
    assert "--yes" in done.err
    assert names(dice) == ["dice-1"]
    assert (dice.home / "runs" / "dice-1" / "record.json").exists()


def test_rm_refuses_a_run_that_a_living_process_owns(dice: Lab) -> None:
    dice("run", "dice")
    lock = OwnerLock(dice.home / "runs" / "dice-1" / "owner.lock")
    assert lock.take()
    try:
        done = dice("runs", "rm", "dice-1", "--yes")
    finally:
        lock.release()
    assert done.code == 2
    assert names(dice) == ["dice-1"]
    assert (dice.home / "runs" / "dice-1" / "record.json").exists()


def test_rm_of_several_names_all_before_it_removes_any(dice: Lab) -> None:
    dice("run", "dice")
    assert dice("runs", "rm", "dice-1", "dice-7", "--yes").code == 2
    assert names(dice) == ["dice-1"]


def test_an_rm_that_was_cut_off_can_be_done_again(dice: Lab) -> None:
    dice("run", "dice")
    shutil.rmtree(dice.home / "runs" / "dice-1")  # as after the folder was moved away
    assert dice("runs", "rm", "dice-1", "--yes").code == 0
    assert names(dice) == []
    dice("run", "dice")
    assert names(dice) == ["dice-2"]


def test_what_only_the_removed_run_made_leaves_the_cache_and_then_the_store(dice: Lab) -> None:
    dice("run", "dice")
    dice("run", "dice", "--rolls", "50")
    dice("runs", "rm", "dice-1", "--yes")
    before = objects_of(dice)
    found = swept(dice)
    assert found.objects == len(before) - len(objects_of(dice)) == 4
    assert whole(dice, "dice-2")
    dice("run", "dice")
    assert {job["state"] for job in dice.record("dice-3")["jobs"]} == {"succeeded"}
    dice("run", "dice", "--rolls", "50")
    assert {job["state"] for job in dice.record("dice-4")["jobs"]} == {"cached"}


def test_a_result_that_another_run_took_from_the_cache_stays(dice: Lab) -> None:
    dice("run", "dice")
    dice("run", "dice")  # all cached from dice-1
    dice("runs", "rm", "dice-1", "--yes")
    assert swept(dice).objects == 0
    assert whole(dice, "dice-2")
    dice("run", "dice")
    assert {job["state"] for job in dice.record("dice-3")["jobs"]} == {"cached"}


def test_registrations_and_openings_outlive_their_run_and_their_database(lab: Lab) -> None:
    lab.plugin(
        "vault",
        """
        from labctl.api import Job, Prediction, hookimpl
        class P:
            @hookimpl
            def run(self, ctx, environments):
                yield Job("open", "vault_tasks:work", seal="test-set")
                yield Prediction("P1", "it is high", ("open",), "mean", ">", 0.5)
        plugin = P()
        """,
        vault_tasks="def work(job): return 1\n",
    )
    assert lab("run", "vault").code == 0
    store = Store(str(lab.home))
    claims = store.db.execute("SELECT * FROM registration").fetchall()
    openings = store.db.execute("SELECT * FROM opening").fetchall()
    store.close()
    assert len(claims) == len(openings) == 1
    lab("runs", "rm", "vault-1", "--yes")
    (lab.home / "labctl.db").write_bytes(b"rubbish" * 1000)
    done = lab("db", "rebuild")
    assert done.code == 0, done.err
    store = Store(str(lab.home))
    assert store.db.execute("SELECT * FROM registration").fetchall() == claims
    assert store.db.execute("SELECT * FROM opening").fetchall() == openings
    store.close()


def test_gc_leaves_what_is_young_and_takes_it_later(dice: Lab) -> None:
    dice("run", "dice")
    dice("runs", "rm", "dice-1", "--yes")
    assert dice("db", "gc").code == 0
    assert len(objects_of(dice)) == 4
    assert swept(dice).objects == 4
    assert objects_of(dice) == set()


def test_a_dry_run_says_the_same_and_takes_nothing(dice: Lab) -> None:
    dice("run", "dice")
    dice("runs", "rm", "dice-1", "--yes")
    store = Store(str(dice.home))
    would = sweep(store, dry_run=True, now=time.time() + LATER)
    store.close()
    assert len(objects_of(dice)) == 4
    assert swept(dice) == would


def test_gc_knows_runs_that_only_a_folder_tells_of(dice: Lab) -> None:
    dice("run", "dice")
    for end in ("", "-wal", "-shm"):
        (dice.home / f"labctl.db{end}").unlink(missing_ok=True)
    record = dice.home / "runs" / "dice-1" / "record.json"
    record.write_bytes(record.read_bytes()[:-20])  # torn, as well
    assert swept(dice).objects == 0
    assert len(objects_of(dice)) == 4


def test_gc_keeps_input_files_that_a_plan_names(dice: Lab) -> None:
    (dice.folder / "faces.txt").write_text("1 2 3")
    assert dice("run", "dice", "--table", "faces.txt").code == 0
    assert len(objects_of(dice)) == 5
    assert swept(dice).objects == 0


def test_a_cached_result_that_nobody_made_loses_its_row_before_its_content_goes(dice: Lab) -> None:
    dice("run", "dice")
    store = Store(str(dice.home))
    store.db.execute("DELETE FROM run")
    store.db.execute("PRAGMA foreign_keys=ON")
    store.db.execute("DELETE FROM job")
    shutil.rmtree(dice.home / "runs" / "dice-1")
    assert store.db.execute("SELECT count(*) FROM cache").fetchone()[0] == 6
    found = sweep(store, now=time.time() + LATER)
    assert (found.cached_results, found.objects) == (6, 4)
    assert store.db.execute("SELECT count(*) FROM cache").fetchone()[0] == 0
    store.close()


def test_gc_takes_leftovers_of_the_dead_and_nothing_of_the_living(dice: Lab) -> None:
    dice("run", "dice")
    old = time.time() - 3 * 86400
    bucket = next((dice.home / "objects").glob("??"))
    left, fresh = bucket / ".tmp-0123456789abcdef", bucket / ".tmp-fedcba9876543210"
    error = dice.home / "errors" / "20200101-000000-x.txt"
    dead, alive = dice.home / "work" / "dice-1" / "a", dice.home / "work" / "dice-9" / "a"
    torn = dice.home / "runs" / "dice-1" / ".record.json.0badcafe"  # its writer was killed before the rename
    for path in (left, fresh, error, torn):
        path.write_text("x")
    for path in (dead, alive):
        path.mkdir(parents=True)
    for path in (left, torn):
        os.utime(path, (old, old))
    os.utime(error, (old - 60 * 86400, old - 60 * 86400))
    owner = dice.home / "runs" / "dice-9"
    owner.mkdir()
    lock = OwnerLock(owner / "owner.lock")
    assert lock.take()
    done = dice("db", "gc", "--json").json
    lock.release()
    assert (done["leftovers"], done["errors"], done["work_folders"]) == (2, 1, 1)
    assert not left.exists()
    assert not torn.exists()
    assert fresh.exists()
    assert not error.exists()
    assert not dead.exists()
    assert alive.exists()


def test_an_object_that_is_put_in_again_is_as_young_as_a_new_one(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")
    source = tmp_path / "a"
    source.write_text("x")
    artifact = objects.put(source, "a")
    os.utime(objects.path(artifact.sha256), (1, 1))
    source.write_text("x")
    objects.put(source, "a")
    assert not objects.sweep(artifact.sha256, time.time() - 60)
    assert objects.has(artifact)
    os.utime(objects.path(artifact.sha256), (1, 1))
    objects.verify(artifact.sha256)  # somebody means to use it
    assert not objects.sweep(artifact.sha256, time.time() - 60)
    os.utime(objects.path(artifact.sha256), (1, 1))
    assert objects.sweep(artifact.sha256, time.time() - 60)
    assert not objects.has(artifact)


SWEEPER = """
import sys, time
from pathlib import Path
from labctl.store.objects import Objects
objects = Objects(Path(sys.argv[1]))
end = time.time() + 60
print("ready", flush=True)
while time.time() < end and not Path(sys.argv[2]).exists():
    for sha256, status in list(objects.digests()):
        objects.sweep(sha256, time.time() - 30)
"""


def test_two_processes_a_sweep_never_takes_what_a_writer_was_told_is_there(tmp_path: Path) -> None:
    objects, stop = Objects(tmp_path / "objects"), tmp_path / "stop"
    command = [sys.executable, "-c", SWEEPER, str(objects.root), str(stop)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sweeper:
        assert sweeper.stdout is not None
        assert sweeper.stdout.readline() == b"ready\n"
        try:
            swept_before = 0
            for _ in range(300):
                source = tmp_path / "source"
                source.write_text("the same content every time")
                artifact = objects.put(source, "a")
                assert objects.has(artifact)
                try:
                    os.utime(objects.path(artifact.sha256), (1, 1))  # an hour goes by
                except FileNotFoundError:
                    swept_before += 1
            assert swept_before == 0  # young objects were never touched
        finally:
            stop.write_text("")
            sweeper.wait()
    assert sweeper.returncode == 0


def test_gc_beside_a_run_that_makes_again_what_is_swept(dice: Lab) -> None:
    dice("run", "dice")
    dice("runs", "rm", "dice-1", "--yes")
    for sha256, _ in Objects(dice.home / "objects").digests():
        os.utime(Objects(dice.home / "objects").path(sha256), (1, 1))  # old, and named by nobody
    run = dice.start("run", "dice")
    while run.poll() is None:
        assert dice("db", "gc").code == 0
    run.communicate()
    assert run.returncode == 0
    assert dice("db", "gc").code == 0
    assert whole(dice, "dice-2")


def test_what_a_living_run_put_in_stays_however_long_it_takes(dice: Lab) -> None:
    dice("run", "dice")
    dice("runs", "rm", "dice-1", "--yes")
    alive = dice.home / "runs" / "dice-7"
    alive.mkdir()
    lock = OwnerLock(alive / "owner.lock")
    assert lock.take()
    now = time.time()
    os.utime(alive / "owner.lock", (now - 1, now - 1))
    assert swept(dice, later=50 * HOUR).objects == 0
    lock.release()
    assert swept(dice, later=50 * HOUR).objects == 4


@pytest.mark.parametrize("command", [["verify", "dice-1"], ["verify", "--all"]])
def test_verify_says_what_is_missing_and_what_is_damaged_and_removes_nothing(
    dice: Lab, command: list[str]
) -> None:
    dice("run", "dice")
    assert dice("runs", *command).code == 0
    store = Store(str(dice.home))
    jobs = jobs_of(store.db, find_run(store.db, "dice-1").id)
    store.close()
    first, second = jobs[0].artifacts[0], jobs[1].artifacts[0]
    objects = Objects(dice.home / "objects")
    objects.path(first.sha256).unlink()
    damaged = objects.path(second.sha256)
    damaged.chmod(0o644)
    damaged.write_bytes(b"[" + b"9" * (second.size - 1))
    (dice.home / "runs" / "dice-1" / "report.json").write_text("{")
    done = dice("runs", *command, "--json")
    assert done.code == 1
    found = {row["what"]: row["found"] for row in done.json["checked"]}
    assert found["roll/0/rolls.json"] == "missing"
    assert found["roll/1/rolls.json"] == "damaged"
    assert found["roll/2/rolls.json"] == "ok"
    assert found["report.json"] == "damaged"
    assert found["record.json"] == "ok"
    assert damaged.exists()


def test_verify_knows_content_that_lies_in_another_store(dice: Lab) -> None:
    dice("run", "dice")
    store = Store(str(dice.home))
    raw = store.db.execute("SELECT artifacts FROM job WHERE id = 'roll/0'").fetchone()[0]
    artifact = msgspec.json.decode(raw)[0]
    Objects(dice.home / "objects").path(artifact["sha256"]).unlink()
    moved = msgspec.json.encode([{**artifact, "stores": ["faraway"]}]).decode()
    store.db.execute("UPDATE job SET artifacts = ? WHERE id = 'roll/0'", (moved,))
    store.close()
    done = dice("runs", "verify", "dice-1")
    assert done.code == 1
    assert "elsewhere" in done.out
    assert "faraway" in done.out
