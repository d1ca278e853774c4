"""Cases of attacks, and of the keywords Rush, Ranged, Piercing and Guard."""

from __future__ import annotations

from building import END, HURT, C, attack, board, case, cast, do, duel, play

ATTACKS = [
    duel(
        "a trade of blows", C(2, 3), C(1, 4), {"p0.c0.health": 2, "p1.c0.health": 2, "p0.c0.exhausted": True}
    ),
    duel("both die", C(3, 2), C(2, 3), {"p0.c0": None, "p1.c0": None, "p1.life": 30}),
    duel("only once", C(1, 3), C(1, 3), {}, lacks=[attack(0, 0), attack(0, 5)]),
    board("the face", [C(2, 2)], [], [attack(0)], {"p1.life": 28, "p0.c0.health": 2, "p0.ap": 3}),
    board("a creature before the face", [C(2, 2)], [C(1, 1)], [], {}, has=[attack(0, 0)], lacks=[attack(0)]),
    board(
        "reach",
        [C(2, 2)],
        [None, C(1, 1), C(1, 1)],
        [],
        {},
        has=[attack(0, 1), attack(0)],
        lacks=[attack(0, 2)],
    ),
    board("no attack", [C(0, 2)], [C(1, 1)], [], {}, lacks=[attack(0, 0)]),
    case("sick", [C(2, 2)], [], [play(0, 0)], {}, lacks=[attack(0)]),
    case(
        "sick until the own turn",
        [C(2, 2)],
        [],
        [play(0, 0), END, END],
        {"p0.c0.sick": False},
        has=[attack(0)],
    ),
    cast(
        "a negative attack",
        [C(2, 5)],
        [C(3, 5)],
        "enemy_creature",
        0,
        [do("buff", "target", attack=-5, health=0)],
        {"p1.c0.attack": -2, "p0.c0.health": 5, "p1.c0.health": 3},
        after=[attack(0, 0)],
    ),
    board(
        "the face with the slot empty by the action",
        [C(3, 9), C(2, 2)],
        [C(0, 1)],
        [attack(0, 0)],
        {"p1.c0": None},
        has=[attack(1)],
        lacks=[attack(1, 0)],
    ),
    case(
        "player 1 attacks",
        [C(1, 5)],
        [C(3, 5, "rush")],
        [play(0, 0), END, play(0, 0), attack(0, 0)],
        {"p0.c0.health": 2, "p1.c0.health": 4},
    ),
    case(
        "player 1 attacks the face",
        [],
        [C(3, 5, "rush", "lifesteal"), HURT],
        [END, play(0, 4), play(0), attack(4)],
        {"p0.life": 27, "p1.life": 23},
    ),
    # Rush
    case("Rush attacks at once", [C(2, 2, "rush")], [], [play(0, 1), attack(1)], {"p1.life": 28}),
    # Ranged
    board(
        "Ranged reaches all",
        [C(2, 2, "ranged"), None],
        [None, None, C(3, 3)],
        [attack(0, 2)],
        {"p0.c0.health": 2, "p1.c2.health": 1},
    ),
    duel("Ranged takes no blow", C(2, 2, "ranged"), C(5, 5), {"p0.c0.health": 2, "p1.c0.health": 3}),
    duel(
        "Ranged defends with its attack", C(2, 3), C(1, 5, "ranged"), {"p0.c0.health": 2, "p1.c0.health": 3}
    ),
    board(
        "Ranged and Guard",
        [C(2, 2, "ranged")],
        [C(1, 1), None, C(1, 1, "guard")],
        [],
        {},
        has=[attack(0, 2)],
        lacks=[attack(0, 0), attack(0)],
    ),
    board(
        "Ranged and the face", [C(2, 2, "ranged")], [C(1, 1)], [], {}, has=[attack(0, 0)], lacks=[attack(0)]
    ),
    # Piercing
    duel("Piercing goes on", C(5, 2, "piercing"), C(1, 2), {"p1.c0": None, "p1.life": 27}),
    duel("Piercing without a death", C(2, 2, "piercing"), C(1, 5), {"p1.c0.health": 3, "p1.life": 30}),
    duel("Piercing, exactly dead", C(2, 2, "piercing"), C(1, 2), {"p1.c0": None, "p1.life": 30}),
    duel("Piercing in defence", C(1, 2), C(5, 5, "piercing"), {"p0.c0": None, "p0.life": 30}),
    duel("Piercing and Shield", C(9, 2, "piercing"), C(1, 2, "shield"), {"p1.c0.health": 2, "p1.life": 30}),
    duel("Piercing and Fortify", C(5, 2, "piercing"), C(1, 3, "fortify"), {"p1.c0": None, "p1.life": 28}),
    duel("Piercing and Lethal", C(1, 2, "piercing", "lethal"), C(1, 9), {"p1.c0": None, "p1.life": 30}),
    # Guard
    board(
        "Guard in reach",
        [C(2, 2)],
        [C(1, 1), C(1, 1, "guard")],
        [],
        {},
        has=[attack(0, 1)],
        lacks=[attack(0, 0), attack(0)],
    ),
    board(
        "Guard before an empty slot",
        [C(2, 2)],
        [None, C(1, 1, "guard")],
        [],
        {},
        has=[attack(0, 1)],
        lacks=[attack(0)],
    ),
    board(
        "Guard out of reach",
        [C(2, 2)],
        [C(1, 1), None, C(1, 1, "guard")],
        [],
        {},
        has=[attack(0, 0)],
        lacks=[attack(0, 2)],
    ),
    board(
        "Guard with Stealth",
        [C(2, 2)],
        [C(1, 1), C(1, 1, "guard", "stealth")],
        [],
        {},
        has=[attack(0, 0)],
        lacks=[attack(0, 1)],
    ),
    board(
        "two Guards",
        [None, C(2, 2)],
        [C(1, 1, "guard"), C(1, 1), C(1, 1, "guard")],
        [],
        {},
        has=[attack(1, 0), attack(1, 2)],
        lacks=[attack(1, 1)],
    ),
]
