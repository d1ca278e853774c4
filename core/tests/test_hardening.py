"""Accidents that were found by trying to break it; each has happened once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labctl.testing import Lab

Make = Callable[..., Lab]

PLAN = """from labctl.api import *
class P:
    @hookimpl
    def run(self, ctx, environments):
{body}
plugin = P()
"""


def plan(lab: Lab, body: str, **tasks: str) -> Lab:
    """A project ``odd`` whose hook ``run`` is ``body``."""
    indented = "\n".join("        " + line for line in body.splitlines())
    lab.plugin("odd", PLAN.format(body=indented), **tasks)
    return lab


def states(lab: Lab, run: str) -> dict[str, str]:
    return {job["id"]: job["state"] for job in lab.record(run)["jobs"]}


def test_ids_that_are_almost_alike_share_no_folder(lab: Lab) -> None:
    work = """
        import time
        def work(job):
            job.artifact("x").write_text(job.id)
            time.sleep(0.3)
            return job.artifact("x").read_text()
        """
    body = "yield Job('a/b', 'odd_tasks:work')\nyield Job('a__b', 'odd_tasks:work')\nyield Job('a', 'odd_tasks:other')"  # noqa: E501
    other = (
        "\n        def other(job):\n            job.artifact('b').write_text('file')\n            return 1\n"
    )
    plan(lab, body, odd_tasks=work + other)
    done = lab("run", "odd", "--jobs", "3")
    assert done.code == 0, done.err
    values = {job["id"]: job["value"] for job in lab.record("odd-1")["jobs"]}
    assert values == {"a/b": "a/b", "a__b": "a__b", "a": 1}
    shown = sorted(p.relative_to(lab.home).as_posix() for p in (lab.home / "runs/odd-1/artifacts").rglob("*"))
    assert "runs/odd-1/artifacts/a/b" in shown
    assert "runs/odd-1/artifacts/a~b/x" in shown


def test_points_of_a_grid_are_told_apart_and_counted_once(dice: Lab) -> None:
    done = dice(
        "run", "dice", "--grid", "threshold=0.001,1e-3,0.0010001", "--only", "mean", "--plan", "--json"
    )
    assert done.code == 0, done.err
    assert len([job for job in done.json["jobs"] if job["local_id"] == "mean"]) == 2


def test_code_that_changes_during_a_run_is_not_cached_under_its_old_key(lab: Lab) -> None:
    body = "yield Job('first', 'odd_slow:first')\nyield Job('second', 'odd_tasks:work', needs={'x': 'first'})"
    plan(
        lab,
        body,
        odd_slow="import time\ndef first(job):\n    time.sleep(4)\n    return 1",
        odd_tasks="def work(job): return 'old'",
    )
    host = lab.start("run", "odd")
    wait(lambda: (lab.home / "labctl.db").exists() and "running" in lab("runs", "show", "last").out)
    old = (lab.site / "odd_tasks.py").read_text()
    (lab.site / "odd_tasks.py").write_text("def work(job): return 'new'")
    _, err = host.communicate(timeout=30)
    assert "has changed since the run began" in err
    (lab.site / "odd_tasks.py").write_text(old)
    assert lab("run", "odd").code == 0
    assert lab.record("odd-2")["jobs"][1]["value"] == "old"


@pytest.mark.parametrize(
    "what", ["data beside code", "a package on the way", "a namespace", "a package outside"]
)
def test_everything_that_decides_a_result_is_in_its_key(lab: Lab, what: str) -> None:
    files = {
        "data beside code": ("kp/data/table.json", "1", "2"),
        "a package on the way": ("top/__init__.py", "VALUE = 1", "VALUE = 2"),
        "a namespace": ("nshelp/util.py", "VALUE = 1", "VALUE = 2"),
    }
    lab.distribution(
        "labctl-odd",
        {"labctl.plugins": {"odd": "odd_plugin:plugin"}},
        {
            "odd_plugin.py": PLAN.format(body="        yield Job('a', 'top.ns.tasks:work')"),
            "top/__init__.py": "VALUE = 1",
            "top/ns/tasks.py": "def work(job):\n    import kp.data.gen, nshelp.util, oddly_named\n    return 1",  # noqa: E501
            "kp/__init__.py": "", "kp/data/gen.py": "", "kp/data/table.json": "1", "nshelp/util.py": "VALUE = 1",  # noqa: E501
        },
    )  # fmt: skip
    other = lab.site.parent / "site-packages"
    other.mkdir()
    (other / "oddly_named.py").write_text("x = 1")
    metadata = other / "Other_Name-1.0.dist-info"
    metadata.mkdir()
    (metadata / "RECORD").write_text("oddly_named.py,sha256=x,5\n")
    lab.variables["PYTHONPATH"] = f"{lab.site}{os.pathsep}{other}"
    assert lab("run", "odd").code == 0
    if what == "a package outside":
        metadata.rename(other / "Other_Name-2.0.dist-info")
    else:
        path, _, after = files[what]
        (lab.site / path).write_text(after)
    assert lab("run", "odd").code == 0
    assert states(lab, "odd-2") == {"a": "succeeded"}
    assert lab("run", "odd").code == 0
    assert states(lab, "odd-3") == {"a": "cached"}


def test_a_job_that_ignores_signals_leaves_the_next_one_able_to_save(lab: Lab) -> None:
    tasks = """
        import signal, time
        from labctl.api import Stopped
        def deaf(job):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            return 1
        def work(job):
            open("../../../began", "w").close()
            while not job.should_stop():
                time.sleep(0.05)
            (job.checkpoint.path / "saved").touch()
            raise Stopped
        """
    plan(
        lab,
        "yield Job('a', 'odd_tasks:deaf')\nyield Job('b', 'odd_tasks:work', needs={'x': 'a'})",
        odd_tasks=tasks,
    )
    host = lab.start("run", "odd", "--jobs", "1")
    wait(lambda: (lab.home / "began").exists())
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=30)
    assert (lab.home / "runs/odd-1/checkpoints/b/saved").exists()


def test_artifacts_that_overlap_are_refused(one: Make) -> None:
    lab = one(
        "def work(job):\n    job.artifact('out/x.json').write_text('1')\n    job.artifact('out')\n    return 1"  # noqa: E501
    )
    done = lab("run", "one")
    assert done.code == 1
    assert "it overlaps with artifact 'out/x.json'" in done.err


def test_the_child_of_a_fork_is_not_the_job(one: Make) -> None:
    lab = one(
        """
        import os
        def work(job):
            child = os.fork()
            if child == 0:
                return "child"
            os.waitpid(child, 0)
            job.artifact("x").write_text("parent")
            return "parent"
        """
    )
    assert lab("run", "one").code == 0
    assert lab.record("one-1")["jobs"][0]["value"] == "parent"


PRELOADED = """
from labctl.api import *
class P:
    @hookimpl
    def provision(self, ctx):
        yield Environment(name="odd", preload=("odd_preload",), timeout=2)
        yield Environment(name="plain", timeout=2)
    @hookimpl
    def run(self, ctx, environments):
        yield Job("a", "odd_tasks:work", {"text": "x" * 600_000}, environment="odd")
        yield Job("b", "odd_tasks:slow", environment="plain")
