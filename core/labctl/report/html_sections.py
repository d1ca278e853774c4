"""The sections that the plugin and its extensions brought."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.model.results import Metric, Section, Step, Table
from labctl.report.html_parts import command, data_table, figure, paragraphs
from labctl.report.html_verdicts import glyph, known, verdict_style
from labctl.report.markup import Markup, el, join, jump, line, named
from labctl.report.numbers import decimals_for, finite, fixed, interval
from labctl.report.summary import headline
from labctl.report.view import ReportView

_NARROW_COLUMNS = 4
_BETTER = {"up": "higher is better", "down": "lower is better"}


def section_parts(view: ReportView) -> list[tuple[str, str, Markup]]:
    """(anchor, title, element) of each section, in the order of their rank."""
    top = headline(view)
    out = []
    for i, section in enumerate(view.ordered_sections(), 1):
        title = named(section.title) or f"Section {i}"
        said = i == 1 and line(section.headline) == top
        out.append((f"s{i}", title, _section(view, section, f"s{i}", title, said)))
    return out


def step_list(steps: Sequence[Step]) -> Markup:
    """Steps with their commands."""
    return el(
        "ol",
        None,
        *(
            el("li", None, el("p", None, line(s.text)), command(s.command) if line(s.command) else None)
            for s in steps
        ),
    )


def _section(view: ReportView, section: Section, anchor: str, title: str, said: bool) -> Markup:
    """``said``: the headline stands above the page already and is not repeated."""
    head = "" if said else line(section.headline)
    first = line(section.text[0]) if section.text else ""
    lede = el(
        "p",
        {"class": "lede"},
        el("b", None, head) if head else None,
        " " if head and first else None,
        first or None,
    )
    steps = [step for step in section.next if step not in view.next]
    return el(
        "section",
        {"id": anchor, "aria-labelledby": f"{anchor}-h"},
        el("h2", {"id": f"{anchor}-h"}, title),
        _claims(view, section),
        lede if head or first else None,
        paragraphs(section.text[1:], "small"),
        _charts(section, anchor),
        _tables(section),
        el("div", {"class": "steps"}, el("h3", None, "Next"), step_list(steps)) if steps else None,
    )


def _claims(view: ReportView, section: Section) -> Markup | None:
    """The verdicts that the section's evidence led to, each a link to its row."""
    brought = {evidence.prediction for evidence in section.evidence}
    found = [(i, v) for i, v in enumerate(view.verdicts, 1) if v.prediction.id in brought]
    if not found:
        return None
    items = (
        el(
            "li",
            None,
            jump(f"v{i}", named(v.prediction.id, 40)),
            " ",
            el("span", {"class": f"v {verdict_style(v.outcome)}"}, glyph(v.outcome), known(v.outcome)),
        )
        for i, v in found
    )
    return el("ul", {"class": "claims", "aria-label": "Claims of this section"}, *items)


def _charts(section: Section, anchor: str) -> Markup | None:
    charts = section.charts
    if not charts:
        return None
    # The data of the last of an odd number stand open beside it: there is room.
    last = len(charts) - 1 if len(charts) % 2 else -1
    return el(
        "div",
        {"class": "grid"},
        *(figure(chart, f"{anchor}-c{i + 1}", beside=i == last) for i, chart in enumerate(charts)),
    )


def _tables(section: Section) -> Markup:
    tables = ([_metric_table(section.metrics)] if section.metrics else []) + list(section.tables)
    narrow = [table for table in tables if len(table.columns) <= _NARROW_COLUMNS]
    wide = [table for table in tables if len(table.columns) > _NARROW_COLUMNS]
    boxes = [el("div", {"class": "box"}, data_table(table)) for table in narrow]
    pair = el("div", {"class": "grid"}, *boxes) if boxes else None
    return join([pair, *(el("div", {"class": "box"}, data_table(table)) for table in wide)])


def _metric_table(metrics: Sequence[Metric]) -> Table:
    """Numbers with their basis: interval, n, direction."""
    rows = []
    for metric in metrics:
        decimals = decimals_for([metric.value, metric.low, metric.high])
        value = f"{fixed(metric.value, decimals)} {line(metric.unit)}".strip()
        span = interval(metric.low, metric.high, decimals)
        basis = [line(metric.note), _BETTER.get(metric.better, "")]
        n = metric.n if finite(metric.n) is not None else None
        rows.append(
            (line(metric.name), f"{value} {span}".strip(), n, "; ".join(part for part in basis if part))
        )
    kept = [0, 1, *(i for i in (2, 3) if any(row[i] for row in rows))]
    names = ("Measure", "Value [95 % interval]", "n", "Basis")
    return Table(
        "Measures", tuple(names[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows)
    )
