"""Killed before any rename, sync or removal: nothing is half, nothing is lost, the next command mends it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

EVERY = int(os.environ.get("LABCTL_DEPLOY_DRILLS", "7"))  # 1: before every single operation
FAULT = '''
"""Ends labctl with SIGKILL before its n-th operation on the file system that others could see."""

import os
import signal

where, _, number = os.environ.get("DRILL", "").partition(":")
if where:
    from labctl.walk.deploy import swap

    if "plain" in where:  # a file system that cannot exchange
        exchange = swap._renameat2
        swap._renameat2 = lambda *words: False
    me, done = os.getpid(), [0]

    def counted(call):
        def before(*words, **named):
            if os.getpid() == me:
                done[0] += 1
                if done[0] == int(number or 0):
                    os.kill(me, signal.SIGKILL)
                with open(os.environ["COUNT"], "w") as file:
                    file.write(str(done[0]))
            return call(*words, **named)

        return before

    for name in ("fsync", "rename", "replace", "link", "unlink", "rmdir", "mkdir", "chmod", "utime"):
        setattr(os, name, counted(getattr(os, name)))
    swap._renameat2 = counted(swap._renameat2)
'''


class Drill:
    """A project and its home as they were before the command, to begin from again and again."""

    def __init__(self, put: Any, kept: Path, where: str) -> None:
        self.put, self.kept, self.where = put, kept, where
        (put.lab.site / "sitecustomize.py").write_text(FAULT)
        self.counter = kept.with_name("count")
        put.lab.variables["COUNT"] = str(self.counter)

    def keep(self) -> None:
        shutil.copytree(self.put.folder, self.kept, symlinks=True)

    def again(self) -> None:
        shutil.rmtree(self.put.folder)
        shutil.copytree(self.kept, self.put.folder, symlinks=True)

    def strike(self, number: int, *words: str) -> int:
        self.put.lab.variables["DRILL"] = f"{self.where}:{number}"
        try:
            return int(self.put(*words).code)
        finally:
            del self.put.lab.variables["DRILL"]

    def instants(self, *words: str) -> Iterator[int]:
        """Numbers of operations to be killed before: each is its own beginning."""
        assert self.strike(0, *words) == 0
        total = int(self.counter.read_text())
        assert total > 20
        for number in range(1, total + 1, EVERY):
            self.again()
            assert self.strike(number, *words) == -signal.SIGKILL
            yield number


def visible(tree: dict[str, Any]) -> dict[str, Any]:
    """What a user's program sees: temporary names are nobody's."""
    return {n: found for n, found in tree.items() if not any(p.startswith(".labctl-") for p in n.split("/"))}


def parts(tree: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The file and the folder, each of which is old or new as a whole."""
    shown = visible(tree)
    return (
        {n: v for n, v in shown.items() if n == "data/weights.toml"},
        {n: v for n, v in shown.items() if n.startswith("out/validation")},
    )


@pytest.fixture(params=["exchange", "plain"])
def drill(request: Any, put: Any, tmp_path: Path) -> Drill:
    return Drill(put, tmp_path / "kept", request.param)


@pytest.mark.parametrize("furnished", [True, False], ids=["change", "new"])
def test_deploy_killed_before_any_operation(put: Any, drill: Drill, furnished: bool) -> None:
    name = put.run()
    if furnished:
        put.furnish()
    drill.keep()
    old = put.tree()
    assert put("deploy", name, "--yes").code == 0
    new = put.tree()
    drill.again()
    lost = []
    for turn, number in enumerate(drill.instants("deploy", name, "--yes")):
        where = f"killed before operation {number}"
        for found, before, after in zip(parts(put.tree()), parts(old), parts(new), strict=True):
            gone = drill.where == "plain" and furnished and not found  # an instant, for folders only
            assert found in (before, after) or gone, where
            lost += [where] if gone else []
        if turn % 2:
            undone = put("deploy", name, "--undo")
            assert undone.code in (0, 2), f"{where}: {undone.err}"
            assert put.tree() == old, f"{where}: {undone.err}"
        done = put("deploy", name, "--yes")
        assert done.code == 0, f"{where}: {done.err}"
        assert put.tree() == new, where
        assert put("deploy", name, "--undo").code == 0, where
        assert put.tree() == old, where
        assert not (put.lab.home / "deploying.json").exists()
    assert len(lost) <= 1


