"""The plugin in Rust as a real wheel in a fresh environment, and a machine without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ..environments import OFFLINE, ROOT, Venv, call, variables  # noqa: TID252 (no package on the path)

pytestmark = pytest.mark.xdist_group("essence-wars")
PLUGIN = ROOT / "rust-plugins" / "labctl-essence-wars"
SMALL = ("--generations", "1", "--games", "6", "--population", "4", "--mcts-sims", "1", "--rollout", "leaf",
         "--validation-games", "1", "--validation-sims", "1")  # fmt: skip


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of the host and of the plugin, built from their sources."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not here")
    made: dict[str, Path] = {}
    for name, source in (("labctl", ROOT), ("labctl_essence_wars", PLUGIN)):
        folder = tmp_path_factory.mktemp(name)
        pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", folder, source]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # maturin is beside it
        call(pip, env={**os.environ, **OFFLINE, "PATH": path})
        (made[name],) = folder.glob("*.whl")
    return made


def test_the_wheel_runs_in_a_fresh_environment(wheels: dict[str, Path], tmp_path: Path) -> None:
    wheel = wheels["labctl_essence_wars"]
    assert "-cp311-abi3-" in wheel.name, "one wheel for all versions of Python from 3.11 on"
    names = zipfile.ZipFile(wheel).namelist()
    for part in ("_core.abi3.so", "replay/viewer.js", "replay/viewer.css", "py.typed", "_core.pyi"):
        assert f"labctl_essence_wars/{part}" in names
    venv = Venv(tmp_path / "venv")
    venv.take("click", "msgspec", "pluggy", "PyYAML")
    venv.install(*wheels.values())
    folder = tmp_path / "lab"
    folder.mkdir()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [venv.bin / words[0], *words[1:]], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, env=variables(venv, XDG_CONFIG_HOME=str(tmp_path / "config")), check=False,
        )  # fmt: skip

    listed = run("labctl", "plugins", "list")
    assert "essence-wars" in listed.stdout
    done = run("labctl", "run", "essence-wars", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "Balance is " in done.stdout
    shown = run("labctl", "essence-wars", "replay", "last", "--review", "5", "-o", "game.html")
    assert shown.returncode == 0, shown.stderr
    assert (folder / "game.html").stat().st_size > 50_000


def test_a_machine_without_it_says_what_to_type(wheels: dict[str, Path], tmp_path: Path) -> None:
    """Without cargo it was not built: the other projects work, and its name is an error with the command."""
    venv = Venv(tmp_path / "venv")
    venv.take("click", "msgspec", "pluggy", "PyYAML")
    venv.install(wheels["labctl"])
    command = [venv.bin / "labctl", "run", "essence-wars"]
    environment = variables(venv, XDG_CONFIG_HOME=str(tmp_path / "config"))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 3
    assert "there is no project named essence-wars" in done.stderr
    assert "pip install labctl-essence-wars" in done.stderr
