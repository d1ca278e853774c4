"""What else may happen while files are put in place: edits in the very instant, links, no room, no rights."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

MEDDLER = '''
"""Somebody changes what is in place at the worst moment; MEDDLE says which."""

import os
import signal

how = os.environ.get("MEDDLE", "")
if how:
    from labctl.walk.deploy import putting, swap

    exchange, renameat2 = putting._exchange, swap._renameat2
    meddled = []

    def meddle():
        if not meddled:
            meddled.append(1)
            if how.startswith("link"):
                os.rename("data", "moved")
                os.symlink(os.environ["ELSEWHERE"], "data")
            else:
                os.makedirs("data", exist_ok=True)
                open("data/weights.toml", "w").write("my edit\\n")

    def exchanged(project, action):
        if how in ("before", "link"):
            meddle()
        exchange(project, action)
        if how == "interrupt":
            raise KeyboardInterrupt

    def renamed(*words):
        if how in ("instant", "killed"):
            meddle()
        done = renameat2(*words)
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    putting._exchange, swap._renameat2 = exchanged, renamed
'''


@pytest.fixture
def meddled(put: Any) -> Any:
    (put.lab.site / "sitecustomize.py").write_text(MEDDLER)

    def deploy(how: str, *words: str) -> Any:
        put.lab.variables["MEDDLE"] = how
        try:
            return put("deploy", *words)
        finally:
            del put.lab.variables["MEDDLE"]

    return deploy


@pytest.mark.parametrize("how", ["before", "instant"])
@pytest.mark.parametrize("furnished", [True, False], ids=["change", "new"])
def test_a_file_that_changes_meanwhile(put: Any, meddled: Any, how: str, furnished: bool) -> None:
    if furnished:
        put.furnish()
    name = put.run()
    before = put.tree()
    done = meddled(how, name, "--yes")
    assert done.code == 5, done.out
    assert "data/weights.toml has changed since it was compared" in done.err
    assert put.file.read_text() == "my edit\n"
    put.file.unlink()
    after = put.tree()
    before.pop("data/weights.toml", None)
    assert {n: v for n, v in after.items() if n != "data"} == {n: v for n, v in before.items() if n != "data"}
    assert put.deployments(name)[0]["state"] == "reverted"


def test_a_file_that_changes_in_the_instant_of_a_kill(put: Any, meddled: Any) -> None:
    put.furnish()
    name = put.run()
    assert meddled("killed", name, "--yes").code == -signal.SIGKILL
    assert put.file.read_text() == "new\n"
    undone = put("deploy", name, "--undo")
    assert undone.code == 0, undone.err
    assert "data/weights.toml was left as it is" in undone.err
    assert put.file.read_text() == "my edit\n"


def test_ctrl_c_between_two_files(put: Any, meddled: Any) -> None:
    put.furnish()
    name = put.run()
    before = put.tree()
    done = meddled("interrupt", name, "--yes")
    assert done.code == 130
    assert put.tree() == before
    assert put.deployments(name)[0]["state"] == "reverted"
    assert not (put.lab.home / "deploying.json").exists()


def test_a_folder_that_becomes_a_link_meanwhile(put: Any, meddled: Any, tmp_path: Path) -> None:
    put.furnish()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "weights.toml").write_text("old\n")
    put.lab.variables["ELSEWHERE"] = str(elsewhere)
    done = meddled("link", put.run(), "--yes")
    assert done.code == 2, done.out
    assert "data on the way to weights.toml is a link or a file; nothing was changed" in done.err
    assert [(p.name, p.read_text()) for p in elsewhere.iterdir()] == [("weights.toml", "old\n")]
    assert (put.folder / "moved" / "weights.toml").read_text() == "old\n"
    assert not (put.out / "a.txt").exists()


def in_namespace(put: Any, mount: str, *words: str) -> tuple[int, str, str, str]:
    """A command that sees another file system at ``data``; its exit code, output, and what is there then."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here")
    script = f"""
        cp -a data kept && {mount} && "$@"; code=$?; echo; echo "=== $code"; ls -A data; cat data/*
    """
    enter = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*enter, *put.lab.command(*words)],
        cwd=put.folder, env=put.lab.environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=60,
    )  # fmt: skip
    shutil.rmtree(put.folder / "kept", ignore_errors=True)
    if "===" not in done.stdout:
        pytest.skip(f"no rights for unshare here: {done.stderr}")
    out, _, rest = done.stdout.rpartition("=== ")
    code, _, there = rest.partition("\n")
    return int(code), out, done.stderr, there


