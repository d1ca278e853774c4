"""The page in every window, on paper, without its script, and with hostile text: nothing breaks or runs."""

from __future__ import annotations

from typing import Any

import pytest
from looking import CONTRAST, OUTSIDE, opened, where

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEXTS = [
    "</script><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    '"><svg onload=alert(1)>',
    "{{constructor}}\u202e\ud800 __proto__",
    "W" * 5000,
]


def poison(value: Any, text: str) -> Any:
    """``value`` with ``text`` in the place of every string; names of fields and ids of cards stay."""
    if isinstance(value, str):
        return text
    if isinstance(value, list):
        return [poison(item, text) for item in value]
    if isinstance(value, dict):
        return {key: poison(item, text) for key, item in value.items()}
    return value


@pytest.mark.parametrize("width", [1280, 800, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_stays_in_the_window_and_has_contrast(
    browser: Any, written: Any, recorded: dict[str, Any], width: int, scheme: str
) -> None:
    with opened(browser, written(recorded), width, color_scheme=scheme) as page:
        for number in range(0, len(recorded["games"][0]["steps"]), 7):
            page.fill("#slider", str(number))
            assert page.evaluate(OUTSIDE) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator(".badge").last.focus()
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("text", TEXTS, ids=[text[:12] for text in TEXTS])
def test_hostile_text_runs_nothing_and_breaks_nothing(
    browser: Any, written: Any, recorded: dict[str, Any], handmade: dict[str, Any], text: str
) -> None:
    foreign = "document.querySelectorAll('img,iframe,object,embed,form,base,link,foreignObject').length"
    for record in (recorded, handmade):
        with opened(browser, written(poison(record, text), text), 400) as page:
            for width in (400, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                for key in ("Home", "ArrowRight", "ArrowRight", "c", "End"):
                    page.keyboard.press(key)
                    page.locator("#board button").last.focus()
                    assert page.evaluate(OUTSIDE) == []
                page.click("#games .game:nth-child(2)")
                assert where(page).startswith("Choice 1 of")
            assert page.evaluate(foreign) == 0
            assert page.evaluate("document.scripts.length") == 2
            assert page.evaluate("[...document.links].every(a => a.getAttribute('href')[0] === '#')")
            assert page.evaluate("getComputedStyle(document.body).display") == "block"


def test_without_its_script_the_page_lists_the_choices(
    browser: Any, written: Any, recorded: dict[str, Any]
) -> None:
    with opened(browser, written(recorded), 400, java_script_enabled=False) as page:
        texts = page.locator(".plain li").all_inner_texts()
        expected = [step["says"] for game in recorded["games"] for step in game["steps"]]
        assert len(texts) == len(expected)
        assert all(text.startswith(says) for text, says in zip(texts, expected, strict=True))
        assert page.locator("#games .won").count() == 2


def test_paper_shows_all_choices_and_no_controls(
    browser: Any, written: Any, recorded: dict[str, Any]
) -> None:
    with opened(browser, written(recorded), 720) as page:
        page.emulate_media(media="print")
        assert page.locator(".controls").is_hidden()
        assert page.evaluate("getComputedStyle(document.querySelector('#rows')).overflowY") == "visible"
        assert page.locator("#rows .words").count() == len(recorded["games"][0]["steps"])


def test_nothing_moves_for_who_wants_no_motion(browser: Any, written: Any, handmade: dict[str, Any]) -> None:
    moving = "document.getAnimations().length"
    with opened(browser, written(handmade), reduced_motion="reduce") as page:
        page.keyboard.press("ArrowRight")
        assert page.evaluate(moving) == 0
