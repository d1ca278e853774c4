"""What was done when: one lane above the other, spans as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from labctl.model.charts import Span, Timeline
from labctl.report.canvas import WIDTH, Canvas, blank, num
from labctl.report.charts_rows import lay_rows
from labctl.report.markup import Markup, line
from labctl.report.numbers import finite, fixed
from labctl.report.numbers import seconds as duration
from labctl.report.scales import Scale, step_decimals, step_for
from labctl.report.tones import LOUD, tone_of
from labctl.report.widths import text_width

MOST_LANES, MOST_SPANS = 60, 2000
_DEPTH = 6
_BAR, _TOP = 16.0, 26.0
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class _Placed(NamedTuple):
    span: Span
    start: float
    end: float
    row: int


def draw_timeline(chart: Timeline, uid: str, description: str) -> Markup:
    """Lanes with their spans; spans of a lane that overlap stand below each other."""
    lanes = _lanes(chart.spans[:MOST_SPANS])
    if not lanes:
        return blank(uid, chart.title, "No data: nothing has a start and an end.")
    names = list(lanes)[:MOST_LANES]
    layout = lay_rows([(name, False) for name in names], [])
    ends = [place.end for name in names for place in lanes[name]]
    starts = [place.start for name in names for place in lanes[name]]
    scale = time_scale(min(0.0, min(starts)), max(ends), layout.left, WIDTH - 12)
    canvas = Canvas()
    depths = [1 + max(place.row for place in lanes[name]) for name in names]
    heights = [
        max(22.0 if len(label.lines) == 1 else 36.0, depth * (_BAR + 2) + 6)
        for label, depth in zip(layout.labels, depths, strict=True)
    ]
    bottom = _TOP + sum(heights)
    _axis(canvas, scale, bottom)
    y = _TOP
    for label, name, depth, height in zip(layout.labels, names, depths, heights, strict=True):
        first = y + height / 2 + 4.5 - 7.5 * (len(label.lines) - 1)
        for i, part in enumerate(label.lines):
            whole = label.whole if part.endswith("…") and i == 0 else part
            canvas.text(layout.left - 7, first + 15 * i, whole, anchor="end", room=layout.left - 8)
        top = y + (height - depth * (_BAR + 2)) / 2 + 1
        _draw_lane(canvas, scale, lanes[name], top)
        y += height
    canvas.height = bottom + 4
    hidden = len(lanes) - len(names)
    if hidden or len(chart.spans) > MOST_SPANS:
        canvas.text(1, bottom + 16, "More lanes or spans stand in the table.", style="t-q")
        canvas.height = bottom + 22
    return canvas.finish(uid, chart.title, description)


def time_scale(low: float, high: float, start: float, end: float, count: int = 5) -> Scale:
    """A scale of seconds with ticks at round seconds, minutes, hours or days."""
    high = high if high > low else low + 1.0
    raw = (high - low) / count
    step = (
        step_for(high - low, count)
        if raw <= 50
        else next((s for s in _STEPS if s >= raw), 86400 * math.ceil(raw / 86400))
    )
    unit, name = next(((u, n) for u, n in ((86400, "d"), (3600, "h"), (60, "min")) if step >= u), (1, "s"))
    decimals = step_decimals(step / unit)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    labels = [(i * step, fixed(i * step / unit, decimals)) for i in range(first, last + 1)]
    ticks = tuple(
        (v, f"{text} {name}" if i == len(labels) - 1 else text) for i, (v, text) in enumerate(labels)
    )
    return Scale(low, high, start, end, False, ticks)


def _lanes(spans: Sequence[Span]) -> dict[str, list[_Placed]]:
    """The spans of each lane, by start, each in the first row that is free."""
    by_lane: dict[str, list[tuple[float, float, Span]]] = {}
    for span in spans:
        start, end = finite(span.start), finite(span.end)
        if start is not None and end is not None and abs(start) < 1e12 and abs(end) < 1e12:
            by_lane.setdefault(line(span.lane), []).append((start, max(start, end), span))
    out: dict[str, list[_Placed]] = {}
    for lane, found in by_lane.items():
        free: list[float] = []
        placed: list[_Placed] = []
        for start, end, span in sorted(found, key=lambda item: item[:2]):
            row = next((r for r, until in enumerate(free) if until <= start + 1e-9), len(free))
            row = min(row, _DEPTH - 1)
            free[row : row + 1] = [end]
            placed.append(_Placed(span, start, end, row))
        out[lane] = placed
    return out


def _axis(canvas: Canvas, scale: Scale, bottom: float) -> None:
    canvas.rule(scale.start, _TOP - 3, scale.start, bottom, "c-axis")
    used = -1e9
    for value, label in scale.ticks:
        x, half = scale.at(value), text_width(label) / 2
        canvas.rule(x, _TOP - 3, x, bottom, "c-grid")
        if x - half > used + 6:
            canvas.text(x, _TOP - 10, label, anchor="middle", style="t-q")
            used = max(x, half) + half


def _draw_lane(canvas: Canvas, scale: Scale, placed: Sequence[_Placed], top: float) -> None:
    for i, place in enumerate(placed):
        x, end = scale.at(place.start), scale.at(place.end)
        y = top + place.row * (_BAR + 2)
        tone = tone_of(place.span.tone)
        about = ", ".join(
            filter(None, (place.span.label, duration(place.end - place.start), place.span.note))
        )
        if tone == "bad":
            canvas.rect(x, y, end - x, _BAR, "c-fail", about)
            canvas.path(hatch(x, y, max(end - x, 0.5), _BAR), "c-hatch")
        else:
            canvas.rect(
                x, y, end - x, _BAR, f"f-{tone} {'c-soft' if tone not in LOUD else ''}".strip(), about
            )
        after = next((scale.at(p.start) for p in placed[i + 1 :] if p.row == place.row), WIDTH)
        label = line(place.span.label)
        width = text_width(label)
        # Beside the bar, where there is room until the next one; never on it: contrast.
        if label and width + 10 < min(after, WIDTH - 2) - end:
            canvas.text(end + 5, y + 12.5, label, style="t-q")


def hatch(x: float, y: float, width: float, height: float) -> str:
    """Path data of slanted strokes within a box."""
    parts: list[str] = []
    at = x - height + 3
    while at < x + width and len(parts) < 200:
        a, b = max(at, x), min(at + height, x + width)
        if b > a:
            parts.append(f"M{num(a)} {num(y + height - (a - at))}L{num(b)} {num(y + height - (b - at))}")
        at += 5
    return "".join(parts)
