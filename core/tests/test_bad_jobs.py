"""Jobs that misbehave: each ends as what it did, the run goes on, nothing else is touched."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from labctl.testing import Lab

Make = Callable[..., Lab]

RETURNS = {
    "nan": ("{'x': [1.0, float('nan')]}", "value.x[1]: nan; use None for a missing number"),
    "a set": ("{'x': {1, 2}}", "value.x: set; use sorted(x)"),
    "bytes": ("b'abc'", "value: bytes; write it to job.artifact(name)"),
    "a numeric key": ("{1: 2}", "key 1 is int; use str(key)"),
    "an object": ("object()", "value: object"),
    "too much": ("'x' * 70000", "70,002 bytes of JSON, at most 65,536 are kept"),
    "a surrogate": ("'\\ud800'", "is not JSON"),
    "too large an integer": ("2 ** 70", "more than 64 bits"),
    "too deep": ("eval('[' * 80 + '1' + ']' * 80) and (lambda f: f(f, 200))"
                 "(lambda f, n: [f(f, n - 1)] if n else 1)", "nested deeper than 100"),
}  # fmt: skip


@pytest.mark.parametrize("what", RETURNS)
def test_a_result_that_is_no_json(one: Make, what: str) -> None:
    value, message = RETURNS[what]
    lab = one(f"def work(job): return {value}")
    done = lab("run", "one")
    assert done.code == 1
    assert message in done.err
    assert lab.record("one-1")["jobs"][0]["state"] == "failed"


ARTIFACTS = {
    "a parent": "job.artifact('../escaped.txt').write_text('x')",
    "an absolute path": "job.artifact('/tmp/labctl-escaped.txt').write_text('x')",
    "a dot": "job.artifact('a/../../escaped.txt').write_text('x')",
    "a newline": "job.artifact('a\\nb').write_text('x')",
    "nothing": "job.artifact('')",
    "a link": "os.symlink('/etc/passwd', job.artifact('stolen.txt'))",
    "a link within a folder": "p = job.artifact('d'); p.mkdir(); os.symlink('/etc', p / 'etc')",
    "a linked folder": "p = job.artifact('d/x.txt'); p.parent.rmdir(); os.symlink('/etc', p.parent)",
    "a pipe": "os.mkfifo(job.artifact('pipe'))",
    "what was not written": "job.artifact('missing.txt')",
    "two names that are one": "p = job.artifact('d'); p.mkdir(); (p / 'a').touch(); (p / 'A').touch()",
}


@pytest.mark.parametrize("what", ARTIFACTS)
def test_an_artifact_that_may_not_be(one: Make, what: str, tmp_path: Path) -> None:
    lab = one(f"import os\ndef work(job):\n    {ARTIFACTS[what]}\n    return 1")
    done = lab("run", "one")
    assert done.code == 1, done.err
    assert "ArtifactError" in done.err
    assert not list(tmp_path.rglob("escaped.txt"))
    assert not Path("/tmp/labctl-escaped.txt").exists()
    stored = (
        [p for p in (lab.home / "objects").rglob("*") if p.is_file()]
        if (lab.home / "objects").exists()
        else []
    )
    assert stored == []


ENDS = {
    "raises": ("raise KeyError('stations')", "KeyError: 'stations'"),
    "exits": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "interrupts itself": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "leaves at once": ("import os; os._exit(7)", "its process exited with 7 before the job had ended"),
    "crashes": ("import os; os.kill(os.getpid(), 11)", "its process was killed by SIGSEGV"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL; was there enough memory?"),
    "closes everything": ("import os; os.closerange(0, 100); import time; time.sleep(30)", "SIGKILL"),
    "cannot say why": (
        "class E(Exception):\n        def __str__(self): raise ValueError\n    raise E",
        "its message could not be read",
    ),
    "takes other parameters": ("return 1", "unexpected keyword argument"),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_job_that_ends_badly(one: Make, how: str) -> None:
    body, message = ENDS[how]
    lab = one(f"def work(job):\n    {body}")
    if how == "takes other parameters":
        path = lab.site / "one_plugin.py"
        path.write_text(path.read_text().replace('"one_tasks:work"', '"one_tasks:work", {"lr": 1}'))
    done = lab("run", "one")
    assert done.code == 1
    assert message in done.err
    assert (lab.home / "runs" / "one-1" / "report.html").exists()


@pytest.mark.parametrize("deaf", [False, True])
def test_a_timeout_ends_the_job_and_its_tree(one: Make, deaf: bool, tmp_path: Path) -> None:
    lab = one(
        f"""
        import os, subprocess, time

        def work(job):
            child = subprocess.Popen(["sleep", "300"], start_new_session=True)
            open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
            end = time.time() + 60
            while time.time() < end:
                try:
                    time.sleep(60)
                except BaseException:
                    if not {deaf}:
                        raise
        """,
        timeout=0.5,
    )
    done = lab("run", "one")
    assert done.code == 1
    assert "still running after 0.5 s" in done.err
    assert lab.record("one-1")["jobs"][0]["state"] == "timed out"
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_flood_of_output_is_cut_in_the_middle(one: Make) -> None:
    lab = one(
        """
        def work(job):
            print("the first line")
            for _ in range(50):
                print("x" * 999_999)
            print("the last line")
            return 1
        """
    )
    assert lab("run", "one").code == 0
    log = (lab.home / "runs" / "one-1" / "logs" / "work.1.log").read_text()
    assert len(log) < 1.2e6
    assert log.startswith("the first line")
    assert log.endswith("the last line\n")
    assert "bytes are left out here" in log


def test_progress_bars_are_folded(one: Make) -> None:
    lab = one(
        """
        import sys
        def work(job):
            for i in range(1001):
                sys.stdout.write(f"\\r{i} of 1000")
            print()
            return 1
        """
    )
    lab("run", "one")
    assert (lab.home / "runs" / "one-1" / "logs" / "work.1.log").read_text() == "1000 of 1000\n"


def test_output_goes_to_its_own_job(lab: Lab) -> None:
    source = "from labctl.api import *\nclass P:\n    @hookimpl\n    def run(self, ctx, environments):\n"
    source += "        for i in range(6): yield Job(f'w/{i}', 'out_tasks:work', {'i': i})\nplugin = P()\n"
    tasks = """
        import os, sys
        def work(job, *, i):
            print("out", i)
            os.write(2, f"raw {i}\\n".encode())
            if i % 2:
                sys.stdout.close()
            return i
        """
    lab.plugin("out", source, out_tasks=tasks)
    done = lab("run", "out", "--jobs", "1")
    assert done.code == 0, done.err
    for i in range(6):
        log = (lab.home / "runs" / "out-1" / "logs" / f"w~{i}.1.log").read_text()
        assert sorted(log.splitlines()) == [f"out {i}", f"raw {i}"]


def test_a_leftover_process_neither_lives_nor_writes_on(one: Make, tmp_path: Path) -> None:
    lab = one(
        f"""
        import subprocess
        def work(job):
            child = subprocess.Popen(["sh", "-c", "sleep 300; echo late"], start_new_session=True)
            open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
            return 1
        """
    )
    assert lab("run", "one").code == 0
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_job_that_changes_its_process_changes_no_other(lab: Lab) -> None:
    source = "from labctl.api import *\nclass P:\n    @hookimpl\n    def run(self, ctx, environments):\n"
    source += "        for i in range(4): yield Job(f'w/{i}', 'env_tasks:work')\nplugin = P()\n"
    tasks = """
        import os, random
        def work(job):
            seen = [os.environ.get("LEAK", ""), os.path.basename(os.getcwd()), random.random()]
            os.environ["LEAK"] = job.id
            os.chdir("/")
            return seen
        """
    lab.plugin("env", source, env_tasks=tasks)
    assert lab("run", "env", "--jobs", "1").code == 0
    values = [job["value"] for job in lab.record("env-1")["jobs"]]
    assert [value[0] for value in values] == [""] * 4
    assert [value[1] for value in values] == [f"w~{i}.1" for i in range(4)]
    assert len({value[2] for value in values}) == 4


def test_secrets_reach_the_job_and_no_file(lab: Lab) -> None:
    source = "from labctl.api import *\nclass P:\n    @hookimpl\n    def provision(self, ctx):\n"
    source += "        return Environment(secrets=(Secret('hub', ('HUB_TOKEN',)),))\n    @hookimpl\n"
    source += "    def run(self, ctx, environments): yield Job('a', 'sec_tasks:work')\nplugin = P()\n"
    tasks = """
        import os
        def work(job):
            print("token", os.environ["HUB_TOKEN"])
            assert "OTHER_SECRET" not in os.environ
            raise ValueError("bad token " + os.environ["HUB_TOKEN"])
        """
    lab.plugin("sec", source, sec_tasks=tasks)
    missing = lab("run", "sec")
    assert missing.code == 4
    assert "HUB_TOKEN is not set" in missing.err
    lab.variables = {"HUB_TOKEN": "s3cr3t-value-of-a-token", "OTHER_SECRET": "another-one-of-them"}
    done = lab("run", "sec")
    assert done.code == 1
    assert "bad token [secret]" in done.err
    for path in lab.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"s3cr3t-value" not in content, path
            assert b"another-one-of-them" not in content, path


def test_a_checkpoint_survives_a_retry(one: Make) -> None:
    lab = one(
        """
        def work(job):
            path = job.checkpoint.path / "step"
            step = int(path.read_text()) if path.exists() else 0
            path.write_text(str(step + 1))
            job.checkpoint.commit()
            if step < 2:
                raise RuntimeError("not yet")
            return {"step": step, "attempt": job.attempt}
        """,
        retries=2,
    )
    assert lab("run", "one").code == 0
    assert lab.record("one-1")["jobs"][0]["value"] == {"step": 2, "attempt": 3}


def test_hostile_output_stays_text(one: Make) -> None:
    lab = one(
        """
        def work(job):
            print("\\x1b[2J\\x1b]0;title\\x07<script>alert(1)</script>")
            raise ValueError("</script><img src=x onerror=alert(1)>\\x1b[31m\\u202e")
        """
    )
    done = lab("run", "one")
    assert "\x1b[31m" not in done.err
    assert "\\x1b[31m" in done.err
    log = lab("runs", "logs", "last", "work")
    assert "\x1b" not in log.out
    page = (lab.home / "runs" / "one-1" / "report.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


POINTS = {
    "step=0.5": "TypeError: the step of metric 'half' is float, not a whole number",
    "step=2 ** 70": "ValueError: the step of metric 'half' has more than 64 bits",
    "unit=3": "TypeError: the unit of metric 'half' is int, not str",
    "better='big'": "ValueError: metric 'half': better is 'up', 'down' or '', not 'big'",
}


@pytest.mark.parametrize("what", POINTS)
def test_a_metric_that_is_none_fails_where_it_was_made(one: Make, what: str) -> None:
    lab = one(f"def work(job):\n    job.metric('good', 1.0, step=1)\n    job.metric('half', 2.0, {what})\n")
    done = lab("run", "one")
    assert done.code == 1
    assert POINTS[what] in done.err
    assert "one_tasks.py" in done.err
    assert lab("runs", "metrics", "last").out.count("good") == 1


def test_a_whole_number_of_another_type_is_a_step(one: Make) -> None:
    lab = one(
        "class Whole:\n    def __index__(self): return 7\n"
        "def work(job):\n    job.metric('good', 1.0, step=Whole())\n"
    )
    assert lab("run", "one").code == 0
    assert ",good,7,1.0," in lab("runs", "metrics", "last").out
