"""The plan: light, pure, and open to operators of others."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from cgt_world import FakeExtension, context, planned

from labctl.api import Job
from labctl_cgt.operator import Claim, Indicator, Operator, Request
from labctl_cgt.operators.reach import reach
from labctl_cgt.parameters import PRESETS, Options

IDS = {f"{p}{mode}" for p in ("P1.1", "P1.2", "P1.3", "P2.1") for mode in ("", "-sound")}


def test_the_light_modules_import_nothing_heavy():
    code = (
        "import sys, labctl_cgt.plugin, labctl_cgt.operators.specs, labctl_cgt.monitors.specs,"
        " labctl_cgt.subjects.specs; print(sorted({'torch', 'numpy', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_same_parameters_give_the_same_plan():
    assert planned(context()) == planned(context())


def test_every_claim_is_registered_once_and_rests_on_jobs_of_the_plan():
    jobs, predictions = planned(context())
    assert {p.id for p in predictions} == IDS
    assert len(predictions) == len(IDS)
    known = {job.id for job in jobs}
    for prediction in predictions:
        assert set(prediction.jobs) <= known
        assert "monitors/chiral" in prediction.jobs, "without the baselines --only would lose them"


@pytest.mark.parametrize(
    ("option", "value", "changed"),
    [
        ("temperature_threshold", 0.1, {"P1.2", "P1.2-sound"}),
        ("cooling_threshold", -0.01, {"P2.1", "P2.1-sound"}),
    ],
)
def test_a_changed_threshold_is_a_new_registration(option: str, value: float, changed: set[str]):
    before = {p.id: p for p in planned(context())[1]}
    after = {p.id: p for p in planned(context(**{option: value}))[1]}
    assert {i for i in before if before[i] != after[i]} == changed


def test_a_threshold_does_not_retrain():
    def trainings(**values: float) -> list[Job]:
        return [job for job in planned(context(**values))[0] if job.id.startswith("train/")]

    assert trainings() == trainings(temperature_threshold=0.1, num_samples=5, num_test_batches=3)


def test_models_are_shared_out_without_loss():
    for number in (2, 3, 399, 401):
        jobs = planned(context(num_models=number))[0]
        assert sum(job.params["models"] for job in jobs if job.id.startswith("train/")) == number


def test_cooling_of_simsiam_is_a_row_and_no_job():
    jobs = {job.id: job for job in planned(context())[0]}
    assert "cooling/chiral" in jobs
    assert "cooling/simsiam" not in jobs
    skips = {s["indicator"]["label"]: s["reason"] for s in jobs["judge/simsiam"].params["skips"]}
    assert skips["cooling"] == "needs hinges, simsiam has none"
    assert skips["soft class minimum"] == "needs class labels, simsiam has none"


def test_only_named_subjects_are_trained():
    jobs, predictions = planned(context(subject=("simsiam",)))
    assert {job.id.split("/")[1] for job in jobs} == {"simsiam"}
    assert predictions == []


class _Options(msgspec.Struct, frozen=True):
    depth: int = 2


class _Confusion(Operator):
    name = "confusion"
    measure = "labctl_cgt.monitors.measure:monitors"
    needs = ("why_what",)
    indicators = (Indicator(name="width", label="confusion", risk="high", mode="sound"),)
    parameters = _Options

    def claims(self, request: Request) -> tuple[Claim, ...]:
        return (
            Claim(id=f"P3.1/{request.subject.name}", claim="Width tells.", indicator="width", metric="auc",
                  op=">", threshold=0.7),
        )  # fmt: skip


def test_an_operator_of_others_joins_the_plan_and_moves_nothing():
    alone = planned(context())
    jobs, predictions = planned(context(FakeExtension(_Confusion(), _Options(depth=3))))
    added = {job.id: job for job in jobs if job not in alone[0] and not job.id.startswith("judge/")}
    assert set(added) == {"confusion/chiral", "confusion/simsiam"}
    assert added["confusion/chiral"].params["arguments"] == {"depth": 3}
    assert "labctl_cgt.monitors.measure" in added["confusion/chiral"].code
    assert {p.id for p in predictions} - IDS == {"P3.1/chiral", "P3.1/simsiam"}


class _Borrower(Operator):
    """Claims an id that is taken, and forgets to tell families apart."""

    name = "zz"
    measure = "labctl_cgt.monitors.measure:monitors"
    indicators = (Indicator(name="loss", label="zz", risk="low"),)

    def claims(self, request: Request) -> tuple[Claim, ...]:
        return tuple(
            Claim(id=name, claim="x", indicator="loss", metric="auc", op=">", threshold=0.5)
            for name in ("P1.2", "Z")
        )


def test_an_id_that_is_taken_gets_another_name_and_breaks_no_plan():
    _, predictions = planned(context(FakeExtension(_Borrower())))
    ids = [p.id for p in predictions]
    assert len(ids) == len(set(ids))
    assert set(ids) - IDS == {"P1.2/chiral", "P1.2/simsiam", "Z", "Z/simsiam"}
    assert next(p for p in predictions if p.id == "P1.2").jobs[0] == "temperature/chiral"


@pytest.mark.parametrize(
    ("metric", "words"), [("magic", "no metric 'magic'"), ("precision", "alarm is not given")]
)
def test_a_senseless_claim_is_refused_where_it_is_made(metric: str, words: str):
    with pytest.raises(ValueError, match=words):
        Claim(id="Z", claim="x", indicator="loss", metric=metric, op=">", threshold=0.5)


def test_p2_1_is_untestable_exactly_while_the_hinges_cannot_reach_it():
    def note(**values: float) -> str:
        judge = next(job for job in planned(context(**values))[0] if job.id == "judge/chiral")
        return next(c["untestable"] for c in judge.params["claims"] if c["id"] == "P2.1")

    assert "0.0016 per epoch" in note()
    assert "never by more than 0.0051" in note()
    assert note(hinge_lr=5e-3) == ""
    assert note(cooling_threshold=-0.001) == ""


def test_reach_by_hand():
    found = reach(1e-4, 32)
    assert found.usual == pytest.approx(2 * 0.25 * 1e-4 * 32)
    assert found.bound == pytest.approx(found.usual * 0.1 / 0.001**0.5)
    assert reach(1.0, 1000).bound == 1.0, "the temperature itself lies between 0 and 1"


def test_presets_are_values_of_the_parameters():
    for values in PRESETS.values():
        assert msgspec.convert(values, Options)
