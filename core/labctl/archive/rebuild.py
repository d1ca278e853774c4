"""A new database out of the run folders, for the day that the old one is lost or damaged.

What only the old one knows (since when claims are known, openings of sealed data, which results are
cached) is taken over where it can still be read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from labctl.archive.facts import RUN_NAME, Wrong
from labctl.archive.remove import stones
from labctl.archive.rows import (
    IMPORTED,
    LOCAL,
    TRUSTED,
    CacheRow,
    cache_rows,
    insert_run,
    openings,
    put_cache,
    put_claims,
    put_openings,
)
from labctl.archive.telling import MARK, Mark, Told, read_told
from labctl.errors import InfrastructureError, UsageError
from labctl.store.database import FILE, VERSION, newer, open_database, transaction
from labctl.store.folder import RunFolder, write_json
from labctl.store.lock import is_owned
from labctl.store.objects import Objects

CACHE = "SELECT key, run, job, made, value, artifacts, seconds, cpu_seconds, material FROM cache"


class Rebuilt(msgspec.Struct, kw_only=True):
    """What became of a rebuild. ``said``: [folder, what is the matter with it]."""

    runs: int = 0
    cached_results: int = 0
    left_alone: int = 0
    kept_as: str = ""
    said: list[tuple[str, str]] = []


def rebuild(home: str) -> Rebuilt:
    """Make the database anew and swap it in.

    Raises UsageError while a run is alive, and for a database of a newer labctl; changes nothing then.
    """
    root = Path(home)
    if not (root / "runs").is_dir():
        raise UsageError("there are no runs here", details=[f"{os.path.relpath(home)} has no folder runs"])
    found = Rebuilt(said=[])
    with _alone(root) as old:
        _refuse_owned(root)
        told = list(_told(root, found))
        draft = root / f".rebuild-{os.urandom(4).hex()}"
        try:
            db = open_database(str(draft))
            try:
                with transaction(db, durable=True):
                    _fill(db, root, told, old, found)
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                db.execute("PRAGMA journal_mode=delete")
            finally:
                db.close()
            found.kept_as = _swap(root, draft / FILE)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return found


@contextmanager
def _alone(root: Path) -> Iterator[sqlite3.Connection | None]:
    """The old database, if it can be used, with nobody beside us.

    Leaving WAL succeeds only when no one else has it open: a host that is about to make a run has. Who
    comes later finds it moved, and SQLite writes to no moved file that has a rollback journal.
    """
    path = root / FILE
    if not path.exists():
        yield None
        return
    db = sqlite3.connect(path, isolation_level=None, timeout=2)
    try:
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise newer(str(path), version)
            db.execute("PRAGMA journal_mode=delete")
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "") in ("SQLITE_BUSY", "SQLITE_LOCKED"):
                raise InfrastructureError(
                    "another labctl is using the database; nothing was changed",
                    hints=["wait until it has ended, then: labctl db rebuild"],
                ) from None
        except sqlite3.DatabaseError:
            pass  # that is why it is made anew
        yield db
    finally:
        db.close()


def _refuse_owned(root: Path) -> None:
    with os.scandir(root / "runs") as entries:
        alive = sorted(entry.name for entry in entries if is_owned(Path(entry.path, "owner.lock")))
    if alive:
        raise UsageError(
            f"{alive[0]} is running; nothing was changed",
            hints=[f"labctl runs cancel {alive[0]}", "wait until it has ended, then: labctl db rebuild"],
        )


def _told(root: Path, found: Rebuilt) -> Iterator[tuple[str, Told]]:
    """The runs that folders tell of, in the order in which they were made."""
    with os.scandir(root / "runs") as entries:
        names = [e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
    runs: list[tuple[str, Told]] = []
    seen: dict[str, str] = {}
    for name in sorted(names):
        try:
            told = read_told(RunFolder(root / "runs" / name))
            if not RUN_NAME.fullmatch(name) or name.rpartition("-")[0] != told.run.plugin:
                raise Wrong(f"a run of {told.run.plugin} cannot be named so")
            if told.run.uuid in seen:
                raise Wrong(f"it is the same run as {seen[told.run.uuid]}")
        except (Wrong, OSError) as error:
            found.said.append((name, f"left alone: {error}"))
            found.left_alone += 1
            continue
        seen[told.run.uuid] = name
        runs.append((name, _marked(root / "runs" / name, name, told)))
        found.said += [(name, f"{problem}; the {told.source} was used") for problem in told.problems]
    yield from sorted(runs, key=lambda pair: (pair[1].run.created, pair[0]))


def _marked(folder: Path, name: str, told: Told) -> Told:
    """A folder that is not of this home's making counts as imported: it has another's name, or no lock."""
    if told.mark is not None or (told.run.name == name and (folder / "owner.lock").exists()):
        return told
    mark = Mark(time=time.time(), source="found in runs/", name=told.run.name)
    write_json(folder / MARK, mark)
    return told._replace(mark=mark)


def _fill(
    db: sqlite3.Connection,
    root: Path,
    told: list[tuple[str, Told]],
    old: sqlite3.Connection | None,
    found: Rebuilt,
) -> None:
    objects = Objects(root / "objects")
    known = {row[0] for row in _rows(old, "SELECT uuid FROM run")}
    sound = _rows(old, "PRAGMA quick_check(1)") == [("ok",)]
    for name, run in told:
        imported = LOCAL if run.mark is None else TRUSTED if run.mark.trusted else IMPORTED
        insert_run(db, run, name, imported)
        if not imported:
            _known_better(db, old, run, name, sound=sound)
        found.runs += 1
        put_claims(db, run, _first_seen(run))
        put_openings(db, openings(run, name))
        # Of a run that the old database knows it also knows what was not to be cached.
        if imported != IMPORTED and run.run.uuid not in known:
            found.cached_results += put_cache(db, cache_rows(run, name, objects.has))
    found.cached_results += put_cache(db, [CacheRow(*row) for row in _rows(old, CACHE)])
    for digest, plugin, prediction, seen in _known_claims(root, old):
        db.execute(
            "INSERT INTO registration VALUES (?, ?, ?, ?) ON CONFLICT (digest)"
            " DO UPDATE SET first_seen = min(first_seen, excluded.first_seen)",
            (digest, plugin, prediction, seen),
        )
    for stone in stones(root):
        db.executemany("INSERT OR IGNORE INTO opening VALUES (?, ?, ?, ?, ?)", stone.openings)
    rows = _rows(old, "SELECT seal, key, run, job, time FROM opening")
    db.executemany("INSERT OR REPLACE INTO opening VALUES (?, ?, ?, ?, ?)", rows)
    names = {name for name, _ in told}
    for (name,) in _rows(old, "SELECT name FROM run"):
        if name not in names and not any(name == folder for folder, _ in found.said):
            found.said.append((str(name), "left out: the old database knows it, and its folder is gone"))


def _known_better(
    db: sqlite3.Connection, old: sqlite3.Connection | None, told: Told, name: str, *, sound: bool
) -> None:
    """What the old database knows best of a run: what was set later, and what nobody told the folder.

    A run whose host was killed has no record: of it a sound database knows every job and attempt.
    """
    uuid = told.run.uuid
    later = "adopts, stop_at, note, tags"
    for row in _rows(old, f"SELECT {later} FROM run WHERE uuid = ?", uuid):
        db.execute("UPDATE run SET adopts = ?, stop_at = ?, note = ?, tags = ? WHERE name = ?", (*row, name))
    if not sound or told.source != "journal":
        return
    for table in ("job", "attempt"):
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "run"]
        names = ", ".join(columns)
        statement = f"SELECT {names} FROM {table} WHERE run = (SELECT id FROM run WHERE uuid = ?)"
        db.executemany(
            f"INSERT OR REPLACE INTO {table} (run, {names})"
            f" SELECT id, {', '.join('?' * len(columns))} FROM run WHERE name = ?",
            [(*row, name) for row in _rows(old, statement, uuid)],
        )
    db.execute(
        "UPDATE run SET jobs_done = (SELECT count(*) FROM job WHERE run = run.id"
        " AND job.state IN ('succeeded', 'cached', 'reused')) WHERE name = ?",
        (name,),
    )


def _first_seen(told: Told) -> dict[str, float]:
    """Since when this home knows the claims of a run: for one that was imported, since the import."""
    if told.mark is None:
        return told.first_seen
    claims = told.plan.predictions if told.plan else ()
    return {c.sha256: told.mark.first_seen.get(c.sha256, told.mark.time) for c in claims}


def _known_claims(root: Path, old: sqlite3.Connection | None) -> Iterator[tuple[str, str, str, float]]:
    for row in _rows(old, "SELECT digest, plugin, prediction, first_seen FROM registration"):
        yield str(row[0]), str(row[1]), str(row[2]), float(str(row[3]))
    for stone in stones(root):
        yield from stone.claims


def _rows(old: sqlite3.Connection | None, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the old database still knows; of a damaged one, what comes before the damage."""
    rows: list[tuple[Any, ...]] = []
    if old is None:
        return rows
    try:
        for row in old.execute(statement, values):
            rows.append(row)  # noqa: PERF402
    except sqlite3.Error:
        pass
    return rows


def _swap(root: Path, new: Path) -> str:
    """Put the new database in the old one's place at once; the old one's new name."""
    path = root / FILE
    kept = ""
    if path.exists():
        number = 1
        while (root / f"{FILE}.old-{number}").exists():
            number += 1
        kept = f"{FILE}.old-{number}"
        try:
            os.link(path, root / kept)
        except OSError:  # no links here: for an instant there is no database
            os.rename(path, root / kept)
    for end in ("-wal", "-shm", "-journal"):  # of a database that could not be opened: never beside the new
        if os.path.exists(f"{path}{end}"):
            os.rename(f"{path}{end}", root / f"{kept or FILE + '.old-1'}{end}")
    os.replace(new, path)
    fd = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    return kept
