"""The same no-op work in the words of each system: one job, many of them, the same again, the list."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from _measure import Case
from _projects import labctl, make_lab, variables

PASS = shlex.join([sys.executable, "-c", "pass"])
QUIET = {
    "DO_NOT_TRACK": "1", "DVC_NO_ANALYTICS": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0", "PREFECT_LOGGING_LEVEL": "ERROR", "METAFLOW_USER": "bench",
    "USERNAME": "bench", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}  # fmt: skip

DOIT = f"""
import os
from doit import get_var
DOIT_CONFIG = {{"verbosity": 0}}
def task_noop():
    for i in range(int(get_var("number", 1))):
        yield {{"name": str(i), "actions": ["{PASS} && touch out/%d" % i], "targets": ["out/%d" % i],
               "uptodate": [True]}}
"""
SNAKEMAKE = f"""
rule everything:
    input: ["out/%d" % i for i in range(int(config.get("number", 1)))]
rule noop:
    output: "out/{{i}}"
    shell: "{PASS} && touch {{output}}"
"""
SUBMITIT = """
import sys, time
import submitit

def noop(i):
    return i

number = int(sys.argv[1])
executor = submitit.AutoExecutor(folder="logs", cluster="local")
executor.update_parameters(timeout_min=5)
waiting, running = list(range(number)), []
while waiting or running:
    while waiting and len(running) < 2:  # its local executor has no bound of its own
        running.append(executor.submit(noop, waiting.pop()))
    running = [job for job in running if not job.done()]
    time.sleep(0.005)
"""
METAFLOW_ONE = """
from metaflow import FlowSpec, step

