"""The end of the process. A short command spends an eighth of its time on taking the interpreter apart.

Nothing is left out that anybody could notice: threads are waited for and what was registered with
``atexit`` is called before, and what stands in the streams is written.
"""

from __future__ import annotations

import atexit
import os
import sys

_code: int | None = None
_hasty = True


def watch_the_end() -> None:
    """Call it first of all: what is registered with ``atexit`` first is called last."""
    atexit.register(_at_last)


def take_time() -> None:
    """Code of others does more than plan in this process: its open files are to be closed properly."""
    global _hasty
    _hasty = False


def leave(code: int) -> None:
    """End the process with an exit code. Does not return; raises SystemExit."""
    global _code
    _code = code
    sys.exit(code)


def _at_last() -> None:
    if _code is None or not _hasty:
        return  # a process that somebody has forked, or an error that nobody foresaw
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # nobody reads: the interpreter says so in its own way
    os._exit(_code)
