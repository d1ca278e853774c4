"""Cases of what effects select, and of the targets of spells."""

from __future__ import annotations

from typing import Any

from building import DRAW, FACE, C, Case, attack, board, cast, do, on, play, spell

FULL: tuple[list[Case | None], list[Case | None]] = ([C(1, 5), C(3, 3), C(5, 1)], [C(1, 5), C(3, 3), C(5, 1)])


def selects(name: str, select: str, changed: dict[str, int], **more: Any) -> Case:
    """A spell of one damage to whom it selects, on a board of 1/5, 3/3 and 5/1 on both sides."""
    expect: dict[str, Any] = {f"p{p}.c{slot}": 4002 + 3 * p + slot + p for p in (0, 1) for slot in (0, 1, 2)}
    return cast(
        name, *FULL, "none", 0, [do("buff", select, attack=1, health=0, **more)], {**expect, **changed}
    )


def alone(name: str, holder: Case, changed: dict[str, int]) -> Case:
    """A creature played into slot 1 between two of its own, opposite 3/3."""
    return board(name, [C(1, 1), None, C(1, 1)], FULL[1], [play(0, 1)], changed, hand=(holder,))


def by_play(select: str) -> Case:
    return C(2, 2, on("play", do("buff", select, attack=4, health=0)))


SELECTS = [
    selects(
        "own creatures",
        "own_creatures",
        {"p0.c0.attack": 2, "p0.c1.attack": 4, "p0.c2.attack": 6, "p1.c0.attack": 1},
    ),
    selects("enemy creatures", "enemy_creatures", {"p1.c0.attack": 2, "p1.c2.attack": 6, "p0.c0.attack": 1}),
    selects("all creatures", "all_creatures", {"p1.c0.attack": 2, "p0.c0.attack": 2}),
    selects("other own of a spell are all", "other_own_creatures", {"p0.c0.attack": 2, "p0.c2.attack": 6}),
    selects("self of a spell is nobody", "self", {"p0.c0.attack": 1, "p0.c1.attack": 3, "p1.c0.attack": 1}),
    selects("the weakest", "weakest_enemy", {"p1.c2.attack": 6, "p1.c0.attack": 1}),
    selects("the strongest", "strongest_enemy", {"p1.c2.attack": 6, "p1.c1.attack": 3}),
    selects(
        "the weakest of the filtered",
        "weakest_enemy",
        {"p1.c1.attack": 4, "p1.c2.attack": 5},
        filter={"min_health": 2},
    ),
    selects(
        "the strongest of the filtered", "strongest_enemy", {"p1.c1.attack": 4}, filter={"min_health": 3}
    ),
    selects(
        "at most",
        "enemy_creatures",
        {"p1.c0.attack": 1, "p1.c1.attack": 4, "p1.c2.attack": 6},
        filter={"max_health": 3},
    ),
    alone("self", by_play("self"), {"p0.c1.attack": 6, "p0.c0.attack": 1}),
    alone(
        "other own creatures",
        by_play("other_own_creatures"),
        {"p0.c1.attack": 2, "p0.c0.attack": 5, "p0.c2.attack": 5},
    ),
    alone("neighbours", by_play("neighbours"), {"p0.c1.attack": 2, "p0.c0.attack": 5, "p0.c2.attack": 5}),
    alone("opposite", by_play("opposite"), {"p1.c1.attack": 7, "p1.c0.attack": 1, "p1.c2.attack": 5}),
    board(
        "neighbours at the edge",
        [None, C(1, 1), C(1, 1)],
        [],
        [play(0, 0)],
        {"p0.c1.attack": 5, "p0.c2.attack": 1},
        hand=(by_play("neighbours"),),
    ),
    board(
        "opposite with Stealth",
        [],
        [C(1, 1, "stealth")],
        [play(0, 0)],
        {"p1.c0.attack": 1},
        hand=(by_play("opposite"),),
    ),
    cast(
        "the lowest slot of equals",
        [],
        [C(2, 2), C(2, 2)],
        "none",
        0,
        [do("buff", "weakest_enemy", attack=1, health=1), do("buff", "strongest_enemy", attack=1, health=0)],
        {"p1.c0.attack": 4, "p1.c1.attack": 2},
    ),
    cast(
        "the weakest without Stealth",
        [],
        [C(1, 1, "stealth"), C(2, 2)],
        "none",
        0,
        [do("destroy", "weakest_enemy"), do("destroy", "strongest_enemy")],
        {"p1.c0": 4003, "p1.c1": None},
    ),
    cast(
        "has",
        [],
        [C(1, 1, "guard"), C(1, 1)],
        "none",
        0,
        [do("destroy", "enemy_creatures", filter={"has": "guard"})],
        {"p1.c0": None, "p1.c1.health": 1},
    ),
    cast(
        "lacks",
        [],
        [C(1, 1, "guard"), C(1, 1)],
        "none",
        0,
        [do("destroy", "enemy_creatures", filter={"lacks": "guard"})],
        {"p1.c0.health": 1, "p1.c1": None},
    ),
    cast(
        "selected before the first is changed",
        [C(1, 1), C(1, 1)],
        [],
        "none",
        0,
        [do("copy", "own_creatures")],
        {"p0.c2": 4002, "p0.c3": 4003, "p0.c4": None},
    ),
    board(
        "neighbours of the dead",
        [C(1, 1), C(1, 1, on("death", do("buff", "neighbours", attack=3, health=0))), C(1, 1)],
        [C(1, 1), C(2, 5)],
        [attack(1, 1)],
        {"p0.c0.attack": 4, "p0.c1": None, "p0.c2.attack": 4},
    ),
    board(
        "self of the dead",
        [C(1, 1, on("death", do("heal", "self", amount=9), FACE))],
        [C(2, 5)],
        [attack(0, 0)],
        {"p0.c0": None, "p1.life": 29},
    ),
]

KINDS = {  # on a board with an own 1/5, an enemy 1/5 and an enemy with Stealth in slot 1
    "none": [0],
    "enemy_creature": [0],
    "own_creature": [5],
    "any_creature": [0, 5],
    "enemy": [0, 10],
    "enemy_face": [10],
    "own_face": [11],
    "any": [0, 5, 10, 11],
}


def kind(name: str, targets: list[int], **more: Any) -> Case:
    effects = [DRAW] if name == "none" else [do("damage", "target", amount=1)]
    title = " ".join([f"targets of {name}", *more.get("filter", [])])
    return board(
        title,
        [C(1, 5)],
        [C(1, 5), C(1, 5, "stealth")],
        [],
        {},
        hand=(spell(name, *effects, **more),),
        has=[play(0, target) for target in targets],
        lacks=[play(0, target) for target in range(12) if target not in targets],
    )


TARGETS = [
    *[kind(name, targets) for name, targets in KINDS.items()],
    kind("any", [10, 11], filter={"max_health": 4}),
    kind("enemy", [10], filter={"has": "guard"}),
    kind("any_creature", [], filter={"min_health": 6}),
    kind("any_creature", [0, 5], filter={"lacks": "guard"}),
]
