"""Fixtures for all packages of the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.testing import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab of its own: nothing but labctl and what the workspace has installed."""
    return Lab(tmp_path / "lab")
