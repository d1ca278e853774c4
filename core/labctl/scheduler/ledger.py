"""What a scheduler writes down: all of a turn in one transaction, then in the run's journal.

A full disk, and a database that another process holds, stop the writing and nothing else: it is tried
again until it works.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import msgspec

from labctl.model.results import JobResult, JobState
from labctl.store.database import is_busy, is_full, transaction
from labctl.store.folder import RunFolder, append_whole, write_whole
from labctl.store.queries import RunRow, attempts_of, job_of
from labctl.store.runs import Store

AGAIN = 1.0  # seconds between two tries
WAITS = (
    ("the disk is full: no new job starts until there is room; nothing is lost", "there is room again"),
    ("another process holds the database: no new job starts until it lets go", "the database is free again"),
)


def begin_journal(folder: RunFolder, run: RunRow, *, adopts: bool, stop_at: float | None) -> None:
    """Write the run itself as the first line of its journal. Raises OSError."""
    facts = {**run._asdict(), "id": None, "adopts": adopts, "stop_at": stop_at}
    write_whole(folder.journal, msgspec.json.encode({"run": facts}) + b"\n")


class Ledger:
    """Entries of one run, kept back until ``flush``. Nothing is told to anybody before it is written.

    ``patient()`` says whether to wait for room on a full disk; the run's host asks its user.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        name: str,
        warn: Callable[[str], None],
        patient: Callable[[], bool] = lambda: True,
        *,
        adopts: bool = False,
    ) -> None:
        self._store = store
        self._run = run
        self._name = name
        self._warn = warn
        self._patient = patient
        self._writes: list[Callable[[], object]] = []
        self._ended: dict[str, None] = {}
        self._begun: dict[str, None] = {}
        self._adopts = adopts
        self._durable = False
        self._journal = store.folder(name).journal

    def now(self) -> float:
        """Epoch seconds, as all that the ledger writes is dated."""
        return self._store.clock()

    def job(self, job: str, state: JobState, attempt: int, reason: str, **columns: Any) -> None:
        """A job has come to a state."""
        self._writes.append(
            lambda: self._store.transition(
                self._run, job, state, attempt=attempt or None, reason=reason, **columns
            )
        )
        if state not in ("queued", "running", "planned"):
            self._ended[job] = None

    def begin(self, job: str, attempt: int, executor: str) -> None:
        self._writes.append(lambda: self._store.start_attempt(self._run, job, attempt, executor))

    def handle(self, job: str, attempt: int, handle: str) -> None:
        self._writes.append(lambda: self._store.set_handle(self._run, job, attempt, handle))
        if self._adopts:
            self._begun[job] = None

    def end(self, job: str, attempt: int, state: str, **columns: Any) -> None:
        """An attempt is over; the disk has it when ``flush`` returns."""
        self._writes.append(lambda: self._store.end_attempt(self._run, job, attempt, state, **columns))
        self._durable = True

    def remember(self, key: str, result: JobResult, cpu_seconds: float, material: Any) -> None:
        known = self._store.known
        self._writes.append(lambda: known.remember(key, self._name, result, cpu_seconds, material))

    def open_seal(self, seal: str, key: str, job: str) -> None:
        self._writes.append(lambda: self._store.known.open_seal(seal, key, self._name, job))

    def event(self, kind: str, job: str, attempt: int) -> None:
        self._writes.append(lambda: self._store.event(self._run, kind, job=job, attempt=attempt))

    def flush(self) -> None:
        """Write all of it, or wait until there is room for all of it. Raises sqlite3.Error."""
        if not self._writes:
            return
        told = ""
        while True:
            try:
                with transaction(self._store.db, durable=self._durable):
                    for write in self._writes:
                        write()
                break
            except sqlite3.Error as error:
                waits = WAITS[0] if is_full(error) else WAITS[1] if is_busy(error) else None
                if waits is None or not self._patient():
                    raise
                if told != waits[1]:
                    self._warn(waits[0])
                told = waits[1]
                time.sleep(AGAIN)
        self._writes, self._durable = [], False
        if told:
            self._warn(f"{told}: the run goes on")
        self._write_journal()

    def _write_journal(self) -> None:
        """What has ended; and of attempts that outlive us how to find them again."""
        (ended, self._ended), (begun, self._begun) = (self._ended, {}), (self._begun, {})
        if not ended and not begun:
            return
        lines: list[dict[str, Any]] = []
        for job in {**ended, **begun}:
            if job in ended:
                lines.append({"job": job_of(self._store.db, self._run, job)._asdict()})
            lines += [{"attempt": a} for a in attempts_of(self._store.db, self._run, job)]
        try:
            append_whole(self._journal, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        except OSError:
            pass  # the database has it; the journal is for the day that the database is lost
