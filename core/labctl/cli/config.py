"""``labctl config show``: what the configuration says, and where."""

from __future__ import annotations

import os
from typing import Any

import click
import msgspec

from labctl.cli.tables import table
from labctl.config import Configuration, load_configuration
from labctl.store.home import find_home, find_project
from labctl.terminal import plain, write


@click.group("config")
def config() -> None:
    """What the project's and the user's configuration say."""


@config.command("show")
@click.argument("project", required=False)
@click.option("--origins", is_flag=True, help="with the file or variable that each value came from")
@click.option("--json", "as_json", is_flag=True, help="as JSON, with origins")
def show_command(project: str | None, origins: bool, as_json: bool) -> None:
    """Show the configuration; with PROJECT, what its parameters come to before anything is typed."""
    folder = find_project()
    rows = _files(load_configuration(folder)) if project is None else _parameters(project, folder)
    if as_json:
        record = [{"name": name, "value": value, "origin": origin} for name, value, origin in rows]
        write(msgspec.json.encode({"schema_version": 1, "values": record}).decode())
        return
    if project is None:
        write(f"project   {folder}")
        write(f"home      {find_home(folder)}{_home_origin() if origins else ''}")
        if rows:
            write("")
    shown = [[name, plain(msgspec.json.encode(value).decode()), origin] for name, value, origin in rows]
    if not shown:
        write("no configuration file says anything", err=True)
    elif origins:
        table(["NAME", "VALUE", "FROM"], shown)
    else:
        table(["NAME", "VALUE"], [row[:2] for row in shown])


def _home_origin() -> str:
    return "   from LABCTL_HOME" if os.environ.get("LABCTL_HOME") else ""


def _files(configuration: Configuration) -> list[tuple[str, Any, str]]:
    """Each value of the files, the project's over the user's."""
    found: dict[str, tuple[Any, str]] = {}
    for layer in configuration.layers:
        found |= {name: (value, layer.path) for name, value in _leaves(layer.values)}
    for name, place in configuration.blocked().items():
        if place == "LABCTL_BLOCK":
            found[f"plugins.block ({name})"] = (name, place)
    return [(name, value, origin) for name, (value, origin) in sorted(found.items())]


def _leaves(values: Any, prefix: str = "") -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        leaves += _leaves(value, name + ".") if isinstance(value, dict) else [(name, value)]
    return leaves


def _parameters(project: str, folder: str) -> list[tuple[str, Any, str]]:
    from labctl.parameters.layers import resolve
    from labctl.parameters.types import Given
    from labctl.plugins.listing import open_catalogue
    from labctl.plugins.loaded import load_project

    loaded = load_project(open_catalogue(folder), project, find_home(folder))
    point = resolve(loaded.types, Given(), load_configuration(folder)).points[0]
    return [(key, value, str(point.origins[key])) for key, value in point.record.items()]
