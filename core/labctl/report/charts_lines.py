"""Lines with bands, labelled at their ends."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.model.charts import Lines, Series
from labctl.report.canvas import Canvas, Point, blank, polygon, polyline
from labctl.report.charts_frame import Axes, Frame, SideLabel, draw_axes, draw_side_labels, make_frame
from labctl.report.markup import Markup
from labctl.report.numbers import finite
from labctl.report.tones import LOUD, tone_of

MOST_POINTS = 500
"""Points of a line that are drawn: more cannot be told apart on 400 units."""
_MOST_SERIES = 60

Sample = tuple[float, float | None, float | None, float | None]
"""One place of a line: x, y, low, high."""


def draw_lines(chart: Lines, uid: str, description: str) -> Markup:
    """Lines over x; a gap where y is None, a dot where a value stands alone."""
    kept = [(series, samples(series, chart.x_log, chart.y_log)) for series in chart.series[:_MOST_SERIES]]
    drawn = [(series, points) for series, points in kept if any(point[1] is not None for point in points)]
    if not drawn:
        return blank(uid, chart.title, "No data: no line has a value that can be drawn.")
    axes = _axes(chart, [point for _, points in drawn for point in points])
    frame = make_frame(axes, [series.label for series, _ in drawn])
    canvas = Canvas()
    draw_axes(canvas, frame, axes)
    for series, points in drawn:
        canvas.path(_band(points, frame), f"f-{tone_of(series.tone)} c-band")
    reference = finite(chart.reference)
    if reference is not None and frame.y.holds(reference):
        _reference(canvas, frame, reference, chart.reference_label)
    for series, points in drawn:
        _line(canvas, frame, series, points)
    labels = [_end_label(series, points, frame) for series, points in drawn]
    draw_side_labels(canvas, frame, labels)
    return canvas.finish(uid, chart.title, description)


def samples(series: Series, x_log: bool, y_log: bool) -> list[Sample]:
    """The places of a line that can be drawn, at most ``MOST_POINTS``; what cannot is a gap."""
    out: list[Sample] = []
    low, high = series.low or (), series.high or ()
    for i, (raw_x, raw_y) in enumerate(zip(series.x, series.y, strict=False)):
        x, y = finite(raw_x), finite(raw_y)
        if x is None or (x_log and x <= 0):
            continue
        a = finite(low[i]) if i < len(low) else None
        b = finite(high[i]) if i < len(high) else None
        if y_log:
            y, a, b = (v if v is not None and v > 0 else None for v in (y, a, b))
        out.append((x, y, a, b))
    return thinned(out)


def thinned(points: Sequence[Sample], most: int = MOST_POINTS) -> list[Sample]:
    """At most ``most`` of the points: of each stretch the first, last, lowest and highest, and a gap."""
    if len(points) <= most:
        return list(points)
    stretches = most // 5
    keep: list[int] = []
    for i in range(stretches):
        here = range(i * len(points) // stretches, (i + 1) * len(points) // stretches)
        values = [(points[k][1], k) for k in here if points[k][1] is not None]
        gap = next((k for k in here if points[k][1] is None), None)
        chosen = {here[0], here[-1]} | ({gap} if gap is not None else set())
        if values:
            chosen |= {min(values, key=_height)[1], max(values, key=_height)[1]}
        keep.extend(sorted(chosen))
    return [points[k] for k in keep]


def _height(value: tuple[float | None, int]) -> float:
    return value[0] if value[0] is not None else 0.0


def _axes(chart: Lines, points: Sequence[Sample]) -> Axes:
    xs = [x for x, y, a, b in points if not (y is None and a is None and b is None)]
    ys = [value for point in points for value in point[1:] if value is not None]
    reference = finite(chart.reference)
    if reference is not None and not (chart.y_log and reference <= 0):
        ys.append(reference)
    return Axes(xs, ys, chart.x_label, chart.y_label, chart.x_log, chart.y_log)


def _runs(points: Sequence[Sample], frame: Frame) -> list[list[Point]]:
    """The stretches of a line between its gaps."""
    runs: list[list[Point]] = [[]]
    for x, y, _, _ in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append((frame.x.at(x), frame.y.at(y)))
    return [run for run in runs if run]


def _band(points: Sequence[Sample], frame: Frame) -> str:
    parts: list[str] = []
    upper: list[Point] = []
    lower: list[Point] = []
    for x, _, low, high in [*points, (0.0, None, None, None)]:
        if low is not None and high is not None:
            upper.append((frame.x.at(x), frame.y.at(high)))
            lower.append((frame.x.at(x), frame.y.at(low)))
        else:
            parts.append(polygon(upper, lower) if len(upper) > 1 else "")
            upper, lower = [], []
    return "".join(parts)


def _line(canvas: Canvas, frame: Frame, series: Series, points: Sequence[Sample]) -> None:
    tone = tone_of(series.tone)
    runs = _runs(points, frame)
    canvas.path(
        "".join(polyline(run) for run in runs if len(run) > 1),
        f"c-line s-{tone}{' c-dash' if series.dashed else ''}",
    )
    for run in runs:
        if len(run) == 1:
            canvas.dot(*run[0], 2.5, f"f-{tone}")


def _reference(canvas: Canvas, frame: Frame, value: float, label: str) -> None:
    y = frame.y.at(value)
    canvas.rule(frame.x.start, y, frame.x.end, y, "c-ref")
    if label:
        above = y - 6 if y - 6 > frame.top + 10 else y + 15
        canvas.text(frame.x.start + 4, above, label, style="t-q", room=frame.x.end - frame.x.start - 8)


def _end_label(series: Series, points: Sequence[Sample], frame: Frame) -> SideLabel:
    last = max((p for p in points if p[1] is not None), key=lambda p: p[0])
    tone = tone_of(series.tone)
    y = frame.y.at(last[1] if last[1] is not None else 0.0)
    return SideLabel(series.label, y, f"t-{tone}", tone in LOUD)
