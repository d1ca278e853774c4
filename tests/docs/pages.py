"""A page of the documentation, taken apart: files that it shows, commands that it types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(?P<name>[\w./-]+\.\w+)`:\n\n$")
ANY = "[...]"


class File(NamedTuple):
    """A file that the reader is to write."""

    name: str
    text: str


class Command(NamedTuple):
    """A line that the reader types, the lines that are shown below it, and its exit code."""

    line: int
    text: str
    shown: tuple[str, ...]
    code: int


class Snippet(NamedTuple):
    """Code that is no file: it only has to be code."""

    line: int
    kind: str
    text: str


def parts(page: Path) -> Iterator[File | Command | Snippet]:
    """What the page asks a reader to do, in order."""
    text = page.read_text(encoding="utf-8")
    for block in FENCE.finditer(text):
        line = text[: block.start()].count("\n") + 2
        named = NAMED.search(text[: block.start()])
        if block["kind"] == "console":
            yield from commands(block["text"], line)
        elif named:
            yield File(named["name"], block["text"])
        else:
            yield Snippet(line, block["kind"], block["text"])


def commands(text: str, first: int) -> Iterator[Command]:
    """``$ echo $?`` is no command of its own: it says the exit code of the one before."""
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), first):
        if line.startswith("$ "):
            found.append((number, line[2:], []))
        else:
            found[-1][2].append(line)
    for index, (number, typed, shown) in enumerate(found):
        if typed == "echo $?":
            continue
        following = found[index + 1] if index + 1 < len(found) else None
        asked = following is not None and following[1] == "echo $?"
        yield Command(number, typed, tuple(shown), int(following[2][0]) if asked and following else 0)


VOLATILE = (
    (r"\b\d\d:\d\d:\d\d ", ""),  # the time that begins a line in a pipe
    (r"\b\d+ min \d+ s\b|\b\d+(\.\d+)? m?s\b|\b\d+\.\d+s\b", "TIME"),
    (r"\bsha256 [0-9a-f]{8}\b", "SHA256"),
    (r"\d+ jobs? at a time", "JOBS at a time"),
    (r"\s+", " "),
)


def plain(line: str) -> str:
    """A line without what differs from run to run."""
    for pattern, word in VOLATILE:
        line = re.sub(pattern, word, line)
    return line.strip()


def missing(shown: tuple[str, ...], output: str) -> str:
    """The first shown line that does not follow in the output, or an empty text.

    Without ``[...]`` between them, shown lines follow each other directly. A line that is shown may
    end early.
    """
    lines = [found for line in output.splitlines() if (found := plain(line))]
    at, gap = 0, True
    for line in shown:
        if line == ANY:
            gap = True
        elif wanted := plain(line):
            rest = lines[at:] if gap else lines[at : at + 1]
            offset = next((i for i, found in enumerate(rest) if found.startswith(wanted)), None)
            if offset is None:
                return line
            at, gap = at + offset + 1, False
    return ""
