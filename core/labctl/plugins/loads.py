"""What happened when a plugin was last imported: a few lines of text in the home."""

from __future__ import annotations

import os
import time

from labctl.plugins.scan import Entry, module_file


class Load:
    """``error`` is empty when the import went well."""

    __slots__ = ("error", "hint", "milliseconds", "when")

    def __init__(self, when: str, error: str, hint: str, milliseconds: str) -> None:
        self.when = when
        self.error = error
        self.hint = hint
        self.milliseconds = milliseconds


class Loads:
    """The memory of imports, one line each: key, stamp, when, milliseconds, error, hint.

    Lives in the home; without one it lasts as long as the process. A line counts for the version and the
    file time it was written for, so that a repaired plugin is *new* again.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._lines: dict[str, list[str]] = {}
        if path:
            try:
                with open(path, encoding="utf-8") as file:
                    rows = [line.rstrip("\n").split("\t") for line in file]
            except OSError:
                rows = []
            self._lines = {row[0]: row for row in rows if len(row) == 6}

    def last(self, entry: Entry) -> Load | None:
        row = self._lines.get(_key(entry))
        if row is None or row[1] != _stamp(entry):
            return None
        return Load(row[2], row[4], row[5], row[3])

    def remember(self, entry: Entry, seconds: float, error: str = "", hint: str = "") -> None:
        """Keep the outcome of an import. Says nothing if the home cannot be written."""
        when = time.strftime("%d %b %H:%M")
        row = [_key(entry), _stamp(entry), when, f"{seconds * 1000:.0f}", _flat(error), _flat(hint)]
        former = self._lines.get(row[0])
        if former and former[1] == row[1] and former[4:] == row[4:]:
            return
        self._lines[row[0]] = row
        if not self._path:
            return
        temporary = f"{self._path}.{os.urandom(4).hex()}"
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                file.writelines("\t".join(line) + "\n" for line in self._lines.values())
            os.replace(temporary, self._path)
        except OSError:
            pass


def _key(entry: Entry) -> str:
    d = entry.distribution
    return f"{entry.group}/{entry.name}/{d.name}/{d.version}"


def _stamp(entry: Entry) -> str:
    path = module_file(entry.value.partition(":")[0])
    try:
        return str(os.stat(path).st_mtime_ns) if path else "0"
    except OSError:
        return "0"


def _flat(text: str) -> str:
    return " ".join(text.split())[:300]