def test_undo_killed_before_any_operation(put: Any, drill: Drill) -> None:
    name = put.run()
    put.furnish()
    old = put.tree()
    assert put("deploy", name, "--yes").code == 0
    new = put.tree()
    drill.keep()
    for turn, number in enumerate(drill.instants("deploy", name, "--undo")):
        where = f"killed before operation {number}"
        for found, before, after in zip(parts(put.tree()), parts(old), parts(new), strict=True):
            assert found in (before, after) or (drill.where == "plain" and not found), where
        if turn % 2:
            done = put("deploy", name, "--yes")
            assert done.code == 0, f"{where}: {done.err}"
            assert put.tree() == new, where
        undone = put("deploy", name, "--undo")
        assert undone.code in (0, 2), f"{where}: {undone.err}"
        assert put.tree() == old, f"{where}: {undone.err}"


def test_mending_killed_before_any_operation(put: Any, drill: Drill) -> None:
    """The command that takes back what a kill has left is itself killed."""
    name = put.run()
    put.furnish()
    old = put.tree()
    drill.keep()
    assert drill.strike(0, "deploy", name, "--yes") == 0
    total = int(drill.counter.read_text())
    drill.again()
    assert drill.strike(total - 12, "deploy", name, "--yes") == -signal.SIGKILL  # all is exchanged by then
    shutil.rmtree(drill.kept)
    drill.keep()
    for number in drill.instants("deploy", name, "--undo"):
        undone = put("deploy", name, "--undo")
        assert undone.code in (0, 2), undone.err
        assert put.tree() == old, number


def test_what_was_edited_after_the_kill_is_left(put: Any, drill: Drill) -> None:
    name = put.run()
    put.furnish()
    drill.keep()
    assert drill.strike(0, "deploy", name, "--yes") == 0
    total = int(drill.counter.read_text())
    drill.again()
    assert drill.strike(total - 12, "deploy", name, "--yes") == -signal.SIGKILL
    put.file.write_text("my edit\n")
    done = put("deploy", name, "--dry-run")
    assert done.code == 0
    assert "a deployment of put-1 was interrupted" in done.err
    refused = put("runs", "rm", name, "--yes")
    assert refused.code == 2
    assert "a deployment of put-1 was interrupted; nothing was removed" in refused.err
    undone = put("deploy", name, "--undo")
    assert undone.code == 0, undone.err
    assert "data/weights.toml was left as it is: somebody has edited it" in undone.err
    assert put.file.read_text() == "my edit\n"
    assert (put.out / "sub" / "mine.txt").read_text() == "mine"
    former = put.lab.home / "runs" / name / "deployments" / "1" / "former"
    assert "old\n" in [path.read_text() for path in former.iterdir() if path.is_file()]


def test_another_run_takes_it_back_first(put: Any, drill: Drill) -> None:
    name, other = put.run(), put.run("--text", "other")
    put.furnish()
    old = put.tree()
    drill.keep()
    assert drill.strike(0, "deploy", name, "--yes") == 0
    total = int(drill.counter.read_text())
    drill.again()
    assert drill.strike(total - 12, "deploy", name, "--yes") == -signal.SIGKILL
    done = put("deploy", other, "--yes")
    assert done.code == 0, done.err
    assert "a deployment of put-1 was interrupted; what was in place before is back" in done.err
    assert put("deploy", other, "--undo").code == 0
    assert put.tree() == old
