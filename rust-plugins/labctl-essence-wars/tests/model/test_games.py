"""Random games of the engine and the model side by side: equal after every action.

LABCTL_FUZZ=100000 plays that many games, with LABCTL_SEED as the first number.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from ew1 import Model, load

from labctl_essence_wars import _core

GAMES = int(os.environ.get("LABCTL_FUZZ", "500"))
SEED = int(os.environ.get("LABCTL_SEED", "20261128"))
CHUNK = 250
DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize("first", range(0, GAMES, CHUNK))
def test_games_are_equal_after_every_action(first: int, described: Any) -> None:
    content = load(DATA)
    commanders = {deck["id"]: deck["commander"] for deck in described["decks"]}
    for number in range(first, min(first + CHUNK, GAMES)):
        play_one(number, content, commanders)


def play_one(number: int, content: Any, commanders: dict[str, int]) -> None:
    source = random.Random(f"{SEED} {number}")
    decks = source.choice(list(commanders)), source.choice(list(commanders))
    game = _core.Game(*decks, seed=source.randrange(2**63))
    model = Model(content, (commanders[decks[0]], commanders[decks[1]]), game.orders())
    keen = source.random()  # some players end their turn early, some never while they can do else
    done: list[int] = []
    while True:
        where = f"game {number} of seed {SEED}, {decks}, after {done}"
        assert json.loads(game.state()) == model.state(), where
        legal = game.legal()
        assert legal == model.legal(), where
        assert not game.overflowed, where
        if not legal:
            return
        action = source.choice(legal)
        if action == 255 and len(legal) > 1 and source.random() < keen:
            action = source.choice(legal[:-1])
        wrong = source.randrange(-1, 257)
        if wrong not in legal:
            with pytest.raises(ValueError, match="is not legal"):
                game.apply(wrong)
        game.apply(action)
        model.apply(action)
        done.append(action)
