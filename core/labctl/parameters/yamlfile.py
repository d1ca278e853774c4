"""The experiment file: YAML with 1.2 scalars, a place for every key, and all mistakes at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from labctl.store.plain import open_plain

LIMIT = 1_000_000  # bytes: the pure-Python parser takes 30 s per 20 MB
DEPTH = 30
DIGITS = 40
STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")  # what a shell gives: `-f <(command)`

Place = tuple[int, int]
Path = tuple[str, ...]


class Mistake(NamedTuple):
    """What is wrong at a place: line and column from 1, or None where there is none."""

    place: Place | None
    message: str


class Document(NamedTuple):
    """A file's values with the place of each key and of each value, by path."""

    name: str
    text: str
    values: dict[str, Any]
    keys: dict[Path, Place]
    places: dict[Path, Place]

    def shown(self, mistake: Mistake) -> list[str]:
        """The mistake as lines for a terminal, with the line it is in and a mark under it."""
        if mistake.place is None:
            return [f"{self.name}   {mistake.message}"]
        line, column = mistake.place
        head = f"{self.name}:{line}:{column}   {mistake.message}"
        lines = self.text.split("\n")
        if not 1 <= line <= len(lines):
            return [head]
        source = "".join(c if c.isprintable() else " " for c in lines[line - 1])[:100]
        if column > len(source):
            return [head]
        rest = source[column - 1 :]
        width = max(1, len(rest.split("#")[0].rstrip()))
        return [head, f"  {line:>5} | {source}", f"        | {' ' * (column - 1)}{'^' * width}"]


class _Loader(yaml.SafeLoader):
    """SafeLoader without the scalars of YAML 1.1: ``no`` is text, ``1e-3`` a number."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


_SCALARS = [
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
]
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def read_yaml(path: str, name: str) -> tuple[Document | None, list[Mistake]]:
    """Read a mapping from a YAML file, with every mistake there is in its form.

    A syntax error stands alone: the parser stops there.
    """
    try:
        with open(path, "rb") if path.startswith(STREAMS) else open_plain(path) as file:
            raw = file.read(LIMIT + 1)
    except OSError as error:
        return None, [Mistake(None, f"cannot be read: {error.strerror}")]
    if len(raw) > LIMIT:
        return None, [Mistake(None, f"is larger than {LIMIT // 1_000_000} MB")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, [Mistake(None, f"is not UTF-8 (byte {error.start})")]
    empty = Document(name, text, {}, {}, {})
    try:
        anchors = _anchors(text)
        if anchors:
            return empty, anchors
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else None
        return empty, [Mistake(place, f"is not YAML: {error.problem or error.context}")]
    except (yaml.YAMLError, RecursionError) as error:
        return empty, [Mistake(None, f"is not YAML: {str(error).splitlines()[0][:100]}")]
    if node is None:
        return empty, []
    if not isinstance(node, yaml.MappingNode):
        kind = "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        return empty, [Mistake(_place(node), f"is {kind}, not a mapping of parameters")]
    reader = _Reader()
    values = reader.mapping(node, (), 0)
    return Document(name, text, values, reader.keys, reader.places), reader.mistakes


def _anchors(text: str) -> list[Mistake]:
    """Anchors and aliases, refused: a few of them can stand for more than memory holds."""
    found: list[Mistake] = []
    for token in yaml.scan(text, Loader=_Loader):
        if isinstance(token, (yaml.AnchorToken, yaml.AliasToken)):
            word = "an anchor" if isinstance(token, yaml.AnchorToken) else "an alias"
            mark = token.start_mark
            found.append(Mistake((mark.line + 1, mark.column + 1), f"{word} is not allowed here"))
    return found


class _Reader:
    def __init__(self) -> None:
        self.keys: dict[Path, Place] = {}
        self.places: dict[Path, Place] = {}
        self.mistakes: list[Mistake] = []

    def mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(Mistake(_place(key_node), "a key must be a word"))
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in values:
                line = self.keys[here][0]
                self.mistakes.append(Mistake(_place(key_node), f"{key}: given twice, first in line {line}"))
                continue
            self.keys[here] = _place(key_node)
            self.places[here] = _place(value_node)
            values[key] = self.value(value_node, here, depth + 1)
        return values

    def value(self, node: yaml.Node, path: Path, depth: int) -> Any:
        if depth > DEPTH:
            self.mistakes.append(Mistake(_place(node), f"nested deeper than {DEPTH}"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(n, path, i, depth) for i, n in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node)

    def _item(self, node: yaml.Node, path: Path, index: int, depth: int) -> Any:
        here = (*path, str(index))
        self.places[here] = _place(node)
        return self.value(node, here, depth + 1)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        text = str(node.value)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            if len(text) > DIGITS:
                self.mistakes.append(Mistake(_place(node), f"a number of {len(text)} digits"))
                return 0
            return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
        if tag == "float":
            return _number(text)
        if tag != "str":
            self.mistakes.append(Mistake(_place(node), f"the tag {node.tag} is not allowed here"))
        return text


def _number(text: str) -> float:
    low = text.lower()
    if low.endswith(".inf"):
        return -math.inf if low.startswith("-") else math.inf
    return math.nan if low == ".nan" else float(text)


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def paths_of(values: dict[str, Any], prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every key of nested mappings with its value; a list is a value."""
    for key, value in values.items():
        here = (*prefix, key)
        if isinstance(value, dict) and value:
            yield from paths_of(value, here)
        else:
            yield here, value
