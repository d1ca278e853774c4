"""Builds cases of the rules: small cards, boards, and actions. What a case is: see `cases.py`."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]
Effect = dict[str, Any]

END = 255
INSIGHT = 254
DECK = 30
BLANK = 4001


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
            {"id": 5001 + i, "name": f"commander {i}", "faction": "argentum", **(one or plain)}
            for i, one in enumerate((commander, enemy_commander))
        ],
        "orders": [[*order, *[BLANK] * (DECK - len(order))] for order in orders],
        "actions": actions,
        "expect": expect,
        **more,
    }


def board(
    name: str,
    mine: list[Case | None],
    theirs: list[Case | None],
    actions: list[int],
    expect: dict[str, Any],
    *,
    hand: tuple[Case, ...] = (),
    **more: Any,
) -> Case:
    """Both put at most three cards on the board, in their slots; the actions are those of player 0 in turn 3.

    `hand` are cards that it then has from place 0 on. Its deck has 24 cards then, the other's 23.
    """

    def fill(cards: list[Case | None]) -> list[int]:
        return [play(0, slot if card["type"] == "creature" else 0) for slot, card in enumerate(cards) if card]

    first = [card for card in mine if card]
    second = [card for card in theirs if card]
    before = [*fill(mine), END, *fill(theirs), END]
    return case(name, [*first, *hand], second, before + actions, expect, **more)


def duel(name: str, attacker: Case, defender: Case, expect: dict[str, Any], **more: Any) -> Case:
    """Both stand in slot 0, and one attacks the other in turn 3."""
    return board(name, [attacker], [defender], [*more.pop("first", []), attack(0, 0)], expect, **more)


def cast(
    name: str,
    mine: list[Case | None],
    theirs: list[Case | None],
    kind: str,
    target: int,
    effects: list[Effect],
    expect: dict[str, Any],
    **more: Any,
) -> Case:
    """Player 0 plays a spell in turn 3."""
    keys = ("filter", "then_if_dead")
    one = spell(kind, *effects, **{key: more.pop(key) for key in keys if key in more})
    actions = [play(0, target), *more.pop("after", [])]
    return board(name, mine, theirs, actions, expect, hand=(one, *more.pop("hand", ())), **more)


FACE = do("damage", "enemy_face", amount=1)  # makes a trigger visible
MARK = do("grant", "subject", keyword="rush")
HURT = spell("none", do("damage", "own_face", amount=10))
DRAW = do("draw", amount=1)
C = creature
OWN, ENEMY = 5, 0  # targets of spells: the creature in slot 0, the own and the enemy's
