"""Taking a run away: its folder, its rows, and of the cache what only it had made.

A small file stays in the folder's place, so that no other run gets the name. It says what must not be
forgotten with the run: since when its claims are known, and which sealed data it has opened.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from labctl.archive.facts import Wrong
from labctl.archive.telling import BROKEN, digests_in, read_plain
from labctl.errors import UsageError
from labctl.store.database import transaction
from labctl.store.deployments import read_pointer
from labctl.store.folder import write_whole
from labctl.store.lock import OwnerLock
from labctl.store.queries import RunRow
from labctl.store.runs import Store

TRASH = ".trash-"
DONE_SQL = "('succeeded', 'cached', 'reused')"


class Stone(msgspec.Struct, kw_only=True):
    """What is left of a removed run. ``claims``: [digest, plugin, prediction, first seen].

    ``openings``: [seal, key, run, job, time].
    """

    name: str
    uuid: str
    plugin: str
    removed: float
    claims: tuple[tuple[str, str, str, float], ...] = ()
    openings: tuple[tuple[str, str, str, str, float], ...] = ()
    schema_version: int = 1


def remove_run(store: Store, run: RunRow) -> None:
    """Remove a run. Raises UsageError if a living process owns it. What was done is done again unharmed."""
    _refuse_open_attempts(store.db, run)
    pointer = read_pointer(store.home)
    if pointer is not None and pointer.run == run.name:
        raise UsageError(
            f"a deployment of {run.name} was interrupted; nothing was removed",
            details=["what was in place before is kept in its folder"],
            hints=[f"labctl deploy {run.name} --undo"],
        )
    folder = store.folder(run.name)
    lock = OwnerLock(folder.lock)
    try:
        owned = not lock.take()
    except (FileNotFoundError, NotADirectoryError):  # an earlier removal did not come to its end
        owned = False
    if owned:
        raise UsageError(
            f"{run.name} is in use by another labctl; nothing was removed",
            hints=[f"labctl runs cancel {run.name}", f"labctl runs show {run.name}"],
        )
    try:
        trash = _move_away(store, run)
        with transaction(store.db, durable=True):
            _forget_results(store.db, run.name)
            store.db.execute("DELETE FROM run WHERE id = ?", (run.id,))
    finally:
        lock.release()
    if trash is not None:
        shutil.rmtree(trash, ignore_errors=True)
    shutil.rmtree(store.home / "work" / run.name, ignore_errors=True)


def stones(home: Path) -> Iterator[Stone]:
    """What is left of the runs that were removed from a home."""
    with os.scandir(home / "runs") as entries:
        files = sorted(e.path for e in entries if e.is_file(follow_symlinks=False))
    for path in files:
        try:
            yield msgspec.json.decode(read_plain(Path(path)), type=Stone)
        except (*BROKEN, OSError, Wrong):
            continue


def _move_away(store: Store, run: RunRow) -> Path | None:
    """Put the stone in the folder's place. The row is still there, so nobody takes the name meanwhile."""
    root = store.folder(run.name).root
    trash = root.with_name(f"{TRASH}{run.name}-{os.urandom(4).hex()}")
    moved = root.is_dir() and not root.is_symlink()
    if moved:
        os.rename(root, trash)
    if not root.exists():
        named = digests_in((trash if moved else root) / "plan.json")
        write_whole(root, msgspec.json.encode(_stone(store.db, run, named)))
    return trash if moved else None


def _stone(db: sqlite3.Connection, run: RunRow, named: set[str]) -> Stone:
    openings = db.execute("SELECT seal, key, run, job, time FROM opening WHERE run = ?", (run.name,))
    known = db.execute(
        "SELECT digest, plugin, prediction, first_seen FROM registration WHERE plugin = ?", (run.plugin,)
    )
    claims = [row for row in known.fetchall() if row[0] in named]
    return Stone(
        name=run.name, uuid=run.uuid, plugin=run.plugin, removed=time.time(),
        claims=tuple(claims), openings=tuple(openings.fetchall()),
    )  # fmt: skip


def _forget_results(db: sqlite3.Connection, name: str) -> None:
    """Take out of the cache what this run made, unless a job of another run is that very result."""
    db.execute(
        "DELETE FROM cache WHERE run = ? AND NOT EXISTS (SELECT 1 FROM job JOIN run ON run.id = job.run"
        " WHERE job.key = cache.key AND run.name <> cache.run AND run.imported <> 1"
        f" AND job.state IN {DONE_SQL} AND job.value IS cache.value AND job.artifacts IS cache.artifacts)",
        (name,),
    )


def _refuse_open_attempts(db: sqlite3.Connection, run: RunRow) -> None:
    """Attempts that outlive their host may still cost money, and only the run's rows know their handles."""
    row = db.execute(
        "SELECT executor FROM attempt WHERE run = ? AND state = 'running' AND handle IS NOT NULL LIMIT 1"
        if run.state != "running"
        else "SELECT 1 WHERE ? IS NULL",
        (run.id,),
    ).fetchone()
    if row is not None:
        raise UsageError(
            f"jobs of {run.name} may still be running on {row[0]}; nothing was removed",
            hints=[f"labctl resume {run.name}", f"labctl runs cancel {run.name}"],
        )
