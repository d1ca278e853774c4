"""Workers, keepers, the zygote and a template are killed while jobs run. Nothing is left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labctl.testing import Lab

pytestmark = pytest.mark.xdist_group("processes")
Project = Callable[..., Lab]

TREE = """
import os, subprocess, time
from pathlib import Path

def work(job, *, marks):
    marks = Path(marks)
    tries = job.attempt
    pid = lambda name, number: (marks / f"{{name}}.new").write_text(str(number)) and os.replace(
        marks / f"{{name}}.new", marks / name)
    if tries == 1 or {always}:
        child = subprocess.Popen(["sleep", "300"], start_new_session=True, env={{}})
        pid("child", child.pid)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:  # nobody's child
                pid("orphan", os.getpid())
                time.sleep(300)
            os._exit(0)
        pid("worker", os.getpid())
        time.sleep(300)
    return tries

def quick(job):
    return os.getpid()
"""
PIDS = ("child", "orphan", "worker")


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def tree(project: Project, marks: Path, *, provision: str = "", always: bool = False) -> Lab:
    body = f"yield Job('work', 'odd_tasks:work', {{'marks': {str(marks)!r}}}, cache=False)"
    provision = provision or "Environment(name='here', retries=1, retry_delay=0.01)"
    return project(body, provision=provision, odd_tasks=TREE.format(always=always))


@pytest.mark.parametrize("preload", ["", "preload=('decimal',), "])
def test_a_killed_keeper_leaves_none_of_its_tree(
    project: Project, marks: Path, tool: Any, preload: str
) -> None:
    provision = f"Environment(name='here', {preload}retries=1, retry_delay=0.01)"
    lab = tree(project, marks, provision=provision)
    host = lab.start("run", "odd")
    pids = tool.until(lambda: tool.numbers(marks, PIDS))
    keeper = tool.parent(pids[2])
    assert tool.comm(keeper) == "labctl-keeper"
    os.kill(keeper, signal.SIGKILL)
    _, err = host.communicate(timeout=30)
    assert host.returncode == 0, err  # it had another try
    assert lab.record("odd-1")["jobs"][0]["value"] == 2
    tool.until(lambda: not any(map(tool.alive, pids)), f"still there: {list(map(tool.comm, pids))}")


def test_a_killed_template_costs_no_job_and_the_next_one_imports_for_itself(
    project: Project, marks: Path, tool: Any
) -> None:
    tasks = """
        import os, signal, time
        from pathlib import Path
        def parent(pid):
            return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
        def kill(job):
            os.kill(parent(os.getppid()), signal.SIGKILL)  # above the keeper: the template
            time.sleep(1.5)  # the zygote has seen it by then, and leaves this keeper alone
            return os.getppid()
        def work(job):
            return os.getppid()
        """
    body = """
        yield Job('a', 'odd_tasks:kill')
        yield Job('b', 'odd_tasks:work', fresh=False, needs={'x': 'a'})
        yield Job('c', 'odd_tasks:work', fresh=True, needs={'x': 'a'})
        """
    lab = project(body, provision="Environment(name='here', preload=('decimal',))", odd_tasks=tasks)
    done = lab("run", "odd", "--jobs", "2")
    assert done.code == 0, done.err
    assert set(tool.states(lab, "odd-1").values()) == {"succeeded"}
    assert not any(tool.alive(job["value"]) for job in lab.record("odd-1")["jobs"])


def test_a_killed_zygote_costs_no_job_that_runs(project: Project, marks: Path, tool: Any) -> None:
    tasks = """
        import os, time
        from pathlib import Path
        def wait(job, *, marks):
            (Path(marks) / job.id).write_text("")
            while not (Path(marks) / "go").exists():
                time.sleep(0.01)
            return os.getppid()
        """
    body = f"""
        for name in 'ab':
            yield Job(name, 'odd_tasks:wait', {{'marks': {str(marks)!r}}}, fresh=True)
        for name in 'cd':
            yield Job(name, 'odd_tasks:wait', {{'marks': {str(marks)!r}}}, fresh=True, needs={{'x': 'a'}})
        """
    lab = project(body, odd_tasks=tasks)
    host = lab.start("run", "odd", "--jobs", "2")
    tool.until(lambda: (marks / "a").exists() and (marks / "b").exists())
    keepers = tool.named(host.pid, "labctl-keeper")
    assert len(keepers) == 2
    zygote = tool.parent(keepers[0])
    assert tool.parent(zygote) == host.pid
    os.kill(zygote, signal.SIGKILL)
    tool.until(lambda: not tool.alive(zygote))
    (marks / "go").touch()
    _, err = host.communicate(timeout=30)
    assert host.returncode == 0, err
    record = lab.record("odd-1")
    assert [a["n"] for a in record["attempts"]] == [1, 1, 1, 1]
    assert not any(tool.alive(job["value"]) for job in record["jobs"])


def test_a_killed_worker_is_a_failure_of_its_job_and_of_no_other(
    project: Project, marks: Path, tool: Any
) -> None:
    lab = tree(project, marks)
    host = lab.start("run", "odd")
    pids = tool.until(lambda: tool.numbers(marks, PIDS))
    os.kill(pids[2], signal.SIGKILL)
    _, err = host.communicate(timeout=30)
    assert host.returncode == 0, err
    job = lab.record("odd-1")["jobs"][0]
    assert (job["state"], job["value"], job["failures"]) == ("succeeded", 2, 1)
    assert [a["state"] for a in lab.record("odd-1")["attempts"]] == ["failed", "succeeded"]
    assert not any(map(tool.alive, pids))


def test_an_order_that_its_worker_never_began_is_no_failure(project: Project, tool: Any) -> None:
    """The worker dies between two jobs, and the host does not know yet when it gives it the next one."""
    lab = project(
        """
        yield Job('a', 'odd_tasks:quick')
        yield Job('b', 'odd_tasks:quick', needs={'x': 'a'})
        """,
        odd_tasks=TREE.format(always=False),
    )
    # The host forgets to listen to a keeper until it has given the worker of "a" the order of "b".
    fault = """
        import os, signal, time
        from labctl.executors import crew
        send = crew.Crew._send
        def struck(self, worker, order):
            if order.job == "b" and order.attempt == 1:
                for pid in __import__("labctl.executors.processes", fromlist=["x"]).descendants(os.getpid()):
                    if open(f"/proc/{pid}/comm").read() == "labctl-worker\\n":
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.1)
            send(self, worker, order)
        crew.Crew._send = struck
        """
    lab.distribution("fault", {}, {"sitecustomize.py": fault})
    done = lab("run", "odd", "--jobs", "1")
    assert done.code == 0, done.err
    record = lab.record("odd-1")
    assert [(a["job"], a["state"]) for a in record["attempts"]] == [
        ("a", "succeeded"), ("b", "interrupted"), ("b", "succeeded"),
    ]  # fmt: skip
    assert record["jobs"][1]["failures"] == 0


def test_a_worker_that_is_dead_before_the_host_looks_ends_nobody_else(project: Project) -> None:
    """All that its sockets have to say, their ends included, is there in one turn of a busy host."""
    body = (
        "for i in range(6):\n    yield Job(f'die/{i}', 'odd_tasks:die')\nyield Job('work', 'odd_tasks:work')"
    )
    tasks = "import os\ndef die(job): os.kill(os.getpid(), 9)\ndef work(job): return 1\n"
    provision = "Environment(name='here', retries=0)"
    lab = project(body, provision=provision, odd_tasks=tasks)
    fault = """
        import time
        from labctl.executors import crew
        turn = crew.Crew.turn
        def late(self):
            time.sleep(0.2)
            turn(self)
        crew.Crew.turn = late
        """
    lab.distribution("fault", {}, {"sitecustomize.py": fault})
    done = lab("run", "odd", "--jobs", "2")
    assert done.code == 6, done.err
    record = lab.record("odd-1")
    assert [job["state"] for job in record["jobs"]] == ["failed"] * 6 + ["succeeded"]
    assert {job["interruptions"] for job in record["jobs"]} == {0}


def test_a_local_executor_that_breaks_down_ends_the_run(project: Project, marks: Path, tool: Any) -> None:
    """A fault of ours in its thread: the run says so and ends, and does not wait for ever."""
    lab = tree(project, marks, always=True)
    fault = """
        import os
        from labctl.executors import crew
        def broken(self, worker):
            raise RuntimeError("a fault of ours")
        crew.Crew._read_log = broken
        """
    lab.distribution("fault", {}, {"sitecustomize.py": fault})
    tasks = lab.site / "odd_tasks.py"
    says = 'pid("worker", os.getpid())\n'
    wait = 'while not (marks / "orphan").exists(): time.sleep(0.01)'
    tasks.write_text(
        tasks.read_text().replace(says, f'{says}        {wait}\n        print("x", flush=True)\n')
    )
    host = lab.start("run", "odd", "--jobs", "1")
    pids = tool.until(lambda: tool.numbers(marks, PIDS))
    host.send_signal(signal.SIGINT)
    _, err = host.communicate(timeout=30)
    assert host.returncode in (1, 130), err
    assert "interrupted" in err
    assert "Traceback" not in err
    tool.until(lambda: not any(map(tool.alive, pids)))


def test_a_run_leaves_no_process_behind(project: Project, marks: Path, tool: Any) -> None:
    """Also of a job that does not listen, with children in sessions of their own and without a parent."""
    lab = tree(project, marks, always=True)
    host = lab.start("run", "odd", "--grace", "0.2")
    pids = tool.until(lambda: tool.numbers(marks, PIDS))
    from labctl.executors.processes import descendants

    family = {*descendants(host.pid), *pids}
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=30)
    assert host.returncode == 130
    tool.until(lambda: not any(map(tool.alive, family)))
