"""What authors rely on changes by addition only."""

from __future__ import annotations

import importlib.util
from pathlib import Path

HERE = Path(__file__).parent


def current() -> list[str]:
    spec = importlib.util.spec_from_file_location("labctl_public_names", HERE / "public_names.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.lines())


def test_public_names_change_by_addition_only() -> None:
    promised = set((HERE / "public_names.txt").read_text().splitlines())
    found = set(current())
    assert promised <= found, "a name, a field or a parameter that was promised is gone or is another"
    assert found <= promised, "new ones are promised from now on: add them to public_names.txt"
