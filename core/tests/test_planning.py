"""Closures, keys and selections."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from labctl.errors import UsageError
from labctl.model.machine import Environment
from labctl.model.plan import Prediction
from labctl.model.results import Artifact, JobFailure, JobResult
from labctl.planning.closure import Closures, Source
from labctl.planning.keys import Material, key_of
from labctl.planning.overrides import cores, mebibytes, override, seconds
from labctl.planning.plan import Plan, PlannedJob, PlannedPrediction
from labctl.planning.select import select
from labctl.plugins.scan import Distribution, Entry
from labctl.plugins.versions import satisfies, split_requirement


class Tree:
    """A folder of modules, and the closures over it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **files: str) -> None:
        for name, text in files.items():
            relative = name.replace("____init__", "/<init>").replace("__", "/").replace("<init>", "__init__")
            path = self.root / f"{relative}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def closures(self, *plugins: str, cache: object = None) -> Closures:
        found = [
            Entry("labctl.plugins", name, f"{name}.plugin:p", Distribution(name, "1", str(self.root)))
            for name in plugins
        ]
        known = {"numpy": Distribution("numpy", "2.4.6", "x")}
        return Closures(found, known, cache, [str(self.root)])  # type: ignore[arg-type]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_closure_holds_what_is_reached_and_no_more(tree: Tree) -> None:
    tree.write(
        pkg____init__="",
        pkg__a="from pkg import b\nimport numpy.linalg\nimport os",
        pkg__b="def f():\n    from .c import x\n",
        pkg__c="x = 1",
        pkg__d="y = 1",
    )
    code = tree.closures("pkg").of(["pkg.a"])
    assert list(code.files) == ["pkg", "pkg.a", "pkg.b", "pkg.c"]
    assert code.packages == {"numpy": "2.4.6"}
    before = code.files
    tree.write(pkg__d="y = 2")
    assert tree.closures("pkg").of(["pkg.a"]).files == before
    tree.write(pkg__c="x = 2")
    assert tree.closures("pkg").of(["pkg.a"]).files != before


def test_nothing_is_imported(tree: Tree) -> None:
    tree.write(pkg____init__="open('touched', 'w')\nraise SystemExit", pkg__a="1 / 0")
    assert set(tree.closures("pkg").of(["pkg.a"]).files) == {"pkg", "pkg.a"}
    assert not Path("touched").exists()


def test_relative_imports_and_packages(tree: Tree) -> None:
    tree.write(
        pkg____init__="", pkg__sub____init__="from . import inner", pkg__sub__inner="from ..base import *",
        pkg__base="z = 1",
    )  # fmt: skip
    assert set(tree.closures("pkg").of(["pkg.sub"]).files) == {"pkg", "pkg.sub", "pkg.sub.inner", "pkg.base"}


def test_data_files_of_a_package_are_part_of_it(tree: Tree) -> None:
    tree.write(pkg____init__="", pkg__a="")
    (tree.root / "pkg" / "cards").mkdir()
    (tree.root / "pkg" / "cards" / "x.toml").write_text("a = 1")
    (tree.root / "pkg" / "README.md").write_text("words")
    first = tree.closures("pkg").of(["pkg.a"]).files
    assert "pkg:cards/x.toml" in first
    assert not any("README" in name for name in first)
    (tree.root / "pkg" / "cards" / "x.toml").write_text("a = 2")
    assert tree.closures("pkg").of(["pkg.a"]).files != first


def test_odd_files_do_not_stop_a_closure(tree: Tree) -> None:
    tree.write(pkg____init__="", pkg__a="def f(:\n", pkg__b="from pkg import a, nothing\nimport pkg.nowhere")
    code = tree.closures("pkg").of(["pkg.b", "lost.module"])
    assert set(code.files) == {"pkg", "pkg.a", "pkg.b"}
    assert code.missing == ("lost.module",)


