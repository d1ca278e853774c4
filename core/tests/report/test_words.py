"""Numbers, scales, widths and markup: the small things that every part rests on."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from labctl.report.markup import Markup, clean, el, escape, join, jump, line, shorten
from labctl.report.numbers import (
    clock,
    decimals_for,
    finite,
    fixed,
    interval,
    listed,
    money,
    seconds,
    short,
    size,
)
from labctl.report.scales import linear, logarithmic, push_apart
from labctl.report.widths import fit, text_width, wrap


def test_text_is_escaped_unless_it_is_markup() -> None:
    assert (
        el("p", {"class": 'a"b'}, "<i>", el("b", None, "&"))
        == '<p class="a&quot;b">&lt;i&gt;<b>&amp;</b></p>'
    )
    assert join(["<", Markup("<br>"), None, 3], ", ") == "&lt;, <br>, 3"
    assert isinstance(escape("x"), Markup)
    assert escape(line(Markup("<b>"))) == escape(clean(Markup("<b>"))) == "&lt;b&gt;"
    assert jump("s1", "javascript:x") == '<a href="#s1">javascript:x</a>'


def test_what_cannot_be_written_is_replaced() -> None:
    assert escape("a\x00\ud800\u202eb") == "a\ufffd\ufffd\ufffdb"
    assert line(" a\n\tb\u2028c ") == "a b c"
    assert shorten("x" * 5000, 10) == "x" * 10 + "… (4,990 more characters)"


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (-0.5, 2, "−0.50"),
        (-0.001, 2, "0.00"),
        (19200, 0, "19,200"),
        (math.nan, 2, "–"),
        (None, 2, "–"),
        ("7", 2, "–"),
        (1e30, 2, "1e30"),
        (-1.25e30, 2, "−1.2e30"),
        (10**400, 2, "–"),
    ],
)
def test_fixed(value: object, decimals: int, text: str) -> None:
    assert fixed(value, decimals) == text


def test_estimates_have_their_interval_and_sign() -> None:
    assert interval(0.55, 0.69) == "[0.55,\u00a00.69]"
    assert interval(-0.012, 0.006, 3, sign=True) == "[−0.012,\u00a0+0.006]"
    assert interval(None, math.nan) == ""
    assert decimals_for([0.74, 0.62]) == 2
    assert decimals_for([1, 2.0, 400]) == 0
    assert decimals_for([0.0015, 0.0213]) == 3
    assert decimals_for([]) == 0
    assert (short(0.92), short(3.0), short(0.0015)) == ("0.92", "3", "0.0015")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (0.34, "340 ms"),
        (19.2, "19.2 s"),
        (59.99, "1 min 0 s"),
        (82, "1 min 22 s"),
        (3600, "1 h 00 min"),
        (11_100, "3 h 05 min"),
        (187_200, "2 d 4 h"),
        (None, "–"),
        (math.inf, "–"),
        (-1, "–"),
    ],
)
def test_seconds(value: object, text: str) -> None:
    assert seconds(value) == text


def test_other_units() -> None:
    assert (money(0.23), money(0), money(0.001), money(None)) == ("$0.23", "$0.00", "<$0.01", "not known")
    assert (size(212_000), size(1_400_000), size(3)) == ("212 kB", "1.4 MB", "3 bytes")
    assert clock(1_795_183_332) == "20 Nov 2026, 14:02 UTC"
    assert clock(1e300) == "–"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert finite(True) == 1.0


def test_ticks_are_round_and_have_equal_decimals() -> None:
    assert [label for _, label in linear([0.03, 0.84], 0, 100, zero=True).ticks] == [
        "0.0",
        "0.2",
        "0.4",
        "0.6",
        "0.8",
        "1.0",
    ]
    assert [label for _, label in linear([0, 10], 0, 100, count=4).ticks] == [
        "0.0",
        "2.5",
        "5.0",
        "7.5",
        "10.0",
    ]
    assert [label for _, label in linear([-20, 0], 0, 100, tight=True).ticks] == [
        "−20",
        "−15",
        "−10",
        "−5",
        "0",
    ]


@pytest.mark.parametrize(
    "values", [[], [1.0], [0.0], [5.0, 5.0], [-3.0], [1e300, -1e300], [1e-300], [1e-8, 2e-8], [math.nan]]
)
def test_a_scale_holds_anything(values: list[float]) -> None:
    for scale in (
        linear(values, 10, 110),
        logarithmic(values, 10, 110),
        linear(values, 10, 110, zero=False, tight=True),
    ):
        assert scale.high > scale.low
        assert 1 <= len(scale.ticks) <= 12 or scale.ticks == ()
        assert all(
            10 <= scale.at(value) <= 110 for value in [*values, -1e308, 1e308] if not math.isnan(value)
        )
        assert len({label for _, label in scale.ticks}) == len(scale.ticks)


def test_labels_are_pushed_apart_and_stay_in_order() -> None:
    out = push_apart([50.0, 51.0, 10.0, 52.0], 16, 0, 100)
    ordered = sorted(out)
    assert all(b - a >= 16 for a, b in pairwise(ordered))
    assert out[0] < out[1] < out[3]
    assert max(out) <= 100


def test_text_is_cut_to_its_room() -> None:
    assert fit("temperature", 200) == "temperature"
    cut = fit("temperature of a very long name", 60)
    assert cut.endswith("…")
    assert text_width(cut) <= 60
    assert wrap("temperature (legacy)", 100) == ["temperature", "(legacy)"]
    assert wrap("a b", 200) == ["a b"]
    assert wrap("", 200) == [""]
    assert all(text_width(part) <= 80 for part in wrap("W" * 10_000, 80))
    assert fit("anything", 0) == ""
    assert text_width("漢") > text_width("W")
