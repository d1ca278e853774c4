"""Where attempts outlive their host: adoption, money, and calling off."""

from __future__ import annotations

import signal
import sqlite3
from typing import Any

import pytest

ON = ("--on", "fake-remote")


@pytest.fixture
def cloud(mill: Any) -> Any:
    """The mill, and a cloud that it can run on. An hour of its machine costs $0.06."""
    mill.lab.distribution(
        "labctl-fake-remote", {"labctl.executors": {"fake-remote": "labctl.testing.remote:FakeRemote"}}
    )
    return mill


def kill(process: Any) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_what_ran_on_is_adopted_and_not_run_twice(cloud: Any) -> None:
    process = cloud.start(*ON, "--jobs", "1", "--hold", "grind/1")
    cloud.wait("holds grind/1")
    kill(process)
    shown = cloud.show()
    assert shown["run"]["state"] == "interrupted"
    assert cloud.states()["grind/1"] == "interrupted"
    cloud.touch("go")
    cloud.wait("end grind/1")  # nobody listens
    done = cloud.lab("resume", "last")
    assert done.code == 0, done.err
    assert set(cloud.states().values()) == {"succeeded"}
    assert cloud.count("begin grind/1") == 1
    record = cloud.lab.record("grind-1")
    mine = [a for a in record["attempts"] if a["job"] == "grind/1"]
    assert [(a["n"], a["state"]) for a in mine] == [(1, "succeeded")]
    job = next(j for j in record["jobs"] if j["id"] == "grind/1")
    assert (job["failures"], job["interruptions"]) == (0, 0)


def test_an_adopted_job_tells_its_metrics_once(cloud: Any) -> None:
    import msgspec

    process = cloud.start(*ON, "--jobs", "1", "--hold", "grind/0", "--pause", "0.3")
    path = cloud.lab.home / "runs" / "grind-1" / "metrics.jsonl"
    cloud.wait("begin grind/0")
    from time import sleep

    while not path.exists() or not path.read_bytes():
        sleep(0.02)
    kill(process)
    cloud.touch("go")
    assert cloud.lab("resume", "last").code == 0
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    steps = [p[2] for line in lines if line["job"] == "grind/0" for p in line["points"]]
    assert steps == [0, 1, 2]


def test_an_attempt_whose_handle_was_never_noted_is_found_by_its_order(cloud: Any) -> None:
    process = cloud.start(*ON, "--jobs", "1", "--hold", "grind/0")
    cloud.wait("holds grind/0")
    kill(process)
    db = sqlite3.connect(cloud.lab.home / "labctl.db", isolation_level=None)
    db.execute("UPDATE attempt SET handle = NULL")
    db.close()
    cloud.touch("go")
    done = cloud.lab("resume", "last")
    assert done.code == 0, done.err
    assert cloud.count("begin grind/0") == 1


def test_a_call_that_was_noted_and_never_made_is_made_again(cloud: Any) -> None:
    """The host ended after the cloud had the order and before anybody began with it."""
    fault = """
        import os
        from labctl.testing import remote
        class struck:
            DEVNULL = remote.subprocess.DEVNULL
            @staticmethod
            def run(*given, **named):
                os.kill(os.getpid(), 9)
        remote.subprocess = struck
        """
    cloud.lab.distribution("fault", {}, {"sitecustomize.py": fault})
    assert cloud.run(*ON, "--jobs", "1", "--parts", "2").code == -9
    (cloud.lab.site / "sitecustomize.py").unlink()
    assert len(list((cloud.lab.home / "fake-remote" / "calls").iterdir())) == 1
    done = cloud.lab("resume", "last", timeout=40)
    assert done.code == 0, done.err
    assert cloud.count("begin grind/0") == 1
    mine = [a for a in cloud.lab.record("grind-1")["attempts"] if a["job"] == "grind/0"]
    assert [a["state"] for a in mine] == ["interrupted", "succeeded"]


