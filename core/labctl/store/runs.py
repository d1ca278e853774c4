"""Runs, jobs and attempts in the database: the host's own writing, transition by transition."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from labctl.errors import UsageError
from labctl.model.results import JobFailure, JobState
from labctl.store.clock import Clock
from labctl.store.database import open_database, transaction
from labctl.store.folder import RunFolder
from labctl.store.known import Known, text
from labctl.store.lock import OwnerLock, is_owned

RECENT = 20  # runs that a new one is certainly younger than


class NewRun(msgspec.Struct, kw_only=True):
    """What is known of a run when it is made.

    ``adopts``: its attempts outlive the host. ``stop_at``: US dollars that it may come to.
    """

    plugin: str
    distribution: str
    version: str
    command: str
    executor: str
    tags: tuple[str, ...]
    note: str
    seed: int
    registration: str
    expected_usd: float
    worst_usd: float
    jobs: tuple[tuple[str, tuple[str, ...]], ...]
    adopts: bool = False
    stop_at: float | None = None


class Store:
    """The database of a home, for writing. Only one process writes a run: the one that owns it."""

    def __init__(self, home: str) -> None:
        self.home = Path(home)
        self.db = open_database(home)
        self.clock = Clock()
        self.known = Known(self.db, self.clock)
        self._taken: set[str] = set()

    def close(self) -> None:
        self.db.close()

    def folder(self, name: str) -> RunFolder:
        return RunFolder(self.home / "runs" / name)

    def reconcile(self) -> list[str]:
        """Mark runs whose owner is dead as interrupted, with what they were doing. Their names."""
        running = self.db.execute("SELECT id, name FROM run WHERE state = 'running'").fetchall()
        dead = [(run, name) for run, name in running if not is_owned(self.folder(name).lock)]
        return [name for run, name in dead if self._bury(run, name)]

    def _bury(self, run: int, name: str) -> bool:
        """Interrupt a run whose owner is dead, unless somebody resumes it this very moment."""
        lock = OwnerLock(self.folder(name).lock)
        try:
            if not lock.take():
                return False
        except (FileNotFoundError, NotADirectoryError):
            pass  # its folder is gone: nobody can resume it
        away = self.home / "work" / f"{name}.{os.urandom(4).hex()}"
        try:
            changed = self.interrupt(run, "its host ended")
            if changed:
                os.rename(self.home / "work" / name, away)
        except FileNotFoundError:
            pass
        finally:
            lock.release()
        shutil.rmtree(away, ignore_errors=True)  # it may be large, and the lock is wanted
        return changed

    def interrupt(self, run: int, reason: str) -> bool:
        """Mark a run that cannot go on, and what it was doing, as interrupted. False if it has ended.

        Attempts that outlive their host stay open: whoever resumes the run adopts them by their handle.
        """
        with transaction(self.db, durable=True):
            now = max(self.clock(), self._last_event(run))
            changed = self.db.execute(
                "UPDATE run SET state = 'interrupted', ended = ?, jobs_done = (SELECT count(*) FROM job"
                " WHERE run = run.id AND job.state IN ('succeeded', 'cached', 'reused'))"
                " WHERE id = ? AND state = 'running'",
                (now, run),
            ).rowcount
            if changed:
                adopts = self.db.execute("SELECT adopts FROM run WHERE id = ?", (run,)).fetchone()[0]
                self.db.execute(
                    "UPDATE job SET state = 'interrupted', interruptions = interruptions + ?, reason = ?"
                    " WHERE run = ? AND state IN ('running', 'queued')",
                    (0 if adopts else 1, reason, run),
                )
                if not adopts:
                    self.db.execute(
                        "UPDATE attempt SET state = 'interrupted', ended = max(?, started)"
                        " WHERE run = ? AND state = 'running'",
                        (now, run),
                    )
                self.event(run, "interrupted", data={"reason": reason}, at=now)
        return bool(changed)

    def reopen(
        self, run: int, name: str, again: Iterable[str], *, afresh: bool, ended: float | None
    ) -> OwnerLock | None:
        """Own an ended run and set the jobs ``again`` back to planned.

        None if another process owns it, or has gone on with it since it had ``ended``: what is left to
        do is another by then. ``afresh``: with all their tries; else what was counted counts on.
        """
        lock = OwnerLock(self.folder(name).lock)
        try:
            if not lock.take():
                return None
        except (FileNotFoundError, NotADirectoryError):
            raise removed() from None
        row = self.db.execute("SELECT ended FROM run WHERE id = ?", (run,)).fetchone()
        if row is None or row[0] != ended:
            lock.release()
            if row is None:
                raise removed()
            return None
        forget = ", failures = 0, interruptions = 0" if afresh else ""
        with transaction(self.db, durable=True):
            self.clock.not_before(self._last_event(run))
            self._change("UPDATE run SET state = 'running', ended = NULL, wanted = NULL WHERE id = ?", run)
            self.db.executemany(
                "UPDATE job SET state = 'planned', reason = '', key = NULL, value = NULL, artifacts = NULL,"
                f" error = NULL, ended = NULL, origin = NULL, made = NULL{forget} WHERE run = ? AND id = ?",
                [(run, job) for job in again],
            )
            self.event(run, "resumed")
        return lock

    def want(self, run: int, wanted: str) -> None:
        """Leave a word for the host that owns a run; it looks a few times a second."""
        with transaction(self.db, durable=True):
            self._change("UPDATE run SET wanted = ? WHERE id = ?", wanted, run)
            self.event(run, wanted)

    def set_stop_at(self, run: int, usd: float | None) -> None:
        """Change what a run may come to, also while it runs."""
        with transaction(self.db, durable=True):
            self._change("UPDATE run SET stop_at = ? WHERE id = ?", usd, run)
            self.event(run, "stop-at", data={"usd": usd})

    def describe(self, run: int, note: str, tags: str) -> None:
        """Change a run's note, and its tags as JSON."""
        with transaction(self.db, durable=True):
            self._change("UPDATE run SET note = ?, tags = ? WHERE id = ?", note, tags, run)

    def wishes(self, run: int) -> tuple[str, float | None]:
        """What others have left for the run's host: a word, and what the run may come to."""
        row = self.db.execute("SELECT wanted, stop_at FROM run WHERE id = ?", (run,)).fetchone()
        return (row[0] or "", row[1]) if row else ("", None)

    def spent(self, run: int) -> float:
        """US dollars of a run's attempts so far."""
        row = self.db.execute("SELECT sum(usd) FROM attempt WHERE run = ?", (run,)).fetchone()
        return float(row[0] or 0.0)

    def create(self, new: NewRun, fill: Callable[[RunFolder], None]) -> tuple[int, str, OwnerLock]:
        """Add a run in state *running* with its jobs *planned*, and make its folder.

        Returns its id, its name and its lock. ``fill`` writes what the run cannot go on without: nobody
        sees the run before its lock is taken and that is on the disk, so that there is none that cannot
        be resumed. It is no older than the runs before it, whatever the clock says.
        """
        self.clock.not_before(self._last_known())
        while True:
            with ExitStack() as undo:
                with transaction(self.db):
                    name = self._next_name(new.plugin)
                    folder = self.folder(name)
                    try:
                        os.makedirs(folder.root, mode=0o700)
                    except FileExistsError:  # a folder that the database does not know: leave it alone
                        self._taken.add(name)
                        continue
                    undo.callback(shutil.rmtree, folder.root, ignore_errors=True)
                    lock = OwnerLock(folder.lock)
                    undo.callback(lock.release)
                    lock.take()
                    run = self._insert(new, name)
                    folder.make()
                    fill(folder)
                undo.pop_all()
            return run, name, lock

    def transition(
        self,
        run: int,
        job: str,
        to: JobState,
        *,
        attempt: int | None = None,
        reason: str = "",
        **columns: Any,
    ) -> bool:
        """Move a job to a state, with further columns and an event. False if it had ended before.

        Call it inside ``transaction``.
        """
        sets = "".join(f", {name} = ?" for name in columns)
        changed = self.db.execute(
            f"UPDATE job SET state = ?, reason = ?{sets} WHERE run = ? AND id = ? AND state NOT IN"
            " ('succeeded', 'cached', 'reused')",
            (to, reason, *columns.values(), run, job),
        ).rowcount
        if changed:
            self.event(run, to, job=job, attempt=attempt, data={"reason": reason} if reason else None)
        return bool(changed)

    def event(
        self,
        run: int,
        kind: str,
        *,
        job: str | None = None,
        attempt: int | None = None,
        data: Any = None,
        at: float | None = None,
    ) -> None:
        """Append to the run's events. Call it inside ``transaction``."""
        # The number is the database's: another process may have left a word for the run's host.
        self.db.execute(
            "INSERT INTO event SELECT ?, coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ? FROM event WHERE run = ?",
            (
                run,
                self.clock() if at is None else at,
                job,
                attempt,
                kind,
                text(data) if data else None,
                run,
            ),
        )

    def _change(self, statement: str, *values: Any) -> None:
        """Change a run that was there a moment ago. Raises UsageError if somebody has removed it since."""
        if not self.db.execute(statement, values).rowcount:
            raise removed()

    def _last_event(self, run: int) -> float:
        row = self.db.execute(
            "SELECT time FROM event WHERE run = ? ORDER BY seq DESC LIMIT 1", (run,)
        ).fetchone()
        return float(row[0]) if row else 0.0

    def _last_known(self) -> float:
        """When the newest of this home's own runs were last heard of."""
        row = self.db.execute(
            "SELECT max(max(created, coalesce(started, 0), coalesce(ended, 0))) FROM"
            " (SELECT created, started, ended FROM run WHERE imported = 0 ORDER BY id DESC LIMIT ?)",
            (RECENT,),
        ).fetchone()
        return float(row[0] or 0.0)

    def start_attempt(self, run: int, job: str, n: int, executor: str) -> None:
        self.db.execute(
            "INSERT INTO attempt (run, job, n, executor, state, started) VALUES (?, ?, ?, ?, 'running', ?)",
            (run, job, n, executor, self.clock()),
        )

    def set_handle(self, run: int, job: str, n: int, handle: str) -> None:
        self.db.execute(
            "UPDATE attempt SET handle = ? WHERE run = ? AND job = ? AND n = ?", (handle, run, job, n)
        )

    def end_attempt(self, run: int, job: str, n: int, state: str, **columns: Any) -> bool:
        """Close an attempt. False for a late message about one that was closed before."""
        sets = "".join(f", {name} = ?" for name in columns)
        return bool(
            self.db.execute(
                f"UPDATE attempt SET state = ?, ended = ?{sets}"
                " WHERE run = ? AND job = ? AND n = ? AND state = 'running'",
                (state, self.clock(), *columns.values(), run, job, n),
            ).rowcount
        )

    def finish(self, run: int, state: str, **columns: Any) -> None:
        """Close a run. ``columns``: jobs_done, headline, verdicts, spent_usd."""
        sets = "".join(f", {name} = ?" for name in columns)
        with transaction(self.db, durable=True):
            self.db.execute(
                f"UPDATE run SET state = ?, ended = ?{sets} WHERE id = ?",
                (state, self.clock(), *columns.values(), run),
            )
            self.event(run, "ended", data={"state": state})
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _insert(self, new: NewRun, name: str) -> int:
        now = self.clock()
        cursor = self.db.execute(
            "INSERT INTO run (name, uuid, plugin, distribution, version, state, created, started, command,"
            " executor, tags, note, seed, registration, expected_usd, worst_usd, jobs_total, adopts, stop_at)"
            " VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                name,
                str(uuid7(now)),
                new.plugin,
                new.distribution,
                new.version,
                now,
                now,
                new.command,
                new.executor,
                text(new.tags),
                new.note,
                new.seed,
                new.registration,
                new.expected_usd,
                new.worst_usd,
                len(new.jobs),
                new.adopts,
                new.stop_at,
            ),
        )
        run = int(cursor.lastrowid or 0)
        self.db.executemany(
            "INSERT INTO job (run, position, id, state, tags) VALUES (?, ?, ?, 'planned', ?)",
            [(run, position, job, text(tags)) for position, (job, tags) in enumerate(new.jobs)],
        )
        self.event(run, "planned", data={"jobs": len(new.jobs)})
        return run

    def _next_name(self, plugin: str) -> str:
        # Names of other projects may begin alike: only what follows the last "-" is the number.
        row = self.db.execute(
            "SELECT max(CAST(substr(name, length(?) + 2) AS INTEGER)) FROM run WHERE plugin = ?",
            (plugin, plugin),
        ).fetchone()
        number = (row[0] or 0) + 1
        while f"{plugin}-{number}" in self._taken:
            number += 1
        return f"{plugin}-{number}"


def removed() -> UsageError:
    return UsageError(
        "the run was removed meanwhile", details=["nothing was changed"], hints=["labctl runs list"]
    )


def uuid7(now: float) -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): sorts by time."""
    value = (int(now * 1000) & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=value & ~(0b11 << 62) | 0b10 << 62)


def failure(raw: str | None) -> JobFailure | None:
    return msgspec.json.decode(raw, type=JobFailure) if raw else None
