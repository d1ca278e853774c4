"""The data of a chart as a table."""

from __future__ import annotations

from labctl.model.charts import Bars, Chart, Forest, HeatMap, Lines, Scatter, Series, Timeline
from labctl.model.results import Table
from labctl.report.numbers import decimals_for, finite, fixed, interval

MOST_ROWS = 200
"""Rows of a chart's table in the page; the JSON form has all."""

Row = tuple[str | float | int | bool | None, ...]


def table_of(chart: Chart) -> Table:
    """Columns that are empty throughout are left out; long tables are thinned evenly and say so."""
    if isinstance(chart, Bars):
        names, rows = _bars(chart)
    elif isinstance(chart, Forest):
        names, rows = _forest(chart)
    elif isinstance(chart, Lines):
        names, rows = _lines(chart)
    elif isinstance(chart, Scatter):
        names, rows = _scatter(chart)
    elif isinstance(chart, HeatMap):
        names, rows = _heat(chart)
    else:
        names, rows = _timeline(chart)
    note = ""
    if len(rows) > MOST_ROWS:
        note = f"{MOST_ROWS} of {len(rows):,} rows, evenly spaced; the JSON form has all."
        rows = [rows[i * len(rows) // MOST_ROWS] for i in range(MOST_ROWS)]
    return _without_empty(Table(chart.title, tuple(names), tuple(rows), note))


def _without_empty(table: Table) -> Table:
    kept = [
        i for i in range(len(table.columns)) if i == 0 or any(row[i] not in (None, "") for row in table.rows)
    ]
    columns = tuple(table.columns[i] for i in kept)
    return Table(table.title, columns, tuple(tuple(row[i] for i in kept) for row in table.rows), table.note)


def _bars(chart: Bars) -> tuple[list[str], list[Row]]:
    names = ["", chart.unit or "Value", "Low", "High", "Note"]
    return names, [(row.label, row.value, row.low, row.high, row.note) for row in chart.rows]


def _forest(chart: Forest) -> tuple[list[str], list[Row]]:
    names = ["", chart.unit or "Estimate", "Low", "High", "Needed", "Cheap baseline", "Note"]
    return names, [(r.label, r.estimate, r.low, r.high, r.threshold, r.baseline, r.note) for r in chart.rows]


def _lines(chart: Lines) -> tuple[list[str], list[Row]]:
    """One row for each x that occurs; with a band the interval stands behind the value."""
    columns = [_column(series) for series in chart.series]
    places = sorted({x for column in columns for x in column})
    names = [chart.x_label or "x", *(series.label for series in chart.series)]
    return names, [(x, *(column.get(x) for column in columns)) for x in places]


def _column(series: Series) -> dict[float, str | float | None]:
    decimals = decimals_for([*series.y, *series.low, *series.high])
    out: dict[float, str | float | None] = {}
    for i, (raw, y) in enumerate(zip(series.x, series.y, strict=False)):
        x = finite(raw)
        low = series.low[i] if i < len(series.low) else None
        high = series.high[i] if i < len(series.high) else None
        if x is not None:
            band = interval(low, high, decimals)
            out[x] = f"{fixed(y, decimals)} {band}" if band else y
    return out


def _scatter(chart: Scatter) -> tuple[list[str], list[Row]]:
    names = ["Group", chart.x_label or "x", chart.y_label or "y"]
    return names, [
        (group.label, x, y) for group in chart.groups for x, y in zip(group.x, group.y, strict=False)
    ]


def _heat(chart: HeatMap) -> tuple[list[str], list[Row]]:
    width = len(chart.columns)
    rows: list[Row] = []
    for r, label in enumerate(chart.rows):
        given = chart.values[r] if r < len(chart.values) else ()
        rows.append((label, *(given[c] if c < len(given) else None for c in range(width))))
        if r < len(chart.notes):
            said = chart.notes[r]
            rows.append(("", *(said[c] if c < len(said) else None for c in range(width))))
    return [chart.row_label, *chart.columns], rows


def _timeline(chart: Timeline) -> tuple[list[str], list[Row]]:
    names = ["Lane", "What", "Start, s", "End, s", "Note"]
    return names, [(span.lane, span.label, span.start, span.end, span.note) for span in chart.spans]
