"""From readings to evidence: planted courses, rules, and what cannot be judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labctl_cgt.judging import clusters
from labctl_cgt.judging.claims import Bench
from labctl_cgt.judging.logistic import folds
from labctl_cgt.judging.material import Row
from labctl_cgt.judging.riskset import RiskSet, risk_set
from labctl_cgt.training.events import courses

MODELS, CHECKS, ONSET, PER_EPOCH = 60, 24, 15, 2


def world() -> RiskSet:
    """Every third model loses a class at check 15, of 24; two checks are an epoch."""
    recall = np.full((CHECKS, MODELS), 0.9)
    recall[ONSET:, ::3] = 0.0
    outcome = {"recall_0": recall, "recall_1": np.full_like(recall, 0.9)}
    found = courses("prediction", outcome, np.ones((CHECKS, MODELS), dtype=bool))
    return risk_set(found, 2 * PER_EPOCH, np.full(MODELS, np.inf))


def row(readings: np.ndarray | None, *, status: str = "ok", role: str = "operator", risk: str = "low") -> Row:
    indicator = {"name": "t", "label": role, "risk": risk, "mode": "sound", "role": role, "unit": ""}
    note = "" if status == "ok" else "it does not vary"
    return Row(role, "op/x", indicator, readings, status, note)


def bench(*baselines: Row) -> Bench:
    rng = np.random.default_rng(0)
    risk = world()
    draws = clusters.weights(risk.models, MODELS, rng, 200)
    return Bench(risk, draws, folds(MODELS, rng), checks_per_epoch=PER_EPOCH, baselines=baselines)


def claim(metric: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "X",
        "job": "op/x",
        "indicator": "t",
        "metric": metric,
        "alarm": None,
        "untestable": "",
        **more,
    }


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(CHECKS, MODELS))


def falling() -> np.ndarray:
    """Falls from 5 checks before the collapse on, in collapsing models only."""
    check = np.arange(CHECKS)[:, None]
    return noise(1) * 0.01 - np.clip(check - (ONSET - 5), 0, None) * (np.arange(MODELS) % 3 == 0)


def test_a_planted_fall_is_found_and_healthy_models_are_its_control():
    found = bench().judge(claim("falls"), row(falling()))
    assert found["estimate"] == 1.0
    assert found["low"] > 0.8
    assert found["n"] == 20
    assert found["baseline"]["name"] == "healthy models"
    assert 0.3 < found["baseline"]["estimate"] < 0.7


def test_a_fall_is_no_rise_and_noise_is_neither():
    assert bench().judge(claim("rises"), row(falling()))["estimate"] == 0.0
    flat = bench().judge(claim("falls"), row(noise(2)))
    assert flat["low"] < 0.5 < flat["high"]


def test_an_early_peak_is_in_epochs_1_to_2_and_above_both_ends():
    course = np.zeros((CHECKS, MODELS))
    course[3] = 1.0
    assert bench().judge(claim("early_peak"), row(course))["estimate"] == 1.0
    late = np.zeros((CHECKS, MODELS))
    late[PER_EPOCH * 2 + 1] = 1.0
    assert bench().judge(claim("early_peak"), row(late))["estimate"] == 0.0
    down = -np.arange(CHECKS)[:, None] * np.ones(MODELS)
    assert bench().judge(claim("early_peak"), row(down))["estimate"] == 0.0


def test_a_rule_alarms_on_the_side_that_warns():
    low = bench().judge(claim("balanced_accuracy", alarm=-0.5), row(falling()))
    assert low["estimate"] > 0.95
    high = bench().judge(claim("balanced_accuracy", alarm=0.5), row(-falling(), risk="high"))
    assert high["estimate"] == low["estimate"]


def test_an_alarm_that_always_rings_is_worth_one_half():
    found = bench().judge(claim("balanced_accuracy", alarm=100.0), row(noise(3)))
    assert found["estimate"] == 0.5
    assert "100 %" in found["note"]


def test_precision_counts_the_models_that_alarmed():
    readings = np.zeros((CHECKS, MODELS))
    readings[ONSET - 2, [0, 3, 6, 7]] = -1.0
    found = bench().judge(claim("precision", alarm=-0.5), row(readings))
    assert found["estimate"] == 0.75
    assert (found["n"], found["events"]) == (4, 3)


def test_a_rule_that_nobody_met_is_not_judged():
    found = bench().judge(claim("precision", alarm=-50.0), row(noise(4)))
    assert found["status"] == "not judged"
    assert "No check met the rule" in found["note"]


def test_the_best_of_the_baselines_stands_beside_the_estimate():
    good, bad = row(falling(), role="baseline"), row(noise(5), role="baseline")
    found = bench(bad, good).judge(claim("auc"), row(noise(6)))
    assert found["baseline"]["estimate"] > 0.9 > found["estimate"]
    assert found["low"] < 0.5 < found["high"]


@pytest.mark.parametrize(
    ("given", "more", "status"),
    [
        (row(np.zeros((CHECKS, MODELS)), status="degenerate"), {"untestable": "out of reach"}, "degenerate"),
        (row(noise(7)), {"untestable": "out of reach"}, "untestable"),
        (row(None, status="failed"), {}, "not judged"),
    ],
)
def test_what_bars_a_claim(given: Row, more: dict[str, str], status: str):
    found = bench().judge(claim("auc", **more), given)
    assert found["status"] == status
    assert found["note"]
    assert "estimate" not in found
