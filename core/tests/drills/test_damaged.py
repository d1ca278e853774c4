"""Damaged content: objects of the store, records cut off at any byte, a database that is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from labctl.cli.main import run as run_cli
from labctl.testing import Lab

CUTS = 24  # places at which a file is cut
FILES = ("record.json", "plan.json", "journal.jsonl", "report.json")
READING = (
    ("runs", "list"), ("runs", "show", "last"), ("runs", "show", "last", "--json"),
    ("runs", "show", "last", "--parameters"), ("runs", "show", "last", "--artifacts"),
    ("runs", "logs", "last"), ("runs", "logs", "last", "grind/0"), ("runs", "verify", "last"),
    ("runs", "compare", "grind-1", "grind-2"), ("explain", "last", "grind/0"), ("report", "last"),
    ("report", "last", "--markdown"), ("report", "last", "--json"), ("runs", "metrics", "last"),
    ("deploy", "last", "--dry-run"), ("db", "gc", "--dry-run"), ("resume", "last"), ("retry", "last"),
    ("run", "grind", "--like", "last", "--plan"), ("doctor",),
)  # fmt: skip


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "x").write_text("x")


def as_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a flipped bit": flipped,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "a folder": as_folder,
    "a link": as_link,
    "gone": Path.unlink,
}


def objects(lab: Lab, run: str) -> dict[str, Path]:
    return {
        job["id"]: lab.home / "objects" / a["sha256"][:2] / a["sha256"]
        for job in lab.record(run)["jobs"]
        for a in job["artifacts"]
    }


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_object_is_found_made_again_and_never_served(dice: Lab, how: str) -> None:
    assert dice("run", "dice").code == 0
    first = {job["id"]: job["value"] for job in dice.record("dice-1")["jobs"]}
    path = objects(dice, "dice-1")["roll/1"]
    path.chmod(0o644)
    DAMAGE[how](path)
    assert dice("runs", "verify", "last").code != 0
    # The followers are other jobs than before, so that they read it; nothing but its maker gives it to them.
    tasks = dice.site / "dice_tasks.py"
    mean = dice.site / "dice_mean.py"
    mean.write_text("import json\n" + tasks.read_text()[tasks.read_text().index("def mean") :])
    plugin = dice.site / "dice_plugin.py"
    plugin.write_text(plugin.read_text().replace("dice_tasks:mean", "dice_mean:mean"))
    done = dice("run", "dice")
    assert done.code == 0, done.err
    again = dice.record("dice-2")["jobs"]
    assert {job["id"]: job["value"] for job in again} == first
    assert {job["id"]: job["state"] for job in again} == {
        "roll/0": "cached", "roll/1": "succeeded", "roll/2": "cached", "roll/3": "cached",
        "mean": "succeeded", "strict": "succeeded",
    }  # fmt: skip
    assert dice("runs", "verify", "last").code == 0


@pytest.mark.parametrize("how", ["a flipped bit", "a folder", "gone"])
def test_what_is_damaged_is_not_taken_from_another_run(dice: Lab, how: str) -> None:
    assert dice("run", "dice").code == 0
    first = [job["value"] for job in dice.record("dice-1")["jobs"]]
    path = objects(dice, "dice-1")["roll/1"]
    path.chmod(0o644)
    DAMAGE[how](path)
    done = dice("run", "dice", "--from", "dice-1")
    assert "Traceback" not in done.err
    if done.code == 0:
        assert [job["value"] for job in dice.record("dice-2")["jobs"]] == first
        assert dice("runs", "verify", "last").code == 0
    else:
        assert done.code == 2, done.err
    done = dice("run", "dice", "--skip", "throw", "--threshold", "3.25")
    assert "Traceback" not in done.err


def test_a_job_that_changes_what_it_was_given_is_found_out(project: Any, tool: Any) -> None:
    """An object of the store, opened for writing by a follower; the next one is not to get it."""
    tasks = """
        import os
        def make(job):
            job.artifact("a.txt").write_text("good")
        def spoil(job):
            path = job.input("x").path("a.txt")
            os.chmod(path, 0o644)
            path.write_text("evil")
        def read(job):
            return job.input("x").path("a.txt").read_text()
        """
    body = """
        yield Job('make', 'odd_tasks:make')
        yield Job('spoil', 'odd_tasks:spoil', needs={'x': 'make'})
        yield Job('read', 'odd_tasks:read', needs={'x': 'make', 'then': 'spoil'})
        """
    lab = project(body, odd_tasks=tasks)
    done = lab("run", "odd")
    assert done.code == 6, done.err
    assert "artifact a.txt is gone or was changed since it was made" in done.err
    assert tool.states(lab, "odd-1") == {"make": "succeeded", "spoil": "succeeded", "read": "failed"}
    assert lab("runs", "verify", "last").code != 0
    assert lab("run", "odd", "--only", "make").code == 0
    assert tool.states(lab, "odd-2") == {"make": "succeeded"}
    assert lab("runs", "verify", "odd-1").code == 0, "its content is there again"


def test_an_artifact_linked_to_an_object_of_the_store_is_a_copy(project: Any, tool: Any) -> None:
    tasks = """
        import os
        def make(job):
            job.artifact("a.txt").write_text("good")
        def link(job):
            os.link(job.input("x").path("a.txt"), job.artifact("b.txt"))
            folder = job.artifact("d")
            folder.mkdir()
            os.link(job.input("x").path("a.txt"), folder / "c.txt")
        """
    body = """
        yield Job('make', 'odd_tasks:make')
        yield Job('link', 'odd_tasks:link', needs={'x': 'make'})
        """
    lab = project(body, odd_tasks=tasks)
    done = lab("run", "odd")
    assert done.code == 0, done.err
    made = {a["name"]: a["sha256"] for job in lab.record("odd-1")["jobs"] for a in job["artifacts"]}
    store = lab.home / "objects"
    assert made["a.txt"] == made["b.txt"]
    inside = store / made["d"][:2] / made["d"] / "c.txt"
    assert inside.stat().st_ino != (store / made["a.txt"][:2] / made["a.txt"]).stat().st_ino
    assert lab("runs", "verify", "last").code == 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A home with two runs, to be copied and cut."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("mill", Path(__file__).parent.parent / "survival" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    mill = module.Mill(Lab(tmp_path_factory.mktemp("whole") / "lab"))
    for seed in ("1", "2"):
        assert mill.run("--parts", "2", "--seed", seed).code == 0
    return mill


def call(lab: Lab, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, home: Path) -> tuple[int, str]:
    """A command in this process: a process for every byte would take minutes. Its code and all it said."""
    monkeypatch.chdir(lab.folder)
    monkeypatch.setenv("LABCTL_HOME", str(home))
    monkeypatch.syspath_prepend(str(lab.site))
    runner = CliRunner()
    with runner.isolation() as (out, err, _):
        try:
            code = run_cli(list(words))
        except SystemExit as error:
            code = int(error.code or 0)
        said = out.getvalue() + err.getvalue()
    return code, said.decode(errors="replace")


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_run_that_is_cut_off_anywhere(
    whole: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(whole.lab.home, home)
    path = home / "runs" / "grind-2" / name
    content = path.read_bytes()
    places = sorted({0, 1, len(content) - 1, *(len(content) * i // CUTS for i in range(CUTS))})
    commands = [words for words in READING if words[0] not in ("resume", "retry", "run")]
    for place in places:
        path.write_bytes(content[:place])
        for words in commands:
            code, said = call(whole.lab, words, monkeypatch, home)
            assert code in (0, 1, 2), f"{name} at {place}: {words}: {code}\n{said}"
            assert "Traceback" not in said
            assert "could not go on" not in said, f"{name} at {place}: {words}\n{said}"
    assert not list((home / "errors").iterdir())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"null", b'{"run": 1, "jobs": {}}', b"\xff\xfe\0", None]
)
def test_a_file_of_a_run_that_says_something_else(
    whole: Any, name: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``None``: it holds every field of a record, each of another type."""
    home = tmp_path / "home"
    shutil.copytree(whole.lab.home, home)
    path = home / "runs" / "grind-2" / name
    lies = b'{"run":3,"jobs":7,"points":{},"registrations":[1],"verdicts":{"a":1},"report":[],"attempts":0}'
    path.write_bytes(lies if content is None else content)
    for words in READING:
        if words[0] in ("resume", "retry", "run"):
            continue
        code, said = call(whole.lab, words, monkeypatch, home)
        assert code in (0, 1, 2), f"{name}: {words}: {code}\n{said}"
        assert "could not go on" not in said, f"{name}: {words}\n{said}"


@pytest.mark.parametrize("cut", ["0", "half", "-2"])
def test_a_killed_run_with_a_plan_that_is_cut_off(mill: Any, cut: str) -> None:
    host = mill.start("--jobs", "1", "--hold", "grind/1")
    mill.wait("begin grind/1")
    host.kill()
    host.communicate()
    path = mill.lab.home / "runs" / "grind-1" / "plan.json"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if cut == "half" else content[: int(cut)])
    for words in (("resume", "last"), ("retry", "last"), ("run", "grind", "--like", "last"),
                  ("explain", "last", "grind/0"), ("runs", "cancel", "last")):  # fmt: skip
        done = mill.lab(*words)
        assert done.code == 2, (words, done.err)
        assert "plan.json" in done.err, words
        assert "Traceback" not in done.err
        assert "could not go on" not in done.err
    assert mill.lab("runs", "show", "last").code == 0
