"""The module of sources, by its path: test modules are no package."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from labctl.testing import Lab


@pytest.fixture(scope="session")
def sources() -> ModuleType:
    spec = importlib.util.spec_from_file_location("labctl_kit_sources", Path(__file__).parent / "sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checked(lab: Lab, sources: ModuleType, tmp_path: Path) -> Callable[..., Any]:
    """Write a source folder and check it by the real command line: its JSON."""

    def check(changes: Any = None, words: tuple[str, ...] = (), **files: str) -> Any:
        path = sources.source(tmp_path, changes, **files)
        done = lab("plugins", "check", str(path), "--json", *words)
        assert done.out, done.err
        found = done.json
        assert (done.code == 1) is (not found["ok"]), done.err
        return found

    return check
