"""Every keyword in attack against every keyword in defence: engine and model come to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from building import creature
from ew1 import KEYWORDS, Content, Model
from test_engine_cases import write

from labctl_essence_wars import _core

BLANK = 4001
FIRST = 4101


def cards() -> list[dict[str, Any]]:
    made = [{"id": BLANK, "name": "blank", **creature(0, 1)}]
    for place, keyword in enumerate(KEYWORDS):
        made.append({"id": FIRST + place, "name": f"{keyword} attacks", **creature(3, 4, keyword)})
        made.append({"id": FIRST + 100 + place, "name": f"{keyword} defends", **creature(2, 3, keyword)})
    return made


COMMANDERS = [
    {"id": 5001, "name": "one", "trigger": {"on": "kill", "effects": [{"do": "draw", "amount": 1}]}},
    {"id": 5002, "name": "two", "trigger": {"on": "any_death", "effects": [{"do": "draw", "amount": 1}]}},
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("pairs") / "data"
    write(folder, {"cards": cards(), "commanders": COMMANDERS, "orders": [[], []]})
    return _core.Loaded(str(folder))


@pytest.mark.parametrize("attacker", range(16), ids=KEYWORDS)
def test_an_attacker_meets_every_defender(loaded: Any, attacker: int) -> None:
    content = Content({c["id"]: c for c in cards()}, {c["id"]: c for c in COMMANDERS})
    fights = 0
    for defender in range(16):
        orders = [[FIRST + attacker] + [BLANK] * 29, [FIRST + 100 + defender] + [BLANK] * 29]
        game = _core.Game("one", "two", orders=(orders[0], orders[1]), content=loaded)
        model = Model(content, (5001, 5002), (orders[0], orders[1]))
        # Both play into slot 2; then each, in its turn, attacks in every way there is until nothing is left.
        todo = [2, 255, 2, 255, *[None] * 40]
        for wanted in todo:
            assert json.loads(game.state()) == model.state(), (KEYWORDS[attacker], KEYWORDS[defender])
            legal = game.legal()
            assert legal == model.legal()
            if not legal:
                break
            attacks = [action for action in legal if 120 <= action < 150]
            action = wanted if wanted is not None and wanted in legal else (attacks or [255])[0]
            fights += 120 <= action < 150
            game.apply(action)
            model.apply(action)
    assert fights >= 16
