"""Every chart, from good, empty, odd and hostile data: always a well-formed drawing."""

from __future__ import annotations

import math
import re
import time
import xml.etree.ElementTree as ET
from types import ModuleType
from typing import Any

import pytest

from labctl.model.charts import (
    Bar,
    Bars,
    Forest,
    ForestRow,
    HeatMap,
    Lines,
    Points,
    Scatter,
    Series,
    Span,
    Timeline,
)
from labctl.report.chart_tables import table_of
from labctl.report.charts import draw
from labctl.report.charts_lines import MOST_POINTS, samples
from labctl.report.widths import SAFETY, text_width

KINDS = ("Bars", "Forest", "Lines", "Scatter", "HeatMap", "Timeline")
NS = {"s": "http://www.w3.org/2000/svg"}
ODD = (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e308, -1e308, 5e-324, 10**400, 1e-12, True)


def chart_of(sample: ModuleType, kind: str) -> Any:
    return next(chart for chart in sample.six_charts() if type(chart).__name__ == kind)


def parsed(svg: str) -> ET.Element:
    """The drawing, after the checks that hold for each."""
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    named = (root.get("aria-labelledby") or "").split()
    assert [element.get("id") for element in root[:2]] == named
    assert all(element.text for element in root[:2])
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    assert width == 400
    assert 0 < height < 20_000
    assert "nan" not in re.sub(r"<(title|desc|text|tspan)\b.*?</\1>", "", svg)
    for text in root.iterfind(".//s:text", NS):
        assert_inside(text, width, height)
    return root


def assert_inside(text: ET.Element, width: float, height: float) -> None:
    """The reckoned box of a text, widest font included, lies in its drawing."""
    if text.get("transform"):
        return
    bold = "t-b" in (text.get("class") or "").split()
    quiet = text.find("s:tspan[@class='t-q']", NS)
    tail = "".join(quiet.itertext()) if quiet is not None else ""
    whole = "".join(part for part in text.itertext())
    title = text.find("s:title", NS)
    head = whole.removeprefix(title.text or "" if title is not None else "").removesuffix(tail)
    size = 12 if "t-s" in (text.get("class") or "").split() else 13
    # The tail is drawn regular, in bold rows as well.
    length = text_width(head, size, bold) + text_width(tail, size)
    x, y = float(text.get("x", 0)), float(text.get("y", 0))
    start = x - {"middle": length / 2, "end": length}.get(text.get("text-anchor", ""), 0.0)
    assert start >= 0, (head, start)
    assert start + length <= width + 0.2, (head, start + length)
    assert 9 <= y <= height - 2, (head, y, height)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_is_a_small_named_drawing(sample: ModuleType, kind: str) -> None:
    chart = chart_of(sample, kind)
    svg = draw(chart, "c1")
    root = parsed(svg)
    assert root[0].text == chart.title
    assert root[0].get("id") == "c1-t"
    assert len(svg) < 20_000
    assert not re.search(r"(fill|stroke|style)=|#[0-9a-f]{3,6}|rgb", svg), "colours are classes"


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_stays_text(sample: ModuleType, hostile: ModuleType, kind: str) -> None:
    for text in hostile.TEXTS.values():
        svg = draw(hostile.poison(chart_of(sample, kind), text), "c1")
        root = parsed(svg)
        for element in root.iter():
            assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in {
                "svg",
                "title",
                "desc",
                "path",
                "circle",
                "text",
                "tspan",
            }
            assert not any(hostile.MARK in value or name.startswith("on") for name, value in element.items())
        assert "\u202e" not in svg


@pytest.mark.parametrize("number", ODD, ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_odd_numbers_are_drawn_or_left_out(
    sample: ModuleType, hostile: ModuleType, kind: str, number: float
) -> None:
    svg = draw(hostile.renumber(chart_of(sample, kind), number), "c1")
    parsed(svg)
    assert "cannot be drawn" not in svg


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_without_data_says_so(sample: ModuleType, hostile: ModuleType, kind: str) -> None:
    svg = draw(hostile.emptied(chart_of(sample, kind)), "c1")
    parsed(svg)
    assert "No data" in svg


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_types_cost_one_chart_not_the_page(sample: ModuleType, kind: str) -> None:
    chart = chart_of(sample, kind)
    fields = dict.fromkeys(chart.__struct_fields__, 7)
    svg = draw(type(chart)(**fields), "c1")
    parsed(svg)
    assert "cannot be drawn" in svg


def test_what_is_no_chart_is_named() -> None:
    assert "str is no chart" in draw("<b>", "c1")  # type: ignore[arg-type]


def test_a_hundred_rows_and_more_fit() -> None:
    rows = tuple(Bar(f"row {i}", i / 130, i / 140, i / 120) for i in range(130))
    svg = draw(Bars(title="many", rows=rows), "c1")
    parsed(svg)
    assert "10 more rows stand in the table." in svg
    parsed(draw(Forest(title="many", rows=tuple(ForestRow(f"r {i}", i / 9) for i in range(100))), "c2"))


def test_bars_without_a_value_keep_their_row_and_say_why() -> None:
    svg = draw(Bars(title="t", rows=(Bar("a", 0.5), Bar("b", None, note="not measured: job failed"))), "c1")
    assert "not measured: job failed" in svg
    assert svg.count("not measured") == 2, "drawn, and in the words for readers"


def test_bars_may_be_negative() -> None:
    parsed(draw(Bars(title="t", rows=(Bar("a", -0.5, -0.7, -0.2), Bar("b", 0.25))), "c1"))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 30, 90])
