"""A job's log: progress bars folded, the middle of a flood left out, secrets' values masked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path

HALF = 512 * 1024  # bytes kept of the beginning, and of the end
LINE = 64 * 1024  # bytes of an unfinished line
SHORTEST = 6  # a shorter secret would mask ordinary words


class LogWriter:
    """Writes what a job prints. A line that a carriage return redraws is kept in its last form."""

    def __init__(self, path: Path, secrets: Iterable[str] = ()) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115
        self._secrets = [s.encode() for s in pieces(secrets)]
        self._longest = max(map(len, self._secrets), default=1)
        self._line = b""
        self._written = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0

    def write(self, data: bytes) -> None:
        """Take a piece of output. Raises OSError if the disk is full."""
        *lines, rest = (self._line + data).split(b"\n")
        self._keep(b"".join(_folded(line) + b"\n" for line in lines))
        if len(rest) > LINE:
            rest = self._masked(_folded(rest))
        if len(rest) > LINE:  # what may be the beginning of a secret waits for its end
            cut = len(rest) - self._longest + 1
            self._keep(rest[:cut])
            rest = rest[cut:]
        self._line = rest

    def close(self) -> None:
        try:
            if self._line:
                self._keep(_folded(self._line) + b"\n")
            if self._dropped:
                self._file.write(b"[... %d bytes are left out here ...]\n" % self._dropped)
            for piece in self._tail:
                self._file.write(piece)
        except OSError:
            pass  # the disk is full: the log is cut, the result is not
        finally:
            self._file.close()

    def _masked(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, b"[secret]")
        return data

    def _keep(self, data: bytes) -> None:
        data = self._masked(data)
        room = HALF - self._written
        if room > 0 and data:
            head, data = data[:room], data[room:]
            self._file.write(head)
            self._written += len(head)
        if data:
            self._tail.append(data)
            self._tail_size += len(data)
        while self._tail_size > HALF:
            first = self._tail.popleft()
            surplus = min(len(first), self._tail_size - HALF)
            self._dropped += surplus
            self._tail_size -= surplus
            if surplus < len(first):
                self._tail.appendleft(first[surplus:])


def _folded(line: bytes) -> bytes:
    body = line.rstrip(b"\r")
    return body.rpartition(b"\r")[2]


def pieces(secrets: Iterable[str]) -> list[str]:
    """What to look for: each secret, and of one of several lines (a key) each line; the longest first."""
    found = {s for secret in secrets for s in (secret, *map(str.strip, secret.splitlines()))}
    return sorted((s for s in found if len(s) >= SHORTEST), key=len, reverse=True)


def masked(text: str, secrets: Iterable[str]) -> str:
    """``text`` without the values of secrets. Best effort: another spelling of a value is not found."""
    for secret in pieces(secrets):
        text = text.replace(secret, "[secret]")
    return text
