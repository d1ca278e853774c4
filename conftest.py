"""Fixtures for all packages of the workspace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labctl.testing import Lab

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"  # before torch is imported: two threads on busy cores are far slower than one


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab of its own: nothing but labctl and what the workspace has installed."""
    return Lab(tmp_path / "lab")