class Noop(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Noop()
"""
METAFLOW_MANY = """
from metaflow import FlowSpec, Parameter, step

class Noops(FlowSpec):
    number = Parameter("number", type=int, default=1)

    @step
    def start(self):
        self.numbers = list(range(self.number))
        self.next(self.noop, foreach="numbers")

    @step
    def noop(self):
        self.made = self.input
        self.next(self.together)

    @step
    def together(self, inputs):
        self.total = sum(i.made for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Noops()
"""
METAFLOW_LIST = """
from metaflow import Flow, namespace
namespace(None)
for run in Flow("Noop"):
    print(run.id, run.created_at, run.successful)
"""
PREFECT = """
import sys
from prefect import flow, task
from prefect.cache_policies import INPUTS, NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

cached = len(sys.argv) > 2

@task(cache_policy=INPUTS if cached else NO_CACHE, persist_result=cached)
def noop(i):
    return i

@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def noops(number: int):
    return sum(future.result() for future in [noop.submit(i) for i in range(number)])

noops(int(sys.argv[1]))
"""
RAY = """
import sys
import ray

ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")

@ray.remote
def noop(i):
    return i

ray.get([noop.remote(i) for i in range(int(sys.argv[1]))])
"""


class System(NamedTuple):
    """Cases of one system by kind: one, few, many, cached, list. ``number`` jobs are many.

    ``few`` is many with a single job, where that differs from one. ``job``: what a job is there.
    """

    name: str
    job: str
    number: int
    cases: dict[str, Case]


class Workplace:
    """A folder and an environment for the cases of one system."""

    def __init__(self, name: str, root: Path, bin: Path) -> None:
        self.name = name
        self.folder = root / name
        self.folder.mkdir(parents=True)
        self.bin = bin
        dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV")
        kept = {k: v for k, v in os.environ.items() if k not in dropped}
        self.environment = {
            **kept, **QUIET, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "cache"), "PREFECT_HOME": str(self.folder / "prefect"),
        }  # fmt: skip

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def once(self, *command: str) -> None:
        """Run a command that prepares something."""
        done = subprocess.run(
            [str(self.bin / command[0]), *command[1:]], cwd=self.folder, env=self.environment, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(command)} failed\n{done.stderr[-2000:]}")

    def case(self, kind: str, *command: str, before: Callable[[], object] = lambda: None) -> Case:
        words = [str(self.bin / command[0]), *command[1:]]
        return Case(f"{self.name} {kind}", words, self.folder, self.environment, before)

    def emptied(self) -> None:
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        (self.folder / "out").mkdir()


def labctl_systems(root: Path) -> list[System]:
    found = []
    for name, job, flag in (("labctl", "warm process", []), ("labctl, fresh", "fresh process", ["--fresh"])):
        lab = make_lab(root / name.replace(", ", "-"))
        run = ["run", "nothing", "--jobs", "2", *flag]
        commands = {
            "one": [*run, "--no-cache"],
            "many": [*run, "--no-cache", "--number", "100"],
            "cached": [*run, "--number", "100"],
            "list": ["runs", "list"],
        }
        environment = variables(lab)
        cases = {
            kind: Case(f"{name} {kind}", labctl(*words), lab.folder, environment)
            for kind, words in commands.items()
        }
        found.append(System(name, job, 100, cases))
    return found


def doit(place: Workplace) -> System:
    place.write("dodo.py", DOIT)
    run = ("doit", "-n", "2")
    cases = {
        "one": place.case("one", *run, "number=1", before=place.emptied),
        "many": place.case("many", *run, "number=100", before=place.emptied),
        "cached": place.case("cached", *run, "number=100"),
    }
    return System("doit", "shell command", 100, cases)


def snakemake(place: Workplace) -> System:
    place.write("Snakefile", SNAKEMAKE)
    run = ("snakemake", "-q", "all", "-c2", "--config")
    cases = {
        "one": place.case("one", *run, "number=1", before=place.emptied),
        "many": place.case("many", *run, "number=100", before=place.emptied),
        "cached": place.case("cached", *run, "number=100"),
    }
    return System("snakemake", "shell command", 100, cases)


def dvc(place: Workplace) -> System:
    def stages(number: int) -> str:
        items = ", ".join(map(str, range(number)))
        return (
            f"stages:\n  noop:\n    foreach: [{items}]\n    do:\n      cmd: {PASS} && echo ${{item}} >"
            " out_${item}\n      outs:\n      - out_${item}\n"
        )

    subprocess.run(["git", "init", "-q", "."], cwd=place.folder, env=place.environment, check=True)
    place.once("dvc", "init", "-q")
    again = ("dvc", "repro", "-q", "-f", "--no-run-cache")
    cases = {
        "one": place.case("one", *again, before=lambda: place.write("dvc.yaml", stages(1))),
        "many": place.case("many", *again, before=lambda: place.write("dvc.yaml", stages(20))),
        "cached": place.case("cached", "dvc", "repro", "-q"),
    }
    return System("dvc", "shell command, in a row", 20, cases)


def metaflow(place: Workplace) -> System:
    place.write("one.py", METAFLOW_ONE)
    place.write("many.py", METAFLOW_MANY)
    place.write("list.py", METAFLOW_LIST)
    many = ("python", "many.py", "--quiet", "--no-pylint")
    cases = {
        "one": place.case("one", "python", "one.py", "--quiet", "--no-pylint", "run"),
        "few": place.case("few", *many, "run", "--number", "1", "--max-workers", "2"),
        "many": place.case("many", *many, "run", "--number", "20", "--max-workers", "2"),
        "cached": place.case("cached", *many, "resume", "--max-workers", "2"),
        "list": place.case("list", "python", "list.py"),
    }
    return System("metaflow", "fresh process", 20, cases)


def submitit(place: Workplace) -> System:
    place.write("noops.py", SUBMITIT)
    cases = {
        "one": place.case("one", "python", "noops.py", "1"),
        "many": place.case("many", "python", "noops.py", "20"),
    }
    return System("submitit", "fresh process", 20, cases)


def prefect(place: Workplace) -> System:
    place.write("noops.py", PREFECT)
    cases = {
        "one": place.case("one", "python", "noops.py", "1"),
        "many": place.case("many", "python", "noops.py", "100"),
        "cached": place.case("cached", "python", "noops.py", "100", "cached"),
        "list": place.case("list", "prefect", "flow-run", "ls"),
    }
    return System("prefect", "thread", 100, cases)


def ray(place: Workplace) -> System:
    place.write("noops.py", RAY)
    cases = {
        "one": place.case("one", "python", "noops.py", "1"),
        "many": place.case("many", "python", "noops.py", "100"),
    }
    return System("ray", "warm process", 100, cases)


MAKERS: dict[str, Callable[[Workplace], System]] = {
    "doit": doit, "submitit": submitit, "metaflow": metaflow, "dvc": dvc, "snakemake": snakemake,
    "prefect": prefect, "ray": ray,
}  # fmt: skip
