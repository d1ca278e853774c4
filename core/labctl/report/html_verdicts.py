"""The verdicts: what was claimed, what was measured, what it needed, what does it cheaper."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.model.charts import ForestRow
from labctl.model.results import Evidence, Verdict
from labctl.report.canvas import Canvas, num
from labctl.report.markup import Markup, el, join, line, named
from labctl.report.numbers import DASH, MINUS, decimals_for, finite, finites, fixed, interval, plural, short
from labctl.report.scales import Scale, linear

_WORDS = {">": "above", ">=": "at least", "<": "below", "<=": "at most"}
_GLYPHS = {
    "supported": ("gf", "M7 2a5 5 0 1 1 0 10a5 5 0 1 1 0-10z"),
    "refuted": ("g", "M2 2l10 10M12 2L2 12"),
    "inconclusive": ("g", "M7 2a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM7 2v10M9 2.8v8.4M11 4.4v5.2"),
    "untestable": ("g", "M7 2a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM3.5 10.5l7-7"),
    "degenerate": ("g", "M1 3v8M13 3v8M1 7h12"),
    "not judged": ("g gd", "M7 2a5 5 0 1 1 0 10a5 5 0 1 1 0-10z"),
}
_WIDE, _TALL, _EDGE = 164.0, 24.0, 6.0


def verdict_part(verdicts: Sequence[Verdict]) -> Markup:
    """The table with its legend."""
    common = _common_scale(verdicts)
    rows = join(_row(verdict, i, common) for i, verdict in enumerate(verdicts))
    heads = [
        _head("Verdict"),
        _head("Claim, as registered"),
        _head("Measured, 95\u00a0% interval"),
        _head("Claim needs"),
        _head(_strip_head(common)),
        _head("Best cheap baseline"),
        _head("n: events of all", "n"),
    ]
    caption = f"Verdicts on the {plural(len(verdicts), 'claim')} registered for this run"
    table = el(
        "table",
        {"role": "table"},
        el("caption", {"class": "vh"}, caption),
        el("thead", {"role": "rowgroup"}, el("tr", {"role": "row"}, *heads)),
        el("tbody", {"role": "rowgroup"}, rows),
    )
    return el("div", {"class": "verdicts", "id": "verdicts"}, table, _legend(verdicts, common))


def glyph(outcome: str) -> Markup:
    """The mark of an outcome; the word always stands beside it."""
    style, d = _GLYPHS[known(outcome)]
    return el(
        "svg",
        {"viewBox": "0 0 14 14", "aria-hidden": "true", "class": "glyph"},
        el("path", {"class": style, "d": d}),
    )


def verdict_style(outcome: str) -> str:
    """The class of an outcome; anything unknown counts as not judged."""
    return "v-" + known(outcome).replace(" ", "-")


def known(outcome: str) -> str:
    """The outcome, if it is one; anything else was not judged."""
    return outcome if outcome in _GLYPHS else "not judged"


def needs(verdict: Verdict) -> str:
    """``at least 0.80``, with the margin where there is one."""
    claim = verdict.prediction
    text = f"{_WORDS.get(claim.op, claim.op)} {_threshold(claim.threshold)}"
    if finite(claim.margin):
        text += f" {MINUS if '>' in claim.op else '+'} {_threshold(claim.margin)}"
    return text


def _threshold(value: float) -> str:
    number = finite(value)
    if number is None:
        return DASH
    return fixed(number, 2) if abs(number) < 100 and round(number, 2) == number else short(number)


def _head(content: object, style: str | None = None) -> Markup:
    return el("th", {"role": "columnheader", "scope": "col", "class": style}, content)


def _row(verdict: Verdict, index: int, common: Scale | None) -> Markup:
    evidence = verdict.evidence
    head = el("th", {"role": "rowheader", "scope": "row", "class": f"v {verdict_style(verdict.outcome)}"},
              glyph(verdict.outcome), known(verdict.outcome),
              el("span", {"class": "tag"}, "post hoc") if verdict.post_hoc else None)  # fmt: skip
    claim = _claim(verdict)
    if evidence is None or evidence.status != "ok" or finite(evidence.estimate) is None:
        reason = (
            line(evidence.note if evidence and line(evidence.note) else verdict.reason)
            or "No evidence was brought for it."
        )
        cells = [el("td", {"role": "cell", "class": "why", "colspan": "4"}, reason), _units(evidence)]
    else:
        cells = _measured(verdict, evidence, common)
    return el("tr", {"role": "row", "id": f"v{index + 1}"}, head, claim, *cells)


def _claim(verdict: Verdict) -> Markup:
    claim = verdict.prediction
    measured = verdict.evidence is not None and verdict.evidence.status == "ok"
    reason = line(verdict.reason) if measured else ""
    return el(
        "td",
        {"role": "cell", "class": "claim"},
        el("b", None, named(claim.id, 60)),
        " ",
        line(claim.claim),
        el("span", {"class": "basis"}, line(claim.estimand)) if line(claim.estimand) else None,
        el("span", {"class": "basis"}, reason) if reason else None,
    )


def _measured(verdict: Verdict, evidence: Evidence, common: Scale | None) -> list[Markup]:
    decimals = max(2, decimals_for([evidence.estimate, evidence.low, evidence.high]))
    decimals = decimals if abs(finite(evidence.estimate) or 0.0) < 1000 else 0
    estimate = [
        fixed(evidence.estimate, decimals),
        " ",
        el("span", {"class": "mute"}, interval(evidence.low, evidence.high, decimals)),
    ]
    p = finite(verdict.p_adjusted)
    if p is not None:
        shown = "p < 0.001" if p < 0.001 else f"p = {fixed(p, 3)}"
        estimate.append(el("span", {"class": "basis"}, f"Holm {shown}"))
    if line(evidence.note):
        estimate.append(el("span", {"class": "basis"}, line(evidence.note)))
    rival = evidence.baseline
    beside: list[object] = [DASH]
    if rival is not None:
        better = [", ", el("b", {"class": "better"}, "better")] if verdict.baseline_better else []
        value = el("span", {"class": "num"}, fixed(rival.estimate, decimals), *better)
        beside = [named(rival.name, 80), " ", value]
    return [
        el("td", {"role": "cell", "class": "num", "data-l": "Measured, 95\u00a0% interval"}, *estimate),
        el("td", {"role": "cell", "class": "num", "data-l": "Claim needs"}, needs(verdict)),
        el("td", {"role": "cell", "class": "strip"}, _strip(verdict, evidence, common)),
        el("td", {"role": "cell", "class": "rival", "data-l": "Best cheap baseline"}, *beside),
        _units(evidence),
    ]


def _units(evidence: Evidence | None) -> Markup:
    if evidence is None or not evidence.n:
        return el("td", {"role": "cell", "class": "n num nil"}, DASH)
    text = f"{evidence.n:,}" if evidence.events is None else f"{evidence.events:,} of {evidence.n:,}"
    return el("td", {"role": "cell", "class": "n num", "data-l": "n: events of all"}, text)


def _numbers(verdict: Verdict) -> list[float]:
    evidence = verdict.evidence
    if evidence is None or evidence.status != "ok" or finite(evidence.estimate) is None:
        return []
    rival = evidence.baseline.estimate if evidence.baseline else None
    return finites([evidence.estimate, evidence.low, evidence.high, rival, verdict.prediction.threshold])


def _common_scale(verdicts: Sequence[Verdict]) -> Scale | None:
    """One scale for all rows when all are shares or differences of shares; else each has its own."""
    numbers = [number for verdict in verdicts for number in _numbers(verdict)]
    if not numbers or min(numbers) < -1 or max(numbers) > 1:
        return None
    low = 0.0 if min(numbers) >= 0 else -1.0
    middle = (low + 1) / 2
    ticks = ((low, fixed(low, 0)), (middle, fixed(middle, 1 if middle else 0)), (1.0, "1"))
    return Scale(low, 1.0, _EDGE, _WIDE - _EDGE, False, ticks)


def _strip_head(common: Scale | None) -> Markup:
    if common is None:
        return el("span", None, "Each on its own scale")
    canvas = Canvas(_WIDE, 16)
    for value, label in common.ticks:
        canvas.text(common.at(value), 12, label, anchor="middle", style="t-q")
    return el(
        "span",
        None,
        el("span", {"class": "vh"}, "Drawn from 0 to 1" if not common.low else "Drawn"),
        canvas.picture(),
    )


def _strip(verdict: Verdict, evidence: Evidence, common: Scale | None) -> Markup:
    """Interval, threshold and baseline on one line, hidden to readers: the numbers stand beside it."""
    from labctl.report.charts_bars import draw_estimate

    canvas = Canvas(_WIDE, _TALL if common else 38.0)
    scale = common or linear(_numbers(verdict), _EDGE, _WIDE - _EDGE, count=3, zero=False)
    ticks = "".join(f"M{num(scale.at(value))} 9v6" for value, _ in scale.ticks)
    canvas.path(f"M{num(scale.start)} 12H{num(scale.end)}{ticks}", "c-grid")
    if common is None and scale.ticks:
        first, last = scale.ticks[0][1], scale.ticks[-1][1]
        canvas.text(0, 34, first, style="t-q t-s", size=12, room=78)
        canvas.text(_WIDE, 34, last, anchor="end", style="t-q t-s", size=12, room=78)
    claim = verdict.prediction
    threshold, margin = finite(claim.threshold), finite(claim.margin) or 0.0
    if threshold is not None:
        threshold += -margin if ">" in claim.op else margin
    rival = evidence.baseline.estimate if evidence.baseline else None
    draw_estimate(
        canvas,
        scale,
        12,
        ForestRow("", evidence.estimate, evidence.low, evidence.high, threshold, rival, "plain"),
    )
    return canvas.picture()


def _legend(verdicts: Sequence[Verdict], common: Scale | None) -> Markup | None:
    from labctl.report.charts_bars import diamond, draw_estimate

    if not any(_numbers(verdict) for verdict in verdicts):
        return None
    marks = []
    for label in ("measured, with interval", "what the claim needs", "best cheap baseline"):
        canvas = Canvas(26, 14)
        if label.startswith("measured"):
            draw_estimate(
                canvas, Scale(0, 1, 1, 25, False, ()), 7, ForestRow("", 0.5, 0.0, 1.0, tone="plain")
            )
        elif label.startswith("what"):
            canvas.rule(13, 1, 13, 13, "c-need")
        else:
            canvas.path(diamond(13, 7, 5.5), "c-rival")
        marks.append(el("span", None, canvas.picture("key-mark"), label))
    if any(verdict.post_hoc for verdict in verdicts):
        marks.append(
            el(
                "span",
                None,
                el("span", {"class": "tag"}, "post hoc"),
                " its results are older than its registration",
            )
        )
    return el("p", {"class": "key"}, *marks)
