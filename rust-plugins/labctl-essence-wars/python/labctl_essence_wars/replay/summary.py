"""What the page says without its script: who won, by how much, and every choice in words."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

COSTLY = 0.1
"""A choice is costly if the reviewer finds an action with an estimate higher by this much."""

# Controls, lone surrogates, and what turns the direction of text: nothing that a name needs.
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def named(text: object, limit: int = 60) -> str:
    """``text`` on one line, of a length at which a name is one."""
    # What is far beyond the limit is not looked at.
    whole = " ".join(_UNFIT.sub("\ufffd", str(text)[: 4 * limit]).split())
    return whole if len(whole) <= limit else whole[: limit - 1].rstrip() + "…"


def escape(text: str) -> str:
    """``text`` for an element or a quoted attribute."""
    return html.escape(text, quote=True)


def summary(record: Mapping[str, Any], title: str) -> str:
    """The body of the page: its head, both games side by side, and the places that the script fills."""
    names = deck_names(record)
    games: Sequence[Mapping[str, Any]] = record["games"]
    cards = "".join(_game(game, number, names) for number, game in enumerate(games))
    return (
        '<a class="skip" href="#view">Skip to the game</a><div class="page"><header>'
        f'<div class="mast"><span><b>labctl</b> replay of <b>{escape(named(title, 120))}</b></span>'
        f"<span>Essence Wars, {escape(names[0])} against {escape(names[1])}</span></div>"
        f'<h1>{escape(headline(games, names))}</h1><p class="lead">{escape(_lead(games, names))}</p>'
        '</header><main><section aria-label="Both games of the deal">'
        f'<ol class="games" id="games">{cards}</ol></section>'
        f'<div id="view" tabindex="-1"></div><noscript>{_plain(games, names)}</noscript></main>'
        "<footer>Written by labctl. This file is complete by itself and asks nothing of the network.</footer>"
        "</div>"
    )


def deck_names(record: Mapping[str, Any]) -> tuple[str, str]:
    """Both decks' names; a deck that meets itself is told apart by a number."""
    first, second = (named(deck["name"]) for deck in record["decks"])
    return (first, second) if first != second else (f"{first} (1)", f"{second} (2)")


def headline(games: Sequence[Mapping[str, Any]], names: tuple[str, str]) -> str:
    """Who won the deal, in one line."""
    winners = [winner(game) for game in games]
    won = [deck for deck in winners if deck is not None]
    if not won:
        return "Both games of the deal were drawn"
    if len(won) < len(winners):
        return f"{names[won[0]]} won one game of the deal, the other was drawn"
    if len(set(won)) == 1:
        return f"{names[won[0]]} won both games of the deal"
    return f"One game each: who moved {'first' if games[0]['winner'] == 0 else 'second'} won both times"


def winner(game: Mapping[str, Any]) -> int | None:
    """The deck that won, 0 or 1; None for a draw."""
    return None if game["winner"] is None else deck_of(game, int(game["winner"]))


def deck_of(game: Mapping[str, Any], seat: int) -> int:
    """The deck in ``seat``."""
    return 0 if seat == int(game["seat_of_first"]) else 1


def costly(game: Mapping[str, Any]) -> list[int]:
    """How many choices of each deck the reviewer finds costly."""
    found = [0, 0]
    for step in game["steps"]:
        review = step.get("review")
        if review and review["known"] and review["cost"] >= COSTLY:
            found[deck_of(game, int(step["state"]["active"]))] += 1
    return found


def outcome(game: Mapping[str, Any], names: tuple[str, str]) -> str:
    """How a game ended, in one line."""
    deck = winner(game)
    turn = int(game["turns"])
    if deck is None:
        return f"A draw on turn {turn}"
    return f"{names[deck]} won on turn {turn} by {abs(int(game['margin']))} life"


def _lead(games: Sequence[Mapping[str, Any]], names: tuple[str, str]) -> str:
    both = [costly(game) for game in games]
    first, second = (sum(game[deck] for game in both) for deck in (0, 1))
    same = "The same shuffled decks, played twice with the seats swapped."
    if not any(step.get("review") for game in games for step in game["steps"]):
        return f"{same} No reviewer looked at the choices."
    if not first + second:
        return f"{same} The reviewer finds no costly choice."
    return (
        f"{same} The reviewer finds {_count(first + second, 'costly choice')}: {first} of {names[0]}, "
        f"{second} of {names[1]}."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _game(game: Mapping[str, Any], number: int, names: tuple[str, str]) -> str:
    first, second = costly(game)
    seen, steps = any(step.get("review") for step in game["steps"]), len(game["steps"])
    choices = f"{steps}" if int(game["actions"]) <= steps else f"first {steps} of {int(game['actions'])}"
    facts = [
        ("Moves first", names[deck_of(game, 0)]),
        ("Choices", choices),
        ("Costly", f"{first} of {names[0]}, {second} of {names[1]}" if seen else "not reviewed"),
    ]
    shown = "".join(f"<div><dt>{name}</dt> <dd>{escape(value)}</dd></div>" for name, value in facts)
    return (
        f'<li class="game"><div><h2><a href="#g={number}&amp;s=0">Game {number + 1}</a>'
        f'<span class="now"></span></h2><p class="won">{escape(outcome(game, names))}</p>'
        f'<dl>{shown}</dl></div><div class="spark"></div></li>'
    )


def _plain(games: Sequence[Mapping[str, Any]], names: tuple[str, str]) -> str:
    """All choices as lists, for who has no script."""
    parts = ["<p>The board, the estimates and what the players weighed are drawn by this page's script.</p>"]
    for number, game in enumerate(games):
        rows = "".join(_choice(game, step, names) for step in game["steps"])
        parts.append(
            f'<section class="plain"><h2>Game {number + 1}, all choices</h2><ol>{rows}</ol></section>'
        )
    return "".join(parts)


def _choice(game: Mapping[str, Any], step: Mapping[str, Any], names: tuple[str, str]) -> str:
    state, review = step["state"], step.get("review")
    who = f"turn {int(state['turn'])}, {names[deck_of(game, int(state['active']))]}"
    note = ""
    if review and review["known"] and review["cost"] >= COSTLY:
        note = f"; costly, −{review['cost']:.2f}: rather {named(review['says'], 120)}"
    return f"<li>{escape(named(step['says'], 120))} <small>{escape(who + note)}</small></li>"
