"""``labctl plugins new`` and ``labctl plugins check``: the kit for authors of plugins."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
import msgspec

from labctl.cli.arguments import SECONDS
from labctl.cli.tables import count
from labctl.errors import UsageError
from labctl.kit.rules import RULES, Checkup, Finding
from labctl.terminal import Style, plain, write


@click.command("check")
@click.argument("name", required=False, metavar="NAME|PATH")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
@click.option("--strict", is_flag=True, help="exit code 1 also if there are only warnings")
@click.option("--no-run", is_flag=True, help="run no job of it")
@click.option(
    "--limit",
    type=SECONDS,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="time that its import, its hooks and its plan may take; the job gets ten times that",
)
@click.option("--explain", metavar="RULE", help="what a rule asks, and why")
def check_command(
    name: str | None, as_json: bool, strict: bool, no_run: bool, limit: float, explain: str | None
) -> int:
    """Check a plugin, an extension or a source folder, rule by rule."""
    if explain:
        _explain(explain.upper())
        return 0
    if not name:
        raise UsageError("say what to check", hints=["labctl plugins check NAME", "labctl plugins check ."])
    from labctl.kit.check import check

    checkup = check(name, run=not no_run, limit=limit)
    if as_json:
        form = {"schema_version": 1, "ok": not checkup.errors, **msgspec.to_builtins(checkup)}
        write(msgspec.json.encode(form).decode())
    else:
        _show(checkup)
    return 1 if checkup.errors or (strict and checkup.warnings) else 0


def _show(checkup: Checkup) -> None:
    style = Style(sys.stdout)
    parts = [
        *([count(checkup.errors, "problem")] if checkup.errors else []),
        *([count(checkup.warnings, "warning")] if checkup.warnings else []),
        f"{count(len(checkup.passed), 'rule')} passed",
        *([f"{len(checkup.skipped)} not checked"] if checkup.skipped else []),
    ]
    write(f"{checkup.distribution} {checkup.version}: {', '.join(parts)}")
    if checkup.findings or checkup.skipped:
        write("")
    findings = sorted(checkup.findings, key=lambda f: (f.level != "error", list(RULES).index(f.rule)))
    for finding in findings:
        _show_one(finding, style)
    reasons: dict[str, list[str]] = {}
    for rule, reason in checkup.skipped.items():
        reasons.setdefault(reason, []).append(rule)
    for reason, rules in reasons.items():
        write(style.dim(f"not checked: {', '.join(rules)}  {plain(reason)}"))
    if findings:
        write(f"\nWhat a rule means: labctl plugins check --explain {findings[0].rule}", err=True)


def _show_one(finding: Finding, style: Style) -> None:
    level = style.red("error   ") if finding.level == "error" else style.yellow("warning ")
    where = f"{plain(finding.where)}  " if finding.where else ""
    write(f"{level} {style.bold(finding.rule)}  {where}{plain(finding.text)}")
    for line in finding.details:
        if line:
            write(f"{'':14}{plain(line)}")
    write(f"{'':14}{style.dim('fix:')} {plain(finding.fix)}")


def _explain(name: str) -> None:
    rule = RULES.get(name)
    if rule is None:
        raise UsageError(f"there is no rule {name}", details=["there are: " + ", ".join(RULES)])
    style = Style(sys.stdout)
    write(f"{style.bold(rule.id)}  {rule.asks}  ({rule.level}, {rule.group})\n")
    write(f"{rule.why}\n")
    write(f"{style.dim('fix:')} {rule.fix}")


@click.command("new")
@click.argument("name")
@click.option("--extends", metavar="PLUGIN:KIND", help="an extension of that plugin, such as cgt:operators")
@click.option(
    "--folder", type=click.Path(path_type=Path), metavar="DIR", help="where it is written  [labctl-NAME]"
)
def new_command(name: str, extends: str | None, folder: Path | None) -> None:
    """Begin a plugin: a package that passes its own tests."""
    from labctl.kit.scaffold import new_extension, new_project
    from labctl.kit.scaffold import write as write_files
    from labctl.plugins.listing import open_catalogue
    from labctl.store.home import find_home, find_project

    catalogue = open_catalogue()
    if extends:
        new = new_extension(name, extends, folder, catalogue, find_home(find_project()))
    else:
        new = new_project(name, folder, catalogue)
    write_files(new)
    style = Style(sys.stdout)
    write(style.bold(f"{plain(str(new.folder))}/"))
    told = [file for file in new.files if file.remark]
    wide = max(len(file.name) for file in told)
    for file in told:
        write(f"  {file.name:{wide}}  {style.dim(plain(file.remark))}")
    write("  " + "  ".join(file.name for file in new.files if not file.remark and file.text))
    write(f"\nNext: cd {shlex.quote(str(new.folder))}\n      pip install -e .\n      {new.command}", err=True)
