"""Following a run that another process drives, by what that process writes down."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from labctl.cli.tables import count, money, span
from labctl.model.results import DONE
from labctl.scheduler.state import EXIT_CODES
from labctl.store.database import open_for_reading, snapshot
from labctl.store.folder import RunFolder
from labctl.store.lock import is_owned
from labctl.store.queries import RunRow, events_of, find_run, job_of
from labctl.store.runs import Store, removed
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
        row, news = _news(home, row.name, seen)
        for one in news:
            seen = one.seq
            beat = time.monotonic()
            if as_json:
                line = {"event": one.kind, "time": one.time, "job": one.job, "attempt": one.attempt}
                write(msgspec.json.encode({**line, "data": one.data}).decode())
            else:
                _say(row, one)
        if row.state != "running" and not is_owned(lock):  # its host draws the report to the very end
            return _end(row, Path(home), as_json=as_json)
        if time.monotonic() - beat > HEARTBEAT and not as_json:
            beat = time.monotonic()
            done = f"{row.jobs_done} of {row.jobs_total} done"
            write(f"{time.strftime('%H:%M:%S')} run {row.name}: {done}", err=True)
        time.sleep(POLL)


class _Event(NamedTuple):
    """Something that happened in a run. ``took``: seconds of a job that is done."""

    seq: int
    time: float
    job: str | None
    attempt: int | None
    kind: str
    data: Any
    took: float | None


def _news(home: str, name: str, seen: int) -> tuple[RunRow, list[_Event]]:
    """How a run stands, and what has happened since. Raises UsageError if somebody has removed it.

    The database is opened anew each time: a reader that stays open keeps its log from shrinking.
    """
    db = open_for_reading(home)
    if db is None:
        raise removed()
    try:
        with snapshot(db):
            row = find_run(db, name)
            events = events_of(db, row.id, after=seen)
            took = {i: job_of(db, row.id, i).seconds for _, _, i, _, kind, _ in events if i and kind in DONE}
        return row, [_Event(*event, took.get(event[2] or "")) for event in events]
    finally:
        db.close()


def _reconcile(home: str) -> None:
    """A host that died meanwhile is not to be followed for ever."""
    if not os.access(home, os.W_OK):
        return
    store = Store(home)
    try:
        store.reconcile()
    finally:
        store.close()


def _say(row: RunRow, one: _Event) -> None:
    stamp = time.strftime("%H:%M:%S", time.localtime(one.time))
    reason = f": {one.data['reason']}" if isinstance(one.data, dict) and one.data.get("reason") else ""
    if one.job is None:
        write(f"{stamp} run {row.name} {one.kind}{plain(reason)}", err=True)
        return
    took = f", {span(one.took)}" if one.kind in DONE and one.took is not None else ""
    if one.kind != "queued":
        write(f"{stamp} {one.job} {WORDS.get(one.kind, one.kind)}{took}{plain(reason)}", err=True)


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
