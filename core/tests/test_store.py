"""The home: made once, readable anywhere, whole after every accident."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.errors import InfrastructureError
from labctl.executors.logs import HALF, LogWriter, masked
from labctl.model.results import JobResult
from labctl.store.database import file_system, is_remote, open_database, open_for_reading, transaction
from labctl.store.digests import digest_path
from labctl.store.folder import RunFolder, write_whole
from labctl.store.home import find_home, find_project
from labctl.store.lock import OwnerLock, is_owned
from labctl.store.objects import CorruptObject, Objects
from labctl.store.runs import NewRun, Store, uuid7
from labctl.testing import Lab


def new_run(plugin: str = "cgt", jobs: int = 2) -> NewRun:
    return NewRun(
        plugin=plugin, distribution="labctl-cgt", version="1", command="labctl run cgt", executor="local",
        tags=(), note="", seed=0, registration="", expected_usd=0.0, worst_usd=0.0,
        jobs=tuple((f"j/{i}", ()) for i in range(jobs)),
    )  # fmt: skip


def nothing(folder: RunFolder) -> None:
    """What a run of these tests cannot go on without."""


def test_a_home_is_made_by_many_at_once(tmp_path: Path) -> None:
    script = "import sys; from labctl.store.runs import Store; Store(sys.argv[1]).close()"
    for round_ in range(5):
        home = str(tmp_path / f"home{round_}")
        processes = [subprocess.Popen([sys.executable, "-c", script, home]) for _ in range(4)]
        assert [process.wait() for process in processes] == [0] * 4
        with sqlite3.connect(os.path.join(home, "labctl.db")) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_names_are_numbered_and_never_taken_twice(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    (tmp_path / "runs" / "cgt-2").mkdir()
    names = []
    for plugin in ("cgt", "cgt", "cgt-extra", "cgt"):
        _, name, lock = store.create(new_run(plugin), nothing)
        names.append(name)
        assert is_owned(store.folder(name).lock)
        lock.release()
    assert names == ["cgt-1", "cgt-3", "cgt-extra-1", "cgt-4"]
    store.close()


def test_a_run_that_cannot_be_begun_leaves_nothing(tmp_path: Path) -> None:
    def no_room(folder: RunFolder) -> None:
        (folder.root / "plan.json").write_text("{")
        raise OSError(28, "No space left on device")

    store = Store(str(tmp_path))
    with pytest.raises(OSError, match="No space"):
        store.create(new_run(), no_room)
    assert store.db.execute("SELECT count(*) FROM run").fetchone() == (0,)
    assert list((tmp_path / "runs").iterdir()) == []
    _, name, lock = store.create(new_run(), nothing)
    assert name == "cgt-1"
    lock.release()
    store.close()


def test_a_dead_hosts_run_is_interrupted_at_once(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    run, name, lock = store.create(new_run(), nothing)
    with transaction(store.db):
        store.transition(run, "j/0", "running")
        store.start_attempt(run, "j/0", 1, "local")
    assert store.reconcile() == []
    lock.release()
    assert store.reconcile() == [name]
    states = dict(store.db.execute("SELECT id, state FROM job").fetchall())
    assert states == {"j/0": "interrupted", "j/1": "planned"}
    assert store.db.execute("SELECT state FROM attempt").fetchall() == [("interrupted",)]
    assert store.reconcile() == []
    store.close()


def test_a_finished_job_is_not_moved_and_a_late_end_is_dropped(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    run, _, lock = store.create(new_run(), nothing)
    with transaction(store.db):
        store.start_attempt(run, "j/0", 1, "local")
        assert store.end_attempt(run, "j/0", 1, "succeeded")
        assert store.transition(run, "j/0", "succeeded", value="1")
        assert not store.end_attempt(run, "j/0", 1, "failed")
        assert not store.transition(run, "j/0", "failed")
    assert store.db.execute("SELECT state FROM job WHERE id = 'j/0'").fetchone() == ("succeeded",)
    lock.release()
    store.close()


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))

    def fail_half_way() -> None:
        with transaction(store.db):
            store.known.remember("k", "cgt-1", JobResult("a", "succeeded", 1), 0.0, {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert store.known.cached("k") is None
    with transaction(store.db):
        store.known.remember("k", "cgt-1", JobResult("a", "succeeded", 1), 0.0, {})
    found = store.known.cached("k")
    assert found is not None
    assert found.value == 1
    store.close()


def test_registrations_keep_their_first_time(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    first = store.known.register("cgt", [("aa", {"id": "P1"})])
    again = store.known.register("cgt", [("aa", {"id": "P1"}), ("bb", {"id": "P1", "threshold": 2})])
    assert again["aa"] == first["aa"] < again["bb"]
    store.close()


def test_an_opening_of_the_same_key_is_the_same_opening(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with transaction(store.db):
        assert store.known.open_seal("test-set", "k1", "cgt-1", "judge") == 1
        assert store.known.open_seal("test-set", "k1", "cgt-2", "judge") == 1
        assert store.known.open_seal("test-set", "k2", "cgt-3", "judge") == 2
    store.close()


def test_a_newer_database_is_left_alone(lab: Lab) -> None:
    Store(str(lab.home)).close()
    db = sqlite3.connect(lab.home / "labctl.db")
    db.execute("PRAGMA user_version=99")
    db.close()
    before = (lab.home / "labctl.db").read_bytes()
    done = lab("runs", "list")
    assert done.code == 2
    assert "was written by a newer labctl" in done.err
    assert (lab.home / "labctl.db").read_bytes() == before


def test_garbage_instead_of_a_database(lab: Lab) -> None:
    lab.home.mkdir()
    (lab.home / "labctl.db").write_bytes(b"no database at all" * 100)
    for words in (("runs", "list"), ("runs", "show", "last")):
        done = lab(*words)
        assert done.code == 5
        assert "is damaged" in done.err
        assert "hint: labctl db rebuild" in done.err
    assert lab("plugins", "list").code == 0


def test_a_read_only_home_can_be_read(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "home"))
    _, _, lock = store.create(new_run(), nothing)
    lock.release()
    store.close()
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(tmp_path / "home"), str(copy)], check=True)
    for path in copy.glob("labctl.db-*"):
        path.unlink()
    uri = open_for_reading(str(copy))
    assert uri is not None
    assert uri.execute("SELECT count(*) FROM run").fetchone() == (1,)
    uri.close()


@pytest.mark.skipif(os.geteuid() == 0 and not os.access("/proc/self/ns/mnt", os.R_OK), reason="no namespaces")
def test_a_home_on_a_read_only_mount(dice: Lab) -> None:
    """Root ignores modes, so the medium itself is made read-only, in a mount namespace of its own."""
    assert dice("run", "dice").code == 0
    mount = "mount --bind . . 2>/dev/null && mount -o remount,ro,bind . || exit 77; cd .; exec"
    words = " ".join(dice.command("runs", "list"))
    script = f"cd {dice.folder} && {mount.replace('cd .;', f'cd {dice.folder};')} {words}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], env=dice.environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode == 77 or "Operation not permitted" in done.stderr:
        pytest.skip("no rights to mount here")
    assert done.returncode == 0, done.stderr
    assert "dice-1" in done.stdout
    assert not list(dice.home.glob("labctl.db-*"))


def test_a_home_is_searched_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABCTL_HOME", raising=False)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_project(str(deep)) == str(deep)
    (tmp_path / "labctl.toml").touch()
    assert find_project(str(deep)) == str(tmp_path)
    assert find_home(str(tmp_path)) == str(tmp_path / ".labctl")


def test_an_object_is_kept_once_and_read_only(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")
    artifacts = []
    for i in range(2):
        source = tmp_path / f"f{i}"
        source.write_text("content")
        artifacts.append(objects.put(source, f"f{i}"))
        assert not source.exists()
    assert artifacts[0].sha256 == artifacts[1].sha256
    path = objects.find(artifacts[0].sha256)
    assert path.stat().st_mode & 0o777 == 0o444
    assert len(list((tmp_path / "objects").rglob("*"))) == 2
    objects.verify(artifacts[0].sha256)
    path.chmod(0o644)
    path.write_text("Content")
    with pytest.raises(CorruptObject):
        objects.verify(artifacts[0].sha256)
    assert not path.exists()


def test_folders_are_kept_by_the_digest_of_their_tree(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")
    digests = set()
    for change in (lambda p: None, lambda p: (p / "a").write_text("2"), lambda p: (p / "e").mkdir(),
                   lambda p: (p / "a").chmod(0o755), lambda p: (p / "a").rename(p / "b")):  # fmt: skip
        folder = tmp_path / "folder"
        (folder / "sub").mkdir(parents=True)
        (folder / "a").write_text("1")
        (folder / "sub" / "x").write_text("3")
        change(folder)
        digests.add(objects.put(folder, "folder").sha256)
    assert len(digests) == 5


def test_an_input_that_changes_while_it_is_copied(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")
    (tmp_path / "f").write_text("1")
    sha256 = digest_path(tmp_path / "f")[0]
    (tmp_path / "f").write_text("2")
    with pytest.raises(CorruptObject, match="has changed"):
        objects.copy_in(tmp_path / "f", sha256)
    assert not objects.path(sha256).exists()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "record.json"
    write_whole(target, b"old")
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no rights to mount here")
    try:
        write_whole(folder / "record.json", b"old")
        with pytest.raises(OSError, match="No space"):
            write_whole(folder / "record.json", b"x" * 200_000)
        assert (folder / "record.json").read_bytes() == b"old"
        assert os.listdir(folder) == ["record.json"]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_locks_are_held_by_one_and_freed_by_death(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = OwnerLock(path), OwnerLock(path)
    assert first.take()
    assert not second.take()
    assert is_owned(path)
    first.release()
    assert not is_owned(path)
    assert second.take()
    second.release()


def test_network_file_systems_are_told_by_their_mount() -> None:
    mounts = [
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw",
        "30 22 0:40 / /data rw shared:1 - nfs4 server:/data rw",
        "31 30 8:2 / /data/me/local\\040disk rw - xfs /dev/sdb1 rw",
    ]
    paths = ("/data/me/lab", "/data", "/database", "/data/me/local disk/lab", "/")
    assert [file_system(path, mounts) for path in paths] == ["nfs4", "nfs4", "ext4", "xfs", "ext4"]
    assert is_remote("/proc/self/fd") is False


def test_uuids_sort_by_time() -> None:
    made = [str(uuid7(1_700_000_000 + i)) for i in range(5)]
    assert made == sorted(made)
    assert {u[14] for u in made} == {"7"}


def test_a_log_is_folded_masked_and_capped(tmp_path: Path) -> None:
    log = LogWriter(tmp_path / "a.log", ["topsecret"])
    for piece in (b"1 of 2\r2 of", b" 2\ntoken top", b"secret here\nwindows\r\n"):
        log.write(piece)
    log.close()
    assert (tmp_path / "a.log").read_bytes() == b"2 of 2\ntoken [secret] here\nwindows\n"
    big = LogWriter(tmp_path / "b.log")
    for i in range(3000):
        big.write(b"%06d %s\n" % (i, b"x" * 993))
    big.close()
    content = (tmp_path / "b.log").read_bytes()
    assert 2 * HALF <= len(content) < 2 * HALF + 200
    assert content.startswith(b"000000 ")
    assert content.rstrip().rpartition(b"\n")[2].startswith(b"002999 ")
    endless = LogWriter(tmp_path / "c.log")
    for _ in range(100):
        endless.write(b"y" * 100_000)
    endless.close()
    assert (tmp_path / "c.log").stat().st_size < 2 * HALF + 200
    assert masked("x topsecret y", ["topsecret", "y"]) == "x [secret] y"


def test_an_unusable_home_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="is no folder"):
        open_database(str(tmp_path / "file"))
