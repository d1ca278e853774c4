"""Fixtures of the host's tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from labctl.testing import Lab


@pytest.fixture(scope="session")
def projects() -> ModuleType:
    """The plugins as text. (Test modules are no package, so it is loaded by its path.)"""
    path = Path(__file__).parent / "projects.py"
    spec = importlib.util.spec_from_file_location("labctl_test_projects", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def dice(lab: Lab, projects: ModuleType) -> Lab:
    """A lab with the project dice: four rolls, their mean, one claim."""
    lab.plugin("dice", projects.DICE, dice_tasks=projects.DICE_TASKS)
    return lab


@pytest.fixture
def one(lab: Lab, projects: ModuleType):  # type: ignore[no-untyped-def]
    """Make a lab with one project of one job: ``one(source, timeout=, retries=)``."""

    def make(work: str, **options: float) -> Lab:
        lab.plugin("one", projects.one_job(**options), one_tasks=work)
        return lab

    return make
