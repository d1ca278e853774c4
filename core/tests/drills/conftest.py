"""The mill of ``survival``, and what the drills share."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labctl.testing import Lab


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


survival = _load("labctl_test_mill", Path(__file__).parent.parent / "survival" / "conftest.py")
tools = _load("labctl_test_tools", Path(__file__).parent / "tools.py")


@pytest.fixture
def mill(lab: Lab) -> Any:
    """Jobs that leave marks: see ``survival/projects.py``."""
    return survival.Mill(lab)


@pytest.fixture
def tool() -> Any:
    """The module ``tools``. (Test modules are no package.)"""
    return tools


@pytest.fixture
def project(lab: Lab) -> Callable[..., Lab]:
    """Make a lab with the project ``odd``: ``project(body of its hook run, odd_tasks=source)``."""

    def make(
        body: str, *, provision: str = "Environment(name='here', retry_delay=0.01)", **tasks: str
    ) -> Lab:
        lab.plugin("odd", tools.plan(body, provision), **tasks)
        return lab

    return make
