"""What ran when: a row with a bar for each job."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from labctl.model.charts import Span, Timeline, Tone
from labctl.model.results import Table
from labctl.report.canvas import Canvas, num
from labctl.report.charts_timeline import hatch, time_scale
from labctl.report.html_parts import data_table, figure, fold
from labctl.report.markup import Markup, el, join, line, named
from labctl.report.numbers import DASH, finite, finites, plural, seconds
from labctl.report.scales import Scale
from labctl.report.view import JobRow, ReportView

_OPEN_JOBS, _MANY_JOBS = 20, 40
_TRACK = 520.0
_LOUD_FAMILIES: tuple[Tone, ...] = ("cool", "own")


def timeline_part(view: ReportView) -> Markup | None:
    """All jobs by start, each with its bar; with many jobs the workers' lanes and the families first."""
    if not view.jobs:
        return None
    jobs = sorted(view.jobs, key=lambda job: (_start(job) is None, _start(job) or 0.0))
    origin = min((start for job in jobs if (start := _start(job)) is not None), default=0.0)
    begun = finite(view.started)
    origin = min(begun, origin) if begun is not None and origin else origin
    lengths = [end - origin for job in jobs if (end := _end(job)) is not None]
    scale = time_scale(0.0, max(lengths, default=0.0) or 1.0, 1, _TRACK - 14)
    tones = _family_tones(jobs)
    first = len(jobs) if len(jobs) <= _MANY_JOBS else _OPEN_JOBS
    rest = jobs[first:]
    return el(
        "section",
        {"id": "timeline", "aria-labelledby": "timeline-h"},
        el("h2", {"id": "timeline-h"}, "Timeline"),
        _legend(jobs, tones),
        _overview(jobs, origin, tones) if rest else None,
        _job_table(jobs[:first], origin, scale, tones),
        fold(f"{len(rest):,} more jobs", _job_table(rest, origin, scale, tones)) if rest else None,
    )


def _start(job: JobRow) -> float | None:
    return finite(job.started)


def _end(job: JobRow) -> float | None:
    """When the job ended; while it runs, as far as is known."""
    end, start = finite(job.ended), _start(job)
    if start is None:
        return None
    return max(start, start + max(0.0, finite(job.seconds) or 0.0) if end is None else end)


def _family(job: JobRow) -> str:
    return _family_of(job.id)


@lru_cache(maxsize=10_000)
def _family_of(job: str) -> str:
    return named(line(job).split("/", 1)[0], 60)


def _spent(jobs: Sequence[JobRow]) -> dict[str, float]:
    """Seconds by family, most first."""
    spent: dict[str, float] = {}
    for job in jobs:
        spent[_family(job)] = spent.get(_family(job), 0.0) + (finite(job.seconds) or 0.0)
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def _family_tones(jobs: Sequence[JobRow]) -> dict[str, Tone]:
    """The two families that took longest have a tone of their own."""
    return dict(zip(_spent(jobs), _LOUD_FAMILIES, strict=False))


def _legend(jobs: Sequence[JobRow], tones: dict[str, Tone]) -> Markup:
    spent = _spent(jobs)
    total = sum(spent.values())
    parts = [
        join([el("b", {"class": f"tone-{tone}"}, name), f" {seconds(spent[name])}"])
        for name, tone in tones.items()
    ]
    if len(spent) > len(tones):
        parts.append(
            join(
                [f"{plural(len(spent) - len(tones), 'other family').replace('familys', 'families')} in grey"]
            )
        )
    states = {job.state for job in jobs}
    if states & {"failed", "timed out"}:
        parts.append(join(["failed hatched"]))
    if states & {"cached", "reused"}:
        parts.append(join(["cached outlined"]))
    return el(
        "p",
        {"class": "lede small"},
        f"Seconds from the start; jobs took {seconds(total)} together. ",
        join(parts, ", "),
        ".",
    )


def _overview(jobs: Sequence[JobRow], origin: float, tones: dict[str, Tone]) -> Markup:
    spans = []
    for job in jobs:
        start, end = _start(job), _end(job)
        if start is not None and end is not None and job.state not in ("cached", "reused"):
            tone = "bad" if job.state in ("failed", "timed out") else tones.get(_family(job), "base")
            spans.append(Span(job.lane or "worker", "", start - origin, end - origin, tone, job.id))
    busy = Timeline(
        title="What the workers did", subtitle=f"{plural(len(spans), 'job')} by worker.", spans=tuple(spans)
    )
    spent = _spent(jobs)
    counts: dict[str, int] = {}
    for job in jobs:
        counts[_family(job)] = counts.get(_family(job), 0) + 1
    rows = tuple((name, counts[name], round(value, 1)) for name, value in spent.items())
    table = Table("Seconds by family of jobs", ("Family", "Jobs", "Seconds"), rows)
    return el(
        "div",
        {"class": "grid"},
        figure(busy, "jobs") if spans else None,
        el("div", {"class": "box"}, data_table(table, open_rows=10)),
    )


