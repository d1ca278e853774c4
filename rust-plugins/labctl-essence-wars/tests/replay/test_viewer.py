"""The page in a real browser: it steps, jumps, switches, and says what was chosen and why."""

from __future__ import annotations

import re
from typing import Any

import pytest
from looking import opened, where

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_keys_step(browser: Any, written: Any, recorded: dict[str, Any]) -> None:
    steps = recorded["games"][0]["steps"]
    total = len(steps)
    second = next(i for i, step in enumerate(steps) if step["state"]["turn"] == 2)
    with opened(browser, written(recorded)) as page:
        for key, choice in [
            ("ArrowRight", 2),
            ("ArrowRight", 3),
            ("ArrowLeft", 2),
            ("End", total),
            ("ArrowRight", total),
            ("Home", 1),
            ("ArrowLeft", 1),
            ("Shift+ArrowRight", second + 1),
            ("Shift+ArrowLeft", 1),
        ]:
            page.keyboard.press(key)
            assert where(page) == f"Choice {choice} of {total}"
        page.focus("#slider")
        page.keyboard.press("ArrowRight")
        assert where(page) == f"Choice 2 of {total}"
        page.focus("#rows [aria-current]")
        page.keyboard.press("ArrowDown")
        assert where(page) == f"Choice 3 of {total}"
        assert page.evaluate("document.activeElement.dataset.step") == "2"


def test_buttons_slider_and_list_step(browser: Any, written: Any, recorded: dict[str, Any]) -> None:
    with opened(browser, written(recorded)) as page:
        total = len(recorded["games"][0]["steps"])
        for name, choice in [("#next", 2), ("#back", 1), ("#last", total), ("#first", 1)]:
            page.click(name)
            assert where(page) == f"Choice {choice} of {total}"
        page.fill("#slider", "9")
        assert where(page) == f"Choice 10 of {total}"
        page.click('#rows [data-step="5"]')
        assert where(page) == f"Choice 6 of {total}"
        page.click("#plot svg", position={"x": 1000, "y": 60})
        assert int(re.findall(r"\d+", where(page))[0]) > total / 2


def test_costly_choices_are_marked_and_reached(browser: Any, written: Any, recorded: dict[str, Any]) -> None:
    for number, game in enumerate(recorded["games"]):
        reviews = [step["review"] for step in game["steps"]]
        found = [i + 1 for i, review in enumerate(reviews) if review["known"] and review["cost"] >= 0.1]
        assert found, "the recorded deal has costly choices, or this test tests nothing"
        with opened(browser, written(recorded), address=f"#g={number}&s=0") as page:
            order = [choice for choice in found if choice > 1] + found[:1]
            for choice in order:
                page.click("#costly")
                assert where(page).startswith(f"Choice {choice} of")
                assert page.locator("#why .verdict.costly").count() == 1
            assert page.locator(".chart .costly-mark").count() == len(found)
            assert page.locator("#rows .bad").count() == len(found)
            page.keyboard.press("c")
            assert where(page).startswith(f"Choice {(found * 2)[1]} of")
            page.uncheck("#letters")
            page.keyboard.press("c")
            assert where(page).startswith(f"Choice {(found * 2)[1]} of")


def test_the_twin_is_one_click_away_and_the_address_keeps_the_place(
    browser: Any, written: Any, recorded: dict[str, Any]
) -> None:
    with opened(browser, written(recorded)) as page:
        assert len(recorded["games"][0]["steps"]) > len(recorded["games"][1]["steps"])
        page.keyboard.press("End")
        page.click("#games .game:nth-child(2)")
        assert where(page) == f"Choice 1 of {len(recorded['games'][1]['steps'])}"
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**#g=1&s=1")
        page.reload()
        assert where(page) == f"Choice 2 of {len(recorded['games'][1]['steps'])}"
        assert page.locator("#games .on").inner_text().startswith("Game 2")
        page.go_back()
        page.locator("#games .on", has_text="Game 1").wait_for()
        page.evaluate("location.hash = '#g=0&s=99999'")
        page.locator("#games .on", has_text="Game 1").wait_for()
        assert where(page).startswith(f"Choice {len(recorded['games'][0]['steps'])} of")
        page.evaluate("location.hash = '#view'")
        assert where(page).startswith(f"Choice {len(recorded['games'][0]['steps'])} of")


