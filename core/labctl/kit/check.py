"""One distribution held to every rule."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from labctl.kit.behaviour import Behaviour, Skip
from labctl.kit.children import Children
from labctl.kit.imports import import_findings
from labctl.kit.rules import RULES, Checkup, Finding
from labctl.kit.static import static_findings
from labctl.kit.target import Target, find_target

LIMIT = 30.0  # seconds


def check(name: str, *, run: bool = True, limit: float = LIMIT) -> Checkup:
    """Check a plugin by name or a source folder by path. Raises PluginError, UsageError.

    ``run``: whether its smallest job may be run. ``limit``: seconds that its import, its hooks or its
    plan may take; the job gets ten times that.
    """
    with tempfile.TemporaryDirectory(prefix="labctl-check-", ignore_cleanup_errors=True) as made:
        folder = Path(made).resolve()
        target = find_target(name, folder)
        items = list(_items(target, Children(target, folder, limit), folder, run))
    findings = tuple(dict.fromkeys(item for item in items if isinstance(item, Finding)))
    broken = {finding.rule for finding in findings}
    skipped = {item.rule: item.reason for item in items if isinstance(item, Skip) and item.rule not in broken}
    return Checkup(
        distribution=target.distribution.name,
        version=target.distribution.version,
        entries=tuple(f"{entry.group}: {entry.name}" for entry in target.entries),
        findings=findings,
        passed=tuple(rule for rule in RULES if rule not in broken and rule not in skipped),
        skipped=skipped,
    )


def _items(target: Target, children: Children, folder: Path, run: bool) -> Iterator[Finding | Skip]:
    """What was found, and what could not be looked for after it."""
    static = list(static_findings(target))
    yield from static
    stopping = _errors(static, ("L01", "L02", "L04"))
    if "L01" in stopping:
        yield from _skipped(("import", "behaviour"), "see L01")
        return
    imports = list(import_findings(target, children, folder / "imports.lines"))
    yield from imports
    stopping += _errors(imports, ("C01", "C04", "C05", "C06"))
    if any(finding.rule == "C03" and "network" in finding.text for finding in imports):
        stopping.append("C03")  # the hooks would be called where nobody refuses it
    if stopping:
        yield from _skipped(("behaviour",), f"see {stopping[0]}")
        return
    asked: list[tuple[str, list[str]]] = [(entry.name, []) for entry in target.projects]
    asked += list(target.extended().items())
    for project, extensions in asked:
        yield from Behaviour(children, project, extensions, folder).findings(run=run)
    if not asked:
        yield from _skipped(("behaviour",), "it has no project and extends none")


def _errors(findings: Iterable[Finding], rules: Iterable[str]) -> list[str]:
    return [f.rule for f in findings if f.rule in rules and f.level == "error"]


def _skipped(groups: Iterable[str], reason: str) -> Iterator[Skip]:
    yield from (Skip(rule.id, reason) for rule in RULES.values() if rule.group in groups)
