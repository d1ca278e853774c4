"""``labctl db``: keeping the home in order."""

from __future__ import annotations

import click
import msgspec

from labctl.cli.runs import home
from labctl.cli.tables import count
from labctl.terminal import plain, write


@click.group("db")
def db() -> None:
    """Sweep the home, or make its database anew."""


@db.command("gc")
@click.option("--dry-run", is_flag=True, help="say what would go, and remove nothing")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def gc_command(dry_run: bool, as_json: bool) -> None:
    """Remove content that no run and no cached result names, and what dead processes have left.

    Runs may go on meanwhile: what was put in or used within the hour stays.
    """
    import os

    from labctl.archive.garbage import sweep
    from labctl.errors import UsageError
    from labctl.store.database import FILE
    from labctl.store.runs import Store

    folder = home()
    if not os.path.exists(os.path.join(folder, FILE)):
        raise UsageError("there are no runs here yet; nothing was removed")
    store = Store(folder)
    try:
        store.reconcile()
        found = sweep(store, dry_run=dry_run)
    finally:
        store.close()
    if as_json:
        record = {"schema_version": 1, "dry_run": dry_run, **msgspec.structs.asdict(found)}
        write(msgspec.json.encode(record).decode())
        return
    size = f"{found.object_bytes:,} bytes"
    write(f"{'would remove' if dry_run else 'removed'}  {count(found.objects, 'object')}, {size}")
    others = (
        (found.cached_results, "cached result"), (found.leftovers, "leftover"),
        (found.work_folders, "work folder"), (found.errors, "old error"),
    )  # fmt: skip
    for number, word in others:
        if number:
            write(f"{'':{12 if dry_run else 7}}  {count(number, word)}")


@db.command("rebuild")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def rebuild_command(as_json: bool) -> None:
    """Make the database anew from the runs' folders, for the day that it is lost or damaged.

    The old one is kept beside it. Refused while a run is alive.
    """
    from labctl.archive.rebuild import rebuild

    found = rebuild(home())
    if as_json:
        write(msgspec.json.encode({"schema_version": 1, **msgspec.structs.asdict(found)}).decode())
        return
    write(f"{count(found.runs, 'run')}, {count(found.cached_results, 'cached result')}")
    for name, why in found.said:
        write(f"  {plain(name)}: {plain(why)}", err=True)
    if found.kept_as:
        write(f"the old database is {found.kept_as}", err=True)
