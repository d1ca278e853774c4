"""Cases of the deal, of turns, and of insight."""

from __future__ import annotations

from typing import Any

from building import BLANK, DRAW, END, FACE, INSIGHT, C, Case, case, do, play, spell

TURNS = [
    case(
        "the deal",
        [],
        [],
        [],
        {"turn": 1, "active": 0, "p0.deck": 25, "p1.deck": 24, "p0.ap": 3, "p0.essence": 1},
    ),
    case("the second turn", [], [], [END], {"turn": 2, "active": 1, "p1.deck": 23, "p1.max_essence": 1}),
    case("essence grows", [], [], [END] * 2, {"p0.max_essence": 2, "p0.essence": 2, "p1.max_essence": 1}),
    case("essence grows to 10", [], [], [END] * 20, {"turn": 21, "p0.max_essence": 10, "p0.essence": 10}),
    case("a card is paid", [C(1, 1, cost=1)], [], [play(0, 3)], {"p0.essence": 0, "p0.ap": 2, "p0.c3": 4002}),
    case(
        "a card too dear", [C(1, 1, cost=2)], [], [], {"p0.essence": 1}, lacks=[play(0, 0)], has=[play(1, 0)]
    ),
    case("three action points", [], [], [play(0)] * 3, {"p0.ap": 0}, lacks=[play(0)], has=[END]),
    case("cards move up", [C(1, 1), C(2, 2)], [], [play(0, 0)], {"p0.hand": [4003, BLANK, BLANK, BLANK]}),
    case("an occupied slot", [C(1, 1)] * 2, [], [play(0, 2)], {}, lacks=[play(0, 2)], has=[play(0, 1)]),
    case(
        "a full board",
        [C(1, 1)] * 5 + [C(2, 2)],
        [],
        [play(0, 0), play(0, 1), play(0, 2), END, END, play(0, 3), play(0, 4)],
        {"p0.ap": 1},
        lacks=[play(0, slot) for slot in range(5)],
    ),
    case(
        "the eleventh card is lost", [], [], [END] * 9, {"turn": 10, "p1.hand": [BLANK] * 10, "p1.deck": 19}
    ),
    case(
        "an empty deck",
        [spell("none", do("draw", amount=30))],
        [],
        [play(0), END, END],
        {"p0.deck": 0, "p0.hand": [BLANK] * 10, "over": False, "p0.life": 30},
    ),
    case(
        "the turns are up, a draw",
        [],
        [],
        [END] * 30,
        {"turn": 31, "over": True, "winner": None},
        lacks=[END],
    ),
    case("turn 30 is played", [], [], [END] * 29, {"turn": 30, "over": False}, has=[END]),
    case("the turns are up, 0 has more", [spell("none", FACE)], [], [play(0)] + [END] * 30, {"winner": 0}),
    case(
        "the turns are up, 1 has more",
        [spell("none", do("damage", "own_face", amount=1))],
        [],
        [play(0)] + [END] * 30,
        {"winner": 1},
    ),
    case(
        "a life ends",
        [spell("none", do("damage", "enemy_face", amount=30), DRAW)],
        [],
        [play(0)],
        {"over": True, "winner": 0, "p0.deck": 25, "p1.life": 0},
        lacks=[END],
    ),
    case(
        "an own life ends",
        [spell("none", do("damage", "own_face", amount=31))],
        [],
        [play(0)],
        {"over": True, "winner": 1, "p0.life": -1},
    ),
    case(
        "actions by three blanks",
        [],
        [],
        [],
        {},
        has=[play(0), play(4), END],
        lacks=[play(5), play(0, 1), 150, 253],
    ),
]


def insight(
    name: str, ends: int, expect: dict[str, Any], theirs: Case | None = None, kept: int = 0, **more: Any
) -> Case:
    """Player 0 plays all its cards, blank ones, player 1 only `theirs`, in turn 2.

    From turn 5 on player 0 has one card in each of its turns. In turn 9 it keeps `kept` of them.
    """
    plays = {1: 3, 2: 1 if theirs else 0, 3: 3, 5: 1, 7: 1, 9: 1 - kept}
    actions = []
    for turn in range(1, ends + 1):
        actions += [*[play(0)] * plays.get(turn, turn % 2), END]
    actions += more.pop("then", [])
    return case(name, [], [theirs] if theirs else [], actions, expect, **more)


# Player 1 plays ten blank cards, then a last one in turn 10.
LATE = [spell("none", do("draw", amount=0))] * 10 + [spell("none", do("draw", amount=0), cost=2)]
TO_TURN_10 = [play(0, 0)]
for plays in (3, 3, 3, 1, 1):
    TO_TURN_10 += [END, *[play(0)] * plays, END]
TO_TURN_10.pop()

INSIGHTS = [
    insight(
        "insight",
        10,
        {"p0.essence": 2, "p0.insight": True, "p0.hand": [BLANK] * 2, "p0.ap": 3},
        C(1, 1),
        then=[INSIGHT],
        lacks=[INSIGHT],
    ),
    insight(
        "insight once",
        16,
        {"turn": 17, "p0.hand": [BLANK], "p0.essence": 5},
        C(1, 1),
        then=[INSIGHT, play(0)],
        lacks=[INSIGHT],
    ),
    insight("insight with less life", 10, {"p0.life": 29}, spell("none", FACE), has=[INSIGHT]),
    insight("no insight without need", 10, {"turn": 11, "p0.hand": [BLANK]}, lacks=[INSIGHT]),
    insight(
        "no insight before turn 10",
        8,
        {"turn": 9, "p0.hand": [BLANK], "p0.essence": 5},
        C(1, 1),
        lacks=[INSIGHT],
    ),
    insight(
        "no insight with two cards",
        10,
        {"turn": 11, "p0.hand": [BLANK] * 2},
        C(1, 1),
        kept=1,
        lacks=[INSIGHT],
    ),
    insight(
        "insight again in the next turn",
        10,
        {"turn": 13, "p0.insight": False, "p0.hand": [BLANK]},
        C(1, 1),
        then=[INSIGHT, play(0), END, END, play(0)],
        has=[INSIGHT],
    ),
    case(
        "insight in turn 10 with 4 essence",
        [C(1, 1)],
        [*LATE[:-1], spell("none", DRAW, cost=1)],
        [*TO_TURN_10, INSIGHT],
        {"turn": 10, "p1.essence": 0, "p1.insight": True, "p1.hand": [BLANK] * 2},
    ),
    case(
        "no insight with 3 essence",
        [C(1, 1)],
        LATE,
        TO_TURN_10,
        {"turn": 10, "p1.essence": 3, "p1.hand": []},
        lacks=[INSIGHT],
    ),
    insight("insight after a card", 10, {"p0.hand": [BLANK], "p0.ap": 2}, C(1, 1), then=[play(0), INSIGHT]),
]
