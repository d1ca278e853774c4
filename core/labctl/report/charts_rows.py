"""What charts with one row per label share: the column of labels, the axis on top, the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labctl.report.canvas import SIZE, WIDTH, Canvas
from labctl.report.markup import line
from labctl.report.scales import Scale
from labctl.report.widths import text_width, wrap

MOST_ROWS = 120
"""Rows that are drawn; the table beside the chart has the others."""
TOP = 26.0
_NARROWEST_PLOT = 112.0


class RowLabel(NamedTuple):
    """The label of a row in at most two lines."""

    lines: tuple[str, ...]
    whole: str
    bold: bool


class RowLayout(NamedTuple):
    """Where the parts of the rows stand."""

    labels: tuple[RowLabel, ...]
    left: float
    right: float
    middles: tuple[float, ...]
    end: float
    value_x: float

    def y(self, row: int) -> float:
        """The middle of a row."""
        return self.middles[row]

    def bottom(self) -> float:
        return self.end


def lay_rows(labels: Sequence[tuple[str, bool]], values: Sequence[str]) -> RowLayout:
    """Divide the width: values as wide as needed, labels at most 45 %, the plot gets the rest."""
    value_width = min(max((text_width(value) for value in values), default=0.0), WIDTH * 0.42)
    right = WIDTH - (value_width + 15 if value_width else 12)
    most = max(60.0, min(0.45 * WIDTH, right - _NARROWEST_PLOT - 10))
    texts = [(line(label), bold) for label, bold in labels]
    widest = max((text_width(text[:200], SIZE, bold) for text, bold in texts), default=0.0)
    column = min(widest, most)
    made = tuple(RowLabel(tuple(wrap(text, column, SIZE, bold)), text, bold) for text, bold in texts)
    middles, end = [], TOP
    for label in made:
        height = 22.0 if len(label.lines) == 1 else 36.0
        middles.append(end + height / 2)
        end += height
    return RowLayout(made, column + 10, right, tuple(middles), end, right + 14)


def draw_labels(canvas: Canvas, layout: RowLayout, styles: Sequence[str]) -> None:
    """The labels at the left, flush with the plot."""
    for row, (label, style) in enumerate(zip(layout.labels, styles, strict=True)):
        first = layout.y(row) + 4.5 - 7.5 * (len(label.lines) - 1)
        for i, part in enumerate(label.lines):
            cut = i == len(label.lines) - 1 and part.endswith("…")
            # Cut again from the whole, so that the whole is what its title says.
            text = label.whole if cut and i == 0 else part
            y, room = first + 15 * i, layout.left - 8
            canvas.text(layout.left - 7, y, text, anchor="end", style=style, bold=label.bold, room=room)


def draw_top_axis(canvas: Canvas, layout: RowLayout, scale: Scale, unit: str, baseline: float | None) -> None:
    """Ticks and their labels above the rows; ``baseline`` is where the stronger line stands."""
    bottom = layout.bottom()
    used = -1e9
    for value, label in scale.ticks:
        x = scale.at(value)
        canvas.rule(x, TOP - 3, x, bottom, "c-axis" if value == baseline else "c-grid")
        half = text_width(label) / 2
        # A label that would touch the one before it is left out; its line stays.
        if x - half > used + 4:
            canvas.text(x, TOP - 10, label, anchor="middle", style="t-q")
            used = x + half
    if unit:
        canvas.text(
            max(used + 6, layout.value_x - 4),
            TOP - 10,
            unit,
            style="t-q",
            room=WIDTH - max(used + 6, layout.value_x - 4) - 2,
        )


def draw_reference(canvas: Canvas, layout: RowLayout, scale: Scale, value: float | None, label: str) -> float:
    """A dashed line through all rows with its label below; returns the height that it takes."""
    if value is None:
        return 0.0
    x = scale.at(value)
    canvas.rule(x, TOP - 3, x, layout.bottom() + 2, "c-ref")
    if not label:
        return 0.0
    canvas.text(x, layout.bottom() + 16, label, anchor="middle", style="t-q")
    return 18.0


def more_rows(canvas: Canvas, y: float, hidden: int) -> float:
    """A line that says how many rows are not drawn; returns the height that it takes."""
    if hidden <= 0:
        return 0.0
    canvas.text(1, y + 14, f"{hidden:,} more rows stand in the table.", style="t-q")
    return 20.0
