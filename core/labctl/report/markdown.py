"""The report as Markdown, for where a page cannot go: an issue, a mail, a repository.

Text of jobs is hostile: every character that Markdown or HTML could read as its own is escaped, and
nothing becomes a link or an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labctl.model.results import Section, Table
from labctl.report.chart_tables import table_of
from labctl.report.html_verdicts import needs
from labctl.report.markup import clean, line
from labctl.report.numbers import DASH, clock, decimals_for, finite, fixed, interval, money, seconds, size
from labctl.report.summary import deck, headline, page_title
from labctl.report.view import ReportView

_SPECIAL = frozenset("\\`*_{}[]<>()#+-.!|~&$@:")
ROWS = 40
"""Rows of a table that are written; the JSON form has all."""


def to_markdown(view: ReportView) -> str:
    """The whole report; charts become the tables of their data."""
    parts = [
        f"# {escaped(page_title(view))}",
        f"**{escaped(headline(view))}**",
        escaped(deck(view)),
        _facts(view),
        _verdicts(view),
        *(_section(section) for section in view.ordered_sections()),
        _jobs(view),
        _list("Worth doing next", [_step(s.text, s.command) for s in view.next]),
        _list("Notes", [escaped(note) for note in view.notes]),
        _parameters(view),
        _artifacts(view),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: object) -> str:
    """Text in one line that stands for itself."""
    return "".join(f"\\{c}" if c in _SPECIAL else c for c in line(text))


def _code(text: str) -> str:
    """A command: between more backquotes than it holds itself."""
    plain = line(text)
    fence = "`"
    while fence in plain:
        fence += "`"
    return f"{fence} {plain} {fence}" if len(fence) > 1 else f"`{plain}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(map(escaped, head)) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _list(title: str, items: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {item}" for item in items) if items else ""


def _step(text: str, command: str) -> str:
    return f"{escaped(text)} {_code(command)}" if line(command) else escaped(text)


def _facts(view: ReportView) -> str:
    rows = [
        ("Run", f"{escaped(view.run)}, {escaped(view.state)}"),
        ("Project", escaped(f"{view.project}  {view.project_title}")),
        ("Started", escaped(clock(view.started, with_seconds=True)) if view.started else ""),
        ("Took", escaped(seconds(view.wall_seconds)) if view.wall_seconds is not None else ""),
        ("Cost", escaped(money(view.cost.spent)) if view.cost.spent is not None else ""),
        ("Where", escaped(view.executor)),
        ("Claims", escaped(f"sha256 {view.registration.digest}") if view.registration else ""),
        ("Versions", escaped(", ".join(f"{name} {v}" for name, v in view.versions.items()))),
    ]
    command = f"\n\n{_code(view.command)}" if line(view.command) else ""
    return _table(["", ""], [(name, text) for name, text in rows if text]) + command


def _verdicts(view: ReportView) -> str:
    if not view.verdicts:
        return ""
    rows = []
    for verdict in view.verdicts:
        found = verdict.evidence
        measured = baseline = DASH
        if found is not None and finite(found.estimate) is not None:
            decimals = decimals_for([found.estimate, found.low, found.high])
            measured = f"{fixed(found.estimate, decimals)} {interval(found.low, found.high, decimals)}"
        if found is not None and found.baseline is not None:
            better = ", better" if verdict.baseline_better else ""
            baseline = f"{found.baseline.name} {fixed(found.baseline.estimate)}{better}"
        said = verdict.outcome + (", post hoc" if verdict.post_hoc else "")
        n = fixed(found.n, 0) if found is not None and found.n else DASH
        reason = f": {verdict.reason}" if verdict.reason else ""
        claim = f"{verdict.prediction.id}: {verdict.prediction.claim}{reason}"
        rows.append([*map(escaped, (said, claim, measured, needs(verdict), baseline, n))])
    return "## Verdicts\n\n" + _table(
        ["Verdict", "Claim, as registered", "Measured, 95 %", "Needs", "Best cheap baseline", "n"], rows
    )


def _section(section: Section) -> str:
    parts = [f"## {escaped(section.title)}"]
    if line(section.headline):
        parts.append(f"**{escaped(section.headline)}**")
    parts += [escaped(text) for text in section.text]
    if section.metrics:
        rows = [
            [
                escaped(m.name),
                escaped(f"{fixed(m.value)} {m.unit}"),
                escaped(interval(m.low, m.high)),
                escaped(m.note),
            ]
            for m in section.metrics
        ]
        parts.append(_table(["Metric", "Value", "95 %", ""], rows))
    parts += [_data(table) for table in section.tables]
    parts += [_data(table_of(chart)) for chart in section.charts]
    parts += [f"- {_step(step.text, step.command)}" for step in section.next]
    return "\n\n".join(part for part in parts if part)


def _data(table: Table) -> str:
    rows = [[_cell(value) for value in row] for row in table.rows[:ROWS]]
    left = len(table.rows) - ROWS
    more = f"\n\n{left} more rows; the JSON form has all." if left > 0 else ""
    note = f"\n\n{escaped(table.note)}" if line(table.note) else ""
    return f"### {escaped(table.title)}\n\n" + _table(list(table.columns), rows) + more + note


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return escaped(fixed(value, decimals_for([value])))
    return escaped(value)


def _jobs(view: ReportView) -> str:
    bad = [job for job in view.jobs if job.state not in ("succeeded", "cached", "reused")]
    counts = ", ".join(f"{number} {state}" for state, number in view.job_counts().items())
    rows = [
        [escaped(j.id), escaped(j.state), escaped(j.error or j.reason), escaped(j.where)] for j in bad[:ROWS]
    ]
    table = "\n\n" + _table(["Job", "State", "Why", "Where"], rows) if rows else ""
    logs = [
        f"{escaped(j.id)}, the end of its log:\n\n"
        + "\n".join(f"    {clean(li)}" for li in j.log.splitlines())
        for j in bad[:5]
        if j.log.strip()
    ]
    return f"## Jobs\n\n{escaped(counts)}" + table + "".join(f"\n\n{log}" for log in logs)


def _parameters(view: ReportView) -> str:
    rows = [[escaped(p.name), escaped(p.value), escaped(p.origin)] for p in view.parameters]
    return "## Parameters\n\n" + _table(["Parameter", "Value", "From"], rows) if rows else ""


def _artifacts(view: ReportView) -> str:
    rows = [
        [escaped(a.job), escaped(a.name), escaped(size(a.size)), escaped(a.sha256[:16])]
        for a in view.artifacts[:ROWS]
    ]
    left = len(view.artifacts) - ROWS
    more = f"\n\n{left} more." if left > 0 else ""
    return "## Artifacts\n\n" + _table(["Job", "Artifact", "Size", "sha256"], rows) + more if rows else ""
