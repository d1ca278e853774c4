"""Writing to the terminal: one function that a closed one cannot break, and four styles.

Colour never carries a meaning alone. ``--color`` is first, then NO_COLOR, then FORCE_COLOR, then
whether the stream is a terminal.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_choice = "auto"


def set_color(choice: str) -> None:
    """``auto``, ``always`` or ``never``, from ``--color``."""
    global _choice
    _choice = choice


def colored(stream: TextIO) -> bool:
    if _choice != "auto":
        return _choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def write(text: str, *, err: bool = False, end: str = "\n", lossy: bool = False) -> None:
    """Write and flush. After a closed pipe or terminal it stays silent: saving goes on.

    What was asked for and finds no room is an error: raises OSError, unless it is ``lossy``, as words
    to standard error always are.
    """
    stream = sys.stderr if err else sys.stdout
    try:
        stream.write(text + end)
        stream.flush()
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        _retry(stream, (text + end).encode(encoding, "backslashreplace").decode(encoding))
    except (OSError, ValueError) as error:
        _silence(stream)
        if not (err or lossy) and getattr(error, "errno", None) in NO_ROOM:
            raise


def _retry(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        _silence(stream)


def _silence(stream: TextIO) -> None:
    # The interpreter flushes at exit and would complain once more: give it somewhere to write to.
    try:
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, stream.fileno())
        os.close(void)
    except (OSError, ValueError):
        pass


def plain(text: str) -> str:
    """``text`` of a job or a file as one line for a terminal: control characters are made visible."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Style:
    """Bold for what was named, dim for what may be skipped, red and yellow for what needs a look."""

    def __init__(self, stream: TextIO) -> None:
        self.on = colored(stream)

    def bold(self, text: str) -> str:
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        return self._wrap("2", text)

    def red(self, text: str) -> str:
        return self._wrap("31", text)

    def yellow(self, text: str) -> str:
        return self._wrap("33", text)

    def cyan(self, text: str) -> str:
        return self._wrap("36", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and text else text
