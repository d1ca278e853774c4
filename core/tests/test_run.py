"""A run from end to end, by the real command line."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from labctl.testing import Lab


def test_a_run_keeps_what_it_found(dice: Lab) -> None:
    done = dice("run", "dice", "--tag", "first", "--note", "a note")
    assert done.code == 0, done.err
    assert "supported" in done.out
    assert "P1" in done.out
    assert "Report: .labctl/runs/dice-1/report.html" in done.out
    folder = dice.home / "runs" / "dice-1"
    assert "<!doctype html>" in (folder / "report.html").read_text()
    record = dice.record("dice-1")
    assert [job["state"] for job in record["jobs"]] == ["succeeded"] * 6
    assert record["verdicts"][0]["outcome"] == "supported"
    assert record["run"]["tags"] == ["first"]
    assert record["run"]["note"] == "a note"
    faces = json.loads((folder / "artifacts" / "roll~0" / "rolls.json").read_text())
    assert len(faces) == 200
    assert (folder / "logs" / "roll~0.1.log").read_text() == "rolling roll/0\n"
    points = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert {point["job"] for point in points} == {f"roll/{i}" for i in range(4)}


def test_the_home_is_private_and_ignored(dice: Lab) -> None:
    dice("run", "dice", "--preset", "quick")
    assert stat.S_IMODE(dice.home.stat().st_mode) == 0o700
    assert (dice.home / ".gitignore").read_text() == "*\n"


def test_claims_are_registered_before_the_first_job(dice: Lab) -> None:
    dice("run", "dice")
    record = dice.record("dice-1")
    seen = record["registrations"]["P1"]["first_seen"]
    assert seen < min(attempt["started"] for attempt in record["attempts"])


def test_the_second_run_is_cached(dice: Lab) -> None:
    dice("run", "dice")
    done = dice("run", "dice")
    assert done.code == 0
    record = dice.record("dice-2")
    assert [job["state"] for job in record["jobs"]] == ["cached"] * 6
    assert {job["origin"].partition("/")[0] for job in record["jobs"]} == {"dice-1"}
    assert record["attempts"] == []
    assert "6 from the cache (dice-1)" in done.err


def test_no_cache_runs_again_and_gives_the_same(dice: Lab) -> None:
    dice("run", "dice")
    dice("run", "dice", "--no-cache")
    first, second = dice.record("dice-1")["jobs"], dice.record("dice-2")["jobs"]
    assert {job["state"] for job in second} == {"succeeded"}
    assert [job["value"] for job in first] == [job["value"] for job in second]
    assert [job["artifacts"] for job in first] == [job["artifacts"] for job in second]


def test_only_what_changed_runs_again(dice: Lab) -> None:
    dice("run", "dice")
    tasks = dice.site / "dice_tasks.py"
    tasks.write_text(tasks.read_text() + "\n# a change\n")
    dice("run", "dice")
    assert {job["state"] for job in dice.record("dice-2")["jobs"]} == {"succeeded"}


def test_a_module_that_no_job_reaches_empties_no_cache(dice: Lab) -> None:
    dice("run", "dice")
    light = dice.site / "dice_plugin.py"
    light.write_text(light.read_text() + "\n# a change\n")
    dice("run", "dice")
    assert {job["state"] for job in dice.record("dice-2")["jobs"]} == {"cached"}


def test_another_seed_is_another_result(dice: Lab) -> None:
    dice("run", "dice")
    dice("run", "dice", "--seed", "7")
    first, second = dice.record("dice-1")["jobs"], dice.record("dice-2")["jobs"]
    assert first[0]["artifacts"][0]["sha256"] != second[0]["artifacts"][0]["sha256"]


def test_a_failed_job_fails_alone(dice: Lab) -> None:
    done = dice("run", "dice", "--fail")
    assert done.code == 6
    assert "ValueError: the die fell off the table" in done.err
    assert "try 1 of 2" in done.err
    assert "Traceback" not in done.err
    states = {job["id"]: job["state"] for job in dice.record("dice-1")["jobs"]}
    assert states["roll/2"] == "failed"
    assert states["strict"] == "skipped"
    assert states["mean"] == "succeeded"
    assert "needs roll/2, which failed" in done.err
    log = dice("runs", "logs", "last", "roll/2")
    assert "rolling roll/2" in log.out
    assert "Traceback" in log.err


def test_only_runs_what_is_named_and_its_needs(dice: Lab) -> None:
    done = dice("run", "dice", "--only", "mean")
    assert done.code == 0
    record = dice.record("dice-1")
    assert sorted(job["id"] for job in record["jobs"]) == ["mean", *(f"roll/{i}" for i in range(4))]
    assert record["verdicts"][0]["outcome"] == "supported"
    one = dice("run", "dice", "--only", "roll/1", "--json")
    assert [e["job"] for e in one.events if e["event"] == "job" and e["state"] == "cached"] == ["roll/1"]


def test_only_a_tag(dice: Lab) -> None:
    dice("run", "dice", "--only", "throw")
    assert [job["id"] for job in dice.record("dice-1")["jobs"]] == [f"roll/{i}" for i in range(4)]


def test_only_an_unknown_name_says_the_nearest(dice: Lab) -> None:
    done = dice("run", "dice", "--only", "meen")
    assert done.code == 2
    assert "did you mean mean?" in done.err


def test_skip_takes_earlier_results_and_says_which(dice: Lab) -> None:
    lacking = dice("run", "dice", "--skip", "throw")
    assert lacking.code == 2
    assert "roll/0, roll/1, roll/2, roll/3" in lacking.err
    assert "nothing was started" in lacking.err
    dice("run", "dice", "--seed", "3")
    dice("run", "dice")
    done = dice("run", "dice", "--skip", "throw", "--from", "dice-1")
    assert done.code == 0, done.err
    first, third = dice.record("dice-1"), dice.record("dice-3")
    assert [job["id"] for job in third["jobs"]] == ["mean", "strict"]
    assert third["jobs"][0]["value"] == first["jobs"][4]["value"]


def test_from_reuses_finished_jobs_though_the_code_has_changed(dice: Lab) -> None:
    dice("run", "dice", "--fail")
    tasks = dice.site / "dice_tasks.py"
    tasks.write_text(tasks.read_text() + "\n# a change\n")
    done = dice("run", "dice", "--from", "dice-1")
    assert done.code == 0, done.err
    states = {job["id"]: job["state"] for job in dice.record("dice-2")["jobs"]}
    assert states["roll/0"] == "reused"
    assert states["roll/2"] == "succeeded"
    assert states["strict"] == "succeeded"


def test_from_a_run_of_another_project_is_refused(dice: Lab, projects) -> None:  # type: ignore[no-untyped-def]
    dice.plugin("one", projects.one_job(), one_tasks="def work(job): return 1")
    dice("run", "one")
    done = dice("run", "dice", "--from", "one-1")
    assert done.code == 2
    assert "one-1 is a run of one, not of dice" in done.err


def test_a_grid_runs_every_combination(dice: Lab) -> None:
    done = dice("run", "dice", "--grid", "sides=6,20", "--grid", "rolls=50,60", "--only", "mean")
    assert done.code == 0, done.err
    record = dice.record("dice-1")
    assert len(record["jobs"]) == 20
    verdicts = {v["prediction"]["id"]: v["outcome"] for v in record["verdicts"]}
    assert len(verdicts) == 4
    assert verdicts["P1@sides=20,rolls=60"] == "supported"


def test_points_that_are_alike_share_their_work(dice: Lab) -> None:
    dice("run", "dice", "--grid", "threshold=2,9", "--only", "mean")
    record = dice.record("dice-1")
    assert len(record["jobs"]) == 10
    assert len(record["attempts"]) == 5
    outcomes = {v["prediction"]["id"]: v["outcome"] for v in record["verdicts"]}
    assert outcomes == {"P1@threshold=2.0": "supported", "P1@threshold=9.0": "refuted"}


def test_a_refuted_claim_is_a_result(dice: Lab) -> None:
    done = dice("run", "dice", "--threshold", "9")
    assert done.code == 0
    assert "refuted" in done.out


def test_an_edited_claim_on_old_results_is_post_hoc(dice: Lab) -> None:
    dice("run", "dice")
    done = dice("run", "dice", "--threshold", "2")
    assert "post hoc" in done.out
    record = dice.record("dice-2")
    assert record["verdicts"][0]["post_hoc"] is True
    first = dice.record("dice-1")
    assert first["verdicts"][0]["post_hoc"] is False
    assert first["registrations"]["P1"]["sha256"] != record["registrations"]["P1"]["sha256"]


def test_a_cached_run_keeps_its_first_registration(dice: Lab) -> None:
    dice("run", "dice")
    dice("run", "dice")
    first, second = dice.record("dice-1"), dice.record("dice-2")
    assert first["registrations"] == second["registrations"]
    assert second["verdicts"][0]["post_hoc"] is False


def test_a_plan_starts_nothing(dice: Lab) -> None:
    done = dice("run", "dice", "--plan")
    assert done.code == 0
    assert "Nothing was started" in done.out
    assert "roll/0" in done.out
    assert not dice.home.exists()


def test_a_plan_that_needs_results_there_are_none_of(dice: Lab) -> None:
    for words in (("--skip", "throw"), ("--from", "dice-1")):
        done = dice("run", "dice", "--plan", *words)
        assert done.code == 2
        assert "no earlier runs here" in done.err


def test_a_plan_knows_what_is_cached(dice: Lab) -> None:
    dice("run", "dice")
    done = dice("run", "dice", "--plan")
    assert done.out.count("cached, dice-1") == 6


def test_events_as_json(dice: Lab) -> None:
    done = dice("run", "dice", "--json")
    assert done.err == ""
    events = [event["event"] for event in done.events]
    assert len(events) == len(done.out.splitlines())
    assert events[0] == "planned"
    assert events[-1] == "ended"
    assert done.events[-1]["state"] == "succeeded"


def test_input_files_are_read_by_content(dice: Lab) -> None:
    (dice.folder / "table.txt").write_text("one two")
    assert dice("run", "dice", "--table", "table.txt").code == 0
    assert dice.record("dice-1")["jobs"][0]["value"]["table"] == "one two"
    (dice.folder / "table.txt").rename(dice.folder / "other.txt")
    dice("run", "dice", "--table", "other.txt")
    assert dice.record("dice-2")["jobs"][0]["state"] == "cached"
    (dice.folder / "other.txt").write_text("three")
    dice("run", "dice", "--table", "other.txt")
    assert dice.record("dice-3")["jobs"][0]["value"]["table"] == "three"


def test_a_damaged_object_is_found_and_made_again(dice: Lab) -> None:
    dice("run", "dice")
    sha256 = dice.record("dice-1")["jobs"][0]["artifacts"][0]["sha256"]
    path: Path = dice.home / "objects" / sha256[:2] / sha256
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(good[:-1] + b"x")
    done = dice("run", "dice")
    assert done.code == 0
    states = {job["id"]: job["state"] for job in dice.record("dice-2")["jobs"]}
    assert states["roll/0"] == "succeeded"
    assert states["mean"] == "cached"
    assert path.read_bytes() == good


def test_inline_runs_in_the_hosts_own_process(dice: Lab) -> None:
    done = dice("run", "dice", "--on", "inline")
    assert done.code == 0, done.err
    assert "rolling roll/0" in done.err
    here = dice.record("dice-1")["jobs"]
    assert dice("run", "dice", "--no-cache").code == 0
    there = dice.record("dice-2")["jobs"]
    assert [job["value"] for job in here] == [job["value"] for job in there]


def test_runs_list_and_show(dice: Lab) -> None:
    assert dice("runs", "list").code == 0
    dice("run", "dice")
    dice("run", "dice", "--fail")
    listed = dice("runs", "list", "--json").json["runs"]
    assert [run["name"] for run in listed] == ["dice-2", "dice-1"]
    assert [run["state"] for run in listed] == ["partial", "succeeded"]
    shown = dice("runs", "show", "dice-2").out
    assert "needs roll/2, which failed" in shown
    assert "threshold" in dice("runs", "show", "dice-2", "--parameters").out
    assert "rolls.json" in dice("runs", "show", "dice-2", "--artifacts").out
    by_uuid = dice("runs", "show", listed[1]["uuid"], "--json")
    assert by_uuid.json["run"]["name"] == "dice-1"
    unknown = dice("runs", "show", "dice-9")
    assert unknown.code == 2
    assert "there is no run named dice-9" in unknown.err


def test_collect_copies_and_overwrites_nothing(dice: Lab) -> None:
    dice("run", "dice")
    done = dice("collect", "last", "--artifact", "roll/1/*", "-o", "out")
    assert done.out == "out/roll/1/rolls.json\n"
    again = dice("collect", "last", "--artifact", "rolls.json", "-o", "out")
    assert again.code == 2
    assert "nothing was copied" in again.err
    assert not (dice.folder / "out" / "roll" / "0").exists()
    none = dice("collect", "last", "--artifact", "*.bin")
    assert none.code == 2


NESTED = """
from labctl.api import Job, hookimpl


