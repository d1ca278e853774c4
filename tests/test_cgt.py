"""The project cgt by the real command line: trained, measured, judged, cached."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from labctl.testing import Done, Lab

pytestmark = pytest.mark.xdist_group("torch")
SMALL = ("--num-models", "48", "--num-samples", "4", "--num-test-batches", "2", "--num-epochs", "6")
IDS = ["P1.1", "P1.1-sound", "P1.2", "P1.2-sound", "P1.3", "P1.3-sound", "P2.1", "P2.1-sound"]


class Study:
    """One small run, shared by the tests that look at it."""

    def __init__(self, lab: Lab, done: Done) -> None:
        self.lab = lab
        self.done = done
        self.record: Any = lab.record("cgt-1") if done.code == 0 else None

    def values(self, run: str = "cgt-1") -> dict[str, Any]:
        return {job["id"]: job["value"] for job in self.lab.record(run)["jobs"]}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    lab = Lab(tmp_path_factory.mktemp("cgt") / "lab")
    return Study(lab, lab("run", "cgt", *SMALL, timeout=300))


def test_it_runs_and_judges_every_claim(study: Study) -> None:
    assert study.done.code == 0, study.done.err
    verdicts = {v["prediction"]["id"]: v for v in study.record["verdicts"]}
    assert sorted(verdicts) == IDS
    assert all(verdict["outcome"] for verdict in verdicts.values())
    assert "Report: .labctl/runs/cgt-1/report.html" in study.done.out
    sections = study.record["report"]["sections"]
    assert sections[0]["headline"]
    assert any(section["charts"] for section in sections)


def test_the_formula_as_written_is_said_to_be_degenerate(study: Study) -> None:
    """Not a finding: max - min of one deterministic number is 0 for every model."""
    verdicts = {v["prediction"]["id"]: v for v in study.record["verdicts"]}
    assert verdicts["P1.2"]["outcome"] == "degenerate"
    statistics = study.values()["temperature/chiral"]["statistics"]
    assert statistics["max_temperature"] == 0.0


def test_an_unreachable_threshold_is_untestable_and_a_reachable_one_is_not(study: Study) -> None:
    """From the learning rate and the steps alone."""
    verdicts = {v["prediction"]["id"]: v for v in study.record["verdicts"]}
    assert verdicts["P2.1"]["outcome"] == "untestable"
    done = study.lab("run", "cgt", *SMALL, "--cooling-threshold", "-1e-6", "--only", "cooling")
    assert done.code == 0, done.err
    again = {v["prediction"]["id"]: v["outcome"] for v in study.lab.record("cgt-2")["verdicts"]}
    assert sorted(again) == ["P2.1", "P2.1-sound"]
    assert again["P2.1-sound"] != "untestable"


def test_results_carry_the_sources_keys(study: Study) -> None:
    values = study.values()
    temperature, cooling = values["temperature/chiral"], values["cooling/chiral"]
    assert set(temperature["statistics"]) >= {
        "mean_temperature", "std_temperature", "min_temperature", "max_temperature",
    }  # fmt: skip
    assert set(cooling["statistics"]) >= {
        "initial_temperature", "final_temperature", "mean_cooling_rate", "rapid_cooling_events",
    }  # fmt: skip
    for value in (temperature, cooling):
        assert {"operator", "statistics", "predictions_tested", "sound"} <= set(value)
    comparison = temperature["baseline_comparison"]
    assert set(comparison) >= {"q_neural", "q_neural_stable", "cgt_stable", "agreement"}
    assert comparison["agreement"] == (comparison["q_neural_stable"] == comparison["cgt_stable"])


def test_the_second_run_trains_nothing(study: Study) -> None:
    done = study.lab("run", "cgt", *SMALL, "--json")
    states = {e["job"]: e["state"] for e in done.events if e["event"] == "job"}
    assert set(states.values()) == {"cached"}
    assert len(states) == len(study.record["jobs"])


def test_only_temperature_keeps_its_baselines(study: Study) -> None:
    done = study.lab("run", "cgt", *SMALL, "--only", "temperature", "--json")
    assert done.code == 0
    jobs = {e["job"]: e["state"] for e in done.events if e["event"] == "job"}
    families = {job.partition("/")[0] for job in jobs}
    assert {"train", "temperature"} <= families
    assert "cooling" not in families
    record = study.lab.record(done.events[-1]["run"])
    assert {v["prediction"]["id"] for v in record["verdicts"]} == {i for i in IDS if i.startswith("P1")}
    assert {state for job, state in jobs.items() if job.startswith(("train", "temperature"))} == {"cached"}


def test_a_changed_threshold_is_a_new_registration(study: Study) -> None:
    done = study.lab(
        "run", "cgt", *SMALL, "--temperature-threshold", "0.3", "--only", "temperature", timeout=300
    )
    assert done.code == 0, done.err
    name = next(line for line in done.out.splitlines() if line.startswith("Report")).split("/")[-2]
    old, new = study.record["registrations"], study.lab.record(name)["registrations"]
    changed = {claim for claim in new if new[claim]["sha256"] != old[claim]["sha256"]}
    assert changed == {"P1.2", "P1.2-sound"}


def test_a_subject_that_is_not_there(study: Study) -> None:
    done = study.lab("run", "cgt", "--subject", "simsam")
    assert done.code == 2
    assert "did you mean simsiam?" in done.err


def test_help_and_plan_import_nothing_heavy(study: Study) -> None:
    script = (
        "import sys\nfrom labctl.__main__ import main\nsys.argv = ['labctl', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'safetensors', 'modal', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    for words in (("run", "cgt", "--help"), ("run", "cgt", "--plan"), ("plugins", "show", "cgt")):
        done = subprocess.run(
            [sys.executable, "-c", script, *words], cwd=study.lab.folder, env=study.lab.environment(),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stderr.strip().endswith("[]"), words


def test_a_template_with_one_thread_widens_after_the_fork(tmp_path_factory: pytest.TempPathFactory) -> None:
    lab = Lab(tmp_path_factory.mktemp("wide") / "lab")
    source = """
        from labctl.api import Environment, Job, hookimpl

        class Wide:
            @hookimpl
            def provision(self, ctx):
                return Environment(cpu=2, preload=("torch",), packages=("torch",))

            @hookimpl
            def run(self, ctx, environments):
                yield Job("work", "wide_tasks:work")

        plugin = Wide()
        """
    tasks = """
        def work(job):
            import sys
            warm = "torch" in sys.modules
            import torch
            product = torch.rand(400, 400) @ torch.rand(400, 400)
            finite = bool(product.isfinite().all())
            return {"warm": warm, "threads": torch.get_num_threads(), "finite": finite}
        """
    lab.plugin("wide", source, wide_tasks=tasks)
    done = lab("run", "wide")
    assert done.code == 0, done.err
    value = lab.record("wide-1")["jobs"][0]["value"]
    assert value == {"warm": True, "threads": min(2, len(os.sched_getaffinity(0))), "finite": True}
