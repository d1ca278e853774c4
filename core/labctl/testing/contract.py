"""Every rule of ``labctl plugins check`` as a test of the plugin's author."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ClassVar

from labctl.kit.rules import RULES, Checkup, Finding, Rule


class PluginContract:
    """The rules as tests, one each: subclass it, and say what is to be checked.

        class TestTides(PluginContract):
            name = "tides"

    ``name``: an installed project, extension or distribution, or the path of a source folder.
    ``run``: whether the smallest job is run. ``strict``: whether a warning fails its test, too.
    ``limit``: seconds that the import, the hooks and the plan may take; the job gets ten times that.

    The tests are named after the rules. The plugin is checked once, in processes of its own that see
    no other plugin but those it extends or requires: what is installed beside it does not matter.
    """

    name: ClassVar[str] = ""
    run: ClassVar[bool] = True
    strict: ClassVar[bool] = False
    limit: ClassVar[float] = 30.0


def _hold(contract: PluginContract, rule: Rule) -> None:
    """Fail with what was found against a rule; skip if it could not be checked."""
    checkup = _checked(contract.name, contract.run, contract.limit)
    if rule.id in checkup.skipped:
        import pytest  # of the author's tests: labctl itself does without

        pytest.skip(f"{rule.id}: {checkup.skipped[rule.id]}")
    found = [f for f in checkup.findings if f.rule == rule.id]
    breaches = [f for f in found if contract.strict or f.level == "error"]
    assert not breaches, "\n".join(map(_words, breaches))


@functools.lru_cache(maxsize=16)
def _checked(name: str, run: bool, limit: float) -> Checkup:
    from labctl.kit.check import check

    return check(name, run=run, limit=limit)


def _words(finding: Finding) -> str:
    lines = [f"{finding.rule}  {finding.where}  {finding.text}", *finding.details, f"fix: {finding.fix}"]
    return "\n  ".join(lines)


def _test_of(rule: Rule) -> Callable[[PluginContract], None]:
    def test(self: PluginContract) -> None:
        _hold(self, rule)

    test.__name__ = f"test_{rule.id}_{rule.slug}"
    test.__qualname__ = f"PluginContract.{test.__name__}"
    test.__doc__ = f"{rule.asks}: {rule.why}"
    return test


for _rule in RULES.values():
    _made = _test_of(_rule)
    setattr(PluginContract, _made.__name__, _made)
