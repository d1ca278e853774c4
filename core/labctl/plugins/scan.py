"""Finding plugins by reading text: nothing that an author wrote is imported.

This is on the path of ``labctl plugins list``, which is held to twice the time of an empty
interpreter: no typing (it imports re), no collections, no json, no importlib.metadata here.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROJECTS = "labctl.plugins"
RESERVED = frozenset({"plugins", "executors", "observers", "commands"})


class Distribution:
    """An installed distribution: its metadata folder is ``folder``."""

    __slots__ = ("editable", "folder", "name", "version")

    def __init__(self, name: str, version: str, folder: str) -> None:
        self.name = name
        self.version = version
        self.folder = folder
        self.editable = False


class Entry:
    """A line of an entry_points.txt: ``name = value`` under ``[group]``."""

    __slots__ = ("distribution", "group", "name", "value")

    def __init__(self, group: str, name: str, value: str, distribution: Distribution) -> None:
        self.group = group
        self.name = name
        self.value = value
        self.distribution = distribution


def normalised(name: str) -> str:
    """A distribution's name as installers compare them: lower case, ``-`` for any run of ``-_.``."""
    parts = name.lower().replace("_", "-").replace(".", "-").split("-")
    return "-".join(part for part in parts if part)


def distributions(path: Iterable[str] | None = None) -> dict[str, Distribution]:
    """All installed distributions by normalised name; as in imports, the first on the path wins."""
    found: dict[str, Distribution] = {}
    seen: set[str] = set()
    for folder in sys.path if path is None else path:
        folder = folder or os.getcwd()
        if folder in seen:
            continue
        seen.add(folder)
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for entry in names:
            stem, dot, kind = entry.rpartition(".")
            if not dot or kind not in ("dist-info", "egg-info"):
                continue
            name, _, version = stem.partition("-")
            key = normalised(name)
            if key not in found:
                base = os.path.join(folder, entry)
                if kind == "egg-info":
                    version = version.partition("-py")[0]
                found[key] = Distribution(key, version, base)
    return found


def entries(found: Iterable[Distribution]) -> list[Entry]:
    """All entry points in groups that begin with ``labctl.``, sorted by group, name, distribution."""
    lines: list[Entry] = []
    for distribution in found:
        text = read(distribution, "entry_points.txt")
        if "[labctl." not in text.replace(" ", ""):
            continue
        distribution.editable = _is_editable(distribution)
        group = ""
        for raw in text.splitlines():
            line = raw.strip()
            if not line or line[0] in "#;":
                continue
            if line[0] == "[" and line[-1] == "]":
                group = line[1:-1].strip()
            elif group.startswith("labctl.") and "=" in line:
                name, _, value = line.partition("=")
                lines.append(Entry(group, name.strip(), value.partition("[")[0].strip(), distribution))
    lines.sort(key=lambda e: (e.group, e.name, e.distribution.name))
    return lines


def read(distribution: Distribution, name: str) -> str:
    """A text file of the distribution's metadata, or an empty string."""
    try:
        with open(os.path.join(distribution.folder, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def metadata(distribution: Distribution) -> list[tuple[str, str]]:
    """The header fields of METADATA in their order; the long description is left out."""
    fields: list[tuple[str, str]] = []
    for line in (read(distribution, "METADATA") or read(distribution, "PKG-INFO")).splitlines():
        if not line:
            break
        if line[0] in " \t":
            continue
        key, _, value = line.partition(":")
        fields.append((key.lower(), value.strip()))
    return fields


def summary(distribution: Distribution) -> str:
    return next((value for key, value in metadata(distribution) if key == "summary"), "")


def parent_and_kind(group: str) -> tuple[str, str]:
    """``labctl.essence_wars.bots`` is an extension of ``essence-wars``, of the kind ``bots``."""
    _, _, rest = group.partition(".")
    parent, _, kind = rest.partition(".")
    return parent.replace("_", "-"), kind


def module_file(module: str, path: Iterable[str] | None = None) -> str | None:
    """The file that ``import module`` would run, by looking only; None if there is none.

    Knows plain folders on the path, and what the import hooks of editable installs map.
    """
    relative = module.replace(".", os.sep)
    top = module.partition(".")[0]
    folders = [os.path.dirname(place) for place in _mapped(top)]
    for folder in [*folders, *(sys.path if path is None else path)]:
        base = os.path.join(folder or ".", relative)
        for candidate in (os.path.join(base, "__init__.py"), base + ".py"):
            if os.path.isfile(candidate):
                return candidate
        parent, stem = os.path.split(base)
        try:
            for name in os.listdir(parent):
                if name.startswith(stem + ".") and name.endswith((".so", ".pyd")):
                    return os.path.join(parent, name)
        except OSError:
            continue
    return None


def _mapped(top: str) -> list[str]:
    """Where editable installs by import hook have a top-level name; setuptools keeps it in MAPPING."""
    found: list[str] = []
    for finder in sys.meta_path:
        module = sys.modules.get(getattr(finder, "__module__", ""))
        mapping = getattr(module, "MAPPING", None)
        if isinstance(mapping, dict) and isinstance(mapping.get(top), str):
            found.append(mapping[top])
    return found


def _is_editable(distribution: Distribution) -> bool:
    text = read(distribution, "direct_url.json").replace(" ", "")
    return '"editable":true' in text
