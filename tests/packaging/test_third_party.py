"""Real wheels in fresh environments: an operator of others, its broken sibling, a machine without torch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ..environments import OFFLINE, OUTER, ROOT, Venv, call, variables  # noqa: TID252 (no package on the path)

pytestmark = pytest.mark.xdist_group("torch")

THIRD_PARTY = ROOT / "tests" / "third_party"
SOURCES = {
    "labctl": ROOT,
    "labctl_cgt": ROOT / "plugins" / "labctl-cgt",
    "labctl_cgt_spread_trend": THIRD_PARTY / "labctl-cgt-spread-trend",
    "labctl_cgt_tangle": THIRD_PARTY / "labctl-cgt-tangle",
}
SMALL = ("--num-models", "6", "--num-epochs", "4", "--num-test-batches", "4", "--num-samples", "2")


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Desk(NamedTuple):
    """Somebody's folder, and the environment that is active there."""

    venv: Venv
    folder: Path

    def __call__(self, *words: str) -> Done:
        """Run a command of the environment."""
        done = subprocess.run(
            [self.venv.bin / words[0], *words[1:]],
            cwd=self.folder,
            env=variables(self.venv, XDG_CONFIG_HOME=str(self.folder / "config"), OMP_NUM_THREADS="1"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels by name, as their own build backends make them."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "-w", folder, *SOURCES.values()]
    call(command, env={**os.environ, **OFFLINE})
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def desk(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """All four installed; torch and the rest are seen in the outer environment, last on the path."""
    folder = tmp_path_factory.mktemp("desk")
    venv = Venv(folder / "venv", see=[OUTER])
    venv.install(*wheels.values())
    return Desk(venv, folder)


@pytest.fixture(scope="module")
def bare(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """labctl and labctl-cgt with what labctl requires, and nothing else: no torch, no numpy."""
    folder = tmp_path_factory.mktemp("bare")
    venv = Venv(folder / "venv")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    venv.take(*(re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]))
    venv.install(wheels["labctl"], wheels["labctl_cgt"])
    return Desk(venv, folder)


@pytest.fixture(scope="module")
def ran(desk: Desk) -> Done:
    """One small run of what the operator needs, with its own option."""
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    return desk("labctl", "run", "cgt", *SMALL, "--only", "spread-trend", "--spread-trend.window", "3")


def test_the_wheel_of_labctl_is_whole(wheels: dict[str, Path]) -> None:
    names = set(zipfile.ZipFile(wheels["labctl"]).namelist())
    wanted = {"labctl/report/page.css", "labctl/report/page.js", "labctl/store/schema.sql", "labctl/py.typed"}
    assert wanted <= names
    code = {path.relative_to(ROOT / "core").as_posix() for path in (ROOT / "core/labctl").rglob("*.py")}
    assert code <= names
    tops = {name.partition("/")[0] for name in names}
    assert len(tops) == 2, tops  # the package and its metadata


def test_everything_comes_from_its_wheel(desk: Desk) -> None:
    modules = ["labctl.api", "labctl_cgt.plugin", "labctl_cgt_spread_trend.operator"]
    script = f"import {', '.join(modules)}, sys\nfor m in {modules}: print(sys.modules[m].__file__)"
    done = desk("python", "-c", script)
    assert done.code == 0, done.err
    files = [Path(line) for line in done.out.splitlines()]
    assert len(files) == 3
    assert all(file.is_relative_to(desk.venv.folder) for file in files)


def test_an_operator_of_others_is_measured_judged_and_reported(desk: Desk, ran: Done) -> None:
    assert ran.code == 0, ran.err
    record = json.loads((desk.folder / ".labctl/runs/cgt-1/record.json").read_text())
    states = {job["id"]: job["state"] for job in record["jobs"]}
    assert states["spread-trend/chiral"] == states["spread-trend/simsiam"] == "succeeded"
    assert states["monitors/chiral"] == "succeeded"  # the baselines that it is compared with
    assert not any(name.startswith(("temperature", "cooling")) for name in states)
    point = record["points"][0]
    assert point["parameters"]["extensions.spread-trend.window"] == 3
    assert point["origins"]["extensions.spread-trend.window"] == "flag --spread-trend.window"
    claims = {verdict["prediction"]["id"] for verdict in record["verdicts"]}
    assert claims == {"S1/chiral", "S1/simsiam"}
    report = (desk.folder / ".labctl/runs/cgt-1/report.html").read_text()
    assert "spread trend" in report
    assert "S1/chiral" in report
    assert "labctl-cgt-spread-trend" in {p["distribution"] for p in record["provenance"]}


def test_a_broken_sibling_is_left_out_with_its_reason(desk: Desk, ran: Done) -> None:
    assert ran.code == 0
    assert "extension tangle left out" in ran.err
    assert "the table of knots is missing" in ran.err
    record = json.loads((desk.folder / ".labctl/runs/cgt-1/record.json").read_text())
    left_out = {row["extension"]: row["reason"] for row in record["report"]["left_out"]}
    assert list(left_out) == ["tangle"]
    assert "the table of knots is missing" in left_out["tangle"]
    assert "the table of knots is missing" in (desk.folder / ".labctl/runs/cgt-1/report.html").read_text()


def test_both_are_listed_once_they_were_used(desk: Desk, ran: Done) -> None:
    assert ran.code == 0
    done = desk("labctl", "plugins", "list", "--json")
    rows: dict[str, Any] = {row["name"]: row for row in json.loads(done.out)["plugins"]}
    assert rows["spread-trend"]["status"] == "ok"
    assert rows["spread-trend"]["distribution"] == "labctl-cgt-spread-trend"
    assert rows["tangle"]["status"] == "broken"
    assert "the table of knots is missing" in rows["tangle"]["reason"]
    assert desk("labctl", "plugins", "list", "--strict").code == 3


def test_a_further_operator_trains_nothing_again(desk: Desk, ran: Done) -> None:
    assert ran.code == 0
    options = (*SMALL, "--only", "spread-trend", "--spread-trend.window", "1")
    done = desk("labctl", "run", "cgt", *options)
    assert done.code == 0, done.err
    record = json.loads((desk.folder / ".labctl/runs/cgt-2/record.json").read_text())
    made = {job["id"] for job in record["jobs"] if job["state"] == "succeeded"}
    assert made == {
        f"{job}/{family}" for job in ("spread-trend", "judge") for family in ("chiral", "simsiam")
    }


def test_an_option_out_of_its_bounds_is_refused(desk: Desk) -> None:
    done = desk("labctl", "run", "cgt", "--spread-trend.window", "0")
    assert done.code == 2
    assert "--spread-trend.window" in done.err


def test_without_torch_plugins_are_listed_and_shown(bare: Desk) -> None:
    assert bare("python", "-c", "import torch").code == 1
    listed = bare("labctl", "plugins", "list")
    assert listed.code == 0, listed.err
    assert re.search(r"^cgt +\S+ +new +labctl-cgt$", listed.out, re.MULTILINE)
    assert bare("labctl", "plugins", "show", "cgt").code == 0
    assert "--num-models" in bare("labctl", "run", "cgt", "--help").out


def test_without_torch_a_run_says_what_to_install(bare: Desk) -> None:
    done = bare("labctl", "run", "cgt")
    assert done.code == 3
    assert "error: cgt needs packages that are not installed: numpy, safetensors, torch" in done.err
    assert 'hint: pip install "labctl-cgt[train]"' in done.err
    assert "nothing was started" in done.err
    assert not list(bare.folder.glob(".labctl/runs/*"))
