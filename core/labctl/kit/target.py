"""What is to be checked: an installed distribution, or a source folder made to look like one."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

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
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{name}/pyproject.toml cannot be read", details=[str(error)]) from None
    project = content.get("project")
    if not isinstance(project, dict) or not isinstance(project.get("name"), str):
        raise UsageError(f"{name}/pyproject.toml has no [project] with a name")
    version = str(project.get("version", "0"))
    key = normalised(project["name"])
    made = folder / f"{key.replace('-', '_')}-{version}.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("\n".join(_metadata(project, version)) + "\n\n", encoding="utf-8")
    (made / "entry_points.txt").write_text(_entry_points(project), encoding="utf-8")
    path = (str(folder), *_roots(source, content))
    found = distributions([*path, *sys.path])
    own = found[key]
    lines = tuple(entries([own]))
    return Target(own, lines, path, str(source), found)


def _metadata(project: Mapping[str, Any], version: str) -> Iterator[str]:
    yield from ("Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {version}")
    if project.get("description"):
        yield f"Summary: {' '.join(str(project['description']).split())}"
    licence = project.get("license")
    if licence:
        yield f"License: {licence}" if isinstance(licence, str) else "License: see its file"
    yield from (f"Classifier: {c}" for c in project.get("classifiers", ()))
    yield from (f"Requires-Dist: {requirement}" for requirement in project.get("dependencies", ()))
    for extra, needed in dict(project.get("optional-dependencies", {})).items():
        yield from (f'Requires-Dist: {requirement} ; extra == "{extra}"' for requirement in needed)


def _entry_points(project: Mapping[str, Any]) -> str:
    groups = dict(project.get("entry-points", {}))
    return "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in groups.items()
        if isinstance(points, dict)
    )


def _roots(source: Path, content: Mapping[str, Any]) -> list[str]:
    """The folders that hold the packages."""
    hatch = content.get("tool", {}).get("hatch", {}).get("build", {})
    named = hatch.get("targets", {}).get("wheel", {}).get("packages", [])
    found = [source / Path(package).parent for package in named]
    return [str(root) for root in dict.fromkeys([*found, source / "src", source]) if root.is_dir()]
