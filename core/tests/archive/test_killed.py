"""Killed at any instant: what another run has is whole, and the same command again comes to its end."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from labctl.testing import Lab

INSTANTS = [0.05 + 0.03 * i for i in range(12)]  # seconds; a command takes about 0.2


def killed(lab: Lab, after: float, *words: str) -> None:
    process = lab.start(*words)
    time.sleep(after)
    process.kill()
    process.communicate()


def names(lab: Lab) -> set[str]:
    done = lab("runs", "list", "--all", "--json")
    assert done.code == 0, done.err
    return {run["name"] for run in done.json["runs"]}


@pytest.fixture
def two(dice: Lab) -> Lab:
    """A lab with two runs; the second took some of its results from the first."""
    dice("run", "dice")
    dice("run", "dice", "--threshold", "2")
    return dice


def test_rm_killed_at_any_instant(two: Lab, tmp_path: Path) -> None:
    shutil.copytree(two.home, tmp_path / "kept", symlinks=True)
    for instant in INSTANTS:
        shutil.rmtree(two.home)
        shutil.copytree(tmp_path / "kept", two.home, symlinks=True)
        killed(two, instant, "runs", "rm", "dice-1", "--yes")
        assert names(two) in ({"dice-1", "dice-2"}, {"dice-2"})
        assert two("runs", "verify", "dice-2").code == 0
        if "dice-1" in names(two):
            assert two("runs", "rm", "dice-1", "--yes").code == 0
        assert names(two) == {"dice-2"}
        assert not (two.home / "runs" / "dice-1").is_dir()


def test_rebuild_killed_at_any_instant(two: Lab) -> None:
    for instant in INSTANTS:
        killed(two, instant, "db", "rebuild")
        assert names(two) == {"dice-1", "dice-2"}
    assert two("db", "rebuild").code == 0
    assert names(two) == {"dice-1", "dice-2"}
    assert two("run", "dice").code == 0
    assert {job["state"] for job in two.record("dice-3")["jobs"]} == {"cached"}


def test_import_killed_at_any_instant(two: Lab, tmp_path: Path) -> None:
    two("runs", "export", "dice-1", "-o", str(tmp_path / "x.tar.gz"))
    two("runs", "rm", "dice-1", "--yes")
    for instant in INSTANTS:
        killed(two, instant, "runs", "import", str(tmp_path / "x.tar.gz"))
        came = names(two) - {"dice-2"}
        assert len(came) <= 1
        for name in came:
            assert two("runs", "verify", name).code == 0
            assert two("runs", "rm", name, "--yes").code == 0
    done = two("runs", "import", str(tmp_path / "x.tar.gz"), "--json")
    assert done.code == 0, done.err
    assert two("runs", "verify", done.json["run"]).code == 0
    assert two("runs", "verify", "dice-2").code == 0