def test_names_are_looked_up_by_reading(tree: Tree) -> None:
    tree.write(m="import os as system\nif True:\n    def f(): pass\nx: int = 1\n", star="from m import *")
    found = tree.closures()
    assert [found.defines("m", name) for name in ("f", "system", "x", "g")] == [True, True, True, False]
    assert found.defines("star", "f")


def test_digests_are_remembered_until_a_file_changes(tree: Tree) -> None:
    class Cache:
        def __init__(self) -> None:
            self.rows: dict[tuple[str, int, int], Source] = {}
            self.hits = 0

        def get(self, path: str, mtime_ns: int, size: int) -> Source | None:
            found = self.rows.get((path, mtime_ns, size))
            self.hits += found is not None
            return found

        def put(self, path: str, mtime_ns: int, size: int, source: Source) -> None:
            self.rows[path, mtime_ns, size] = source

    cache = Cache()
    tree.write(pkg____init__="", pkg__a="x = 1")
    os.utime(tree.root / "pkg" / "a.py", (1, 1))
    first = tree.closures("pkg", cache=cache).of(["pkg.a"])
    assert tree.closures("pkg", cache=cache).of(["pkg.a"]) == first
    assert cache.hits == 1  # the package's own file is too young to be trusted


def job(job_id: str, needs: dict[str, tuple[str, ...]] | None = None, **options: object) -> PlannedJob:
    base = {
        "local_id": job_id, "point": "", "function": "m:f", "params": {}, "environment": Environment(),
        "needs": needs or {}, "files": {}, "file_paths": {}, "tolerant": False, "tags": (), "code": (),
        "seed": 1, "cache": True, "fresh": False, "seal": None, "timeout": 1.0, "estimate": None,
    }  # fmt: skip
    return PlannedJob(id=job_id, **{**base, **options})  # type: ignore[arg-type]


def claim(name: str, *jobs: str) -> PlannedPrediction:
    return PlannedPrediction(prediction=Prediction(name, "c", jobs, "e", ">", 0.5), point="", jobs=jobs)


STUDY = Plan(
    jobs=(
        job("train/0"),
        job("train/1"),
        job("temperature", {"train": ("train/0", "train/1")}, tags=("operator",)),
        job("cooling", {"train": ("train/0", "train/1")}, tags=("operator",)),
        job("monitors", {"train": ("train/0", "train/1")}),
        job("judge", {"of": ("temperature", "cooling", "monitors")}, tolerant=True),
    ),
    predictions=(
        claim("P1", "temperature", "monitors", "judge"),
        claim("P2", "cooling", "monitors", "judge"),
    ),
)


def ids(plan: Plan) -> list[str]:
    return [j.id for j in plan.jobs]


def test_only_keeps_baselines_and_the_judge() -> None:
    plan, borrowed = select(STUDY, ["temperature"], [])
    assert ids(plan) == ["train/0", "train/1", "temperature", "monitors", "judge"]
    assert plan.job("judge").needs == {"of": ("temperature", "monitors")}
    assert [p.id for p in plan.predictions] == ["P1"]
    assert borrowed == ()


def test_only_a_job_without_claims() -> None:
    plan, _ = select(STUDY, ["train"], [])
    assert ids(plan) == ["train/0", "train/1"]
    assert plan.predictions == ()


def test_skip_borrows_what_is_still_needed() -> None:
    plan, borrowed = select(STUDY, [], ["train"])
    assert ids(plan) == ["temperature", "cooling", "monitors", "judge"]
    assert [j.id for j in borrowed] == ["train/0", "train/1"]
    assert len(plan.predictions) == 2


def test_the_needs_of_what_is_skipped_are_not_run() -> None:
    plan, borrowed = select(STUDY, ["judge"], ["operator,monitors"])
    assert ids(plan) == ["judge"]
    assert [j.id for j in borrowed] == ["temperature", "cooling", "monitors"]


