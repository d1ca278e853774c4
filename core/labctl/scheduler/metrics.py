"""The run's metrics file, when what it says of an attempt is about to be told again."""

from __future__ import annotations

from pathlib import Path

import msgspec

from labctl.store.folder import write_whole


class _Line(msgspec.Struct):
    job: str
    attempt: int


def without(path: Path, job: str, attempt: int) -> None:
    """Drop the lines of one attempt, and a last line that was torn."""
    if not path.exists():
        return
    kept: list[bytes] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            found = msgspec.json.decode(line, type=_Line)
        except msgspec.MsgspecError:
            continue
        if (found.job, found.attempt) != (job, attempt):
            kept.append(line + b"\n")
    write_whole(path, b"".join(kept))
