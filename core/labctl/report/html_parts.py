"""Parts of a page that several of its sections use: tables, commands, folds, figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labctl.model.charts import Chart
from labctl.model.results import Table
from labctl.report.chart_tables import table_of
from labctl.report.markup import Markup, el, join, line, named, shorten
from labctl.report.numbers import DASH, decimals_for, finite, fixed, plural

MOST_ROWS = 1000
"""Rows of a table in the page; the JSON form has all."""
_OPEN_ROWS = 20


def command(text: str) -> Markup:
    """A command on its own line; the script adds a button that copies it."""
    return el("div", {"class": "cmd"}, el("code", None, line(text)))


def fold(summary: object, *children: object, open: bool = False) -> Markup:
    """What is opened on demand."""
    return el("details", {"open": open or None}, el("summary", None, summary), *children)


def paragraphs(texts: Iterable[str], style: str | None = None) -> Markup:
    """Plain paragraphs."""
    return join(el("p", {"class": style}, line(text)) for text in texts if line(text))


def data_table(table: Table, caption: bool = True, open_rows: int = _OPEN_ROWS) -> Markup:
    """A table: numbers at the right with equal decimals, long ones folded after ``open_rows``.

    ``caption``: shown; else only read out.
    """
    rows = table.rows[:MOST_ROWS]
    if not rows or not table.columns:
        return el("p", {"class": "small mute"}, f"{line(table.title)}: no rows.")
    shapes = [_shape([row[i] if i < len(row) else None for row in rows]) for i in range(len(table.columns))]
    # Folding a few rows would hide more than it saves.
    first = len(rows) if len(rows) <= open_rows + 5 else open_rows
    out = [_grid(table, rows[:first], shapes, caption)]
    if first < len(rows):
        out.append(fold(f"{len(rows) - first:,} more rows", _grid(table, rows[first:], shapes, False)))
    notes = [line(table.note)] if line(table.note) else []
    if len(table.rows) > len(rows):
        notes.append(f"The first {len(rows):,} of {len(table.rows):,} rows; the JSON form has all.")
    return join([*out, paragraphs(notes, "src")])


def _grid(
    table: Table, rows: Sequence[Sequence[object]], shapes: Sequence[int | None], caption: bool
) -> Markup:
    heads = (
        el(
            "th",
            {"scope": "col", "class": None if shapes[i] is None else "n"},
            named(name, 80) or el("span", {"class": "vh"}, "Name"),
        )
        for i, name in enumerate(table.columns)
    )
    body = (
        el(
            "tr",
            None,
            join(_cell(row[i] if i < len(row) else None, i, shapes[i]) for i in range(len(shapes))),
        )
        for row in rows
    )
    title = shorten(line(table.title), 300) or "Table"
    return el(
        "div",
        {"class": "scroll", "role": "group", "aria-label": f"Table: {title}", "tabindex": "0"},
        el(
            "table",
            None,
            el("caption", {"class": None if caption else "vh"}, title),
            el("thead", None, el("tr", None, join(heads))),
            el("tbody", None, join(body)),
        ),
    )


def _shape(values: Sequence[object]) -> int | None:
    """The decimals of a column of numbers; None for a column of text."""
    present = [value for value in values if value is not None and value != ""]
    if not present or any(isinstance(value, bool | str) or finite(value) is None for value in present):
        return None
    if all(isinstance(value, int) for value in present):
        return 0
    return decimals_for(present, 3 if max(abs(finite(v) or 0.0) for v in present) < 1 else 2)


def _cell(value: object, column: int, decimals: int | None) -> Markup:
    if value is None or value == "":
        shown = DASH
    elif isinstance(value, bool):
        shown = "yes" if value else "no"
    elif isinstance(value, int) and decimals == 0:
        shown = (
            f"{value:,}"
            if abs(value) >= 10_000
            else fixed(value, 0).replace(",", "")
            if abs(value) < 10**15
            else "huge"
        )
    elif isinstance(value, int | float) and decimals is not None:
        shown = fixed(value, decimals)
    elif isinstance(value, int | float):
        shown = fixed(value, decimals_for([value], 3))
    else:
        shown = named(value, 1000)
    if column == 0:
        return el("th", {"scope": "row", "class": None if decimals is None else "n"}, shown)
    return el("td", {"class": None if decimals is None else "n"}, shown)


def figure(chart: Chart, uid: str, beside: bool = False) -> Markup:
    """A chart with its finding above and its data below, or ``beside`` it and open."""
    title, subtitle, note = (named(getattr(chart, name, ""), 500) for name in ("title", "subtitle", "note"))
    caption = el(
        "figcaption", None, el("h3", None, title or "Chart"), el("p", None, subtitle) if subtitle else None
    )
    data = fold(
        join(["Table: ", shorten(title, 120) or "data"]),
        _chart_data(chart, 12 if beside else 60),
        open=beside,
    )
    below = el("p", {"class": "src"}, note) if note else None
    from labctl.report.charts import draw  # most runs have no chart, and a dozen modules draw them

    drawn = el("figure", None, caption, draw(chart, uid), below, None if beside else data)
    return join([drawn, el("div", {"class": "beside"}, data)]) if beside else drawn


def _chart_data(chart: Chart, open_rows: int) -> Markup:
    try:
        return data_table(table_of(chart), caption=False, open_rows=open_rows)
    except Exception as error:  # the chart beside it says the same: one bad chart costs no page
        return el("p", {"class": "small mute"}, f"The data cannot be shown: {type(error).__name__}: {error}")


def codes(names: Sequence[str], most: int = 6) -> Markup:
    """Names as code, the first few of them."""
    shown = join((el("code", None, named(name)) for name in names[:most]), ", ")
    rest = len(names) - most
    return join([shown, f" and {plural(rest, 'other')}" if rest > 0 else None])
