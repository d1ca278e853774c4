"""``labctl runs``: what was run here. Each command is imported when it is called."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any

from labctl.cli.lazy import LazyGroup
from labctl.store.home import find_home, find_project

if TYPE_CHECKING:
    from labctl.store.folder import RunFolder
    from labctl.store.queries import RunRow

COMMANDS = {
    "list": ("labctl.cli.runs_list", "list_command", "list runs, the newest first"),
    "show": ("labctl.cli.runs_show", "show_command", "show one run"),
    "logs": ("labctl.cli.runs_show", "logs_command", "what a job wrote to its output"),
    "watch": ("labctl.cli.steer", "watch", "follow a run that goes on without this terminal"),
    "cancel": ("labctl.cli.steer", "cancel", "stop a run"),
    "set": ("labctl.cli.steer", "set_command", "change its bound on cost, its note, its tags"),
    "metrics": ("labctl.cli.runs_compare", "metrics_command", "the numbers of a run, as CSV or JSON"),
    "compare": ("labctl.cli.runs_compare", "compare_command", "what differs between runs"),
    "verify": ("labctl.cli.archive", "verify_command", "is all of it there, and still what it was"),
    "export": ("labctl.cli.archive", "export_command", "a run as one file"),
    "import": ("labctl.cli.archive", "import_command", "a run from such a file, or from a run folder"),
    "rm": ("labctl.cli.archive", "rm_command", "remove runs"),
}

runs = LazyGroup("runs", COMMANDS, "List runs, show one, compare, move and remove them.")


def home() -> str:
    return find_home(find_project())


def reader() -> sqlite3.Connection | None:
    """The database for reading; runs whose host has died are marked first, where that can be written."""
    from labctl.store.listing import open_to_list

    folder = home()
    db = open_to_list(folder)
    running = db and db.execute("SELECT 1 FROM run WHERE state = 'running' LIMIT 1").fetchone()
    if running and os.access(folder, os.W_OK):
        from labctl.store.runs import Store

        store = Store(folder)
        store.reconcile()
        store.close()
    return db


def run_folder(run: RunRow) -> RunFolder:
    from pathlib import Path

    from labctl.store.folder import RunFolder

    return RunFolder(Path(home()) / "runs" / run.name)


def run_json(run: RunRow) -> dict[str, Any]:
    """A run as JSON shows it: times in UTC."""
    from datetime import UTC, datetime

    record = run._asdict()
    for name in ("created", "started", "ended"):
        if record[name] is not None:
            record[name] = datetime.fromtimestamp(record[name], UTC).isoformat()
    del record["id"]
    return record
