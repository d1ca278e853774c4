"""Charts as data. The host draws them and puts the data beside each as a table.

``title`` states the finding, ``subtitle`` what is drawn and its n; ``note`` stands below. Tones are
roles, not colours: *own* is what is tested, *base* what it is tested against, *warm* collapsing or
bad weather, *cool* its opposite, *good* and *bad* judgements, *plain* the rest.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Tone = Literal["own", "base", "warm", "cool", "good", "bad", "plain"]


class Bar(msgspec.Struct, frozen=True):
    """One bar; ``value`` None keeps the row and shows ``note`` in its place."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    tone: Tone = "base"
    note: str = ""


class Bars(msgspec.Struct, frozen=True, kw_only=True, tag_field="chart", tag="bars"):
    """Horizontal bars from 0 with intervals; ``reference`` is a dashed line."""

    title: str
    rows: tuple[Bar, ...]
    subtitle: str = ""
    unit: str = ""
    reference: float | None = None
    reference_label: str = ""
    maximum: float | None = None
    note: str = ""


class ForestRow(msgspec.Struct, frozen=True):
    """An estimate with its interval, what the claim needs, and the best cheap baseline."""

    label: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    baseline: float | None = None
    tone: Tone = "own"
    note: str = ""


class Forest(msgspec.Struct, frozen=True, kw_only=True, tag_field="chart", tag="forest"):
    """Estimates and intervals on one axis."""

    title: str
    rows: tuple[ForestRow, ...]
    subtitle: str = ""
    unit: str = ""
    reference: float | None = None
    reference_label: str = ""
    note: str = ""


class Series(msgspec.Struct, frozen=True):
    """A line: ``x`` and ``y`` of one length; ``low`` and ``high``, if any, its band. None is a gap."""

    label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    tone: Tone = "own"
    dashed: bool = False


class Lines(msgspec.Struct, frozen=True, kw_only=True, tag_field="chart", tag="lines"):
    """Lines with bands, labelled at their ends."""

    title: str
    series: tuple[Series, ...]
    subtitle: str = ""
    x_label: str = ""
    y_label: str = ""
    x_log: bool = False
    y_log: bool = False
    reference: float | None = None
    reference_label: str = ""
    note: str = ""


class Points(msgspec.Struct, frozen=True):
    """A group of points: ``x`` and ``y`` of one length."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    tone: Tone = "own"


class Scatter(msgspec.Struct, frozen=True, kw_only=True, tag_field="chart", tag="scatter"):
    """Points of several groups; each group has a shape as well as a tone."""

    title: str
    groups: tuple[Points, ...]
    subtitle: str = ""
    x_label: str = ""
    y_label: str = ""
    x_log: bool = False
    y_log: bool = False
    note: str = ""


class HeatMap(msgspec.Struct, frozen=True, kw_only=True, tag_field="chart", tag="heatmap"):
    """Values by row and column: ``values[r][c]``, None where there is none. ``middle`` makes it diverge.

    ``notes[r][c]``: a few letters below the number of a cell, such as its interval.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    subtitle: str = ""
    unit: str = ""
    row_label: str = ""
    column_label: str = ""
    middle: float | None = None
    decimals: int = 2
    note: str = ""
    notes: tuple[tuple[str, ...], ...] = ()


class Span(msgspec.Struct, frozen=True):
    """A stretch of time on a lane: seconds since the start of the chart."""

    lane: str
    label: str
    start: float
    end: float
    tone: Tone = "base"
    note: str = ""


class Timeline(msgspec.Struct, frozen=True, kw_only=True, tag_field="chart", tag="timeline"):
    """What was done when, by lane."""

    title: str
    spans: tuple[Span, ...]
    subtitle: str = ""
    note: str = ""


Chart = Bars | Forest | Lines | Scatter | HeatMap | Timeline
