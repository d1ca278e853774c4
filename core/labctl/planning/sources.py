"""Digests and imports of source files, remembered by path, time and size."""

from __future__ import annotations

import sqlite3

import msgspec

from labctl.planning.closure import Source
from labctl.store.database import transaction


class SourceTable:
    """A SourceCache in the database; what is new is written in one go by ``save``."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._new: dict[str, tuple[int, int, Source]] = {}

    def get(self, path: str, mtime_ns: int, size: int) -> Source | None:
        row = self._db.execute(
            "SELECT sha256, imports, names FROM source WHERE path = ? AND mtime_ns = ? AND size = ?",
            (path, mtime_ns, size),
        ).fetchone()
        if row is None:
            return None
        imports, names = (tuple(msgspec.json.decode(column)) for column in row[1:])
        return Source(row[0], imports, names)

    def put(self, path: str, mtime_ns: int, size: int, source: Source) -> None:
        self._new[path] = (mtime_ns, size, source)

    def save(self) -> None:
        rows = [
            (path, mtime, size, s.sha256, _text(s.imports), _text(s.names))
            for path, (mtime, size, s) in self._new.items()
        ]
        self._new.clear()
        if rows:
            with transaction(self._db):
                self._db.executemany("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?)", rows)


def _text(names: tuple[str, ...]) -> str:
    return msgspec.json.encode(names).decode()
