"""Exporting a run and importing it elsewhere: what arrives is what was sent, and it is not believed."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from labctl.store.objects import Objects
from labctl.store.runs import Store
from labctl.testing import Lab

TREES = """
def roll(job, *, sides, rolls, fail):
    folder = job.artifact("tree")
    (folder / "a" / "empty").mkdir(parents=True)
    (folder / "run.sh").write_text("#!/bin/sh")
    (folder / "run.sh").chmod(0o755)
    (folder / "a" / "text").write_text(str(job.seed))
    return 1

def mean(job):
    return {"mean": 1.0, "half": 0.1, "n": 1, "means": [1.0]}
"""


@pytest.fixture
def there(tmp_path: Path, projects: Any) -> Lab:
    """Another home with the same project."""
    lab = Lab(tmp_path / "there")
    lab.plugin("dice", projects.DICE, dice_tasks=projects.DICE_TASKS)
    return lab


@pytest.fixture
def sent(dice: Lab, tmp_path: Path) -> Path:
    """dice-1 as a file."""
    assert dice("run", "dice").code == 0
    target = tmp_path / "sent.tar.gz"
    assert dice("runs", "export", "dice-1", "-o", str(target)).code == 0
    return target


def rows(lab: Lab, statement: str) -> list[Any]:
    store = Store(str(lab.home))
    try:
        return store.db.execute(statement).fetchall()
    finally:
        store.close()


def nothing_came(lab: Lab) -> bool:
    """Whether a home holds nothing at all of what was refused."""
    left = [p for p in lab.home.iterdir() if p.name.startswith(".import-")]
    outside = [p.name for p in lab.folder.parent.parent.iterdir() if p.name.startswith("evil")]
    return (
        not rows(lab, "SELECT 1 FROM run") and not list((lab.home / "runs").iterdir()) and not left + outside
    )


def test_a_run_arrives_as_it_was_sent(dice: Lab, sent: Path, there: Lab) -> None:
    done = there("runs", "import", str(sent))
    assert done.code == 0, done.err
    assert done.out.split() == ["dice-1"]
    assert there("runs", "verify", "dice-1").code == 0
    assert there.record("dice-1") == dice.record("dice-1")
    assert there("runs", "show", "dice-1", "--json").json == dice("runs", "show", "dice-1", "--json").json
    same = "SELECT id, key, state, value, artifacts, seconds, made FROM job ORDER BY position"
    assert rows(there, same) == rows(dice, same)
    shown = there.home / "runs" / "dice-1" / "artifacts" / "roll~0" / "rolls.json"
    assert shown.read_bytes() == (dice.home / "runs" / "dice-1/artifacts/roll~0/rolls.json").read_bytes()
    assert there("runs", "logs", "dice-1", "roll/0").out == dice("runs", "logs", "dice-1", "roll/0").out
    assert there("report", "dice-1").code == 0
    assert "sender" in (there.home / "runs/dice-1/report.html").read_text()


def test_the_same_run_gives_the_same_bytes(dice: Lab, sent: Path, tmp_path: Path) -> None:
    time.sleep(1.1)  # gzip and tar know seconds
    again = tmp_path / "again.tar.gz"
    assert dice("runs", "export", "dice-1", "-o", str(again)).code == 0
    assert again.read_bytes() == sent.read_bytes()


def test_content_that_two_jobs_share_is_in_it_once(one: Any, tmp_path: Path) -> None:
    lab = one(
        "def work(job):\n    for name in ('a', 'b'):\n        job.artifact(name).write_text('the same')\n"
    )
    lab("run", "one")
    lab("runs", "export", "one-1", "-o", str(tmp_path / "x.tar.gz"))
    with tarfile.open(tmp_path / "x.tar.gz") as tar:
        assert sum(name.startswith("objects/") for name in tar.getnames()) == 1
        assert {(m.mtime, m.uid, m.uname) for m in tar.getmembers()} == {(0, 0, "")}


def test_content_lies_on_a_disk_once(one: Any, there: Lab, tmp_path: Path) -> None:
    """In the store, in the folders of the run that made it and of those that took it from the cache."""
    lab = one("def work(job):\n    job.artifact('a').write_text('x' * 5000)\n")
    lab("run", "one")
    lab("run", "one")
    assert lab.record("one-2")["jobs"][0]["state"] == "cached"
    lab("runs", "export", "one-1", "-o", str(tmp_path / "x.tar.gz"))
    assert there("runs", "import", str(tmp_path / "x.tar.gz")).code == 0
    for home, number in ((lab.home, 3), (there.home, 2)):
        large = [p.stat() for p in home.rglob("*") if p.is_file() and p.stat().st_size == 5000]
        assert len(large) == number
        assert len({status.st_ino for status in large}) == 1


def test_folders_keep_what_their_digest_knows(lab: Lab, there: Lab, projects: Any, tmp_path: Path) -> None:
    lab.plugin("dice", projects.DICE, dice_tasks=TREES)
    assert lab("run", "dice").code == 0
    lab("runs", "export", "dice-1", "-o", str(tmp_path / "x.tar.gz"))
    done = there("runs", "import", str(tmp_path / "x.tar.gz"))
    assert done.code == 0, done.err
    assert there("runs", "verify", "dice-1").code == 0
    tree = there.home / "runs/dice-1/artifacts/roll~0/tree"
    assert (tree / "a" / "empty").is_dir()
    assert (tree / "run.sh").stat().st_mode & 0o100


def test_a_taken_name_gets_the_next_number_and_the_same_run_is_refused(sent: Path, there: Lab) -> None:
    there("run", "dice", "--seed", "5")
    assert there("runs", "import", str(sent), "--json").json["run"] == "dice-2"
    done = there("runs", "import", str(sent))
    assert done.code == 2
    assert "it is dice-2" in done.err
    there("run", "dice", "--seed", "6")
    assert [row[0] for row in rows(there, "SELECT name FROM run ORDER BY id")] == [
        "dice-1",
        "dice-2",
        "dice-3",
    ]
    assert not list(there.home.glob(".import-*"))


def test_imported_results_feed_the_cache_only_when_trusted(sent: Path, there: Lab) -> None:
    there("runs", "import", str(sent))
    there("run", "dice")
    assert {job["state"] for job in there.record("dice-2")["jobs"]} == {"succeeded"}


def test_a_skipped_job_is_not_filled_from_an_imported_run(sent: Path, there: Lab) -> None:
    there("runs", "import", str(sent))
    assert there("run", "dice", "--skip", "roll").code == 2


def test_trusted_results_feed_the_cache(dice: Lab, sent: Path, there: Lab) -> None:
    done = there("runs", "import", str(sent), "--trust", "--json")
    assert done.json["cached_results"] == 6
    same = "SELECT key, run, job, value, artifacts, seconds FROM cache ORDER BY key"
    assert rows(there, same) == rows(dice, same)
    there("run", "dice")
    record = there.record("dice-2")
    assert {job["state"] for job in record["jobs"]} == {"cached"}


def test_trust_does_not_take_a_result_under_a_key_that_is_not_its_own(
    dice: Lab, there: Lab, tmp_path: Path
) -> None:
    dice("run", "dice")
    path = dice.home / "runs/dice-1/record.json"
    record = msgspec.json.decode(path.read_bytes())
    record["jobs"][0]["key"] = "0" * 64
    path.write_bytes(msgspec.json.encode(record))
    dice("runs", "export", "dice-1", "-o", str(tmp_path / "x.tar.gz"))
    assert (
        there("runs", "import", str(tmp_path / "x.tar.gz"), "--trust", "--json").json["cached_results"] == 5
    )


def test_an_import_makes_no_claim_older_here_than_it_is(dice: Lab, sent: Path, there: Lab) -> None:
    before = time.time()
    assert rows(dice, "SELECT first_seen FROM registration")[0][0] < before
    there("runs", "import", str(sent))
    (digest, seen), *_ = rows(there, "SELECT digest, first_seen FROM registration")
    assert [digest] == [row[0] for row in rows(dice, "SELECT digest FROM registration")]
    assert seen >= before
    assert there.record("dice-1")["registrations"]["P1"]["first_seen"] < before  # its own word stays
    assert "sender's word" in there("runs", "show", "dice-1").out
    for end in ("", "-wal", "-shm"):
        (there.home / f"labctl.db{end}").unlink(missing_ok=True)
    assert there("db", "rebuild").code == 0
    assert rows(there, "SELECT digest, first_seen FROM registration") == [(digest, seen)]
    assert rows(there, "SELECT imported FROM run") == [(1,)]
    assert rows(there, "SELECT * FROM cache") == []


def test_a_claim_that_is_known_keeps_its_time(sent: Path, there: Lab) -> None:
    there("run", "dice", "--seed", "5")
    before = rows(there, "SELECT digest, first_seen FROM registration")
    there("runs", "import", str(sent))
    assert rows(there, "SELECT digest, first_seen FROM registration") == before


def test_openings_count_in_both_homes(lab: Lab, there: Lab, tmp_path: Path) -> None:
    for home in (lab, there):
        home.plugin(
            "vault",
            """
            from labctl.api import Job, Parameters, hookimpl
            class O(Parameters):
                n: int = 1
            class P:
                parameters = O
                @hookimpl
                def run(self, ctx, environments):
                    yield Job("open", "vault_tasks:work", params={"n": ctx.parameters.n}, seal="test-set")
            plugin = P()
            """,
            vault_tasks="def work(job, n): return n\n",
        )
    lab("run", "vault")
    lab("run", "vault", "--n", "2")
    there("run", "vault", "--n", "3")
    lab("runs", "export", "vault-2", "-o", str(tmp_path / "x.tar.gz"))
    assert there("runs", "import", str(tmp_path / "x.tar.gz")).code == 0
    keys = {row[0] for row in rows(lab, "SELECT key FROM opening")}
    assert len(keys) == 2
    assert keys < {row[0] for row in rows(there, "SELECT key FROM opening")}
    assert len(rows(there, "SELECT key FROM opening")) == 3


def test_a_run_folder_can_be_imported(dice: Lab, there: Lab) -> None:
    dice("run", "dice")
    done = there("runs", "import", str(dice.home / "runs" / "dice-1"))
    assert done.code == 0, done.err
    assert there("runs", "verify", "dice-1").code == 0
    assert (dice.home / "runs/dice-1/artifacts/roll~0/rolls.json").exists()


def test_without_artifacts_what_is_missing_is_said(dice: Lab, there: Lab, tmp_path: Path) -> None:
    dice("run", "dice")
    dice("runs", "export", "dice-1", "--no-artifacts", "-o", str(tmp_path / "x.tar.gz"))
    done = there("runs", "import", str(tmp_path / "x.tar.gz"), "--trust")
    assert done.code == 0
    assert "4 artifacts did not come with it" in done.err
    assert there("runs", "verify", "dice-1").code == 1
    there("run", "dice")
    assert {j["id"]: j["state"] for j in there.record("dice-2")["jobs"]}["roll/0"] == "succeeded"


def test_export_overwrites_nothing_and_refuses_damaged_content(dice: Lab, sent: Path, tmp_path: Path) -> None:
    before = sent.read_bytes()
    assert dice("runs", "export", "dice-1", "-o", str(sent)).code == 2
    assert sent.read_bytes() == before
    objects = Objects(dice.home / "objects")
    sha256, status = next(objects.digests())
    objects.path(sha256).chmod(0o644)
    objects.path(sha256).write_bytes(b"x" * status.st_size)
    assert dice("runs", "export", "dice-1", "-o", str(tmp_path / "y.tar.gz")).code == 1
    assert not (tmp_path / "y.tar.gz").exists()


# Hostile archives


Member = tuple[tarfile.TarInfo, bytes]


def members_of(path: Path) -> list[Member]:
    with tarfile.open(path) as tar:
        return [(m, tar.extractfile(m).read() if m.isreg() else b"") for m in tar]  # type: ignore[union-attr]


def written(path: Path, members: list[Member], *, count: int | None = None, size: int | None = None) -> Path:
    """An archive of members whose manifest says the truth, or what it is told to say."""
    manifest = msgspec.json.decode(members[0][1])
    rest = members[1:]
    manifest["members"] = len(rest) if count is None else count
    manifest["bytes"] = sum(m.size for m, _ in rest) if size is None else size
    content = msgspec.json.encode(manifest)
    first = tarfile.TarInfo("labctl-run.json")
    first.size = len(content)
    with gzip.open(path, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for member, data in [(first, content), *rest]:
            tar.addfile(member, io.BytesIO(data))
    return path


def member(name: str, content: bytes = b"x", **options: Any) -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in options.items():
        setattr(info, key, value)
    return info, content


def edited(members: list[Member], name: str, edit: Callable[[Any], None]) -> list[Member]:
    """The members with one JSON file changed."""
    made = []
    for info, content in members:
        if info.name == name:
            value = msgspec.json.decode(content)
            edit(value)
            made.append(member(name, msgspec.json.encode(value)))
        else:
            made.append((info, content))
    return made


SHA = hashlib.sha256(b"x").hexdigest()
ADDED = {
    "absolute": member("/tmp/evil"),
    "upwards": member("run/../../../evil"),
    "upwards in an object": member(f"objects/{SHA}/../../../evil"),
    "dot": member("run/./plan.json"),
    "empty part": member("run//x"),
    "backslash": member("run/logs\\..\\..\\evil"),
    "control": member("run/logs/\x1b[2J"),
    "not utf-8": member("run/logs/\udcff"),
    "link": member("run/logs/x", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "link to a folder": member("objects", b"", type=tarfile.SYMTYPE, linkname="/tmp"),
    "hard link": member("run/logs/x", b"", type=tarfile.LNKTYPE, linkname="run/plan.json"),
    "device": member("run/logs/x", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    "pipe": member("run/logs/x", b"", type=tarfile.FIFOTYPE),
    "twice": member("run/plan.json", b"{}"),
    "long name": member("run/logs/" + "a" * 300),
    "deep name": member("objects/" + SHA + "/a" * 300),
    "up and down": member("run/logs/none/../x"),
}


@pytest.mark.parametrize("name", ADDED)
def test_a_hostile_member_is_refused_and_nothing_is_changed(
    sent: Path, there: Lab, tmp_path: Path, name: str
) -> None:
    bad = written(tmp_path / "bad.tar.gz", [*members_of(sent), ADDED[name]])
    done = there("runs", "import", str(bad))
    assert done.code == 2, done.out + done.err
    assert "cannot be imported" in done.err
    assert nothing_came(there)
    assert not Path("/tmp/evil").exists()


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def edit(value: Any) -> None:
        for part in path[:-1]:
            value = value[part]
        value[path[-1]] = to

    return edit


RECORDS = {
    "name upwards": ("run/record.json", _set("run", "name", to="../dice-1")),
    "name of another project": ("run/record.json", _set("run", "name", to="cgt-1")),
    "uuid": ("run/record.json", _set("run", "uuid", to="x")),
    "time": ("run/record.json", _set("run", "started", to=1e18)),
    "job id": ("run/record.json", _set("jobs", 0, "id", to="../../evil")),
    "artifact name": ("run/record.json", _set("jobs", 0, "artifacts", 0, "name", to="../../evil")),
    "digest": ("run/record.json", _set("jobs", 0, "artifacts", 0, "sha256", to="../../../evil")),
    "another content": ("run/record.json", _set("jobs", 0, "artifacts", 0, "size", to=3)),
    "tags": ("run/record.json", _set("run", "tags", to="abc")),
    "an artifact that is a folder": ("run/record.json", _set("jobs", 0, "artifacts", 0, "folder", to=True)),
    "claim": ("run/plan.json", _set("predictions", 0, "prediction", "threshold", to=-99.0)),
    "no plan": ("run/plan.json", _set("jobs", to=7)),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_lies_is_refused(sent: Path, there: Lab, tmp_path: Path, name: str) -> None:
    bad = written(tmp_path / "bad.tar.gz", edited(members_of(sent), *RECORDS[name]))
    done = there("runs", "import", str(bad))
    assert done.code == 2, done.out + done.err
    assert nothing_came(there)


def test_content_that_is_not_what_its_name_says_is_refused(sent: Path, there: Lab, tmp_path: Path) -> None:
    members = [(i, c[:-1] + b"9" if i.name.startswith("objects/") else c) for i, c in members_of(sent)]
    done = there("runs", "import", str(written(tmp_path / "bad.tar.gz", members)))
    assert done.code == 2
    assert "not what the record says" in done.err
    assert nothing_came(there)


@pytest.mark.parametrize(
    "limits", [{"count": 3}, {"size": 100}, {"count": 10**9}, {"size": 10**18}, {"count": -1}, {"size": -1}]
)
def test_an_archive_holds_what_it_says_no_more_and_no_less(
    sent: Path, there: Lab, tmp_path: Path, limits: dict[str, int]
) -> None:
    done = there("runs", "import", str(written(tmp_path / "bad.tar.gz", members_of(sent), **limits)))
    assert done.code == 2
    assert nothing_came(there)


def test_a_header_that_claims_gigabytes_costs_neither_memory_nor_disk(
    sent: Path, there: Lab, tmp_path: Path
) -> None:
    manifest = members_of(sent)[0]
    bomb = tmp_path / "bomb.tar.gz"
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    with gzip.open(bomb, "wb", 1) as file, tarfile.open(fileobj=file, mode="w|") as tar:
        tar.addfile(manifest[0], io.BytesIO(manifest[1]))
        tar.fileobj.write(header.tobuf(tarfile.GNU_FORMAT))  # type: ignore[union-attr]
        for _ in range(64):
            tar.fileobj.write(bytes(1 << 20))  # type: ignore[union-attr]
    done = there("runs", "import", str(bomb))
    assert done.code == 2
    assert "more than its headers say" in done.err
    assert nothing_came(there)


def test_a_sparse_file_is_refused(sent: Path, there: Lab, tmp_path: Path) -> None:
    holes = member(
        "run/logs/x", b"x", pax_headers={"GNU.sparse.major": "0", "GNU.sparse.minor": "1",
                                          "GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 40)}
    )  # fmt: skip
    bad = written(tmp_path / "bad.tar.gz", [*members_of(sent), holes])
    done = there("runs", "import", str(bad))
    assert done.code == 2
    assert nothing_came(there)


def test_archives_that_are_cut_off_are_refused(sent: Path, there: Lab, tmp_path: Path) -> None:
    whole = sent.read_bytes()
    for share in (0.0, 0.001, 0.1, 0.5, 0.9, 0.999):
        cut = tmp_path / "cut.tar.gz"
        cut.write_bytes(whole[: int(len(whole) * share)])
        assert there("runs", "import", str(cut)).code == 2
    (tmp_path / "text").write_text("no archive\n" * 1000)
    assert there("runs", "import", str(tmp_path / "text")).code == 2
    assert nothing_came(there)


def test_a_page_of_theirs_is_never_shown(sent: Path, there: Lab, tmp_path: Path) -> None:
    evil = b"<script>alert(1)</script>"
    members = [member(i.name, evil) if i.name == "run/report.html" else (i, c) for i, c in members_of(sent)]
    members = edited(members, "run/report.json", _set("sections", 0, "headline", to=evil.decode()))
    extra = member("run/imported.json", b'{"time": 1, "trusted": true}')
    done = there("runs", "import", str(written(tmp_path / "x.tar.gz", [*members, extra])))
    assert done.code == 0, done.err
    page = (there.home / "runs/dice-1/report.html").read_text()
    assert "alert(1)" in page
    assert evil.decode() not in page
    assert not msgspec.json.decode((there.home / "runs/dice-1/imported.json").read_bytes())["trusted"]


def test_a_hostile_folder_is_not_followed(dice: Lab, there: Lab, tmp_path: Path) -> None:
    dice("run", "dice")
    folder = tmp_path / "dice-1"
    shutil.copytree(dice.home / "runs" / "dice-1", folder)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder / "artifacts/roll~0/rolls.json").unlink()
    (folder / "artifacts/roll~0/rolls.json").symlink_to(secret)
    assert there("runs", "import", str(folder)).code == 2
    shutil.rmtree(folder / "artifacts")
    (folder / "collect.log").unlink(missing_ok=True)
    (folder / "collect.log").symlink_to(secret)
    done = there("runs", "import", str(folder))
    assert done.code == 0, done.err
    assert not any(p.is_file() and p.read_bytes() == b"secret" for p in there.home.rglob("*"))


def test_a_name_that_is_a_file_and_a_folder_is_refused(sent: Path, there: Lab, tmp_path: Path) -> None:
    both = [member(f"objects/{SHA}"), member(f"objects/{SHA}/x")]
    done = there("runs", "import", str(written(tmp_path / "bad.tar.gz", [*members_of(sent), *both])))
    assert done.code == 2
    assert "both a file and a folder" in done.err
    assert nothing_came(there)


def test_an_imported_run_that_is_not_trusted_cannot_be_driven(dice: Lab, there: Lab, tmp_path: Path) -> None:
    dice("run", "dice", "--fail")
    dice("runs", "export", "dice-1", "-o", str(tmp_path / "x.tar.gz"))
    ours = _set("jobs", 2, "params", to={"sides": 6, "rolls": 7, "fail": False})
    members = edited(members_of(tmp_path / "x.tar.gz"), "run/plan.json", ours)
    assert there("runs", "import", str(written(tmp_path / "bad.tar.gz", members))).code == 0
    before = rows(there, "SELECT id, state FROM job ORDER BY id")
    assert "failed" in dict(before).values()
    for command in (["retry", "dice-1", "--failed"], ["resume", "dice-1"]):
        refused = there(*command)
        assert refused.code == 2
        assert "dice-1 was imported: its plan is its sender's" in refused.err
    like = there("run", "dice", "--like", "dice-1")
    assert like.code == 2
    assert "was imported" in like.err
    assert there("explain", "dice-1", "mean").code == 0
    assert rows(there, "SELECT id, state FROM job ORDER BY id") == before
    assert rows(there, "SELECT * FROM cache") == []


def test_a_pipe_is_no_archive_and_is_not_waited_for(dice: Lab) -> None:
    os.mkfifo(dice.folder / "pipe")
    refused = dice("runs", "import", "pipe", timeout=20)
    assert refused.code == 2, refused.err
    assert "it is a pipe or a device, not a file" in refused.err
