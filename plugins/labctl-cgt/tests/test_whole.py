"""Both families, every job, the report: a small real run."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from cgt_world import FakeExtension, context, execute, planned

from labctl.api import Bars, Lines, Results
from labctl.testing.jobs import run_job
from labctl_cgt.operator import Claim, Indicator, Operator, Request
from labctl_cgt.plugin import plugin

pytestmark = pytest.mark.xdist_group("torch")


def judged(results: Results, subject: str) -> dict:
    return results[f"judge/{subject}"].value


@pytest.mark.parametrize("subject", ["chiral", "simsiam"])
def test_between_20_and_60_per_cent_collapse_by_three_mechanisms(small, subject):
    found = judged(small[1], subject)
    assert 0.2 <= found["collapsed"] / found["models"] <= 0.6
    assert sum(hit > 0 for _, hit in found["by_mechanism"].values()) >= 3
    assert found["never_at_risk"] < 0.1 * found["models"]


def test_every_registered_claim_gets_evidence_once(small):
    ctx, results = small
    _, predictions = planned(ctx)
    found = [e.prediction for s in plugin.collect(ctx, results) for e in s.evidence]
    assert sorted(found) == sorted(p.id for p in predictions)


def test_legacy_temperature_is_degenerate_and_cooling_untestable(small):
    ctx, results = small
    status = {e.prediction: e for s in plugin.collect(ctx, results) for e in s.evidence}
    for name in ("P1.1", "P1.2", "P1.3"):
        assert status[name].status == "degenerate"
        assert "deterministic" in status[name].note
    assert status["P2.1"].status == status["P2.1-sound"].status == "untestable"
    sound = status["P1.2-sound"]
    assert sound.status == "ok"
    assert sound.low <= sound.estimate <= sound.high
    assert sound.baseline is not None


def test_results_carry_the_source_s_keys(small):
    value = small[1]["temperature/chiral"].value
    keys = {"mean_temperature", "std_temperature", "min_temperature", "max_temperature"}
    assert set(value["statistics"]) == set(value["sound"]["statistics"]) == keys
    assert value["statistics"]["mean_temperature"] == 0.0
    compared = value["baseline_comparison"]
    assert set(compared) == {"q_neural", "q_neural_stable", "cgt_stable", "agreement"}
    assert compared["agreement"] == (compared["q_neural_stable"] == compared["cgt_stable"])
    assert compared["q_neural_stable"] == (compared["q_neural"] >= 1)
    assert value["predictions_tested"] == ["P1.1", "P1.2", "P1.3"]
    cooling = small[1]["cooling/chiral"].value
    assert set(cooling["statistics"]) == {
        "initial_temperature", "final_temperature", "mean_cooling_rate", "rapid_cooling_events"
    }  # fmt: skip
    assert cooling["statistics"]["initial_temperature"] == pytest.approx(0.2449, abs=1e-4)


def test_the_report_compares_and_explains(small):
    ctx, results = small
    first, *rest = plugin.collect(ctx, results)
    assert first.headline == "No operator warned of collapse better than a cheap baseline"
    assert {s.title for s in rest} == {"Temperature", "Cooling", "The models"}
    bars = [chart for chart in first.charts if isinstance(chart, Bars)]
    for chart in bars:
        values = [row.value for row in chart.rows if row.value is not None]
        assert values == sorted(values, reverse=True)
        assert {row.tone for row in chart.rows} == {"own", "base"}
    notes = {row.label: row.note for row in bars[1].rows}
    assert notes["cooling"] == "needs hinges"
    assert notes["temperature (legacy)"] == "degenerate: always 0"
    lines = [chart for section in rest for chart in section.charts if isinstance(chart, Lines)]
    assert lines
    assert all([(s.tone, s.dashed) for s in c.series] == [("warm", False), ("cool", True)] for c in lines)
    assert any("2 times per epoch" in text for text in first.text)
    assert msgspec.json.encode([first, *rest])


def test_the_report_without_any_result_says_so(small):
    ctx, results = small
    none = Results({i: msgspec.structs.replace(r, state="failed", value=None) for i, r in results.items()})
    sections = plugin.collect(ctx, none)
    assert sections[0].headline.startswith("Nothing could be judged")
    assert {e.status for s in sections for e in s.evidence} == {"not judged"}
    assert sum(len(s.evidence) for s in sections) == 8


def _without(results: Results, *lost: str) -> Results:
    return Results({i: r for i, r in results.items() if i not in lost})


def test_a_run_of_some_operators_judges_only_theirs(small, tmp_path):
    """``--only temperature``: the host drops cooling and cuts it from the judge's needs."""
    ctx, results = small
    judge = next(job for job in planned(ctx)[0] if job.id == "judge/chiral")
    inputs = {
        role: [results[i] for i in ids if not i.startswith("cooling/")] for role, ids in judge.needs.items()
    }
    again = _rerun(judge, inputs, results, tmp_path)
    assert again.ok, again.error
    assert {e["prediction"][:2] for e in again.value["evidence"]} == {"P1"}
    assert not [row for row in again.value["rows"] if row["operator"] == "cooling"]
    left = dict(_without(results, "cooling/chiral"))
    left["judge/chiral"] = msgspec.structs.replace(again, tags=judge.tags)
    del left["judge/simsiam"]
    sections = plugin.collect(ctx, Results(left))
    assert any("simsiam was read and not compared" in text for text in sections[0].text)
    assert {e.prediction[:2] for s in sections for e in s.evidence} == {"P1"}


