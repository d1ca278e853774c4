"""What failed, what did not run because of it, and what was left out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from fnmatch import fnmatchcase

from labctl.model.results import DONE
from labctl.report.html_parts import codes, command, fold
from labctl.report.markup import LONGEST, Markup, clean, el, join, line, named
from labctl.report.numbers import finite, plural, seconds
from labctl.report.view import JobRow, LeftOut, ReportView

_QUIET = frozenset({"planned", "queued", "running"}) | DONE
_OPEN_GROUPS = 8


def log_command(run: str, job: str) -> str:
    """The command that shows a job's log, quoted for a shell."""
    return f"labctl runs logs {shlex.quote(line(run))} {shlex.quote(line(job))}"


def failed_part(view: ReportView) -> Markup | None:
    """Jobs without a result, those with one cause together, and extensions that were left out."""
    groups: dict[tuple[str, str, str], list[JobRow]] = {}
    for job in view.jobs:
        if job.state not in _QUIET:
            groups.setdefault((job.state, line(job.error), line(job.reason)), []).append(job)
    # Skipped jobs follow from others: what failed comes first.
    ordered = sorted(groups.values(), key=lambda jobs: jobs[0].state in ("skipped", "cancelled"))
    parts = [_group(view, jobs) for jobs in ordered] + [_left_out(item) for item in view.left_out]
    if not parts:
        return None
    rest = parts[_OPEN_GROUPS:]
    return el(
        "section",
        {"id": "failed", "aria-labelledby": "failed-h"},
        el("h2", {"id": "failed-h"}, failed_title(view)),
        *parts[:_OPEN_GROUPS],
        fold(f"{len(rest):,} more", *rest) if rest else None,
    )


def failed_title(view: ReportView) -> str:
    """What the part about failures is called."""
    lost = any(job.state not in _QUIET for job in view.jobs)
    if lost and view.left_out:
        return "What failed, and what was left out"
    return "What failed" if lost else "What was left out"


def _group(view: ReportView, jobs: Sequence[JobRow]) -> Markup:
    first = jobs[0]
    tries = f", {plural(first.tries, 'attempt')}" if len(jobs) == 1 and first.tries > 1 else ""
    message = line(first.error) or line(first.reason) or "No reason was recorded."
    also = line(first.reason) if line(first.error) else ""
    ran = first.state not in ("skipped", "cancelled") or line(first.log)
    return el(
        "div",
        {"class": "job"},
        el("h3", None, codes([job.id for job in jobs]), f" {line(first.state)}{tries}"),
        el("p", {"class": "cause"}, message),
        el("p", {"class": "cause"}, also) if also else None,
        _circumstances(view, jobs),
        fold("Last lines of the log", el("pre", {"tabindex": "0"}, clean(first.log)[-LONGEST:]))
        if first.log.strip()
        else None,
        command(log_command(view.run, first.id)) if ran else None,
    )


def _circumstances(view: ReportView, jobs: Sequence[JobRow]) -> Markup | None:
    """Where it was raised, after how long, on which worker, and what is not judged because of it."""
    first, said = jobs[0], []
    if line(first.where):
        said.append(join([" at ", el("code", None, named(first.where))]))
    if finite(first.seconds) and len(jobs) == 1:
        said.append(join([f" after {seconds(first.seconds)}"]))
    if line(first.lane) and len(jobs) == 1:
        said.append(join([f" on {named(first.lane)}"]))
    claims = [
        named(verdict.prediction.id, 40)
        for verdict in view.verdicts
        if any(fnmatchcase(job.id, pattern) for job in jobs for pattern in verdict.prediction.jobs)
    ]
    lost = None
    if claims:
        many = len(claims) != 1
        lost = f"{'Claims' if many else 'Claim'} {', '.join(claims[:8])} {'rest' if many else 'rests'} on it."
    raised = join(["Raised" if line(first.where) else "Ended", *said, ". "]) if said else None
    return el("p", {"class": "small mute"}, raised, lost) if raised or lost else None


def _left_out(item: LeftOut) -> Markup:
    source = f"{line(item.distribution)}: " if line(item.distribution) else ""
    return el(
        "div",
        {"class": "job"},
        el("h3", None, "Extension ", el("code", None, named(item.extension)), " left out"),
        el("p", {"class": "cause"}, f"{source}{line(item.reason) or 'no reason was recorded'}"),
        command(item.command) if line(item.command) else None,
    )