def test_a_disk_without_room(put: Any) -> None:
    put.furnish()
    before = put.tree()
    name = put.run("--text", "x" * 100_000)
    mount = "mount -t tmpfs -o size=65536 tmpfs data && cp -a kept/. data"
    code, out, err, there = in_namespace(put, mount, "deploy", name, "--yes")
    assert code == 5, out + err
    assert "data/weights.toml could not be written" in err
    assert "No space left on device" in err
    assert "nothing was changed" in err
    assert there == "weights.toml\nold\n"
    assert put.tree() == before
    assert put("deploy", name, "--yes").code == 0
    assert put("deploy", name, "--undo").code == 0
    assert put.tree() == before


def test_a_folder_that_cannot_be_written(put: Any) -> None:
    put.furnish()
    before = put.tree()
    name = put.run()
    mount = "mount -t tmpfs tmpfs data && cp -a kept/. data && mount -o remount,ro data"
    code, out, err, there = in_namespace(put, mount, "deploy", name, "--yes")
    assert code == 5, out + err
    assert "data/weights.toml could not be written" in err
    assert "Read-only file system" in err
    assert there == "weights.toml\nold\n"
    assert put.tree() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_rights(put: Any) -> None:
    put.furnish()
    name = put.run()
    put.file.parent.chmod(0o555)
    before = put.tree()
    done = put("deploy", name, "--yes")
    put.file.parent.chmod(0o755)
    assert done.code == 5
    assert "data/weights.toml could not be written" in done.err
    put.file.parent.chmod(0o555)
    assert put.tree() == before
    put.file.parent.chmod(0o755)


def test_a_folder_on_another_file_system(put: Any) -> None:
    put.furnish()
    name = put.run()
    mount = "mount -t tmpfs tmpfs data && cp -a kept/. data"
    code, out, err, there = in_namespace(put, mount, "deploy", name, "--yes")
    assert code == 0, out + err
    assert there == "weights.toml\nnew\n"


def test_a_journal_that_somebody_changed(put: Any) -> None:
    name = put.run()
    put("deploy", name, "--yes")
    journal = put.lab.home / "runs" / name / "deployments" / "1" / "deployment.json"
    content = journal.read_text()
    for old, new in (('".labctl-', '"../labctl-'), ('"written', "{"), ('"state": "done"', '"state": "odd"')):
        journal.write_text(content.replace(old, new) if old in content else content[: len(content) // 2])
        before = put.tree()
        done = put("deploy", name, "--undo")
        assert done.code == 2
        assert "deployment.json cannot be read" in done.err
        assert put.tree() == before
        shown = put("runs", "show", name)
        assert shown.code == 0
        assert "deployment.json cannot be read" in shown.err
    hostile = content.replace('"to": "data/weights.toml"', '"to": "../weights.toml"')
    (put.folder.parent / "weights.toml").write_text("new\n")
    journal.write_text(hostile)
    done = put("deploy", name, "--undo")
    assert done.code == 2
    assert (put.folder.parent / "weights.toml").exists()


def test_a_home_that_serves_two_projects(put: Any, tmp_path: Path) -> None:
    put.lab.variables["LABCTL_HOME"] = str(tmp_path / "home")
    name = put.run()
    assert put("deploy", name, "--yes").code == 0
    (tmp_path / "other").mkdir()
    first, put.lab.folder = put.lab.folder, tmp_path / "other"
    for words in (("--undo",), ("--undo", "--dry-run"), ("--undo", "--force")):
        refused = put("deploy", name, *words)
        assert refused.code == 2
        assert "a deployment of put-1 is of another folder than this" in refused.err
    put.lab.folder = first
    assert put("deploy", name, "--undo").code == 0
    assert put.tree() == {}


def test_a_project_that_was_moved(put: Any, tmp_path: Path) -> None:
    name = put.run()
    assert put("deploy", name, "--yes").code == 0
    put.folder.rename(tmp_path / "moved")
    put.lab.folder = tmp_path / "moved"
    assert put("deploy", name, "--undo").code == 0
    assert [path.name for path in (tmp_path / "moved").iterdir()] == [".labctl"]


def test_what_import_makes_of_a_hostile_journal(put: Any, tmp_path: Path) -> None:
    name = put.run()
    put("deploy", name, "--yes")
    source = tmp_path / "sent"
    shutil.copytree(put.lab.home / "runs" / name, source)
    (source / "deployments" / "1" / "deployment.json").write_text('{"run": 1}')
    (source / "deployments" / "x").mkdir()
    put("runs", "rm", name, "--yes")
    made = put("runs", "import", str(source), "--json")
    assert made.code == 0, made.err
    assert "Deployed" not in put("runs", "show", made.json["run"]).out
