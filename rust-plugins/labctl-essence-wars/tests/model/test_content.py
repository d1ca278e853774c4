"""The shipped cards, commanders and decks keep what the rules page and the budget ask of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from budget import TOLERANCE, price
from ew1 import KEYWORDS, Content, load

DATA = Path(__file__).parents[2] / "data"
CONTENT = load(DATA)
CARDS = CONTENT.cards
COLLECTIBLE = [card for card in CARDS.values() if not card.get("token")]
FIRST = {"argentum": 1001, "symbiote": 2001, "obsidion": 3001, "neutral": 4001}
ON_DEATH = {"death", "ally_death", "enemy_death", "any_death"}


def over(card: dict[str, Any]) -> float:
    budget, worth = price(card, CARDS)
    return worth - budget


def triggers(holder: dict[str, Any]) -> list[dict[str, Any]]:
    return [*holder.get("triggers", []), *([holder["trigger"]] if "trigger" in holder else [])]


def effects(holder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from holder.get("effects", [])
    yield from holder.get("then_if_dead", [])
    for trigger in triggers(holder):
        yield from trigger["effects"]


def loops(holder: dict[str, Any], cards: dict[int, dict[str, Any]]) -> list[str]:
    """Why an action might go on for ever: what breaks the static rules of the page's part on content."""
    wrong = []
    for trigger in triggers(holder):
        name = trigger["on"]
        for effect in trigger["effects"]:
            harms = (
                (effect["do"] == "damage" and not effect["select"].endswith("_face"))
                or effect["do"] in ("destroy", "set_stats")
                or (effect["do"] == "buff" and min(effect["attack"], effect["health"]) < 0)
            )
            if harms and name in ("take_damage", "ally_death", "enemy_death", "any_death"):
                wrong.append(f"{name} harms creatures")
            if name in ON_DEATH and effect["do"] in ("copy", "transform"):
                wrong.append(f"{name} copies or transforms")
            if name in ON_DEATH and effect["do"] == "summon":
                card = cards[effect["card"]]
                if "volatile" in card["keywords"] or ON_DEATH & {t["on"] for t in triggers(card)}:
                    wrong.append(f"{name} summons what answers to deaths")
    return wrong


@pytest.mark.parametrize("card", COLLECTIBLE, ids=lambda card: card["name"])
def test_a_card_is_worth_what_it_costs(card: dict[str, Any]) -> None:
    assert abs(over(card)) <= TOLERANCE


@pytest.mark.parametrize(
    "change",
    [
        {"attack": 4},
        {"keywords": ["guard", "shield"]},
        {"triggers": [{"on": "play", "effects": [{"do": "draw", "amount": 1}]}]},
    ],
)
def test_an_over_budget_card_is_found(change: dict[str, Any]) -> None:
    sound = next(card for card in COLLECTIBLE if card["name"] == "Gate Recruit")
    assert abs(over(sound)) <= TOLERANCE < over({**sound, **change})


@pytest.mark.parametrize(
    ("faction", "size"), [("argentum", 32), ("symbiote", 32), ("obsidion", 32), ("neutral", 24)]
)
def test_numbers_run_without_gaps(faction: str, size: int) -> None:
    first = FIRST[faction]
    own = [card for card in CARDS.values() if card["faction"] == faction]
    collectible = [card["id"] for card in own if not card.get("token")]
    tokens = [card["id"] for card in own if card.get("token")]
    assert collectible == list(range(first, first + size))
    assert tokens == list(range(first + 900, first + 900 + len(tokens)))


def test_names_are_used_once() -> None:
    names = [one["name"] for one in (*CARDS.values(), *CONTENT.commanders.values(), *CONTENT.decks.values())]
    assert [name for name, count in Counter(names).items() if count > 1] == []


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card["name"])
def test_bounds_of_a_card(card: dict[str, Any]) -> None:
    assert 0 <= card["cost"] <= 10
    if card["type"] == "creature":
        assert 0 <= card["attack"] <= 12
        assert 1 <= card["health"] <= 12
        assert set(card["keywords"]) <= set(KEYWORDS)
    if card["type"] == "support":
        assert 1 <= card["durability"] <= 9
        assert {trigger["on"] for trigger in triggers(card)} <= {"play", "turn_start", "turn_end"}
        unclear = {"self", "neighbours", "opposite", "other_own_creatures"}
        assert not unclear & {effect.get("select") for effect in effects(card)}
    chosen = card.get("target", "none") != "none"
    assert chosen == any(effect.get("select") == "target" for effect in effects(card))
    assert {e["card"] for e in effects(card) if "card" in e} <= {
        c["id"] for c in CARDS.values() if c.get("token")
    }


