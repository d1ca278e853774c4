"""The model keeps the cases, and random games keep the bounds."""

from __future__ import annotations

from typing import Any

import pytest
from building import Case
from cases import CASES
from ew1 import Content, Model


def start(case: Case) -> Model:
    content = Content({c["id"]: c for c in case["cards"]}, {c["id"]: c for c in case["commanders"]})
    return Model(content, (5001, 5002), tuple(case["orders"]))


def look(state: dict[str, Any], path: str) -> Any:
    """What stands at a place as `p0.c3.health`."""
    value: Any = state
    for step in path.split("."):
        name, number = step[0], step[1:]
        if number.isdigit():
            value = value[{"p": "players", "c": "creatures", "s": "supports"}[name]][int(number)]
        else:
            value = value[step]
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: Case) -> None:
    model = start(case)
    for action in case["actions"]:
        model.apply(action)
    state = model.state()
    seen = {path: look(state, path) for path in case["expect"]}
    for path, value in case["expect"].items():
        if isinstance(value, int) and isinstance(seen[path], dict):
            seen[path] = seen[path]["card"]
    assert seen == case["expect"]
    assert set(case.get("has", [])) <= set(model.legal())
    for action in case.get("lacks", []):
        with pytest.raises(ValueError, match="is not legal"):
            model.apply(action)
    assert model.state() == state


def test_cases_have_names_of_their_own() -> None:
    names = [case["name"] for case in CASES]
    assert sorted(set(names)) == sorted(names)
    assert len(names) >= 80
