"""Fixtures of the report's tests: sample data, hostile data, a browser."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _sibling(name: str) -> ModuleType:
    """A module beside this file; the tests are no package, so that it cannot be imported by name."""
    full = f"labctl_report_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    return _sibling("sample")


@pytest.fixture(scope="session")
def hostile() -> ModuleType:
    return _sibling("hostile")


@pytest.fixture(scope="session")
def parsing() -> ModuleType:
    return _sibling("parsing")
