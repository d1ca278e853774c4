"""What `labctl plugins new` writes: built as a wheel, installed into a fresh environment, tested and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from ..environments import OFFLINE, OUTER, ROOT, Venv, call, variables  # noqa: TID252 (no package on the path)

SMALL = ("--num-models", "6", "--num-epochs", "4", "--num-test-batches", "4", "--num-samples", "2")
TORCH = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")

pytestmark = pytest.mark.xdist_group("torch")


class Author:
    """An author's folder, with labctl and labctl-cgt installed from their wheels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = Venv(folder / "venv", see=[OUTER])
        self.venv.install(*self.wheels(ROOT, ROOT / "plugins" / "labctl-cgt"))

    def wheels(self, *sources: Path) -> list[Path]:
        """Wheels as the sources' own build backends make them."""
        folder = self.folder / "wheels" / sources[0].name
        command = [sys.executable, "-m", "pip", "wheel", "-w", folder, *sources]
        call(command, env={**os.environ, **OFFLINE})
        return sorted(folder.glob("*.whl"))

    def __call__(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment."""
        return subprocess.run(
            [self.venv.bin / words[0], *words[1:]],
            cwd=cwd or self.folder,
            env=variables(self.venv, XDG_CONFIG_HOME=str(self.folder / "config"), OMP_NUM_THREADS="1"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def publish(self, name: str, *words: str) -> Path:
        """Begin a plugin, build its wheel and install that. The folder of its source."""
        done = self("labctl", "plugins", "new", name, *words)
        assert done.returncode == 0, done.stderr
        source = self.folder / done.stdout.splitlines()[0].rstrip("/")
        self.venv.install(*self.wheels(source))
        return source


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Author:
    return Author(tmp_path_factory.mktemp("author"))


@pytest.fixture(scope="module")
def project(author: Author) -> Path:
    return author.publish("tides")


@pytest.fixture(scope="module")
def extension(author: Author) -> Path:
    return author.publish("likeness", "--extends", "cgt:operators")


def test_our_wheels_bring_the_templates(author: Author, project: Path) -> None:
    names = {name for path in author.folder.rglob("*.whl") for name in zipfile.ZipFile(path).namelist()}
    pages = {f"labctl/kit/templates/{page}.md" for page in ("common", "project", "extension")}
    assert names >= {*pages, "labctl_cgt/templates/operators.md"}


def test_a_project_runs_from_its_wheel(author: Author, project: Path) -> None:
    done = author("labctl", "run", "tides")
    assert done.returncode == 0, done.stderr
    record = json.loads((author.folder / ".labctl/runs/tides-1/record.json").read_text())
    assert [v["outcome"] for v in record["verdicts"]] == ["supported"]
    assert "labctl-tides" in {p["distribution"] for p in record["provenance"]}
    shown = author("labctl", "deploy", "tides-1", "--dry-run")
    assert "results/share.json" in shown.stdout, shown.stderr


@pytest.mark.parametrize("name", ["tides", pytest.param("likeness", marks=TORCH)])
def test_an_installed_one_passes_every_rule(
    author: Author, project: Path, extension: Path, name: str
) -> None:
    run = ["--no-run"] if name == "likeness" else []
    done = author("labctl", "plugins", "check", name, "--strict", "--json", *run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["findings"] == []


def test_a_project_passes_its_own_tests(author: Author, project: Path) -> None:
    done = author("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project)
    assert done.returncode == 0, done.stdout
    assert "20 passed" in done.stdout


@TORCH
def test_an_operator_passes_its_own_tests(author: Author, extension: Path) -> None:
    done = author("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=extension)
    assert done.returncode == 0, done.stdout
    assert "20 passed, 1 skipped" in done.stdout


@TORCH
def test_an_operator_is_measured_and_judged(author: Author, extension: Path) -> None:
    done = author("labctl", "run", "cgt", *SMALL, "--only", "likeness", "--likeness.window", "1")
    assert done.returncode == 0, done.stderr
    record = json.loads((author.folder / ".labctl/runs/cgt-1/record.json").read_text())
    states = {job["id"]: job["state"] for job in record["jobs"]}
    assert states["likeness/chiral"] == states["likeness/simsiam"] == "succeeded"
    claims = {verdict["prediction"]["id"] for verdict in record["verdicts"]}
    assert claims == {"likeness/chiral", "likeness/simsiam"}
