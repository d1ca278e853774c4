"""``labctl``: the commands, each imported when it is called."""

from __future__ import annotations

import importlib
import os
from typing import Any

import click

from labctl.cli.errors import report
from labctl.errors import InfrastructureError, LabError, UsageError
from labctl.terminal import set_color, write

COMPLETING = "_LABCTL_COMPLETE"
"""Set by the shell's script while it asks how a line may go on."""

COMMANDS = {
    "run": ("labctl.cli.run", "run", "run a project; --plan says what it would do and cost"),
    "serve": ("labctl.cli.run", "serve", "run a service of a project: a notebook, an endpoint"),
    "services": ("labctl.cli.serve", "services_group", "list, url, stop"),
    "resume": ("labctl.cli.steer", "resume", "go on with a run that was interrupted"),
    "retry": ("labctl.cli.steer", "retry", "run its failed jobs again"),
    "explain": ("labctl.cli.explain", "explain", "why a job was run, or not"),
    "runs": ("labctl.cli.runs", "runs", "list, show, compare, export, import, rm"),
    "collect": ("labctl.cli.results", "collect", "copy what a run's jobs wrote"),
    "report": ("labctl.cli.results", "report", "the report of a run: page, Markdown, JSON"),
    "deploy": ("labctl.cli.deploy", "deploy", "put a run's results in place, or undo it"),
    "db": ("labctl.cli.db", "db", "gc, rebuild: keep the home in order"),
    "plugins": ("labctl.cli.plugins", "plugins", "list, show, check, new"),
    "config": ("labctl.cli.config", "config", "show: what the configuration says, and where"),
    "doctor": ("labctl.cli.doctor", "doctor", "what is installed, missing or old, and what helps"),
    "completion": ("labctl.cli.completion", "completion", "make the shell complete labctl's words"),
    "help": ("labctl.cli.help", "help_command", "labctl help COMMAND, labctl help exit-codes"),
}


class Lab(click.Group):
    """A group that knows its commands' names and words without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            from labctl.cli.others import plugin_command

            return plugin_command(cmd_name)
        module, attribute, _ = COMMANDS[cmd_name]
        return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from labctl.cli.others import command_names

            names = command_names()
            if name not in names:
                raise unknown("command", name, [*COMMANDS, *names], "labctl --help")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, _, words) in COMMANDS.items()])
        from labctl.cli.others import command_names

        others = command_names()
        if others:
            with formatter.section("Commands of projects"):
                formatter.write_dl(others.items())


def unknown(kind: str, name: str, known: Any, command: str, group: str = "") -> UsageError:
    """An error for a word that is none of ours, with the nearest one; ``group``: whose word it would be."""
    import difflib

    lead = f"{group} " if group else ""
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    hints = [f"did you mean {lead}{near[0]}?"] if near else []
    return UsageError(f"there is no {kind} named {lead}{name}", hints=[*hints, f"all of them: {command}"])


@click.group(cls=Lab, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="colour on the terminal"
)
@click.option("--version", is_flag=True, help="the version, and nothing else")
@click.pass_context
def lab(ctx: click.Context, color: str, version: bool) -> None:
    """Runs research projects and keeps what they found."""
    set_color(color)
    if version:
        from labctl.plugins.listing import open_catalogue

        write(f"labctl {open_catalogue().version}")
        ctx.exit()
    if ctx.invoked_subcommand is None:
        from labctl.cli.help import overview

        overview()


def run(arguments: list[str]) -> int:
    """Run a command line; the exit code. Every error of ours has its own."""
    try:
        code = lab.main(arguments, "labctl", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except LabError as error:
        return 0 if COMPLETING in os.environ else report(error)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        write(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except click.ClickException as error:
        return report(_translated(error))
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # a fault of ours, of the disk or of the database: never a bare traceback
        return report(unforeseen(error))


def unforeseen(error: Exception) -> InfrastructureError:
    """What nobody has foreseen, as an error like all others, with its traceback kept."""
    from labctl.plugins.load import describe, save_traceback
    from labctl.store.database import FILE, damaged, is_damaged
    from labctl.store.home import find_home, find_project

    if is_damaged(error):
        return damaged(os.path.join(find_home(find_project()), FILE), error)
    details = [describe(error)]
    try:
        saved = save_traceback(find_home(find_project()), "labctl", error)
    except OSError:  # there is not even a working directory
        saved = ""
    if saved:
        details.append(f"the full traceback is in {saved}")
    full = "disk is full" in str(error) or "No space left" in str(error)
    message = "the disk is full" if full else "labctl could not go on"
    hints = ["make room, and run it again: what is finished comes from the cache"] if full else []
    return InfrastructureError(message, details=details, hints=hints)


def _translated(error: click.ClickException) -> UsageError:
    message = error.format_message()
    hints: list[str] = []
    if isinstance(error, click.NoSuchOption):
        message = f"there is no option {error.option_name}"
        near = list(error.possibilities or [])
        hints = [f"did you mean {near[0]}?"] if near else []
    ctx = getattr(error, "ctx", None)
    if ctx is not None:
        hints.append(f"all options: {ctx.command_path} --help")
    return UsageError(message[:1].lower() + message[1:].rstrip("."), hints=hints)