plugin = P()
"""
PRELOADED_TASKS = (
    "import time\ndef work(job, *, text): return len(text)\ndef slow(job):\n    time.sleep(30)\n"
)


def test_a_template_that_is_slow_holds_up_nobody_else(lab: Lab) -> None:
    lab.plugin("odd", PRELOADED, odd_tasks=PRELOADED_TASKS, odd_preload="import time; time.sleep(300)")
    host = lab.start("run", "odd", "--json")
    assert host.stdout is not None
    seen = []
    for line in host.stdout:
        event = json.loads(line)
        seen.append((event.get("job"), event.get("state")))
        if seen[-1] == ("b", "timed out"):
            break
    assert ("b", "timed out") in seen
    assert ("a", "running") not in seen
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=60)
    assert host.returncode == 130


def test_a_template_that_ends_its_process_costs_no_other_worker(lab: Lab) -> None:
    lab.plugin("odd", PRELOADED, odd_tasks=PRELOADED_TASKS, odd_preload="import os; os._exit(3)")
    done = lab("run", "odd", "--only", "a")
    assert done.code == 0, done.err
    assert lab.record("odd-1")["jobs"][0]["value"] == 600_000
    assert "no worker could be started" not in done.err


def test_a_job_cannot_change_the_inputs_of_another(lab: Lab) -> None:
    tasks = """
        import os
        def make(job):
            folder = job.artifact("m")
            folder.mkdir()
            (folder / "w").write_text("1")
            return 1
        def spoil(job):
            (job.input("m").path("m") / "more").write_text("x")
            (job.input("m").path("m") / "w").unlink()
            return 1
        def look(job):
            return sorted(os.listdir(job.input("m").path("m")))
        """
    body = "yield Job('a', 'odd_tasks:make')\nyield Job('b', 'odd_tasks:spoil', needs={'m': 'a'})\n"
    body += "yield Job('c', 'odd_tasks:look', needs={'m': 'a', 'after': 'b'})"
    plan(lab, body, odd_tasks=tasks)
    assert lab("run", "odd").code == 0
    assert lab.record("odd-1")["jobs"][2]["value"] == ["w"]


def test_a_file_that_is_linked_into_an_artifact_stays_its_owners(one: Make, tmp_path: Path) -> None:
    mine = tmp_path / "mine.dat"
    mine.write_text("1")
    lab = one(f"import os\ndef work(job):\n    os.link({str(mine)!r}, job.artifact('x'))\n    return 1")
    assert lab("run", "one").code == 0, "on one file system"
    assert mine.stat().st_mode & 0o200
    mine.write_text("2")
    assert lab("collect", "last", "-o", "out").code == 0
    assert (lab.folder / "out/work/x").read_text() == "1"


def test_variables_of_a_longer_named_project_are_its_own(dice: Lab, projects) -> None:  # type: ignore[no-untyped-def]
    dice.plugin("dice-x", projects.one_job().replace("one_tasks", "dice_x_tasks"), dice_x_tasks="")
    dice.variables["LABCTL_DICE_X_SIDES"] = "3"
    assert dice("run", "dice", "--preset", "quick").code == 0
    dice.variables["LABCTL_DICE_SIDE"] = "3"
    assert dice("run", "dice").code == 2


def test_a_worker_with_other_limits_is_not_used_again(lab: Lab) -> None:
    tasks = """
        import resource, sys
        def work(job):
            seen = [resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 50, sys.getrecursionlimit()]
            resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
            sys.setrecursionlimit(500)
            return seen
        """
    plan(lab, "for i in range(3): yield Job(f'w/{i}', 'odd_tasks:work')", odd_tasks=tasks)
    assert lab("run", "odd", "--jobs", "1").code == 0
    assert [job["value"] for job in lab.record("odd-1")["jobs"]] == [[True, 1000]] * 3


def test_stopped_without_being_asked_is_a_failure(one: Make) -> None:
    lab = one("from labctl.api import Stopped\ndef work(job):\n    raise Stopped")
    done = lab("run", "one")
    assert done.code == 1
    assert "it raised Stopped though the run was not being stopped" in done.err
    assert len(lab.record("one-1")["attempts"]) == 1


def test_a_zygote_that_is_killed_is_replaced(lab: Lab) -> None:
    body = "yield Job('a', 'odd_tasks:kill', fresh=True)\nyield Job('b', 'odd_tasks:work', fresh=True, needs={'x': 'a'})"  # noqa: E501
    tasks = """
        import os, signal
        def parent(pid):
            return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
        def kill(job):
            os.kill(parent(os.getppid()), signal.SIGKILL)
            return 1
        def work(job):
            return 2
        """
    plan(lab, body, odd_tasks=tasks)
    done = lab("run", "odd", "--jobs", "1")
    assert done.code == 0, done.err
    assert states(lab, "odd-1") == {"a": "succeeded", "b": "succeeded"}


def test_a_damaged_object_does_not_survive_no_cache(dice: Lab) -> None:
    dice("run", "dice")
    sha256 = dice.record("dice-1")["jobs"][0]["artifacts"][0]["sha256"]
    path = dice.home / "objects" / sha256[:2] / sha256
    path.chmod(0o644)
    path.write_text("[" + ", ".join(["99"] * 200) + "]")
    assert dice("run", "dice", "--no-cache").code == 0
    assert dice.record("dice-2")["jobs"][4]["value"] == dice.record("dice-1")["jobs"][4]["value"]


def test_a_judge_that_runs_again_makes_its_data_no_younger(dice: Lab) -> None:
    dice("run", "dice")
    tasks = dice.site / "dice_mean.py"
    source = (dice.site / "dice_tasks.py").read_text()
    tasks.write_text("import json\n" + source[source.index("def mean") :])
    plugin = dice.site / "dice_plugin.py"
    plugin.write_text(plugin.read_text().replace("dice_tasks:mean", "dice_mean:mean"))
    done = dice("run", "dice", "--threshold", "3.1")
    assert states(dice, "dice-2")["mean"] == "succeeded"
    assert "post hoc" in done.out


def test_results_of_other_parameters_are_said_to_be_so(dice: Lab) -> None:
    dice("run", "dice")
    done = dice("run", "dice", "--sides", "100", "--skip", "throw")
    assert done.code == 0
    assert "taken from dice-1: roll/0, roll/1, roll/2, roll/3" in done.err
    assert "roll/0 of dice-1 was made with another sides 6 instead of 100" in done.err
    assert any("sides 6 instead of 100" in note for note in dice.record("dice-2")["report"]["notes"])


def test_results_that_were_borrowed_twice_are_still_said_to_differ(dice: Lab) -> None:
    dice("run", "dice")
    dice("run", "dice", "--from", "dice-1")
    done = dice("run", "dice", "--sides", "100", "--from", "dice-2")
    assert "roll/0 of dice-1 was made with another sides 6 instead of 100" in done.err


def test_the_id_of_a_job_is_in_its_key_and_its_point_is_not(lab: Lab) -> None:
    source = PLAN.format(body="        for n in 'ab': yield Job(n, 'odd_tasks:work', seed=1)")
    options = "class O(Parameters):\n    t: int = 0\nclass P:\n    parameters = O"
    lab.plugin("odd", source.replace("class P:", options), odd_tasks="def work(job): return job.id")
    assert lab("run", "odd", "--grid", "t=1,2").code == 0
    assert lab("run", "odd").code == 0
    assert [job["value"] for job in lab.record("odd-2")["jobs"]] == ["a", "b"]
    assert set(states(lab, "odd-2").values()) == {"cached"}


def test_parameters_of_jobs_are_json_in_one_order(lab: Lab) -> None:
    plan(lab, "yield Job('a', 'odd_tasks:work', {'x': {1, 2}})", odd_tasks="def work(job, *, x): return 1")
    done = lab("run", "odd")
    assert done.code == 3
    assert "params.x: set; use sorted(x)" in done.err


def test_a_run_whose_jobs_all_end_well_is_no_interrupted_one(one: Make, tmp_path: Path) -> None:
    lab = one(
        f"""
        import time
        def work(job):
            open({str(tmp_path / "began")!r}, "w").close()
            while not job.should_stop():
                time.sleep(0.05)
            return "whole"
        """
    )
    host = lab.start("run", "one")
    wait(lambda: (tmp_path / "began").exists())
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=20)
    assert host.returncode == 0
    assert lab.record("one-1")["run"]["state"] == "succeeded"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_cost_nothing(dice: Lab, closed: str) -> None:
    command = " ".join(dice.command("run", "dice", "--preset", "quick"))
    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], cwd=dice.folder, env=dice.environment(), check=False
    )
    assert done.returncode == 0
    assert set(states(dice, "dice-1").values()) == {"succeeded"}


def test_a_relative_home(dice: Lab) -> None:
    dice.variables["LABCTL_HOME"] = "myhome"
    assert dice("run", "dice").code == 0
    assert (dice.folder / "myhome" / "runs" / "dice-1" / "report.html").exists()


def test_a_working_directory_that_is_gone(dice: Lab) -> None:
    words = " ".join(dice.command("runs", "list"))
    script = f"mkdir gone && cd gone && rmdir ../gone && {words}"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=dice.folder,
        env=dice.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 5)
    assert "Traceback" not in done.stderr


def test_words_that_are_no_utf8(dice: Lab) -> None:
    dice.variables |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = dice("run", "dice", "--preset", "quick", "--note", "caf\udce9 \u00e9t\u00e9")
    assert done.code == 0, done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("seed", ["ten", "[1, 2]", "-1", "99999999999999999999999"])
def test_a_seed_that_is_none(dice: Lab, seed: str) -> None:
    (dice.folder / "e.yaml").write_text(f"seed: {seed}\n")
    done = dice("run", "dice", "-f", "e.yaml")
    assert done.code == 2
    assert "e.yaml:1:7   seed: " in done.err


def test_a_table_that_nobody_reads(dice: Lab) -> None:
    (dice.folder / "labctl.toml").write_text("[paramters.dice]\nsides = 9\n")
    done = dice("run", "dice")
    assert done.code == 2
    assert "did you mean parameters?" in done.err


def test_evidence_for_no_claim_or_twice_is_said(dice: Lab) -> None:
    plugin = dice.site / "dice_plugin.py"
    twice = 'evidence=(evidence, Evidence("P1", 0.0, 0.0, 0.0, n=9), Evidence("P9", 1.0, 0.9, 1.1, n=9)),'
    plugin.write_text(plugin.read_text().replace("evidence=(evidence,),", twice))
    done = dice("run", "dice")
    assert "evidence for P1 a second time" in done.err
    assert "evidence for P9, which is no registered claim" in done.err
    assert dice.record("dice-1")["verdicts"][0]["outcome"] == "supported"


def test_the_record_is_complete_by_itself(dice: Lab) -> None:
    dice("run", "dice")
    run = dice.record("dice-1")["run"]
    listed = dice("runs", "list", "--json").json["runs"][0]
    for name in ("state", "jobs_done", "headline", "verdicts", "spent_usd"):
        assert run[name] == listed[name]


def test_an_option_of_an_extension_can_be_swept(lab: Lab) -> None:
    source = """
        from labctl.api import *
        class Host:
            @hookimpl
            def run(self, ctx, environments):
                for part in ctx.extensions("parts"):
                    yield Job("base", "host_tasks:work", {"depth": part.parameters.depth})
        plugin = Host()
        """
    lab.plugin("host", source, host_tasks="def work(job, *, depth): return depth")
    part = "from labctl.api import *\nclass O(Parameters):\n    depth: int = 1\nclass G:\n    parameters = O\ng = G()\n"  # noqa: E501
    lab.distribution("labctl-host-deep-one", {"labctl.host.parts": {"deep-one": "deep:g"}}, {"deep.py": part})
    done = lab("run", "host", "--grid", "deep-one.depth=2,3")
    assert done.code == 0, done.err
    assert [job["value"] for job in lab.record("host-1")["jobs"]] == [2, 3]
    assert "--deep-one.depth" in lab("plugins", "show", "host").out


def test_an_input_file_that_changes_fails_its_job_alone(lab: Lab) -> None:
    source = """
        from labctl.api import *
        class Options(Parameters):
            table: InputFile | None = None
        class P:
            parameters = Options
            @hookimpl
            def run(self, ctx, environments):
                yield Job("slow", "odd_tasks:slow")
                yield Job("late", "odd_tasks:late", needs={"x": "slow"}, files={"t": ctx.parameters.table})
                yield Job("other", "odd_tasks:slow", needs={"x": "slow"})
        plugin = P()
        """
    tasks = "import time\ndef slow(job):\n    time.sleep(4)\n    return 1\ndef late(job): return 1\n"
    lab.plugin("odd", source, odd_tasks=tasks)
    (lab.folder / "t.txt").write_text("1")
    host = lab.start("run", "odd", "--table", "t.txt")
    wait(lambda: (lab.home / "labctl.db").exists() and "running" in lab("runs", "show", "last").out)
    (lab.folder / "t.txt").write_text("2")
    _, err = host.communicate(timeout=30)
    assert host.returncode == 6
    assert "has changed since it was digested" in err
    assert states(lab, "odd-1") == {"slow": "succeeded", "late": "failed", "other": "succeeded"}


def test_a_users_timeout_caps_those_of_jobs(lab: Lab) -> None:
    plan(lab, "yield Job('a', 'odd_tasks:work', timeout=100.0)", odd_tasks="def work(job): return 1")
    done = lab("run", "odd", "--timeout", "50", "--plan", "--json")
    assert done.code == 0, done.err
    assert done.json["jobs"][0]["timeout"] == 50.0


def test_what_plugins_print_is_not_among_the_events(lab: Lab) -> None:
    body = "        print('planning')\n        yield Job('a', 'odd_tasks:work')"
    source = "print('imported')\n" + PLAN.format(body=body)
    lab.plugin("odd", source, odd_tasks="def work(job):\n    print('working')\n    return 1")
    for where in ("local", "inline"):
        done = lab("run", "odd", "--json", "--no-cache", "--on", where)
        assert done.code == 0
        assert all(line.startswith("{") for line in done.out.splitlines()), done.out


def test_paths_in_a_file_begin_at_the_file(dice: Lab) -> None:
    (dice.folder / "t.txt").write_text("project")
    (dice.folder / "sub").mkdir()
    (dice.folder / "sub" / "t.txt").write_text("sub")
    (dice.folder / "labctl.toml").write_text('[parameters.dice]\ntable = "t.txt"\n')
    command = dice.command("run", "dice", "--only", "throw")
    subprocess.run(command, cwd=dice.folder / "sub", env=dice.environment(), check=True, capture_output=True)
    assert dice.record("dice-1")["jobs"][0]["value"]["table"] == "project"


def test_a_plugin_behind_an_import_hook(lab: Lab, projects) -> None:  # type: ignore[no-untyped-def]
    """As setuptools installs a flat layout editable: a finder with a MAPPING, and nothing on the path."""
    elsewhere = lab.site.parent / "elsewhere" / "flat"
    elsewhere.mkdir(parents=True)
    (elsewhere / "__init__.py").write_text("")
    (elsewhere / "plugin.py").write_text(projects.one_job().replace("one_tasks", "flat.tasks"))
    (elsewhere / "tasks.py").write_text("def work(job): return 1")
    lab.distribution("labctl-flat", {"labctl.plugins": {"flat": "flat.plugin:plugin"}})
    finder = f"""
        import sys
        from importlib.machinery import PathFinder
        MAPPING = {{"flat": {str(elsewhere)!r}}}
        class Finder:
            @classmethod
            def find_spec(cls, name, path=None, target=None):
                if name == "flat":
                    return PathFinder.find_spec(name, [{str(elsewhere.parent)!r}])
        sys.meta_path.append(Finder)
        """
    start = "import __editable___flat_finder"
    lab.distribution("hook", {}, {"__editable___flat_finder.py": finder, "sitecustomize.py": start})
    assert lab("run", "flat").code == 0
    (elsewhere / "tasks.py").write_text("def work(job): return 2")
    assert lab("run", "flat").code == 0
    assert states(lab, "flat-2") == {"work": "succeeded"}


def test_damaged_records_are_named(dice: Lab) -> None:
    dice("run", "dice")
    (dice.home / "runs" / "dice-1" / "record.json").write_text('{"run": ')
    for words in (("runs", "show", "dice-1"), ("deploy", "dice-1", "--dry-run")):
        done = dice(*words)
        assert done.code == 2
        assert "dice-1/record.json cannot be read" in done.err


def test_deploy_follows_no_link(dice: Lab) -> None:
    dice("run", "dice")
    (dice.folder / "data").mkdir()
    (dice.folder / "data" / "rolls.json").symlink_to("/nowhere/at/all")
    done = dice("deploy", "last", "--dry-run")
    assert done.code == 2
    assert "data/rolls.json is a link" in done.err


def test_lines_fit_in_columns() -> None:
    from labctl.cli.progress import fitted

    assert fitted("abc", 2) == "ab"
    assert fitted("\u6f22\u5b57x", 4) == "\u6f22\u5b57"
    assert fitted("e\u0301x", 2) == "e\u0301x"


def test_gpus_are_shared_out_and_hidden_from_those_that_ask_for_none(lab: Lab) -> None:
    """A machine with one GPU, as far as its device files say."""
    fake = """
        from pathlib import Path
        real = Path.glob
        def glob(self, pattern):
            return [Path("/dev/nvidia0")] if pattern == "nvidia[0-9]*" else real(self, pattern)
        Path.glob = glob
        """
    lab.distribution("fake-gpu", {}, {"sitecustomize.py": fake})
    source = """
        from labctl.api import *
        class P:
            @hookimpl
            def provision(self, ctx):
                return [Environment(name="gpu", gpu="L40S"), Environment(name="cpu")]
            @hookimpl
            def run(self, ctx, environments):
                for i in range(2):
                    yield Job(f"gpu/{i}", "odd_tasks:work", environment="gpu")
                yield Job("cpu", "odd_tasks:work", environment="cpu")
        plugin = P()
        """
    tasks = """
        import os, time
        def work(job):
            began = time.time()
            time.sleep(0.4)
            return [os.environ["CUDA_VISIBLE_DEVICES"], began, time.time()]
        """
    lab.plugin("odd", source, odd_tasks=tasks)
    lab.variables["CUDA_VISIBLE_DEVICES"] = "3"
    done = lab("run", "odd", "--jobs", "3")
    assert done.code == 0, done.err
    values = {job["id"]: job["value"] for job in lab.record("odd-1")["jobs"]}
    assert [values[job][0] for job in ("gpu/0", "gpu/1", "cpu")] == ["3", "3", ""]
    first, second = sorted(values[f"gpu/{i}"][1:] for i in range(2))
    assert first[1] <= second[0]


def wait(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
