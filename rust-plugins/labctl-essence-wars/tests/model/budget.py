"""What a card may be worth, and what it is worth: the budget of the content.

A card of cost c may be worth 2 c + 1 points, one point being one attack or one health. The prices of effects
are a designer's first guesses. Games correct them, and the tables here are where that is written.
"""

from __future__ import annotations

from typing import Any

Card = dict[str, Any]
Effect = dict[str, Any]

TOLERANCE = 0.5

KEYWORD: dict[str, float] = {
    "rush": 1,
    "ranged": 1,
    "piercing": 0.5,
    "guard": 0.5,
    "lifesteal": 1,
    "lethal": 2,
    "shield": 1,
    "quick": 1,
    "ephemeral": -1,
    "regenerate": 1,
    "stealth": 1.5,
    "charge": 1,
    "frenzy": 1,
    "volatile": 0.5,
    "fortify": 1,
    "ward": 1,
}

# How often a trigger comes, against once.
TRIGGER: dict[str, float] = {
    "play": 1,
    "ally_played": 1.8,
    "attack": 1.5,
    "deal_damage": 1.5,
    "take_damage": 1.2,
    "kill": 0.8,
    "death": 0.8,
    "ally_death": 1.2,
    "enemy_death": 1.2,
    "turn_start": 2,
    "turn_end": 2,
}

# By effect, then by what it selects: points for each unit of the amount, or for the effect.
DAMAGE: dict[str, float] = {
    "target": 1.5,
    "subject": 1,
    "weakest_enemy": 1,
    "strongest_enemy": 1.5,
    "opposite": 1,
    "enemy_creatures": 3,
    "all_creatures": 2,
    "enemy_face": 1,
    "own_face": -0.5,
    "self": -0.5,
}
HEAL: dict[str, float] = {
    "own_face": 0.5,
    "self": 0.5,
    "target": 0.5,
    "subject": 0.5,
    "own_creatures": 1,
    "other_own_creatures": 0.8,
    "neighbours": 0.75,
}
# Stats and keywords for somebody: points for each point of them.
GIFT: dict[str, float] = {
    "target": 1,
    "self": 1,
    "subject": 1,
    "neighbours": 1.5,
    "own_creatures": 2.5,
    "other_own_creatures": 2,
    "enemy_creatures": 2.5,
    "opposite": 0.8,
    "weakest_enemy": 0.75,
    "strongest_enemy": 1,
}
FLAT: dict[str, dict[str, float]] = {
    "destroy": {
        "target": 6,
        "weakest_enemy": 4,
        "strongest_enemy": 7,
        "opposite": 5,
        "subject": 5,
        "all_creatures": 9,
        "enemy_creatures": 14,
    },
    "silence": {"target": 2.5, "strongest_enemy": 2.5, "opposite": 2, "enemy_creatures": 5},
    "remove": {"target": 0.5, "opposite": 0.5, "enemy_creatures": 2},
    "refresh": {"target": 2, "self": 1.5, "subject": 2, "own_creatures": 4},
    "bounce": {"target": 4, "strongest_enemy": 3.5, "opposite": 2.5},
    "copy": {"target": 5, "self": 3},
    "set_stats": {"target": 5, "strongest_enemy": 5, "opposite": 4},
    "transform": {"target": 6.5, "strongest_enemy": 6, "opposite": 5},
}
EACH: dict[str, float] = {"draw": 2, "gain_essence": 1}
SUMMON = 0.8  # of the body
FILTER = 0.8
IF_DEAD = 0.6
# Of a support: for each durability, or each time the effects come.
AURA: dict[str, float] = {"attack": 1.25, "health": 1, "keyword": 1}
TICK = 0.75


def price(card: Card, cards: dict[int, Card]) -> tuple[float, float]:
    """The budget of a card, and the cost of its parts. `cards` are those it may summon. Points."""
    return 2 * card["cost"] + 1, worth(card, cards)


def worth(card: Card, cards: dict[int, Card]) -> float:
    triggers = card.get("triggers", [])
    if card["type"] == "creature":
        parts = sum(TRIGGER[t["on"]] * group(t["effects"], cards) for t in triggers)
        return float(
            card["attack"] + card["health"] + sum(map(KEYWORD.__getitem__, card["keywords"])) + parts
        )
    if card["type"] == "support":
        turns = card["durability"]
        times = {"play": 1, "turn_start": TICK * (turns - 1), "turn_end": TICK * turns}
        parts = sum(times[t["on"]] * group(t["effects"], cards) for t in triggers)
        return float(parts + turns * aura(card.get("aura", {})))
    parts = group(card["effects"], cards, card.get("target", "none"))
    parts += IF_DEAD * group(card.get("then_if_dead", []), cards)
    return float(parts * (FILTER if "filter" in card else 1))


def aura(given: dict[str, Any]) -> float:
    stats = AURA["attack"] * given.get("attack", 0) + AURA["health"] * given.get("health", 0)
    return float(stats + AURA["keyword"] * KEYWORD.get(given.get("keyword", ""), 0))


def group(effects: list[Effect], cards: dict[int, Card], target: str = "none") -> float:
    return sum(one(effect, cards, target) * (FILTER if "filter" in effect else 1) for effect in effects)


def one(effect: Effect, cards: dict[int, Card], target: str) -> float:
    what, who = effect["do"], effect.get("select", "")
    if who == "target" and target in ("enemy_face", "own_face"):
        who = target
    if what in EACH:
        return EACH[what] * float(effect["amount"])
    if what == "summon":
        return SUMMON * worth(cards[effect["card"]], cards)
    if what == "damage":
        return DAMAGE[who] * float(effect["amount"])
    if what == "heal":
        return HEAL[who] * float(effect["amount"])
    if what == "buff":
        return GIFT[who] * float(abs(effect["attack"] + effect["health"]))
    if what == "grant":
        return GIFT[who] * KEYWORD[effect["keyword"]]
    return FLAT[what][who]
