"""Observers: off until named, told what happens, and never in the way of a run."""

from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType

import pytest

from labctl.testing import Lab

OBSERVERS = """
import json
import os
import time

import msgspec


class Options(msgspec.Struct, frozen=True):
    file: str = "told.jsonl"


class Writes:
    options = Options

    def open(self, run, options):
        self.file = open(os.path.join(run.folder, options.file), "w")
        print("observing", run.name, run.plugin)

    def tell(self, event):
        self.file.write(json.dumps(event) + "\\n")

    def close(self):
        self.file.write(json.dumps({"event": "closed"}) + "\\n")
        self.file.close()


class Raises:
    def open(self, run, options):
        pass

    def tell(self, event):
        raise KeyError("no such table")

    def close(self):
        pass


class Dies(Raises):
    def tell(self, event):
        os.kill(os.getpid(), 9)


class Hangs(Raises):
    def tell(self, event):
        time.sleep(1000)


class Refuses(Raises):
    def open(self, run, options):
        raise SystemExit("it will not")
"""


@pytest.fixture
def watched(dice: Lab) -> Lab:
    names = ("writes", "raises", "dies", "hangs", "refuses")
    points = {name: f"watching:{name.title()}" for name in names}
    points["gone"] = "watching_not:Gone"
    dice.distribution("labctl-watching", {"labctl.observers": points}, {"watching.py": OBSERVERS})
    return dice


def use(lab: Lab, *names: str, more: str = "") -> None:
    (lab.folder / "labctl.toml").write_text(f"[observers]\nuse = {json.dumps(names)}\n{more}")


def told(lab: Lab, file: str = "told.jsonl", run: str = "dice-1") -> list[dict[str, object]]:
    text = (lab.home / "runs" / run / file).read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_nobody_observes_until_it_is_named(watched: Lab) -> None:
    assert watched("run", "dice").code == 0
    assert not list((watched.home / "runs" / "dice-1").glob("observer-*"))


def test_an_observer_is_told_all_that_happens(watched: Lab) -> None:
    use(watched, "writes", more='[observers.writes]\nfile = "events.jsonl"\n')
    done = watched("run", "dice")
    assert done.code == 0, done.err
    events = told(watched, "events.jsonl")
    assert [e["event"] for e in (events[0], events[-2], events[-1])] == ["planned", "ended", "closed"]
    assert events[-2]["state"] == "succeeded"
    done_jobs = {e["job"] for e in events if e["event"] == "job" and e["state"] == "succeeded"}
    assert done_jobs == {"roll/0", "roll/1", "roll/2", "roll/3", "mean", "strict"}
    metrics = [e for e in events if e["event"] == "metric"]
    assert {e["job"] for e in metrics} == {f"roll/{i}" for i in range(4)}
    assert "observing dice-1 dice" in (watched.home / "runs/dice-1/observer-writes.log").read_text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "KeyError: 'no such table'"),
        ("dies", "it ended with exit code -9"),
        ("refuses", "it will not"),
    ],
)
def test_a_bad_observer_is_said_and_touches_nothing(watched: Lab, name: str, said: str) -> None:
    use(watched, name, "writes")
    done = watched("run", "dice")
    assert done.code == 0, done.err
    assert done.err.count(f"observer {name}: ") == 1
    assert said in done.err
    assert told(watched)[-1] == {"event": "closed"}
    assert watched.record("dice-1")["run"]["state"] == "succeeded"


def test_an_observer_that_hangs_is_ended(watched: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    use(watched, "hangs")
    (watched.site / "sitecustomize.py").write_text(
        "import labctl.walk.observers as o\no.PATIENCE = 0.5\no.KEPT = 2000\n"
    )
    done = watched("run", "dice")
    assert done.code == 0, done.err
    assert "observer hangs: it had not ended 0.5 s after the run; it was killed" in done.err


def test_a_configuration_that_is_wrong_is_said_before_anything_starts(watched: Lab) -> None:
    (watched.folder / "labctl.toml").write_text('[observers]\nuse = "writes"\n')
    refused = watched("run", "dice")
    assert refused.code == 2
    assert "[observers] use is a list of names" in refused.err
    assert not (watched.home / "runs" / "dice-1").exists()


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("gone", "", "gone: it is broken: entry point names watching_not:Gone"),
        ("nobody", "", "nobody: there is no observer named nobody; there are: dies,"),
        ("writes", "[observers.writes]\nfile = 3\n", "writes: Expected `str`, got `int` - at `$.file`"),
        ("fails", "", "fails: ValueError: it cannot be imported"),
    ],
)
def test_an_observer_that_cannot_be_had_is_said_before_anything_starts(
    watched: Lab, name: str, more: str, said: str
) -> None:
    watched.distribution(
        "labctl-failing",
        {"labctl.observers": {"fails": "failing:Fails"}},
        {"failing.py": 'raise ValueError("it cannot be imported")'},
    )
    use(watched, name, "nobody", more=more)
    refused = watched("run", "dice")
    assert refused.code == 2, refused.err
    assert said in refused.err
    assert "nobody: there is no observer" in refused.err, "all mistakes at once"
    assert "nothing was started" in refused.err
    assert not (watched.home / "runs" / "dice-1").exists()


WAITS = """
import time
from pathlib import Path


def work(job):
    while not Path({go!r}).exists():
        time.sleep(0.01)
"""


def test_an_observer_that_dies_is_said_while_the_run_goes_on(watched: Lab, projects: ModuleType) -> None:
    go = watched.folder / "go"
    watched.plugin("one", projects.one_job(), one_tasks=WAITS.format(go=str(go)))
    use(watched, "refuses")
    said: list[dict[str, object]] = []
    with watched.start("run", "one", "--json") as process:
        assert process.stdout is not None
        for line in process.stdout:  # the job ends only once it was said that the observer has died
            said.append(json.loads(line))
            if said[-1]["event"] == "warning":
                go.touch()
    assert process.returncode == 0
    warnings = [event["text"] for event in said if event["event"] == "warning"]
    assert warnings == ["observer refuses: it will not"]


def test_observers_are_listed_without_an_import(watched: Lab) -> None:
    listed = watched("plugins", "list")
    assert "observers" in listed.out
    assert "writes" in listed.out


READ = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1])
found.Reload()
print(json.dumps({t: [[s.step, s.value] for s in found.Scalars(t)] for t in found.Tags()["scalars"]}))
"""


def test_tensorboard_reads_what_the_observer_writes(lab: Lab) -> None:
    pytest.importorskip("tensorboard")
    lab.plugin(
        "loss",
        """
from labctl.api import Job, hookimpl


class Loss:
    @hookimpl
    def run(self, ctx, environments):
        yield Job("train/a", "loss_tasks:train")


plugin = Loss()
""",
        loss_tasks="""
def train(job):
    for step in range(3):
        job.metric("loss", 1.0 / (step + 1), step=step * 10)
    job.metric("final", 7.0)
    job.metric("final", 8.0)
""",
    )
    use(lab, "tensorboard", more='[observers.tensorboard]\nfolder = "boards"\n')
    done = lab("run", "loss")
    assert done.code == 0, done.err
    assert "warning" not in done.err
    folder = lab.folder / "boards" / "loss-1" / "train~a"
    read = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, str(folder)], capture_output=True, text=True, check=True
    )
    assert json.loads(read.stdout.splitlines()[-1]) == {
        "loss": [[0, 1.0], [10, 0.5], [20, pytest.approx(1 / 3)]],
        "final": [[0, 7.0], [1, 8.0]],
    }
