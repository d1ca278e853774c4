"""``labctl plugins check`` as a user sees it, and what it lets near a plugin."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from labctl.kit.rules import RULES
from labctl.testing import Lab

ROOT = Path(__file__).parents[3]
WHERE = ("plugins/*", "rust-plugins/*", "docs/examples/*", "tests/third_party/labctl-cgt-spread-trend")
SHIPPED = [path.parent for where in WHERE for path in sorted(ROOT.glob(f"{where}/pyproject.toml"))]
COLLECT = "done = [r.value for r in results.values() if r.ok]"
LICENCE = ("pyproject", 'license = "MIT"\n', "")
HOST = """
from labctl.api import *


class Host:
    extends = {"parts": "a part"}

    @hookimpl
    def run(self, ctx, environments):
        yield Job("base", "host_tasks:work")
        for part in ctx.extensions("parts"):
            yield from part.ask("plan", 2)


plugin = Host()
"""
PART = """
from labctl.api import *


class Part:
    def plan(self, n):
        yield Job("part/0", "part_tasks:work", {"n": n})


part = Part()
"""


def installed(lab: Lab, sources: ModuleType, tmp_path: Path) -> None:
    """The good plugin as an installer would leave it, in the lab's site."""
    lab.distribution(
        "labctl-tides",
        {"labctl.plugins": {"tides": "labctl_tides.plugin:plugin"}},
        {f"labctl_tides/{n}.py": getattr(sources, n.upper(), "") for n in ("plugin", "tasks", "__init__")},
        requires=("labctl>=0.1,<1",),
        summary="high and low",
    )


def extension(lab: Lab, source: str = PART, requires: tuple[str, ...] = ("labctl-host>=1,<2",)) -> None:
    files = {"part_plugin.py": source, "part_tasks.py": "def work(job, *, n): return n"}
    lab.plugin("host", HOST, host_tasks="def work(job): return 1")
    lab.distribution(
        "labctl-host-part", {"labctl.host.parts": {"part": "part_plugin:part"}}, files, requires=requires
    )


def test_what_is_found_is_said_with_its_rule_and_its_cure(
    lab: Lab, sources: ModuleType, tmp_path: Path
) -> None:
    changes = {"plugin": (COLLECT, f"{COLLECT}\n        1 / len(done)"), "pyproject": LICENCE[1:]}
    path = sources.source(tmp_path, changes)
    done = lab("plugins", "check", str(path), "--no-run")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "labctl-tides 1.1.0: 1 problem, 1 warning, 16 rules passed, 1 not checked"
    assert lines[2].startswith("error    B05  labctl_tides/plugin.py:")
    assert lines[2].endswith("hook collect raised when every job had failed")
    assert lines[3] == "              ZeroDivisionError: division by zero"
    assert lines[4].startswith("              fix: check result.ok")
    assert lines[5] == "warning  L07  no licence in the package's metadata"
    assert lines[7] == "not checked: B08  left out by --no-run"
    assert done.err.strip() == "What a rule means: labctl plugins check --explain B05"


def test_a_warning_is_an_error_only_if_strict(lab: Lab, sources: ModuleType, tmp_path: Path) -> None:
    path = sources.source(tmp_path, {"pyproject": LICENCE[1:]})
    assert lab("plugins", "check", str(path), "--no-run").code == 0
    assert lab("plugins", "check", str(path), "--no-run", "--strict").code == 1


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_explained(rule: str) -> None:
    assert RULES[rule].why.endswith(".")
    assert RULES[rule].fix


def test_explain(lab: Lab) -> None:
    done = lab("plugins", "check", "--explain", "b01")
    assert done.code == 0
    assert done.out.startswith("B01  plan is the same each time  (error, behaviour)")
    assert RULES["B01"].why in done.out
    assert lab("plugins", "check", "--explain", "B99").code == 2


def test_what_is_not_there(lab: Lab) -> None:
    done = lab("plugins", "check", "cgd")
    assert (done.code, done.out) == (3, "")
    assert "hint: did you mean cgt?" in done.err
    assert lab("plugins", "check").code == 2
    assert lab("plugins", "check", "./nowhere").code == 2
    (lab.folder / "broken").mkdir()
    (lab.folder / "broken" / "pyproject.toml").write_text("[project")
    assert "cannot be read" in lab("plugins", "check", "broken").err


