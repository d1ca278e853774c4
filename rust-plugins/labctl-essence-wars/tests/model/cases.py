"""Cases of the rules as data: small cards, two decks, actions, and what has to be true then.

A case is a dictionary:

- `name`;
- `cards`, `commanders`: the content, in the schema of the TOML files;
- `orders`: the two decks of 30 as they lie after shuffling. Player 0 has the first five cards in hand in
  turn 1, player 1 the first seven in turn 2. They end with as many copies of a blank spell as are needed;
- `actions`: numbers of actions;
- `legal` (may be missing): all legal actions after them; `lacks`: actions that are not legal then;
- `expect`: places in the state, as `p0.c3.health`, and their values. `p0` is a player, `c3` a creature
  slot, `s1` a support slot. `p0.c3` alone may have a card id: that card is there.
"""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]
Effect = dict[str, Any]

END = 255
INSIGHT = 254
DECK = 30
BLANK = 4001
PLAIN = (5001, 5001)


def play(place: int, target: int = 0) -> int:
    return place * 12 + target


def attack(slot: int, target: int = 5) -> int:
    return 120 + slot * 6 + target


def do(what: str, select: str = "", **more: Any) -> Effect:
    return {"do": what, **({"select": select} if select else {}), **more}


def on(trigger: str, *effects: Effect) -> dict[str, Any]:
    return {"on": trigger, "effects": list(effects)}


def creature(attack: int, health: int, *parts: Any, **more: Any) -> Case:
    """Keywords are strings among `parts`, triggers dictionaries."""
    return {
        "type": "creature",
        "cost": 0,
        "attack": attack,
        "health": health,
        "keywords": [part for part in parts if isinstance(part, str)],
        "triggers": [part for part in parts if isinstance(part, dict)],
        **more,
    }


def spell(target: str, *effects: Effect, **more: Any) -> Case:
    return {"type": "spell", "cost": 0, "target": target, "effects": list(effects), **more}


def support(durability: int, *triggers: Any, **aura: Any) -> Case:
    card = {"type": "support", "cost": 0, "durability": durability, "triggers": list(triggers)}
    return {**card, **({"aura": aura} if aura else {})}


def case(
    name: str,
    mine: list[Case],
    theirs: list[Case],
    actions: list[int],
    expect: dict[str, Any],
    *,
    commander: dict[str, Any] | None = None,
    enemy_commander: dict[str, Any] | None = None,
    tokens: list[Case] | None = None,
    **more: Any,
) -> Case:
    """Numbers the cards: BLANK, the tokens from 4002, then those of player 0, then those of player 1."""
    cards = [
        spell("none", do("draw", amount=0)),
        *({"token": True, **t} for t in tokens or []),
        *mine,
        *theirs,
    ]
    first = BLANK + 1 + len(tokens or [])
    middle = first + len(mine)
    orders = [list(range(first, middle)), list(range(middle, middle + len(theirs)))]
    plain = {"trigger": on("turn_end", do("draw", amount=0))}
    return {
        "name": name,
        "cards": [{"id": BLANK + i, "name": f"card {BLANK + i}", **card} for i, card in enumerate(cards)],
        "commanders": [
            {"id": 5001 + i, "name": f"commander {i}", **(one or plain)}
            for i, one in enumerate((commander, enemy_commander))
        ],
        "orders": [[*order, *[BLANK] * (DECK - len(order))] for order in orders],
        "actions": actions,
        "expect": expect,
        **more,
    }


CASES = [
    case(
        "a creature enters sick", [creature(2, 3)], [], [play(0, 2)], {"p0.c2.attack": 2, "p0.c2.sick": True}
    ),
]
