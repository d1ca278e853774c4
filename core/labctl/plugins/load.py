"""Importing the one plugin that is addressed, and saying well what went wrong if it did."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import time
import traceback
from contextlib import redirect_stdout
from typing import Any

from labctl.errors import PluginError
from labctl.plugins.catalogue import Catalogue, Row
from labctl.plugins.scan import metadata
from labctl.plugins.versions import split_requirement


class Origin:
    """Who a plugin object is from, for every message about it."""

    def __init__(self, row: Row) -> None:
        self.name = row.name
        self.distribution = row.distribution
        self.version = row.version

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


def find_project_row(catalogue: Catalogue, name: str) -> Row:
    """The row of a project that can be loaded. Raises PluginError that says why it cannot."""
    rows = catalogue.named(name)
    if not rows:
        raise _unknown(catalogue, name)
    row = rows[0]
    if (
        row.status == "ok"
        or row.status == "new"
        or (row.status == "broken" and row.reason.startswith("could"))
    ):
        return row  # a remembered failure may have been mended elsewhere: try again
    details = [row.reason, "nothing was started"]
    raise PluginError(f"{name} cannot be used: it is {row.status}", details=details, hints=_hints(row))


def load_entry(row: Row, catalogue: Catalogue, home: str) -> Any:
    """Import a row's object and remember how that went. Raises PluginError."""
    module_name, _, attribute = row.entry.value.partition(":")
    began = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr):  # standard output is for what the user asked for
            found: Any = importlib.import_module(module_name)
        for part in filter(None, attribute.split(".")):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may call sys.exit at import
        hint = _import_hint(error, row)
        reason = _reason(error)
        catalogue.loads.remember(row.entry, time.perf_counter() - began, reason, hint)
        raise _import_error(error, row, hint, home) from error
    if inspect.isclass(found):
        problem = f"entry point names the class {found.__name__}, not an object: add () in the module"
        catalogue.loads.remember(row.entry, time.perf_counter() - began, problem)
        raise PluginError(
            f"{row.name} could not be loaded",
            details=[f"{Origin(row)}, {row.entry.value}: {problem}", "nothing was started"],
        )
    catalogue.loads.remember(row.entry, time.perf_counter() - began)
    return found


def save_traceback(home: str, name: str, error: BaseException) -> str:
    """Write the full traceback to the home's ``errors`` folder; the path, or '' if it could not be."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = os.path.join(home, "errors", f"{stamp}-{name}.txt")
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return ""
    return os.path.relpath(path)


def frame_of(error: BaseException, package: str) -> str:
    """``file.py:12   the line`` of the innermost frame in a package, else of the innermost one."""
    best = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith(("labctl.", "pluggy", "importlib")) and not name.startswith("labctl.testing"):
            continue
        if not best or name.split(".")[0] == package:
            file = frame.f_code.co_filename
            source = next(iter(traceback.extract_tb(error.__traceback__)[-1:]), None)
            best = f"{_short(file)}:{line}"
            if source and source.filename == file and source.lineno == line and source.line:
                best += f"   {source.line}"
    return best


def describe(error: BaseException) -> str:
    """``KeyError: 'stations'``; the exception's own text is not trusted to work."""
    try:
        text = str(error)
    except BaseException:
        text = "(its message could not be read)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _short(file: str) -> str:
    parts = file.replace(os.sep, "/").split("/")
    return "/".join(parts[-2:])


def _reason(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return str(error)
    return describe(error)


def _import_hint(error: BaseException, row: Row) -> str:
    if isinstance(error, ModuleNotFoundError):
        extra = covering_extra(row, error.name or "")
        return f'pip install "{row.distribution}{extra}"'
    return "labctl plugins list --load imports it again"


def covering_extra(row: Row, module: str) -> str:
    """``[train]`` if an extra of the distribution brings the module's package, else ''."""
    top = module.partition(".")[0].replace("_", "-")
    for key, value in metadata(row.entry.distribution):
        if key == "requires-dist":
            package, _, marker = split_requirement(value)
            if package.lower().replace("_", "-") == top.lower() and "extra" in marker:
                return f"[{marker.replace(chr(39), chr(34)).split(chr(34))[1]}]"
    return ""


def _import_error(error: BaseException, row: Row, hint: str, home: str) -> PluginError:
    details = [f"{Origin(row)}, import of {row.entry.value.partition(':')[0]}: {describe(error)}"]
    place = frame_of(error, row.entry.value.split(".")[0])
    if place:
        details.append(place)
    saved = save_traceback(home, row.name, error)
    details.append("nothing was started" + ("; the full traceback is in" if saved else ""))
    if saved:
        details.append(saved)
    return PluginError(f"{row.name} could not be loaded", details=details, hints=[hint])


def _unknown(catalogue: Catalogue, name: str) -> PluginError:
    import difflib
    import re

    known = [row.name for row in catalogue.projects()]
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hints = [f"did you mean {near[0]}?  labctl run {near[0]}"] if near else []
    if not near and re.fullmatch(r"[a-z][a-z0-9-]{1,40}", name):
        hints.append(f"if it is published: pip install labctl-{name}")
    return PluginError(
        f"there is no project named {name}", hints=[*hints, "all projects: labctl plugins list"]
    )


def _hints(row: Row) -> list[str]:
    if row.status == "blocked":
        return [
            f"take {row.name} off the list of blocked plugins in {row.reason.removeprefix('blocked in ')}"
        ]
    return [row.hint] if row.hint else []
