"""What goes into the merge of parameters, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from labctl.parameters.fields import Field, fields_of

EXTENSIONS = "extensions"


class Given(NamedTuple):
    """What the user typed: option texts by key, a file, a preset, grids as ``name=a,b``."""

    flags: Mapping[str, str | list[str]] = {}
    file: str | None = None
    preset: str | None = None
    grid: tuple[str, ...] = ()


class Origin(NamedTuple):
    """Where a value came from: ``flag``, ``environment``, ..., and the place to look at."""

    layer: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.layer} {self.place}".strip()


class Point(NamedTuple):
    """One point of the grid: the parameters, checked and frozen, and those of the extensions.

    ``label`` is empty when there is no grid, else ``lr=0.1`` with the parameters that vary.
    ``record`` holds every value as JSON, by key.
    """

    label: str
    parameters: Any
    extensions: dict[str, Any]
    origins: dict[str, Origin]
    record: dict[str, Any]


class Resolved(NamedTuple):
    """All points of the grid, and the seed that the file asks for."""

    points: tuple[Point, ...]
    seed: int | None


class Types(NamedTuple):
    """All parameters that a run of this plugin knows: its own and those of its extensions."""

    plugin: str
    own: type[msgspec.Struct] | None
    extensions: dict[str, type[msgspec.Struct]]
    presets: Mapping[str, Mapping[str, Any]]
    siblings: frozenset[str] = frozenset()
    """Names of the other projects that are installed."""

    def fields(self) -> dict[str, Field]:
        """Fields by key: ``lr``, ``optimiser.beta``, ``extensions.confusion.depth``."""
        found = {f.path: f for f in fields_of(self.own, self.plugin)} if self.own else {}
        for name, kind in self.extensions.items():
            for field in fields_of(kind, f"extension {name}", reserved=False):
                found[f"{EXTENSIONS}.{name}.{field.path}"] = field
        return found
