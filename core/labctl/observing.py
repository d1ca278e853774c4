"""The process in which an observer lives: ``python -m labctl.observing NAME HOST``.

The run and then its events come as JSON lines on standard input. Whatever happens here, the run
does not notice.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import msgspec

from labctl.errors import LabError, UsageError
from labctl.executors.processes import die_with
from labctl.plugins.catalogue import Catalogue, Row
from labctl.plugins.listing import open_catalogue
from labctl.spi import ObservedRun

GROUP = "labctl.observers"


class Opening(msgspec.Struct, frozen=True):
    """The first line: the run, and what the configuration says to the observer.

    Without a run nothing is opened: whether the observer is there and takes its options is all that is asked.
    """

    run: ObservedRun | None
    options: dict[str, Any]


def main() -> int:
    die_with(int(sys.argv[2]))  # a host that is killed leaves nobody behind
    name = sys.argv[1]
    opening = msgspec.json.decode(sys.stdin.buffer.readline(), type=Opening)
    try:
        observer = load(name)
        kind = getattr(observer, "options", None)
        options = msgspec.convert(opening.options, kind) if kind else None
        if opening.run is None:
            return 0
        observer.open(opening.run, options)
    except (LabError, msgspec.ValidationError) as error:
        hints = "; ".join(getattr(error, "hints", ()))
        print(f"{error}{': ' + hints if hints else ''}", file=sys.stderr)
        return 3
    for line in sys.stdin.buffer:
        observer.tell(msgspec.json.decode(line))
    observer.close()
    return 0


def load(name: str) -> Any:
    """A new observer of that name. Raises UsageError."""
    module, _, attribute = find(name, open_catalogue()).entry.value.partition(":")
    return getattr(importlib.import_module(module), attribute)()


def find(name: str, catalogue: Catalogue) -> Row:
    """The row of an observer, which is not imported. Raises UsageError if there is none that works."""
    rows = [row for row in catalogue.rows if row.entry.group == GROUP]
    row = next((row for row in rows if row.name == name), None)
    if row is None:
        known = ", ".join(sorted(row.name for row in rows)) or "none"
        raise UsageError(f"there is no observer named {name}; there are: {known}")
    if row.status not in ("ok", "new"):
        raise UsageError(f"it is {row.status}: {row.reason}", hints=[row.hint] if row.hint else [])
    return row


if __name__ == "__main__":
    sys.exit(main())
