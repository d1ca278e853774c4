"""What is installed, and in what state: rows for people, entries for the host."""

from __future__ import annotations

from labctl.plugins.loads import Loads
from labctl.plugins.scan import (
    PROJECTS,
    RESERVED,
    Distribution,
    Entry,
    distributions,
    entries,
    metadata,
    module_file,
    parent_and_kind,
)
from labctl.plugins.versions import satisfies, split_requirement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "labctl"


class Row:
    """One plugin or extension as ``plugins list`` shows it.

    ``kind`` is empty for a project, else what it extends its ``parent`` by.
    """

    __slots__ = (
        "distribution", "editable", "entry", "hint", "kind", "name", "parent", "reason", "status", "version",
    )  # fmt: skip

    def __init__(self, entry: Entry, parent: str, kind: str, status: str, reason: str, hint: str) -> None:
        self.entry = entry
        self.name = entry.name
        self.version = entry.distribution.version
        self.distribution = entry.distribution.name
        self.editable = entry.distribution.editable
        self.parent = parent
        self.kind = kind
        self.status = status  # ok new broken blocked incompatible conflict
        self.reason = reason
        self.hint = hint


class Catalogue:
    """All plugins, extensions and executors that are installed. Reading it imports none of them."""

    def __init__(
        self,
        found: dict[str, Distribution] | None = None,
        *,
        loads: Loads | None = None,
        blocked: Mapping[str, str] | None = None,
    ) -> None:
        self.distributions = distributions() if found is None else found
        self.blocked = dict(blocked or {})
        self.loads = loads or Loads(None)
        self._entries = entries(self.distributions.values())
        self._projects = {e.name for e in self._entries if e.group == PROJECTS}
        own = self.distributions.get(OWN)
        self.version = own.version if own else "0"
        self.rows = [self._row(entry) for entry in self._entries]

    def again(self) -> Catalogue:
        """The same, seen anew after imports were tried."""
        return Catalogue(self.distributions, loads=self.loads, blocked=self.blocked)

    def projects(self) -> list[Row]:
        return [row for row in self.rows if row.entry.group == PROJECTS]

    def named(self, name: str) -> list[Row]:
        """The projects of that name: none, one, or a conflict."""
        return [row for row in self.projects() if row.name == name]

    def extensions(self, parent: str, kind: str | None = None) -> list[Row]:
        return [
            row
            for row in self.rows
            if row.parent == parent and row.kind and (kind is None or row.kind == kind)
        ]

    def executors(self) -> list[Row]:
        return [row for row in self.rows if row.entry.group == "labctl.executors"]

    def _row(self, entry: Entry) -> Row:
        parent, kind = ("", "") if entry.group == PROJECTS else parent_and_kind(entry.group)
        status, reason, hint = self._status(entry, parent, kind)
        return Row(entry, parent, kind, status, reason, hint)

    def _status(self, entry: Entry, parent: str, kind: str) -> tuple[str, str, str]:
        name, distribution = entry.name, entry.distribution
        place = self.blocked.get(name) or self.blocked.get(distribution.name)
        if place:
            return "blocked", f"blocked in {place}", ""
        twins = [
            e.distribution.name
            for e in self._entries
            if (e.group, e.name) == (entry.group, name) and e.distribution != distribution
        ]
        if twins:
            both = " and ".join(sorted([distribution.name, *twins]))
            return "conflict", f"{both} both register {name}", f"pip uninstall {twins[0]}"
        problem = name_problem(name, entry.group)
        if problem:
            return "broken", problem, ""
        too_old = self._incompatible(entry, parent, kind)
        if too_old:
            return "incompatible", too_old, f'pip install -U labctl "{distribution.name}"'
        missing = missing_module(entry)
        if missing:
            return "broken", missing, f"pip install --force-reinstall {distribution.name}"
        if distribution.name == OWN:
            return "ok", "", ""
        loaded = self.loads.last(entry)
        if loaded is None:
            return "new", "", ""
        if loaded.error:
            return "broken", f"could not be imported ({loaded.when}): {loaded.error}", loaded.hint
        return "ok", "", ""

    def _incompatible(self, entry: Entry, parent: str, kind: str) -> str:
        if entry.group.startswith(PROJECTS + ".v"):
            return f"made for a newer labctl ({entry.group})"
        if kind and parent not in self._projects and parent not in RESERVED:
            return f"extends {parent}, which is not installed"
        for key, value in metadata(entry.distribution):
            if key == "requires-dist":
                package, bounds, marker = split_requirement(value)
                if package == OWN and not marker and not satisfies(self.version, bounds):
                    return f"needs labctl {bounds}; this is labctl {self.version}"
        return ""


def name_problem(name: str, group: str) -> str:
    """Why a name cannot be a plugin's, or an empty string."""
    plain = name.replace("-", "").replace("_", "") if group != PROJECTS else name.replace("-", "")
    if not (plain.isascii() and plain.isalnum() and plain == plain.lower() and name[0].isalpha()):
        return f"{name!r} is no name: lower-case letters, digits and -"
    if group == PROJECTS and (name in RESERVED or name == OWN):
        return f"the name {name} is reserved"
    return ""


def missing_module(entry: Entry) -> str:
    """Why the entry point cannot be imported, as far as looking at files tells."""
    module, _, attribute = entry.value.partition(":")
    if not module or (":" in entry.value and not attribute):
        return f"entry point {entry.value!r} is not module:object"
    if module_file(module) is not None:
        return ""
    top = module.partition(".")[0]
    if module_file(top) is None and entry.distribution.editable:
        return ""  # an import hook may know it
    path = module.replace(".", "/") + ".py"
    return f"entry point names {entry.value}; there is no module {path}"
