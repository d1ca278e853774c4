"""A grid of values: the fill says how much, the number says what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labctl.model.charts import HeatMap
from labctl.report.canvas import SIZE, WIDTH, Canvas, blank, num
from labctl.report.markup import Markup, el, line
from labctl.report.numbers import finite, finites, fixed
from labctl.report.widths import fit, text_width, wrap

MOST_ROWS, MOST_COLUMNS = 100, 60
LEVELS = 8
_SMALL = 12.0
_NOTE = 9.5
_ROOM = 36.0  # a cell with a number and a note is at least so high

Cells = list[list[float | None]]


class _Grid(NamedTuple):
    left: float
    top: float
    width: float
    height: float
    turned: bool


class _Shade(NamedTuple):
    """From a value to its class: how far it is from the middle, or from the lowest."""

    low: float
    high: float
    middle: float | None

    def of(self, value: float) -> str:
        if self.middle is None:
            share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
            return f"h{_level(share)} f-cool"
        reach = max(self.high - self.middle, self.middle - self.low) or 1.0
        return f"h{_level(abs(value - self.middle) / reach)} f-{'cool' if value >= self.middle else 'warm'}"


def _level(share: float) -> int:
    return max(0, min(LEVELS - 1, int(share * LEVELS)))


def draw_heat_map(chart: HeatMap, uid: str, description: str) -> Markup:
    """Cells shaded by value, with the number in each where there is room for it."""
    rows, columns = chart.rows[:MOST_ROWS], chart.columns[:MOST_COLUMNS]
    cells = _cells(chart, len(rows), len(columns))
    known = [value for row in cells for value in row if value is not None]
    if not rows or not columns or not known:
        return blank(uid, chart.title, "No data: the grid has no value.")
    asked = finite(chart.decimals)
    decimals = 2 if asked is None else int(max(0, min(6, asked)))
    grid = _lay(chart, rows, columns)
    canvas = Canvas(height=grid.top + grid.height * len(rows) + 4)
    shade = _Shade(min(known), max(known), finite(chart.middle))
    _fill(canvas, grid, cells, shade)
    _write_numbers(canvas, grid, cells, decimals)
    _write_notes(canvas, grid, chart, len(rows), len(columns))
    _write_labels(canvas, grid, chart, rows, columns)
    canvas.height += _scale_bar(canvas, canvas.height, shade, decimals, chart.unit)
    hidden = [
        f"{n:,} {what}"
        for n, what in ((len(chart.rows) - len(rows), "rows"), (len(chart.columns) - len(columns), "columns"))
        if n > 0
    ]
    if hidden:
        canvas.text(1, canvas.height + 14, f"{' and '.join(hidden)} more are not drawn.", style="t-q")
        canvas.height += 20
    return canvas.finish(uid, chart.title, description)


def _cells(chart: HeatMap, rows: int, columns: int) -> Cells:
    """A full grid of numbers: what is missing, ragged or no number is None."""
    out: Cells = []
    for r in range(rows):
        given = chart.values[r] if r < len(chart.values) else ()
        out.append([finite(given[c]) if c < len(given) else None for c in range(columns)])
    return out


def _lay(chart: HeatMap, rows: Sequence[str], columns: Sequence[str]) -> _Grid:
    widest = max(text_width(line(label)[:200]) for label in rows)
    left = min(widest, 0.4 * WIDTH) + 9
    width = min((WIDTH - left - 4) / len(columns), 92.0)
    names = [text_width(line(label)[:200]) for label in columns]
    turned = max(names) > width - 4 and width < 76
    room = min(max(names), 96.0) + 8 if turned else (34.0 if max(names) > width - 4 else 20.0)
    top = room + (18.0 if chart.column_label or chart.row_label else 2.0)
    height = 18.0 if len(rows) > 40 else 38.0 if chart.notes else 26.0
    return _Grid(left, top, width, height, turned)


def _fill(canvas: Canvas, grid: _Grid, cells: Cells, shade: _Shade) -> None:
    """One path for each shade: a grid of thousands of cells stays small."""
    by_class: dict[str, list[str]] = {}
    gap = 1.0 if grid.width > 8 else 0.0
    box = f"h{num(max(grid.width - gap, 0.5))}v{num(grid.height - 1)}h-{num(max(grid.width - gap, 0.5))}z"
    for r, row in enumerate(cells):
        for c, value in enumerate(row):
            style = "c-none" if value is None else shade.of(value)
            by_class.setdefault(style, []).append(
                f"M{num(grid.left + c * grid.width)} {num(grid.top + r * grid.height)}{box}"
            )
    for style, boxes in sorted(by_class.items()):
        canvas.path("".join(boxes), style)


def _write_numbers(canvas: Canvas, grid: _Grid, cells: Cells, decimals: int) -> None:
    texts = [[fixed(value, decimals) for value in row] for row in cells]
    widest = max(text_width(text, _SMALL) for row in texts for text in row)
    if widest > grid.width - 3:
        return
    for r, row in enumerate(texts):
        for c, text in enumerate(row):
            x = grid.left + (c + 0.5) * grid.width - 0.5
            y = grid.top + (r + 0.5) * grid.height + (4 if grid.height < _ROOM else -3)
            style = "t-s t-q" if cells[r][c] is None else "t-s t-n"
            canvas.text(x, y, text, anchor="middle", style=style, size=_SMALL)


def _write_notes(canvas: Canvas, grid: _Grid, chart: HeatMap, rows: int, columns: int) -> None:
    """Below each number what the chart says of the cell, as far as there is room."""
    if grid.height < _ROOM:
        return
    for r, row in enumerate(chart.notes[:rows]):
        for c, text in enumerate(row[:columns]):
            shown = fit(line(text)[:40], grid.width - 4, _NOTE)
            if shown:
                x, y = grid.left + (c + 0.5) * grid.width - 0.5, grid.top + (r + 0.5) * grid.height + 11
                canvas.text(x, y, shown, anchor="middle", style="t-xs t-n", size=_NOTE)


def _write_labels(
    canvas: Canvas, grid: _Grid, chart: HeatMap, rows: Sequence[str], columns: Sequence[str]
) -> None:
    for r, label in enumerate(rows):
        canvas.text(
            grid.left - 6, grid.top + (r + 0.5) * grid.height + 4.5, label, anchor="end", room=grid.left - 8
        )
    if chart.row_label:
        canvas.text(1, 12, chart.row_label, style="t-q", room=grid.left - 8 if chart.column_label else None)
    if chart.column_label:
        canvas.text(grid.left, 12, chart.column_label, style="t-q", room=WIDTH - grid.left - 2)
    every = max(1, -(-16 // max(1, int(grid.width)))) if grid.turned else 1
    for c in range(0, len(columns), every):
        x = grid.left + (c + 0.5) * grid.width
        if grid.turned:
            _turned(canvas, x + 4, grid.top - 5, columns[c])
            continue
        lines = wrap(line(columns[c]), grid.width - 4)
        for i, part in enumerate(lines):
            whole = columns[c] if part.endswith("…") and len(lines) == 1 else part
            canvas.text(
                x,
                grid.top - 6 - 14 * (len(lines) - 1 - i),
                whole,
                anchor="middle",
                style="t-q",
                room=grid.width - 2,
            )


def _turned(canvas: Canvas, x: float, y: float, label: str) -> None:
    """A label that reads upwards from (x, y), as long as 96 units."""
    whole = line(label)
    shown = fit(whole, 96.0)
    if shown:
        title = el("title", None, whole[:500]) if shown != whole else None
        place = {"transform": f"translate({num(min(x, WIDTH - 4))} {num(y)}) rotate(-90)", "class": "t-q"}
        canvas.mark(el("text", {**place, **canvas.forced(shown, SIZE)}, title, shown))


def _scale_bar(canvas: Canvas, y: float, shade: _Shade, decimals: int, unit: str) -> float:
    """From the lowest to the highest value, below the grid."""
    low, high = shade.low, shade.high
    if shade.middle is not None:
        reach = max(high - shade.middle, shade.middle - low) or 1.0
        low, high = shade.middle - reach, shade.middle + reach
    text = fixed(low, decimals)
    canvas.text(1, y + 15, text, style="t-q", room=90)
    x = 1 + min(text_width(text), 90.0) + 6
    values = [low + (high - low) * (i + 0.5) / 8 for i in range(8)] if high > low else [low]
    for value in finites(values):
        canvas.rect(x, y + 6, 13, 10, shade.of(value))
        x += 14
    canvas.text(x + 5, y + 15, f"{fixed(high, decimals)} {unit}".strip(), style="t-q", room=WIDTH - x - 8)
    return 22.0