def test_lines_of_any_number_have_labels_that_do_not_touch(count: int) -> None:
    series = tuple(Series(f"line {i}", (0.0, 1.0, 2.0), (0.0, 0.5, 0.5 + i * 1e-4)) for i in range(count))
    root = parsed(draw(Lines(title="t", series=series), "c1"))
    places = [
        float(t.get("y", 0)) for t in root.iterfind(".//s:text", NS) if (t.text or "").startswith("line ")
    ]
    gaps = [b - a for a, b in zip(sorted(places), sorted(places)[1:], strict=False)]
    assert all(gap >= 14.5 for gap in gaps)


def test_a_gap_is_a_gap_and_a_lonely_value_a_dot() -> None:
    line = Series("a", (0, 1, 2, 3, 4, 5), (1.0, 2.0, None, 3.0, None, 4.0))
    root = parsed(draw(Lines(title="t", series=(line,)), "c1"))
    drawn = [p.get("d", "") for p in root.iterfind(".//s:path", NS) if "c-line" in (p.get("class") or "")]
    assert drawn[0].count("M") == 1
    assert len(root.findall(".//s:circle", NS)) == 2


def test_a_long_line_keeps_its_peaks_in_few_points() -> None:
    ys = [0.0] * 100_000
    ys[54_321] = 9.0
    kept = samples(Series("a", tuple(map(float, range(100_000))), tuple(ys)), False, False)
    assert len(kept) <= MOST_POINTS
    assert max(y for _, y, _, _ in kept if y is not None) == 9.0
    assert (kept[0][0], kept[-1][0]) == (0.0, 99_999.0)


def test_a_long_line_keeps_its_gaps() -> None:
    ys = tuple(None if 4000 <= i < 6000 else 1.0 for i in range(10_000))
    kept = samples(Series("a", tuple(map(float, range(10_000))), ys), False, False)
    assert any(y is None for _, y, _, _ in kept)


def test_a_logarithmic_axis_leaves_out_what_it_cannot_hold() -> None:
    series = (Series("a", (0.0, 1.0, 10.0, 1e5), (0.0, -1.0, 1e-6, 1e3)),)
    svg = draw(Lines(title="t", series=series, x_log=True, y_log=True, reference=-3.0), "c1")
    parsed(svg)
    assert "1e−6" in svg
    nothing = draw(Scatter(title="t", groups=(Points("g", (0.0,), (1.0,)),), x_log=True), "c2")
    assert "No data" in nothing


def test_lengths_that_do_not_match_are_cut_to_the_shorter() -> None:
    parsed(draw(Lines(title="t", series=(Series("a", (1.0, 2.0, 3.0), (1.0,), (0.5, 0.6), ()),)), "c1"))
    parsed(draw(Scatter(title="t", groups=(Points("g", (1.0, 2.0), (1.0,)),)), "c2"))
    parsed(draw(HeatMap(title="t", rows=("a", "b"), columns=("x", "y"), values=((1.0,),)), "c3"))


def test_a_heat_map_says_something_of_each_cell() -> None:
    """Below the number, cut to its cell; ragged and hostile notes break nothing."""
    notes = (("40–60 =", "<script>" * 20), ("x",))
    values = ((50.0, 61.0), (None, 30.0))
    svg = draw(HeatMap(title="t", rows=("a", "b"), columns=("x", "y"), values=values, notes=notes), "c1")
    parsed(svg)
    assert "40–60 =" in svg
    assert "<script>" not in svg
    plain = draw(HeatMap(title="t", rows=("a", "b"), columns=("x", "y"), values=values), "c1")
    assert "t-xs" not in plain


def test_a_heat_map_of_thousands_of_cells_stays_small() -> None:
    values = tuple(tuple((r * c) % 97 / 97 for c in range(200)) for r in range(200))
    names = tuple(f"n{i}" for i in range(200))
    svg = draw(HeatMap(title="t", rows=names, columns=names, values=values), "c1")
    parsed(svg)
    assert len(svg) < 200_000
    assert "100 rows and 140 columns more are not drawn" in svg


def test_spans_that_overlap_stand_below_each_other() -> None:
    spans = (Span("w", "a", 0, 10), Span("w", "b", 5, 12), Span("w", "c", 11, 14))
    root = parsed(draw(Timeline(title="t", spans=spans), "c1"))
    bars = [p.get("d", "") for p in root.iterfind(".//s:path", NS) if "f-base" in (p.get("class") or "")]
    heights = [bar.split("h")[0].split()[1] for bar in bars]
    assert heights[0] == heights[2] != heights[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_are_a_table(sample: ModuleType, kind: str) -> None:
    table = table_of(chart_of(sample, kind))
    assert table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_long_table_is_thinned_and_says_so() -> None:
    xs = tuple(map(float, range(5000)))
    table = table_of(Lines(title="t", series=(Series("a", xs, xs),)))
    assert len(table.rows) == 200
    assert "200 of 5,000 rows" in table.note


def test_drawing_takes_no_seconds(sample: ModuleType) -> None:
    big = Lines(
        title="t",
        series=tuple(
            Series(f"s{i}", tuple(map(float, range(5000))), tuple(map(float, range(5000)))) for i in range(10)
        ),
    )
    start = time.process_time()
    for chart in (*sample.six_charts(), big):
        draw(chart, "c")
    assert time.process_time() - start < 5


def test_bold_text_has_more_room() -> None:
    assert SAFETY[True] > SAFETY[False] > 1
    assert text_width("temperature (legacy)", 13, True) > text_width("temperature (legacy)", 13) > 120
