"""One bad plugin per rule, and each trips exactly the rule that it is bad by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labctl.kit.rules import RULES

TOP = "from typing import Annotated\n"
JOB = 'yield Job(f"day/{day}", "labctl_tides.tasks:day", {"day": day})'
CLAIM = 'yield Prediction("P1"'
COLLECT = "done = [r.value for r in results.values() if r.ok]"
TO = '"results/table.json"'
ENTRY = '"labctl_tides.plugin:plugin"'
THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
CONNECT = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9))\nexcept OSError:\n    pass\n"

Change = tuple[str, str, str]
BAD: dict[str, tuple[Change, str]] = {
    "L01 no file": (("pyproject", ENTRY, '"labctl_tides.nowhere:plugin"'), "there is no module"),
    "L01 no object": (("pyproject", ENTRY, '"labctl_tides.plugin:tides"'), "has no tides"),
    "L01 no colon": (("pyproject", ENTRY, '"labctl_tides.plugin:"'), "is not module:object"),
    "L01 nothing": (("pyproject", "labctl.plugins", "other.plugins"), "it registers nothing"),
    "L02 name": (("pyproject", "tides = ", "Tides = "), "'Tides' is no name"),
    "L02 reserved": (("pyproject", "tides = ", "observers = "), "the name observers is reserved"),
    "L02 clash": (("pyproject", "tides = ", "cgt = "), "the name cgt is taken by labctl-cgt"),
    "L04 missing": (("pyproject", '"labctl>=0.1,<1"', ""), "it does not require labctl"),
    "L04 unmet": (("pyproject", "labctl>=0.1,<1", "labctl>=7,<8"), "it requires labctl >=7,<8; installed is"),
    "L04 contract": (("pyproject", "labctl.plugins", "labctl.plugins.v9"), "made for a newer labctl"),
    "L05 imports": (("__init__", "", "from labctl_tides.tasks import day\n"), "is in every key"),
    "C01 raises": (("plugin", TOP, TOP + "1 / 0\n"), "ZeroDivisionError: division by zero"),
    "C01 exits": (("plugin", TOP, TOP + "raise SystemExit(0)\n"), "SystemExit: 0"),
    "C01 ends": (("plugin", TOP, TOP + "import os; os._exit(3)\n"), "ended the process with code 3"),
    "C01 hangs": (("plugin", TOP, TOP + "import time; time.sleep(60)\n"), "was still running"),
    "C01 lacks": (("plugin", TOP, TOP + "import labctl_of_nobody\n"), "No module named 'labctl_of_nobody'"),
    "C02 heavy": (("plugin", TOP, TOP + "import pandas\n"), "imports pandas at the top"),
    "C02 slow": (("plugin", TOP, TOP + "sum(range(20_000_000))\n"), "costs more than 12 empty interpreters"),
    "C03 prints": (("plugin", TOP, TOP + "print('welcome')\n"), "writes to standard output"),
    "C03 writes": (("plugin", TOP, TOP + "open('seen.txt', 'w').close()\n"), "writes the file seen.txt"),
    "C03 removes": (
        ("plugin", TOP, TOP + "import os\nos.makedirs('x', exist_ok=True)\n"),
        "changes a file or folder",
    ),
    "C03 starts": (("plugin", TOP, TOP + "import os\nos.system('true')\n"), "starts a process (os.system)"),
    "C03 threads": (("plugin", TOP, TOP + THREAD), "leaves threads behind"),
    "C03 connects": (("plugin", TOP, TOP + CONNECT), "uses the network"),
    "C04 unknown": (("plugin", "def deploy", "def deplyo"), "there is no hook deplyo; did you mean deploy?"),
    "C04 unmarked": (("plugin", "@hookimpl\n    def collect", "def collect"), "is not marked with @hookimpl"),
    "C05 by keyword": (("plugin", "ctx, results", "ctx, *, results"), "keyword-only parameter results"),
    "C05 misspelled": (("plugin", "ctx, report", "ctx, raport"), "parameter raport; did you mean report?"),
    "C05 optional": (("plugin", "ctx, report", "ctx, report=None"), "optional parameter report"),
    "C05 any": (("plugin", "ctx, report", "*args"), "takes any parameters (*args)"),
    "C06 a class": (("plugin", "plugin = Tides()", "plugin = Tides"), "names the class Tides"),
    "C06 None": (("plugin", "plugin = Tides()", "plugin = None"), "names None"),
    "B01 chance": (
        ("plugin", JOB, JOB.replace('"day": day', '"day": __import__("random").random()')),
        "first difference: jobs[0].params.day",
    ),
    "B01 sets": (
        ("plugin", JOB, JOB.replace('"day": day', '"day": list({"ebb", "flow", "neap", "spring"})')),
        "in another process",
    ),
    "B01 machines": (
        (
            "plugin",
            'Environment(name="sea")',
            'Environment(name="sea", timeout=60 + __import__("random").random())',
        ),
        "hook provision gave two different plans",
    ),
    "B01 hangs": (
        ("plugin", CLAIM, f"__import__('time').sleep(60)\n        {CLAIM}"),
        "hook run was still running",
    ),
    "B01 ends": (
        ("plugin", CLAIM, f"__import__('os')._exit(3)\n        {CLAIM}"),
        "ended the process with code 3",
    ),
    "B02 an object": (("plugin", JOB, JOB.replace('"day": day', '"day": object()')), "params.day: object"),
    "B02 NaN": (("plugin", JOB, JOB.replace('"day": day', '"day": float("nan")')), "params.day: nan"),
    "B03 function": (("plugin", "tasks:whole", "tasks:hole"), "labctl_tides.tasks has no function hole"),
    "B03 module": (("plugin", "tasks:whole", "task:whole"), "there is no module labctl_tides.task"),
    "B04 twice": (("plugin", 'Job("all"', 'Job("day/0"'), "two jobs have the id day/0"),
    "B04 circle": (("plugin", '["day/0"]', '["all"]'), "need each other in a circle"),
    "B04 unknown": (("plugin", '["day/0"]', '["day/9"]'), "job all needs day/9"),
    "B05 raises": (("plugin", COLLECT, f"{COLLECT}\n        1 / len(done)"), "ZeroDivisionError"),
    "B05 returns": (("plugin", COLLECT, "return 4"), "returned what it may not when every job had failed"),
    "B05 ends": (("plugin", COLLECT, "import os; os._exit(4)"), "ended the process with code 4"),
    "B06 above": (("plugin", TO, '"../table.json"'), "stays inside the project"),
    "B06 absolute": (("plugin", TO, '"/etc/table.json"'), "relative to the project"),
    "B06 git": (("plugin", TO, '".git/hooks/pre-commit"'), "nothing is put into .git"),
    "B07 raises": (("plugin", CLAIM, f"raise KeyError('moon')\n        {CLAIM}"), "KeyError: 'moon'"),
    "B07 parameter": (
        ("plugin", "    days: ", "    jobs: int = 1\n    days: "),
        "has the name of a host option",
    ),
    "B07 preset": (
        ("plugin", '{"quick": {"days": 1}}', '{"quick": {"days": 1}, "long": {"day": 9}}'),
        "--preset long",
    ),
    "B08 fails": (("tasks", '{"height": day}', "day / 0"), "day/0"),
}
WARNED: dict[str, tuple[Change, str]] = {
    "L02 distribution": (("pyproject", "labctl-tides", "tidal"), "the distribution is named tidal"),
    "L04 unbounded": (("pyproject", "labctl>=0.1,<1", "labctl>=0.1"), "no upper bound"),
    "L05 content": (("__init__", "", "__version__ = '1'\n"), "is not empty"),
    "L07 licence": (("pyproject", 'license = "MIT"\n', ""), "no licence"),
    "L07 summary": (("pyproject", 'description = "high and low"\n', ""), "no summary"),
    "B06 raises": (
        ("plugin", "return [Copy(", "report.results['all'].value['x']; return [Copy("),
        "hook deploy raised when every job had failed",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_plugin_trips_exactly_its_rule(checked: Callable[..., Any], fault: str) -> None:
    (file, old, new), words = BAD[fault]
    options = ("--limit", "1.5") if fault.endswith("hangs") else ("--no-run",)
    options = () if fault.startswith("B08") else options
    found = checked({file: (old, new)}, options)
    assert {f["rule"] for f in found["findings"]} == {fault[:3]}, found
    assert not found["ok"]
    said = [" ".join([f["where"], f["text"], *f["details"]]) for f in found["findings"]]
    assert any(words in line for line in said), said
    assert all(f["fix"] for f in found["findings"])
    assert set(found["passed"]) | set(found["skipped"]) | {fault[:3]} == set(RULES)


@pytest.mark.parametrize("fault", WARNED)
def test_a_doubtful_plugin_is_warned_of(checked: Callable[..., Any], fault: str) -> None:
    (file, old, new), words = WARNED[fault]
    found = checked({file: (old, new)}, ("--no-run",))
    assert [(f["rule"], f["level"]) for f in found["findings"]] == [(fault[:3], "warning")], found
    assert words in found["findings"][0]["text"]
    assert found["ok"]


def test_every_rule_has_its_bad_plugin() -> None:
    assert {fault[:3] for fault in (*BAD, *WARNED)} == set(RULES)


def test_the_good_plugin_trips_none(checked: Callable[..., Any]) -> None:
    found = checked()
    assert found["findings"] == []
    assert found["passed"] == list(RULES)
    assert found["skipped"] == {}
    assert found["schema_version"] == 1
