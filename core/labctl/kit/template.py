"""A page of files: each is a fenced block below its name, with words in double braces to fill in.

    `src/{{package}}/tasks.py`: the work

    ```python
    ...
    ```

Markdown, because it is data of no package and so part of no job's key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

FILE = re.compile(
    r"^`(?P<name>[^`\n]+)`:(?P<remark>[^\n]*)\n\n(?P<fence>`{3,})\w*\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
WORD = re.compile(r"(?<!\$)\{\{(\w+)\}\}")


class NewFile(NamedTuple):
    """A file to be written. ``remark``: what is said of it."""

    name: str
    text: str
    remark: str


def files_of(page: str, words: Mapping[str, str]) -> dict[str, NewFile]:
    """The files of a page by name, filled in. Raises ValueError for a word that nobody knows."""
    found: dict[str, NewFile] = {}
    for block in FILE.finditer(page):
        text = filled(block["text"], words)
        lines = {**words, "lines": str(len(text.splitlines()))}
        name = filled(block["name"], words)
        found[name] = NewFile(name, text, filled(block["remark"], lines).strip())
    return found


def filled(text: str, words: Mapping[str, str]) -> str:
    def word(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise ValueError(f"{{{{{match[1]}}}}} is no word of a template; there are: {', '.join(words)}")
        return words[match[1]]

    return WORD.sub(word, text)
