"""Every command of the README and of docs/ is run, and every line shown below it has to appear."""

from __future__ import annotations

import re
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

CARDS = Path("rust-plugins/labctl-essence-wars/data")
PROGRAMS = ROOT / "rust-plugins" / "target" / "release"
TRAINING = ("docs/write-an-operator.md", "docs/claims.md")
PLAYING = ("docs/essence-wars.md",)
TORCH = (
    pytest.mark.xdist_group("torch"),
    pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed"),
)
ENGINE = pytest.mark.skipif(
    not list(ROOT.glob("rust-plugins/*/python/*/_core*.so")), reason="the plugins in Rust are not built"
)


def marks(name: str) -> tuple[pytest.MarkDecorator, ...]:
    """What a page needs, and which pages are not to be tested side by side."""
    if name in TRAINING:
        return TORCH
    docs = pytest.mark.xdist_group("docs")
    return (docs, ENGINE) if name in PLAYING else (docs,)


PAGES = [
    pytest.param(name, marks=marks(name), id=name)
    for name in sorted(
        str(path.relative_to(ROOT))
        for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
        if "```" in path.read_text(encoding="utf-8")
    )
]
SMALL = {
    "labctl run cgt": "--num-models 6 --num-epochs 4 --num-test-batches 4 --num-samples 2",
    "labctl run essence-wars": "--generations 2 --games 6 --population 4 --mcts-sims 1 --rollout leaf"
    " --validation-games 2 --validation-sims 1",
}
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
    plugins = [*sorted(ROOT.glob("plugins/*/src")), *sorted(ROOT.glob("rust-plugins/*/python"))]
    made = Venv(tmp_path / "venv", see=[ROOT / "core", *plugins, OUTER])
    made.script("pip", *made.pip)
    made.script("labctl", made.python, "-m", "labctl")
    made.script("pytest", made.python, "-m", "pytest", "-p", "no:cacheprovider")
    made.script("ruff", sys.executable, "-m", "ruff")
    return made


@pytest.fixture
def shell(tmp_path: Path, venv: Venv) -> Iterator[Shell]:
    """A shell in what a reader has: a clone, of which only the examples and the cards are needed."""
    clone = tmp_path / "clone"
    for folder in (Path("docs/examples"), CARDS):
        shutil.copytree(ROOT / folder, clone / folder)
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
            if (typed := instead(part.text)) is None:
                continue
            code, output = shell(typed)
            where = f"{page}:{part.line}: $ {part.text}\n{output}"
            assert code == part.code, where
            lost = missing(part.shown, output)
            assert not lost, f"not in the output: {lost!r}\n{where}"
        elif part.kind == "python":
            compile(part.text, f"{page}:{part.line}", "exec")
        elif part.kind == "toml":
            tomllib.loads(part.text)


def instead(command: str) -> str | None:
    """The command as it is run here, or None where that is not possible.

    A training is made small, as far as the page did not choose its size. Programs in Rust are not
    built: those are run that the tests of the workspace have left.
    """
    for start, sizes in SMALL.items():
        if command.startswith(start) and "--plan" not in command:
            chosen = command.split()
            more = [size for size in re.findall(r"--\S+ \S+", sizes) if size.split()[0] not in chosen]
            return " ".join([command, *more])
    if command.startswith("cargo run --release --bin "):
        name, _, arguments = command.removeprefix("cargo run --release --bin ").partition(" -- ")
        return f"{PROGRAMS / name} {arguments}" if (PROGRAMS / name).exists() else None
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
