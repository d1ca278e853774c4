"""Tests of the engine need the engine; without cargo it was not built, and they say so."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

BUILT = importlib.util.find_spec("labctl_essence_wars") is not None


def pytest_ignore_collect(collection_path: Any) -> bool | None:
    """What imports the plugin is not looked at where it was not built; the model and the content are."""
    if BUILT or not collection_path.name.startswith("test_"):
        return None
    return True if "import labctl_essence_wars" in _imports(collection_path) else None


def _imports(path: Any) -> str:
    text: str = path.read_text("utf-8")
    return text.replace("from labctl_essence_wars", "import labctl_essence_wars")


@pytest.fixture(scope="session")
def described() -> Any:
    """Decks, cards and weights of the built-in content."""
    from labctl_essence_wars import _core

    return json.loads(_core.describe())


@pytest.fixture(scope="session")
def plain_weights(described: Any) -> list[float]:
    return [weight["value"] for weight in described["weights"]]
