"""Commands that plugins bring: ``labctl NAME ...``, imported when they are called and not before."""

from __future__ import annotations

import importlib
import sys
from contextlib import redirect_stdout

import click

from labctl.errors import PluginError
from labctl.leaving import take_time
from labctl.plugins.catalogue import Row
from labctl.plugins.listing import open_catalogue
from labctl.plugins.load import describe, frame_of, save_traceback
from labctl.plugins.scan import summary
from labctl.store.home import find_home, find_project

GROUP = "labctl.commands"


def command_names() -> dict[str, str]:
    """The names of plugins' commands with what their distributions say of themselves. Imports nothing."""
    rows = _rows()
    return {row.name: f"of {row.distribution}: {summary(row.entry.distribution)}" for row in rows}


def plugin_command(name: str) -> click.Command | None:
    """The command group of a plugin; None if there is none of that name. Raises PluginError."""
    rows = [row for row in _rows() if row.name == name]
    if not rows:
        return None
    row = rows[0]
    if row.status not in ("ok", "new"):
        raise PluginError(
            f"the command {name} cannot be used: it is {row.status}",
            details=[f"{row.distribution} {row.version}: {row.reason}"],
            hints=[row.hint] if row.hint else [],
        )
    module, _, attribute = row.entry.value.partition(":")
    take_time()
    try:
        with redirect_stdout(sys.stderr):  # standard output is for what the user asked for
            found = getattr(importlib.import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        place = frame_of(error, module.split(".")[0])
        saved = save_traceback(find_home(find_project()), f"command-{name}", error)
        raise PluginError(
            f"the command {name} could not be loaded",
            details=[
                f"{row.distribution} {row.version}: {describe(error)}",
                *filter(None, [place, saved and f"the full traceback is in {saved}"]),
            ],
            hints=[f"this is a fault in {row.distribution}"],
        ) from error
    if not isinstance(found, click.Command):
        raise PluginError(
            f"the command {name} cannot be used: {row.entry.value} is no click command",
            details=[f"{row.distribution} {row.version}: it is {type(found).__name__}"],
        )
    return found


def _rows() -> list[Row]:
    return [row for row in open_catalogue().rows if row.entry.group == GROUP]
