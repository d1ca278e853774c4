"""Every command of the README and of docs/ is run, and every line shown below it has to appear."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from ..environments import OUTER, ROOT, Venv, call, variables  # noqa: TID252 (no package on the path)
from .pages import Command, File, missing, parts
from .shell import Shell

TRAINING = ("docs/write-an-operator.md", "docs/claims.md")
TORCH = (
    pytest.mark.xdist_group("torch"),
    pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed"),
)
PAGES = [
    pytest.param(name, marks=TORCH if name in TRAINING else pytest.mark.xdist_group("docs"), id=name)
    for name in sorted(
        str(path.relative_to(ROOT))
        for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
        if "```" in path.read_text(encoding="utf-8")
    )
]
SMALL = "--num-models 6 --num-epochs 4 --num-test-batches 4 --num-samples 2"
INSTEAD = {
    # What would set up, test or train everything: the same command, with less behind it.
    "make run": f"make -n -C {ROOT} run",
    "make test": f"make -n -C {ROOT} test",
    "make setup": f"make -n -C {ROOT} setup",
    "make bench": f"make -n -C {ROOT} bench",
    "make lint": f"make -n -C {ROOT} lint",
    "python3 tools/dev.py run": f"{sys.executable} {ROOT}/tools/dev.py help",
    "python3 tools/dev.py test": f"{sys.executable} {ROOT}/tools/dev.py help",
    "python3 tools/dev.py pins": f"{sys.executable} {ROOT}/tools/dev.py help",
    "python tools/reference.py": "true",  # test_text sees to it
    ". .venv/bin/activate": "true",
}


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    """An environment with the workspace's packages in it, editable, and the tools of a reader."""
    sources = [ROOT / "core", *sorted(ROOT.glob("plugins/*/src"))]
    made = Venv(tmp_path / "venv", see=[*sources, OUTER])
    made.script("pip", *made.pip)
    made.script("labctl", made.python, "-m", "labctl")
    made.script("pytest", made.python, "-m", "pytest", "-p", "no:cacheprovider")
    made.script("ruff", sys.executable, "-m", "ruff")
    return made


@pytest.fixture
def shell(tmp_path: Path, venv: Venv) -> Iterator[Shell]:
    """A shell in what a reader has: a clone, of which only the examples are needed."""
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "docs" / "examples", clone / "docs" / "examples")
    made = Shell(clone, variables(venv, XDG_CONFIG_HOME=str(tmp_path / "config"), OMP_NUM_THREADS="1"))
    yield made
    made.close()


@pytest.mark.parametrize("page", PAGES)
def test_every_command_does_what_the_page_says(page: str, shell: Shell) -> None:
    for part in parts(ROOT / page):
        if isinstance(part, File):
            target = shell.folder / part.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(part.text, encoding="utf-8")
        elif isinstance(part, Command):
            code, output = shell(instead(part.text))
            where = f"{page}:{part.line}: $ {part.text}\n{output}"
            assert code == part.code, where
            lost = missing(part.shown, output)
            assert not lost, f"not in the output: {lost!r}\n{where}"
        elif part.kind == "python":
            compile(part.text, f"{page}:{part.line}", "exec")
        elif part.kind == "toml":
            tomllib.loads(part.text)


def instead(command: str) -> str:
    """The command as it is run here. A training is made small, unless the page chose its size."""
    if command.startswith("labctl run cgt") and "--num-models" not in command and "--plan" not in command:
        return f"{command} {SMALL}"
    return INSTEAD.get(command, command)


@pytest.mark.parametrize(
    ("page", "folder"),
    [
        ("docs/write-a-plugin.md", "docs/examples/labctl-walks"),
        ("docs/write-an-operator.md", "tests/third_party/labctl-cgt-spread-trend"),
    ],
)
def test_a_guide_builds_the_finished_package(page: str, folder: str) -> None:
    shown = {part.name: part.text for part in parts(ROOT / page) if isinstance(part, File)}
    package = ROOT / folder
    files = {
        str(path.relative_to(package)): path.read_text(encoding="utf-8")
        for path in package.rglob("*")
        if path.suffix in (".py", ".toml") and path.stat().st_size
    }
    assert shown == files


def test_the_commands_of_make_are_those_of_dev() -> None:
    shown = call(["make", "-n", "-C", ROOT, "run", "test"])
    assert "tools/dev.py run" in shown
    assert "tools/dev.py test" in shown
