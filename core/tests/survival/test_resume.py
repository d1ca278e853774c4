"""A run that was ended at any point goes on with one command, and repeats only what was under way."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from labctl.executors.processes import descendants


def kill(process: Any, wait_until: Any) -> None:
    """End a host, and wait until its keepers have ended all others."""
    family = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), "a process lives on")


@pytest.fixture
def killed(mill: Any, wait_until: Any) -> Any:
    """A run whose host was killed while grind/2 was held: 0 and 1 are done, 3 is not begun."""
    process = mill.start("--jobs", "1", "--hold", "grind/2")
    mill.wait("end grind/1")
    mill.wait("holds grind/2")
    kill(process, wait_until)
    return mill


def test_the_run_of_a_dead_host_reads_interrupted_and_its_work_is_kept(killed: Any) -> None:
    shown = killed.show()
    assert shown["run"]["state"] == "interrupted"
    assert killed.states() == {
        "grind/0": "succeeded", "grind/1": "succeeded", "grind/2": "interrupted", "grind/3": "planned",
        "sum": "planned",
    }  # fmt: skip


def test_resume_runs_the_rest_and_nothing_twice(killed: Any) -> None:
    killed.touch("go")
    done = killed.lab("resume", "grind-1")
    assert done.code == 0, done.err
    assert set(killed.states().values()) == {"succeeded"}
    for i in (0, 1, 3):
        assert killed.count(f"begin grind/{i}") == 1
    assert killed.count("begin grind/2") == 2
    assert "continue grind/2 3" in killed.marks, "the second attempt found the checkpoint of the first"
    record = killed.lab.record("grind-1")
    attempts = [(a["job"], a["n"], a["state"]) for a in record["attempts"]]
    assert ("grind/2", 1, "interrupted") in attempts
    assert ("grind/2", 2, "succeeded") in attempts
    assert record["verdicts"][0]["outcome"] == "supported"
    assert not record["verdicts"][0]["post_hoc"]
    two = next(job for job in record["jobs"] if job["id"] == "grind/2")
    assert (two["failures"], two["interruptions"]) == (0, 1)


def test_a_run_of_one_command_and_a_resumed_one_find_the_same(killed: Any, tmp_path_factory: Any) -> None:
    killed.touch("go")
    assert killed.lab("resume", "grind-1").code == 0
    assert killed.run("--jobs", "1", "--hold", "grind/2", "--no-cache").code == 0
    first, second = killed.lab.record("grind-1"), killed.lab.record("grind-2")
    assert [j["value"] for j in first["jobs"]] == [j["value"] for j in second["jobs"]]
    shas = [[[a["sha256"] for a in j["artifacts"]] for j in r["jobs"]] for r in (first, second)]
    assert shas[0] == shas[1]


def test_ctrl_c_saves_and_resume_goes_on_from_there(mill: Any) -> None:
    process = mill.start("--jobs", "1", "--hold", "grind/0")
    mill.wait("holds grind/0")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "labctl resume grind-1" in err
    mill.wait("saved grind/0 3")
    mill.touch("go")
    done = mill.lab("resume", "last")
    assert done.code == 0, done.err
    assert "continue grind/0 3" in mill.marks


def test_a_running_run_is_not_resumed(mill: Any) -> None:
    process = mill.start("--hold", "grind/0")
    mill.wait("holds grind/0")
    refused = mill.lab("resume", "last")
    assert refused.code == 5
    assert "is running" in refused.err
    assert "labctl runs watch grind-1" in refused.err
    mill.touch("go")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err


def test_a_finished_run_has_nothing_to_resume(mill: Any) -> None:
    assert mill.run().code == 0
    refused = mill.lab("resume", "last")
    assert refused.code == 2
    assert "nothing left to run" in refused.err
    assert mill.lab("retry", "last", "--failed").code == 2


def test_changed_code_is_named_and_nothing_is_started(killed: Any) -> None:
    path = killed.lab.site / "grind_tasks.py"
    path.write_text(path.read_text() + "\n# a remark\n")
    killed.touch("go")
    before = killed.marks
    refused = killed.lab("resume", "grind-1")
    assert refused.code == 2
    assert "cannot go on: its code has changed" in refused.err
    assert "grind_tasks" in refused.err
    assert "labctl run grind --like grind-1" in refused.err
    assert killed.marks == before
    assert killed.states()["grind/0"] == "succeeded"


def test_an_edited_claim_is_not_resumed(killed: Any) -> None:
    path = killed.lab.site / "grind_plugin.py"
    path.write_text(path.read_text().replace('">", 0.0)', '">", 1.25)'))
    refused = killed.lab("resume", "grind-1")
    assert refused.code == 2
    assert "claim P1 is another now" in refused.err


def test_a_plan_with_other_jobs_is_not_resumed(killed: Any) -> None:
    path = killed.lab.site / "grind_plugin.py"
    more = 'yield Job("more", "grind_tasks:total", {"marks": ""})'
    path.write_text(path.read_text().replace('yield Job("sum"', f'{more}\n        yield Job("sum"'))
    refused = killed.lab("resume", "grind-1")
    assert refused.code == 2
    assert "+more" in refused.err


def test_like_takes_parameters_seed_and_what_is_still_right(killed: Any) -> None:
    path = killed.lab.site / "grind_tasks.py"
    killed.touch("go")
    # The functions' module is one: an edit reaches all jobs, so only an unchanged module keeps results.
    done = killed.lab("run", "grind", "--like", "grind-1")
    assert done.code == 0, done.err
    states = killed.states("grind-2")
    assert states["grind/0"] == states["grind/1"] == "cached"
    parameters = killed.lab("runs", "show", "grind-2", "--parameters").out
    assert "like grind-1" in parameters
    path.write_text(path.read_text() + "\n# a remark\n")
    assert killed.lab("run", "grind", "--like", "grind-1", "--steps", "2").code == 0
    record = killed.lab.record("grind-3")
    assert record["points"][0]["parameters"]["steps"] == 2
    assert record["points"][0]["parameters"]["hold"] == "grind/2"
    assert {job["state"] for job in record["jobs"]} == {"succeeded"}


def test_like_repeats_a_sweep_and_its_seed(mill: Any) -> None:
    assert mill.run("--grid", "steps=1,2", "--seed", "7").code == 0
    again = mill.lab("run", "grind", "--like", "last")
    assert again.code == 0, again.err
    assert set(mill.states().values()) == {"cached"}
    assert mill.show()["run"]["seed"] == 7
    both = mill.lab("run", "grind", "--like", "grind-1", "--preset", "x")
    assert both.code == 2


def test_retry_runs_what_failed_and_what_was_skipped(mill: Any) -> None:
    failed = mill.run("--fail", "grind/1")
    assert failed.code == 6
    assert "labctl retry grind-1 --failed" in failed.err
    assert mill.states()["sum"] == "skipped"
    again = mill.lab("retry", "grind-1", "--failed")
    assert again.code == 6
    mill.touch("mended")
    mended = mill.lab("retry", "grind-1", "grind/1")
    assert mended.code == 0, mended.err
    assert set(mill.states().values()) == {"succeeded"}
    assert mill.count("begin grind/0") == 1
    assert mill.count("begin grind/1") == 3
    assert [a["n"] for a in mill.lab.record("grind-1")["attempts"] if a["job"] == "grind/1"] == [1, 2, 3]


def test_retry_of_a_name_that_is_no_job(mill: Any) -> None:
    assert mill.run("--fail", "grind/1").code == 6
    refused = mill.lab("retry", "last", "grnid")
    assert refused.code == 2
    assert "no job named grnid" in refused.err


def test_a_result_whose_artifact_is_gone_is_made_again_on_resume(killed: Any) -> None:
    sha = next(j for j in killed.show()["jobs"] if j["id"] == "grind/0")["artifacts"][0]["sha256"]
    path = killed.lab.home / "objects" / sha[:2] / sha
    path.chmod(0o644)
    path.write_text("spoilt")
    killed.touch("go")
    done = killed.lab("resume", "grind-1")
    assert done.code == 0, done.err
    assert killed.count("begin grind/0") == 2
    assert killed.count("begin grind/1") == 1
    assert path.read_text() != "spoilt"


def test_sealed_data_are_opened_once_by_a_resumed_run(mill: Any, wait_until: Any) -> None:
    process = mill.start("--sealed", "--hold", "grind/3")
    mill.wait("holds grind/3")
    kill(process, wait_until)
    mill.touch("go")
    assert mill.lab("resume", "last").code == 0
    db = sqlite3.connect(mill.lab.home / "labctl.db")
    assert db.execute("SELECT seal, run, job FROM opening").fetchall() == [("grain-2026", "grind-1", "sum")]
    assert mill.lab("run", "grind", "--like", "last").code == 0
    assert db.execute("SELECT count(*) FROM opening").fetchone() == (1,)
    assert mill.lab("run", "grind", "--like", "last", "--no-cache").code == 0
    assert db.execute("SELECT count(*) FROM opening").fetchone() == (1,), "the same key is the same opening"
    assert mill.lab("run", "grind", "--like", "last", "--seed", "5").code == 0
    assert db.execute("SELECT count(*) FROM opening").fetchone() == (2,)


def test_sealed_data_and_claims_are_what_they_were_after_a_retry(mill: Any) -> None:
    assert mill.run("--sealed", "--fail", "grind/1").code == 6
    db = sqlite3.connect(mill.lab.home / "labctl.db")
    known = db.execute("SELECT digest, first_seen FROM registration").fetchall()
    assert db.execute("SELECT count(*) FROM opening").fetchone() == (0,), "nobody has opened it yet"
    mill.touch("mended")
    assert mill.lab("retry", "last").code == 0
    openings = db.execute("SELECT seal, run, job FROM opening").fetchall()
    assert openings == [("grain-2026", "grind-1", "sum")]
    record = mill.lab.record("grind-1")
    assert [seal["job"] for seal in record["report"]["seals"]] == ["grind-1/sum"]
    again = mill.run("--sealed", "--fail", "grind/1")
    assert again.code == 0, again.err
    assert db.execute("SELECT seal, run, job FROM opening").fetchall() == openings, "the same key"
    assert db.execute("SELECT digest, first_seen FROM registration").fetchall() == known
    assert record["registrations"]["P1"]["first_seen"] == known[0][1]
    assert not record["verdicts"][0]["post_hoc"]


def test_a_registration_keeps_its_time_when_the_run_goes_on(killed: Any) -> None:
    db = sqlite3.connect(killed.lab.home / "labctl.db")
    (first,) = db.execute("SELECT first_seen FROM registration").fetchone()
    killed.touch("go")
    assert killed.lab("resume", "last").code == 0
    assert db.execute("SELECT first_seen FROM registration").fetchall() == [(first,)]
    assert killed.lab.record("grind-1")["registrations"]["P1"]["first_seen"] == first


def test_the_journal_says_what_the_database_says(killed: Any) -> None:
    import msgspec

    lines = (killed.lab.home / "runs" / "grind-1" / "journal.jsonl").read_bytes().splitlines()
    found = [msgspec.json.decode(line) for line in lines]
    assert found[0]["run"]["name"] == "grind-1"
    jobs = {line["job"]["id"]: line["job"] for line in found if "job" in line}
    assert set(jobs) == {"grind/0", "grind/1"}
    shown = {job["id"]: job for job in killed.show()["jobs"]}
    assert jobs["grind/0"] == shown["grind/0"]
    assert [(li["attempt"]["job"], li["attempt"]["state"]) for li in found if "attempt" in li] == [
        ("grind/0", "succeeded"), ("grind/1", "succeeded"),
    ]  # fmt: skip


def test_a_plan_that_cannot_be_read_is_said(killed: Any) -> None:
    path = killed.lab.home / "runs" / "grind-1" / "plan.json"
    path.write_bytes(path.read_bytes()[:-20])
    refused = killed.lab("resume", "grind-1")
    assert refused.code == 2
    assert "plan.json cannot be read" in refused.err


def test_two_resumes_at_once_run_everything_once(killed: Any) -> None:
    killed.touch("go")
    both = [killed.lab.start("resume", "grind-1") for _ in range(2)]
    errors = [process.communicate(timeout=60)[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 5], [0, 2]), errors
    assert killed.count("begin grind/3") == 1


def test_a_home_of_the_first_format_is_brought_up_to_date(mill: Any) -> None:
    assert mill.run().code == 0
    db = sqlite3.connect(mill.lab.home / "labctl.db", isolation_level=None)
    for column in ("adopts", "stop_at", "wanted"):
        db.execute(f"ALTER TABLE run DROP COLUMN {column}")
    db.execute("PRAGMA user_version=1")
    db.close()
    assert mill.lab("runs", "list").code == 0
    again = mill.run()
    assert again.code == 0, again.err
    db = sqlite3.connect(mill.lab.home / "labctl.db")
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    assert set(mill.states("grind-2").values()) == {"cached"}


def test_the_host_of_a_removed_run_ends(mill: Any) -> None:
    process = mill.start("--hold", "grind/0", "--jobs", "1")
    mill.wait("holds grind/0")
    subprocess.run(["rm", "-rf", str(mill.lab.home / "runs" / "grind-1")], check=True)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 5
    assert "was removed while it ran" in err


def test_a_job_of_another_project_is_no_reason_to_stop(mill: Any) -> None:
    refused = mill.lab("resume", "nothing-1")
    assert refused.code == 2
    assert "there are no runs here" in refused.err
    assert not mill.lab.home.exists() or not os.listdir(mill.lab.home / "runs")


def test_a_sweep_goes_on(mill: Any, wait_until: Any) -> None:
    process = mill.start("--grid", "steps=2,3", "--parts", "2", "--jobs", "1", "--hold", "grind/1")
    mill.wait("end grind/0")
    mill.wait("holds grind/1")
    kill(process, wait_until)
    mill.touch("go")
    done = mill.lab("resume", "last")
    assert done.code == 0, done.err
    assert set(mill.states()) == {f"{job}@steps={n}" for job in ("grind/0", "grind/1", "sum") for n in (2, 3)}
    assert set(mill.states().values()) == {"succeeded"}


def test_what_was_borrowed_stays_borrowed(mill: Any) -> None:
    assert mill.run("--seed", "3").code == 0
    process = mill.start("--seed", "4", "--from", "grind-1", "--only", "sum", "--hold", "grind/0")
    process.communicate(timeout=30)
    assert mill.states("grind-2")["grind/0"] == "reused"
    cut = mill.start("--seed", "5", "--hold", "sum", "--skip", "grind", "--from", "grind-1", "--fail", "sum")
    cut.communicate(timeout=30)
    record = mill.lab.record("grind-3")
    assert [job["id"] for job in record["jobs"]] == ["sum"]


def test_inline_runs_go_on_too(mill: Any, wait_until: Any) -> None:
    process = mill.start("--on", "inline", "--hold", "grind/1")
    mill.wait("holds grind/1")
    kill(process, wait_until)
    mill.touch("go")
    done = mill.lab("resume", "last")
    assert done.code == 0, done.err
    assert mill.count("begin grind/0") == 1


def test_a_project_that_is_gone_is_named(killed: Any) -> None:
    for path in killed.lab.site.glob("labctl_grind-*"):
        (path / "entry_points.txt").write_text("")
    refused = killed.lab("resume", "last")
    assert refused.code == 3
    assert "there is no project named grind" in refused.err
    assert killed.states()["grind/0"] == "succeeded"


def test_a_second_ctrl_c_ends_at_once_and_keeps_what_was_done(mill: Any) -> None:
    process = mill.start("--jobs", "1", "--hold", "grind/1", "--steps", "3", "--pause", "5", "--grace", "60s")
    mill.wait("begin grind/0")
    process.send_signal(signal.SIGINT)
    line = process.stderr.readline()
    while line and "stopping" not in line:
        line = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert mill.states()["grind/0"] == "interrupted"
    assert mill.show()["run"]["state"] == "interrupted"


def test_what_rests_on_a_mended_job_is_made_anew(mill: Any) -> None:
    mill.install_tolerant()
    assert mill.lab("run", "tolerant", "--marks", str(mill.folder)).code == 6
    mill.touch("mended")
    done = mill.lab("retry", "last")
    assert done.code == 0, done.err
    values = {job["id"]: job["value"] for job in mill.lab.record("tolerant-1")["jobs"]}
    assert values == {"first": 7, "judge": {"ok": True, "value": 7}, "summary": {"ok": True, "value": 7}}


def test_a_rebuild_from_a_sound_database_loses_nothing(killed: Any) -> None:
    assert killed.lab("runs", "set", "last", "--note", "a later note", "--tag", "kept").code == 0
    (killed.lab.home / "runs" / "grind-1" / "journal.jsonl").write_bytes(
        (killed.lab.home / "runs" / "grind-1" / "journal.jsonl").read_bytes().split(b"\n")[0] + b"\n"
    )  # as if the host had been killed before it could write what the database knew
    before = killed.show()
    assert killed.lab("db", "rebuild").code == 0
    after = killed.show()
    assert after["run"]["note"] == "a later note"
    assert after["run"]["tags"] == ["kept"]
    assert after["run"]["jobs_done"] == 2
    assert after["jobs"] == before["jobs"]
    assert after["attempts"] == before["attempts"]
    killed.touch("go")
    assert killed.lab("resume", "last").code == 0
    assert killed.count("begin grind/0") == 1


def test_what_cannot_be_retried_is_told_why(mill: Any) -> None:
    assert mill.run("--fail", "grind/1").code == 6
    skipped = mill.lab("retry", "last", "sum")
    assert skipped.code == 2
    assert "failed: grind/1" in skipped.err
    assert "it succeeded in part" in mill.lab("resume", "last").err


def test_the_page_of_a_run_is_never_older_than_its_result(mill: Any) -> None:
    """The host is killed when the result is on record and the page is not drawn yet."""
    assert mill.run("--fail", "grind/1").code == 6
    page = mill.lab.home / "runs" / "grind-1" / "report.html"
    assert "the millstone broke" in page.read_text()
    mill.touch("mended")
    fault = """
        import os
        from labctl.walk import ending
        ending.draw = lambda *given: os.kill(os.getpid(), 9)
        """
    mill.lab.distribution("fault", {}, {"sitecustomize.py": fault})
    assert mill.lab("retry", "last").code == -9
    (mill.lab.site / "sitecustomize.py").unlink()
    assert mill.show()["run"]["state"] == "succeeded"
    shown = mill.lab("report", "last")
    assert shown.code == 0, shown.err
    assert "the millstone broke" not in page.read_text()
    assert "total 12" in page.read_text()
    page.unlink()
    fault = """
        from labctl.store import folder
        def refuse(path, content):
            raise OSError(30, "Read-only file system", str(path))
        folder.write_whole = refuse
        """
    mill.lab.distribution("fault", {}, {"sitecustomize.py": fault})
    refused = mill.lab("report", "last")
    assert refused.code == 2, refused.err
    assert "report.html could not be written" in refused.err
    assert "labctl report grind-1 --markdown" in refused.err


def test_ctrl_c_while_results_are_collected_leaves_something_to_resume(mill: Any, wait_until: Any) -> None:
    path = mill.lab.site / "grind_plugin.py"
    waits = """
        import time
        from pathlib import Path
        marks = Path(ctx.parameters.marks)
        (marks / "collecting").touch()
        while (marks / "collecting").exists():
            time.sleep(0.01)
        found = results.get("sum")
