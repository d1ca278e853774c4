"""What is remote, exercised on the fake remote executor: stores, prices, adoption, lost workers."""

from __future__ import annotations

import queue
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labctl.model.machine import Environment
from labctl.model.wire import Event, Order
from labctl.spi import Session
from labctl.testing import FakeRemote, FakeRemoteOptions, Lab


@pytest.fixture
def cloud(dice: Lab) -> Lab:
    """The lab with the project dice, and a cloud to run it on."""
    entry = {"labctl.executors": {"fake-remote": "labctl.testing.remote:FakeRemote"}}
    dice.distribution("labctl-fake-remote", entry)
    return dice


def test_the_same_project_runs_remotely_with_the_same_results(cloud: Lab) -> None:
    assert cloud("run", "dice").code == 0
    done = cloud("run", "dice", "--on", "fake-remote", "--no-cache")
    assert done.code == 0, done.err
    here, there = cloud.record("dice-1"), cloud.record("dice-2")
    assert [job["value"] for job in here["jobs"]] == [job["value"] for job in there["jobs"]]
    artifact = there["jobs"][0]["artifacts"][0]
    assert artifact["sha256"] == here["jobs"][0]["artifacts"][0]["sha256"]
    assert artifact["stores"] == ["fake-remote"]
    assert (cloud.home / "runs" / "dice-2" / "logs" / "roll~0.1.log").read_text() == "rolling roll/0\n"
    assert there["run"]["spent_usd"] > 0


def test_a_remote_run_is_priced_before_it_starts(cloud: Lab) -> None:
    done = cloud("run", "dice", "--on", "fake-remote", "--plan", "--timeout", "1h", "--retries", "1")
    # 6 jobs x 1 h x 2 tries x (1 core at $0.05 + 1 GiB at $0.01)
    assert "at most   $0.72" in done.out
    assert "6 x 3600 s x 2 tries x $0.06/h   table" in done.out
    assert "the fake price table" in done.out


def test_local_results_serve_remote_jobs(cloud: Lab) -> None:
    cloud("run", "dice", "--only", "throw")
    done = cloud("run", "dice", "--on", "fake-remote", "--only", "mean")
    assert done.code == 0, done.err
    states = {job["id"]: job["state"] for job in cloud.record("dice-2")["jobs"]}
    assert states["roll/0"] == "cached"
    assert states["mean"] == "succeeded"


def test_options_of_an_executor_belong_to_it(cloud: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    assert cloud("run", "dice", "--on", "fake-remote", "--cloud", str(folder)).code == 0
    assert (folder / "objects").is_dir()
    done = cloud("run", "dice", "--cloud", "x")
    assert done.code == 2
    assert "there is no option --cloud" in done.err


def test_a_preflight_problem_starts_nothing(cloud: Lab) -> None:
    done = cloud("run", "dice", "--on", "fake-remote", "--gpu", "unobtainable")
    assert done.code == 5
    assert "GPU unobtainable is not to be had" in done.err
    assert not (cloud.home / "runs" / "dice-1").exists()


def test_an_unknown_executor(cloud: Lab) -> None:
    done = cloud("run", "dice", "--on", "fake-remot")
    assert done.code == 2
    assert "did you mean --on fake-remote?" in done.err
    assert "labctl-modal" in cloud("run", "dice", "--on", "modal").err


def test_an_attempt_outlives_its_host_and_is_adopted(tmp_path: Path) -> None:
    (tmp_path / "slow_tasks.py").write_text(
        "import time\ndef work(job):\n    time.sleep(1.5)\n    return 42\n"
    )
    host = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from pathlib import Path
from labctl.testing import FakeRemote, FakeRemoteOptions
from labctl.spi import Session
from labctl.model.wire import Order
home = Path({str(tmp_path)!r})
remote = FakeRemote()
options = FakeRemoteOptions(cloud=str(home / "cloud"))
remote.open(Session(emit=print, home=home, folder=home / "run", options=options))
print(remote.submit(Order(run="x-1", job="slow", attempt=1, key="k", function="slow_tasks:work")), flush=True)
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", host], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    handle = next(line for line in done.stdout.splitlines() if line.startswith("x-1."))
    events: queue.Queue[Event] = queue.Queue()
    remote = FakeRemote()
    options = FakeRemoteOptions(cloud=str(tmp_path / "cloud"))
    remote.open(
        Session(emit=events.put, home=tmp_path, folder=tmp_path / "run", options=options,
                environment=lambda _: Environment())
    )  # fmt: skip
    order = Order(run="x-1", job="slow", attempt=1, key="k", function="slow_tasks:work")
    assert remote.adopt(handle, order)
    assert not remote.adopt("x-1.nothing", order)
    end = time.monotonic() + 20
    while (event := events.get(timeout=20)).kind != "ended":
        assert time.monotonic() < end
    remote.close()
    assert event.data["state"] == "succeeded"
    assert event.data["value"] == 42