@pytest.mark.parametrize(
    "holder", [*CARDS.values(), *CONTENT.commanders.values()], ids=lambda holder: holder["name"]
)
def test_no_action_goes_on_for_ever(holder: dict[str, Any]) -> None:
    assert loops(holder, CARDS) == []


@pytest.mark.parametrize(
    ("on", "effect"),
    [
        ("take_damage", {"do": "damage", "select": "subject", "amount": 1}),
        ("any_death", {"do": "buff", "select": "all_creatures", "attack": 0, "health": -1}),
        ("ally_death", {"do": "destroy", "select": "weakest_enemy"}),
        ("enemy_death", {"do": "copy", "select": "self"}),
        ("death", {"do": "summon", "card": 2902}),
    ],
)
def test_a_loop_is_found(on: str, effect: dict[str, Any]) -> None:
    assert loops({"trigger": {"on": on, "effects": [effect]}}, CARDS) != []


def test_commanders() -> None:
    assert list(CONTENT.commanders) == list(range(5001, 5012))
    by_faction = Counter(one["faction"] for one in CONTENT.commanders.values())
    assert by_faction == {"argentum": 3, "symbiote": 4, "obsidion": 4}
    assert all(("aura" in one) != ("trigger" in one) for one in CONTENT.commanders.values())
    granted = {one.get("aura", {}).get("keyword") for one in (*CARDS.values(), *CONTENT.commanders.values())}
    assert not granted & {"shield", "ward", "stealth"}


@pytest.mark.parametrize("name", CONTENT.decks)
def test_a_deck(name: str) -> None:
    deck = CONTENT.decks[name]
    cards = [CARDS[number] for number in deck["cards"]]
    assert deck["id"] == name
    assert CONTENT.commanders[deck["commander"]]["faction"] == deck["faction"]
    assert Counter(card["faction"] for card in cards) == {deck["faction"]: 21, "neutral": 9}
    assert not any(card.get("token") for card in cards)
    assert max(Counter(deck["cards"]).values()) <= 2
    curve = Counter(min(6, card["cost"]) for card in cards)
    bounds = {1: (4, 6), 2: (6, 8), 3: (6, 7), 4: (5, 5), 5: (3, 4), 6: (2, 3)}
    assert all(low <= curve[cost] <= high for cost, (low, high) in bounds.items())
    types = Counter(card["type"] for card in cards)
    assert 18 <= types["creature"] <= 21
    assert 5 <= types["spell"] <= 7
    assert 3 <= types["support"] <= 4


def test_there_are_eleven_decks_with_a_commander_each() -> None:
    assert sorted(deck["commander"] for deck in CONTENT.decks.values()) == list(range(5001, 5012))
    assert {number for deck in CONTENT.decks.values() for number in deck["cards"]} == {
        card["id"] for card in COLLECTIBLE
    }


def vocabulary(content: Content) -> dict[str, set[str]]:
    """The words that cards of decks, and commanders, use."""
    numbers = {number for deck in content.decks.values() for number in deck["cards"]}
    holders = [*(content.cards[number] for number in numbers), *content.commanders.values()]
    every = [effect for holder in holders for effect in effects(holder)]
    return {
        "do": {effect["do"] for effect in every},
        "select": {effect["select"] for effect in every if "select" in effect},
        "keyword": {keyword for holder in holders for keyword in holder.get("keywords", [])},
        "on": {trigger["on"] for holder in holders for trigger in triggers(holder)},
        "target": {holder.get("target", "none") for holder in holders if holder.get("type") == "spell"},
        "filter": {kind for holder in (*holders, *every) for kind in holder.get("filter", {})},
        "aura": {kind for holder in holders for kind, value in holder.get("aura", {}).items() if value},
        "type": {holder["type"] for holder in holders if "type" in holder},
    }


WORDS = {
    "do": "damage heal buff set_stats draw destroy summon copy transform grant remove silence gain_essence"
    " refresh bounce",
    "select": "target self subject own_creatures other_own_creatures enemy_creatures all_creatures neighbours"
    " opposite weakest_enemy strongest_enemy own_face enemy_face",
    "keyword": " ".join(KEYWORDS),
    "on": "play ally_played attack deal_damage take_damage kill death ally_death enemy_death turn_start"
    " turn_end creature_played any_death",
    "target": "none enemy_creature own_creature any_creature enemy enemy_face own_face any",
    "filter": "max_health min_health has lacks",
    "aura": "attack health keyword if_printed",
    "type": "creature spell support",
}


@pytest.mark.parametrize("kind", WORDS)
def test_the_decks_use_the_whole_vocabulary(kind: str) -> None:
    assert vocabulary(CONTENT)[kind] == set(WORDS[kind].split())


def test_then_if_dead_is_used() -> None:
    assert any("then_if_dead" in card for card in COLLECTIBLE)