def test_an_installed_one_by_its_name_and_by_its_distribution(
    lab: Lab, sources: ModuleType, tmp_path: Path
) -> None:
    installed(lab, sources, tmp_path)
    for name in ("tides", "labctl-tides"):
        found = lab("plugins", "check", name, "--json", "--no-run").json
        assert [f["rule"] for f in found["findings"]] == ["L07"]
        assert found["entries"] == ["labctl.plugins: tides"]


def test_a_name_that_two_register(lab: Lab, sources: ModuleType, tmp_path: Path) -> None:
    installed(lab, sources, tmp_path)
    lab.distribution("labctl-ebb", {"labctl.plugins": {"tides": "labctl_tides.plugin:plugin"}})
    done = lab("plugins", "check", "tides")
    assert done.code == 2
    assert "tides is registered by labctl-ebb and labctl-tides" in done.err
    found = lab("plugins", "check", "labctl-tides", "--json").json
    assert "L02" in {f["rule"] for f in found["findings"]}


def test_what_else_is_installed_and_configured_plays_no_part(
    lab: Lab, sources: ModuleType, tmp_path: Path
) -> None:
    installed(lab, sources, tmp_path)
    lab.plugin("bad", "1 / 0")
    hangs = {"hangs.py": "import time; time.sleep(600)"}
    lab.distribution("labctl-tides-hangs", {"labctl.tides.parts": {"hangs": "hangs:hangs"}}, hangs)
    (lab.folder / "labctl.toml").write_text('[plugins]\nblock = ["tides"]\n[parameters.tides]\ndays = "x"\n')
    lab.variables["LABCTL_TIDES_DAYS"] = "many"
    found = lab("plugins", "check", "tides", "--json").json
    assert [f["rule"] for f in found["findings"]] == ["L07"], found
    assert found["skipped"] == {}
    assert not (lab.folder / ".labctl").exists()


def test_a_source_folder_stays_as_it_is(lab: Lab, sources: ModuleType, tmp_path: Path) -> None:
    path = sources.source(tmp_path)
    before = sorted(path.rglob("*"))
    assert lab("plugins", "check", str(path)).code == 0
    assert sorted(path.rglob("*")) == before


def test_text_of_a_plugin_cannot_move_the_cursor(checked: Callable[..., Any], lab: Lab) -> None:
    raises = ("from typing import Annotated\n", "raise ValueError('\\x1b[2J gone')\n")
    found = checked({"plugin": raises})
    assert "\x1b" not in found["findings"][0]["text"]


def test_a_parameter_that_has_to_be_given_is_given_by_the_small_preset(
    lab: Lab, sources: ModuleType, tmp_path: Path
) -> None:
    line = 'days: Annotated[int, Param(ge=1, description="days")] = 3'
    given = sources.PLUGIN.replace(line, "days: int | None = None")
    assert given != sources.PLUGIN
    path = sources.source(tmp_path, plugin=given)
    assert lab("plugins", "check", str(path), "--no-run").code == 0
    path = sources.source(tmp_path / "other", plugin=given.replace('"quick"', '"short"'))
    found = lab("plugins", "check", str(path), "--no-run", "--json").json
    assert [f["rule"] for f in found["findings"]] == ["B07"]


def test_an_extension_is_checked_through_the_plan_of_its_parent(lab: Lab) -> None:
    extension(lab)
    found = lab("plugins", "check", "part", "--json").json
    assert found["distribution"] == "labctl-host-part"
    assert {f["rule"] for f in found["findings"]} == {"L07"}, found
    assert found["skipped"] == {}


def test_an_extension_that_its_parent_leaves_out(lab: Lab) -> None:
    extension(lab, PART.replace('"part/0"', '"other"'))
    found = lab("plugins", "check", "part", "--json").json
    assert {f["rule"] for f in found["findings"] if f["level"] == "error"} == {"B07"}
    assert "is not named part" in found["findings"][-1]["details"][0]


