"""``labctl runs verify``, ``export``, ``import`` and ``rm``: keeping runs, moving them, taking them away."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from labctl.cli.arguments import RUN
from labctl.cli.runs import home, reader, run_folder
from labctl.cli.tables import count, table
from labctl.errors import UsageError
from labctl.store.objects import Objects
from labctl.store.queries import RunRow, find_run, jobs_of, list_runs
from labctl.terminal import is_terminal, plain, write


@click.command("verify")
@click.argument("run", type=RUN, required=False)
@click.option("--all", "everything", is_flag=True, help="all runs; content that they share is read once")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def verify_command(run: str | None, everything: bool, as_json: bool) -> int:
    """Read again all that a run has left, and say what is missing or damaged. Nothing is changed.

    ok, missing, damaged, or elsewhere: in the store of another executor. The exit code is 1 unless all is ok.
    """
    from labctl.archive.check import Checked, Checker

    db, rows = _named_runs(run, everything)
    checker = Checker(Path(home()))
    found: list[tuple[str, Checked]] = []
    for row in rows:
        found += [(row.name, c) for c in checker.run(row, jobs_of(db, row.id), run_folder(row))]
    bad = sum(not checked.ok for _, checked in found)
    if as_json:
        record = [{"run": name, **checked._asdict()} for name, checked in found]
        write(msgspec.json.encode({"schema_version": 1, "ok": not bad, "checked": record}).decode())
        return int(bad > 0)
    shown = [(name, c) for name, c in found if not (everything and c.ok)]
    if shown:
        table(["RUN", "WHAT", "IS", ""], [[n, plain(c.what), c.found, plain(c.why)] for n, c in shown])
    write(f"{count(len(found), 'thing')} read: {f'{bad} not ok' if bad else 'all ok'}", err=True)
    return int(bad > 0)


@click.command("export")
@click.argument("run", type=RUN)
@click.option("-o", "--output", metavar="FILE", help="else RUN.tar.gz, here")
@click.option("--no-artifacts", is_flag=True, help="without the content of what the jobs wrote")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def export_command(run: str, output: str | None, no_artifacts: bool, as_json: bool) -> None:
    """Write a run into one file, with the content of its artifacts. The same run gives the same bytes.

    Checkpoints stay here: they are of use only to the run itself.
    """
    from labctl.archive.pack import pack
    from labctl.archive.rows import seals_of
    from labctl.store.lock import OwnerLock

    db = reader()
    row = find_run(db, run)
    assert db is not None
    folder = run_folder(row)
    lock = OwnerLock(folder.lock)
    try:
        if not lock.take():
            raise UsageError(
                f"{row.name} is running; nothing was written", hints=[f"labctl runs watch {row.name}"]
            )
    except OSError:
        pass  # read-only, or without its folder: nobody can change it under us
    try:
        target = Path(output or f"{row.name}.tar.gz")
        objects = Objects(Path(home()) / "objects")
        opened = seals_of(db, folder)
        made = pack(row, jobs_of(db, row.id), folder, objects, opened, target, artifacts=not no_artifacts)
    finally:
        lock.release()
    if as_json:
        record = {"run": row.name, "file": str(made.path), "bytes": made.size, "absent": made.absent}
        write(msgspec.json.encode({"schema_version": 1, **record}).decode())
        return
    write(str(made.path))
    write(f"{made.size:,} bytes, {count(made.objects, 'object')}", err=True)
    if made.absent and not no_artifacts:
        _say_absent(made.absent, "are not in this home's store, and not in the file")


@click.command("import")
@click.argument("source", metavar="FILE|FOLDER")
@click.option("--trust", is_flag=True, help="let the cache take its results: you know who made them, and how")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def import_command(source: str, trust: bool, as_json: bool) -> None:
    """Bring a run in from a file that `labctl runs export` wrote, or from a run's folder.

    Nothing in it is believed: names, types and digests are checked. If its name is taken it gets the
    project's next one. Its claims count as known here from now on, whatever it says.
    """
    from labctl.archive.bring import import_run
    from labctl.store.runs import Store

    path = Path(source)
    if not path.exists():
        raise UsageError(f"there is no file or folder {plain(source)}")
    store = Store(home())
    try:
        store.reconcile()
        made = import_run(store, path, trust=trust)
    finally:
        store.close()
    if as_json:
        write(msgspec.json.encode({"schema_version": 1, **msgspec.structs.asdict(made)}).decode())
        return
    write(made.run)
    was = f", there {made.was}" if made.was != made.run else ""
    cached = f", {made.cached_results} into the cache" if trust else "; none of it feeds the cache"
    here = f"{count(made.jobs, 'job')}, {count(made.artifacts, 'artifact')}"
    write(f"imported{was}: {here}{cached}", err=True)
    for problem in made.problems:
        write(f"  {plain(problem)}", err=True)
    if made.left_out:
        write(f"  left out: {plain(', '.join(made.left_out[:6]))}", err=True)
    if made.absent:
        _say_absent(made.absent, "did not come with it")
    write(f"Next: labctl runs show {made.run}", err=True)


@click.command("rm")
@click.argument("runs", type=RUN, nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="do not ask")
def rm_command(runs: tuple[str, ...], yes: bool) -> None:
    """Remove runs: folders, rows, and what only they put into the cache.

    Content that another run names stays. No other run gets the name. What they have opened of sealed
    data, and since when their claims are known, is kept. `labctl db gc` frees the room.
    """
    from labctl.archive.remove import remove_run
    from labctl.store.runs import Store

    find_run(reader(), runs[0])  # before a home is made where there is none
    store = Store(home())
    try:
        store.reconcile()
        rows = list({row.id: row for row in (find_run(store.db, name) for name in runs)}.values())
        for row in rows:
            if row.state == "running":
                raise UsageError(
                    f"{row.name} is running; nothing was removed", hints=[f"labctl runs cancel {row.name}"]
                )
        if not yes:
            _ask(rows)
        for row in rows:
            remove_run(store, row)
            write(row.name)
    finally:
        store.close()
    write("To free the room: labctl db gc", err=True)


def _ask(rows: list[RunRow]) -> None:
    names = ", ".join(row.name for row in rows)
    if not is_terminal(sys.stdin):
        raise UsageError(
            "labctl runs rm asks before it removes; nothing was removed",
            hints=[f"labctl runs rm {' '.join(row.name for row in rows)} --yes"],
        )
    if not click.confirm(f"Remove {names} with all that is in its folder?", default=False, err=True):
        raise UsageError("nothing was removed")


def _named_runs(run: str | None, everything: bool) -> tuple[sqlite3.Connection, list[RunRow]]:
    if (run is None) == (not everything):
        raise UsageError("name a run, or say --all")
    db = reader()
    rows = [find_run(db, run)] if run is not None else list_runs(_there(db), limit=10**9)
    return _there(db), rows


def _there(db: sqlite3.Connection | None) -> sqlite3.Connection:
    if db is None:
        raise UsageError("there are no runs here yet")
    return db


def _say_absent(names: tuple[str, ...], words: str) -> None:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    shown: Any = plain(", ".join(names[:3]))
    write(f"  {count(len(names), 'artifact')} {words}: {shown}{more}", err=True)
