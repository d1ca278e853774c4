"""Sweeping a home: content that nothing names any more, and what dead processes have left."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

import msgspec

from labctl.archive.remove import TRASH
from labctl.archive.telling import HEX, digests_in
from labctl.store.database import transaction
from labctl.store.folder import RunFolder
from labctl.store.lock import OwnerLock, is_owned
from labctl.store.objects import Objects
from labctl.store.runs import Store

HOUR, DAY = 3600.0, 86400.0
ERRORS_KEPT = 30 * DAY
TOLD = ("plan.json", "record.json", "journal.jsonl", "imported.json")
ORPHANS = (
    "FROM cache WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.name = cache.run)"
    " AND NOT EXISTS (SELECT 1 FROM job WHERE job.key = cache.key)"
)
"""Cached results whose maker is gone, and which no job of any run is."""
STAGING = (".import-", ".export-", ".rebuild-", "tmp")


class Swept(msgspec.Struct, kw_only=True):
    """What a sweep took, or would take: numbers of things, and bytes of objects."""

    objects: int = 0
    object_bytes: int = 0
    cached_results: int = 0
    leftovers: int = 0
    work_folders: int = 0
    errors: int = 0
    kept: int = 0


def sweep(store: Store, *, dry_run: bool = False, now: float | None = None) -> Swept:
    """Remove what nothing names. Runs may go on beside it: see ``_before``."""
    now = time.time() if now is None else now
    found = Swept()
    # The time comes before the names: what was put in since is not looked at, so nobody misses its name.
    before = _before(store, now)
    _objects(store, found, before, dry_run)
    _leftovers(store, found, now, dry_run)
    _work(store, found, now, dry_run)
    _errors(store, found, now, dry_run)
    return found


def _before(store: Store, now: float) -> float:
    """Objects put in, or found whole, since then are not touched.

    An hour is for whoever has found a result and has not yet written that it uses it; and what a living
    run put in may be named by nothing but its memory. While a run lives that began in the future (the
    clock was set back since) no age can be told, and nothing is touched.
    """
    rows = store.db.execute("SELECT name, coalesce(started, created) FROM run WHERE state = 'running'")
    begun = [float(at) for name, at in rows.fetchall() if is_owned(store.folder(name).lock)]
    locks = [Path(entry.path, "owner.lock") for entry in _folders(store.home / "runs")]
    begun += [_mtime(lock) for lock in locks if is_owned(lock)]
    if any(moment > now for moment in begun):
        return 0.0
    return min([now, *begun]) - HOUR


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _objects(store: Store, found: Swept, before: float, dry_run: bool) -> None:
    objects = Objects(store.home / "objects")
    old = {sha256: status for sha256, status in objects.digests() if status.st_mtime < before}
    orphans = {key for (key,) in store.db.execute(f"SELECT key {ORPHANS}")}
    found.cached_results = len(orphans)
    if not dry_run:  # first the rows, then the files
        with transaction(store.db, durable=True):
            found.cached_results = store.db.execute(f"DELETE {ORPHANS}").rowcount
        orphans = set()
    going = sorted(set(old) - _named(store, orphans))
    found.kept = len(old) - len(going)
    for sha256 in going:
        size = _size(objects.path(sha256), old[sha256])
        if dry_run or objects.sweep(sha256, before):
            found.objects += 1
            found.object_bytes += size


def _named(store: Store, without: set[str]) -> set[str]:
    """Digests that a run, the cache or a run's folder names; of the folders every digest that is in them."""
    named: set[str] = set()
    for (raw,) in store.db.execute("SELECT artifacts FROM job WHERE artifacts IS NOT NULL"):
        named |= set(HEX.findall(raw))
    for key, raw in store.db.execute("SELECT key, artifacts FROM cache"):
        if key not in without:
            named |= set(HEX.findall(raw))
    for entry in _folders(store.home / "runs"):
        if not entry.name.startswith(TRASH):
            for name in TOLD:
                named.update(digests_in(Path(entry.path, name)))
    return named


def _size(path: Path, status: os.stat_result) -> int:
    if not stat.S_ISDIR(status.st_mode):
        return status.st_size
    files = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    return sum(os.lstat(file).st_size for file in files)


def _leftovers(store: Store, found: Swept, now: float, dry_run: bool) -> None:
    home = store.home
    old = [path for path in Objects(home / "objects").leftovers() if _mtime(path) < now - DAY]
    for entry in [*_entries(home), *_entries(home / "runs")]:
        path = Path(entry.path)
        old += [path] if path.name.startswith((*STAGING, TRASH)) and _mtime(path) < now - DAY else []
    for folder in _folders(home / "runs"):
        if not folder.name.startswith("."):
            torn = [Path(entry.path) for entry in _entries(Path(folder.path)) if entry.name.startswith(".")]
            old += [path for path in torn if _mtime(path) < now - DAY]
    found.leftovers = len(old)
    for path in [] if dry_run else old:
        _drop(path)


def _work(store: Store, found: Swept, now: float, dry_run: bool) -> None:
    """Work folders whose run nobody owns. The lock is held meanwhile, so that nobody resumes the run."""
    for entry in _folders(store.home / "work"):
        folder = RunFolder(store.home / "runs" / entry.name)
        lock = OwnerLock(folder.lock)
        if folder.root.is_dir():
            if not lock.take():
                continue
        elif _mtime(Path(entry.path)) > now - HOUR:
            continue
        try:
            found.work_folders += 1
            if not dry_run:
                _drop(Path(entry.path))
        finally:
            lock.release()


def _errors(store: Store, found: Swept, now: float, dry_run: bool) -> None:
    for entry in _entries(store.home / "errors"):
        if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < now - ERRORS_KEPT:
            found.errors += 1
            if not dry_run:
                _drop(Path(entry.path))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    return [entry for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)]


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