def test_an_extension_whose_job_fails(lab: Lab) -> None:
    extension(lab, PART.replace('{"n": n}', '{"m": n}'))
    found = lab("plugins", "check", "part", "--json").json
    assert {f["rule"] for f in found["findings"] if f["level"] == "error"} == {"B08"}


def test_an_extension_says_which_parent_it_needs(lab: Lab) -> None:
    extension(lab, requires=("labctl>=0.1,<1",))
    found = lab("plugins", "check", "part", "--json").json
    assert [f["text"] for f in found["findings"] if f["level"] == "error"] == [
        "it does not require labctl-host"
    ]


def test_an_extension_of_what_is_not_installed(lab: Lab) -> None:
    lab.distribution(
        "labctl-x-part", {"labctl.x.parts": {"part": "part:part"}}, {"part.py": "part = object()"}
    )
    found = lab("plugins", "check", "part", "--json").json
    assert found["findings"][0]["text"] == "part extends x, which is not installed"


@pytest.mark.xdist_group("torch")
@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_what_we_ship_passes(lab: Lab, folder: Path) -> None:
    """The plugins of this repository, and the examples that authors begin with."""
    found = lab("plugins", "check", str(folder), "--json", "--strict", timeout=300)
    assert found.code == 0, found.out
    assert found.json["findings"] == []
    lacking = set() if find_spec("torch") else {"B05", "B07", "B08"}
    assert set(found.json["skipped"]) <= lacking


def test_the_static_rules_import_nothing(checked: Callable[..., Any], tmp_path: Path) -> None:
    mark = tmp_path / "imported"
    found = checked(
        {"pyproject": ("plugin:plugin", "plugin:tides")}, plugin=f"open({str(mark)!r}, 'w').close()"
    )
    assert {f["rule"] for f in found["findings"]} == {"L01"}
    assert set(found["skipped"].values()) == {"see L01"}
    assert not mark.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        "dependencies = 3", "dependencies = [3]", "version = 3", "version = '../x'", "description = []",
        "classifiers = 'x'", "optional-dependencies = 3", "optional-dependencies = {a = 'x'}",
        "entry-points = 3", "entry-points = {'labctl.plugins' = 3}",
        "[tool]\nhatch = 3", "[tool.hatch.build.targets.wheel]\npackages = 'src'",
    ],
)  # fmt: skip
def test_a_pyproject_of_wrong_types_is_said(lab: Lab, wrong: str) -> None:
    (lab.folder / "pyproject.toml").write_text(f"[project]\nname = 'labctl-odd'\n{wrong}\n")
    refused = lab("plugins", "check", ".")
    assert refused.code == 2, refused.err
    assert "./pyproject.toml is not right" in refused.err


@pytest.mark.parametrize("limit", ["nan", "inf", "0", "1e30"])
def test_a_limit_that_is_no_time_is_refused(lab: Lab, limit: str) -> None:
    refused = lab("plugins", "check", "anything", "--limit", limit)
    assert refused.code == 2, refused.out
    assert "--limit" in refused.err


def test_a_process_that_leaves_its_session_holds_nobody_up(lab: Lab) -> None:
    seconds = f"600.{os.getpid()}"  # nobody else sleeps as long, so nobody else's is ended
    lab.plugin(
        "away",
        "import subprocess\nfrom labctl.api import *\n\n"
        f"subprocess.Popen(['sleep', '{seconds}'], start_new_session=True)\n\n\n"
        "class Away:\n    @hookimpl\n    def run(self, ctx, environments):\n"
        "        yield Job('a', 'away_plugin:work')\n\n\ndef work(job):\n    pass\n\n\nplugin = Away()\n",
    )
    try:
        done = lab("plugins", "check", "away", "--no-run", "--limit", "20", timeout=100)
    finally:
        _end_those_who_sleep(seconds)
    assert done.code == 1, done.err
    assert "C03" in done.out


def _end_those_who_sleep(seconds: str) -> None:
    """End by their ids the processes that the test above has left."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", seconds.encode()]:
            os.kill(int(path.parent.name), signal.SIGKILL)