def _job_table(jobs: Sequence[JobRow], origin: float, scale: Scale, tones: dict[str, Tone]) -> Markup:
    heads = [("Job", None), ("State", None), ("Ran on", None), ("Start", "n"), ("Took", "n")]
    cells = [
        el("th", {"role": "columnheader", "scope": "col", "class": style}, name) for name, style in heads
    ]
    cells.append(
        el(
            "th",
            {"role": "columnheader", "scope": "col", "class": "lane"},
            el("span", {"class": "vh"}, "When"),
            _axis(scale),
        )
    )
    empty = _grid(scale).picture("lc track")
    return el(
        "div",
        {"class": "tl"},
        el(
            "table",
            {"role": "table"},
            el("caption", {"class": "vh"}, "Jobs by start, with state, worker, start and duration"),
            el("thead", {"role": "rowgroup"}, el("tr", {"role": "row"}, *cells)),
            el("tbody", {"role": "rowgroup"}, *(_job(job, origin, scale, tones, empty) for job in jobs)),
        ),
    )


def _job(job: JobRow, origin: float, scale: Scale, tones: dict[str, Tone], empty: Markup) -> Markup:
    """A row; ``empty`` is the track of what never ran."""
    start, end = _start(job), _end(job)
    ran = start is not None and end is not None and job.state not in ("cached", "reused", "skipped")
    bad = job.state in ("failed", "timed out", "over budget", "interrupted")
    state = named(job.state, 24) + (
        f", {plural(job.tries, 'try').replace('trys', 'tries')}" if job.tries > 1 else ""
    )
    where = f"from {named(job.cached_from, 40)}" if line(job.cached_from) else named(job.lane, 40) or DASH
    cell = {"role": "cell"}
    return el(
        "tr",
        {"role": "row"},
        el("th", {"role": "rowheader", "scope": "row"}, el("code", None, named(job.id))),
        el("td", {**cell, "class": "st bad" if bad else "st"}, state),
        el("td", {**cell, "class": "mute sec"}, where),
        el(
            "td",
            {**cell, "class": "n num sec"},
            _since(start - origin, scale) if ran and start is not None else DASH,
        ),
        el("td", {**cell, "class": "n num"}, seconds(job.seconds) if ran or job.seconds else DASH),
        el("td", {**cell, "class": "lane"}, empty if start is None else _track(job, origin, scale, tones)),
    )


def _since(value: float, scale: Scale) -> str:
    """A start: in a short run all in seconds, so that they can be compared."""
    return f"{max(0.0, value):.1f} s" if scale.high < 200 else seconds(value)


def _axis(scale: Scale) -> Markup:
    canvas = Canvas(_TRACK, 16)
    for value, label in scale.ticks:
        canvas.text(scale.at(value), 12, label, anchor="middle", style="t-q")
    return canvas.picture("lc axis")


def _grid(scale: Scale) -> Canvas:
    canvas = Canvas(_TRACK, 16)
    canvas.path("".join(f"M{num(scale.at(value))} 0v16" for value, _ in scale.ticks), "c-grid")
    return canvas


def _track(job: JobRow, origin: float, scale: Scale, tones: dict[str, Tone]) -> Markup:
    canvas = _grid(scale)
    start, end = _start(job), _end(job)
    if start is not None and end is not None and finites([start, end]):
        x, width = scale.at(start - origin), max(2.0, scale.at(end - origin) - scale.at(start - origin))
        if job.state in ("failed", "timed out"):
            canvas.rect(x, 2, width, 12, "c-fail")
            canvas.path(hatch(x, 2, width, 12), "c-hatch")
        elif job.state in ("cached", "reused"):
            canvas.rect(x, 2.5, width, 11, "c-open")
        elif job.state != "skipped":
            canvas.rect(x, 2, width, 12, f"f-{tones.get(_family(job), 'base c-soft')}")
    return canvas.picture("lc track")
