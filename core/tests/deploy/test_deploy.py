"""What deploy shows, asks, does and undoes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

NEW = "new\n"


def test_put_in_place_and_undone(put: Any) -> None:
    name = put.run()
    before = put.tree()
    shown = put("deploy", name, "--dry-run")
    assert shown.code == 0, shown.err
    assert "What put-1 would put in place. Nothing was changed." in shown.out
    assert "new      data/weights.toml  1 line" in shown.out
    assert "To undo it: labctl deploy put-1 --undo" in shown.out
    assert put.tree() == before
    done = put("deploy", name, "--yes")
    assert done.code == 0, done.err
    assert "2 files are in place." in done.out
    assert put.file.read_text() == NEW
    assert (put.out / "deep" / "empty").is_dir()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(put.file.stat().st_mode) == 0o644 & ~mask
    assert stat.S_IMODE((put.out / "run.sh").stat().st_mode) == 0o755 & ~mask
    assert "Deployed  " in put("runs", "show", name).out
    again = put("deploy", name, "--yes")
    assert again.code == 0
    assert "There is nothing to do." in again.out
    assert "same" in again.out
    undone = put("deploy", name, "--undo")
    assert undone.code == 0, undone.err
    assert "2 files of put-1 are as before." in undone.out
    assert put.tree() == before
    assert "Undone    " in put("runs", "show", name).out
    none = put("deploy", name, "--undo")
    assert none.code == 2
    assert "nothing of put-1 is in place that could be undone" in none.err


def test_undo_restores_content_and_mode(put: Any) -> None:
    put.furnish()
    before = put.tree()
    name = put.run()
    assert put("deploy", name, "--yes").code == 0
    assert put.file.read_text() == NEW
    assert stat.S_IMODE(put.file.stat().st_mode) == 0o640
    assert stat.S_IMODE(put.out.stat().st_mode) == 0o750
    assert not (put.out / "sub").exists()
    put.file.chmod(0o600)
    shown = put("deploy", name, "--undo", "--dry-run")
    assert shown.code == 0
    assert "restore  data/weights.toml" in shown.out
    assert put.file.read_text() == NEW
    assert put("deploy", name, "--undo").code == 0
    assert put.tree() == before


def test_a_file_in_the_place_of_a_folder_and_back(put: Any) -> None:
    put.out.parent.mkdir()
    put.out.write_text("a file")
    before = put.tree()
    name = put.run()
    assert put("deploy", name, "--yes").code == 0
    assert put.out.is_dir()
    assert put("deploy", name, "--undo").code == 0
    assert put.tree() == before


def test_each_deployment_is_undone_in_turn(put: Any) -> None:
    first, second = put.run(), put.run("--text", "newer")
    empty = put.tree()
    assert put("deploy", first, "--yes").code == 0
    middle = put.tree()
    assert put("deploy", second, "--yes").code == 0
    wrong = put("deploy", first, "--undo")
    assert wrong.code == 2
    assert "data/weights.toml and 1 more: what is in place is not what put-1 put there" in wrong.err
    assert put("deploy", second, "--undo").code == 0
    assert put.tree() == middle
    assert put("deploy", first, "--undo").code == 0
    assert put.tree() == empty
    assert [d["state"] for d in put.deployments(first)] == ["undone"]


def test_what_was_edited_is_not_undone(put: Any) -> None:
    put.furnish()
    before = put.tree()
    name = put.run()
    put("deploy", name, "--yes")
    put.file.write_text("my edit\n")
    after = put.tree()
    for words in ((), ("--dry-run",)):
        refused = put("deploy", name, "--undo", *words)
        assert refused.code == 2
        assert "data/weights.toml: what is in place is not what put-1 put there" in refused.err
        assert "--undo --force" in refused.err
        assert put.tree() == after
    assert put("deploy", name, "--undo", "--force").code == 0
    assert put.tree() == before
    kept = put.lab.home / "runs" / name / "deployments" / "1" / "edited"
    assert [path.read_text() for path in kept.iterdir()] == ["my edit\n"]
    assert put.deployments(name)[0]["undone"]["forced"] is True


def test_what_was_removed_is_not_undone_unless_forced(put: Any) -> None:
    put.furnish()
    before = put.tree()
    name = put.run()
    put("deploy", name, "--yes")
    put.file.unlink()
    assert put("deploy", name, "--undo").code == 2
    assert put("deploy", name, "--undo", "--force").code == 0
    assert put.tree() == before


def test_a_folder_that_others_use_stays(put: Any) -> None:
    name = put.run()
    put("deploy", name, "--yes")
    (put.folder / "data" / "mine.txt").write_text("mine")
    assert put("deploy", name, "--undo").code == 0
    assert [p for p in put.tree() if "/" in p or p in ("data", "out")] == ["data", "data/mine.txt"]


def test_without_a_terminal_it_wants_a_yes(put: Any, marks: Path) -> None:
    name = put.run("--check", "pass")
    before = put.tree()
    done = put("deploy", name)
    assert done.code == 2
    assert "error: deploy asks before it writes" in done.err
    assert "hint: add --yes" in done.err
    assert "new      data/weights.toml" in done.out
    assert put.tree() == before
    assert "check" not in marks.read_text(), "a check that nobody waits for is not run"


def test_nothing_to_deploy(put: Any) -> None:
    name = put.run("--no-copies")
    for words in ((), ("--yes",), ("--dry-run",)):
        done = put("deploy", name, *words)
        assert done.code == 0, done.err
        assert done.out == "put has nothing to deploy.\n"


def test_as_json(put: Any) -> None:
    name = put.run("--check", "pass")
    shown = put("deploy", name, "--dry-run", "--json").json
    assert [(a["change"], a["to"]) for a in shown["actions"]] == [
        ("new", "data/weights.toml"), ("new", "out/validation"),
    ]  # fmt: skip
    assert shown["actions"][0]["check"]["verdict"] == "better"
    assert shown["deployment"] is None
    assert put("deploy", name, "--yes", "--json").json["deployment"] == 1
    assert put("deploy", name, "--undo", "--json").json["deployment"]["state"] == "undone"


def test_diff_has_the_lines(put: Any) -> None:
    put.furnish()
    done = put("deploy", put.run(), "--dry-run", "--diff")
    assert "change   data/weights.toml  1 line, 1 differs" in done.out
    assert "-old" in done.out
    assert "+new" in done.out


def test_a_service_alone_is_refused(put: Any) -> None:
    name = put.run("--publish", "--no-copies")
    done = put("deploy", name, "--yes")
    assert done.code == 2
    assert "put wants api published; this labctl cannot publish" in done.err
    assert "publish  api" in put("deploy", name, "--dry-run").out


def test_a_service_beside_copies_is_said(put: Any) -> None:
    done = put("deploy", put.run("--publish"), "--yes")
    assert done.code == 0, done.err
    assert put.file.read_text() == NEW
    assert "service api was not published" in done.err


def test_two_points_of_a_grid_in_one_place(put: Any) -> None:
    name = put.run("--grid", "text=a,b")
    before = put.tree()
    assert put("deploy", name, "--dry-run").code == 0
    done = put("deploy", name, "--yes")
    assert done.code == 3
    assert "are in each other's place" in done.err
    assert put.tree() == before


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("../x", "stays inside"),
        ("/tmp/x", "relative"),
        (".git/hooks/post-commit", "nothing is put into .git"),
        (".GIT/hooks/post-commit", "nothing is put into .GIT"),
        ("sub/.git/config", "nothing is put into .git"),
        (".labctl/labctl.db", "nothing is put into .labctl"),
        ("a//b", "stays inside"),
        ("a\u202eb", "can be read on a terminal"),
        ("a/./b", "stays inside"),
        ("a\\b", "with / between"),
        ("out", "are in each other's place"),
        ("out/validation/x", "are in each other's place"),
        ("OUT/Validation", "are in each other's place"),
    ],
)
def test_hostile_targets(put: Any, to: str, said: str) -> None:
    (put.folder / ".git" / "hooks").mkdir(parents=True)
    name = put.run("--to", to)
    before = put.tree()
    done = put("deploy", name, "--yes")
    assert done.code == 3, done.out
    assert said in done.err
    assert put.tree() == before
    assert not (put.folder.parent / "x").exists()


def test_a_link_in_the_way(put: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    name = put.run()
    (put.folder / "data").symlink_to(elsewhere)
    done = put("deploy", name, "--yes")
    assert done.code == 2
    assert "data on the way to weights.toml is a link or a file; nothing was changed" in done.err
    assert list(elsewhere.iterdir()) == []
    (put.folder / "data").unlink()
    (put.folder / "data").mkdir()
    put.file.symlink_to(elsewhere / "target")
    done = put("deploy", name, "--yes")
    assert done.code == 2
    assert "data/weights.toml is a link; nothing was changed" in done.err
    assert not put.out.exists()
    put.file.unlink()
    (put.folder / "data").rmdir()
    (put.folder / "data").write_text("a file")
    assert put("deploy", name, "--yes").code == 2
    assert (put.folder / "data").read_text() == "a file"


def test_a_damaged_object_is_named(put: Any) -> None:
    name = put.run()
    before = put.tree()
    job = put("runs", "show", name, "--json").json["jobs"][0]
    sha256 = next(a["sha256"] for a in job["artifacts"] if a["name"] == "weights.toml")
    path = put.lab.home / "objects" / sha256[:2] / sha256
    path.chmod(0o600)
    path.write_text("bad\n")
    done = put("deploy", name, "--yes")
    assert done.code == 1
    assert f"object {sha256[:8]} is damaged" in done.err
    assert "make/weights.toml" in done.err
    assert "labctl runs verify put-1" in done.err
    assert put.tree() == before


def test_a_run_of_somebody_else(put: Any, tmp_path: Path) -> None:
    name = put.run()
    assert put("deploy", name, "--yes").code == 0
    archive = str(tmp_path / "x.tar.gz")
    assert put("runs", "export", name, "-o", archive).code == 0
    put("deploy", name, "--undo")
    before = put.tree()
    assert put("runs", "rm", name, "--yes").code == 0
    made = put("runs", "import", archive, "--json").json["run"]
    for words in (("--dry-run",), ("--yes",)):
        refused = put("deploy", made, *words)
        assert refused.code == 2
        assert f"{made} was imported" in refused.err
        assert "--trust" in refused.err
    assert put("deploy", made, "--undo").code == 2
    assert put.tree() == before
    shown = put("runs", "show", made)
    assert "where it was made: 2 files" in shown.out
    put("runs", "rm", made, "--yes")
    made = put("runs", "import", archive, "--trust", "--json").json["run"]
    assert put("deploy", made, "--undo").code == 2, "what its sender deployed is not undone here"
    done = put("deploy", made, "--yes")
    assert done.code == 0, done.err
    assert put.file.read_text() == NEW
    assert put("deploy", made, "--undo").code == 0
    assert put.tree() == before
