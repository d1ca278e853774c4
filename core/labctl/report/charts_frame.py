"""What lines and scatters share: two axes, and labels beside the plot, pushed apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labctl.report.canvas import SIZE, WIDTH, Canvas
from labctl.report.markup import line
from labctl.report.scales import Scale, linear, logarithmic, push_apart
from labctl.report.widths import text_width, wrap

_LINE = 15.0
_LABEL_GAP = 16.0
_MOST_LABELS = 24
_HEIGHT = 172.0


class SideLabel(NamedTuple):
    """A label right of the plot: the height it would like to have, and how it looks."""

    text: str
    y: float
    style: str
    bold: bool


class Frame(NamedTuple):
    """The plot: its scales (x to the right, y upwards) and where it ends."""

    x: Scale
    y: Scale
    top: float
    label_x: float


class Axes(NamedTuple):
    """What the axes have to hold and what they are called."""

    xs: Sequence[float]
    ys: Sequence[float]
    x_label: str = ""
    y_label: str = ""
    x_log: bool = False
    y_log: bool = False


def label_column(labels: Sequence[str], room: float = 0.32 * WIDTH) -> float:
    """How wide the labels at the right are, in two lines where one does not do."""
    widest = 0.0
    for label in labels:
        lines = wrap(line(label), room, SIZE, True)
        widest = max([widest, *(text_width(part, SIZE, True) for part in lines)])
    return min(widest, room)


def make_frame(axes: Axes, labels: Sequence[str], glyph: float = 0.0) -> Frame:
    """Scales for the data; the plot grows in height with the number of labels beside it."""
    column = label_column(labels)
    top = 28.0 if axes.y_label else 12.0
    shown = min(len(labels), _MOST_LABELS)
    tall = sum(len(wrap(line(label), column or 1.0, SIZE, True)) for label in labels[:shown])
    bottom = top + max(_HEIGHT, tall * _LINE + (shown - 1) * 2 + 8)
    y = logarithmic(axes.ys, bottom, top) if axes.y_log else linear(axes.ys, bottom, top, count=5)
    left = max(24.0, max(text_width(label) for _, label in y.ticks) + 8) if y.ticks else 24.0
    left = min(left, 0.3 * WIDTH)
    right = WIDTH - (column + glyph + 10 if column else 14)
    if axes.x_log:
        x = logarithmic(axes.xs, left, right, count=4)
    else:
        x = linear(
            axes.xs, left, right, count=max(2, min(5, int((right - left) / 56))), zero=False, tight=True
        )
    return Frame(x, y, top, right + 8)


def draw_axes(canvas: Canvas, frame: Frame, axes: Axes) -> None:
    """Grid, ticks and names; the name of y stands level above the plot, not turned."""
    left, right, bottom = frame.x.start, frame.x.end, frame.y.start
    for i, (value, label) in enumerate(frame.y.ticks):
        y = frame.y.at(value)
        canvas.rule(left, y, right, y, "c-axis" if i == 0 else "c-grid")
        canvas.text(left - 6, y + 4.5, label, anchor="end", style="t-q", room=left - 7)
    used = -1e9
    for value, label in frame.x.ticks:
        x, half = frame.x.at(value), text_width(label) / 2
        canvas.rule(x, bottom, x, bottom + 4, "c-axis")
        if x - half > used + 6:
            canvas.text(x, bottom + 18, label, anchor="middle", style="t-q")
            used = max(x, half + 1) + half
    canvas.height = bottom + 24
    if axes.y_label:
        canvas.text(1, 12, axes.y_label, style="t-q")
    if axes.x_label:
        canvas.text(right, bottom + 34, axes.x_label, anchor="end", style="t-q", room=right - 2)
        canvas.height = bottom + 40


def draw_side_labels(
    canvas: Canvas, frame: Frame, labels: Sequence[SideLabel], glyph: float = 0.0
) -> list[float]:
    """Write the labels beside the plot so that none covers another; returns their heights."""
    shown = labels if len(labels) <= _MOST_LABELS else labels[: _MOST_LABELS - 1]
    room = WIDTH - frame.label_x - glyph - 1
    texts = [wrap(line(label.text), room, SIZE, label.bold) for label in shown]
    # A label of two lines is two that want to stand 15 apart: its block is pushed as one.
    tallest = max((len(text) for text in texts), default=1)
    gap = _LABEL_GAP if tallest == 1 else _LINE * tallest + 2
    bottom = frame.y.start + (0 if len(labels) == len(shown) else -gap)
    low = frame.top + _LINE * (tallest - 1) / 2
    if gap * (len(shown) - 1) > bottom - low:
        gap = (bottom - low) / max(len(shown) - 1, 1)
    places = push_apart([label.y for label in shown], gap, low, bottom - _LINE * (tallest - 1) / 2)
    for label, text, y in zip(shown, texts, places, strict=True):
        if abs(y - label.y) > 5 and not glyph:
            canvas.rule(frame.x.end + 1, label.y, frame.label_x - 2, y, "c-lead")
        first = y + 4.5 - _LINE * (len(text) - 1) / 2
        for i, part in enumerate(text):
            whole = label.text if part.endswith("…") and len(text) == 1 else part
            canvas.text(
                frame.label_x + glyph, first + _LINE * i, whole, style=label.style, bold=label.bold, room=room
            )
    if len(labels) > len(shown):
        canvas.text(frame.label_x, frame.y.start + 4.5, f"{len(labels) - len(shown)} more", style="t-q")
    return places
