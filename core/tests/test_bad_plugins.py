"""Broken plugins: an error that names plugin, version and hook, and nothing is started."""

from __future__ import annotations

import pytest

from labctl.testing import Lab

HEAD = "from labctl.api import *\n"

BROKEN = {
    "raises in run": (
        "def run(self, ctx, environments): return ctx.parameters['stations']",
        "hook run: TypeError",
    ),
    "raises in provision": (
        "def provision(self, ctx): raise KeyError('gpu')",
        "hook provision: KeyError: 'gpu'",
    ),
    "exits in run": ("def run(self, ctx, environments): raise SystemExit(0)", "hook run: SystemExit"),
    "a number from run": (
        "def run(self, ctx, environments): return 3",
        "hook run: returned int, not Job or Service or Prediction",
    ),
    "a text from run": ("def run(self, ctx, environments): return 'job'", "hook run: returned str"),
    "texts from run": ("def run(self, ctx, environments): return ['job']", "item 0 is str 'job'"),
    "a dict from provision": (
        "def provision(self, ctx): return {'cpu': 1}",
        "hook provision: returned dict, not Environment",
    ),
    "a bad field": (
        "def provision(self, ctx): return Environment(timeout='soon')",
        "Environment 'default': Expected `float`, got `str` - at `$.timeout`",
    ),
    "two environments of a name": (
        "def provision(self, ctx): return [Environment(), Environment(cpu=2)]",
        "two environments are named 'default'",
    ),
    "no job": ("def run(self, ctx, environments): return []", "it plans no job"),
    "the same id twice": (
        "def run(self, ctx, environments): return [Job('a', 'os:getcwd'), Job('a', 'os:getcwd')]",
        "two jobs have the id a",
    ),
    "a cycle": (
        "def run(self, ctx, environments): return [Job('a', 'os:getcwd', needs={'x': 'b'}),"
        " Job('b', 'os:getcwd', needs={'x': ['a']})]",
        "its jobs need each other in a circle",
    ),
    "an unknown need": (
        "def run(self, ctx, environments): return [Job('a', 'os:getcwd', needs={'x': 'b'})]",
        "job a needs b as x; no job has that id",
    ),
    "an unknown environment": (
        "def run(self, ctx, environments): return [Job('a', 'os:getcwd', environment='gpu')]",
        "there is no environment 'gpu'",
    ),
    "no module": (
        "def run(self, ctx, environments): return [Job('a', 'nowhere.tasks:work')]",
        "job a: there is no module nowhere.tasks",
    ),
    "no function": (
        "def run(self, ctx, environments): return [Job('a', 'bad_tasks:wrok')]",
        "job a: module bad_tasks has no function wrok",
    ),
    "no such form of function": (
        "def run(self, ctx, environments): return [Job('a', 'bad_tasks.work')]",
        "function 'bad_tasks.work' is not module:function",
    ),
    "an id that leaves its folder": (
        "def run(self, ctx, environments): return [Job('../a', 'bad_tasks:work')]",
        "'../a' is no id of a job",
    ),
    "NaN in parameters": (
        "def run(self, ctx, environments): return [Job('a', 'bad_tasks:work', {'x': float('nan')})]",
        "params.x: nan",
    ),
    "an object in parameters": (
        "def run(self, ctx, environments): return [Job('a', 'bad_tasks:work', {'x': object()})]",
        "params.x: object",
    ),
    "a prediction about nothing": (
        "def run(self, ctx, environments): return [Job('a', 'bad_tasks:work'),"
        " Prediction('P', 'c', ('b',), 'e', '>', 1.0)]",
        "prediction P rests on b; no job has that id",
    ),
    "a timeout beyond its environment's": (
        "def run(self, ctx, environments): return [Job('a', 'bad_tasks:work', timeout=1e6)]",
        "its timeout of 1e+06 s is not within",
    ),
    "a prediction on nothing": (
        "def run(self, ctx, environments): return [Job('a', 'bad_tasks:work'),"
        " Prediction('P', 'c', (), 'e', '>', 1.0)]",
        "prediction P rests on no job",
    ),
    "a volume elsewhere": (
        "def provision(self, ctx): return Environment(volumes=('../../evil',))",
        "volumes '../../evil' is no name",
    ),
    "no cpu": ("def provision(self, ctx): return Environment(cpu=-1)", "cpu is -1; it has to be above 0"),
    "no name": ("def provision(self, ctx): return Environment(name='')", "name '' is no name"),
    "no package": ("def provision(self, ctx): return Environment(packages=('((x',))", "names no package"),
    "an unknown hook": ("def collectt(self, ctx, results): return []", "unknown hook 'collectt'"),
    "an unknown argument": ("def run(self, ctx, machines): return []", "machines"),
    "a keyword-only argument": (
        "def run(self, ctx, *, environments): return []",
        "keyword-only parameter environments",
    ),
    "an optional argument": (
        "def run(self, ctx, enviroments=None): return []",
        "optional parameter enviroments",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_hook(lab: Lab, fault: str) -> None:
    method, message = BROKEN[fault]
    run = "    @hookimpl\n    def run(self, ctx, environments): return [Job('a', 'bad_tasks:work')]\n"
    source = f"{HEAD}class Bad:\n{run if 'def run' not in method else ''}    @hookimpl\n    {method}\n"
    lab.plugin("bad", source + "plugin = Bad()\n", bad_tasks="def work(job): return 1")
    done = lab("run", "bad")
    assert done.code == 3, done
    assert message in done.err
    assert "labctl-bad 1.0" in done.err
    assert "nothing was started" in done.err
    assert "Traceback" not in done.err
    assert not (lab.home / "runs" / "bad-1").exists()
    assert lab("plugins", "list").code == 0


IMPORTS = {
    "a missing module": ("import scipy_of_another_world", "No module named 'scipy_of_another_world'"),
    "an exception": ("1 / 0", "ZeroDivisionError: division by zero"),
    "an exit": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "a syntax error": ("def f(:", "SyntaxError"),
    "a class": ("class plugin: pass", "entry point names the class plugin"),
    "nothing of that name": ("x = 1", "has no attribute 'plugin'"),
}


@pytest.mark.parametrize("fault", IMPORTS)
def test_a_plugin_that_cannot_be_imported(lab: Lab, fault: str, projects) -> None:  # type: ignore[no-untyped-def]
    source, message = IMPORTS[fault]
    lab.plugin("bad", source)
    lab.plugin("dice", projects.DICE, dice_tasks=projects.DICE_TASKS)
    lab("run", "dice", "--preset", "quick")
    done = lab("run", "bad")
    assert done.code == 3
    assert message in done.err
    assert "labctl-bad 1.0" in done.err
    assert "Traceback" not in done.err
    listed = lab("plugins", "list", "--json").json["plugins"]
    states = {row["name"]: row["status"] for row in listed}
    assert states["bad"] == "broken"
    assert states["dice"] == "ok"
    assert lab("plugins", "list", "--strict").code == 3
    assert lab("run", "dice", "--preset", "quick").code == 0


def test_a_repaired_plugin_is_new_again(lab: Lab, projects) -> None:  # type: ignore[no-untyped-def]
    lab.plugin("one", "import nowhere", one_tasks="def work(job): return 1")
    lab.home.mkdir()
    assert lab("run", "one").code == 3
    lab.plugin("one", projects.one_job())
    row = next(r for r in lab("plugins", "list", "--json").json["plugins"] if r["name"] == "one")
    assert row["status"] == "new"
    assert lab("run", "one").code == 0


def test_a_parameter_with_a_hosts_name(lab: Lab) -> None:
    source = f"{HEAD}class O(Parameters):\n    jobs: int = 3\nclass P:\n    parameters = O\n"
    source += "    @hookimpl\n    def run(self, ctx, environments): return []\nplugin = P()\n"
    lab.plugin("bad", source)
    done = lab("run", "bad")
    assert done.code == 3
    assert "its parameter jobs has the name of a host option" in done.err
    assert "--jobs belongs to labctl run" in done.err


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("n: int", "parameter n has no default"),
        ("n: Annotated[int, Param(ge=1)] = 0", "the default of n is not valid"),
        ("n: Missing = 0", "its parameters cannot be read"),
    ],
)
def test_parameters_that_are_no_parameters(lab: Lab, field: str, message: str) -> None:
    source = "from __future__ import annotations\nfrom typing import Annotated\n" + HEAD
    source += f"class O(Parameters):\n    {field}\nclass P:\n    parameters = O\n"
    source += "    @hookimpl\n    def run(self, ctx, environments): return []\nplugin = P()\n"
    lab.plugin("bad", source)
    done = lab("run", "bad")
    assert done.code == 3
    assert message in done.err


