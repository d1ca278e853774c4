"""Random games of the model: they end, and the bounds of the page hold after every action."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from building import creature
from ew1 import KEYWORDS, Content, Model, load

CONTENT = load(Path(__file__).parents[2] / "data")
GAMES = 200
MOST_ACTIONS = 1000  # of one game; a turn has 3 plays, at most 10 attacks, insight and its end


def deal(seed: int, decks: tuple[str, ...]) -> tuple[random.Random, Model]:
    chance = random.Random(seed)
    orders = [list(CONTENT.decks[name]["cards"]) for name in decks]
    for order in orders:
        chance.shuffle(order)
    commanders = [CONTENT.decks[name]["commander"] for name in decks]
    return chance, Model(CONTENT, (commanders[0], commanders[1]), (orders[0], orders[1]))


def check(state: dict[str, Any]) -> None:
    for player in state["players"]:
        assert player["life"] <= 30
        assert 0 <= player["essence"] <= 10
        assert 0 <= player["max_essence"] <= 10
        assert 0 <= player["ap"] <= 3
        assert len(player["hand"]) <= 10
        assert 0 <= player["deck"] <= 30
        for c in player["creatures"]:
            if c is not None:
                assert state["over"] or 1 <= c["health"] <= 99
                assert -99 <= c["attack"] <= 99
                assert c["own"] == [keyword for keyword in KEYWORDS if keyword in c["own"]]
                assert not {"shield", "ward", "stealth"} & set(c["aura"])
        for support in player["supports"]:
            assert support is None or 1 <= support["durability"] <= 9
    lives = [player["life"] > 0 for player in state["players"]]
    assert state["over"] or all(lives)
    if state["over"] and not all(lives):
        assert state["winner"] == (lives.index(True) if any(lives) else None)
    assert state["turn"] <= (31 if state["over"] else 30)


def test_random_games_end_within_bounds() -> None:
    pairs = list(product(CONTENT.decks, repeat=2))
    for seed in range(GAMES):
        chance, model = deal(seed, pairs[seed % len(pairs)])
        for _ in range(MOST_ACTIONS):
            legal = model.legal()
            if not legal:
                break
            assert legal == sorted(set(legal))
            model.apply(chance.choice(legal))
            check(model.state())
        assert model.over


def test_what_is_not_legal_changes_nothing() -> None:
    chance, model = deal(7, ("obsidion-stealth", "argentum-wall"))
    while not model.over:
        before = model.state()
        for action in set(range(-1, 257)) - set(model.legal()):
            with pytest.raises(ValueError, match="is not legal"):
                model.apply(action)
        assert model.state() == before
        model.apply(chance.choice(model.legal()))
    with pytest.raises(ValueError, match="action 255 is not legal"):
        model.apply(255)


def test_cards_are_conserved() -> None:
    """With creatures that do nothing, a card is in the deck, in the hand, was played, or was one too many."""
    cards = {4001 + i: {"id": 4001 + i, **creature(i % 3, 1 + i % 4, cost=i % 3)} for i in range(10)}
    content = Content(cards, {5001: {"id": 5001, "aura": {"attack": 0, "health": 0}}})
    for seed in range(20):
        chance = random.Random(seed)
        order = [4001 + i // 3 for i in range(30)]
        model = Model(content, (5001, 5001), (order, order[::-1]))
        played, lost = [0, 0], [0, 0]
        while not model.over:
            action, player = chance.choice(model.legal()), model.active
            played[player] += action < 120
            before = [len(p.hand) for p in model.players]
            model.apply(action)
            if action == 255 and not model.over:
                lost[model.active] += before[model.active] == 10
            for i, p in enumerate(model.state()["players"]):
                assert p["deck"] + len(p["hand"]) + played[i] + lost[i] == 30
