"""What a home knows beyond its runs: results by key, claims by digest, openings of sealed data."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from labctl.model.results import Artifact, JobResult
from labctl.store.clock import Clock
from labctl.store.database import transaction


def text(value: Any) -> str:
    """A value as the database holds it: JSON."""
    return msgspec.json.encode(value).decode()


class CachedResult(msgspec.Struct, frozen=True):
    """A finished result that the cache holds: of which run and job it is, and when it was made."""

    run: str
    job: str
    made: float
    value: Any
    artifacts: tuple[Artifact, ...]
    seconds: float
    cpu_seconds: float


class Known:
    """The tables ``cache``, ``registration`` and ``opening`` of a home's database."""

    def __init__(self, db: sqlite3.Connection, clock: Clock) -> None:
        self.db = db
        self.clock = clock

    def cached(self, key: str) -> CachedResult | None:
        row = self.db.execute(
            "SELECT run, job, made, value, artifacts, seconds, cpu_seconds FROM cache WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        return CachedResult(
            run=row[0],
            job=row[1],
            made=row[2],
            value=msgspec.json.decode(row[3]),
            artifacts=msgspec.json.decode(row[4], type=tuple[Artifact, ...]),
            seconds=row[5],
            cpu_seconds=row[6] or 0.0,
        )

    def remember(self, key: str, run: str, result: JobResult, cpu_seconds: float, material: Any) -> None:
        """Put a finished result into the cache. Call it inside ``transaction``."""
        self.db.execute(
            "INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                run,
                result.id,
                self.clock(),
                text(result.value),
                text(result.artifacts),
                result.seconds,
                cpu_seconds,
                text(material),
            ),
        )

    def forget(self, key: str) -> None:
        self.db.execute("DELETE FROM cache WHERE key = ?", (key,))

    def register(self, plugin: str, claims: Iterable[tuple[str, Any]]) -> dict[str, float]:
        """Give each claim's digest its first-seen time, now unless it was seen before."""
        found: dict[str, float] = {}
        with transaction(self.db, durable=True):
            for digest, prediction in claims:
                self.db.execute(
                    "INSERT OR IGNORE INTO registration VALUES (?, ?, ?, ?)",
                    (digest, plugin, text(prediction), self.clock()),
                )
                row = self.db.execute(
                    "SELECT first_seen FROM registration WHERE digest = ?", (digest,)
                ).fetchone()
                found[digest] = row[0]
        return found

    def open_seal(self, seal: str, key: str, run: str, job: str) -> int:
        """Count an opening of sealed data; the same key again is the same opening. How many there are."""
        self.db.execute(
            "INSERT OR IGNORE INTO opening VALUES (?, ?, ?, ?, ?)", (seal, key, run, job, self.clock())
        )
        return int(self.db.execute("SELECT count(*) FROM opening WHERE seal = ?", (seal,)).fetchone()[0])
