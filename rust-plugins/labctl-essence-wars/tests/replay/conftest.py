"""Fixtures of the viewer's tests: a small recorded deal, one made by hand, a browser."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent

sys.path.insert(0, str(HERE))  # the modules beside the tests can be imported by name
sys.path.append(
    str(HERE.parents[1] / "python")
)  # where the plugin is not installed: the page needs no engine


@pytest.fixture(scope="session")
def recorded() -> dict[str, Any]:
    """Both games of a deal, with searches as small as they come."""
    core = pytest.importorskip("labctl_essence_wars._core", reason="the engine in Rust is not built")
    weights = [weight["value"] for weight in json.loads(core.describe())["weights"]]
    text = core.record(
        ("argentum-wall", "symbiote-rush"), seed=7, weights=(weights, weights), simulations=10, review=20
    )
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture
def handmade() -> dict[str, Any]:
    """Two short games that no engine played: one of them has a costly choice, the other is a draw."""
    guard = {
        "card": 1,
        "attack": 2,
        "health": 3,
        "max_health": 4,
        "own": ["guard", "shield"],
        "aura": ["fortify"],
        "exhausted": False,
        "sick": False,
        "silenced": True,
        "refreshed": False,
        "frenzy": 1,
    }
    side = {
        "life": 20,
        "max_essence": 5,
        "essence": 4,
        "ap": 3,
        "deck": 20,
        "hand": [1, 2, 3],
        "insight": False,
        "creatures": [None, guard, None, None, guard],
        "supports": [{"card": 3, "durability": 2}, None],
    }
    steps = [
        _step(side, 0, 1, 127, "Oak attacks Oak", [127, 131, 254, 255], best=254, cost=0.25, known=True),
        _step(side, 0, 1, 24, "Play Mill", [24, 13, 18, 22, 23, 12, 0], best=24, cost=0.0, known=True),
        _step(side, 0, 1, 200, "Something else", [], best=255, cost=0.3, known=False),
        _step(side, 1, 2, 255, "End the turn", [255], best=255, cost=0.0, known=True),
    ]
    other = copy.deepcopy(steps)
    for step in other:
        step["review"]["cost"] = 0.0
    card = {"faction": "argentum", "token": False, "attack": 2, "health": 4, "cost": 2}
    return {
        "schema_version": 1,
        "decks": [
            {"id": "first", "name": "First deck", "faction": "argentum"},
            {"id": "second", "name": "Second deck", "faction": "symbiote"},
        ],
        "cards": {
            "1": {**card, "name": "Oak", "type": "creature", "text": "Guard, Shield."},
            "2": {**card, "name": "Bolt", "type": "spell", "target": "any", "text": "2 damage."},
            "3": {**card, "name": "Mill", "type": "support", "text": "Stays 3 turns."},
        },
        "games": [
            {"seat_of_first": 0, "winner": 0, "turns": 2, "actions": 4, "margin": 7, "steps": steps},
            {"seat_of_first": 1, "winner": None, "turns": 2, "actions": 9, "margin": 0, "steps": other},
        ],
    }


def _step(
    side: dict[str, Any], active: int, turn: int, action: int, says: str, thought: list[int], **review: Any
) -> dict[str, Any]:
    state = {"turn": turn, "active": active, "over": False, "winner": None, "players": [side, side]}
    visits = range(len(thought), 0, -1)
    return {
        "state": copy.deepcopy(state),
        "action": action,
        "says": says,
        "thoughts": [{"action": a, "visits": v, "value": 0.5} for a, v in zip(thought, visits, strict=True)],
        "review": {"value": 0.7, "says": "What the reviewer says", **review},
    }


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write the page of a record into a file."""
    from labctl_essence_wars.replay.page import page

    def write(record: dict[str, Any], title: str = "a deal") -> Path:
        path = tmp_path / "replay.html"
        path.write_text(page(record, title), encoding="utf-8")
        return path

    return write