def test_an_attempt_that_is_gone_counts_as_interrupted_and_is_paid(cloud: Any) -> None:
    import shutil

    process = cloud.start(*ON, "--jobs", "1", "--hold", "grind/0")
    cloud.wait("holds grind/0")
    kill(process)
    cloud.touch("go")
    cloud.wait("end grind/0")
    calls = cloud.lab.home / "fake-remote" / "calls"
    while calls.exists():  # the far side may still be writing its last words
        shutil.rmtree(calls, ignore_errors=True)
    done = cloud.lab("resume", "last")
    assert done.code == 0, done.err
    assert cloud.count("begin grind/0") == 2
    mine = [a for a in cloud.lab.record("grind-1")["attempts"] if a["job"] == "grind/0"]
    assert [a["state"] for a in mine] == ["interrupted", "succeeded"]
    assert mine[0]["usd"] > 0


def test_over_budget_nothing_is_started(cloud: Any) -> None:
    refused = cloud.run(*ON, "--budget", "0.001")
    # 5 jobs x 60 s x $0.06/h = $0.005
    assert refused.code == 7
    assert "grind may cost up to $0.005, the budget is $0.001" in refused.err
    assert "Nothing was started, nothing was rented. Prices of 2026-11-01." in refused.err
    assert "--stop-at 0.001" in refused.err
    assert cloud.marks == []
    assert not (cloud.lab.home / "runs" / "grind-1").exists()
    assert cloud.run(*ON, "--budget", "1").code == 0


@pytest.mark.parametrize("words", [("--budget", "0.0040"), ("--budget=0.004",)])
def test_the_command_that_is_proposed_has_no_budget(cloud: Any, words: tuple[str, ...]) -> None:
    refused = cloud.run(*ON, *words)
    assert refused.code == 7
    (command,) = [line for line in refused.err.splitlines() if "labctl run" in line]
    assert "--budget" not in command
    assert command.endswith("--on fake-remote --stop-at 0.004")


def test_a_bound_that_lets_nothing_start_is_not_proposed(cloud: Any) -> None:
    refused = cloud.run(*ON, "--budget", "0")
    assert refused.code == 7
    assert "the budget is $0.00" in refused.err
    assert "--stop-at" not in refused.err
    stopped = cloud.run(*ON, "--stop-at", "0.0005")
    assert "it may cost $0.001; the run stops at $0.0005" in stopped.err


UNEVEN = """
from labctl.api import Environment, Job, hookimpl


class Uneven:
    @hookimpl
    def provision(self, ctx):
        yield Environment(name="dear", timeout=3600, retries=0)
        yield Environment(name="cheap", timeout=10, retries=0)

    @hookimpl
    def run(self, ctx, environments):
        yield Job("first", "uneven_tasks:first", environment="dear")
        needs = {"from": ("first",)}
        yield Job("judge", "uneven_tasks:judge", needs=needs, tolerant=True, environment="cheap")


plugin = Uneven()
"""
UNEVEN_TASKS = """
def first(job):
    return 7


def judge(job):
    return job.input("from").state
"""


def test_who_judged_what_was_put_off_judges_again(cloud: Any) -> None:
    cloud.lab.plugin("uneven", UNEVEN, uneven_tasks=UNEVEN_TASKS)
    stopped = cloud.lab("run", "uneven", *ON, "--stop-at", "0.01")
    assert stopped.code == 7, stopped.err
    assert cloud.show()["run"]["headline"] == "The run is over budget."
    values = {job["id"]: job["value"] for job in cloud.lab.record("uneven-1")["jobs"]}
    assert values["judge"] == "over budget"
    done = cloud.lab("resume", "last", "--stop-at", "5")
    assert done.code == 0, done.err
    values = {job["id"]: job["value"] for job in cloud.lab.record("uneven-1")["jobs"]}
    assert values == {"first": 7, "judge": "succeeded"}


