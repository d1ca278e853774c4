"""``labctl run PROJECT``: its options are the host's and the plugin's own."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
import msgspec

from labctl.cli.arguments import USD
from labctl.errors import UsageError
from labctl.parameters.fields import Field, fields_of
from labctl.parameters.points import option_of
from labctl.parameters.types import Given
from labctl.plugins.catalogue import Catalogue
from labctl.plugins.loaded import Loaded

HOST: list[click.Parameter] = [
    click.Option(["-f", "--file"], type=str, help="parameters from a YAML file; a list there is a sweep"),
    click.Option(["--preset"], help="a named set of values"),
    click.Option(["--grid"], multiple=True, metavar="NAME=A,B", help="run all combinations"),
    click.Option(["--plan"], is_flag=True, help="say what would run and what it may cost; start nothing"),
    click.Option(["--on"], default="local", show_default=True, help="the executor: local, inline, ..."),
    click.Option(["--jobs"], type=click.IntRange(1), metavar="N", help="jobs at a time"),
    click.Option(["--only"], multiple=True, metavar="NAME", help="jobs by tag or beginning of their id"),
    click.Option(["--skip"], multiple=True, metavar="NAME", help="do not run these; use earlier results"),
    click.Option(["--from", "source"], metavar="RUN", help="take finished jobs of that run as they are"),
    click.Option(["--like"], metavar="RUN", help="parameters, seed and selection of that run, today's code"),
    click.Option(["--no-cache"], is_flag=True, help="run all jobs again"),
    click.Option(["--seed"], type=int, metavar="INT", help="seed of the run  [0]"),
    click.Option(["--gpu"], multiple=True, metavar="[ENV=]NAME", help="override environments' GPU"),
    click.Option(["--cpu"], multiple=True, metavar="[ENV=]CORES", help="override environments' cores"),
    click.Option(["--memory"], multiple=True, metavar="[ENV=]SIZE", help="override environments' memory"),
    click.Option(["--timeout"], multiple=True, metavar="[ENV=]TIME", help="override environments' timeout"),
    click.Option(["--retries"], multiple=True, metavar="[ENV=]N", help="override environments' retries"),
    click.Option(["--budget"], type=USD, metavar="USD", help="refuse what may cost more"),
    click.Option(["--stop-at"], type=USD, metavar="USD", help="start, and stop before it costs more"),
    click.Option(["--yes"], is_flag=True, help="do not ask before what costs money, or puts files in place"),
    click.Option(["--no-deploy"], is_flag=True, help="leave the project's files alone, if it deploys"),
    click.Option(["--detach"], is_flag=True, help="go on without this terminal"),
    click.Option(["--tag"], multiple=True, help="a word to find the run by"),
    click.Option(["--note"], default="", help="a sentence to keep with the run"),
    click.Option(["--grace"], default="10s", show_default=True, help="time to save in after Ctrl-C"),
    click.Option(["--json"], is_flag=True, help="events as JSON lines on standard output"),
]


SERVING: list[click.Parameter] = [
    click.Argument(["service"]),
    click.Option(["--idle"], metavar="TIME", help="stop when nobody has used it for so long"),
]


class Projects(click.Group):
    """The projects as subcommands; one is loaded when it is named."""

    serves = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        from labctl.plugins.listing import open_catalogue

        return [row.name for row in open_catalogue().projects()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return click.Command(cmd_name, help="")  # for lists of names; what is run is resolved below

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return args[0], project_command(args[0], serves=self.serves), args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from labctl.plugins.listing import open_catalogue
        from labctl.plugins.scan import summary

        rows = open_catalogue().projects()
        with formatter.section("Projects"):
            formatter.write_dl([(row.name, summary(row.entry.distribution)) for row in rows])


class Services(Projects):
    serves = True


@click.group(cls=Services, subcommand_metavar="PROJECT SERVICE [OPTIONS]")
def serve() -> None:
    """Run a service of a project until it is stopped: a notebook, an endpoint."""


@click.group(cls=Projects, subcommand_metavar="PROJECT [OPTIONS]")
def run() -> None:
    """Run a project on this machine, or elsewhere with --on."""


class _Command(click.Command):
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        ours = [p for p in self.params if isinstance(p, _Parameter)]
        own = [p for p in ours if str(p.name).startswith("p__")]
        extra = [p for p in ours if p not in own]
        verb = [p for p in self.params if p in SERVING]
        groups = (
            ("Options of a service", verb), ("Parameters", own), ("Options of every run", HOST),
            (f"Options of --on {_on()}", extra),
        )  # fmt: skip
        for title, params in groups:
            rows = [row for p in params if (row := p.get_help_record(ctx))]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class _Parameter(click.Option):
    """An option made of a parameter. Its click default is None: "not given" is not "the default"."""

    def __init__(self, key: str, field: Field, prefix: str = "p__") -> None:
        name = option_of(key)
        declared = [name]
        if field.bare is bool:
            declared = [f"{name}/--no-{name[2:]}"]
        super().__init__(
            [*declared, dest(key, prefix)],
            default=None,
            multiple=field.is_list,
            type=bool if field.bare is bool else str,
            is_flag=field.bare is bool,
            metavar=None if field.bare is bool else field.word,
            help=_words(field),
        )
        self.key = key


def dest(key: str, prefix: str = "p__") -> str:
    return prefix + key.replace(".", "__").replace("-", "_")


def project_command(name: str, *, serves: bool = False) -> click.Command:
    """The command of one project, made from its parameters; ``serves``: that of its services.

    Raises PluginError.
    """
    if name.startswith("-"):
        verb = "serve" if serves else "run"
        raise UsageError("options come after the project's name", hints=[f"labctl {verb} PROJECT {name}"])
    asks = {"-h", "--help", "--plan"} & set(sys.argv) or "_LABCTL_COMPLETE" in os.environ
    if not asks and _on() == "local":
        # Before a line of the plugin runs: its threads and handlers must not be in the workers.
        from labctl.executors.local import prefork

        prefork()
    from labctl.plugins.listing import open_catalogue
    from labctl.plugins.loaded import load_project
    from labctl.store.home import find_home, find_project

    catalogue = open_catalogue()
    loaded = load_project(catalogue, name, find_home(find_project()))
    options = None
    if _on() not in ("local", "inline"):
        from labctl.executors.registry import make_executor

        options = make_executor(catalogue, _on()).options
    return command_of(catalogue, loaded, options, SERVING if serves else [])


def command_of(
    catalogue: Catalogue, loaded: Loaded, options: type[msgspec.Struct] | None, more: list[click.Parameter]
) -> click.Command:
    """``options`` is the type of the executor's own options, if it has any; ``more``: of this verb."""
    name = loaded.row.name
    own = [_Parameter(key, field) for key, field in loaded.fields.items()]
    theirs = {f.path: f for f in fields_of(options, f"--on {_on()}")} if options else {}
    extra = [_Parameter(key, field, "x__") for key, field in theirs.items()]
    title = loaded.title or f"Run {name}."

    def callback(**values: Any) -> int:
        from labctl.cli.running import run_project

        flags: dict[str, str | list[str]] = {}
        for option in own:
            value = values.pop(str(option.name))
            if value is None or value == ():
                continue
            flags[option.key] = list(value) if isinstance(value, tuple) else _text(value)
        values["executor_options"] = _executor_options(options, theirs, extra, values)
        given = Given(flags, values["file"], values["preset"], values["grid"])
        return run_project(given, values, catalogue, loaded)

    return _Command(name, params=[*more, *own, *HOST, *extra], callback=callback, help=title)


def _executor_options(
    kind: type[msgspec.Struct] | None,
    fields: dict[str, Field],
    options: list[_Parameter],
    values: dict[str, Any],
) -> Any:
    """The executor's options as an instance of its type; None if it has none."""
    given = {option.key: values.pop(str(option.name)) for option in options}
    if kind is None:
        return None
    try:
        found = {key: fields[key].from_text(_text(v)) for key, v in given.items() if v not in (None, ())}
        return msgspec.convert(found, kind)
    except (ValueError, msgspec.ValidationError) as error:
        raise UsageError(f"an option of --on {_on()} is wrong: {error}") from None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(field: Field) -> str:
    default = field.default
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    if isinstance(default, bool):
        shown = str(default).lower()
    return f"{field.help}  [{shown}]" if default is not None else field.help


def _on() -> str:
    """``--on`` as typed, found before click parses: the zygote has to be forked first."""
    for index, word in enumerate(sys.argv):
        if word.startswith("--on="):
            return word[5:]
        if word == "--on" and index + 1 < len(sys.argv):
            return sys.argv[index + 1]
    return "local"
