"""The message of a chart in words: what a reader gets who does not see it."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.model.charts import Bars, Chart, Forest, HeatMap, Lines, Scatter, Timeline
from labctl.report.markup import line, shorten
from labctl.report.numbers import finite, finites, listed, plural, seconds, short

_NAMED = 8
"""Parts that are named one by one; the table has all."""


def describe(chart: Chart) -> str:
    """A sentence or two: the subtitle, then the values that are drawn."""
    if isinstance(chart, Bars):
        body = _rows([(row.label, row.value, row.note) for row in chart.rows], chart.unit)
    elif isinstance(chart, Forest):
        body = _rows([(row.label, row.estimate, row.note) for row in chart.rows], chart.unit)
    elif isinstance(chart, Lines):
        body = _parts([_line(series.label, series.y) for series in chart.series])
    elif isinstance(chart, Scatter):
        body = _parts([f"{_name(group.label)}: {plural(len(group.x), 'point')}" for group in chart.groups])
    elif isinstance(chart, HeatMap):
        body = _grid(chart)
    else:
        body = _spans(chart)
    subtitle = line(chart.subtitle)
    return f"{subtitle} {body}".strip()


def _name(label: object) -> str:
    return shorten(line(label), 80)


def _parts(parts: Sequence[str]) -> str:
    more = f"; and {len(parts) - _NAMED:,} more" if len(parts) > _NAMED else ""
    return f"{'; '.join(parts[:_NAMED])}{more}." if parts else "No data."


def _rows(rows: Sequence[tuple[str, float | None, str]], unit: str) -> str:
    parts = []
    for label, value, note in rows:
        missing = finite(value) is None
        text = _name(note or "no value") if missing else f"{short(value)} {line(unit)}".strip()
        parts.append(f"{_name(label)} {text}")
    return _parts(parts)


def _line(label: str, values: Sequence[float | None]) -> str:
    known = finites(values)
    if not known:
        return f"{_name(label)}: no values"
    if min(known) == max(known):
        return f"{_name(label)} stays at {short(known[0])}"
    ends = f"{_name(label)} goes from {short(known[0])} to {short(known[-1])}"
    return f"{ends}, between {short(min(known))} and {short(max(known))}"


def _grid(chart: HeatMap) -> str:
    cells = [
        (number, chart.rows[r], chart.columns[c])
        for r, row in enumerate(chart.values[: len(chart.rows)])
        for c, value in enumerate(row[: len(chart.columns)])
        if (number := finite(value)) is not None
    ]
    if not cells:
        return "No data."
    low, high = min(cells, key=lambda cell: cell[0]), max(cells, key=lambda cell: cell[0])
    size = f"{plural(len(chart.rows), 'row')} by {plural(len(chart.columns), 'column')}"
    ends = [f"lowest {short(low[0])} at {_name(low[1])}, {_name(low[2])}",
            f"highest {short(high[0])} at {_name(high[1])}, {_name(high[2])}"]  # fmt: skip
    return f"{size}: {listed(ends)}."


def _spans(chart: Timeline) -> str:
    ends = finites(span.end for span in chart.spans)
    if not ends:
        return "No data."
    lanes = len({line(span.lane) for span in chart.spans})
    size = f"{plural(len(chart.spans), 'span')} on {plural(lanes, 'lane')}"
    return f"{size}; the last ends after {seconds(max(ends))}."
