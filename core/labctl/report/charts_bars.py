"""Horizontal bars and forests: one estimate with its interval per row."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.model.charts import Bar, Bars, Forest, ForestRow
from labctl.report.canvas import WIDTH, Canvas, blank, num
from labctl.report.charts_rows import (
    MOST_ROWS,
    RowLayout,
    draw_labels,
    draw_reference,
    draw_top_axis,
    lay_rows,
    more_rows,
)
from labctl.report.markup import Markup
from labctl.report.numbers import decimals_for, finite, fixed, interval
from labctl.report.scales import Scale, linear
from labctl.report.tones import LOUD, tone_of
from labctl.report.widths import text_width


def draw_bars(chart: Bars, uid: str, description: str) -> Markup:
    """Bars from 0 with intervals, the numbers in a column at the right."""
    rows = chart.rows[:MOST_ROWS]
    if not rows:
        return blank(uid, chart.title, "No data: the chart has no rows.")
    decimals = decimals_for([n for r in rows for n in (r.value, r.low, r.high)])
    texts = [_value_text(row.value, row.low, row.high, decimals) for row in rows]
    layout = lay_rows(
        [(r.label, tone_of(r.tone) in LOUD) for r in rows], [f"{a} {b}".strip() for a, b in texts]
    )
    numbers = [n for r in rows for n in (r.value, r.low, r.high)]
    scale = linear(
        [0.0, *numbers, chart.reference, chart.maximum], layout.left, layout.right, count=_ticks(layout)
    )
    canvas = Canvas()
    draw_top_axis(canvas, layout, scale, chart.unit, 0.0)
    for i, row in enumerate(rows):
        _bar(canvas, layout, scale, i, row, chart.reference)
    extra = draw_reference(canvas, layout, scale, finite(chart.reference), chart.reference_label)
    for i, (row, (text, quiet)) in enumerate(zip(rows, texts, strict=True)):
        if finite(row.value) is not None:
            canvas.text(layout.value_x, layout.y(i) + 4.5, text, quiet=quiet, room=WIDTH - layout.value_x - 1)
    draw_labels(canvas, layout, [f"t-{tone_of(r.tone)}" for r in rows])
    canvas.height = (
        layout.bottom() + extra + more_rows(canvas, layout.bottom() + extra, len(chart.rows) - len(rows)) + 4
    )
    return canvas.finish(uid, chart.title, description)


def draw_forest(chart: Forest, uid: str, description: str) -> Markup:
    """Estimates with intervals, what each claim needs, and the best cheap baseline."""
    rows = chart.rows[:MOST_ROWS]
    if not rows:
        return blank(uid, chart.title, "No data: the chart has no rows.")
    signed = finite(chart.reference) == 0
    decimals = decimals_for([n for r in rows for n in (r.estimate, r.low, r.high)], 3 if signed else 2)
    texts = [_value_text(row.estimate, row.low, row.high, decimals, signed) for row in rows]
    layout = lay_rows([(r.label, False) for r in rows], [f"{a} {b}".strip() for a, b in texts])
    numbers = [n for r in rows for n in (r.estimate, r.low, r.high, r.threshold, r.baseline)]
    scale = linear([*numbers, chart.reference], layout.left + 6, layout.right, count=_ticks(layout))
    canvas = Canvas()
    draw_top_axis(canvas, layout, scale, chart.unit, None)
    extra = draw_reference(canvas, layout, scale, finite(chart.reference), chart.reference_label)
    for i, (row, (text, quiet)) in enumerate(zip(rows, texts, strict=True)):
        y = layout.y(i)
        draw_estimate(canvas, scale, y, row)
        if finite(row.estimate) is not None:
            canvas.text(layout.value_x, y + 4.5, text, quiet=quiet, room=WIDTH - layout.value_x - 1)
        elif row.note:
            _note(canvas, layout, y, row.note)
    draw_labels(canvas, layout, [f"t-{tone_of(r.tone)}" if tone_of(r.tone) in LOUD else "" for r in rows])
    bottom = layout.bottom() + extra
    bottom += more_rows(canvas, bottom, len(chart.rows) - len(rows))
    canvas.height = bottom + _key(canvas, bottom, rows) + 4
    return canvas.finish(uid, chart.title, description)


def draw_estimate(canvas: Canvas, scale: Scale, y: float, row: ForestRow) -> None:
    """The marks of one row of a forest: threshold, baseline, interval, estimate."""
    threshold, baseline = finite(row.threshold), finite(row.baseline)
    if threshold is not None:
        x = scale.at(threshold)
        canvas.rule(x, y - 9, x, y + 9, "c-need")
    if baseline is not None:
        canvas.path(diamond(scale.at(baseline), y, 5.5), "c-rival")
    low, high, estimate = finite(row.low), finite(row.high), finite(row.estimate)
    if low is not None and high is not None:
        canvas.rule(scale.at(low), y, scale.at(high), y, "c-span")
    if estimate is not None:
        canvas.dot(scale.at(estimate), y, 4.5, f"f-{tone_of(row.tone)}")


def diamond(x: float, y: float, radius: float) -> str:
    """Path data of a square on its corner."""
    r = num(radius)
    return f"M{num(x)} {num(y - radius)}l{r} {r}l-{r} {r}l-{r} -{r}z"


def _ticks(layout: RowLayout) -> int:
    return max(2, min(5, int((layout.right - layout.left) / 52)))


def _value_text(
    value: object, low: object, high: object, decimals: int, sign: bool = False
) -> tuple[str, str]:
    if finite(value) is None:
        return "", ""
    return fixed(value, decimals, sign), interval(low, high, decimals, sign)


def _clear(scale: Scale, zero: float, reference: object) -> float:
    """Where a note may begin: behind a reference line that stands close to zero."""
    value = finite(reference)
    x = zero if value is None else scale.at(value)
    return x if zero < x < zero + 30 else zero


def _bar(canvas: Canvas, layout: RowLayout, scale: Scale, i: int, row: Bar, reference: object) -> None:
    value, low, high = finite(row.value), finite(row.low), finite(row.high)
    y, zero = layout.y(i), scale.at(0.0)
    if value is None:
        _note(canvas, layout, y, row.note or "no value", _clear(scale, zero, reference) + 7)
        return
    x = scale.at(value)
    tone = tone_of(row.tone)
    canvas.rect(
        min(zero, x),
        y - 5.5,
        abs(x - zero),
        11,
        f"f-{tone} {'c-soft' if tone not in LOUD else ''}".strip(),
        row.note,
    )
    if low is not None and high is not None:
        a, b = scale.at(low), scale.at(high)
        canvas.path(
            f"M{num(a)} {num(y)}H{num(b)}M{num(a)} {num(y - 3.5)}v7M{num(b)} {num(y - 3.5)}v7", "c-whisk"
        )


def _note(canvas: Canvas, layout: RowLayout, y: float, note: str, x: float | None = None) -> None:
    x = layout.left + 7 if x is None else x
    x = x if x < WIDTH * 0.7 else layout.left + 7
    canvas.text(x, y + 4.5, note, style="t-q", room=WIDTH - x - 2)


def _key(canvas: Canvas, y: float, rows: Sequence[ForestRow]) -> float:
    """What the marks mean, below the rows, when there is more than the estimate."""
    marks = [("dot", "estimate")]
    if any(finite(row.threshold) is not None for row in rows):
        marks.append(("need", "needed"))
    if any(finite(row.baseline) is not None for row in rows):
        marks.append(("rival", "best cheap baseline"))
    if len(marks) == 1:
        return 0.0
    x, middle = 2.0, y + 14
    for mark, label in marks:
        if mark == "dot":
            canvas.rule(x, middle, x + 18, middle, "c-span")
            canvas.dot(x + 9, middle, 4.5, "f-plain")
        elif mark == "need":
            canvas.rule(x + 12, middle - 7, x + 12, middle + 7, "c-need")
        else:
            canvas.path(diamond(x + 11, middle, 5.5), "c-rival")
        canvas.text(x + 24, middle + 4.5, label, style="t-q")
        x += 24 + text_width(label) + 14
    return 26.0
