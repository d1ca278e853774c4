"""Broken plugins at each of the commands that meet them. The good one beside them stays usable."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from labctl.testing import Lab

GOOD = """
from labctl.api import *


class Plugin:
    title = "a project"

    @hookimpl
    def run(self, ctx, environments):
        yield Job("work", "{name}_tasks:work")


plugin = Plugin()
"""
BAD = GOOD.format(name="bad")


class Fault(NamedTuple):
    """A broken plugin ``bad``: its light module, what is said of it, its status before and after a load.

    ``checked``: what ``plugins check`` says.
    """

    source: str
    message: str
    status: str = "new"
    after: str = "broken"
    requires: tuple[str, ...] = ()
    twice: bool = False
    checked: str = "error "


FAULTS = {
    "a missing module": Fault("import nowhere_at_all\n" + BAD, "No module named 'nowhere_at_all'"),
    "raises": Fault("1 / 0\n" + BAD, "ZeroDivisionError"),
    "exits": Fault("import sys; sys.exit(0)\n" + BAD, "SystemExit"),
    "a class": Fault(BAD + "plugin = Plugin\n", "names the class Plugin"),
    "an unknown hook": Fault(
        BAD.replace("def run", "def runn(self, ctx): ...\n\n    @hookimpl\n    def run"),
        "runn", after="ok",
    ),
    "a wrong contract": Fault(BAD, "needs labctl >=7", "incompatible", "incompatible",
                              requires=("labctl>=7",)),
    "a name twice": Fault(BAD, "both register bad", "conflict", "conflict", twice=True,
                          checked="is registered by"),
}  # fmt: skip


@pytest.fixture
def labs(lab: Lab) -> Callable[[Fault], Lab]:
    def make(fault: Fault) -> Lab:
        lab.plugin("good", GOOD.format(name="good"), good_tasks="def work(job): return 1")
        files = {"bad_plugin.py": fault.source, "bad_tasks.py": "def work(job): return 1"}
        point = {"labctl.plugins": {"bad": "bad_plugin:plugin"}}
        lab.distribution("labctl-bad", point, files, requires=fault.requires)
        if fault.twice:
            lab.distribution("labctl-worse", point)
        return lab

    return make


def statuses(lab: Lab, *words: str) -> dict[str, str]:
    rows = lab("plugins", "list", "--json", *words).json["plugins"]
    return {row["name"]: row["status"] for row in rows if row["name"] in ("good", "bad")}


@pytest.mark.parametrize("name", FAULTS)
def test_at_every_command(labs: Callable[[Fault], Lab], name: str) -> None:
    fault = FAULTS[name]
    lab = labs(fault)
    lab.home.mkdir()
    assert statuses(lab) == {"good": "new", "bad": fault.status}
    assert lab("--help").code == 0
    for words in (
        ("run", "bad", "--help"),
        ("run", "bad"),
        ("run", "bad", "--plan"),
        ("plugins", "check", "bad"),
    ):
        done = lab(*words)
        codes = (1, 2) if words[:2] == ("plugins", "check") else (3,)
        assert done.code in codes, (words, done.out, done.err)
        assert "Traceback" not in done.err
        said = done.out + done.err
        assert (fault.checked if words[1] == "check" else fault.message) in said, (words, said)
    assert not list((lab.home / "runs").glob("bad-*"))
    assert statuses(lab)["bad"] == fault.after
    assert statuses(lab, "--load")["good"] == "ok"
    assert lab("run", "good", "--help").code == 0
    assert lab("run", "good").code == 0
    assert lab("doctor").code in (0, 3)
    assert "Traceback" not in lab("plugins", "show", "bad").err


def test_one_that_hangs_at_import_holds_up_nobody_else(labs: Callable[[Fault], Lab]) -> None:
    lab = labs(Fault("import time; time.sleep(3600)\n" + BAD, ""))
    for words in (("plugins", "list"), ("--help",), ("run", "--help"), ("runs", "list"), ("run", "good")):
        assert lab(*words, timeout=30).code == 0, words
    checked = lab("plugins", "check", "bad", "--limit", "1.5", timeout=30)
    assert checked.code == 1, checked.err
    assert "C01" in checked.out
    assert "was still running" in checked.out
    hurry = "from labctl.cli import plugins\nplugins.LOAD_TIMEOUT = 1.5"
    lab.distribution("hurries", {}, {"sitecustomize.py": hurry})
    assert statuses(lab, "--load") == {"good": "ok", "bad": "broken"}
    import signal
    import time

    # Whoever started these tests in the background has signals ignored, also for what they start.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    lab.distribution("hears", {}, {"sitecustomize.py": heard})
    for words in (("run", "bad"), ("run", "bad", "--help")):  # addressed by name, it is Ctrl-C that helps
        process = lab.start(*words)
        time.sleep(1.0)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130, err
        assert "Traceback" not in err
    assert not list((lab.home / "runs").glob("bad-*"))