class Nested:
    @hookimpl
    def run(self, ctx, environments):
        yield Job("a", "nested_tasks:write", {"name": "b/x"})
        yield Job("a/b", "nested_tasks:write", {"name": "NAME"})


plugin = Nested()
"""


@pytest.mark.parametrize("name", ["x", "x/y"])
def test_two_artifacts_at_one_path_are_not_collected(lab: Lab, name: str) -> None:
    write = "def write(job, *, name):\n    job.artifact(name).write_text(job.id)\n"
    lab.plugin("nested", NESTED.replace("NAME", name), nested_tasks=write)
    assert lab("run", "nested").code == 0
    refused = lab("collect", "last", "-o", "out")
    assert refused.code == 2, refused.out
    assert f"b/x of job a and {name} of job a/b would lie at one path; nothing was copied" in refused.err
    assert not (lab.folder / "out").exists()
    assert lab("collect", "last", "--artifact", "b/x", "-o", "out").code == 0
    assert (lab.folder / "out" / "a" / "b" / "x").read_text() == "a"


def test_report_as_json(dice: Lab) -> None:
    dice("run", "dice")
    assert dice("report").out == ".labctl/runs/dice-1/report.html\n"
    view = dice("report", "last", "--json").json
    assert view["run"] == "dice-1"
    assert view["sections"][0]["headline"].startswith("The mean is")


def test_deploy_shows_and_changes_nothing(dice: Lab) -> None:
    dice("run", "dice")
    new = dice("deploy", "last", "--dry-run", "--json").json["actions"]
    assert [(a["change"], a["to"]) for a in new] == [("new", "data/rolls.json")]
    target = dice.folder / "data" / "rolls.json"
    target.parent.mkdir()
    target.write_text("[1, 2]")
    changed = dice("deploy", "last", "--diff")
    assert "change" in changed.out
    assert "-[1, 2]" in changed.out
    assert target.read_text() == "[1, 2]"
    assert dice("run", "dice", "--grid", "sides=6,8", "--only", "throw").code == 0
    assert len(dice("deploy", "last", "--dry-run", "--json").json["actions"]) == 2
    refused = dice("deploy", "last")
    assert refused.code == 2
    assert "nothing was changed" in refused.err


def test_overrides_enter_the_record(dice: Lab) -> None:
    done = dice(
        "run", "dice", "--plan", "--cpu", "2", "--memory", "table=2GiB", "--timeout", "90s", "--retries", "3"
    )
    line = next(row for row in done.out.splitlines() if row.startswith("table "))
    assert line.split() == ["table", "any", "2", "2048", "MiB", "none", "1", "min", "30", "s", "4"]
    wrong = dice("run", "dice", "--cpu", "tabel=2")
    assert wrong.code == 2
    assert "did you mean --cpu table=2?" in wrong.err
    both = dice("run", "dice", "--timeout", "soon", "--memory", "0")
    assert both.code == 2
    assert "--timeout soon" in both.err
    assert "--memory 0" in both.err


def test_parameters_from_a_file(dice: Lab) -> None:
    (dice.folder / "study.yaml").write_text("sides: [6, 10]\nrolls: 50\nmode: fair\nseed: 5\n")
    done = dice("run", "dice", "-f", "study.yaml", "--only", "mean")
    assert done.code == 0, done.err
    record = dice.record("dice-1")
    assert [point["label"] for point in record["points"]] == ["sides=6", "sides=10"]
    assert record["points"][0]["origins"]["rolls"] == "file study.yaml:2:1"
    assert record["run"]["seed"] == 5
    (dice.folder / "bad.yaml").write_text("sides: one\nrols: 3\n")
    bad = dice("run", "dice", "-f", "bad.yaml")
    assert bad.code == 2
    assert "bad.yaml has 2 errors" in bad.err
    assert 'bad.yaml:1:8   sides: "one" is not a whole number' in bad.err
    assert "rols: no such parameter; did you mean rolls?" in bad.err


def test_an_opening_of_sealed_data_is_counted_and_shown(one) -> None:  # type: ignore[no-untyped-def]
    lab = one("def work(job): return 1")
    source = lab.site / "one_plugin.py"
    source.write_text(source.read_text().replace('"one_tasks:work")', '"one_tasks:work", seal="test set")'))
    lab("run", "one")
    lab("run", "one")
    lab("run", "one", "--seed", "2")
    assert [row["job"] for row in lab.record("one-2")["report"]["seals"]] == ["one-1/work"]
    assert [row["job"] for row in lab.record("one-3")["report"]["seals"]] == ["one-1/work", "one-3/work"]


def test_a_missing_package_names_the_extra_that_brings_it(lab: Lab) -> None:
    source = """
        from labctl.api import Environment, Job, hookimpl

        class P:
            @hookimpl
            def provision(self, ctx):
                return Environment(packages=("no-such-torch>=2",))

            @hookimpl
            def run(self, ctx, environments):
                yield Job("work", "heavy_plugin:work")

        def work(job):
            return 1

        plugin = P()
        """
    entry = {"labctl.plugins": {"heavy": "heavy_plugin:plugin"}}
    extra = ('no-such-torch>=2; extra == "train"',)
    lab.distribution("labctl-heavy", entry, {"heavy_plugin.py": source}, requires=extra)
    done = lab("run", "heavy")
    assert done.code == 3
    assert "heavy needs packages that are not installed: no-such-torch" in done.err
    assert 'pip install "labctl-heavy[train]"' in done.err
    assert not (lab.home / "runs" / "heavy-1").exists()