def test_a_name_twice_is_a_conflict(lab: Lab, projects) -> None:  # type: ignore[no-untyped-def]
    lab.plugin("one", projects.one_job(), one_tasks="def work(job): return 1")
    lab.distribution("other-one", {"labctl.plugins": {"one": "one_plugin:plugin"}})
    done = lab("run", "one")
    assert done.code == 3
    assert "labctl-one and other-one both register one" in done.err
    rows = [r for r in lab("plugins", "list", "--json").json["plugins"] if r["name"] == "one"]
    assert {row["status"] for row in rows} == {"conflict"}


def test_listing_runs_nothing_of_a_plugin(lab: Lab) -> None:
    lab.plugin("bad", "open('/proc/self/fd/../../../nowhere', 'w')\nopen('touched', 'w').close()")
    for words in (("plugins", "list"), ("--help",), (), ("run", "--help"), ("runs", "list")):
        assert lab(*words).code == 0, words
    assert not (lab.folder / "touched").exists()


def test_a_blocked_plugin_is_not_imported(lab: Lab) -> None:
    lab.plugin("bad", "open('touched', 'w').close()")
    (lab.folder / "labctl.toml").write_text('[plugins]\nblock = ["bad"]\n')
    done = lab("run", "bad")
    assert done.code == 3
    assert "blocked in labctl.toml" in done.err
    assert not (lab.folder / "touched").exists()