def test_actions_are_said_as_the_engine_says_them(
    browser: Any, written: Any, recorded: dict[str, Any]
) -> None:
    said = [[step["says"] for step in game["steps"]] for game in recorded["games"]]
    silent = poison_says(recorded)
    for number, expected in enumerate(said):
        with opened(browser, written(silent), address=f"#g={number}&s=0") as page:
            rows = page.evaluate(
                "[...document.querySelectorAll('#rows .words')].map(e => e.firstChild.textContent)"
            )
            assert [re.sub(r" \(\d\)", "", row).replace(" at own ", " at ") for row in rows] == expected


def poison_says(value: Any) -> Any:
    """``value`` without any action in words."""
    if isinstance(value, list):
        return [poison_says(item) for item in value]
    if isinstance(value, dict):
        return {key: "" if key == "says" else poison_says(item) for key, item in value.items()}
    return value


def test_what_was_weighed_is_said_in_words(browser: Any, written: Any, handmade: dict[str, Any]) -> None:
    weighed = [
        ["Oak (2) attacks Oak (2)", "Oak (2) attacks the enemy", "Insight: draw a card", "End the turn"],
        [
            "Play Mill",
            "Play Bolt at Oak (2)",
            "Play Bolt at own Oak (2)",
            "Play Bolt at the enemy",
            "Play Bolt at yourself",
            "Play Bolt",
            "Play Oak in slot 1",
        ],
        [],
        [],
    ]
    with opened(browser, written(handmade)) as page:
        for rows in weighed:
            found = page.locator("#why tbody th").all_inner_texts()
            assert [re.sub(r"^(chosen |and |reviewer's best )+", "", row) for row in found] == rows
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Home")
        assert "Costly: −0.25. The reviewer prefers: Insight" in page.inner_text("#why")
        page.click('#rows [data-step="2"]')
        assert "First deck chooses: Something else" in page.inner_text("#why")
        assert "Cost not known." in page.inner_text("#why")
        page.click('#rows [data-step="3"]')
        assert "The only legal action" in page.inner_text("#why")
        assert "First deck won on turn 2 by 7 life" in page.inner_text("#then")
        assert page.inner_text('#rows [data-step="3"] .v') == ""


def test_a_record_that_was_cut_says_so(browser: Any, written: Any, handmade: dict[str, Any]) -> None:
    with opened(browser, written(handmade), address="#g=1&s=3") as page:
        assert "after 4 of 9 choices. A draw on turn 2" in page.inner_text("#then")
        assert "first 4 of 9" in page.inner_text("#games .on")
        assert page.get_attribute("#costly", "aria-disabled") == "true"


def test_words_explain_themselves(browser: Any, written: Any, handmade: dict[str, Any]) -> None:
    with opened(browser, written(handmade)) as page:
        badge = page.locator(".badge.aura").first
        badge.hover()
        assert "It takes 1 damage less" in page.inner_text(".hint")
        assert "comes from an aura" in page.inner_text(".hint")
        page.keyboard.press("Escape")
        assert page.locator(".hint").is_hidden()
        page.locator(".state", has_text="silenced").first.focus()
        assert "It has lost its keywords" in page.inner_text(".hint")
        key = page.evaluate("document.activeElement.dataset.key")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.key") == key
        page.locator(".chip").first.focus()
        assert "Creature of argentum, costs 2, 2/4" in page.inner_text(".hint")


def test_without_reviews_there_is_still_a_game(browser: Any, written: Any, handmade: dict[str, Any]) -> None:
    for game in handmade["games"]:
        for step in game["steps"]:
            step["review"] = None
    with opened(browser, written(handmade)) as page:
        assert "No reviewer looked at this game" in page.inner_text(".curve")
        page.keyboard.press("End")
        assert where(page) == "Choice 4 of 4"
    handmade["games"][0]["steps"] = []
    with opened(browser, written(handmade)) as page:
        page.keyboard.press("End")
        page.click("#games .game:nth-child(2)")
        assert where(page) == "Choice 1 of 4"
        page.click("#games .game:nth-child(1)")
        assert page.inner_text("#board") == ""
    handmade["games"][1]["steps"] = []
    with opened(browser, written(handmade)) as page:
        assert "The record holds no choices." in page.inner_text("#view")
