"""Tests of the engine need the engine; without cargo it was not built, and they say so."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

BUILT = importlib.util.find_spec("labctl_essence_wars") is not None


def pytest_ignore_collect(collection_path: Any) -> bool | None:
    """What imports the engine is not looked at where there is none; the model and the content are."""
    needs = collection_path.name.startswith("test_") and "_core" in collection_path.read_text("utf-8")
    return True if needs and not BUILT else None


@pytest.fixture(scope="session")
def described() -> Any:
    """Decks, cards and weights of the built-in content."""
    from labctl_essence_wars import _core

    return json.loads(_core.describe())


@pytest.fixture(scope="session")
def plain_weights(described: Any) -> list[float]:
    return [weight["value"] for weight in described["weights"]]