"""
    path.write_text(path.read_text().replace('        found = results.get("sum")\n', waits.lstrip("\n")))
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    mill.lab.distribution("hears", {}, {"sitecustomize.py": heard})
    process = mill.start("--parts", "2")
    wait_until((mill.folder / "collecting").exists, "nothing is collected")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "labctl resume grind-1" in err
    assert mill.show()["run"]["state"] == "interrupted"
    assert set(mill.states().values()) == {"succeeded"}
    assert mill.lab.record("grind-1")["verdicts"][0]["outcome"] == "not judged"
    (mill.folder / "collecting").unlink()
    process = mill.lab.start("resume", "last")
    wait_until((mill.folder / "collecting").exists, "nothing is collected")
    (mill.folder / "collecting").unlink()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert mill.lab.record("grind-1")["verdicts"][0]["outcome"] == "supported"
    assert mill.count("begin grind/0") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('    pause: Annotated[float, Param(ge=0, description="seconds of a step")] = 0.0\n', ""),
        ('Param(ge=1, description="how many")] = 4', 'Param(ge=7, description="how many")] = 9'),
        ('[int, Param(ge=1, description="how many")] = 4', '[bool, Param(description="whether")] = True'),
    ],
)
def test_parameters_that_the_project_has_no_more_are_named(killed: Any, old: str, new: str) -> None:
    path = killed.lab.site / "grind_plugin.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new).replace("p.pause", "0.0").replace("p.parts", "4"))
    refused = killed.lab("resume", "grind-1")
    assert refused.code == 2, refused.err
    assert "could not go on" not in refused.err
    assert ("pause" if new == "" else "parts") in refused.err


@pytest.mark.parametrize("part", ["keys", "jobs", "predictions", "origins", "parameters"])
def test_a_plan_that_contradicts_itself_is_no_fault_of_ours(killed: Any, part: str) -> None:
    import json

    path = killed.lab.home / "runs" / "grind-1" / "plan.json"
    plan = json.loads(path.read_text())
    if part == "keys":
        del plan["keys"]["grind/2"]
    elif part in ("jobs", "predictions"):
        del plan[part][0]
    elif part == "origins":
        plan["points"][0]["origins"] = {}
    else:
        plan["points"][0]["parameters"]["steps"] = [1]
    path.write_text(json.dumps(plan))
    killed.touch("go")
    for words in (("explain", "last", "grind/2"), ("run", "grind", "--like", "last", "--plan"),
                  ("resume", "last")):  # fmt: skip
        done = killed.lab(*words)
        assert done.code in (0, 2), (words, done.err)
        assert "could not go on" not in done.err, (words, done.err)
    refused = killed.lab("resume", "last")
    assert refused.code == 2
    assert part == "origins" or "plan" in refused.err or "steps" in refused.err


def test_content_that_is_gone_before_it_is_collected_is_made_again_on_resume(mill: Any) -> None:
    assert mill.run("--parts", "2").code == 0
    fault = """
        import shutil
        from labctl.walk import ending
        shown = ending._show_artifacts
        def gone(results, store, name):
            yield from shown(results, store, name)
            shutil.rmtree(store.home / "objects")
        ending._show_artifacts = gone
        """
    mill.lab.distribution("fault", {}, {"sitecustomize.py": fault})
    cut = mill.run("--parts", "2", "--seed", "7")
    assert cut.code == 5, cut.err
    assert "is not in the store" in cut.err
    assert "Traceback" not in cut.err
    assert "labctl resume grind-2" in cut.err
    (mill.lab.site / "sitecustomize.py").unlink()
    assert mill.show()["run"]["state"] == "interrupted"
    assert mill.lab("resume", "last").code == 0
    assert mill.lab.record("grind-2")["verdicts"][0]["outcome"] == "supported"
    assert mill.lab("runs", "verify", "grind-2").code == 0


def test_a_torn_line_costs_no_line_after_it(mill: Any, wait_until: Any) -> None:
    """The host died while it wrote the line; then the database is lost, too, and there is no record yet."""
    process = mill.start("--jobs", "1", "--hold", "grind/1")
    mill.wait("holds grind/1")
    kill(process, wait_until)
    folder = mill.lab.home / "runs" / "grind-1"
    with open(folder / "journal.jsonl", "ab") as file:
        file.write(b'{"job": {"id": "grind/1", "sta')
    metrics = folder / "metrics.jsonl"
    metrics.write_bytes(b'{"job": "grind/0", "poi')
    mill.touch("go")
    assert mill.lab("resume", "last").code == 0
    for path in (folder / "record.json", *mill.lab.home.glob("labctl.db*")):
        path.unlink()
    rebuilt = mill.lab("db", "rebuild")
    assert rebuilt.code == 0, rebuilt.err
    assert set(mill.states().values()) == {"succeeded"}
    told = mill.lab("runs", "metrics", "last", "--format", "json").json["numbers"]
    assert [n["step"] for n in told if n["job"] == "grind/2"] == [0, 1, 2]