def test_names_that_fit_nothing() -> None:
    with pytest.raises(UsageError, match="no job has the tag or the name tempereture") as found:
        select(STUDY, ["tempereture"], [])
    assert found.value.hints == ("did you mean temperature?",)
    with pytest.raises(UsageError, match="nothing is left"):
        select(STUDY, ["train"], ["train"])


def test_a_key_depends_on_everything_that_decides_a_result() -> None:
    base = Material(
        job="a", function="m:f", params={"lr": 0.1}, files={}, seed=1, environment="{}", code={"m": "aa"},
        packages={},
    )  # fmt: skip
    result = JobResult("a", "succeeded", 3, (Artifact("x", "ff", 1),))
    inputs = {"train": (result,)}
    keys = {key_of(base, inputs)}
    for change in (
        {"job": "b"}, {"function": "m:g"}, {"params": {"lr": 0.2}}, {"files": {"t": "bb"}}, {"seed": 2},
        {"environment": '{"torch":"2"}'}, {"code": {"m": "ab"}}, {"packages": {"numpy": "2"}}, {"seal": "s"},
    ):  # fmt: skip
        keys.add(key_of(msgspec.structs.replace(base, **change), inputs))
    for other in (
        msgspec.structs.replace(result, value=4),
        msgspec.structs.replace(result, id="b"),
        msgspec.structs.replace(result, artifacts=(Artifact("x", "fe", 1),)),
        JobResult("a", "failed"),
    ):
        keys.add(key_of(base, {"train": (other,)}))
    assert len(keys) == 14
    same = msgspec.structs.replace(result, state="cached", seconds=9.0, tags=("t",), id="a@lr=0.1")
    assert key_of(base, {"train": (same,)}) == key_of(base, inputs)
    failed = [JobResult("a", "failed", error=JobFailure(kind, "m")) for kind in ("ValueError", "KeyError")]
    assert len({key_of(base, {"train": (f,)}) for f in (*failed, JobResult("a", "skipped"))}) == 3


def test_units_of_overrides() -> None:
    assert [seconds(t) for t in ("90", "90s", "1.5h", "45m")] == [90, 90, 5400, 2700]
    assert [mebibytes(t) for t in ("512", "2GiB", "1.5G", "100MiB")] == [512, 2048, 1536, 100]
    for text in ("0", "-1", "x", "3 weeks"):
        with pytest.raises(ValueError):
            seconds(text)
    with pytest.raises(ValueError):
        cores("nan")


def test_one_environment_wins_over_all() -> None:
    environments = [Environment(name="train"), Environment(name="measure")]
    found = override(environments, {"gpu": ["train=L40S", "A10"], "retries": ["2"]})
    assert [(e.gpu, e.retries) for e in found.values()] == [("L40S", 2), ("A10", 2)]
    assert override(found.values(), {"gpu": ["none"]})["train"].gpu is None


@pytest.mark.parametrize(
    ("version", "bounds", "expected"),
    [
        ("0.1.0", ">=0.1,<1", True), ("1.0", ">=0.1,<1", False), ("0.1.0", "==0.1.*", True),
        ("0.10", ">=0.9", True), ("1.4.3", "~=1.4.0", True), ("1.5", "~=1.4.0", False), ("2.0", "!=2", False),
        ("1.0rc1", ">=1.0", True), ("2.13.0+cpu", "==2.13.0", True), ("1", "", True), ("1", "nonsense", True),
    ],
)  # fmt: skip
def test_versions(version: str, bounds: str, expected: bool) -> None:
    assert satisfies(version, bounds) is expected


def test_requirements() -> None:
    assert split_requirement('torch[cuda] >=2.4,<3 ; extra == "train"') == (
        "torch",
        ">=2.4,<3",
        'extra == "train"',
    )
    assert split_requirement("labctl (>=0.1)") == ("labctl", ">=0.1", "")
