"""What ``labctl`` says by itself, and ``labctl help``."""

from __future__ import annotations

import click

from labctl.plugins.listing import open_catalogue
from labctl.plugins.scan import summary
from labctl.store.home import find_home, find_project
from labctl.terminal import write

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
    from labctl.cli.tables import clock
    from labctl.store.database import open_for_reading
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
    db = open_for_reading(find_home(find_project()))
    last = list_runs(db, limit=3) if db else []
    if last:
        write("\nLast runs here")
        for run in last:
            write(f"  {run.name:{wide}}{clock(run.started or run.created)}   {run.state}")
    write("\nNext: labctl run " + (rows[0].name if rows else "PROJECT") + " --plan")
    write("      labctl --help names all commands")
