"""The engine keeps the very cases that the model keeps. They are loaded as a user's content would be."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from building import Case
from cases import CASES
from test_ew1 import look
from toml_writer import inline

from labctl_essence_wars import _core

IDLE = {"do": "heal", "select": "own_creatures", "amount": 1, "filter": {"min_health": 99}}
"""Stands for the effect of the cases that does nothing, which no card may have: draw 0."""
OF_FACTION = range(1901, 1912)
NEUTRAL = range(4901, 4906)
REFUSED = {
    "an own creature in another slot": "the target may be a face",
    "self of a spell is nobody": "only a creature has a slot",
    "128 entries wait": "there are two for turn_end",
    "a 129th is dropped": "there are two for turn_end",
}
"""Cases of the model with content that the engine does not load, and what it says of that."""


def write(folder: Path, case: Case) -> None:
    """A content folder with the case's cards, and two decks that are right and are not used."""
    case = copy.deepcopy(case)
    for group in _groups(case):
        group[:] = [IDLE if e.get("do") == "draw" and e.get("amount") == 0 else e for e in group]
    (folder / "cards").mkdir(parents=True)
    (folder / "decks").mkdir()
    plain = {"type": "creature", "cost": 1, "attack": 1, "health": 1}
    own = [{"id": i, "name": f"filler {i}", **plain} for i in OF_FACTION]
    neutral = [*case["cards"], *({"id": i, "name": f"filler {i}", **plain} for i in NEUTRAL)]
    (folder / "cards" / "argentum.toml").write_text(_cards("argentum", own))
    (folder / "cards" / "neutral.toml").write_text(_cards("neutral", neutral))
    commanders = [{**c, "faction": "argentum"} for c in case["commanders"]]
    rows = "\n".join(inline(c) + "," for c in commanders)
    (folder / "commanders.toml").write_text(f"commanders = [\n{rows}\n]\n")
    listed = [i for i in OF_FACTION for _ in range(2)][:21] + [i for i in NEUTRAL for _ in range(2)][:9]
    for deck, commander in (("one", 5001), ("two", 5002)):
        lines = [f'id = "{deck}"', f'name = "{deck}"', 'faction = "argentum"', f"commander = {commander}"]
        (folder / "decks" / f"{deck}.toml").write_text("\n".join([*lines, f"cards = {listed}"]))


def _groups(case: Case) -> list[list[Any]]:
    found = []
    for card in (*case["cards"], *case["commanders"]):
        found += [card[name] for name in ("effects", "then_if_dead") if name in card]
        found += [t["effects"] for t in (*card.get("triggers", []), card.get("trigger")) if t]
    return found


def _cards(faction: str, cards: list[Any]) -> str:
    rows = "\n".join(inline(_only_set(card)) + "," for card in cards)
    return f'faction = "{faction}"\ncards = [\n{rows}\n]\n'


def _only_set(card: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in card.items() if v not in ([], {}, None) and not (k == "target" and v == "none")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: Case, tmp_path: Path) -> None:
    write(tmp_path / "data", case)
    if case["name"] in REFUSED:
        with pytest.raises(_core.BadContent, match=REFUSED[case["name"]]):
            _core.Loaded(str(tmp_path / "data"))
        return
    content = _core.Loaded(str(tmp_path / "data"))
    game = _core.Game("one", "two", orders=tuple(case["orders"]), content=content)
    for action in case["actions"]:
        game.apply(action)
    state = json.loads(game.state())
    seen = {path: look(state, path) for path in case["expect"]}
    for path, value in case["expect"].items():
        if isinstance(value, int) and isinstance(seen[path], dict):
            seen[path] = seen[path]["card"]
    assert seen == case["expect"]
    assert set(case.get("has", [])) <= set(game.legal())
    for action in case.get("lacks", []):
        with pytest.raises(ValueError, match="is not legal"):
            game.apply(action)
    assert json.loads(game.state()) == state
