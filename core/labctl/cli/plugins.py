"""``labctl plugins``: what is installed, and what is known of one of them."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import time
from typing import Any

import click
import msgspec

from labctl.cli.tables import table
from labctl.errors import LabError
from labctl.model.context import Context
from labctl.parameters.fields import schema
from labctl.parameters.layers import resolve
from labctl.parameters.points import option_of
from labctl.parameters.types import Given
from labctl.plugins import listing
from labctl.plugins.catalogue import Catalogue, Row
from labctl.plugins.facade import HOOKS
from labctl.plugins.load import load_entry
from labctl.plugins.loaded import Loaded, load_project
from labctl.plugins.scan import summary
from labctl.store.home import find_home, find_project
from labctl.terminal import Style, write
from labctl.walk.record import environment_words

LOAD_TIMEOUT = 60.0  # seconds
MARK = "\x1elabctl-load\x1e"
KIT = {"check": "check_command", "new": "new_command"}


class Plugins(click.Group):
    """The two commands of the kit are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *KIT]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in KIT:
            from labctl.cli import kit

            return getattr(kit, KIT[cmd_name])  # type: ignore[no-any-return]
        return super().get_command(ctx, cmd_name)


@click.group(cls=Plugins)
def plugins() -> None:
    """List what is installed, show one of them; check one, begin a new one."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
@click.option("--strict", is_flag=True, help="exit code 3 if anything is broken")
@click.option("--load", is_flag=True, help="import each one, in a process of its own")
@click.pass_context
def list_command(ctx: click.Context, as_json: bool, strict: bool, load: bool) -> int:
    """List projects, their extensions and executors. Imports none of them."""
    catalogue = listing.open_catalogue()
    if load:
        for row in catalogue.rows:
            if row.status in ("ok", "new") or row.reason.startswith("could"):
                _try(row, catalogue)
        catalogue = catalogue.again()
    arguments = [flag for flag, on in (("--json", as_json), ("--strict", strict)) if on]
    return listing.show(arguments, catalogue)


@plugins.command("show")
@click.argument("name")
@click.option("--schema", "as_schema", is_flag=True, help="the JSON Schema of its parameters")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def show_command(name: str, as_schema: bool, as_json: bool) -> None:
    """Show a project: where it is from, its hooks, environments and parameters."""
    catalogue = listing.open_catalogue()
    project = find_project()
    loaded = load_project(catalogue, name, find_home(project))
    if as_schema:
        found = schema(loaded.types.own) if loaded.types.own else {}
        write(msgspec.json.encode(found).decode())
    elif as_json:
        write(msgspec.json.encode(_as_json(loaded)).decode())
    else:
        _show(loaded, catalogue, project)


def _show(loaded: Loaded, catalogue: Catalogue, project: str) -> None:
    row = loaded.row
    style = Style(sys.stdout)
    write(f"{style.bold(row.name)} {row.version}  {loaded.title or summary(row.entry.distribution)}\n")
    kind = "editable" if row.editable else "installed"
    write(f"From         {row.distribution} {row.version}, {kind}, {row.entry.value}")
    for index, (hook, place) in enumerate(_hooks(loaded).items()):
        write(f"{'Hooks' if index == 0 else '':12} {hook:10} {style.dim(place)}")
    ctx = _context(loaded, project)
    for index, environment in enumerate(loaded.project.provision(ctx)):
        lead = "Environments" if index == 0 else ""
        write(f"{lead:12} {environment.name:10} {environment_words(environment)}")
    for index, (kind, words) in enumerate(getattr(loaded.project.plugin, "extends", {}).items()):
        lead = "Extends by" if index == 0 else ""
        write(f"{lead:12} labctl.{row.name.replace('-', '_')}.{kind}   {words}")
    for index, extension in enumerate(loaded.extensions.every()):
        lead = "Extensions" if index == 0 else ""
        state = f"left out: {extension.failed}" if extension.failed else extension.distribution
        write(f"{lead:12} {extension.kind}/{extension.name}   {state}")
    write("\nParameters")
    rows = [[option_of(key), f.word, f.help, _default(f.default)] for key, f in loaded.fields.items()]
    table(["  OPTION", "TYPE", "", "DEFAULT"], [["  " + r[0], *r[1:]] for r in rows])
    last = catalogue.loads.last(row.entry)
    if last:
        write(f"\nLast load    {last.when}, {last.milliseconds} ms, {last.error or 'no error'}")


def _context(loaded: Loaded, project: str) -> Context:
    from labctl.config import Configuration

    point = resolve(loaded.types, Given(), Configuration([])).points[0]
    return loaded.context(point, 0, project)


def _hooks(loaded: Loaded) -> dict[str, str]:
    found: dict[str, str] = {}
    for hook in HOOKS:
        function = loaded.project.hooks.get(hook)
        if function is None:
            continue
        code = inspect.unwrap(function).__code__
        found[hook] = f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}"
    return found


def _as_json(loaded: Loaded) -> dict[str, Any]:
    return {
        "schema_version": 1,
        **listing.as_json(loaded.row),
        "title": loaded.title,
        "hooks": _hooks(loaded),
        "presets": list(loaded.types.presets),
        "parameters": [
            {"name": key, "type": field.word, "default": _default(field.default), "help": field.help}
            for key, field in loaded.fields.items()
        ],
        "extensions": [
            {"name": e.name, "kind": e.kind, "distribution": e.distribution, "left_out": e.failed or None}
            for e in loaded.extensions.every()
        ],
    }


def _default(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def _try(row: Row, catalogue: Catalogue) -> None:
    """Import a row in another process, so that one that hangs or exits hurts nobody."""
    if row.entry.group == "labctl.executors":
        return  # a class, made by the host when it is named
    command = [sys.executable, "-m", "labctl.cli.plugins", row.entry.group, row.name, row.distribution]
    began = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, timeout=LOAD_TIMEOUT, check=False, text=True)
        error, _, hint = done.stdout.rpartition(MARK)[2].partition("\n")
        if MARK not in done.stdout:
            error, hint = f"its import ended the process with code {done.returncode}", ""
    except subprocess.TimeoutExpired:
        error, hint = f"still importing after {LOAD_TIMEOUT:g} s", ""
    catalogue.loads.remember(row.entry, time.perf_counter() - began, error, hint)


def _load_one(group: str, name: str, distribution: str) -> None:
    """The other process: import one row and say how that went, after a mark that no import prints."""
    catalogue = listing.open_catalogue()
    for row in catalogue.rows:
        if (row.entry.group, row.name, row.distribution) == (group, name, distribution):
            try:
                load_entry(row, catalogue, find_home(find_project()))
            except LabError:
                pass
            last = catalogue.loads.last(row.entry)
            write(f"{MARK}{last.error}\n{last.hint}" if last else MARK)


if __name__ == "__main__":
    _load_one(*sys.argv[1:4])
