"""The page as text: what it allows itself, what it escapes, and what it says without its script."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from html.parser import HTMLParser
from typing import Any

import pytest

from labctl_essence_wars.replay.page import page
from labctl_essence_wars.replay.summary import costly, headline, named

LARGEST = 3_000_000
HOSTILE = "</script><img src=x onerror=alert(1)>"


class Parts(HTMLParser):
    """The elements of a page, and the text of its styles and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        self._open = found.get("type") or tag if tag in ("style", "script", "h1", "title") else ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open] = self.texts.get(self._open, "") + data

    def named(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in names]


def test_the_policy_allows_this_style_and_this_script_alone(handmade: dict[str, Any]) -> None:
    parts = Parts(page(handmade, "a deal"))
    found = [m["content"] or "" for m in parts.named("meta") if m.get("http-equiv")]
    assert len(found) == 1
    rules = dict(rule.strip().split(" ", 1) for rule in found[0].split(";"))

    def digest(name: str) -> str:
        return base64.b64encode(hashlib.sha256(parts.texts[name].encode()).digest()).decode()

    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest('style')}'",
        "script-src": f"'sha256-{digest('script')}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert all("src" not in attributes for _, attributes in parts.elements)
    assert all((link["href"] or "").startswith("#") for link in parts.named("a"))
    assert not parts.named("link", "img", "iframe", "object", "form", "base")


def test_the_record_stands_in_the_page_as_it_was_given(handmade: dict[str, Any]) -> None:
    handmade["cards"]["1"]["name"] = HOSTILE + "<!--<script>"
    parts = Parts(page(handmade, "a deal"))
    embedded = parts.texts["application/json"]
    assert "<" not in embedded
    assert json.loads(embedded) == handmade


def test_what_the_page_says_by_itself_is_escaped(handmade: dict[str, Any]) -> None:
    handmade["decks"][0]["name"] = HOSTILE
    handmade["games"][0]["steps"][0]["says"] = HOSTILE
    parts = Parts(page(handmade, HOSTILE))
    assert not parts.named("img")
    assert len(parts.named("script")) == 2
    assert parts.texts["title"] == HOSTILE


def test_a_recorded_deal_is_small(recorded: dict[str, Any]) -> None:
    assert len(page(recorded, "a deal").encode()) < LARGEST


def test_it_is_pure(handmade: dict[str, Any]) -> None:
    before = copy.deepcopy(handmade)
    assert page(handmade, "a deal") == page(handmade, "a deal")
    assert handmade == before


def test_another_shape_is_refused(handmade: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="schema_version 2, and this viewer reads 1"):
        page({**handmade, "schema_version": 2}, "a deal")


def test_what_json_cannot_hold_is_refused(handmade: dict[str, Any]) -> None:
    handmade["games"][0]["steps"][0]["review"]["value"] = float("nan")
    with pytest.raises(ValueError, match="JSON compliant"):
        page(handmade, "a deal")


@pytest.mark.parametrize(
    ("winners", "says"),
    [
        ((0, 1), "A won both games of the deal"),
        ((1, 0), "B won both games of the deal"),
        ((0, 0), "One game each: who moved first won both times"),
        ((1, 1), "One game each: who moved second won both times"),
        ((None, 1), "A won one game of the deal, the other was drawn"),
        ((None, None), "Both games of the deal were drawn"),
    ],
)
def test_the_headline_says_who_won(winners: tuple[int | None, int | None], says: str) -> None:
    games = [{"winner": winner, "seat_of_first": seat} for seat, winner in enumerate(winners)]
    assert headline(games, ("A", "B")) == says


def test_costly_are_choices_of_a_tenth_whose_cost_is_known(handmade: dict[str, Any]) -> None:
    game = handmade["games"][0]
    assert costly(game) == [1, 0]
    game["steps"][3]["review"]["cost"] = 0.1
    assert costly(game) == [1, 1]
    game["steps"][3]["review"]["cost"] = 0.099
    assert costly(game) == [1, 0]


def test_a_record_without_reviews_says_so(handmade: dict[str, Any]) -> None:
    for game in handmade["games"]:
        for step in game["steps"]:
            del step["review"]
    assert "No reviewer looked at the choices." in page(handmade, "a deal")


def test_a_deck_that_meets_itself_is_told_apart(handmade: dict[str, Any]) -> None:
    handmade["decks"][1]["name"] = handmade["decks"][0]["name"]
    assert Parts(page(handmade, "a deal")).texts["h1"].startswith("First deck (1) won one game")


def test_names_are_short_and_on_one_line() -> None:
    assert named("  a\n\tb ") == "a b"
    assert named("x" * 5000) == "x" * 59 + "…"
    assert named("a\u202eb\x00\ud800") == "a\ufffdb\ufffd\ufffd"