def test_a_plugin_for_another_labctl(lab: Lab) -> None:
    entry = {"labctl.plugins": {"far": "far:plugin"}}
    lab.distribution("labctl-far", entry, {"far.py": "x"}, requires=("labctl>=7,<8",))
    row = next(r for r in lab("plugins", "list", "--json").json["plugins"] if r["name"] == "far")
    assert row["status"] == "incompatible"
    assert "needs labctl >=7,<8" in row["reason"]
    assert lab("run", "far").code == 3


def test_load_tries_every_plugin_in_a_process_of_its_own(lab: Lab, projects) -> None:  # type: ignore[no-untyped-def]
    lab.plugin("one", projects.one_job(), one_tasks="def work(job): return 1")
    lab.plugin("exits", "import os; os._exit(3)")
    lab.plugin("raises", "print('noise')\n1 / 0")
    rows = {r["name"]: r for r in lab("plugins", "list", "--load", "--json").json["plugins"]}
    assert rows["one"]["status"] == "ok"
    assert rows["exits"]["status"] == "broken"
    assert "ended the process with code 3" in rows["exits"]["reason"]
    assert "ZeroDivisionError" in rows["raises"]["reason"]
    assert not (lab.home / "loads.txt").exists()


def test_an_unknown_project_says_the_nearest(dice: Lab) -> None:
    done = dice("run", "dise")
    assert done.code == 3
    assert "did you mean dice?" in done.err


def test_collect_that_fails_costs_the_report_and_not_the_run(lab: Lab) -> None:
    source = f"{HEAD}class P:\n    @hookimpl\n"
    source += "    def run(self, ctx, environments):\n        yield Job('a', 'bad_tasks:work')\n"
    source += "        yield Prediction('P1', 'c', ('a',), 'e', '>', 1.0)\n"
    source += "    @hookimpl\n    def collect(self, ctx, results): {body}\nplugin = P()\n"
    for number, body in enumerate(("raise KeyError('x')", "import os; os._exit(9)", "return 4"), 1):
        lab.plugin("bad", source.format(body=body), bad_tasks="def work(job): return 1")
        done = lab("run", "bad")
        assert done.code == 0, done.err
        assert "the results were not collected" in done.err
        record = lab.record(f"bad-{number}")
        assert record["verdicts"][0]["outcome"] == "not judged"
        assert (lab.home / "runs" / f"bad-{number}" / "report.html").exists()


EXTENDED = """
from labctl.api import *


class Host:
    extends = {"parts": "a part"}

    @hookimpl
    def run(self, ctx, environments):
        yield Job("base", "host_tasks:work")
        for part in ctx.extensions("parts"):
            yield from part.ask("plan", 2)


plugin = Host()
"""

PARTS = {
    "raises": ("def plan(self, n): raise ValueError('no part')", "ValueError: no part"),
    "names": ("def plan(self, n): return [Job('base', 'host_tasks:work')]", "is not named"),
    "clashes": ("def plan(self, n): return [Prediction('P1', 'c', ('base',), 'e', '>', 1.0)]", "clashes"),
    "invalid": ("def plan(self, n): return [Job('invalid', 'host_tasks:work', timeout='x')]", "timeout"),
    "lost": ("def plan(self, n): return [Job('lost', 'nowhere:work')]", "there is no module nowhere"),
}


@pytest.mark.parametrize("fault", PARTS)
def test_a_broken_extension_is_left_out(lab: Lab, fault: str) -> None:
    lab.plugin("host", EXTENDED, host_tasks="def work(job): return 1")
    good = "from labctl.api import *\nclass G:\n    def plan(self, n):\n"
    good += "        yield Job('good', 'host_tasks:work')\n"
    good += "        yield Prediction('P1', 'c', ('good',), 'e', '>', 1.0)\ngood = G()\n"
    # "above" sorts before the broken one: what it claimed is its own.
    lab.distribution("labctl-host-good", {"labctl.host.parts": {"good": "good:good"}}, {"good.py": good})
    method, message = PARTS[fault]
    name = "z" if fault == "clashes" else fault
    bad = f"from labctl.api import *\nclass B:\n    {method}\nb = B()\n"
    lab.distribution("labctl-host-bad", {"labctl.host.parts": {name: "bad_part:b"}}, {"bad_part.py": bad})
    done = lab("run", "host")
    assert done.code == 0, done.err
    assert f"extension {name} left out" in done.err
    assert message in done.err
    record = lab.record("host-1")
    assert [job["id"] for job in record["jobs"]] == ["base", "good"]
    assert record["report"]["left_out"][0]["extension"] == name


def test_an_extension_that_cannot_be_imported_is_left_out(lab: Lab) -> None:
    lab.plugin("host", EXTENDED, host_tasks="def work(job): return 1")
    lab.distribution(
        "labctl-host-bad", {"labctl.host.parts": {"bad": "bad_part:b"}}, {"bad_part.py": "1 / 0"}
    )
    done = lab("run", "host")
    assert done.code == 0
    assert "extension bad left out: ZeroDivisionError" in done.err
    assert lab("run", "host", "--help").code == 0
