"""``labctl plugins list``: on the fast path, before click is imported."""

from __future__ import annotations

import os
import sys

from labctl.config import load_configuration
from labctl.plugins.catalogue import Catalogue, Row
from labctl.plugins.loads import Loads
from labctl.store.home import find_home, find_project
from labctl.terminal import Style, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

BAD = ("broken", "conflict", "incompatible")


def open_catalogue(project: str | None = None, blocked: Mapping[str, str] | None = None) -> Catalogue:
    """The catalogue of this environment, with what the project blocks and the home remembers.

    ``blocked``: taken instead of what the configuration says, which is not read then. Raises UsageError.
    """
    project = project or find_project()
    home = find_home(project)
    loads = Loads(os.path.join(home, "loads.txt")) if os.path.isdir(home) else Loads(None)
    blocked = load_configuration(project).blocked() if blocked is None else blocked
    return Catalogue(loads=loads, blocked=blocked)


def listed(catalogue: Catalogue) -> list[tuple[int, str, Row | None]]:
    """The lines of the list in order: depth, text, and the row unless it is a heading."""
    lines: list[tuple[int, str, Row | None]] = []
    for project in catalogue.projects():
        lines.append((0, project.name, project))
        lines += _children(catalogue, project.name)
    parents = {row.name for row in catalogue.projects()}
    orphans = sorted({r.parent for r in catalogue.rows if r.kind and r.parent not in parents})
    for parent in orphans:
        lines += [(0, parent, None), *_children(catalogue, parent)]
    for group in ("executors", "observers", "commands"):
        rows = [row for row in catalogue.rows if row.entry.group == f"labctl.{group}"]
        if rows:
            lines.append((0, group, None))
            lines += [(1, row.name, row) for row in rows]
    return lines


def show(arguments: list[str], catalogue: Catalogue | None = None) -> int:
    """Print the list; the exit code is 3 under ``--strict`` if anything is broken."""
    catalogue = catalogue or open_catalogue()
    rows = [row for _, _, row in listed(catalogue) if row]
    if "--json" in arguments:
        import json

        write(json.dumps({"schema_version": 1, "plugins": [as_json(row) for row in rows]}, indent=2))
    else:
        _table(listed(catalogue))
        _notes(rows)
    return 3 if "--strict" in arguments and any(row.status in BAD for row in rows) else 0


def as_json(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "version": row.version,
        "status": row.status,
        "distribution": row.distribution,
        "editable": row.editable,
        "group": row.entry.group,
        "extends": row.parent or None,
        "kind": row.kind or None,
        "entry_point": row.entry.value,
        "reason": row.reason or None,
        "hint": row.hint or None,
    }


def _children(catalogue: Catalogue, parent: str) -> list[tuple[int, str, Row | None]]:
    lines: list[tuple[int, str, Row | None]] = []
    extensions = [r for r in catalogue.extensions(parent) if r.parent not in ("executors", "observers")]
    for kind in sorted({row.kind for row in extensions}):
        lines.append((1, kind, None))
        lines += [(2, row.name, row) for row in extensions if row.kind == kind]
    return lines


def _table(lines: list[tuple[int, str, Row | None]]) -> None:
    style = Style(sys.stdout)
    wide = max([len("NAME"), *(2 * depth + len(text) for depth, text, _ in lines)]) + 1
    version = max([len("VERSION"), *(len(row.version) for _, _, row in lines if row)])
    status = max([len("STATUS"), *(len(row.status) for _, _, row in lines if row)])
    write(f"{'NAME':{wide}} {'VERSION':{version}}  {'STATUS':{status}}  FROM")
    for depth, text, row in lines:
        label = f"{'  ' * depth + text:{wide}}"
        if row is None:
            write(label.rstrip())
            continue
        label = style.bold(label) if depth == 0 else label
        state = f"{row.status:{status}}"
        state = style.red(state) if row.status in BAD else state
        state = style.yellow(state) if row.status == "blocked" else state
        origin = row.distribution + (", editable" if row.editable else "")
        write(f"{label} {style.dim(f'{row.version:{version}}')}  {state}  {style.dim(origin)}")


def _notes(rows: list[Row]) -> None:
    style = Style(sys.stderr)
    noted = [row for row in rows if row.reason]
    wide = max([len(row.name) for row in noted], default=0)
    for index, row in enumerate(noted):
        lead = "\n" if index == 0 else ""
        write(f"{lead}{row.name:{wide}}  {row.reason}", err=True)
        if row.hint:
            write(f"{'':{wide}}  {style.cyan('hint:')} {row.hint}", err=True)
