"""Points of several groups; a group has its own shape as well as its tone."""

from __future__ import annotations

from collections.abc import Callable

from labctl.model.charts import Points, Scatter
from labctl.report.canvas import Canvas, Point, blank, num
from labctl.report.charts_frame import Axes, SideLabel, draw_axes, draw_side_labels, make_frame
from labctl.report.markup import Markup
from labctl.report.numbers import finite
from labctl.report.tones import LOUD, tone_of

MOST_POINTS = 500
_MOST_GROUPS = 40
_GLYPH = 14.0


def _circle(x: str, y: str) -> str:
    return f"M{x} {y}m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z"


def _square(x: str, y: str) -> str:
    return f"M{x} {y}m-3-3h6v6h-6z"


def _up(x: str, y: str) -> str:
    return f"M{x} {y}m0-4l4 7h-8z"


def _down(x: str, y: str) -> str:
    return f"M{x} {y}m0 4l4-7h-8z"


def _lozenge(x: str, y: str) -> str:
    return f"M{x} {y}m0-4.3l4.3 4.3l-4.3 4.3l-4.3-4.3z"


def _cross(x: str, y: str) -> str:
    return f"M{x} {y}m-4-1.2h2.8v-2.8h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8z"


_SHAPES: tuple[Callable[[str, str], str], ...] = (_circle, _lozenge, _square, _up, _down, _cross)


def draw_scatter(chart: Scatter, uid: str, description: str) -> Markup:
    """Points over two axes, with the names of the groups beside the plot."""
    kept = [(group, points_of(group, chart.x_log, chart.y_log)) for group in chart.groups[:_MOST_GROUPS]]
    drawn = [(group, points) for group, points in kept if points]
    if not drawn:
        return blank(uid, chart.title, "No data: no group has a point that can be drawn.")
    every = [point for _, points in drawn for point in points]
    axes = Axes(
        [x for x, _ in every], [y for _, y in every], chart.x_label, chart.y_label, chart.x_log, chart.y_log
    )
    frame = make_frame(axes, [group.label for group, _ in drawn], _GLYPH)
    canvas = Canvas()
    draw_axes(canvas, frame, axes)
    labels = []
    for i, (group, points) in enumerate(drawn):
        places = [(frame.x.at(x), frame.y.at(y)) for x, y in points]
        shape = _SHAPES[i % len(_SHAPES)]
        tone = tone_of(group.tone)
        canvas.path("".join(shape(num(x), num(y)) for x, y in places), f"c-point f-{tone}")
        middle = sorted(y for _, y in places)[len(places) // 2]
        labels.append(SideLabel(group.label, middle, f"t-{tone}", tone in LOUD))
    heights = draw_side_labels(canvas, frame, labels, _GLYPH)
    for i, ((group, _), y) in enumerate(zip(drawn, heights, strict=False)):
        canvas.path(
            _SHAPES[i % len(_SHAPES)](num(frame.label_x + 5), num(y)), f"c-point f-{tone_of(group.tone)}"
        )
    return canvas.finish(uid, chart.title, description)


def points_of(group: Points, x_log: bool, y_log: bool) -> list[Point]:
    """The points that can be drawn, evenly thinned to ``MOST_POINTS``."""
    out: list[Point] = []
    for raw_x, raw_y in zip(group.x, group.y, strict=False):
        x, y = finite(raw_x), finite(raw_y)
        if x is not None and y is not None and not (x_log and x <= 0) and not (y_log and y <= 0):
            out.append((x, y))
    if len(out) <= MOST_POINTS:
        return out
    return [out[i * len(out) // MOST_POINTS] for i in range(MOST_POINTS)]
