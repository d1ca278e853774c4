"""What ``labctl`` says by itself, and ``labctl help``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labctl.plugins.catalogue import Row
from labctl.plugins.listing import open_catalogue
from labctl.plugins.scan import summary
from labctl.terminal import write

if TYPE_CHECKING:
    from labctl.store.queries import RunRow

EXIT_CODES = """\
0    all well; also when a claim was refuted: that is a result
1    all jobs failed
2    the command, a parameter, a file or the configuration is wrong
3    a plugin is missing, broken, or returned what it may not
4    not signed in, or a secret is missing
5    trouble of the machine or the network: worth trying again
6    some jobs failed, some succeeded
7    would cost more than allowed
130  interrupted"""


@click.command("help")
@click.argument("words", nargs=-1)
@click.pass_context
def help_command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Help on a command, or on exit-codes."""
    if words == ("exit-codes",):
        write(EXIT_CODES)
        return
    from labctl.cli.main import lab

    command: click.Command = lab
    parent = click.Context(lab, info_name="labctl")
    for word in words:
        if not isinstance(command, click.Group):
            break
        _, found, _ = command.resolve_command(parent, [word])
        if found is None:
            break
        command = found
        parent = click.Context(command, info_name=word, parent=parent)
    write(command.get_help(parent))


def overview() -> None:
    """Projects, the last runs, and the one next command. Imports no plugin."""
    from labctl.cli.runs import reader
    from labctl.cli.tables import clock
    from labctl.store.queries import list_runs

    catalogue = open_catalogue()
    write(f"labctl {catalogue.version}  Runs research projects and keeps what they found.\n")
    write("Projects")
    rows = catalogue.projects()
    wide = max([len(row.name) for row in rows], default=0) + 4
    for row in rows:
        words = summary(row.entry.distribution) if row.status in ("ok", "new") else row.status
        write(f"  {row.name:{wide}}{words}".rstrip())
    if not rows:
        write("  none is installed")
    db = reader()
    last = list_runs(db, limit=3) if db else []
    if last:
        write("\nLast runs here")
        for run in last:
            write(f"  {run.name:{wide}}{clock(run.started or run.created)}   {run.state}")
    write("\nNext: " + _next(last, rows))
    write("      labctl --help names all commands")


def _next(last: list[RunRow], rows: list[Row]) -> str:
    """The one command that is worth most now."""
    if last and last[0].state in ("interrupted", "cancelled", "over budget"):
        return f"labctl resume {last[0].name}"
    if last and last[0].state in ("partial", "failed"):
        return f"labctl retry {last[0].name} --failed"
    if last and last[0].state == "running":
        return f"labctl runs watch {last[0].name}"
    return f"labctl run {rows[0].name if rows else 'PROJECT'} --plan"
