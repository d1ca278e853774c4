"""What an executor must stand, as tests of its author: the real command line drives real jobs on it."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any, ClassVar

from labctl.testing.executor_project import PLUGIN, TASKS
from labctl.testing.lab import Done, Lab

PATIENCE = 60.0  # seconds until something that has to happen is given up

TWICE = '''
from {module} import {name}


class Twice({name}):
    """The same executor, but all that it tells it tells twice, and late once more."""

    def open(self, session):
        emit, late = session.emit, []

        def again(event):
            emit(event)
            emit(event)
            for old in late:
                emit(old)
            if event.kind == "ended":
                late.append(event)

        session.emit = again
        super().open(session)
'''


class ExecutorContract:
    """The contract of ``labctl.spi.Executor`` as tests: subclass it, and name the executor.

        class TestSlurm(ExecutorContract):
            entry = "labctl_slurm.executor:SlurmExecutor"

    ``entry``: ``module:class``. ``options``: words for the command line, such as ``("--emulator",)``.
    ``losing``: words that make the executor lose the worker of one attempt; without them that is not
    tested. What an executor cannot do (``can``) is not asked of it.
    """

    entry: ClassVar[str] = ""
    options: ClassVar[tuple[str, ...]] = ()
    losing: ClassVar[tuple[str, ...]] = ()

    # --- results ---

    def test_results_artifacts_and_metrics_come_back(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        done = world.run("write", "read")
        assert done.code == 0, done.err
        jobs = world.jobs()
        assert jobs["read"]["value"]["size"] == 25_600
        assert "drawn" in (world.lab.home / "runs" / "contract-1" / "metrics.jsonl").read_text()
        copied = world.lab("collect", "contract-1", "-o", "out")
        assert copied.code == 0, copied.err
        assert (world.lab.folder / "out" / "write" / "tree" / "leaf.bin").stat().st_size == 25_600

    def test_the_results_are_those_of_this_machine(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        assert world.run("write").code == 0
        assert world.lab("run", "contract", *world.words("write"), "--no-cache").code == 0
        here, there = world.jobs("contract-2")["write"], world.jobs("contract-1")["write"]
        assert here["value"] == there["value"]
        assert [a["sha256"] for a in here["artifacts"]] == [a["sha256"] for a in there["artifacts"]]

    def test_artifacts_cross_from_store_to_store(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        assert world.lab("run", "contract", *world.words("write")).code == 0
        there = world.run("write", "read")
        assert there.code == 0, there.err
        assert world.jobs("contract-2")["write"]["state"] == "cached"
        assert world.jobs("contract-2")["read"]["state"] == "succeeded"

    def test_output_is_kept_whole_and_in_order(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        assert world.run("say").code == 0
        lines = world.lab("runs", "logs", "last", "say").out.splitlines()
        if world.isolates:  # else it goes to the terminal
            assert [int(line.split()[1]) for line in lines] == list(range(2000))

    # --- failure, interruption, time ---

    def test_a_failure_is_its_jobs_alone(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        done = world.run("raise", "after", "write")
        assert done.code == 6, done.err
        assert world.states() == {"raise": "failed", "after": "skipped", "write": "succeeded"}
        assert "as it is planned" in world.jobs()["raise"]["reason"]

    def test_tries_are_made_as_often_and_as_late_as_the_environment_says(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        done = world.run("raise", "--tries", "3", "--delay", "0.4")
        assert done.code == 1, done.err
        assert world.marks.count("raise") == 3
        began = [a["started"] for a in world.attempts("raise")]
        ended = [a["ended"] for a in world.attempts("raise")]
        # The delay doubles; chance takes off at most half of it.
        assert began[1] - ended[0] >= 0.2 * 0.9
        assert began[2] - ended[1] >= 0.4 * 0.9

    def test_an_attempt_that_takes_too_long_is_ended_with_all_its_processes(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        world.need("isolate")
        done = world.run("hang", "--limit", "1")
        assert done.code == 1, done.err
        assert world.states() == {"hang": "timed out"}
        child = int(next(mark for mark in world.marks if mark.startswith("child")).split()[1])
        world.until(lambda: not Path(f"/proc/{child}").exists(), "a grandchild of the job lives on")

    def test_a_process_that_dies_is_told_and_nothing_waits_for_it(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        world.need("isolate")
        done = world.run("die", "write")
        assert done.code == 6, done.err
        assert world.states() == {"die": "failed", "write": "succeeded"}

    def test_a_lost_worker_is_an_interruption_and_no_failure(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        if not self.losing:
            _skip("it says no way to lose a worker")
        done = world.run("write", *self.losing)
        assert done.code == 0, done.err
        job = world.jobs()["write"]
        assert (job["failures"], job["interruptions"]) == (0, 1)
        assert [a["state"] for a in world.attempts("write")] == ["interrupted", "succeeded"]

    def test_what_is_told_twice_or_late_changes_nothing(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path, twice=True)
        done = world.run("write", "read", "raise", "--tries", "2")
        assert done.code == 6, done.err
        assert world.states() == {"write": "succeeded", "read": "succeeded", "raise": "failed"}
        assert sorted(world.marks) == ["raise", "raise", "read", "write"]
        assert len(world.attempts("raise")) == 2
        assert world.jobs()["raise"]["failures"] == 2

    # --- stopping ---

    def test_a_stopped_job_may_save_and_goes_on_from_there(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        process = world.start("save")
        world.wait("waits")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130, err
        assert "saved" in world.marks
        assert world.states() == {"save": "interrupted"}
        resumed = world.lab("resume", "last")
        assert resumed.code == 0, resumed.err
        assert "continued" in world.marks
        assert world.jobs()["save"]["failures"] == 0

    def test_a_deaf_job_is_ended_after_its_grace(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        world.need("isolate")
        process = world.start("deaf", "--grace", "1s")
        world.wait("deaf")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130, err
        assert world.states() == {"deaf": "interrupted"}

    def test_a_service_runs_until_it_is_stopped(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        world.need("service")
        process = world.lab.start("serve", "contract", "desk", *world.words(), *world.on)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Open:")
        assert world.lab("services", "stop").code == 0
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        assert "desk closed" in world.marks

    # --- the host's death, and money ---

    def test_attempts_that_outlive_their_host_are_adopted(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        world.need("adopt")
        process = world.start("hold")
        world.wait("hold")
        process.kill()
        process.communicate()
        (world.folder / "go").touch()
        resumed = world.lab("resume", "last")
        assert resumed.code == 0, resumed.err
        assert world.marks.count("hold") == 1
        assert [a["state"] for a in world.attempts("hold")] == ["succeeded"]

    def test_attempts_that_die_with_their_host_are_made_again(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        if "adopt" in world.can or not world.isolates:
            _skip("its attempts outlive the host, or are part of it")
        process = world.start("hold", "write", "--jobs", "1")
        world.wait("hold")
        process.kill()
        process.communicate()
        (world.folder / "go").touch()
        resumed = world.lab("resume", "last")
        assert resumed.code == 0, resumed.err
        assert world.marks.count("hold") == 2
        assert world.marks.count("write") == 1
        assert world.jobs()["hold"]["failures"] == 0

    def test_no_attempt_starts_that_could_pass_the_bound(self, tmp_path: Path) -> None:
        world = _World(self, tmp_path)
        done = world.run("write", "say", "--stop-at", "0.0000001")
        if done.code == 0:
            _skip("its machines cost nothing")
        assert done.code == 7, done.err
        assert set(world.states().values()) == {"over budget"}
        assert world.marks == []


class _World:
    """A lab with the contract's project and the executor under test."""

    def __init__(self, contract: ExecutorContract, root: Path, *, twice: bool = False) -> None:
        self.lab = Lab(root / "lab")
        self.folder = root / "marks"
        self.folder.mkdir()
        self.lab.plugin("contract", PLUGIN, contract_tasks=TASKS)
        module, _, name = contract.entry.partition(":")
        kind = getattr(__import__(module, fromlist=[name]), name)
        self.can: frozenset[str] = kind().can
        self.on = ("--on", "under-test", *contract.options)
        files = {"twice_executor.py": TWICE.format(module=module, name=name)} if twice else {}
        entry = "twice_executor:Twice" if twice else contract.entry
        self.lab.distribution("labctl-under-test", {"labctl.executors": {"under-test": entry}}, files)

    @property
    def isolates(self) -> bool:
        return "isolate" in self.can

    def need(self, what: str) -> None:
        if what not in self.can:
            _skip(f"it cannot {what}")

    def words(self, *names: str) -> list[str]:
        jobs = [
            word for name in names for word in (("--names", name) if not name.startswith("-") else (name,))
        ]
        return ["--marks", str(self.folder), *jobs]

    def _split(self, words: tuple[str, ...]) -> list[str]:
        first = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
        return [*self.words(*words[:first]), *self.on, *words[first:]]

    def run(self, *words: str) -> Done:
        """Run the named jobs; what begins with ``-`` and follows are options."""
        return self.lab("run", "contract", *self._split(words))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return self.lab.start("run", "contract", *self._split(words))

    @property
    def marks(self) -> list[str]:
        path = self.folder / "marks"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def wait(self, mark: str) -> None:
        self.until(lambda: mark in self.marks, f"no mark {mark!r} among {self.marks}")

    def until(self, check: Any, message: str) -> None:
        end = time.monotonic() + PATIENCE
        while not check():
            assert time.monotonic() < end, message
            time.sleep(0.01)

    def jobs(self, run: str = "last") -> dict[str, Any]:
        return {job["id"]: job for job in self.lab("runs", "show", run, "--json").json["jobs"]}

    def states(self) -> dict[str, str]:
        return {name: job["state"] for name, job in self.jobs().items()}

    def attempts(self, job: str) -> list[dict[str, Any]]:
        shown = self.lab("runs", "show", "last", "--json").json
        return [a for a in shown["attempts"] if a["job"] == job]


def _skip(reason: str) -> None:
    import pytest  # of the author's tests: labctl itself does without

    pytest.skip(reason)
