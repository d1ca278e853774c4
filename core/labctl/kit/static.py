"""The rules that are checked by reading files: entry points, names, dependencies, layout, metadata."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator

from labctl.kit.rules import Finding, finding
from labctl.kit.target import Target
from labctl.planning.closure import read_source
from labctl.plugins.catalogue import OWN, name_problem
from labctl.plugins.scan import PROJECTS, RESERVED, Entry, entries, module_file, parent_and_kind
from labctl.plugins.versions import satisfies


def static_findings(target: Target) -> Iterator[Finding]:
    """Breaches of L01 to L07."""
    yield from _entry_points(target)
    yield from _names(target)
    yield from _dependencies(target)
    yield from _layout(target)
    yield from _words(target)


def _entry_points(target: Target) -> Iterator[Finding]:
    if not target.entries:
        yield finding(
            "L01",
            "it registers nothing",
            where="pyproject.toml",
            details=("there is no entry point in a group that begins with labctl.",),
            fix='[project.entry-points."labctl.plugins"] with a line NAME = "package.module:object"',
        )
    for entry in target.entries:
        problem = _entry_problem(target, entry)
        if problem:
            yield finding("L01", f"entry point {entry.name}: {problem}", where=entry.group)


def _entry_problem(target: Target, entry: Entry) -> str:
    module, colon, attribute = entry.value.partition(":")
    if not module or (colon and not attribute):
        return f"{entry.value!r} is not module:object"
    file = module_file(module, target.search)
    if file is None:
        return f"there is no module {module.replace('.', '/')}.py"
    if not attribute or not file.endswith(".py"):
        return ""
    names = read_source(file, module, os.path.basename(file) == "__init__.py").names
    first = attribute.split(".")[0]
    if first in names or "*" in names or "__getattr__" in names:
        return ""
    return f"module {module} has no {first}"


def _names(target: Target) -> Iterator[Finding]:
    if not target.distribution.name.startswith(OWN):
        yield finding(
            "L02",
            f"the distribution is named {target.distribution.name}",
            level="warning",
            details=("plugins are found by their entry points, people find them by their name",),
            fix="labctl-NAME, and labctl-PARENT-NAME for an extension",
        )
    for entry in target.entries:
        problem = name_problem(entry.name, entry.group)
        if problem:
            yield finding("L02", problem, where=entry.group)
        for other in entries(target.others.values()):
            same = (other.group, other.name) == (entry.group, entry.name)
            if same and other.distribution.name != target.distribution.name:
                yield finding(
                    "L02",
                    f"the name {entry.name} is taken by {other.distribution.name}",
                    where=entry.group,
                    fix=f"another name, or: pip uninstall {other.distribution.name}",
                )


def _dependencies(target: Target) -> Iterator[Finding]:
    """A project needs labctl, an extension its parent, which needs labctl."""
    wanted: dict[str, str] = {}
    projects = {e.name: e.distribution.name for e in entries(target.others.values()) if e.group == PROJECTS}
    for entry in target.entries:
        parent, kind = parent_and_kind(entry.group)
        if entry.group.startswith(f"{PROJECTS}.") and not target.projects:
            text = f"{entry.name} is made for a newer labctl ({entry.group})"
            yield finding("L04", text, fix="register it under labctl.plugins, too; or: pip install -U labctl")
        if entry.group == PROJECTS or parent in RESERVED or not kind:
            wanted[OWN] = f"{entry.name} is a plugin of it"
        elif parent not in projects:
            yield finding(
                "L04", f"{entry.name} extends {parent}, which is not installed", fix=f"install {parent}"
            )
        elif projects[parent] != target.distribution.name:
            wanted[projects[parent]] = f"{entry.name} extends {parent}"
    required = dict(target.requirements())
    for name, reason in wanted.items():
        if name == target.distribution.name:
            continue
        if name not in required:
            fix = f'dependencies = ["{name}>=...,<..."] in pyproject.toml'
            yield finding("L04", f"it does not require {name}", details=(reason,), fix=fix)
            continue
        yield from _bounds(target, name, required[name])


def _bounds(target: Target, name: str, bounds: str) -> Iterator[Finding]:
    have = target.others[name].version if name in target.others else ""
    if have and not satisfies(have, bounds):
        yield finding("L04", f"it requires {name} {bounds}; installed is {have}", fix="widen the bounds")
    signs = [bound.lstrip() for bound in bounds.split(",")]
    if not any(sign.startswith(("<", "~=", "==")) for sign in signs):
        yield finding(
            "L04",
            f"it requires {name} {bounds or 'of any version'}, with no upper bound",
            level="warning",
        )


def _layout(target: Target) -> Iterator[Finding]:
    """No code in the ``__init__`` of a package, and packages below ``src``, or ``python`` (maturin)."""
    tops: set[str] = set()
    for entry in target.entries:
        module = entry.value.partition(":")[0]
        file = module_file(module, target.search)
        if file is None:
            continue
        tops.add(module.partition(".")[0])
        roots = [os.path.join(target.source, name) for name in ("src", "python")]
        outside = target.source and not any(_within(file, root) for root in roots)
        if outside and _within(file, target.source):
            yield finding(
                "L05",
                f"{os.path.relpath(file, target.source)} is not below src/",
                level="warning",
                fix="move the package to src/, so that tests see what is installed",
            )
    for top in sorted(tops):
        file = module_file(top, target.search)
        if file is not None and os.path.basename(file) == "__init__.py":
            yield from _initial_files(os.path.dirname(file))


def _initial_files(package: str) -> Iterator[Finding]:
    base = os.path.dirname(package)
    for folder, folders, files in os.walk(package):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        if "__init__.py" in files:
            path = os.path.join(folder, "__init__.py")
            level, line = _content(path)
            if level:
                where = f"{os.path.relpath(path, base)}:{line}"
                text = "imports what then is in every key" if level == "error" else "is not empty"
                yield finding("L05", text, level=level, where=where)


def _content(path: str) -> tuple[str, int]:
    """How bad an ``__init__`` is, and the line that makes it so."""
    try:
        with open(path, encoding="utf-8") as file:
            body = ast.parse(file.read()).body
    except (OSError, ValueError, SyntaxError):
        return "", 0
    rest = [
        node
        for node in body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    ]
    imports = [
        node.lineno
        for top in rest
        for node in ast.walk(top)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    if imports:
        return "error", imports[0]
    return ("warning", rest[0].lineno) if rest else ("", 0)


def _words(target: Target) -> Iterator[Finding]:
    fields = target.metadata
    licensed = any(
        (key in ("license", "license-expression") and value and value != "UNKNOWN")
        or key == "license-file"
        or (key == "classifier" and value.startswith("License ::"))
        for key, value in fields
    )
    if not licensed:
        yield finding("L07", "no licence in the package's metadata", fix='license = "..." in pyproject.toml')
    if not any(key == "summary" and value and value != "UNKNOWN" for key, value in fields):
        yield finding(
            "L07", "no summary in the package's metadata", fix='description = "..." in pyproject.toml'
        )


def _within(file: str, folder: str) -> bool:
    return os.path.realpath(file).startswith(os.path.realpath(folder) + os.sep)
