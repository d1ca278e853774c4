"""``labctl doctor``: what is installed, missing or old, and what helps."""

from __future__ import annotations

import sys

import click
import msgspec

from labctl.cli.tables import count
from labctl.store.home import find_home, find_project
from labctl.terminal import Style, plain, write
from labctl.walk.examination import BAD, Finding, catalogue_of, examine, facts


@click.command()
@click.option("--on", metavar="NAME", help="with what that executor would miss; needs --for")
@click.option("--for", "project", metavar="PROJECT", help="for the environments of that project")
@click.option("--strict", is_flag=True, help="exit code 3 if something is broken")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def doctor(on: str | None, project: str | None, strict: bool, as_json: bool) -> int:
    """Say what is installed, missing or old here, and the command that helps. Starts nothing."""
    folder = find_project()
    home = find_home(folder)
    catalogue = catalogue_of(folder)
    found = list(examine(catalogue, home, folder))
    if project is not None or on is not None:
        found += _preflight(project, on or "local", folder, home)
    broken = sum(finding.status == "broken" for finding in found)
    old = sum(finding.status == "old" for finding in found)
    if as_json:
        rows = [finding._asdict() for finding in found]
        write(msgspec.json.encode({"schema_version": 1, "findings": rows}).decode())
    else:
        write(facts(catalogue.version) + "\n")
        _say(found)
        good = [row.name for row in catalogue.projects() if row.status not in (*BAD, "blocked")]
        things = [f"{count(broken, 'thing')} broken"] if broken else []
        things += [f"{count(old, 'thing')} worth a look"] if old else []
        said = ", ".join(things) or "Nothing is broken"
        write(f"\n{said}. Projects that can run: {', '.join(good) or 'none'}.")
    return 3 if strict and broken else 0


def _say(found: list[Finding]) -> None:
    style = Style(sys.stdout)
    colours = {"broken": style.red, "old": style.yellow, "missing": style.dim, "ok": style.dim}
    wide = max(len(finding.name) for finding in found) + 2
    for finding in found:
        write(f"{colours[finding.status](f'{finding.status:9}')} {finding.name:{wide}}{plain(finding.text)}")
        if finding.hint:
            write(f"{'':{wide + 10}}{style.cyan('hint:')} {finding.hint}")


def _preflight(project: str | None, on: str, folder: str, home: str) -> list[Finding]:
    """What the executor would miss for the environments of a project."""
    from labctl.errors import LabError, UsageError
    from labctl.executors.registry import make_executor
    from labctl.parameters.layers import resolve
    from labctl.parameters.types import Given
    from labctl.plugins.listing import open_catalogue
    from labctl.plugins.loaded import load_project

    if project is None:
        raise UsageError(
            "--on looks at the environments of a project", hints=[f"labctl doctor --on {on} --for PROJECT"]
        )
    from labctl.config import load_configuration

    try:
        catalogue = open_catalogue(folder)
        executor = make_executor(catalogue, on)
        loaded = load_project(catalogue, project, home)
        point = resolve(loaded.types, Given(), load_configuration(folder)).points[0]
        environments = loaded.project.provision(loaded.context(point, 0, folder))
        problems = list(executor.check(environments))
    except LabError as error:
        return [Finding("broken", project, "; ".join([error.message, *error.details[:1]]), *error.hints[:1])]
    if not problems:
        return [
            Finding("ok", f"{project} on {on}", f"all {count(len(environments), 'environment')} can be had")
        ]
    return [Finding("broken", f"{project} on {on}", p.what, p.hint) for p in problems]