def test_a_budget_from_the_configuration(cloud: Any) -> None:
    (cloud.lab.folder / "labctl.toml").write_text("[limits]\nbudget = 0.001\n")
    assert cloud.run(*ON).code == 7
    assert cloud.run(*ON, "--budget", "1").code == 0
    (cloud.lab.folder / "labctl.toml").write_text("[limits]\nbudgt = 0.001\n")
    wrong = cloud.run(*ON)
    assert wrong.code == 2
    assert "[limits] budgt is not right" in wrong.err


def test_stop_at_starts_and_stops_before_it_is_passed(cloud: Any) -> None:
    # One attempt may cost $0.001: two may be in flight, and a third never fits while they can cost that.
    stopped = cloud.run(*ON, "--stop-at", "0.0015", "--timeout", "60")
    assert stopped.code == 0, "real costs are far below what the attempts can cost"
    stopped = cloud.run(*ON, "--no-cache", "--stop-at", "0.0005", "--seed", "2")
    assert stopped.code == 7, stopped.err
    assert set(cloud.states().values()) == {"over budget", "skipped"}
    assert cloud.show()["run"]["state"] == "over budget"
    assert "labctl resume grind-2 --stop-at" in stopped.err
    assert cloud.count("begin grind/0") == 1
    again = cloud.lab("resume", "grind-2")
    assert again.code == 7, "the bound is the run's, and holds until it is changed"
    assert cloud.lab("runs", "set", "grind-2", "--stop-at", "1").code == 0
    done = cloud.lab("resume", "grind-2")
    assert done.code == 0, done.err


def test_what_was_spent_before_counts_after_a_resume(cloud: Any) -> None:
    process = cloud.start(*ON, "--jobs", "1", "--hold", "grind/1")
    cloud.wait("holds grind/1")
    kill(process)
    db = sqlite3.connect(cloud.lab.home / "labctl.db", isolation_level=None)
    db.execute("UPDATE attempt SET usd = 5.0 WHERE job = 'grind/0'")
    db.close()
    cloud.touch("go")
    stopped = cloud.lab("resume", "last", "--stop-at", "4")
    assert stopped.code == 7, stopped.err
    states = cloud.states()
    assert states["grind/0"] == "succeeded"
    assert states["grind/1"] == "succeeded", "it had been paid before"
    assert states["grind/2"] == "over budget"


def test_a_run_that_may_cost_a_dollar_asks(cloud: Any) -> None:
    dear = (*ON, "--memory", "4000GiB", "--timeout", "1h", "--retries", "0")
    refused = cloud.run(*dear)
    assert refused.code == 2, refused.err
    assert "nobody can be asked" in refused.err
    assert cloud.marks == []
    assert cloud.run(*dear, "--yes").code == 0


def test_a_bound_that_is_set_while_it_runs(cloud: Any) -> None:
    process = cloud.start(*ON, "--jobs", "1", "--hold", "grind/0")
    cloud.wait("holds grind/0")
    assert cloud.lab("runs", "set", "last", "--stop-at", "0.00001").code == 0
    import time

    time.sleep(0.5)
    cloud.touch("go")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 7, err
    assert cloud.states()["grind/0"] == "succeeded"
    assert cloud.states()["grind/1"] == "over budget"


def test_cancel_ends_what_still_runs_elsewhere(cloud: Any, wait_until: Any) -> None:
    process = cloud.start(*ON, "--jobs", "1", "--hold", "grind/1")
    cloud.wait("holds grind/1")
    kill(process)
    done = cloud.lab("runs", "cancel", "last")
    assert done.code == 0, done.err
    cloud.wait("saved grind/1 3")
    states = cloud.states()
    assert states["grind/0"] == "succeeded"
    assert states["grind/1"] == "cancelled"
    assert states["sum"] == "cancelled"
    assert cloud.show()["run"]["state"] == "cancelled"
    cloud.touch("go")
    assert cloud.lab("resume", "last").code == 0
    assert "continue grind/1 3" in cloud.marks


def test_a_lost_worker_is_an_interruption_and_uses_up_no_retry(cloud: Any) -> None:
    done = cloud.run(*ON, "--lose", "2")
    assert done.code == 0, done.err
    record = cloud.lab.record("grind-1")
    assert sum(j["interruptions"] for j in record["jobs"]) == 2
    assert sum(j["failures"] for j in record["jobs"]) == 0


