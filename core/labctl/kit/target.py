"""What is to be checked: an installed distribution, or a source folder made to look like one."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from labctl.errors import PluginError, UsageError
from labctl.plugins.catalogue import OWN
from labctl.plugins.scan import (
    PROJECTS,
    RESERVED,
    Distribution,
    Entry,
    distributions,
    entries,
    metadata,
    normalised,
    parent_and_kind,
    read,
)
from labctl.plugins.versions import split_requirement
from labctl.store.plain import open_plain

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,99}", re.ASCII)  # of a name, of a version


class _Project(msgspec.Struct):
    """The part of ``[project]`` that is read, with the types that the standard asks for."""

    name: str
    version: str = "0"
    description: str = ""
    license: str | dict[str, str] = ""
    classifiers: list[str] = []
    dependencies: list[str] = []
    optional: dict[str, list[str]] = msgspec.field(name="optional-dependencies", default_factory=dict)
    points: dict[str, dict[str, str]] = msgspec.field(name="entry-points", default_factory=dict)


class _Wheel(msgspec.Struct):
    packages: list[str] = []


class _Targets(msgspec.Struct):
    wheel: _Wheel = msgspec.field(default_factory=_Wheel)


class _Build(msgspec.Struct):
    targets: _Targets = msgspec.field(default_factory=_Targets)


class _Hatch(msgspec.Struct):
    build: _Build = msgspec.field(default_factory=_Build)


class _Tool(msgspec.Struct):
    hatch: _Hatch = msgspec.field(default_factory=_Hatch)


class _Pyproject(msgspec.Struct):
    project: _Project
    tool: _Tool = msgspec.field(default_factory=_Tool)


class Target(NamedTuple):
    """A distribution under check.

    ``path``: folders that come before ``sys.path``; empty if it is installed. ``source``: the folder of
    its pyproject.toml, empty if it is not known. ``others``: every distribution, by name.
    """

    distribution: Distribution
    entries: tuple[Entry, ...]
    path: tuple[str, ...]
    source: str
    others: dict[str, Distribution]

    @property
    def search(self) -> list[str]:
        """Where its modules are looked for."""
        return [*self.path, *(p or os.getcwd() for p in sys.path)]

    @property
    def metadata(self) -> list[tuple[str, str]]:
        return metadata(self.distribution)

    @property
    def projects(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.group == PROJECTS)

    def requirements(self) -> Iterator[tuple[str, str]]:
        """Names, normalised, and bounds of what it requires without an extra."""
        for key, value in self.metadata:
            name, bounds, marker = split_requirement(value)
            if key == "requires-dist" and "extra" not in marker:
                yield normalised(name), bounds

    def extended(self) -> dict[str, list[str]]:
        """Projects of others that it extends, each with the names of the extensions."""
        own = {entry.name for entry in self.projects}
        found: dict[str, list[str]] = {}
        for entry in self.entries:
            parent, kind = parent_and_kind(entry.group)
            if entry.group != PROJECTS and kind and parent not in own and parent not in RESERVED:
                found.setdefault(parent, []).append(entry.name)
        return found

    def blocked(self) -> list[str]:
        """Distributions that the check must not see: all plugins but this, its parents and its needs."""
        every = entries(self.others.values())
        parents = {e.distribution.name for e in every if e.group == PROJECTS and e.name in self.extended()}
        seen = {self.distribution.name, OWN, *parents, *(name for name, _ in self.requirements())}
        return sorted({entry.distribution.name for entry in every} - seen)


def find_target(name: str, folder: Path) -> Target:
    """A project, an extension or a distribution by name, or a source folder by its path.

    ``folder`` is an empty one that may be written to. Raises PluginError, UsageError.
    """
    if os.sep not in name and not name.startswith("."):
        found = distributions()
        chosen = _named(name, entries(found.values()))
        if chosen is not None:
            lines = tuple(e for e in entries(found.values()) if e.distribution.name == chosen.name)
            return Target(lines[0].distribution, lines, (), _source_of(chosen), found)
        if not os.path.isdir(name):
            raise _unknown(name, entries(found.values()))
    return _from_source(name, folder)


def _named(name: str, every: list[Entry]) -> Distribution | None:
    """The distribution that a word means: a project's name first, then its own, then an extension's."""
    ways = (
        [e.distribution for e in every if e.group == PROJECTS and e.name == name],
        [e.distribution for e in every if e.distribution.name == normalised(name)],
        [e.distribution for e in every if e.name == name],
    )
    found = next((way for way in ways if way), [])
    names = sorted({distribution.name for distribution in found})
    if len(names) > 1:
        raise UsageError(
            f"{name} is registered by {' and '.join(names)}",
            hints=[f"labctl plugins check {other}" for other in names],
        )
    return found[0] if found else None


def _unknown(name: str, every: list[Entry]) -> PluginError:
    import difflib

    near = difflib.get_close_matches(name, sorted({e.name for e in every}), 1, 0.5)
    hints = [f"did you mean {near[0]}?"] if near else []
    return PluginError(
        f"there is no plugin, extension or folder named {name}",
        hints=[*hints, "all of them: labctl plugins list"],
    )


def _source_of(distribution: Distribution) -> str:
    """The folder of an editable install, as its installer noted it."""
    if not distribution.editable:
        return ""
    url = read(distribution, "direct_url.json").partition('"url"')[2].partition('"')[2].partition('"')[0]
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "file" else ""


def _from_source(name: str, folder: Path) -> Target:
    """Write a metadata folder as an installer would, from what pyproject.toml says."""
    source = Path(name).resolve()
    file = source / "pyproject.toml"
    if not file.is_file():
        raise UsageError(f"there is no pyproject.toml in {name}", hints=["labctl plugins new NAME"])
    content = _read_pyproject(file, name)
    project = content.project
    key = normalised(project.name)
    made = folder / f"{key.replace('-', '_')}-{project.version}.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("\n".join(_metadata(project)) + "\n\n", encoding="utf-8")
    (made / "entry_points.txt").write_text(_entry_points(project), encoding="utf-8")
    path = (str(folder), *_roots(source, content))
    found = distributions([*path, *sys.path])
    own = found[key]
    lines = tuple(entries([own]))
    return Target(own, lines, path, str(source), found)


def _read_pyproject(file: Path, name: str) -> _Pyproject:
    """What is read of a pyproject.toml. Raises UsageError if it is not as the standard has it."""
    try:
        with open_plain(file) as opened:
            content = tomllib.load(opened)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{name}/pyproject.toml cannot be read", details=[str(error)]) from None
    project = content.get("project")
    if not isinstance(project, dict) or not isinstance(project.get("name"), str):
        raise UsageError(f"{name}/pyproject.toml has no [project] with a name")
    try:
        found = msgspec.convert(content, _Pyproject)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name}/pyproject.toml is not right", details=[str(error)]) from None
    for what, word in (("name", found.project.name), ("version", found.project.version)):
        if not WORD.fullmatch(word):
            raise UsageError(f"{name}/pyproject.toml is not right", details=[f"{word!r:.80} is no {what}"])
    return found


def _metadata(project: _Project) -> Iterator[str]:
    yield from ("Metadata-Version: 2.4", f"Name: {project.name}", f"Version: {project.version}")
    if project.description:
        yield f"Summary: {' '.join(project.description.split())}"
    if project.license:
        yield f"License: {project.license}" if isinstance(project.license, str) else "License: see its file"
    yield from (f"Classifier: {c}" for c in project.classifiers)
    yield from (f"Requires-Dist: {requirement}" for requirement in project.dependencies)
    for extra, needed in project.optional.items():
        yield from (f'Requires-Dist: {requirement} ; extra == "{extra}"' for requirement in needed)


def _entry_points(project: _Project) -> str:
    return "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project.points.items()
    )


def _roots(source: Path, content: _Pyproject) -> list[str]:
    """The folders that hold the packages."""
    named = content.tool.hatch.build.targets.wheel.packages
    found = [source / Path(package).parent for package in named]
    return [
        str(root)
        for root in dict.fromkeys([*found, source / "src", source / "python", source])
        if root.is_dir()
    ]
