"""The rules as tests of an author: each rule is one, and a bad plugin fails the one that it breaks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from labctl.kit.rules import RULES
from labctl.testing import PluginContract

TEST = """
from labctl.testing import PluginContract


class TestTides(PluginContract):
    name = {name!r}
    run = {run}
    strict = {strict}
"""


def outcomes(path: Path, *, run: bool = True, strict: bool = False) -> dict[str, str]:
    """Rule -> PASSED, FAILED, SKIPPED, from a pytest of its own."""
    file = path / "test_it.py"
    file.write_text(TEST.format(name=str(path), run=run, strict=strict))
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir", path, file]
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path, env=variables)
    return dict(re.findall(r"test_([LCB]\d\d)_\w+ (PASSED|FAILED|SKIPPED)", done.stdout))


def test_there_is_a_test_for_every_rule() -> None:
    named = {name[5:8] for name in vars(PluginContract) if name.startswith("test_")}
    assert named == set(RULES)


def test_a_good_plugin_passes(sources: ModuleType, tmp_path: Path) -> None:
    assert outcomes(sources.source(tmp_path)) == dict.fromkeys(RULES, "PASSED")


def test_a_bad_plugin_fails_the_rule_that_it_breaks(sources: ModuleType, tmp_path: Path) -> None:
    licence = ('license = "MIT"\n', "")
    path = sources.source(tmp_path, {"plugin": ('"day/0"', '"day/9"'), "pyproject": licence})
    found = outcomes(path, run=False)
    assert [rule for rule, outcome in found.items() if outcome == "FAILED"] == ["B04"]
    assert found["B08"] == "SKIPPED"
    assert [rule for rule, outcome in outcomes(path, strict=True).items() if outcome == "FAILED"] == [
        "L07",
        "B04",
    ]
