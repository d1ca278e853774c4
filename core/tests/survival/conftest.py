"""A mill: jobs that leave marks, and ways to wait for what they do."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labctl.testing import Done, Lab


def _projects() -> Any:
    path = Path(__file__).parent / "projects.py"
    spec = importlib.util.spec_from_file_location("labctl_test_grind", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Mill:
    """The project grind in a lab. ``marks`` is what its jobs really did, line by line."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.folder = lab.folder.parent / "marks"
        self.folder.mkdir()
        projects = _projects()
        lab.plugin("grind", projects.GRIND, grind_tasks=projects.GRIND_TASKS)

    def install_tolerant(self) -> None:
        """Install the project tolerant: a judge that runs although what it needs has failed."""
        projects = _projects()
        self.lab.plugin("tolerant", projects.TOLERANT, tolerant_tasks=projects.TOLERANT_TASKS)

    def options(self, *words: str) -> list[str]:
        return ["--marks", str(self.folder), *words]

    def run(self, *words: str) -> Done:
        return self.lab("run", "grind", *self.options(*words))

    def start(self, *words: str) -> Any:
        return self.lab.start("run", "grind", *self.options(*words))

    @property
    def marks(self) -> list[str]:
        path = self.folder / "marks"
        return path.read_text().splitlines() if path.exists() else []

    def count(self, mark: str) -> int:
        return self.marks.count(mark)

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    def wait(self, mark: str, timeout: float = 15.0) -> None:
        until(lambda: mark in self.marks, f"no mark {mark!r} among {self.marks}", timeout)

    def show(self, run: str = "last") -> Any:
        return self.lab("runs", "show", run, "--json").json

    def states(self, run: str = "last") -> dict[str, str]:
        return {job["id"]: job["state"] for job in self.show(run)["jobs"]}


def until(check: Callable[[], bool], message: str, timeout: float = 15.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < end, message
        time.sleep(0.01)


@pytest.fixture
def mill(lab: Lab) -> Mill:
    return Mill(lab)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return until
