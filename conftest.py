"""Fixtures for all packages of the workspace."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labctl.testing import Lab

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"  # before torch is imported: two threads on busy cores are far slower than one


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab of its own: nothing but labctl and what the workspace has installed."""
    return Lab(tmp_path / "lab")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real Chromium, without a window. One for all tests of a process: playwright allows no second."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()
