"""The points of a grid: every combination of what is swept, put together and checked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from labctl.model.canonical import canonical, digest
from labctl.parameters.fields import decode, plain
from labctl.parameters.types import EXTENSIONS, Origin, Point, Types


class Sweep(NamedTuple):
    """A parameter that takes several values, one after another."""

    values: list[Any]


def points_of(
    types: Types, values: Mapping[str, Any], origins: Mapping[str, Origin]
) -> tuple[tuple[Point, ...], list[str]]:
    """All combinations, each once, with labels that tell them apart; and what is wrong with some."""
    sweeps = {key: value.values for key, value in values.items() if isinstance(value, Sweep)}
    found: dict[bytes, Point] = {}
    mistakes: list[str] = []
    for combination in itertools.product(*sweeps.values()):
        chosen = dict(zip(sweeps, combination, strict=True))
        label = ",".join(f"{option_of(k)[2:]}={_short(plain(v))}" for k, v in chosen.items())
        try:
            point = _point(types, {**values, **chosen}, label, dict(origins))
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            mistakes.append(f"{label + ': ' if label else ''}{error}")
            continue
        found.setdefault(canonical(point.record), point)
    labels = [point.label for point in found.values()]
    points = tuple(
        p if labels.count(p.label) == 1 else p._replace(label=f"{p.label}-{digest(p.record)[:8]}")
        for p in found.values()
    )
    return points, mistakes


def option_of(key: str) -> str:
    """``--lr``, ``--confusion.depth``: how a parameter is named on the command line."""
    return "--" + key.removeprefix(EXTENSIONS + ".").replace("_", "-")


def _point(types: Types, values: dict[str, Any], label: str, origins: dict[str, Origin]) -> Point:
    own = _built(types.own, values, "") if types.own else None
    extensions = {
        name: _built(kind, values, f"{EXTENSIONS}.{name}.") for name, kind in types.extensions.items()
    }
    return Point(label, own, extensions, origins, {key: plain(value) for key, value in values.items()})


def _built(kind: type[msgspec.Struct], values: dict[str, Any], prefix: str) -> Any:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        if not key.startswith(prefix) or (not prefix and key.startswith(EXTENSIONS + ".")):
            continue
        *parents, last = key[len(prefix) :].split(".")
        table = nested
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = value
    return msgspec.convert(nested, kind, dec_hook=decode)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return "".join(c if c.isalnum() or c in "._-+" else "_" for c in text)[:24]
