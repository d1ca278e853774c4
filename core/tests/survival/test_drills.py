"""The host is killed at any instant, and nothing that was finished is lost or done twice.

LABCTL_DRILLS=200 makes that many drills instead of twenty.
"""

from __future__ import annotations

import importlib.util
import os
import random
from pathlib import Path
from typing import Any

import pytest

NUMBER = int(os.environ.get("LABCTL_DRILLS", "20"))
FAULTS = max(5, NUMBER // 4)
CHUNK = 5


def drills() -> Any:
    spec = importlib.util.spec_from_file_location("labctl_drills", Path(__file__).parent / "drills.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chunks(total: int) -> list[range]:
    return [range(start, min(start + CHUNK, total)) for start in range(0, total, CHUNK)]


@pytest.fixture
def fresh(mill: Any) -> Any:
    """The mill with neither home nor marks, as before the first run."""
    import shutil

    def clear() -> Any:
        shutil.rmtree(mill.lab.home, ignore_errors=True)
        (mill.folder / "marks").unlink(missing_ok=True)
        return mill

    return clear


@pytest.mark.parametrize("numbers", chunks(NUMBER - FAULTS), ids=str)
def test_the_host_is_killed_at_an_instant(fresh: Any, numbers: range) -> None:
    module = drills()
    source = random.Random(20261121 + numbers.start)
    lasts = module.length(fresh())
    for number in numbers:
        instant = lasts * (number + source.random()) / (NUMBER - FAULTS)
        outcome = module.drill(fresh(), after=instant)
        print(outcome)


@pytest.mark.parametrize("numbers", chunks(FAULTS), ids=str)
def test_the_host_is_killed_inside_a_transaction_or_a_rename(fresh: Any, numbers: range) -> None:
    module = drills()
    for number in numbers:
        kind = "rename" if number % 2 else "transaction"
        # A run writes about 240 events; of 60 artifacts each of the two workers renames some.
        at = 2 + (number * 37) % 200 if kind == "transaction" else 1 + (number * 7) % 15
        outcome = module.drill(fresh(), fault=f"{kind}:{at}")
        print(outcome)


def test_a_run_that_is_seen_can_go_on_whenever_its_host_was_killed(fresh: Any) -> None:
    """The first files of a run are its plan and its journal: without them nobody may see the run."""
    module = drills()
    seen = []
    for number in range(1, 5):
        mill = fresh()
        module.drill(mill, fault=f"file:{number}")
        listed = mill.lab("runs", "list", "--json").json["runs"]
        seen.append(bool(listed))
    assert seen[:2] == [False, False], "it was killed before plan and journal had their names"
    assert seen[2:] == [True, True]


def test_a_loan_is_taken_also_by_whoever_goes_on(fresh: Any) -> None:
    mill = fresh()
    assert mill.run("--parts", "3").code == 0
    module = drills()
    (mill.lab.site / "sitecustomize.py").write_text(module.FAULT)
    mill.lab.variables["DRILL"] = "transaction:3"  # it is on record, with none of its loans taken
    assert mill.run("--parts", "3", "--from", "last", "--seed", "9").code == -9
    mill.lab.variables["DRILL"] = ""
    assert set(mill.states().values()) == {"planned"}
    assert mill.lab("resume", "last").code == 0
    assert set(mill.states().values()) == {"reused"}
    assert mill.count("begin grind/0") == 1


def test_a_fault_strikes_where_it_is_told_to(fresh: Any) -> None:
    """The drills would prove nothing if nobody were killed."""
    module = drills()
    mill = fresh()
    (mill.lab.site / "sitecustomize.py").write_text(module.FAULT)
    for fault in ("transaction:40", "rename:5"):
        mill = fresh()
        mill.lab.variables["DRILL"] = fault
        killed = mill.run(*module.OPTIONS)
        assert killed.code == -9, killed
        mill.lab.variables["DRILL"] = ""
        assert mill.show()["run"]["state"] == "interrupted"
        assert 0 < sum(state == "succeeded" for state in mill.states().values()) < module.PARTS
        if fault.startswith("rename"):
            assert list((mill.lab.home / "objects").rglob(".tmp-*")), "its content was there without a name"
