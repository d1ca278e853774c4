"""Two hosts on one home that cannot see each other's processes: only the lock says who is alive."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("processes")
APART = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture
def apart(mill: Any, tool: Any) -> Any:
    """Start a command in a process-id namespace of its own."""
    tool.need_unshare(*APART[1:])

    def start(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*APART, *mill.lab.command(*words)], cwd=mill.lab.folder, env=mill.lab.environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return start


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_neither_takes_the_other_for_dead(mill: Any, apart: Any, tool: Any) -> None:
    words = mill.options("--jobs", "1", "--hold", "grind/1", "--no-cache")
    there, here = apart("run", "grind", *words), mill.lab.start("run", "grind", *words)
    tool.until(lambda: mill.count("begin grind/1") == 2)
    for asked in (mill.lab.start("runs", "list", "--json"), apart("runs", "list", "--json")):
        code, out, err = ended(asked)
        assert code == 0, err
        assert out.count('"state":"running"') == 2
    for name in ("grind-1", "grind-2"):
        for command in (("resume", name), ("runs", "rm", name, "--yes")):
            for start in (mill.lab.start, apart):
                code, _, err = ended(start(*command))
                assert code in (2, 5), (command, err)
                assert "Traceback" not in err
    code, _, err = ended(apart("db", "rebuild"))
    assert code in (2, 5), err
    mill.touch("go")
    for process in (here, there):
        code, _, err = ended(process)
        assert code == 0, err
    assert {mill.lab.record(f"grind-{i}")["run"]["state"] for i in (1, 2)} == {"succeeded"}


def test_a_run_of_a_dead_host_in_another_namespace_is_resumed_here(mill: Any, apart: Any, tool: Any) -> None:
    there = apart("run", "grind", *mill.options("--jobs", "1", "--hold", "grind/1"))
    mill.wait("begin grind/1")
    assert ended(mill.lab.start("resume", "last"))[0] == 5
    family = tool.until(lambda: tool.named(there.pid, "labctl-worker"))
    there.send_signal(signal.SIGKILL)
    there.communicate()
    tool.until(lambda: not any(map(tool.alive, family)))
    tool.until(lambda: tool.shown(mill.lab)["grind/1"] == "interrupted")
    mill.touch("go")
    done = mill.lab("resume", "last")
    assert done.code == 0, done.err
    assert mill.count("begin grind/0") == 1
    assert mill.count("begin grind/1") == 2


def test_a_run_of_a_dead_host_here_is_resumed_in_another_namespace(mill: Any, apart: Any) -> None:
    here = mill.start("--jobs", "1", "--hold", "grind/1")
    mill.wait("begin grind/1")
    os.kill(here.pid, signal.SIGKILL)
    here.communicate()
    mill.touch("go")
    code, _, err = ended(apart("resume", "last"))
    assert code == 0, err
    assert mill.count("begin grind/0") == 1


def test_names_never_clash(mill: Any, apart: Any) -> None:
    hosts = [start("run", "grind", *mill.options("--no-cache", "--parts", "1")) for start in
             (apart, mill.lab.start, apart, mill.lab.start)]  # fmt: skip
    for host in hosts:
        code, _, err = ended(host)
        assert code == 0, err
    listed = mill.lab("runs", "list", "--json").json["runs"]
    assert sorted(run["name"] for run in listed) == [f"grind-{i}" for i in (1, 2, 3, 4)]
    assert {run["state"] for run in listed} == {"succeeded"}
