"""Following a run that another process drives, by what that process writes down."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import msgspec

from labctl.cli.tables import count, money, span
from labctl.model.results import DONE
from labctl.scheduler.state import EXIT_CODES
from labctl.store.database import open_for_reading
from labctl.store.folder import RunFolder
from labctl.store.lock import is_owned
from labctl.store.queries import RunRow, events_of, find_run, job_of
from labctl.store.runs import Store
from labctl.terminal import plain, write

POLL = 0.2  # seconds
HEARTBEAT = 60.0  # seconds between two lines that say the run is alive
WORDS = {"succeeded": "done", "running": "started", "planned": "waits for another try"}


def follow(home: str, name: str, *, as_json: bool) -> int:
    """Print what happens in a run until it has ended; its exit code. Raises UsageError."""
    row = find_run(open_for_reading(home), name)
    lock = RunFolder(Path(home) / "runs" / row.name).lock
    seen, beat = 0, time.monotonic()
    while True:
        if not is_owned(lock):
            _reconcile(home)
        db = open_for_reading(home)  # anew each time: a reader that stays open keeps the log from shrinking
        row = find_run(db, row.name)
        assert db is not None
        events = events_of(db, row.id, after=seen)
        for seq, when, job, attempt, kind, data in events:
            seen = seq
            beat = time.monotonic()
            if as_json:
                line = {"event": kind, "time": when, "job": job, "attempt": attempt, "data": data}
                write(msgspec.json.encode(line).decode())
            else:
                _say(db, row, when, job, kind, data)
        if row.state != "running" and not is_owned(lock):  # its host draws the report to the very end
            db.close()
            return _end(row, Path(home), as_json=as_json)
        if time.monotonic() - beat > HEARTBEAT and not as_json:
            beat = time.monotonic()
            done = f"{row.jobs_done} of {row.jobs_total} done"
            write(f"{time.strftime('%H:%M:%S')} run {row.name}: {done}", err=True)
        db.close()
        time.sleep(POLL)


def _reconcile(home: str) -> None:
    """A host that died meanwhile is not to be followed for ever."""
    if not os.access(home, os.W_OK):
        return
    store = Store(home)
    try:
        store.reconcile()
    finally:
        store.close()


def _say(db: sqlite3.Connection, row: RunRow, when: float, job: str | None, kind: str, data: object) -> None:
    stamp = time.strftime("%H:%M:%S", time.localtime(when))
    reason = f": {data['reason']}" if isinstance(data, dict) and data.get("reason") else ""
    if job is None:
        write(f"{stamp} run {row.name} {kind}{plain(reason)}", err=True)
        return
    took = ""
    if kind in DONE:
        took = f", {span(job_of(db, row.id, job).seconds)}"
    if kind != "queued":
        write(f"{stamp} {job} {WORDS.get(kind, kind)}{took}{plain(reason)}", err=True)


def _end(row: RunRow, home: Path, *, as_json: bool) -> int:
    folder = RunFolder(home / "runs" / row.name)
    if not as_json:
        took = f" in {span(row.ended - row.started)}" if row.ended and row.started else ""
        done = f"{row.jobs_done} of {count(row.jobs_total, 'job')} done"
        write(f"\n{row.name}  {row.state}: {done}{took}, {money(row.spent_usd)}", err=True)
        if row.headline:
            write(plain(row.headline))
        if folder.report.exists():
            write(f"Report: {os.path.relpath(folder.report)}")
        if row.state in ("interrupted", "cancelled", "over budget"):
            write(f"Next:   labctl resume {row.name}", err=True)
    return EXIT_CODES[row.state]
