"""Too little memory, by each of the ways in which a job meets its end for it; and floods of output."""

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

LIMITED = """
import os, resource

def limit(job):
    resource.setrlimit(resource.RLIMIT_AS, (300 << 20, resource.RLIM_INFINITY))
    return len(bytearray(1 << 30))

def error(job):
    raise MemoryError

def after(job):
    return len(bytearray(100 << 20)), resource.getrlimit(resource.RLIMIT_AS)[0]
"""


@pytest.mark.parametrize("how", ["limit", "error"])
def test_a_memory_error_fails_its_job_alone(project: Project, tool: Any, how: str) -> None:
    lab = project(
        f"""
        yield Job('hungry', 'odd_tasks:{how}')
        yield Job('after', 'odd_tasks:after', needs={{'x': 'hungry'}})
        yield Job('tolerant', 'odd_tasks:after', needs={{'x': 'hungry'}}, tolerant=True)
        """,
        odd_tasks=LIMITED,
    )
    done = lab("run", "odd", "--jobs", "1")
    assert done.code == 6, done.err
    assert "MemoryError" in done.err
    assert tool.states(lab, "odd-1") == {"hungry": "failed", "after": "skipped", "tolerant": "succeeded"}
    value = next(j["value"] for j in lab.record("odd-1")["jobs"] if j["id"] == "tolerant")
    assert value[1] != 300 << 20, "the limit that a job has set is not the next one's"


def test_the_kernel_ends_a_job_that_takes_too_much(project: Project, tool: Any, tmp_path: Path) -> None:
    """A memory cgroup of 80 MiB: the out-of-memory killer strikes the worker, and the host says so."""
    group = cgroup()
    tasks = f"""
        import os
        def hungry(job):
            open({str(group / "cgroup.procs")!r}, "w").write(str(os.getpid()))
            held = [os.urandom(1 << 20) for _ in range(300)]
            return len(held)
        def work(job):
            return 1
        """
    body = "yield Job('hungry', 'odd_tasks:hungry')\nyield Job('work', 'odd_tasks:work')"
    lab = project(body, odd_tasks=tasks)
    try:
        done = lab("run", "odd")
        assert done.code == 6, done.err
        assert "killed by SIGKILL; was there enough memory?" in done.err
        assert tool.states(lab, "odd-1") == {"hungry": "failed", "work": "succeeded"}
    finally:
        tool.until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


def cgroup() -> Path:
    """A memory cgroup of our own, of either version; skips where there are no rights to make one."""
    for root, limit in ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
                        (Path("/sys/fs/cgroup"), "memory.max")):  # fmt: skip
        group = root / f"labctl-drill-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(80 << 20))
            for swap in ("memory.swap.max",):
                if (group / swap).exists():
                    (group / swap).write_text("0")
            return group
        except OSError:
            group.rmdir()
    pytest.skip("no rights to make a memory cgroup here")


def test_a_flood_costs_the_host_no_memory(project: Project, tool: Any) -> None:
    """100 MB in lines, 20 MB without an end of line, and half a million writes of two bytes."""
    tasks = """
        import os
        def lines(job):
            for _ in range(100):
                os.write(1, (b"x" * 99 + b"\\n") * 10_000)
        def endless(job):
            for _ in range(20):
                os.write(1, b"y" * 1_000_000)
        def drops(job):
            for _ in range(100_000):
                os.write(1, b"z\\n")
        """
    body = "for name in ('lines', 'endless', 'drops'):\n    yield Job(name, f'odd_tasks:{name}')"
    lab = project(body, odd_tasks=tasks)
    weigh = """
        import atexit, os
        host = os.getpid()
        def weigh():
            if os.getpid() == host and os.environ.get("WEIGH"):
                for line in open("/proc/self/status"):
                    if line.startswith("VmHWM"):
                        open(os.environ["WEIGH"], "w").write(line.split()[1])
        """
    end = "\n        from labctl import leaving\n        leave = leaving.leave\n"
    end += "        def left(code):\n            weigh()\n            leave(code)\n"
    end += "        leaving.leave = left\n"
    lab.distribution("weigh", {}, {"sitecustomize.py": weigh + end})
    weights = []
    for name in ("quiet", "loud"):
        lab.variables["WEIGH"] = str(lab.folder / name)
        words = ("--only", "drops") if name == "quiet" else ()
        assert lab("run", "odd", "--no-cache", *words).code == 0
        weights.append(int((lab.folder / name).read_text()) / 1024)
    for job in ("lines", "endless", "drops"):
        assert (lab.home / "runs" / "odd-2" / "logs" / f"{job}.1.log").stat().st_size < 1.2e6
    assert max(weights) < 60, f"MiB of the host: {weights}"


def test_a_job_deaf_to_every_signal_is_ended_with_its_tree(
    project: Project, tool: Any, tmp_path: Path
) -> None:
    tasks = f"""
        import os, signal, subprocess, time
        from pathlib import Path
        def deaf(job):
            for number in set(signal.Signals) - {{signal.SIGKILL, signal.SIGSTOP}}:
                signal.signal(number, signal.SIG_IGN)
            deaf = subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; echo $$ > {tmp_path}/sh.new;"
                " mv {tmp_path}/sh.new {tmp_path}/sh; while :; do sleep 300; done"], start_new_session=True)
            while True:
                try:
                    time.sleep(300)
                except BaseException:
                    pass
        """
    lab = project("yield Job('deaf', 'odd_tasks:deaf')", odd_tasks=tasks)
    host = lab.start("run", "odd", "--grace", "0.3")
    pids = tool.until(lambda: tool.numbers(tmp_path, ["sh"]))
    host.send_signal(signal.SIGTERM)
    _, err = host.communicate(timeout=30)
    assert host.returncode == 143, err
    assert tool.shown(lab)["deaf"] == "interrupted"
    assert not any(map(tool.alive, pids))
