"""Opening the home's database: made once, whoever comes first; readable where nothing can be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labctl.errors import InfrastructureError, UsageError
from labctl.store.home import make_home

FILE = "labctl.db"
VERSION = 2
FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")
UPGRADES = {
    1: (
        "ALTER TABLE run ADD COLUMN adopts INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE run ADD COLUMN stop_at REAL",
        "ALTER TABLE run ADD COLUMN wanted TEXT",
    ),
}
"""What brings a database of an older format to the next one. What only reads asks for no new column."""
REMOTE = frozenset("nfs nfs4 cifs smb3 9p ceph lustre gpfs beegfs afs".split())  # noqa: SIM905


def open_database(home: str) -> sqlite3.Connection:
    """The database of a home, made if it is not there. Autocommit: use ``transaction``.

    Raises UsageError for one of a newer labctl, InfrastructureError for one that cannot be used.
    """
    path = os.path.join(home, FILE)
    try:
        make_home(home)
        db = sqlite3.connect(path, isolation_level=None, timeout=10)
        _make(db, path)
        db.execute("PRAGMA foreign_keys=ON")
        if _journal(db) != "wal" and not is_remote(home):
            db.execute("PRAGMA journal_mode=wal")
        db.execute("PRAGMA synchronous=NORMAL")
    except (FileExistsError, NotADirectoryError) as error:
        raise _no_folder(error) from None
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from None
    return db


def open_for_reading(home: str) -> sqlite3.Connection | None:
    """The database for reading only, also on a read-only medium; None if there is none."""
    path = os.path.join(home, FILE)
    if not os.path.exists(path):
        return None
    try:
        db = _reader(home, path)
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise _unusable(path, error) from None
    if version > VERSION:
        raise newer(path, version)
    return db if version else None


@contextmanager
def transaction(db: sqlite3.Connection, *, durable: bool = False) -> Iterator[None]:
    """``BEGIN IMMEDIATE`` to COMMIT, or ROLLBACK. ``durable``: on the disk when it returns.

    A deferred transaction that reads first and writes then fails at once beside another writer.
    """
    if durable:
        db.execute("PRAGMA synchronous=FULL")
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    else:
        db.execute("COMMIT")
    finally:
        if durable:
            db.execute("PRAGMA synchronous=NORMAL")


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """What several statements read is of one instant, whatever others write meanwhile. Keep it short."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def is_remote(folder: str) -> bool:
    """Whether a folder lies on a network file system, where SQLite's WAL is unsafe."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            kind = file_system(os.path.realpath(folder), file)
    except OSError:
        return False
    return kind in REMOTE or kind.startswith("fuse.")


def file_system(path: str, mounts: Iterable[str]) -> str:
    """The type of the file system of a real path, by the lines of a mountinfo: the longest mount wins."""
    best, kind = "", ""
    for line in mounts:
        left, _, right = line.partition(" - ")
        mount = left.split(" ")[4].replace("\\040", " ")
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, right.split(" ")[0]
    return kind


def _make(db: sqlite3.Connection, path: str) -> None:
    version = _version(db)
    if version == 0:
        # Looked at twice: two hosts may make one home at the same instant. WAL comes only afterwards.
        schema = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")
        with transaction(db):
            if _version(db) == 0:
                for statement in filter(str.strip, schema.split(";\n")):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={VERSION}")
        version = _version(db)
    if version < VERSION:
        _upgrade(db)
    if version > VERSION:
        raise newer(path, version)


def _upgrade(db: sqlite3.Connection) -> None:
    with transaction(db, durable=True):
        for version in range(_version(db), VERSION):  # looked at again: another host may have been first
            for statement in UPGRADES[version]:
                db.execute(statement)
        db.execute(f"PRAGMA user_version={VERSION}")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process has held the database for longer than one waits for it."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_damaged(error: BaseException) -> bool:
    """Whether the database's file is not what SQLite wrote."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def is_full(error: sqlite3.Error) -> bool:
    """Whether a statement failed for want of room: it was rolled back, and works again once there is some."""
    return getattr(error, "sqlite_errorname", "") in FULL


def _reader(home: str, path: str) -> sqlite3.Connection:
    if os.access(home, os.W_OK) and os.access(path, os.W_OK):
        db = sqlite3.connect(path, isolation_level=None, timeout=10)
        db.execute("PRAGMA query_only=1")
        return db
    wal = path + "-wal"
    if not os.path.exists(wal) or os.path.getsize(wal) == 0:
        return sqlite3.connect(f"file:{_quoted(path)}?mode=ro&immutable=1", uri=True)
    try:
        db = sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)
        db.execute("PRAGMA user_version")
        return db
    except sqlite3.OperationalError:
        folder = tempfile.mkdtemp(prefix="labctl-")
        for name in (path, wal):
            shutil.copy(name, folder)
        db = sqlite3.connect(os.path.join(folder, FILE), isolation_level=None)
        db.execute("PRAGMA user_version")
        shutil.rmtree(folder, ignore_errors=True)  # it is open
        return db


def _quoted(path: str) -> str:
    return os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _journal(db: sqlite3.Connection) -> str:
    return str(db.execute("PRAGMA journal_mode").fetchone()[0])


def newer(path: str, version: int) -> UsageError:
    """The error for a database of a format that this labctl does not know."""
    return UsageError(
        f"{os.path.relpath(path)} was written by a newer labctl",
        details=[f"its format is {version}, this labctl knows {VERSION}; nothing was changed"],
        hints=["pip install -U labctl"],
    )


def damaged(path: str, error: BaseException) -> InfrastructureError:
    """The error for a database whose file is not what SQLite wrote."""
    return InfrastructureError(
        f"{os.path.relpath(path)} is damaged",
        details=[str(error), "the runs' folders have all that it is made of"],
        hints=["labctl db rebuild"],
    )


def _no_folder(error: OSError) -> InfrastructureError:
    """Something else stands where a folder of the home has to be; the database is not to blame."""
    shown = os.path.relpath(str(error.filename))
    return InfrastructureError(
        f"{shown} is no folder", details=["nothing was started"], hints=[f"mv {shown} elsewhere"]
    )


def _unusable(path: str, error: Exception) -> InfrastructureError:
    if is_damaged(error):
        return damaged(path, error)
    home = os.path.dirname(path)
    if os.path.isdir(home) and not os.access(home, os.W_OK):
        return InfrastructureError(
            f"{os.path.relpath(home)} is read-only here",
            details=[str(error), "nothing was changed; what only reads works"],
            hints=["LABCTL_HOME=FOLDER labctl ... keeps its runs in another folder"],
        )
    return InfrastructureError(
        f"{os.path.relpath(path)} cannot be used",
        details=[str(error), "nothing was started"],
        hints=[f"mv {os.path.relpath(path)} elsewhere makes a new one; the runs' folders stay as they are"],
    )
