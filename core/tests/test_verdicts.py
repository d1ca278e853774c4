"""Verdicts by the registered rule, and nothing else."""

from __future__ import annotations

import math
import random

import pytest

from labctl.model.plan import Operator, Prediction
from labctl.model.results import Baseline, Evidence
from labctl.verdicts import counts, judge, verdict_of


def claim(op: Operator = ">", threshold: float = 0.7, **options: object) -> Prediction:
    return Prediction("P", "c", ("a",), "AUC", op, threshold, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("op", "low", "high", "outcome"),
    [
        (">", 0.71, 0.9, "supported"), (">", 0.6, 0.69, "refuted"), (">", 0.6, 0.8, "inconclusive"),
        (">", 0.7, 0.9, "inconclusive"), (">=", 0.7, 0.9, "supported"), (">=", 0.1, 0.69, "refuted"),
        ("<", 0.1, 0.69, "supported"), ("<", 0.71, 0.9, "refuted"), ("<", 0.1, 0.7, "inconclusive"),
        ("<=", 0.1, 0.7, "supported"), ("<=", 0.6, 0.8, "inconclusive"),
    ],
)  # fmt: skip
def test_the_whole_interval_decides(op: Operator, low: float, high: float, outcome: str) -> None:
    evidence = Evidence("P", (low + high) / 2, low, high, n=100)
    assert verdict_of(claim(op), evidence)[0] == outcome


def test_a_margin_is_to_the_claims_favour() -> None:
    evidence = Evidence("P", -0.002, -0.008, 0.004, n=1000)
    assert verdict_of(claim(">=", 0.0), evidence)[0] == "inconclusive"
    assert verdict_of(claim(">=", 0.0, margin=0.01), evidence)[0] == "supported"
    worse = Evidence("P", -0.05, -0.06, -0.04, n=1000)
    assert verdict_of(claim(">=", 0.0, margin=0.01), worse)[0] == "refuted"
    assert verdict_of(claim("<=", 0.0, margin=0.01), Evidence("P", 0.004, 0.0, 0.008, n=9))[0] == "supported"


@pytest.mark.parametrize("status", ["untestable", "degenerate", "not judged"])
def test_what_was_not_measured_is_not_refuted(status: str) -> None:
    evidence = Evidence("P", 0.1, 0.0, 0.2, status=status, note="why")  # type: ignore[arg-type]
    outcome, reason = verdict_of(claim(), evidence)
    assert (outcome, reason) == (status, "why")


@pytest.mark.parametrize(
    "evidence",
    [
        None, Evidence("P"), Evidence("P", 0.9), Evidence("P", math.nan, 0.8, 0.9, n=9),
        Evidence("P", 0.9, 0.8, math.inf, n=9),
        Evidence("P", 0.5, 0.8, 0.9, n=9), Evidence("P", 0.85, 0.9, 0.8, n=9),
    ],
)  # fmt: skip
def test_evidence_that_is_none_is_not_judged(evidence: Evidence | None) -> None:
    assert verdict_of(claim(), evidence)[0] == "not judged"


def test_too_few_units_are_inconclusive() -> None:
    evidence = Evidence("P", 0.9, 0.85, 0.95, n=12)
    outcome, reason = verdict_of(claim(min_n=30), evidence)
    assert outcome == "inconclusive"
    assert "30 were registered as the least" in reason


def test_a_family_is_adjusted_by_holm() -> None:
    predictions = [Prediction(f"P{i}", "c", ("a",), "AUC", ">", 0.5, family="f") for i in range(4)] + [
        Prediction("Q", "c", ("a",), "AUC", ">", 0.5)
    ]
    values = (0.005, 0.011, 0.02, 0.04)
    evidence = {
        p.id: Evidence(p.id, 0.6, 0.51, 0.7, p=v, n=100)
        for p, v in zip(predictions, (*values, 0.04), strict=True)
    }
    found = judge(predictions, evidence, post_hoc={}, missing={})
    adjusted = [v.p_adjusted for v in found]
    assert adjusted[:4] == pytest.approx([0.02, 0.033, 0.04, 0.04])
    assert adjusted[4] is None
    evidence["P3"] = Evidence("P3", 0.6, 0.51, 0.7, p=0.06, n=100)
    assert judge(predictions, evidence, post_hoc={}, missing={})[3].outcome == "inconclusive"


def test_holm_agrees_with_its_definition() -> None:
    source = random.Random(1)
    for _ in range(50):
        values = [source.random() ** 3 for _ in range(source.randint(1, 8))]
        predictions = [
            Prediction(f"P{i}", "c", ("a",), "e", ">", 0.5, family="f") for i in range(len(values))
        ]
        evidence = {f"P{i}": Evidence(f"P{i}", 0.6, 0.55, 0.7, p=v, n=9) for i, v in enumerate(values)}
        found = judge(predictions, evidence, post_hoc={}, missing={})
        order = sorted(range(len(values)), key=values.__getitem__)
        for rank, index in enumerate(order):
            expected = max(min(1.0, (len(values) - j) * values[order[j]]) for j in range(rank + 1))
            assert found[index].p_adjusted == pytest.approx(expected)


def test_a_better_baseline_is_said() -> None:
    evidence = Evidence("P", 0.8, 0.75, 0.85, n=99, baseline=Baseline("RankMe", 0.89))
    assert judge([claim()], {"P": evidence}, post_hoc={}, missing={})[0].baseline_better
    assert not judge([claim("<")], {"P": evidence}, post_hoc={}, missing={})[0].baseline_better


def test_why_there_is_no_evidence() -> None:
    found = judge([claim()], {}, post_hoc={"P": True}, missing={"P": "job a failed"})[0]
    assert (found.outcome, found.reason, found.post_hoc) == ("not judged", "job a failed", True)
    assert counts([found]) == {"not judged": 1}


def test_a_selection_of_jobs_makes_no_family_smaller() -> None:
    member = Prediction("P0", "c", ("a",), "AUC", ">", 0.5, family="f")
    evidence = {"P0": Evidence("P0", 0.6, 0.51, 0.7, p=0.03, n=100)}
    alone = judge([member], evidence, post_hoc={}, missing={})
    of_three = judge([member], evidence, post_hoc={}, missing={}, families={"f": 3})
    assert [v.outcome for v in (*alone, *of_three)] == ["supported", "inconclusive"]
    silent = {"P0": Evidence("P0", 0.6, 0.51, 0.7, n=100)}
    assert judge([member], silent, post_hoc={}, missing={})[0].outcome == "inconclusive"
