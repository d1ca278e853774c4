"""Where the numbers come from: registration, parameters, environments, versions, seals, artifacts."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from labctl.model.results import Table
from labctl.report.html_parts import command, data_table, fold
from labctl.report.markup import Markup, el, join, line
from labctl.report.numbers import clock, finite, money, plural, size
from labctl.report.view import ReportView

Row = tuple[str, Markup]


def provenance_part(view: ReportView) -> Markup:
    """What it takes to judge the run, and to run it again."""
    rows = [*_identity(view), *_origin(view)]
    shown = [item for name, value in rows for item in (el("dt", None, name), el("dd", None, value))]
    return el(
        "section",
        {"id": "provenance", "aria-labelledby": "provenance-h"},
        el("h2", {"id": "provenance-h"}, "Provenance"),
        el("dl", {"class": "prov"}, *shown),
        el("p", {"class": "small"}, "The record of the run, with every digest in full:"),
        command(f"labctl runs show {shlex.quote(line(view.run))} --json"),
    )


def _identity(view: ReportView) -> list[Row]:
    run = join([line(view.run), join([", id ", _code(view.run_id)]) if line(view.run_id) else None])
    times = join(
        [
            clock(view.started, True),
            " to ",
            clock(view.ended, True) if finite(view.ended) is not None else "now",
        ]
    )
    rows = [("Run", run), ("Time", times), ("Registration", _registration(view))]
    if line(view.plan_digest):
        rows.append(("Plan", join([_code(view.plan_digest), f", {plural(len(view.jobs), 'job')}"])))
    cost = view.cost
    rows.append(
        (
            "Cost",
            join(
                [f"expected {money(cost.expected)}, at most {money(cost.worst)}, spent {money(cost.spent)}"]
            ),
        )
    )
    if view.tags:
        rows.append(("Tags", join([", ".join(map(line, view.tags))])))
    if view.notes:
        rows.append(("Notes", join(el("span", {"class": "row"}, line(note)) for note in view.notes)))
    return rows


def _registration(view: ReportView) -> Markup:
    seen = view.registration
    if seen is None:
        return join(["no claim was registered"])
    order = {True: "before the first job", False: "after the first job", None: "no job was executed"}[
        seen.before_first_job
    ]
    about = f"{plural(len(view.verdicts), 'claim')}, first seen {clock(seen.first_seen, True)}, {order}"
    note = el("span", {"class": "row"}, line(seen.note)) if line(seen.note) else None
    return join([_code(seen.digest), el("span", {"class": "row"}, about), note])


def _origin(view: ReportView) -> list[Row]:
    rows: list[Row] = [("Parameters", _parameters(view))]
    if view.environments:
        cells = tuple((e.name, e.needs, e.digest[:8]) for e in view.environments)
        rows.append(
            (
                "Environments",
                _table("Environments", ("Name", "What a job's machine must have", "Digest"), cells),
            )
        )
    if view.versions:
        rows.append(("Versions", _versions(view)))
    if view.machine:
        rows.append(("Machine", join((f"{line(f.name)} {line(f.value)}" for f in view.machine), ", ")))
    if view.seals:
        seals = tuple(
            (s.name, "shut" if finite(s.opened) is None else clock(s.opened, True), s.job, s.note)
            for s in view.seals
        )
        rows.append(("Seals", _table("Seals", ("Sealed data", "Opened", "By job", "Note"), seals)))
    if view.artifacts:
        files = tuple((a.name, a.job, size(a.size), a.sha256[:8]) for a in view.artifacts)
        total = f"{plural(len(files), 'artifact')}, {size(sum(a.size for a in view.artifacts))}"
        rows.append(("Artifacts", fold(total, _table("Artifacts", ("Name", "Job", "Size", "sha256"), files))))
    if line(view.labctl_version):
        rows.append(("labctl", join([line(view.labctl_version)])))
    return rows


def _parameters(view: ReportView) -> Markup:
    """What was set stands open, the defaults are folded."""
    given = [row for row in view.parameters if not row.is_default]
    left = [row for row in view.parameters if row.is_default]
    if not view.parameters:
        return join(["none"])
    head = ("Name", "Value", "Origin")
    out = []
    if given:
        out.append(
            _table("Parameters that were set", head, tuple((r.name, r.value, r.origin) for r in given))
        )
    if left:
        what = "all at their defaults" if not given else f"{plural(len(left), 'other')} at the default"
        out.append(
            fold(
                f"{what}",
                _table(
                    "Parameters at their defaults", head, tuple((r.name, r.value, r.origin) for r in left)
                ),
            )
        )
    return join(out)


def _versions(view: ReportView) -> Markup:
    names = sorted(view.versions, key=str.lower)
    inline = join((f"{line(name)} {line(view.versions[name])}" for name in names[:12]), ", ")
    if len(names) <= 12:
        return inline
    rows = tuple((name, view.versions[name]) for name in names)
    return fold(plural(len(names), "distribution"), _table("Versions", ("Distribution", "Version"), rows))


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Markup:
    kept = [i for i in range(len(columns)) if i == 0 or any(row[i] for row in rows)]
    table = Table(title, tuple(columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows))
    return data_table(table, caption=False)


def _code(digest: str) -> Markup:
    return el("code", None, line(digest))