@pytest.mark.parametrize("option", ["--budget", "--stop-at"])
@pytest.mark.parametrize("amount", ["nan", "inf", "-1", "five"])
def test_an_amount_that_is_none_is_refused(cloud: Any, option: str, amount: str) -> None:
    refused = cloud.run(*ON, f"{option}={amount}")
    assert refused.code == 2, refused.err
    assert cloud.marks == []


def test_what_was_put_off_for_money_is_judged_anew_when_it_is_there(cloud: Any) -> None:
    cloud.install_tolerant()
    cloud.touch("mended")
    stopped = cloud.lab("run", "tolerant", "--marks", str(cloud.folder), *ON, "--stop-at", "0.0000001")
    assert stopped.code == 7, stopped.err
    done = cloud.lab("resume", "last", "--stop-at", "1")
    assert done.code == 0, done.err
    values = {job["id"]: job["value"] for job in cloud.lab.record("tolerant-1")["jobs"]}
    assert values["summary"] == {"ok": True, "value": 7}


@pytest.mark.parametrize("old", ["kept", "lost"])
def test_a_rebuilt_database_still_knows_what_runs_elsewhere(cloud: Any, old: str) -> None:
    process = cloud.start(*ON, "--jobs", "1", "--hold", "grind/1", "--stop-at", "1")
    cloud.wait("holds grind/1")
    kill(process)
    if old == "lost":
        for path in cloud.lab.home.glob("labctl.db*"):
            path.unlink()
    assert cloud.lab("db", "rebuild").code == 0
    db = sqlite3.connect(cloud.lab.home / "labctl.db")
    assert db.execute("SELECT adopts, stop_at FROM run").fetchone() == (1, 1.0)
    db.close()
    cloud.touch("go")
    done = cloud.lab("resume", "last")
    assert done.code == 0, done.err
    assert cloud.count("begin grind/1") == 1
    assert cloud.count("begin grind/0") == 1


def test_going_on_asks_for_money_like_a_new_run(cloud: Any) -> None:
    dear = (*ON, "--memory", "4000GiB", "--timeout", "1h", "--retries", "0")
    assert cloud.run(*dear, "--yes", "--fail", "grind/1").code == 6
    asked = cloud.lab("retry", "last")
    assert asked.code == 2, asked.err
    assert "nobody can be asked" in asked.err
    (cloud.lab.folder / "labctl.toml").write_text("[limits]\nbudget = 50\n")
    refused = cloud.lab("retry", "last", "--yes")
    assert refused.code == 7, refused.err
    assert "labctl retry grind-1 --stop-at 50" in refused.err
    assert cloud.count("begin grind/1") == 1
    (cloud.lab.folder / "labctl.toml").unlink()
    cloud.touch("mended")
    assert cloud.lab("retry", "last", "--yes").code == 0


def test_a_job_that_was_given_up_after_many_lost_workers_can_go_on(cloud: Any) -> None:
    cloud.lab.variables["LABCTL_TEST_PAUSE"] = "0"
    (cloud.lab.site / "sitecustomize.py").write_text(
        "import labctl.scheduler.state as s\ns.MAX_INTERRUPTIONS = 2\n"
    )
    lost = cloud.run(*ON, "--parts", "1", "--lose", "100")
    assert lost.code == 130, lost.err
    assert "labctl resume grind-1" in lost.err
    assert cloud.show()["run"]["state"] == "interrupted"


def test_a_bound_that_was_taken_away_stays_away(cloud: Any) -> None:
    (cloud.lab.folder / "labctl.toml").write_text("[limits]\nstop_at = 0.0005\n")
    assert cloud.run(*ON).code == 7
    assert cloud.lab("resume", "last").code == 7
    assert cloud.lab("runs", "set", "last", "--no-stop-at").code == 0
    done = cloud.lab("resume", "last")
    assert done.code == 0, done.err
