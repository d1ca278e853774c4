"""Estimates and their intervals: against brute force, a planted effect, and a null."""

from __future__ import annotations

import numpy as np
import pytest

from labctl_cgt.judging import clusters
from labctl_cgt.judging.claims import unseen_alarm
from labctl_cgt.judging.clusters import Scores, weights
from labctl_cgt.judging.logistic import fit, folds, unseen_risk

MODELS, CHECKS = 60, 20


def checks(rng: np.random.Generator, effect: float, models: int = MODELS) -> Scores:
    """A third of the models collapse; each model has a level of its own, so checks are not independent."""
    model = np.repeat(np.arange(models), CHECKS)
    soon = (model % 3 == 0) & (np.tile(np.arange(CHECKS), models) >= CHECKS - 4)
    level = rng.normal(size=models)[model]
    return Scores(level + rng.normal(size=len(model)) + effect * soon, model, soon, models)


def draws(rng: np.random.Generator, resamples: int = 300, models: int = MODELS) -> np.ndarray:
    return weights(np.arange(models), models, rng, resamples)


def test_auc_is_that_of_all_pairs():
    rng = np.random.default_rng(0)
    rows = checks(rng, 1.0, models=9)
    rows = Scores(np.round(rows.risk, 1), rows.model, rows.soon, rows.models)
    pos, neg = rows.risk[rows.soon][:, None], rows.risk[~rows.soon][None, :]
    want = ((pos > neg) + 0.5 * (pos == neg)).mean()
    assert clusters.auc(rows, draws(rng, 10, 9)).value == pytest.approx(want)


def test_a_resample_weighs_models_as_if_they_were_copied():
    rng = np.random.default_rng(1)
    rows = checks(rng, 1.0, models=9)
    weight = np.array([[2.0, 0, 1, 1, 0, 3, 1, 0, 1]])
    copies = [np.flatnonzero(rows.model == m) for m in range(9) for _ in range(int(weight[0, m]))]
    take = np.concatenate(copies)
    copied = Scores(rows.risk[take], rows.model[take], rows.soon[take], 9)
    one = np.ones((1, 9))
    for estimate in (clusters.auc, clusters.recall_at):
        got = estimate(rows, weight).resampled[0]
        assert got == pytest.approx(estimate(copied, one).value)


def test_recall_by_hand():
    # 20 other checks: at 5 % one of them may alarm, so the threshold is the second largest, 18.
    risk = np.array([*range(20), 18.0, 18.5, 25.0])
    soon = np.array([False] * 20 + [True] * 3)
    rows = Scores(risk, np.arange(23), soon, 23)
    assert clusters.recall_at(rows, np.ones((1, 23))).value == pytest.approx(2 / 3)
    assert clusters.threshold_at(rows) == 18


def test_a_constant_warns_of_nothing():
    rows = checks(np.random.default_rng(2), 0.0)
    flat = Scores(np.zeros_like(rows.risk), rows.model, rows.soon, rows.models)
    one = np.ones((1, MODELS))
    assert clusters.auc(flat, one).value == 0.5
    assert clusters.recall_at(flat, one).value == 0.0


def test_a_planted_effect_is_found():
    rng = np.random.default_rng(3)
    rows, weight = checks(rng, 2.0), draws(rng)
    assert clusters.auc(rows, weight).low > 0.6
    assert clusters.recall_at(rows, weight).low > 0.05
    assert clusters.balanced_accuracy(rows, unseen_alarm(rows, folds(MODELS, rng)), weight).low > 0.5


def test_of_pure_noise_the_interval_holds_one_half_at_its_rate():
    """Nominal 95 %; with 60 models and a level per model. An interval over checks would hold it far less."""
    rng = np.random.default_rng(4)
    held = naive = 0
    for _ in range(100):
        rows = checks(rng, 0.0)
        found = clusters.auc(rows, draws(rng, 200))
        held += found.low <= 0.5 <= found.high
        lone = Scores(rows.risk, np.arange(len(rows.risk)), rows.soon, len(rows.risk))
        spread = 1.96 * np.sqrt((1 / rows.soon.sum() + 1 / (~rows.soon).sum()) / 12)
        naive += abs(clusters.auc(lone, np.ones((1, lone.models))).value - 0.5) < spread
    assert 88 <= held <= 100
    assert naive < held


def test_without_both_kinds_there_is_no_estimate():
    rows = checks(np.random.default_rng(5), 1.0)
    quiet = Scores(rows.risk, rows.model, np.zeros_like(rows.soon), rows.models)
    assert not clusters.auc(quiet, np.ones((3, MODELS))).known


def test_precision_and_balanced_accuracy_by_hand():
    soon = np.array([True, True, False, False, False, False])
    alarm = np.array([True, False, True, False, False, False])
    rows = Scores(alarm.astype(float), np.arange(6), soon, 6)
    one = np.ones((1, 6))
    assert clusters.precision(rows, alarm, one).value == 0.5
    assert clusters.balanced_accuracy(rows, alarm, one).value == pytest.approx((0.5 + 0.75) / 2)


def test_a_difference_over_the_same_resamples_is_narrower_than_two_intervals():
    rng = np.random.default_rng(6)
    rows, weight = checks(rng, 1.0), draws(rng)
    near = Scores(rows.risk + 0.1 * rng.normal(size=len(rows.risk)), rows.model, rows.soon, rows.models)
    a, b = clusters.auc(rows, weight), clusters.auc(near, weight)
    delta = clusters.difference(a, b)
    assert delta.high - delta.low < 0.3 * (a.high - a.low)


def test_logistic_regression_finds_its_coefficients():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(20_000, 2))
    p = 1 / (1 + np.exp(-(0.5 + 1.0 * x[:, 0] - 2.0 * x[:, 1])))
    beta = fit(x, rng.random(len(x)) < p, ridge=1e-6)
    assert beta == pytest.approx([0.5, 1.0, -2.0], abs=0.1)


def test_settings_that_say_nothing_foretell_nothing():
    """Were a model's own checks among those of the fit, its settings would name it."""
    rng = np.random.default_rng(8)
    model = np.repeat(np.arange(MODELS), CHECKS)
    features = rng.normal(size=(MODELS, 5))[model]
    values = []
    for _ in range(20):
        y = (rng.random(MODELS) < 0.3)[model] & (rng.random(len(model)) < 0.5)
        out = unseen_risk(features, model, y, folds(MODELS, rng))
        values.append(clusters.auc(Scores(out, model, y, MODELS), np.ones((1, MODELS))).value)
    assert abs(np.mean(values) - 0.5) < 0.08


def test_the_interval_of_none_is_not_a_point():
    weight = np.ones((5, 20))
    found = clusters.share(np.zeros(20, dtype=bool), np.arange(20), weight)
    assert found.low == 0.0
    assert found.high == pytest.approx(0.1611, abs=1e-3)
    rows = Scores(np.ones(20), np.arange(20), np.zeros(20, dtype=bool), 20)
    assert clusters.precision(rows, np.ones(20, dtype=bool), weight).high == pytest.approx(0.1611, abs=1e-3)
