"""The report as one HTML file that asks nothing of the network."""

from __future__ import annotations

import binascii
from pathlib import Path

from labctl.model.sha import sha256
from labctl.report.html_failed import failed_part, failed_title
from labctl.report.html_provenance import provenance_part
from labctl.report.html_sections import section_parts, step_list
from labctl.report.html_timeline import timeline_part
from labctl.report.html_verdicts import verdict_part
from labctl.report.markup import Markup, el, escape, join, jump, line, named, shorten
from labctl.report.numbers import clock, finite, iso, money, plural, seconds
from labctl.report.summary import deck, done_of_all, headline, page_title, shortfall
from labctl.report.view import ReportView

_ASSETS = Path(__file__).parent


def to_html(view: ReportView) -> str:
    """The whole page. It is readable without its script, which only adds buttons that copy."""
    style = (_ASSETS / "page.css").read_text(encoding="utf-8")
    script = (_ASSETS / "page.js").read_text(encoding="utf-8")
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width,initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(style, script))}">'),
            Markup('<meta name="color-scheme" content="light dark">'),
            Markup('<meta name="referrer" content="no-referrer">'),
            el("title", None, shorten(page_title(view), 200)),
            Markup(f"<style>{style}</style>"),
        ]
    )
    body = el("body", None, _body(view), Markup(f"<script>{script}</script>"))
    return f'<!doctype html>\n<html lang="en">{el("head", None, head)}{body}</html>\n'


def policy(style: str, script: str) -> str:
    """What the page may do: nothing but its own style, its own script and images within it."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + binascii.b2a_base64(sha256(text.encode()).digest(), newline=False).decode("ascii")


def _body(view: ReportView) -> Markup:
    sections = section_parts(view)
    failed, timeline = failed_part(view), timeline_part(view)
    links = [(anchor, title) for anchor, title, _ in sections]
    links += [("failed", failed_title(view))] if failed else []
    links += [("timeline", "Timeline")] if timeline else []
    links += [("provenance", "Provenance")]
    target = "verdicts" if view.verdicts else links[0][0]
    return join(
        [
            jump(
                target,
                "Skip to the verdicts" if view.verdicts else "Skip to the results",
                **{"class": "skip"},
            ),
            el(
                "div",
                {"class": "page"},
                el(
                    "header",
                    None,
                    _mast(view),
                    el("h1", None, named(headline(view), 300)),
                    _deck(view),
                    _facts(view, failed is not None),
                ),
                el(
                    "main",
                    None,
                    verdict_part(view.verdicts) if view.verdicts else None,
                    _next(view),
                    _contents(links),
                    *(part for _, _, part in sections),
                    failed,
                    timeline,
                    provenance_part(view),
                ),
                _footer(view),
            ),
        ]
    )


def _mast(view: ReportView) -> Markup:
    title = f"project {named(view.project)}"
    if line(view.project_title):
        title += f": {line(view.project_title)}"
    when = el("time", {"datetime": iso(view.started)}, clock(view.started))
    name = el("span", None, el("b", None, "labctl"), " report of run ", el("b", None, named(view.run)))
    return el("div", {"class": "mast"}, name, el("span", {"class": "about"}, named(title, 160)), when)


def _deck(view: ReportView) -> Markup | None:
    text = deck(view)
    return el("p", {"class": "deck"}, text) if text else None


def _facts(view: ReportView, failed: bool) -> Markup:
    facts = [
        (
            "What ran",
            el("code", None, named(view.command, 200) or f"labctl run {named(view.project)}"),
            named(view.executor),
        ),
        ("Did it work", *_worked(view, failed)),
        (
            "How long",
            seconds(view.wall_seconds),
            f"{seconds(view.cpu_seconds)} of CPU" if finite(view.cpu_seconds) is not None else "",
        ),
        (
            "What it cost",
            money(view.cost.spent),
            _bounds(view),
        ),
        ("Registered", *_registered(view)),
    ]
    items = (
        el("div", None, el("dt", None, name), el("dd", None, value, el("span", None, more) if more else None))
        for name, value, more in facts
    )
    return el("dl", {"class": "facts"}, *items)


def _bounds(view: ReportView) -> str:
    """What was known about the cost before the start."""
    named = (("expected", view.cost.expected), ("at most", view.cost.worst))
    return ", ".join(f"{name} {money(value)}" for name, value in named if finite(value) is not None)


def _worked(view: ReportView, failed: bool) -> tuple[object, object]:
    done, total = done_of_all(view)
    counts = view.job_counts()
    words = {
        "running": "Still running",
        "interrupted": "Interrupted",
        "cancelled": "Cancelled",
        "over budget": "Over budget",
    }
    answer = words.get(view.state) or ("Yes" if total and done == total else "Partly" if done else "No")
    missing, cached = shortfall(counts), counts.get("cached", 0) + counts.get("reused", 0)
    more: list[object] = []
    if missing:
        more.append(jump("failed", missing) if failed else missing)
    if cached:
        more.append(f"{cached:,} from the cache")
    if view.exit_code is not None:
        more.append(f"exit code {view.exit_code}")
    known = f": {done:,} of {plural(total, 'job')}" if total else ""
    return answer + known, join(more, "; ")


def _registered(view: ReportView) -> tuple[object, object]:
    seen = view.registration
    if seen is None:
        return "Nothing", "no claim was registered"
    answer = {True: "Before the first job", False: "After the first job", None: "No job was executed"}[
        seen.before_first_job
    ]
    digest = line(seen.digest).removeprefix("sha256:")
    return answer, join(
        [f"{plural(len(view.verdicts), 'claim')}; ", jump("provenance", f"sha256 {digest[:8]}")]
    )


def _next(view: ReportView) -> Markup | None:
    if not view.next:
        return None
    return el(
        "aside",
        {"class": "next", "aria-labelledby": "next-h"},
        el("h2", {"id": "next-h"}, "What to do next"),
        step_list(view.next),
    )


def _contents(links: list[tuple[str, str]]) -> Markup:
    items = (el("li", None, jump(anchor, named(title, 60))) for anchor, title in links)
    return el("nav", {"class": "toc", "aria-label": "Parts of this report"}, el("ul", None, *items))


def _footer(view: ReportView) -> Markup:
    version = f" {line(view.labctl_version)}" if line(view.labctl_version) else ""
    return el(
        "footer",
        None,
        f"Written by labctl{version}. This file is complete by itself and asks nothing of the network. ",
        "The same as JSON: ",
        el("code", None, f"labctl report {named(view.run)} --json"),
    )