def test_a_failed_operator_is_a_row_and_its_claims_are_not_judged(small, tmp_path):
    ctx, results = small
    judge = next(job for job in planned(ctx)[0] if job.id == "judge/chiral")
    failed = msgspec.structs.replace(results["temperature/chiral"], state="failed", value=None)
    inputs = {
        role: [failed if i == failed.id else results[i] for i in ids] for role, ids in judge.needs.items()
    }
    again = _rerun(judge, inputs, results, tmp_path)
    rows = {row["label"]: row for row in again.value["rows"]}
    assert rows["temperature"]["status"] == "failed"
    status = {e["prediction"]: e["status"] for e in again.value["evidence"]}
    assert status["P1.2-sound"] == "not judged"
    assert status["P2.1"] == "untestable"


def _rerun(job, inputs, results, folder):
    """Run a job on results of another world: its store gets what they point at."""
    import shutil

    objects = folder / "objects"
    objects.mkdir(parents=True)
    for given in inputs.values():
        for result in given:
            for artifact in result.artifacts:
                source, target = Path(result.paths[artifact.name]), objects / artifact.sha256
                if not target.exists():
                    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    return run_job(job.function, folder, id=job.id, params=job.params, inputs=inputs, seed=1)


MEASURE = '''
import torch
from labctl_cgt.measuring.shard import Reading, Shard

def oracle(shard: Shard, *, depth: int) -> dict[str, Reading]:
    """Reads the smaller recall; that is the outcome itself, so it has to be found."""
    rows = []
    for view in shard.views():
        hit = (view.family.logits(view.theta, view.settings, view.probe.x).argmax(-1) == view.probe.y).float()
        recall = torch.minimum(*(hit[:, view.probe.y == c].mean(1) for c in (0, 1)))
        rows.append(torch.where(view.alive, recall * depth, torch.nan))
    return {"low": Reading(torch.stack(rows)),
            "noise": Reading(torch.rand(shard.checks, shard.models, generator=shard.generator()))}
'''


class _Options(msgspec.Struct, frozen=True):
    depth: int = 2


class _Oracle(Operator):
    name = "oracle"
    measure = "oracle_of_others:oracle"
    needs = ("classes",)
    indicators = (
        Indicator(name="low", label="oracle", risk="low"),
        Indicator(name="noise", label="noise", risk="low"),
    )
    parameters = _Options

    def claims(self, request: Request) -> tuple[Claim, ...]:
        return tuple(
            Claim(id=f"X-{name}", claim="It tells.", indicator=name, metric="auc", op=">", threshold=0.6)
            for name in ("low", "noise")
        )


def test_an_operator_of_others_is_measured_compared_and_judged(tmp_path, monkeypatch):
    (tmp_path / "oracle_of_others.py").write_text(MEASURE)
    monkeypatch.syspath_prepend(tmp_path)
    ctx = context(
        FakeExtension(_Oracle(), _Options(depth=3)),
        subject=("chiral",), num_models=60, num_samples=2, num_test_batches=25,
    )  # fmt: skip
    results = execute(ctx, tmp_path / "world")
    sys.modules.pop("oracle_of_others", None)
    evidence = {e.prediction: e for s in plugin.collect(ctx, results) for e in s.evidence}
    assert evidence["X-low"].low > 0.6, "the planted operator is found"
    assert evidence["X-noise"].low < 0.5 < evidence["X-noise"].high, "and noise is not"
    bars = plugin.collect(ctx, results)[0].charts[0]
    assert {"oracle", "noise"} <= {row.label for row in bars.rows if row.tone == "own"}
    assert any(s.title == "Oracle" for s in plugin.collect(ctx, results))


def test_without_a_collapse_nothing_is_claimed(tmp_path):
    ctx = context(subject=("chiral",), num_models=3, num_epochs=4, num_samples=2, num_test_batches=2)
    results = execute(ctx, tmp_path)
    assert judged(results, "chiral")["collapsed"] == 0, "4 epochs are too short for this seed"
    first, *rest = plugin.collect(ctx, results)
    assert first.headline.startswith("No model collapsed")
    status = {e.prediction: e.status for s in rest for e in s.evidence}
    assert status["P1.2"] == "degenerate"
    assert status["P1.2-sound"] == "not judged"
    assert status["P2.1"] == "untestable"


def test_the_operator_of_the_readme_runs(tmp_path, monkeypatch):
    text = (Path(__file__).parents[1] / "README.md").read_text()
    specs, measure = (block.split("```")[0] for block in text.split("```python\n")[1:])
    (tmp_path / "my_margin").mkdir()
    (tmp_path / "my_margin" / "specs.py").write_text(specs)
    (tmp_path / "my_margin" / "measure.py").write_text(measure)
    monkeypatch.syspath_prepend(tmp_path)
    from my_margin.specs import Options as MarginOptions
    from my_margin.specs import margin

    ctx = context(
        FakeExtension(margin, MarginOptions(power=2.0)),
        subject=("chiral",), num_models=4, num_epochs=4, num_samples=2, num_test_batches=2,
    )  # fmt: skip
    results = execute(ctx, tmp_path / "world")
    for name in ("my_margin", "my_margin.specs", "my_margin.measure"):
        sys.modules.pop(name, None)
    assert results["margin/chiral"].value["indicators"][0]["status"] == "ok"
    assert "M1/chiral" in {p.id for p in planned(ctx)[1]}
