"""Listing runs: statements alone, so that a list of ten thousand builds nothing that it does not show."""

from __future__ import annotations

import os
import sqlite3
from typing import NamedTuple

KNOWN = frozenset({1, 2})
"""Versions of the database that can be listed as they are."""

JOBS_DONE = (
    "CASE state WHEN 'running' THEN (SELECT count(*) FROM job WHERE run = run.id AND job.state IN"
    " ('succeeded', 'cached', 'reused')) ELSE jobs_done END"
)
SORTS = {
    "started": ("id DESC",),
    "name": ("plugin", "id"),
    "state": ("state", "id DESC"),
    "took": ("coalesce(ended, 0) - coalesce(started, 0) DESC", "id DESC"),
    "cost": ("coalesce(spent_usd, 0) DESC", "id DESC"),
    "jobs": ("jobs_total DESC", "id DESC"),
}


class Wanted(NamedTuple):
    """Which runs, and in which order. ``search``: in name, note, tags, headline and command, any case."""

    plugin: str | None = None
    search: str | None = None
    state: str | None = None
    tags: tuple[str, ...] = ()
    sort: str = "started"
    reverse: bool = False

    def where(self) -> tuple[str, list[object]]:
        """A WHERE clause, or nothing, and its values."""
        parts: list[str] = []
        values: list[object] = []
        for column, value in (("plugin", self.plugin), ("state", self.state)):
            if value is not None:
                parts.append(f"{column} = ?")
                values.append(value)
        if self.search:
            like = "%" + "".join("\\" + c if c in "\\%_" else c for c in self.search) + "%"
            columns = ("name", "note", "tags", "headline", "command")
            parts.append("(" + " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns) + ")")
            values += [like] * len(columns)
        for tag in self.tags:
            import json

            parts.append("instr(tags, ?) > 0")  # a JSON list of text
            values.append(json.dumps(tag, ensure_ascii=False))
        return ("WHERE " + " AND ".join(parts) if parts else ""), values

    def order(self) -> str:
        terms = SORTS[self.sort]
        if self.reverse:
            terms = tuple(t.removesuffix(" DESC") if t.endswith(" DESC") else f"{t} DESC" for t in terms)
        return ", ".join(terms)


def open_to_list(home: str) -> sqlite3.Connection | None:
    """The database for reading, like ``open_for_reading``, without its imports where all is as usual."""
    path = os.path.join(home, "labctl.db")
    if os.access(home, os.W_OK) and os.access(path, os.W_OK):
        try:
            db = sqlite3.connect(path, isolation_level=None, timeout=10)
            db.execute("PRAGMA query_only=1")
            if db.execute("PRAGMA user_version").fetchone()[0] in KNOWN:
                return db
            db.close()
        except sqlite3.Error:
            pass  # it says why below
    from labctl.store.database import open_for_reading

    return open_for_reading(home)


def count(db: sqlite3.Connection, wanted: Wanted) -> int:
    where, values = wanted.where()
    return int(db.execute(f"SELECT count(*) FROM run {where}", values).fetchone()[0])


def select(db: sqlite3.Connection, wanted: Wanted, limit: int, columns: str) -> sqlite3.Cursor:
    """``columns`` of the runs that are wanted; read it to its end at once."""
    where, values = wanted.where()
    return db.execute(
        f"SELECT {columns} FROM run {where} ORDER BY {wanted.order()} LIMIT ?", [*values, limit]
    )
